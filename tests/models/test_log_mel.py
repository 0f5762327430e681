"""Each front end against a plain loop written from its public description, and against what can be known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.models.log_mel import (
    Triangles,
    checked_voice,
    fbank_db,
    full_spectrum,
    htk_filters,
    hz_to_htk,
    log_mel,
    repeated,
)


def voice_of(n_samples: int = 2000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * 440 * np.arange(n_samples) / 16_000)
    return (0.3 * tone + 0.05 * rng.normal(size=n_samples)).astype(np.float32)


def plain_filter(band: int, hz: float, n_mels: int, triangles: Triangles) -> float:
    """The weight of one frequency in one band, from the three corners of its triangle."""
    top = 2595 * math.log10(1 + 8000 / 700)
    low, centre, high = (700 * (10 ** (top * (band + k) / (n_mels + 1) / 2595) - 1) for k in range(3))
    if triangles == "symmetric":
        high = 2 * centre - low
    if hz <= low or hz >= high:
        return 0.0
    return (hz - low) / (centre - low) if hz <= centre else (high - hz) / (high - centre)


def plain_power(padded: np.ndarray, n_frames: int, n_fft: int, window: np.ndarray) -> np.ndarray:
    """(frames, n_fft // 2 + 1): the window in the middle of n_fft samples, every 160."""
    full = np.zeros(n_fft)
    first = (n_fft - len(window)) // 2
    full[first : first + len(window)] = window
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft)
    return np.stack([np.abs(waves @ (padded[160 * t : 160 * t + n_fft] * full)) ** 2 for t in range(n_frames)])


def periodic(alpha: float) -> np.ndarray:
    return alpha - (1 - alpha) * np.cos(2 * np.pi * np.arange(400) / 400)


def bands_of(power: np.ndarray, n_mels: int, triangles: Triangles) -> np.ndarray:
    n_bins = power.shape[1]
    weights = [
        [plain_filter(m, 8000 * k / (n_bins - 1), n_mels, triangles) for k in range(n_bins)] for m in range(n_mels)
    ]
    return power @ np.array(weights).T


@pytest.mark.parametrize("triangles", ["corners", "symmetric"])
@pytest.mark.parametrize(("n_mels", "n_fft"), [(40, 512), (24, 400), (80, 400)])
def test_filters_are_triangles_between_corners_that_are_even_in_mels(
    triangles: Triangles, n_mels: int, n_fft: int
) -> None:
    found = htk_filters(n_mels, n_fft, triangles)
    assert found.shape == (n_mels, n_fft // 2 + 1)
    for band in range(n_mels):
        wanted = [plain_filter(band, 8000 * k / (n_fft // 2), n_mels, triangles) for k in range(n_fft // 2 + 1)]
        np.testing.assert_allclose(found[band], wanted, atol=1e-12)


def test_the_two_kinds_of_triangles_differ_above_the_centre_only() -> None:
    corners, symmetric = htk_filters(40, 512), htk_filters(40, 512, "symmetric")
    assert (corners >= symmetric - 1e-12).all()  # a band's gap above is wider than that below
    assert (corners - symmetric).max() > 0.05


def test_htk_mels_by_hand() -> None:
    assert hz_to_htk(0) == 0
    assert hz_to_htk(700) == pytest.approx(2595 * math.log10(2))
    assert hz_to_htk(8000) == pytest.approx(2840.0, abs=0.1)


@pytest.mark.parametrize(("window", "alpha"), [("hamming", 0.54), ("hann", 0.5)])
@pytest.mark.parametrize("preemphasis", [0.0, 0.97])
def test_log_mel_equals_a_plain_transform(window: str, alpha: float, preemphasis: float) -> None:
    voice = voice_of()
    x = voice.astype(np.float64) * 32768
    if preemphasis:
        x = np.array([x[0] - 0.97 * x[1], *(x[t] - 0.97 * x[t - 1] for t in range(1, len(x)))])
    padded = np.concatenate([x[256:0:-1], x, x[-2:-258:-1]])  # mirrored, the end sample itself once
    wanted = np.log(bands_of(plain_power(padded, 13, 512, periodic(alpha)), 40, "corners") + 1e-6)
    found = log_mel(voice, sample_scale=32768, preemphasis=preemphasis, window=window)  # type: ignore[arg-type]
    assert found.shape == (13, 40) and found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert np.abs(found - found.mean()).max() > 1


def test_loudness_only_shifts_the_logarithm_and_silence_is_the_floor() -> None:
    voice = voice_of()
    np.testing.assert_allclose(
        log_mel(voice, sample_scale=32768) - log_mel(voice, sample_scale=1024), 2 * math.log(32), atol=2e-3
    )
    np.testing.assert_allclose(log_mel(np.zeros(2000, np.float32)), math.log(1e-6), rtol=1e-6)


@pytest.mark.parametrize("n_mels", [24, 80])
def test_the_filter_bank_equals_a_plain_transform_in_decibels_less_its_means(n_mels: int) -> None:
    voice = voice_of(1700)
    padded = np.concatenate([np.zeros(200), voice.astype(np.float64), np.zeros(200)])
    mel = bands_of(plain_power(padded, 11, 400, periodic(0.54)), n_mels, "symmetric")
    decibels = 10 * np.log10(np.maximum(mel, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80)
    found = fbank_db(voice, n_mels=n_mels)
    assert found.shape == (11, n_mels)
    np.testing.assert_allclose(found, decibels - decibels.mean(axis=0), atol=5e-3)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)


def test_nothing_lies_more_than_80_db_below_the_loudest_band() -> None:
    voice = np.concatenate([voice_of(4000), np.zeros(12_000, np.float32)])
    found = fbank_db(voice, n_mels=24)
    silent, loud = found[60:90], found[5:15]
    assert np.ptp(silent, axis=0).max() == 0  # held by the floor
    assert (loud - silent[0]).max() == pytest.approx(80, abs=3)
    assert fbank_db(np.zeros(1600, np.float32), n_mels=24).tolist() == np.zeros((11, 24)).tolist()


def test_the_full_spectrum_equals_a_plain_transform() -> None:
    voice = voice_of(1000)
    x = voice.astype(np.float64)
    offset_free = np.zeros(1000)
    for t in range(1000):
        offset_free[t] = x[t] - (x[t - 1] if t else 0) + 0.99 * (offset_free[t - 1] if t else 0)
    emphasised = np.array([offset_free[t] - 0.97 * (offset_free[t - 1] if t else 0) for t in range(1000)])
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399)  # symmetric, unlike those above
    waves = np.exp(-2j * np.pi * np.outer(np.arange(512), np.arange(400)) / 512)
    wanted = [np.abs(waves @ (emphasised[160 * t : 160 * t + 400] * window)) for t in range(4)]
    found = full_spectrum(voice)
    assert found.shape == (4, 512) and found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    np.testing.assert_array_equal(found[:, 1:256], found[:, :256:-1])
    np.testing.assert_allclose(full_spectrum(8 * voice), 8 * found, rtol=1e-5)


def test_repeating_fills_up_and_never_cuts_a_longer_voice() -> None:
    voice = np.arange(5, dtype=np.float32)
    assert repeated(voice, 12).tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert repeated(voice, 5) is voice and repeated(voice, 3) is voice


def test_a_voice_that_is_none_is_refused_by_its_fault() -> None:
    with pytest.raises(DataError, match=r"must have shape \(samples,\), one sample or more. Got \(0,\)"):
        checked_voice(np.zeros(0, np.float32))
    with pytest.raises(DataError, match=r"Got \(2, 9\)"):
        checked_voice(np.zeros((2, 9), np.float32))
    with pytest.raises(DataError, match="A voice must be finite. Got 2 nan or infinite samples"):
        checked_voice(np.array([0, np.nan, np.inf]))
    found = checked_voice(np.ones(8)[::2])
    assert found.dtype == np.float32 and found.flags.c_contiguous
