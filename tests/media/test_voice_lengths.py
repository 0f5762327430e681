"""Tests of voices of one length: the formula against a slow loop, edges, drawn places."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.media.audio import SAMPLE_RATE
from visavox.media.voice_lengths import LENGTHS_S, fixed_length


def slow_fixed_length(voice: np.ndarray, n_wanted: int, fit: str, first: int) -> list[float]:
    """Sample by sample."""
    kept = voice[first:]
    out = []
    for place in range(n_wanted):
        if place < len(kept):
            out.append(float(kept[place]))
        else:
            out.append(float(kept[place % len(kept)]) if fit == "loop" else 0.0)
    return out


@pytest.mark.parametrize("fit", ["loop", "pad"])
@pytest.mark.parametrize(("n_samples", "first"), [(1, 0), (2, 0), (2, 1), (7, 0), (7, 6), (16, 1), (40, 0), (40, 6)])
@pytest.mark.parametrize("n_wanted", [1, 7, 16, 33])
def test_it_equals_the_slow_loop(fit: str, n_samples: int, n_wanted: int, first: int) -> None:
    voice = np.random.default_rng(n_samples).normal(size=n_samples).astype(np.float32)
    found = fixed_length(voice, n_wanted / SAMPLE_RATE, fit=fit, start_s=first / SAMPLE_RATE)  # type: ignore[arg-type]
    assert found.tolist() == slow_fixed_length(voice, n_wanted, fit, first)


@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_the_usual_lengths_are_exact_and_float32(seconds: int) -> None:
    found = fixed_length(np.ones(50_001, dtype=np.float64), seconds)
    assert found.shape == (seconds * SAMPLE_RATE,)
    assert found.dtype == np.float32


def test_looping_is_the_tile_of_numpy() -> None:
    voice = np.arange(1, 6, dtype=np.float32)
    assert np.array_equal(fixed_length(voice, 12 / SAMPLE_RATE), np.tile(voice, 3)[:12])


def test_a_voice_of_the_right_length_stays_as_it_is_and_is_a_copy() -> None:
    voice = np.arange(10, dtype=np.float32)
    found = fixed_length(voice, 10 / SAMPLE_RATE)
    found[0] = 99
    assert voice[0] == 0
    assert found[1:].tolist() == voice[1:].tolist()


def test_a_drawn_place_is_between_the_start_and_the_last_that_leaves_enough() -> None:
    voice = np.arange(20, dtype=np.float32)
    firsts = {
        int(fixed_length(voice, 5 / SAMPLE_RATE, start_s=3 / SAMPLE_RATE, rng=np.random.default_rng(seed))[0])
        for seed in range(300)
    }
    assert firsts == set(range(3, 16))


def test_a_generator_does_nothing_to_a_short_voice() -> None:
    voice = np.arange(4, dtype=np.float32)
    found = fixed_length(voice, 6 / SAMPLE_RATE, rng=np.random.default_rng(0))
    assert found.tolist() == [0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize("voice", [np.empty(0, np.float32), np.ones((2, 3), np.float32)])
def test_what_is_no_voice_is_refused(voice: np.ndarray) -> None:
    with pytest.raises(DataError, match="one sample or more"):
        fixed_length(voice, 3)


@pytest.mark.parametrize("seconds", [0, -1, 1e-6, math.nan, math.inf])
def test_a_length_below_one_sample_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigError, match="`seconds` must be one sample"):
        fixed_length(np.ones(5, np.float32), seconds)


@pytest.mark.parametrize("start_s", [-0.1, 1.0, 7.0])
def test_a_start_outside_the_voice_is_refused(start_s: float) -> None:
    with pytest.raises(ConfigError, match="`start_s` must lie inside"):
        fixed_length(np.ones(16_000, np.float32), 3, start_s=start_s)


def test_another_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="'loop' or 'pad'"):
        fixed_length(np.ones(5, np.float32), 3, fit="mirror")  # type: ignore[arg-type]
