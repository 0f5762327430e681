"""Recordings that are too quiet or too loud."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.media.degrading.base import CannotDegradeError
from visavox.media.degrading.loudness import clip_peaks, turn_down


def test_turning_down_is_exact_to_half_a_step_of_16_bits(voice: np.ndarray) -> None:
    for by_db in (0.0, 20.0, 60.0):
        quiet = turn_down(voice, by_db=by_db)
        assert quiet.dtype == np.float32
        assert np.abs(quiet - voice / 10 ** (by_db / 20)).max() <= 0.5 / 32768 + 1e-7
        assert np.array_equal(quiet * 32768, np.round(quiet * 32768))


def test_quantisation_eats_a_quiet_voice(voice: np.ndarray) -> None:
    quiet = turn_down(voice, by_db=60.0) * 1000
    loss_db = 10 * np.log10(np.mean(voice**2) / np.mean((quiet - voice) ** 2))
    assert 5 < loss_db < 40
    assert len(np.unique(quiet)) < 60


def test_a_voice_of_which_nothing_is_left_is_refused(voice: np.ndarray) -> None:
    with pytest.raises(CannotDegradeError, match="the recording is silent"):
        turn_down(voice, by_db=120.0)
    with pytest.raises(CannotDegradeError, match="the recording is silent"):
        clip_peaks(np.zeros(9, np.float32), over_db=6.0)


def test_clipping_raises_the_peak_by_so_much_and_cuts_it() -> None:
    ramp = np.linspace(-0.5, 0.25, 1001).astype(np.float32)
    clipped = clip_peaks(ramp, over_db=20 * np.log10(2))
    assert clipped.dtype == np.float32
    assert np.allclose(clipped, np.clip(ramp * 4, -1, 1), atol=1e-6)
    assert (clipped == -1).mean() == pytest.approx(1 / 3, abs=0.01)


def test_at_0_db_the_peak_just_reaches_full_scale(voice: np.ndarray) -> None:
    clipped = clip_peaks(voice, over_db=0.0)
    assert np.allclose(clipped, voice / np.abs(voice).max(), atol=1e-6)
    assert np.abs(clipped).max() == pytest.approx(1.0)
