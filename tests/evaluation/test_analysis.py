"""All analyses in one call."""

from __future__ import annotations

import json
import time

import pytest

from visavox.evaluation.analysis import analysis_sections
from visavox.evaluation.record import Report, report_from_json, report_to_json


@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
def test_all_sections_are_made_and_go_through_json(two_tables, direction: str) -> None:
    voice, face = two_tables(40, attributes={"gender": ["f", "m"] * 20})
    sections = analysis_sections(voice, face, direction=direction, seed=0, n_resamples=50)
    assert [section.title.split(",")[0] for section in sections] == [
        "Shortcuts alone", "What is left when a shortcut is held fixed", "Errors by group", "Calibration",
        "Answering only when sure", "Open-set identification",
    ]  # fmt: skip
    report = Report("t", (), (), {}, sections=sections)
    assert report_from_json(json.loads(json.dumps(report_to_json(report), allow_nan=False))) == report
    assert analysis_sections(voice, face, direction=direction, seed=0, n_resamples=50) == sections


def test_the_scale_of_the_model_is_passed_on(two_tables) -> None:
    sections = analysis_sections(*two_tables(20), direction="voice_to_face", seed=0, n_resamples=10, match_scale=2.0)
    assert "the model's own scale, 2.00" in sections[3].text


def test_people_with_nobody_to_compete_with_are_one_section(two_tables) -> None:
    (section,) = analysis_sections(*two_tables(1), direction="voice_to_face", seed=0)
    assert (section.title, section.text) == (
        "Analyses, voice → face", "Undefined: no probe has an allowed negative.",
    )  # fmt: skip


@pytest.mark.slow
def test_a_thousand_people_take_seconds(two_tables) -> None:
    voice, face = two_tables(1000, attributes={"gender": ["f", "m"] * 500})
    start = time.process_time()
    analysis_sections(voice, face, direction="voice_to_face", seed=0)
    assert time.process_time() - start < 20
