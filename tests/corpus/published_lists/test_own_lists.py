"""Trials of ours in the form of a published protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.corpus.items import ClipLink
from visavox.corpus.published_lists.own_lists import own_lists, published_name
from visavox.corpus.published_lists.reading import read_published
from visavox.corpus.published_lists.records import Protocol
from visavox.corpus.published_lists.writing import write_published
from visavox.corpus.trial_drawing import draw_trials
from visavox.corpus.trials import MatchingTrials, TrialSet, VerificationTrials
from visavox.errors import DataError

LINKS = [
    ClipLink(f"id9000{i}/abc-_fghij{j}/00001", f"id9000{i}", f"v{i}{j}", "mf"[i % 2], (("nationality", "UK"),))
    for i in range(6)
    for j in range(2)
]


@pytest.mark.parametrize(
    ("link", "protocol", "voice", "face"),
    [
        (ClipLink("c 1", "Ann Lee"), "sss", "Ann%20Lee/c%201.wav", "Ann%20Lee/c%201.jpg"),
        (ClipLink("id1/v/1", "id1"), "sss", "id1/v/1.wav", "id1/v/1.jpg"),
        (ClipLink("id1/v/1", "id1"), "pins", "id1/v/1.wav", "id1/1.6/v/1.jpg"),
        (ClipLink("x", "video:y/z"), "fame", "voices/video%3Ay%2Fz/x.wav", "faces/video%3Ay%2Fz/x.jpg"),
        (ClipLink("Anna/1", "Ann"), "sss", "Ann/Anna/1.wav", "Ann/Anna/1.jpg"),
    ],
)
def test_clips_are_named_by_person_and_clip(link: ClipLink, protocol: Protocol, voice: str, face: str) -> None:
    assert (published_name(link, "voice", protocol), published_name(link, "face", protocol)) == (voice, face)
    assert len(voice.split()) == 1


@pytest.mark.parametrize("protocol", ["sss", "pins", "fame"])
def test_what_we_drew_is_read_back(protocol: Protocol, tmp_path: Path) -> None:
    trials = draw_trials(LINKS, LINKS, seed=0, n_candidates=[2, 3], groups=["all", "same_gender_nationality"])
    own = own_lists(trials, LINKS, LINKS, protocol)
    write_published(tmp_path, list(own.records.values()))
    found = {record.name: record for record in read_published(protocol, tmp_path, None)}
    assert found == {record.name: record for record in own.records.values()}
    assert own.records.keys() | own.skipped.keys() == trials.lists.keys()


def test_records_hold_the_trials_that_were_drawn() -> None:
    trials = draw_trials(LINKS, LINKS, seed=0, n_candidates=[3])
    own = own_lists(trials, LINKS, LINKS, "sss", subset="val").records
    matching, drawn = own["matching_face_to_voice_all_3"], trials.lists["matching_face_to_voice_all_3"]
    assert isinstance(drawn, MatchingTrials)
    assert matching.name == "match_f2v_3_val"
    probes = [matching.probe_names[row] for row in matching.probes]  # type: ignore[union-attr]
    assert probes == [f"{clip}.jpg" for clip in drawn.probes]
    table = matching.candidates.tolist()  # type: ignore[union-attr]
    rows = [tuple(matching.candidate_names[c] for c in row) for row in table]  # type: ignore[union-attr]
    assert rows == [tuple(f"{clip}.wav" for clip in row) for row in drawn.candidates]
    assert matching.attributes["gender"] == tuple("mf"[i % 2] for i in range(6))
    pairs, listed = own["verification_voice_to_face_all"], trials.lists["verification_voice_to_face_all"]
    assert isinstance(listed, VerificationTrials)
    assert tuple(pairs.labels.tolist()) == listed.labels  # type: ignore[union-attr]


def test_fame_takes_pairs_with_the_voice_first() -> None:
    trials = draw_trials(LINKS, LINKS, seed=0, n_candidates=[2])
    own = own_lists(trials, LINKS, LINKS, "fame")
    names = {"verification_voice_to_face_all", "verification_voice_to_face_same_gender"}
    assert own.records.keys() == names
    assert {record.name for record in own.records.values()} == names
    assert all("FAME has lists of pairs only" in reason for reason in own.skipped.values())
    assert own.records["verification_voice_to_face_all"].keys[:2] == ("00000000", "00000001")  # type: ignore[union-attr]


def test_pins_needs_names_that_it_can_hold() -> None:
    links = [ClipLink(f"c{i}", f"p{i}") for i in range(4)]
    own = own_lists(draw_trials(links, links, seed=0, n_candidates=[2], groups=["all"]), links, links, "pins")
    assert "can only name files ID/VIDEO/NNNNN.wav" in own.skipped["verification_voice_to_face_all"]
    assert "pairs voices with faces" in own.skipped["verification_face_to_voice_all"]
    assert {record.name for record in own.records.values()} == {
        "matching_v2f_U",
        "matching_f2v_U",
        "wav_all_to_jpg_all",
        "jpg_all_to_wav_all",
    }


def test_reasons_of_the_drawing_are_kept() -> None:
    trials = TrialSet(0, {}, {"matching_voice_to_face_all_9": "too few people"})
    assert own_lists(trials, [], [], "sss").skipped == {"matching_voice_to_face_all_9": "too few people"}


def test_two_clips_of_one_name_are_refused() -> None:
    links = [ClipLink("Ann/x", "Ann"), ClipLink("x", "Ann"), ClipLink("y", "Bob")]
    trials = draw_trials(links, links, seed=0, n_candidates=[2], groups=["all"])
    with pytest.raises(DataError, match=r"The clips 'Ann/x' and 'x' would both be called 'Ann/x.wav' in a list of sss"):
        own_lists(trials, links, links, "sss")
