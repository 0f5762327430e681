"""Labels of two tables, and the scorer that knows nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.evaluation.attributes import (
    AttributeAlone,
    attribute_words,
    label_notes,
    labelled_attributes,
    labels,
    same_label,
)
from visavox.evaluation.scoring import UndefinedScoresError


def test_labels_come_from_the_same_person_and_ages_are_bands(two_tables) -> None:
    voice, face = two_tables(3, attributes={"age": ["31", None, "old"]})
    assert labels(voice, face, "age") == ["30-39", None, None]
    assert labels(voice, face, "gender") == [None] * 3
    assert attribute_words("age") == "age band"
    assert attribute_words("gender") == "gender"


def test_attributes_with_a_usable_label_are_listed_in_order(two_tables) -> None:
    given = {"language": ["en", None], "age": ["old", "older"], "gender": ["f", "m"]}
    assert labelled_attributes(*two_tables(2, attributes=given)) == ("gender", "language")


def test_unknown_labels_are_never_the_same() -> None:
    assert same_label(["a", None, "b"], ["a", None]).tolist() == [[True, False], [False, False], [False, False]]


def test_several_attributes_are_averaged_and_the_unknown_counts_one_half(two_tables) -> None:
    given = {"gender": ["f", "f", "m"], "nationality": ["x", None, "y"]}
    scores = AttributeAlone(("gender", "nationality"))(*two_tables(3, attributes=given))
    assert scores.tolist() == [[1.0, 0.75, 0.0], [0.75, 0.75, 0.25], [0.0, 0.25, 1.0]]


def test_predicted_labels_are_taken_where_none_are_given(two_tables) -> None:
    voice, face = two_tables(2, attributes={"predicted_gender": ["f", "m"]})
    assert np.array_equal(AttributeAlone(("gender",))(voice, face), np.eye(2))
    with pytest.raises(UndefinedScoresError, match=r"^no language labels on both sides$"):
        AttributeAlone(("language",))(voice, face)


def test_footnotes_name_what_is_missing_and_what_is_guessed(two_tables) -> None:
    full = {"gender": ["f"], "nationality": ["x"], "age": ["3"], "language": ["en"]}
    assert label_notes(*two_tables(1, attributes=full)) == []
    assert label_notes(*two_tables(1, attributes={"predicted_gender": ["f"], "language": ["en"]})) == [
        "Gender is predicted here, not given.", "No labels on these people: nationality, age band.",
    ]  # fmt: skip
