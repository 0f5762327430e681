"""Rules of every published list, with the line that breaks them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.published_lists.checks import (
    check_choices,
    check_findable,
    check_labels,
    people_of_names,
    unknown_person,
)
from visavox.corpus.published_lists.identities import Identities
from visavox.corpus.published_lists.lines import Rows
from visavox.errors import DataError

ROWS = Rows(Path("m.txt"), [["p", "a", "b", "c"], ["q", "d", "e", "f"]], np.array([3, 9]))


def test_first_candidates_of_the_probes_person_are_accepted() -> None:
    check_choices(ROWS, np.array([0, 1]), np.array([[0, 1, 2], [1, 0, 0]]))


def test_a_positive_of_another_person_is_named() -> None:
    message = r"m.txt line 9: the first candidate 'd' must be of the probe's person. It is of another than 'q'. Put"
    with pytest.raises(DataError, match=message):
        check_choices(ROWS, np.array([0, 1]), np.array([[0, 1, 2], [2, 0, 0]]))


@pytest.mark.parametrize(("people", "name"), [([0, 0, 1], "b"), ([0, 1, 0], "c")])
def test_a_negative_of_the_positives_person_is_named(people: list[int], name: str) -> None:
    message = rf"m.txt line 3: the negative '{name}' must not be of the person of the positive 'a'. Remove the line."
    with pytest.raises(DataError, match=message):
        check_choices(ROWS, np.array([0, 1]), np.array([people, [1, 1, 1]]))


def test_the_first_line_with_an_unknown_person_is_named() -> None:
    everybody = Identities(("id1",), ("A",), {}, "vox1_test.csv")
    sides = (("id1/1.wav",), ("A/1.jpg", "E/1.jpg"))
    message = r"m.txt line 9: 'E' \('E/1.jpg'\) is in no identity file \(vox1_test.csv\). Give the identity file of"
    with pytest.raises(DataError, match=message):
        people_of_names(ROWS, everybody, sides, (np.array([0, 0]), np.array([[0, 0], [0, 1]])))
    found = people_of_names(ROWS, everybody, (("id1/1.wav",), ("A/1.jpg",)), (np.array([0, 0]), np.array([0, 0])))
    assert [side.tolist() for side in found] == [[0], [0]]
    assert "--identities, or remove the line" in unknown_person("E/1.jpg", everybody)


def test_one_class_alone_is_refused() -> None:
    check_labels(Path("v.txt"), np.array([True, False]))
    with pytest.raises(DataError, match=r"v.txt: all 2 pairs are of one person, so nothing .* Add pairs of two."):
        check_labels(Path("v.txt"), np.array([True, True]))
    with pytest.raises(DataError, match=r"v.txt: all 1 pairs are of two people, .* Add pairs of one."):
        check_labels(Path("v.txt"), np.array([False]))


def test_queries_with_nobody_to_find_are_counted() -> None:
    check_findable("r.txt line 1", ("a", "b"), np.array([0, 1]), np.array([1, 1, 0]))
    message = r"r.txt line 1: the query 'b' must have somebody of its person in the gallery. 2 of 3 queries have nobody"
    with pytest.raises(DataError, match=message):
        check_findable("r.txt line 1", ("a", "b", "c"), np.array([0, 1, 2]), np.array([0, 0]))
