"""All analyses in one call."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from visavox.evaluation import analysis
from visavox.evaluation.analysis import analysis_sections, drawn_items
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


def test_too_many_pairs_are_analysed_on_drawn_people(two_tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above four million pairs every analysis was left out without a word."""
    voice, face = two_tables(60, attributes={"gender": ["f", "m"] * 30}, clips_a_person=2)
    monkeypatch.setattr(analysis, "MOST_ANALYSED", 120 * 120 - 1)
    monkeypatch.setattr(analysis, "MOST_ITEMS", 45)
    monkeypatch.setattr(analysis, "LEAST_PEOPLE", 5)
    sections = analysis_sections(voice, face, direction="voice_to_face", seed=3, n_resamples=10)
    note = (
        "Of 60 people 22 were drawn (seed 3), with 44 of 120 voices and 44 of 120 faces: more than 14,399 pairs are "
        "not analysed."
    )
    assert len(sections) == 6
    assert all(section.notes[0] == note for section in sections)
    assert sections[3].notes[1].startswith("44 true and")
    monkeypatch.setattr(analysis, "MOST_ANALYSED", 120 * 120)
    whole = analysis_sections(voice, face, direction="voice_to_face", seed=3, n_resamples=10)
    assert not any("were drawn (seed" in text for section in whole for text in section.notes)


def test_whole_people_are_drawn_by_the_seed_whatever_the_order_of_rows(two_tables, monkeypatch) -> None:
    monkeypatch.setattr(analysis, "MOST_ANALYSED", 1000)
    monkeypatch.setattr(analysis, "MOST_ITEMS", 40)
    voice, face = two_tables(40, clips_a_person=2)
    drawn = [drawn_items(voice, face, seed=seed) for seed in (0, 0, 1)]
    assert set(drawn[0][0].keys) == set(drawn[1][0].keys) != set(drawn[2][0].keys)
    for voices, faces, note in drawn:
        assert (len(voices), len(faces), len(note)) == (40, 40, 1)
        assert voices.clips == faces.clips
        assert all(voices.identities.count(person) == 2 for person in voices.identities)
    order = np.random.default_rng(0).permutation(80)
    turned = drawn_items(voice.select(order), face.select(order[::-1]), seed=0)
    assert set(turned[0].keys) == set(drawn[0][0].keys)
    assert set(turned[1].keys) == set(drawn[0][1].keys)
    assert drawn_items(voice.select(range(20)), face.select(range(50)), seed=0)[2] == ()


def test_a_person_with_very_many_clips_brings_a_part_of_them(two_tables, monkeypatch) -> None:
    monkeypatch.setattr(analysis, "MOST_ANALYSED", 100)
    monkeypatch.setattr(analysis, "MOST_ITEMS", 20)
    monkeypatch.setattr(analysis, "LEAST_PEOPLE", 4)
    voice, face = two_tables(3, clips_a_person=30)  # nobody fits whole
    voices, faces, _ = drawn_items(voice, face, seed=0)
    assert sorted(voices.identities) == ["p000"] * 5 + ["p001"] * 5 + ["p002"] * 5
    assert voices.clips == faces.clips


@pytest.mark.slow
def test_a_thousand_people_take_seconds(two_tables) -> None:
    voice, face = two_tables(1000, attributes={"gender": ["f", "m"] * 500})
    start = time.process_time()
    analysis_sections(voice, face, direction="voice_to_face", seed=0)
    assert time.process_time() - start < 20
