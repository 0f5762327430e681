"""Mean and deviation of bands, segment by segment."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.generation.mel_statistics import evenly, mel_statistics
from visavox.models.diffusion.conditions import MAX_SEGMENTS, MEL_VALUES
from visavox.models.log_mel import log_mel

RNG = np.random.default_rng(0)
VOICE = RNG.normal(0, 0.1, 60_000).astype(np.float32)


def test_a_segment_is_described_by_the_spectrum_of_itself_alone() -> None:
    found = mel_statistics(VOICE, 1.6)
    assert found.shape == (2, MEL_VALUES)
    assert found.dtype == np.float32
    bands = log_mel(VOICE[25_600:51_200])
    np.testing.assert_allclose(found[1], [*bands.mean(axis=0), *bands.std(axis=0)], rtol=1e-5)


def test_a_short_voice_is_one_segment() -> None:
    assert mel_statistics(VOICE[:8000], 1.6).shape == (1, MEL_VALUES)
    assert mel_statistics(VOICE[:3], 1.6).shape == (1, MEL_VALUES)


def test_of_a_long_voice_some_segments_are_kept() -> None:
    long = np.tile(VOICE, 6)
    found = mel_statistics(long, 1.0)
    assert found.shape == (MAX_SEGMENTS, MEL_VALUES)
    np.testing.assert_allclose(found[0], mel_statistics(long[:16_000], 1.0)[0])
    np.testing.assert_allclose(found[-1], mel_statistics(long[21 * 16_000 : 22 * 16_000], 1.0)[0], rtol=1e-5)


def test_louder_means_larger_means_and_equal_deviations() -> None:
    quiet, loud = mel_statistics(VOICE, 1.6)[0], mel_statistics(10 * VOICE, 1.6)[0]
    half = MEL_VALUES // 2
    assert (loud[:half] > quiet[:half] + 3).all()
    np.testing.assert_allclose(loud[half:], quiet[half:], atol=0.05)


def test_evenly_spread_numbers() -> None:
    assert evenly(3, 8) == [0, 1, 2]
    assert evenly(9, 3) == [0, 4, 8]
    assert evenly(100, 8)[0] == 0
    assert evenly(100, 8)[-1] == 99
    assert len(set(evenly(9, 8))) == 8


def test_an_empty_voice_is_refused() -> None:
    with pytest.raises(DataError, match="one sample or more"):
        mel_statistics(np.zeros(0, np.float32), 1.6)
