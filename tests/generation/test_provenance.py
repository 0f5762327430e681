"""Where conditions come from is said everywhere, and the true face is never hidden."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.generation.provenance import (
    CONDITIONS,
    FROM_FACE,
    FROM_VOICE,
    GIVEN,
    OF_VOICE,
    Condition,
    may_leak,
    provenance_line,
)


def test_a_line_names_every_condition_with_its_provenance() -> None:
    told = (Condition("voice", FROM_VOICE), Condition("age", GIVEN, 40.0), Condition("gender", FROM_FACE, "male"))
    line = provenance_line(told)
    assert line == "voice (from voice), age = 40.0 (given by the user), gender = male (from the true face)"
    assert all(condition.name in line and condition.provenance in line for condition in told)


def test_of_nothing_told_the_line_is_empty() -> None:
    assert provenance_line(()) == ""


def test_a_picture_is_named_but_not_written_out() -> None:
    guide = Condition("guide", GIVEN, np.zeros((8, 8, 3), np.uint8))
    assert guide.as_json() == {"condition": "guide", "provenance": "given by the user"}
    assert provenance_line((guide,)) == "guide (given by the user)"


@pytest.mark.parametrize("name", CONDITIONS)
def test_whatever_comes_from_the_true_face_may_leak(name: str) -> None:
    assert may_leak((Condition("voice", FROM_VOICE), Condition(name, FROM_FACE)))
    assert not may_leak((Condition("voice", FROM_VOICE), Condition(name, GIVEN)))


def test_json_keeps_the_value() -> None:
    assert Condition("age", GIVEN, 33).as_json() == {"condition": "age", "provenance": "given by the user", "value": 33}


def test_conditions_of_the_voice_are_conditions() -> None:
    assert set(CONDITIONS) > OF_VOICE
