"""What a request tells: the voice as trained, given values by name, anything else refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing
from visavox.generation.mel_statistics import mel_statistics
from visavox.generation.provenance import FROM_VOICE, GIVEN, Condition
from visavox.generation.told_request import told_of
from visavox.models.diffusion.conditions import ETHNICITIES, GENDERS, LANGUAGES, MAX_WINDOWS

DIM = 5
RNG = np.random.default_rng(0)
VOICE = Condition("voice", FROM_VOICE)
ALL = ("age", "gender", "ethnicity", "language", "voice", "windows", "mel", "guide", "blurred_guide")


def request(*told: Condition, n_windows: int = 3) -> DrawingRequest:
    samples = RNG.normal(0, 0.1, 32_000).astype(np.float32)
    heard = HeardForDrawing(np.arange(DIM, dtype=np.float64), RNG.normal(size=(n_windows, DIM)), samples)
    return DrawingRequest(heard, told or (VOICE,))


def test_the_voice_tells_its_vector_and_its_windows() -> None:
    asked = request()
    told = told_of(asked, ("voice", "windows"), voice_dim=DIM)
    assert told.voice.tolist() == [[0, 1, 2, 3, 4]]
    assert told.known("windows").sum() == 3
    np.testing.assert_allclose(told.windows[0, :3].numpy(), asked.heard.windows, rtol=1e-6)
    assert not told.known("mel").any()


def test_of_many_windows_some_are_told_evenly() -> None:
    asked = request(n_windows=15)
    told = told_of(asked, ("windows",), voice_dim=DIM)
    assert told.known("windows").sum() == MAX_WINDOWS
    np.testing.assert_allclose(told.windows[0, [0, -1]].numpy(), asked.heard.windows[[0, -1]], rtol=1e-6)
    assert not told.known("voice").any()


def test_mel_features_are_told_where_they_were_learned_from() -> None:
    asked = request()
    told = told_of(asked, ("voice", "mel"), voice_dim=DIM)
    assert told.known("mel").sum() == 1
    np.testing.assert_allclose(told.mel[0, 0].numpy(), mel_statistics(asked.heard.samples, 1.6)[0], rtol=1e-6)


def test_given_values_are_told_by_name() -> None:
    told = told_of(
        request(
            VOICE,
            Condition("age", GIVEN, 44),
            Condition("gender", GIVEN, "male"),
            Condition("ethnicity", GIVEN, "Middle_Eastern"),
            Condition("language", GIVEN, "spanish"),
        ),
        ALL,
        voice_dim=DIM,
    )
    assert told.age.tolist() == [44]
    assert GENDERS[int(told.gender)] == "male"
    assert ETHNICITIES[int(told.ethnicity)] == "middle eastern"
    assert LANGUAGES[int(told.language)] == "spanish"
    assert all(bool(told.known(kind).any()) for kind in ALL[:7])
    assert not told.known("guide").any()


def test_without_the_voice_nothing_of_it_is_told() -> None:
    told = told_of(request(Condition("gender", GIVEN, "female")), ALL, voice_dim=DIM)
    assert not any(told.known(kind).any() for kind in ("voice", "windows", "mel"))
    assert told.known("gender").all()


def test_guides_are_made_small() -> None:
    picture = np.full((128, 128, 3), 51, np.uint8)
    told = told_of(
        request(Condition("guide", GIVEN, picture), Condition("blurred_guide", GIVEN, picture)), ALL, voice_dim=DIM
    )
    torch.testing.assert_close(told.guide, torch.full((1, 3, 8, 8), 0.2))
    torch.testing.assert_close(told.blurred_guide, torch.full((1, 3, 16, 16), 0.2))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("age", -1, "`age` must be 0 to 120 years. Got -1"),
        ("age", "old", "`age` must be 0 to 120"),
        ("gender", "other", "`gender` must be one of female, male. Got 'other'"),
        ("ethnicity", "martian", "`ethnicity` must be one of white, black"),
        ("language", "klingon", "`language` must be one of arabic"),
        ("guide", np.zeros((8, 8)), r"`guide` must be a picture \(px, px, 3\) uint8"),
    ],
)
def test_wrong_values_are_refused_in_one_line(name: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        told_of(request(Condition(name, GIVEN, value)), ALL, voice_dim=DIM)
    assert "\n" not in str(error.value)


def test_a_condition_that_was_not_trained_with_is_refused() -> None:
    with pytest.raises(ConfigError, match="not trained with the condition 'age'. It takes: voice, windows"):
        told_of(request(VOICE, Condition("age", GIVEN, 30)), ("voice", "windows"), voice_dim=DIM)


def test_a_voice_of_another_encoder_is_refused() -> None:
    with pytest.raises(ConfigError, match="vectors of 192 numbers. Got "):
        told_of(request(), ("voice",), voice_dim=192)
