"""The figure to remember of an identification, from the report alone."""

from __future__ import annotations

import math
from typing import Any

import pytest

from visavox.evaluation.identification_words import (
    headline_lines,
    is_identification,
    naming_headline,
    shown_words,
)
from visavox.evaluation.measures import Measure
from visavox.evaluation.record import Report


def row(value: float, group: str = "test_by_session", name: str = "sum", *, low: float = 0.9) -> Measure:
    return Measure("identification", name, group, "top_1", value, low, 0.97, 1 / 49, 950, 49)


def made(*rows: Measure, **about: Any) -> Report:
    told = {
        "best": "sum",
        "kind": "ensemble",
        "shown": ["voice", "face"],
        "n_known": 49,
        "split_by": "session",
        **about,
    }
    return Report("A test", rows, (), {"identification": told})


def test_the_headline_says_who_names_how_many_how_often() -> None:
    said = naming_headline(made(row(0.946)))
    assert said is not None
    assert said.question == ("Shown a face and a voice, the best ensemble of networks names the right one of 49 people")
    assert said.value == "94.6 %"
    assert said.lead == (
        "950 test clips of 49 people (95 % interval 90.0–97.0), split by session, so that no session is on both "
        "sides; guessing gives 2.0 %. It is sum, chosen on the validation clips."
    )


def test_the_other_split_is_said_beside_it() -> None:
    said = naming_headline(made(row(0.9), row(0.96, "test_by_clip"), other_split="clip", chosen_on="test"))
    assert said is not None
    assert said.value == "90.0 %"
    assert said.lead.endswith("It is sum, chosen on the test clips. Split by clip it is 96.0 % (90.0–97.0).")


def test_the_split_by_clip_says_what_is_wrong_with_it() -> None:
    said = naming_headline(made(row(0.9, "test_by_clip"), split_by="clip"))
    assert said is not None
    assert "split by clip, so that clips of one session are on both sides" in said.lead


def test_of_enrolled_people_nothing_was_split_or_chosen() -> None:
    said = naming_headline(made(row(0.9, "test", "both"), best="both", kind="enrolment", split_by="", n_known=25))
    assert said is not None
    assert said.question == "Shown a face and a voice, the enrolment names the right one of 25 people"
    assert "split" not in said.lead and "chosen" not in said.lead


def test_a_network_is_called_one_and_an_undefined_interval_is_left_out() -> None:
    said = naming_headline(made(row(0.9, low=math.nan), kind="fusion", shown=["face"]))
    assert said is not None
    assert said.question.startswith("Shown a face, the best network names")
    assert "interval" not in said.lead


@pytest.mark.parametrize("report", [made(row(math.nan)), made(row(0.9, name="other")), made()])
def test_without_the_figure_there_is_no_headline(report: Report) -> None:
    assert naming_headline(report) is None
    assert headline_lines(report) == []


def test_the_terminal_reads_the_same() -> None:
    report = made(row(0.946))
    lines = headline_lines(report)
    assert lines[0].endswith("names the right one of 49 people 94.6 % of the time.")
    assert lines[1].startswith("950 test clips")
    assert is_identification(report)
    other = Report("A test", (Measure("matching", "voice_to_face", "all", "auc", 0.9),), (), {})
    assert not is_identification(other) and headline_lines(other) == []


def test_what_is_shown_is_said_face_first() -> None:
    assert [shown_words(m) for m in (("voice",), ("face",), ("voice", "face"))] == [
        "a voice", "a face", "a face and a voice",
    ]  # fmt: skip
