"""What a user may tell a drawer: what is marked how, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from visavox.errors import ConfigError, UnknownNameError
from visavox.generation.given_conditions import attributes_given, everything_told
from visavox.generation.provenance import CONDITIONS, FROM_FACE, FROM_VOICE, GIVEN, Condition

GUIDE = np.zeros((8, 8, 3), np.uint8)
ALL: dict[str, Any] = {"age": 0.0, "gender": "male", "ethnicity": "asian", "language": "french", "guide": GUIDE}


def test_everything_given_is_marked_as_given() -> None:
    given = attributes_given(**ALL)
    assert [condition.name for condition in given] == ["age", "gender", "ethnicity", "language", "guide"]
    assert {condition.provenance for condition in given} == {GIVEN}


def test_everything_of_the_true_face_is_marked_so() -> None:
    assert {condition.provenance for condition in attributes_given(**ALL, is_true=True)} == {FROM_FACE}


def test_nothing_given_is_nothing_told_but_the_voice() -> None:
    assert attributes_given() == ()
    assert everything_told(("voice", "mel", "age"), (), who="x") == (
        Condition("voice", FROM_VOICE),
        Condition("mel", FROM_VOICE),
    )


def test_a_mark_needs_something_to_mark() -> None:
    with pytest.raises(ConfigError, match="`guide_is_true` marks what you give beside the voice"):
        attributes_given(is_true=True)


def test_a_drawer_that_takes_all_is_told_all() -> None:
    told = everything_told(CONDITIONS, attributes_given(**ALL), who="x")
    assert [condition.name for condition in told] == [
        *("voice", "windows", "mel"),
        *("age", "gender", "ethnicity", "language", "guide"),
    ]


def test_what_a_drawer_was_not_trained_with_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError) as caught:
        everything_told(("voice", "gender"), attributes_given(**ALL), who="portrait by decoder")
    assert str(caught.value) == (
        "`age`, `ethnicity`, `language`, `guide` cannot be told to portrait by decoder, which was trained with voice, "
        "gender. Leave them out, or take a model that was trained with them."
    )


def test_one_thing_is_refused_in_the_singular() -> None:
    with pytest.raises(ConfigError, match=r"Leave it out, or take a model that was trained with it\."):
        everything_told(("voice",), attributes_given(age=3.0), who="x")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Condition("hair", GIVEN, "red"), "Unknown condition 'hair'"),
        (Condition("voice", GIVEN), "`voice` comes from the voice itself"),
        (Condition("gender", GIVEN, "mail"), "Unknown gender 'mail'. Did you mean 'male'"),
        (Condition("ethnicity", GIVEN, "asia"), "Known: asian, black, indian"),
        (Condition("language", GIVEN, "klingon"), "Known: arabic, basque"),
        (Condition("age", GIVEN, 121.0), "`age` must be 0 to 120 years. Got 121.0."),
        (Condition("age", GIVEN, math.nan), "`age` must be 0 to 120 years"),
        (Condition("age", GIVEN, "30"), "`age` must be 0 to 120 years"),
        (Condition("guide", GIVEN, np.zeros((8, 9, 3), np.uint8)), r"Got (8, 9, 3) uint8"),
        (Condition("guide", GIVEN, np.zeros((8, 8, 3))), r"Got (8, 8, 3) float64"),
        (Condition("blurred_guide", GIVEN, None), r"Got () NoneType"),
    ],
)
def test_bad_conditions_are_refused(condition: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        everything_told(CONDITIONS, (condition,), who="x")
    assert said in str(caught.value)


def test_a_drawer_may_know_its_own_names() -> None:
    given = (Condition("language", GIVEN, "klingon"),)
    assert everything_told(CONDITIONS, given, who="x", known_values={"language": ("klingon",)})[-1] == given[0]
    with pytest.raises(UnknownNameError, match="Known: klingon"):
        everything_told(
            CONDITIONS, attributes_given(language="welsh"), who="x", known_values={"language": ("klingon",)}
        )


def test_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="`age` must be given once. Got it 2 times"):
        everything_told(CONDITIONS, (*attributes_given(age=3.0), *attributes_given(age=4.0)), who="x")
