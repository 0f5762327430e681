"""Levels, reaction times, double clicks and attention checks of made-up turns."""

from __future__ import annotations

import datetime

import pytest

from visavox.evaluation.human_conduct import (
    Participant,
    attention_section,
    double_click_section,
    level_section,
    reaction_section,
)
from visavox.evaluation.human_turns import Turn
from visavox.metrics.mcnemar import sign_test
from visavox.metrics.proportions import wilson_interval

GENDERS = {"a": "f", "b": "f", "m": "m"}


def turn(second: float, right: bool, *, level: int | None = None, ms: int | None = None, false: str = "b") -> Turn:
    time = datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=second)
    return Turn("p", "a", false, "a", "a" if right else false, time, level, ms)


def test_levels_have_their_own_rows() -> None:
    turns = [turn(i, i > 0, level=1, false="m") for i in range(4)] + [turn(9, False, level=5), turn(10, True)]
    section = level_section(turns, GENDERS)
    assert section is not None
    ends = wilson_interval(3, 4)
    assert section.rows[0][:5] == ("1", 4, 1, 0.0, (0.75, ends.low, ends.high))
    assert section.rows[1][:4] == ("5", 1, 1, 1.0)
    assert section.notes == ("1 turns were dealt without a level.",)
    assert level_section([turn(0, True)], GENDERS) is None


def test_quarters_go_from_the_fastest_to_the_slowest() -> None:
    """Forty answers of 1 to 40 seconds, mixed; only those below 11 s are right."""
    turns = [turn(i, s < 11, ms=1000 * s) for i, s in enumerate([*range(2, 41, 2), *range(1, 41, 2)])]
    section = reaction_section([*turns, turn(99, True)])
    assert section is not None
    assert [(row[0], row[1], row[2], row[3][0]) for row in section.rows] == [
        ("fastest quarter", "1.0–10.0", 10, 1.0), ("second", "11.0–20.0", 10, 0.0),
        ("third", "21.0–30.0", 10, 0.0), ("slowest quarter", "31.0–40.0", 10, 0.0),
    ]  # fmt: skip
    assert section.notes[0] == (
        "Median 20.5 s from the first sound to the answer: 5.5 s of right answers, 25.5 s of wrong ones."
    )
    assert section.notes[1] == "1 turns have no reaction time."
    assert reaction_section(turns[:19]) is None


@pytest.mark.parametrize("kept", [False, True])
def test_double_clicks_are_shown_in_and_out(kept: bool) -> None:
    turns = [turn(0, False), turn(1, True), turn(100, False)]
    section = double_click_section(turns, kept=kept)
    assert section is not None
    names = ["counted once", "all kept (here)"] if kept else ["counted once (here)", "all kept"]
    assert [row[0] for row in section.rows] == names
    assert [row[1] for row in section.rows] == [2, 3]
    assert section.rows[1][2][0] == pytest.approx(1 / 3)
    assert section.rows[0][-1] == sign_test(2, 0)[0]
    assert double_click_section(turns[1:], kept=kept) is None


def test_who_failed_checks_is_named() -> None:
    people = [Participant("1", 10, 10, 2, 2), Participant("2", 4, 10, 2, 1), Participant("3", 10, 10, 0, 0)]
    assert [person.attends(1.0) for person in people] == [True, False, True]
    assert people[1].attends(0.5)
    assert Participant("9", 1, 1, 3, 2).attends(2 / 3)
    section = attention_section(people, least=1.0)
    assert section is not None
    assert section.rows == (("2", 4, "1 of 2", "left out"),)
    assert section.notes[0] == "3 participants answered, 2 of them to the end. 3 of 4 attention checks are right."
    assert section.notes[1].startswith(
        "Left out are those with less than 100 % of their checks right: 1 of 3, with 4 t"
    )
    assert attention_section([], least=1.0) is None
