"""Bands against a slow transform, tones where they must be heard, and loudness taken away."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.models.mel import N_MELS, mel_filters
from visavox.models.voice_bands import FLOOR_BELS, N_BANDS, PITCH_BANDS_HZ, voice_bands


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(16_000 * seconds)) / 16_000).astype(np.float32)


def slow_bands(voice: np.ndarray) -> np.ndarray:
    """The same by discrete Fourier sums, frame by frame, in float64."""
    n_frames = 1 + len(voice) // 160
    filters = mel_filters(40)
    mel, pitch = np.zeros((n_frames, 40)), np.zeros((n_frames, 24))
    padded = np.concatenate([np.zeros(600), voice.astype(np.float64), np.zeros(1600)])
    for t in range(n_frames):
        for size, out in ((400, mel), (1024, pitch)):
            start = 600 + 160 * t - size // 2
            frame = padded[start : start + size] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))
            if size == 400:
                out[t] = filters @ np.abs(np.fft.rfft(frame)) ** 2
            else:
                for band, hz in enumerate(PITCH_BANDS_HZ):
                    out[t, band] = abs(np.sum(frame * np.exp(-2j * np.pi * hz * np.arange(size) / 16_000))) ** 2
    levelled = np.concatenate([part / part.sum(axis=1).mean() for part in (mel, pitch)], axis=1)
    return np.log10(np.maximum(levelled, 1e-7))


def test_bands_are_those_of_a_slow_transform() -> None:
    rng = np.random.default_rng(0)
    voice = (tone(130, 0.3) + 0.1 * rng.normal(size=4800)).astype(np.float32)
    found = voice_bands(voice)
    assert found.shape == (31, N_BANDS) and found.dtype == np.float16
    assert np.abs(found - slow_bands(voice)).max() < 0.01


@pytest.mark.parametrize("hz", [70.0, 95.0, 140.0, 205.0, 290.0, 390.0])
def test_a_tone_is_loudest_in_the_narrow_band_nearest_to_it(hz: float) -> None:
    loudest = voice_bands(tone(hz))[20:80, N_MELS:].argmax(axis=1)
    nearest = int(np.abs(np.log(PITCH_BANDS_HZ / hz)).argmin())
    assert np.abs(loudest - nearest).max() <= 1


def test_harmonics_of_a_low_voice_stand_apart() -> None:
    """The mel bands alone cannot tell them: their frames are shorter than three periods."""
    bands = voice_bands(sum(tone(100.0 * k) for k in (1, 2, 3)))[50, N_MELS:].astype(float)  # type: ignore[arg-type]
    at = {hz: bands[int(np.abs(PITCH_BANDS_HZ - hz).argmin())] for hz in (100, 150, 200, 250, 300)}
    assert min(at[100], at[200], at[300]) > max(at[150], at[250]) + 1.0  # bels


@pytest.mark.parametrize("gain", [1e-3, 0.1, 3.0])
def test_loudness_is_taken_away(gain: float) -> None:
    voice = (0.1 * np.random.default_rng(1).normal(size=8000)).astype(np.float32)
    assert np.abs(voice_bands(gain * voice).astype(float) - voice_bands(voice)).max() < 0.005


def test_the_tilt_of_the_spectrum_stays() -> None:
    noise = np.random.default_rng(2).normal(size=32_000).astype(np.float32)
    dull = np.convolve(noise, [0.5, 0.5], mode="same").astype(np.float32)
    bright, dark = (voice_bands(v).astype(float)[:, :N_MELS].mean(axis=0) for v in (noise, dull))
    assert (dark - bright)[-1] < (dark - bright)[0] - 1.0


@pytest.mark.parametrize(("n", "n_frames"), [(1, 1), (159, 1), (160, 2), (4800, 31), (64_000, 401)])
def test_there_are_a_hundred_frames_a_second_and_one_at_least(n: int, n_frames: int) -> None:
    assert voice_bands(np.ones(n, np.float32)).shape == (n_frames, N_BANDS)


def test_silence_is_at_the_floor_and_nothing_lies_below_it() -> None:
    assert (voice_bands(np.zeros(3000, np.float32)) == FLOOR_BELS).all()
    half = np.concatenate([np.zeros(8000, np.float32), tone(200, 0.5)])
    assert voice_bands(half).min() == FLOOR_BELS


def test_a_pause_and_speech_are_told_apart_and_numbers_stay_small() -> None:
    half = voice_bands(np.concatenate([np.zeros(8000, np.float32), tone(200, 0.5)])).astype(float)
    assert half[10].max() < half[75].max() - 3
    assert half.max() < 2
