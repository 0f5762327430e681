"""Rooms: the reverberation time that is measured is the one that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.media.degrading.base import CannotDegradeError
from visavox.media.degrading.reverberation import add_reverberation, impulse_response


def schroeder_rt60(response: np.ndarray) -> float:
    """Slope of the backward integrated energy between -5 and -35 dB (Schroeder, 1965), stretched to 60 dB."""
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    level_db = 10 * np.log10(energy / energy[0])
    part = np.flatnonzero((level_db <= -5) & (level_db >= -35))
    slope = np.polyfit(part / 16_000, level_db[part], 1)[0]
    return float(-60 / slope)


@pytest.mark.parametrize("rt60_s", [0.3, 0.6, 1.0])
def test_the_decay_is_the_one_that_was_asked_for(rt60_s: float) -> None:
    response = impulse_response(rt60_s, np.random.default_rng(0))
    assert len(response) == round(rt60_s * 16_000)
    assert schroeder_rt60(response) == pytest.approx(rt60_s, rel=0.05)


def test_direct_sound_and_echoes_have_the_same_energy() -> None:
    response = impulse_response(0.6, np.random.default_rng(4))
    assert response[0] == 1.0
    assert np.sum(response[1:] ** 2) == pytest.approx(1.0)


def test_a_click_becomes_the_response_and_loudness_stays() -> None:
    click = np.zeros(16_000, np.float32)
    click[100] = 0.5
    heard = add_reverberation(click, rt60_s=0.3, rng=np.random.default_rng(2))
    room = impulse_response(0.3, np.random.default_rng(2))
    assert heard.dtype == np.float32
    assert not np.abs(heard[:99]).max() > 1e-6
    assert np.allclose(heard[100 : 100 + len(room)], room * heard[100], atol=1e-5)
    assert np.mean(heard.astype(float) ** 2) == pytest.approx(np.mean(click.astype(float) ** 2), rel=1e-4)


def test_the_length_stays_and_the_room_changes_with_the_generator(voice: np.ndarray) -> None:
    one, two = (add_reverberation(voice, rt60_s=0.6, rng=np.random.default_rng(seed)) for seed in (0, 1))
    assert one.shape == voice.shape
    assert np.abs(one - two).max() > 0.01
    assert np.array_equal(one, add_reverberation(voice, rt60_s=0.6, rng=np.random.default_rng(0)))


def test_silence_and_times_that_are_none_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CannotDegradeError, match="the recording is silent"):
        add_reverberation(np.zeros(10, np.float32), rt60_s=0.3, rng=rng)
    for wrong in (0.0, 0.0099, float("nan")):
        with pytest.raises(ConfigError, match=r"`rt60_s` must be at least 0\.01\. Got "):
            impulse_response(wrong, rng)
    assert len(impulse_response(0.01, rng)) == 160
