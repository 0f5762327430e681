"""The sections: rows, words, curves, footnotes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from visavox.evaluation.differences import Difference
from visavox.evaluation.measures import Measure
from visavox.evaluation.page import further_section
from visavox.media.degrading.base import Level
from visavox.media.degrading.table import find
from visavox.pipeline.robustness.losses import QUESTIONS, LevelLosses, Loss
from visavox.pipeline.robustness.sections import (
    COLUMNS,
    degradation_section,
    question_words,
    robustness_sections,
    summary_section,
)


def at(level: Level, value: float, reasons: dict[str, int] | None = None, genders: bool = True) -> LevelLosses:
    losses = {}
    for question in QUESTIONS:
        known = genders or question[1] == "all"
        note = "" if known else "no gender labels"
        numbers = (value, value - 0.1, value + 0.1) if known else (math.nan, math.nan, math.nan)
        ours = Measure("matching", *question, *numbers, 0.5, 9, 9, note)
        clean = Measure("matching", *question, 0.9 if known else math.nan, 0.8, 1.0, 0.5, 9, 9, note)
        lost = Difference("matching", *question, value - 0.9, value - 1.0, value - 0.8, 0.01) if known else None
        losses[question] = Loss(ours, clean, lost)
    return LevelLosses(level, 9, reasons or {}, losses)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (("voice_to_face", "all", "accuracy_1_of_2"), "1:2 accuracy, voice → face, all pairs"),
        (("face_to_voice", "same_gender", "accuracy_1_of_2"), "1:2 accuracy, face → voice, same gender"),
        (("both_directions", "all", "auc"), "AUC, all pairs"),
    ],
)
def test_questions_are_said_in_the_words_of_reports(question: tuple[str, str, str], words: str) -> None:
    assert question_words(question) == words


def test_a_row_holds_value_clean_value_difference_and_counts() -> None:
    section = degradation_section(find("blur"), [at(1.0, 0.8), at(2.0, 0.6, {"broken": 2})])
    assert section.title == "Blur"
    assert section.columns == COLUMNS
    assert len(section.rows) == 2 * len(QUESTIONS)
    expected: tuple[Any, ...] = (
        "1:2 accuracy, voice → face, all pairs", "2 px", (0.6, 0.5, 0.7), 0.9,
        pytest.approx((-0.3, -0.4, -0.2)), 9, 2,
    )  # fmt: skip
    assert section.rows[1] == expected
    assert section.notes == ("2 px: 2 of 11: broken.",)
    assert "Only the faces get worse." in section.text


def test_a_level_without_clips_is_undefined_and_drawn_nowhere() -> None:
    section = degradation_section(find("length"), [LevelLosses(10.0, 0, {"it holds less speech": 9}), at(5.0, 0.8)])
    first = section.rows[0]
    assert first[1] == "10 s"
    assert math.isnan(first[2][0])  # type: ignore[index,arg-type]
    assert first[5:] == (0, 9)
    assert section.notes == ("10 s: 9 of 9: it holds less speech.",)
    assert all(curve.x == (5.0,) for curve in section.curves)


def test_curves_begin_at_the_clean_level_where_it_is_a_number() -> None:
    blur = degradation_section(find("blur"), [at(1.0, 0.8), at(2.0, 0.6)]).curves
    lines = {(c.direction, c.group): c for c in blur}
    assert set(lines) == {
        (direction, group)
        for direction in ("voice_to_face", "face_to_voice")
        for group in ("all", "same_gender", "clean, all pairs", "clean, same gender")
    }
    assert lines["voice_to_face", "all"].x == (0.0, 1.0, 2.0)
    assert lines["voice_to_face", "all"].y == (0.9, 0.8, 0.6)
    assert lines["voice_to_face", "clean, all pairs"].y == (0.9, 0.9)
    assert blur[0].name == "1:2 accuracy by standard deviation, px"
    noise = degradation_section(find("white_noise"), [at(20.0, 0.8), at(10.0, 0.6)])
    assert noise.title == "White noise (noise)"
    assert next(c for c in noise.curves if c.group == "all").x == (20.0, 10.0)
    assert [c.group for c in noise.curves][-1].startswith("clean")


def test_levels_without_order_are_not_drawn() -> None:
    section = degradation_section(find("telephone"), [at("300-3400 Hz", 0.8)])
    assert section.curves == ()
    assert section.rows[0][1] == "300-3400 Hz"


def test_questions_that_nobody_can_answer_are_left_out_with_their_reason() -> None:
    section = degradation_section(find("blur"), [at(1.0, 0.8, genders=False)])
    assert len(section.rows) == 3
    assert section.notes == (
        "Undefined (no gender labels): 1:2 accuracy, voice → face, same gender; "
        "1:2 accuracy, face → voice, same gender; AUC, same gender.",
    )


def test_the_summary_has_a_row_a_degradation_and_a_column_a_question() -> None:
    measured = [(find("blur"), [at(1.0, 0.8), at(2.0, 0.6)]), (find("jpeg"), [at(50.0, 0.9)])]
    section = summary_section(measured)
    assert section.columns[1:3] == ("voice → face, all pairs", "face → voice, all pairs")
    assert section.rows[0][:2] == ("Blur, standard deviation", "1.5 px")
    assert section.rows[1][:2] == ("JPEG, quality", "not at 50")
    sections = robustness_sections(measured)
    assert [s.title for s in sections[1:]] == ["Blur", "JPEG"]
    assert sections[0] == section


def test_the_page_draws_equal_directions_once() -> None:
    html = further_section(degradation_section(find("blur"), [at(1.0, 0.8), at(2.0, 0.6)]))
    assert html.count("<figure>") == 1
    assert "1:2 accuracy by standard deviation, px, both directions" in html
