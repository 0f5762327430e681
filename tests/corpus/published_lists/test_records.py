"""Published lists as columns: equality, lengths, and files that are not at hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.corpus.published_lists.records import (
    PublishedMatching,
    PublishedRetrieval,
    PublishedVerification,
    refuse_missing,
)
from visavox.errors import DataError

COMMON: dict[str, Any] = {
    "protocol": "sss",
    "direction": "voice_to_face",
    "group": "all",
    "people_names": ("id1", "id2"),
    "probe_names": ("id1/1.wav", "id2/1.wav"),
    "probe_people": np.array([0, 1]),
}
SIDES: dict[str, Any] = {**COMMON, "candidate_names": ("A/1.jpg", "B/1.jpg"), "candidate_people": np.array([0, 1])}


def matching() -> PublishedMatching:
    table = np.array([[0, 1], [1, 0]])
    return PublishedMatching(
        name="match", probes=np.array([0, 1]), candidates=table, lines=np.array([1, 4]), path=Path("m.txt"), **SIDES
    )


def verification() -> PublishedVerification:
    labels = np.array([True, False, True])
    return PublishedVerification(
        name="verify", probes=np.array([0, 0, 1]), candidates=np.array([0, 1, 1]), labels=labels, **SIDES
    )


def retrieval() -> PublishedRetrieval:
    return PublishedRetrieval(
        name="retrieval", gallery_names=("A/1.jpg", "B/1.jpg", "B/2.jpg"), gallery_people=np.array([0, 1, 1]), **COMMON
    )


def test_lengths_are_those_of_the_trials() -> None:
    assert (len(matching()), len(verification()), len(retrieval())) == (2, 3, 2)
    assert matching().n_candidates == 2
    assert [record.n_people for record in (matching(), verification(), retrieval())] == [2, 2, 2]


def test_equal_content_is_equal_wherever_it_was_read() -> None:
    elsewhere = dataclasses.replace(matching(), path=Path("other.txt"), lines=np.array([7, 8]))
    assert matching() == elsewhere
    assert verification() == verification()
    assert matching() != verification()
    assert matching() != "matching"


@pytest.mark.parametrize(
    "change",
    [
        {"group": "same_gender"},
        {"labels": None},
        {"labels": np.array([True, True, True])},
        {"probes": np.array([0, 1, 1])},
        {"probe_names": ("id1/1.wav", "id2/2.wav")},
        {"attributes": {"gender": ("f", "m")}},
        {"keys": ("a", "b", "c")},
    ],
)
def test_any_other_content_is_not_equal(change: dict[str, Any]) -> None:
    assert dataclasses.replace(verification(), **change) != verification()


def test_lists_are_not_hashable() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(matching())


@pytest.mark.parametrize("record", [matching(), verification(), retrieval()])
def test_files_at_hand_are_accepted(record: Any) -> None:
    refuse_missing(record, {"id1/1.wav", "id2/1.wav"}, {"A/1.jpg", "B/1.jpg", "B/2.jpg"})


def test_a_missing_probe_names_list_line_and_count() -> None:
    message = r"m.txt line 4: the probe 'id2/1.wav' is not at hand, and 0 more of 2 are not. Embed these files, or"
    with pytest.raises(DataError, match=message):
        refuse_missing(matching(), {"id1/1.wav"}, set())


def test_a_missing_candidate_names_the_first_line_with_it() -> None:
    with pytest.raises(DataError, match="m.txt line 1: the candidate 'B/1.jpg' is not at hand, and 0 more of 2"):
        refuse_missing(matching(), {"id1/1.wav", "id2/1.wav"}, {"A/1.jpg"})
    with pytest.raises(DataError, match="the candidate 'A/1.jpg' is not at hand, and 1 more of 2 are not"):
        refuse_missing(verification(), {"id1/1.wav", "id2/1.wav"}, ())


def test_a_missing_file_of_a_gallery_is_named() -> None:
    with pytest.raises(DataError, match="^retrieval: the gallery 'B/2.jpg' is not at hand, and 0 more of 3"):
        refuse_missing(retrieval(), {"id1/1.wav", "id2/1.wav"}, {"A/1.jpg", "B/1.jpg"})
