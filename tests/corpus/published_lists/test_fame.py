"""FAME lists and files of scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.published_lists.fame import is_list, read_file, submission_name, text_of, write_scores
from visavox.errors import ConfigError, DataError

Put = Callable[[str, str | bytes], Path]
TEST = "k1 voices/English/1.wav faces/English/1.jpg\nk2 voices/English/1.wav faces/English/2.jpg\n"
LABELLED = "k1 1 voices/id001/1.wav faces/id001/1.jpg\nk2 0 voices/id001/1.wav faces/id002/2.jpg\n"
WITH_PEOPLE = "k1 1 v/id001/1.wav f/id001/1.jpg id001 61\nk2 0 v/id001/1.wav f/id002/2.jpg id001 61\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("English_test.txt", True),
        ("Urdu_test.head.txt", True),
        ("verification_voice_to_face_all.txt", True),
        ("Hindi_val.txt", True),
        ("English_train.txt", False),
        ("sub_score_v1_English_test.txt", False),
        ("English_test.csv", False),
    ],
)
def test_lists_are_known_by_their_names(name: str, expected: bool) -> None:
    assert is_list(name) is expected


def test_a_test_list_has_keys_and_no_labels(put: Put) -> None:
    found = read_file(put("English_test.txt", TEST))
    assert (found.protocol, found.name, found.condition, found.group) == ("fame", "English_test", "English", "all")
    assert found.direction == "voice_to_face"
    assert found.labels is None
    assert found.keys == ("k1", "k2")
    assert found.probe_names == ("voices/English/1.wav",)
    assert found.probes.tolist() == [0, 0]
    assert found.candidates.tolist() == [0, 1]
    assert found.people_names == ()
    assert found.probe_people.tolist() == [-1]
    assert found.candidate_people.tolist() == [-1, -1]
    assert text_of(found) == TEST


def test_labels_and_people_are_read_where_they_are(put: Put) -> None:
    found = read_file(put("English_test.txt", LABELLED))
    assert found.labels is not None
    assert found.labels.tolist() == [True, False]
    assert found.people_names == ("id001", "id002")
    assert found.probe_people.tolist() == [0]
    assert found.candidate_people.tolist() == [0, 1]
    assert text_of(found) == LABELLED
    longer = read_file(put("Urdu_val.txt", WITH_PEOPLE))
    assert longer.labels is not None
    assert longer.labels.tolist() == [True, False]
    assert longer.condition == "Urdu"


def test_our_groups_are_read_from_the_name(put: Put) -> None:
    found = read_file(put("verification_voice_to_face_same_gender_age.txt", LABELLED))
    assert (found.group, found.condition) == ("same_gender_age", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEST + "k3 voices/1.wav\n", "line 3: must have 3 words, like the first line: KEY"),
        (TEST + "k3 voices/1.txt faces/1.jpg\n", r"line 3: word 2 of KEY .* must be a sound. Got 'voices/1.txt'"),
        (TEST + "k3 voices/1.wav voices/1.wav\n", "line 3: word 3 of KEY .* must be an image. Got 'voices/1.wav'"),
        (TEST + "k1 voices/1.wav faces/1.jpg\n", "line 3: the key 'k1' is there twice, so its score would be lost"),
        (LABELLED + "k3 yes v/1.wav f/1.jpg\n", "line 3: the label must be 1 or 0. Got 'yes'"),
        (LABELLED.splitlines()[0] + "\n", "all 1 pairs are of one person"),
        ("id0001/v/1.wav id0001/f/1.jpg\n", "line 1: must have 3 or 4 or 6 words"),
    ],
)
def test_what_is_wrong_names_its_line(text: str, message: str, put: Put) -> None:
    with pytest.raises(DataError, match=message):
        read_file(put("English_test.txt", text))


def test_a_list_without_keys_is_numbered(put: Put) -> None:
    found = dataclasses.replace(read_file(put("English_test.txt", LABELLED)), keys=())
    assert [line.split()[0] for line in text_of(found).splitlines()] == ["00000000", "00000001"]
    with pytest.raises(ConfigError, match="pairs voices with faces. Got face_to_voice"):
        text_of(dataclasses.replace(found, direction="face_to_voice"))
    with pytest.raises(ConfigError, match="needs the key of each pair. English_test has none"):
        write_scores("x.txt", found, [0.0, 1.0])


def test_scores_are_distances_in_the_order_of_the_list(put: Put, tmp_path: Path) -> None:
    found = read_file(put("English_test.txt", TEST))
    write_scores(tmp_path / "out" / "scores.txt", found, np.array([0.25, 1.4142135623]))
    assert (tmp_path / "out" / "scores.txt").read_bytes() == b"k1 0.250000\nk2 1.414214\n"


@pytest.mark.parametrize(
    ("distances", "message"),
    [
        ([0.5], r"one distance for each of 2 pairs. Got the shape \(1,\)"),
        ([0.5, float("nan")], "must be finite and 0 or more. Got nan for 'k2' and 0 more"),
        ([-0.5, -1.0], "Got -0.5 for 'k1' and 1 more. Give distances, not similarities"),
        ([float("inf"), 1.0], "Got inf for 'k1'"),
    ],
)
def test_what_is_no_distance_is_refused(distances: list[float], message: str, put: Put, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        write_scores(tmp_path / "scores.txt", read_file(put("English_test.txt", TEST)), distances)
    assert not (tmp_path / "scores.txt").exists()


def test_files_of_scores_are_called_as_the_challenge_wants() -> None:
    assert submission_name("v2", "Hindi", heard=True) == "sub_score_v2_Hindi_heard.txt"
    assert submission_name("v2", "Hindi", heard=False) == "sub_score_v2_Hindi_unheard.txt"
