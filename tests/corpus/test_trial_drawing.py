"""Drawing trials: the rules as properties, balance, seeds, and what cannot be drawn."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.corpus.items import ClipLink
from visavox.corpus.trial_drawing import draw_matching, draw_trials, draw_verification, list_retrieval
from visavox.corpus.trials import DIRECTIONS, MatchingTrials, RetrievalTrials, VerificationTrials
from visavox.errors import ConfigError


def corpus(n_people: int = 12, n_clips: int = 3, *, genders: bool = True) -> list[ClipLink]:
    return [
        ClipLink(f"p{i:02d}-{j}", f"p{i:02d}", f"v{i:02d}-{j // 2}", "mf"[i % 2] if genders else None)
        for i in range(n_people)
        for j in range(n_clips)
    ]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


LINKS = st.lists(
    st.builds(
        lambda clip, person, video: ClipLink(
            f"c{clip}", f"p{person}", f"v{video}" if video else None, "mf"[person % 2]
        ),
        st.integers(0, 60),
        st.integers(0, 9),
        st.integers(0, 12),
    ),
    max_size=40,
    unique_by=lambda link: link.clip,
)


@settings(max_examples=60, deadline=None)
@given(LINKS, LINKS, st.sampled_from(["all", "same_gender"]), st.integers(2, 5))
def test_every_trial_obeys_the_rules(probes: list[ClipLink], others: list[ClipLink], group: str, n: int) -> None:
    probe_of, other_of = ({link.clip: link for link in links} for links in (probes, others))
    arguments = {"direction": "voice_to_face", "rng": generator(), "group": group}
    try:
        trials = draw_matching(probes, others, n_candidates=n, **arguments)  # type: ignore[arg-type]
    except ConfigError:
        return
    for clip, (positive, *negatives) in zip(trials.probes, trials.candidates, strict=True):
        probe = probe_of[clip]
        assert len(negatives) == n - 1
        assert other_of[positive].identity == probe.identity
        people = [other_of[negative].identity for negative in negatives]
        assert probe.identity not in people
        assert len(set(people)) == n - 1
        for negative in negatives:
            assert probe.video is None or other_of[negative].video != probe.video
            assert group == "all" or other_of[negative].gender == probe.gender
    assert len(set(trials.probes)) + trials.n_skipped_probes == len(probes)


@settings(max_examples=60, deadline=None)
@given(LINKS, LINKS, st.sampled_from(["all", "same_gender"]))
def test_verification_is_balanced_for_each_probe(probes: list[ClipLink], others: list[ClipLink], group: str) -> None:
    probe_of, other_of = ({link.clip: link for link in links} for links in (probes, others))
    try:
        pairs = draw_verification(probes, others, direction="voice_to_face", rng=generator(), group=group)  # type: ignore[arg-type]
    except ConfigError:
        return
    for a, b, label in zip(pairs.probes, pairs.candidates, pairs.labels, strict=True):
        probe, other = probe_of[a], other_of[b]
        assert label is (probe.identity == other.identity)
        if not label:
            assert probe.video is None or probe.video != other.video
            assert group == "all" or probe.gender == other.gender
    counts = Counter(zip(pairs.probes, pairs.labels, strict=True))
    assert set(counts.values()) == {3}
    assert len(counts) == 2 * len(set(pairs.probes))


@settings(max_examples=8, deadline=None)
@given(st.randoms())
def test_lists_do_not_depend_on_the_order_of_rows(rng: random.Random) -> None:
    links = corpus(6)
    expected = draw_trials(links, links, seed=5, n_candidates=[2, 3])
    rng.shuffle(links)
    assert draw_trials(links, links + links[:3], seed=5, n_candidates=[2, 3]) == expected


def test_the_seed_decides() -> None:
    first, again, other = (draw_trials(corpus(), corpus(), seed=seed).lists for seed in (0, 0, 1))
    assert first == again
    name = "matching_voice_to_face_all_2"
    assert first[name] != other[name]
    assert first["retrieval_voice_to_face"] == other["retrieval_voice_to_face"]
    forth, back = first[name], first["matching_face_to_voice_all_2"]
    assert isinstance(forth, MatchingTrials)
    assert isinstance(back, MatchingTrials)
    assert forth.candidates != back.candidates  # the two directions draw their own random numbers


def test_one_more_list_leaves_the_others_as_they_are() -> None:
    few, many = (draw_trials(corpus(), corpus(), seed=0, n_candidates=n).lists for n in ([2], [4, 2]))
    assert all(many[name] == trials for name, trials in few.items())


def test_every_list_is_there_in_both_directions() -> None:
    found = draw_trials(corpus(), corpus(), seed=0, n_candidates=[2, 4])
    expected = {
        f"{kind}_{direction}{end}"
        for direction in DIRECTIONS
        for kind, end in [
            ("matching", "_all_2"),
            ("matching", "_all_4"),
            ("matching", "_same_gender_2"),
            ("matching", "_same_gender_4"),
            ("verification", "_all"),
            ("verification", "_same_gender"),
            ("retrieval", ""),
        ]
    }
    assert found.lists.keys() == expected
    assert found.skipped == {}
    matching, pairs = found.lists["matching_face_to_voice_same_gender_4"], found.lists["verification_face_to_voice_all"]
    assert isinstance(matching, MatchingTrials)
    assert (matching.direction, matching.group, matching.n_candidates) == ("face_to_voice", "same_gender", 4)
    assert isinstance(pairs, VerificationTrials)
    assert isinstance(found.lists["retrieval_face_to_voice"], RetrievalTrials)


def test_directions_use_their_own_sides() -> None:
    """Unpaired: the voices and the faces are different clips of the same people."""
    voices = [ClipLink(f"voice{i}", f"p{i}") for i in range(6)]
    faces = [ClipLink(f"face{i}", f"p{i}") for i in range(6)]
    for name, trials in draw_trials(voices, faces, seed=0, n_candidates=[2]).lists.items():
        side = "voice" if "voice_to_face" in name else "face"
        assert all(clip.startswith(side) for clip in trials.probes)


def test_without_gender_labels_same_gender_lists_are_skipped_with_the_reason() -> None:
    links = corpus(genders=False)
    found = draw_trials(links, links, seed=0, n_candidates=[2])
    assert not any("same_gender" in name for name in found.lists)
    assert len(found.skipped) == 4
    assert all("need gender labels. Got none. Give a column 'gender'" in reason for reason in found.skipped.values())


def test_people_without_a_label_are_left_out_of_same_gender_lists_only() -> None:
    links = [*corpus(4), ClipLink("x", "unlabelled")]
    same = draw_matching(links, links, direction="voice_to_face", rng=generator(), group="same_gender")
    assert "x" not in same.probes
    assert same.n_skipped_probes == 1
    assert "x" in draw_matching(links, links, direction="voice_to_face", rng=generator()).probes


def test_more_candidates_than_people_say_what_is_possible() -> None:
    links = corpus(4)
    with pytest.raises(ConfigError, match=r"No 1:5 trial \(voice_to_face, all\) .* at most 4 people, of whom"):
        draw_matching(links, links, direction="voice_to_face", rng=generator(), n_candidates=5)
    with pytest.raises(ConfigError, match="at most 2 people of one gender"):
        draw_matching(links, links, direction="voice_to_face", rng=generator(), n_candidates=3, group="same_gender")
    assert draw_matching(links, links, direction="voice_to_face", rng=generator(), n_candidates=4).n_candidates == 4


def test_a_list_too_large_is_skipped_and_the_others_are_drawn() -> None:
    found = draw_trials(corpus(4), corpus(4), seed=0, n_candidates=[2, 5])
    assert "matching_voice_to_face_all_2" in found.lists
    assert "at most 4 people" in found.skipped["matching_voice_to_face_all_5"]


@pytest.mark.parametrize("n_candidates", [1, 0, -1])
def test_fewer_than_two_candidates_are_no_choice(n_candidates: int) -> None:
    message = f"`n_candidates` must be at least 2. Got {n_candidates}"
    with pytest.raises(ConfigError, match=message):
        draw_trials(corpus(), corpus(), seed=0, n_candidates=[2, n_candidates])
    with pytest.raises(ConfigError, match=message):
        draw_matching(corpus(), corpus(), direction="voice_to_face", rng=generator(), n_candidates=n_candidates)


def test_no_trial_a_probe_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`n_per_probe` must be at least 1. Got 0"):
        draw_trials(corpus(), corpus(), seed=0, n_per_probe=0)


def test_one_person_alone_has_no_trials() -> None:
    links = corpus(1)
    found = draw_trials(links, links, seed=0)
    assert found.lists == {}
    assert "gallery is of 1 people" in found.skipped["retrieval_voice_to_face"]
    assert "no probe has a candidate" in found.skipped["verification_voice_to_face_all"]


def test_people_in_one_video_are_never_each_others_negatives() -> None:
    """Two people talk in one video: both know the room, the microphone and perhaps the face in the background."""
    links = [ClipLink("a", "Ann", "v"), ClipLink("b", "Bob", "v"), ClipLink("c", "Cy", "w")]
    trials = draw_matching(links, links, direction="voice_to_face", rng=generator(), n_per_probe=20)
    negatives = {(probe, row[1]) for probe, row in zip(trials.probes, trials.candidates, strict=True)}
    assert negatives == {("a", "c"), ("b", "c"), ("c", "a"), ("c", "b")}


def test_a_person_with_many_clips_is_not_met_more_often() -> None:
    links = [ClipLink(f"x{i}", f"x{i}") for i in range(4)] + [ClipLink(f"y{i}", "y") for i in range(96)]
    probe = [ClipLink("x0", "x0")]
    trials = draw_matching(probe, links, direction="voice_to_face", rng=generator(), n_per_probe=2000)
    met = Counter("y" if row[1].startswith("y") else row[1] for row in trials.candidates)
    assert met.keys() == {"x1", "x2", "x3", "y"}
    assert all(400 < count < 600 for count in met.values())


def test_positives_and_negatives_are_drawn_from_all_clips_of_a_person() -> None:
    links = corpus(3, 4)
    trials = draw_matching(links, links, direction="voice_to_face", rng=generator(), n_per_probe=100)
    positives = {row[0] for probe, row in zip(trials.probes, trials.candidates, strict=True) if probe == "p00-0"}
    negatives = {row[1] for probe, row in zip(trials.probes, trials.candidates, strict=True) if probe == "p00-0"}
    assert positives == {f"p00-{j}" for j in range(4)}
    assert negatives == {f"p{i:02d}-{j}" for i in (1, 2) for j in range(4)}


def test_retrieval_lists_probes_that_have_somebody_to_find() -> None:
    voices = [ClipLink("a", "Ann"), ClipLink("z", "Zoe")]
    faces = [ClipLink("f2", "Bob"), ClipLink("f1", "Ann"), ClipLink("f1", "Ann")]
    found = list_retrieval(voices, faces, direction="voice_to_face")
    assert found == RetrievalTrials("voice_to_face", ("a",), ("f1", "f2"), n_skipped_probes=1)
    with pytest.raises(ConfigError, match="0 of 1 probes are among them"):
        list_retrieval(voices[1:], faces, direction="voice_to_face")


def test_every_probe_is_used_equally_often_and_negatives_evenly() -> None:
    links = corpus(9, 4)
    trials = draw_matching(links, links, direction="voice_to_face", rng=generator(), n_candidates=4)
    assert set(Counter(trials.probes).values()) == {3}
    clips = Counter(clip for row in trials.candidates for clip in row[1:])
    people = Counter(clip[:3] for row in trials.candidates for clip in row[1:])
    assert max(people.values()) - min(people.values()) <= 2
    assert max(clips.values()) - min(clips.values()) <= 2
    assert set(Counter(row[0] for row in trials.candidates).values()) == {3}


def test_groups_are_drawn_as_asked_and_unknown_ones_refused() -> None:
    links = [
        ClipLink(f"p{i}", f"p{i}", None, "mf"[i % 2], (("language", "ab"[i // 2 % 2]), ("nationality", "UK")))
        for i in range(12)
    ]
    found = draw_trials(links, links, seed=0, n_candidates=[3], groups=["same_gender_language", "same_nationality"])
    assert {one.group for one in found.lists.values()} == {"same_gender_language", "same_nationality", "all"}
    trials = found.lists["matching_voice_to_face_same_gender_language_3"]
    assert isinstance(trials, MatchingTrials)
    stratum = {link.clip: (link.gender, link.attribute("language")) for link in links}
    for probe, row in zip(trials.probes, trials.candidates, strict=True):
        assert {stratum[clip] for clip in row} == {stratum[probe]}
    with pytest.raises(ConfigError, match="Got 'same_sex'"):
        draw_trials(links, links, seed=0, groups=["same_sex"])


def test_joint_strata_name_every_label_that_lacks() -> None:
    message = (
        "Same-gender-age trials need gender and age labels. Got none. Give a column 'gender' and 'age' in clips.csv."
    )
    with pytest.raises(ConfigError, match=message):
        draw_matching(corpus(), corpus(), direction="voice_to_face", rng=generator(), group="same_gender_age")


def test_hard_negatives_go_by_the_candidates_modality() -> None:
    """Voices and faces name different nearest people; the faces' count where faces are the candidates."""
    links = corpus(30, 1, genders=False)
    people = [link.identity for link in links]
    ahead = {p: [people[(i + k) % 30] for k in range(1, 30)] for i, p in enumerate(people)}
    behind = {p: [people[(i - k) % 30] for k in range(1, 30)] for i, p in enumerate(people)}
    found = draw_trials(links, links, seed=0, n_candidates=[2], neighbours={"face": ahead, "voice": behind})
    for direction, sign in (("voice_to_face", 1), ("face_to_voice", -1)):
        for name in (f"matching_{direction}_all_2", f"verification_{direction}_all"):
            trials = found.lists[name]
            assert not isinstance(trials, RetrievalTrials)
            for probe, row in zip(trials.probes, trials.candidates, strict=True):
                other = row if isinstance(row, str) else row[1]
                assert sign * (int(other[1:3]) - int(probe[1:3])) % 30 <= 10
