"""Shortcuts alone, and what is left without them."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.evaluation.contest import build_contest
from visavox.evaluation.shortcuts import shortcut_sections
from visavox.evaluation.subset_accuracy import Bench

N = 80
GENDERS = ["f", "m"] * (N // 2)


def sections(two_tables, *, push: float = 0.0, noise: float = 1.0, recordings=None, direction="voice_to_face", **more):
    attributes = more.pop("attributes", {"gender": GENDERS})
    shift = np.zeros((N, 16))
    shift[:, 0] = push * (np.array(GENDERS) == "f")
    voice, face = two_tables(N, attributes=attributes, push=shift, noise=noise, **more)
    contest = build_contest(voice, face, direction=direction)
    bench = Bench(contest, n_resamples=50, seed=0)
    return shortcut_sections(voice, face, contest, bench, seed=0, recordings=recordings)


def rows(section):
    return {row[0]: row[1:] for row in section.rows}


def test_gender_alone_gets_three_quarters_and_nothing_is_left_of_a_model_of_gender(two_tables) -> None:
    alone, fixed = sections(two_tables, push=40.0, noise=4.0)
    assert rows(alone)["gender alone"][0][0] == pytest.approx((39 * 0.5 + 40) / 79, abs=1e-9)
    model = rows(alone)["this model"][0][0]
    assert model > 0.7
    assert rows(fixed)["nothing"][0][0] == model
    assert rows(fixed)["nothing"][1] == 1.0
    value, low, high = rows(fixed)["gender"][0]
    assert low < 0.6 and 0.4 < value < 0.62 and value < high
    assert rows(fixed)["gender"][1] == pytest.approx((value - 0.5) / (model - 0.5))
    assert rows(fixed)["gender"][3:] == (N, N)
    assert alone.title == "Shortcuts alone, voice → face"
    assert fixed.title == "What is left when a shortcut is held fixed, voice → face"


def test_a_model_of_the_person_keeps_what_it_knows(two_tables) -> None:
    _, fixed = sections(two_tables, noise=0.5)
    assert rows(fixed)["gender"][1] > 0.9


def test_all_attributes_are_held_fixed_together_and_missing_ones_are_named(two_tables) -> None:
    given = {"gender": GENDERS, "nationality": (["x"] * 4 + ["y"] * 4) * (N // 8)}
    alone, fixed = sections(two_tables, attributes=given)
    assert [row[0] for row in alone.rows] == [
        "gender alone", "nationality alone", "all of these together", "this model",
    ]  # fmt: skip
    both = rows(alone)["all of these together"][0][0]
    assert both == pytest.approx((19 * 0.5 + 60) / 79, abs=1e-9)  # 20 people of each of four kinds
    assert [row[0] for row in fixed.rows] == ["nothing", "gender", "nationality", "gender, nationality"]
    assert "No labels on these people: age band, language." in alone.notes
    assert "No labels on these people: age band, language." in fixed.notes
    assert "The recording alone: no recording figures are known." in alone.notes


def test_the_recording_is_scored_alone_and_held_fixed(two_tables) -> None:
    light = np.random.default_rng(5).normal(size=N)
    known = {f"p{i:03d}-0/{m}": {"figure": light[i]} for i in range(N) for m in ("voice", "face")}
    push = np.zeros((N, 16))
    push[:, 3] = 8 * light
    voice, face = two_tables(N, push=push, noise=3.0)
    contest = build_contest(voice, face, direction="face_to_voice")
    bench = Bench(contest, n_resamples=50, seed=0)
    alone, fixed = shortcut_sections(voice, face, contest, bench, seed=0, recordings=known)
    assert rows(alone)["the recording alone"][0][0] > 0.7
    assert rows(fixed)["the recording"][1] < 0.8
    assert any(
        note.startswith("The recording held fixed: of the negatives of each probe the 10 %") for note in fixed.notes
    )
    assert alone.title.endswith("face → voice")


def test_a_second_video_takes_the_recording_out(two_tables) -> None:
    _, fixed = sections(two_tables)
    assert "another recording" not in rows(fixed)
    assert any("nobody has a second video here" in note for note in fixed.notes)
    attributes = {"gender": GENDERS}
    voice, face = two_tables(N, attributes=attributes, clips_a_person=2)
    contest = build_contest(voice, face, direction="voice_to_face")
    _, fixed = shortcut_sections(voice, face, contest, Bench(contest, n_resamples=50, seed=0), seed=0)
    found = rows(fixed)["another recording"]
    assert found[0][0] > 0.6
    assert found[2:] == ("", 2 * N, N)


def test_without_labels_there_is_the_model_alone(two_tables) -> None:
    alone, fixed = sections(two_tables, attributes={})
    assert [row[0] for row in alone.rows] == ["this model"]
    assert [row[0] for row in fixed.rows] == ["nothing"]
