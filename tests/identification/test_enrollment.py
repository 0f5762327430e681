"""Enrolment: settings, trials and strangers against loops, and what is said where little can be learned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.identification import enrollment
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.enrollment import (
    ASSUMED_DISTANCE,
    EnrollmentSettings,
    align,
    assumed_fusion,
    fit_fusions,
    learn,
    likeness_of,
    stranger_scores,
    trials,
)
from visavox.identification.held_out import HeldOut, Plan
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import Fusion, fit_fusion

MakeSamples = Callable[..., Samples]
NAN = np.nan


@pytest.mark.parametrize(
    ("backend", "voice", "face"),
    [
        ("auto", "auto", "auto"),
        ("plda", {"name": "plda"}, {"name": "plda"}),
        ({"name": "plda", "within": 0.5}, {"name": "plda", "within": 0.5}, {"name": "plda", "within": 0.5}),
        ({"voice": "plda"}, {"name": "plda"}, "auto"),
        ({"voice": {"name": "logistic", "penalty": 2.0}, "face": "cosine"}, {"name": "logistic", "penalty": 2.0}, None),
    ],
)
def test_a_backend_is_given_for_both_modalities_or_each(backend: Any, voice: Any, face: Any) -> None:
    settings = EnrollmentSettings(backend=backend)
    assert settings.specs("voice") == voice
    assert settings.specs("face") == (face or {"name": "cosine"})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"false_accept": 0.0}, r"^`false_accept` must be above 0 and at most 1\. Got 0\.0\.$"),
        ({"false_accept": 1.5}, "Got 1.5"),
        ({"p_stranger": 1.0}, r"^`p_stranger` must lie between 0 and 1\. Got 1\.0\.$"),
        ({"p_stranger": float("nan")}, "Got nan"),
        ({"backend": "cosin"}, r"Unknown back-end 'cosin'\. Did you mean 'cosine'\? Known: cosine, logistic, plda"),
        ({"backend": {"name": "plda", "within": 2.0}}, "`within` of the back-end 'plda' must lie between 0 and 1"),
        ({"backend": {"voices": "plda"}}, r"^`backend` takes a name, or voice: and face:\. Got 'voices'\.$"),
        ({"backend": {"face": {"name": "cosine", "x": 1}}}, "takes no 'x'"),
    ],
)
def test_settings_are_checked_before_anything_is_learned(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        EnrollmentSettings(**settings)
    assert "\n" not in str(caught.value)


def held(seed: int, clips: str, owners: list[int], *, lacking: int | None = None) -> HeldOut:
    """Scores of clips against four people; `lacking` has no row at all."""
    rng = np.random.default_rng(seed)
    owned = np.array(owners)
    known = (rng.normal(size=(len(owners), 4)) + 2 * np.eye(4)[owned]).astype(np.float32)
    unknown = np.where(np.eye(4)[owned] > 0, NAN, rng.normal(size=known.shape)).astype(np.float32)
    if lacking is not None:
        known[:, lacking] = unknown[:, lacking] = NAN
    return HeldOut(tuple(clips), owned, known, unknown)


def both() -> dict[str, HeldOut]:
    return {
        "voice": held(0, "abcdefgh", [0, 0, 1, 1, 2, 2, 3, 3], lacking=2),
        "face": held(1, "hgfexdba", [3, 3, 2, 2, 1, 1, 0, 0]),
    }


def test_aligned_clips_are_those_of_every_modality() -> None:
    found, owners, clips = align(both(), ("voice", "face"))  # type: ignore[arg-type]
    assert clips == tuple("abdefgh")
    assert owners.tolist() == [0, 0, 1, 2, 2, 3, 3]
    for modality, part in both().items():
        rows = [part.clips.index(clip) for clip in clips]
        np.testing.assert_array_equal(found[modality][0], part.known[rows])  # type: ignore[index]
        np.testing.assert_array_equal(found[modality][1], part.unknown[rows])  # type: ignore[index]


@pytest.mark.parametrize("combination", [("voice",), ("face",), ("voice", "face")])
def test_trials_are_own_scores_as_enrolled_and_other_scores_as_a_stranger(combination: tuple[str, ...]) -> None:
    parts = both()
    expected = []
    for clip in parts[combination[0]].clips:
        if not all(clip in parts[m].clips for m in combination):
            continue
        rows = {m: parts[m].clips.index(clip) for m in combination}
        own = int(parts[combination[0]].owners[rows[combination[0]]])
        for p in range(4):
            tables = {m: parts[m].known if p == own else parts[m].unknown for m in combination}
            scores = [float(tables[m][rows[m], p]) for m in combination]
            if np.isfinite(scores).all():
                expected.append((p == own, *scores))
    found, same = trials(parts, combination)  # type: ignore[arg-type]
    got = list(zip(same.tolist(), *(found[m].tolist() for m in combination), strict=True))  # type: ignore[index]
    assert sorted(got) == sorted(expected)
    assert 0 < same.sum() < len(same)


def test_of_many_false_trials_evenly_spaced_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, same = trials(both(), ("face",))  # type: ignore[arg-type]
    monkeypatch.setattr(enrollment, "MAX_FALSE_TRIALS", 6)
    fewer, of_fewer = trials(both(), ("face",))  # type: ignore[arg-type]
    assert (of_fewer.sum(), (~of_fewer).sum()) == (same.sum(), 5)
    assert fewer["face"][~of_fewer].tolist() == whole["face"][~same][::5].tolist()


def test_each_combination_has_the_fusion_of_its_own_trials() -> None:
    fusions, notes = fit_fusions(both())  # type: ignore[arg-type]
    assert notes == ()
    assert list(fusions) == [("voice",), ("face",), ("voice", "face")]
    for combination, fusion in fusions.items():
        assert fusion == fit_fusion(*trials(both(), combination))  # type: ignore[arg-type]
    assert list(fit_fusions({"face": both()["face"]})[0]) == [("face",)]


def test_without_a_clip_of_both_modalities_their_ratios_add() -> None:
    apart = {"voice": held(0, "abcd", [0, 1, 2, 3]), "face": held(1, "wxyz", [0, 1, 2, 3])}
    fusions, notes = fit_fusions(apart)  # type: ignore[arg-type]
    scores = {"voice": np.array([0.3, 2.0]), "face": np.array([-1.0, 4.0])}
    each = [fusions[(m,)].ratios(scores) for m in ("voice", "face")]  # type: ignore[index,arg-type]
    np.testing.assert_allclose(fusions[("voice", "face")].ratios(scores), sum(each), rtol=1e-12)  # type: ignore[arg-type]
    assert notes == ()


def test_an_assumed_fusion_is_the_ratio_of_two_normal_distributions() -> None:
    scores = np.array([1.0, 3.0, 2.0, 6.0])
    centre, width = scores.mean(), scores.std()
    asked = np.array([-2.0, 3.0, 9.0])
    apart = centre + ASSUMED_DISTANCE * width
    expected = ((asked - centre) ** 2 - (asked - apart) ** 2) / (2 * width**2)
    fusion = assumed_fusion("face", scores)
    np.testing.assert_allclose(fusion.ratios({"face": asked}), expected, rtol=1e-12)
    # Halfway between both nothing is said.
    assert fusion.ratios({"face": np.array(centre + 2 * width)}) == pytest.approx(0)


def test_an_assumed_fusion_of_no_spread_is_the_score_above_it() -> None:
    assert assumed_fusion("voice", np.empty(0)) == Fusion({"voice": 1.0}, 0.0)
    assert assumed_fusion("voice", np.array([0.5])) == Fusion({"voice": 1.0}, -0.5)
    assert assumed_fusion("voice", np.array([2.0, 2.0])) == Fusion({"voice": 1.0}, -2.0)


FUSIONS = {("voice",): Fusion({"voice": 2.0}, 1.0), ("face",): Fusion({"face": 3.0}, 0.0),
           ("voice", "face"): Fusion({"voice": 1.0, "face": 5.0}, -1.0)}  # fmt: skip
DEALT = Plan(("Ann", "Bob", "Cid", "Dan"), {}, np.arange(4), 2)


def test_strangers_are_as_convincing_as_the_greatest_ratio_against_others() -> None:
    part = both()["face"]
    found = stranger_scores(both(), FUSIONS, ("face",), DEALT)  # type: ignore[arg-type]
    expected = {clip: 3 * np.nanmax(row) for clip, row in zip(part.clips, part.unknown, strict=True)}
    assert dict(zip(found.clips, found.scores, strict=True)) == pytest.approx(expected, rel=1e-5)
    assert [DEALT.names[part.owners[part.clips.index(clip)]] for clip in found.clips] == list(found.owners)


def test_strangers_with_both_ask_those_who_lack_one_by_the_other() -> None:
    parts = both()
    found = stranger_scores(parts, FUSIONS, ("voice", "face"), DEALT)  # type: ignore[arg-type]
    for clip, best in zip(found.clips, found.scores, strict=True):
        voice, face = (part.unknown[part.clips.index(clip)].astype(float) for part in parts.values())
        ratios = [3 * f if np.isnan(v) else v + 5 * f - 1 for v, f in zip(voice, face, strict=True)]
        assert best == pytest.approx(np.nanmax(ratios), rel=1e-5)
    assert sorted(found.clips) == list("abdefgh")


def test_names_of_one_person_are_no_strangers_to_each_other() -> None:
    part = held(3, "ab", [0, 1])
    part.unknown[:] = [[NAN, 9, 2, 1], [8, NAN, 1, 3]]
    plain = stranger_scores({"face": part}, FUSIONS, ("face",), DEALT)  # type: ignore[arg-type]
    alike = stranger_scores({"face": part}, FUSIONS, ("face",), DEALT, alike=[("Ann", "Bob")])  # type: ignore[arg-type]
    assert plain.scores.tolist() == [24, 27]
    assert (alike.scores.tolist(), alike.owners) == ([6, 9], ("Ann", "Bob"))


def test_nobody_at_all_is_one_line(make_samples: MakeSamples) -> None:
    for samples in ({}, {"voice": make_samples(3, 2).select([])}):
        with pytest.raises(DataError) as caught:
            learn(samples, EnrollmentSettings(), seed=0)  # type: ignore[arg-type]
        assert str(caught.value) == (
            "There is nobody to enrol: no voice and no face could be used. Give clips with people in them."
        )


def test_learning_leaves_a_channel_a_fusion_and_strangers_for_what_there_is(make_samples: MakeSamples) -> None:
    voices, faces = make_samples(5, 2), make_samples(5, 2, modality="face", dim=7)
    learned = learn({"face": faces, "voice": voices}, EnrollmentSettings(backend="cosine"), seed=0)
    assert (list(learned.channels), learned.names) == (["voice", "face"], ("p0", "p1", "p2", "p3", "p4"))
    assert set(learned.fusions) == set(learned.strangers) == {("voice",), ("face",), ("voice", "face")}
    assert all(len(found) == 10 for found in learned.strangers.values())
    alone = learn({"face": faces, "voice": voices.select([])}, EnrollmentSettings(), seed=0)
    assert (list(alone.channels), list(alone.fusions)) == (["face"], [("face",)])


def test_the_same_seed_learns_the_same(make_samples: MakeSamples) -> None:
    samples = {"voice": make_samples(20, 2, noise=1.0)}
    one, same, other = (learn(samples, EnrollmentSettings(backend="cosine"), seed=seed) for seed in (1, 1, 2))  # type: ignore[arg-type]
    np.testing.assert_array_equal(one.strangers[("voice",)].scores, same.strangers[("voice",)].scores)
    assert one.fusions == same.fusions
    assert one.fusions != other.fusions


def test_a_backend_that_was_asked_for_is_taken_and_auto_chooses_inside(make_samples: MakeSamples, spy: type) -> None:
    samples = {"voice": make_samples(8, 2), "face": make_samples(8, 2, modality="face")}
    settings = EnrollmentSettings(backend={"voice": "spy", "face": "auto"})
    learned = learn(samples, settings, seed=0)  # type: ignore[arg-type]
    assert learned.channels["voice"].backend.name == "spy"
    assert learned.channels["face"].backend.name in ("cosine", "plda")
    # What the choice and the calibration rest on was learned without whoever asked: all but the last, which is kept.
    assert max(len(seen.learned) for seen in spy.seen[:-1]) < 16  # type: ignore[attr-defined]


def test_where_nobody_has_two_clips_likeness_is_assumed_and_said(make_samples: MakeSamples) -> None:
    learned = learn({"voice": make_samples(6, 1)}, EnrollmentSettings(), seed=0)
    assert learned.notes == (
        "Nobody has two voices of different clips, and somebody else beside them, so how alike two voices of one "
        "person are is assumed: probabilities are rough.",
    )
    scores, same = trials(learned.held_out, ("voice",))
    assert (len(same), same.any()) == (30, False)
    assert learned.fusions[("voice",)] == assumed_fusion("voice", scores["voice"])
    assert len(learned.strangers[("voice",)]) == 6


def test_with_many_people_nothing_is_compared(make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrollment, "MANY_PEOPLE", 9)
    learned = learn({"voice": make_samples(10, 2)}, EnrollmentSettings(), seed=0)
    assert learned.channels["voice"].backend.spec == {"name": "cosine", "centred": True}
    assert len(learned.held_out["voice"].clips) == 9
    assert learned.alike == ()


def test_two_names_with_one_face_are_said_however_unlike_their_voices_are(make_samples: MakeSamples) -> None:
    """The sum of both hid it: of people under two names, one in each session, half were not said."""
    face = make_samples(12, 6, noise=0.3)
    split = ["again" if p == "p4" and c[-1] in "024" else p for p, c in zip(face.people, face.clips, strict=True)]
    unlike = np.random.default_rng(3).normal(size=face.vectors.shape).astype(np.float32)
    own = np.array([name in ("again", "p4") for name in split])[:, None]
    vectors = np.where(own, unlike * np.where(np.array(split)[:, None] == "again", -1, 1), face.vectors)
    voice = dataclasses.replace(face, modality="voice", vectors=vectors.astype(np.float32)).renamed(split)
    face = dataclasses.replace(face, modality="face").renamed(split)
    assert likeness_of({"voice": voice, "face": face}, seed=0) == (("again", "p4"),)
    assert likeness_of({"voice": voice}, seed=0) == ()


@pytest.mark.parametrize("backend", ["auto", "cosine"])
@pytest.mark.parametrize("n_people", [2, 3, 4])
def test_few_people_are_named_with_probabilities_that_can_be_believed(
    make_samples: MakeSamples, n_people: int, backend: str
) -> None:
    """Each of three was a stranger with 100 %: scores were calibrated before, and compared after, centring."""
    part = make_samples(n_people, 4, noise=0.3)
    shared = 2 * np.abs(part.vectors).max()  # as embeddings have: all lie to one side
    part = dataclasses.replace(part, vectors=(part.vectors + shared).astype(np.float32))
    people = EnrolledPeople.enroll({"voice": part}, settings=EnrollmentSettings(backend=backend, false_accept=0.2))
    for vector, name in zip(part.vectors, part.people, strict=True):
        found = people.identify({"voice": vector}, top=1)
        assert (found.name, found.ranked[0].probability > 0.5) == (name, True)
