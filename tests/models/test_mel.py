"""Mel frames against librosa's frozen ones, a slow loop from the definition, and closed forms."""

from __future__ import annotations

import cmath
import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.models.mel import HOP, N_FFT, N_MELS, SAMPLE_RATE, hz_to_mel, mel_filters, mel_frames, mel_to_hz

REPOSITORY = Path(__file__).parents[2]
FREEZE = runpy.run_path(str(REPOSITORY / "scripts" / "freeze_ge2e.py"))
REFERENCE = np.load(Path(__file__).parent / "encoders" / "ge2e_reference.npz")


@pytest.mark.parametrize("name", list(FREEZE["VOICES"]))
def test_frames_equal_those_of_librosa(name: str) -> None:
    voice = FREEZE["voice"](*FREEZE["VOICES"][name])
    rows, expected = REFERENCE[f"{name}_mel_rows"], REFERENCE[f"{name}_mel"]
    frames = mel_frames(torch.from_numpy(voice), n_frames=len(voice) // HOP + 1).numpy()
    assert frames.shape == (rows[-1] + 1, N_MELS)
    np.testing.assert_allclose(frames[rows], expected, rtol=1e-4, atol=1e-9)
    assert np.ptp(expected) > 1e-4


def slow_filters() -> list[list[float]]:
    """From the words: 42 corners evenly spaced in mels, triangles of area 1."""

    def to_hz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)

    top = 15 + 27 * math.log(8) / math.log(6.4)
    corners = [to_hz(top * i / (N_MELS + 1)) for i in range(N_MELS + 2)]
    filters = []
    for band in range(N_MELS):
        low, centre, high = corners[band : band + 3]
        height = 2 / (high - low)
        row = []
        for k in range(N_FFT // 2 + 1):
            hz = k * SAMPLE_RATE / N_FFT
            if low <= hz <= centre:
                row.append(height * (hz - low) / (centre - low))
            elif centre < hz <= high:
                row.append(height * (high - hz) / (high - centre))
            else:
                row.append(0.0)
        filters.append(row)
    return filters


def test_filters_equal_a_loop_from_the_definition() -> None:
    np.testing.assert_allclose(mel_filters(), slow_filters(), rtol=1e-9, atol=1e-15)


def test_frames_equal_a_loop_from_the_definition() -> None:
    voice = np.random.default_rng(0).standard_normal(700)
    filters = slow_filters()
    result = mel_frames(torch.from_numpy(voice.astype(np.float32)), n_frames=3).numpy()
    for t in (0, 2):
        first = t * HOP - N_FFT // 2
        samples = [voice[i] if 0 <= i < len(voice) else 0.0 for i in range(first, first + N_FFT)]
        windowed = [x * (0.5 - 0.5 * math.cos(2 * math.pi * i / N_FFT)) for i, x in enumerate(samples)]
        power = [
            abs(sum(x * cmath.exp(-2j * math.pi * k * i / N_FFT) for i, x in enumerate(windowed))) ** 2
            for k in range(N_FFT // 2 + 1)
        ]
        expected = [sum(w * p for w, p in zip(row, power, strict=True)) for row in filters]
        np.testing.assert_allclose(result[t], expected, rtol=1e-4)


def test_filters_cover_areas_of_one_and_leave_no_gap() -> None:
    # Fine bins, so that the sum is the integral: the area of every triangle over Hz is 1.
    filters = mel_filters(n_fft=40_000)
    np.testing.assert_allclose(filters.sum(axis=1) * SAMPLE_RATE / 40_000, 1, rtol=1e-3)
    assert (mel_filters()[:, 1:-1].sum(axis=0) > 0).all()
    assert (mel_filters() >= 0).all()
    assert mel_filters(10, n_fft=512, sample_rate=8000).shape == (10, 257)


def test_the_scale_is_linear_then_logarithmic_and_inverts() -> None:
    hz = np.array([0.0, 20.0, 999.9, 1000.0, 1000.1, 6400.0, 8000.0])
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, rtol=1e-12)
    assert (np.diff(hz_to_mel(np.linspace(0, 8000, 1001))) > 0).all()
    np.testing.assert_allclose(np.diff(hz_to_mel(1000 * 6.4 ** (np.arange(4) / 27))), 1)


def test_power_grows_with_the_square_of_the_level() -> None:
    voice = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mel_frames(3 * voice, n_frames=20), 9 * mel_frames(voice, n_frames=20))


def test_frames_beyond_the_end_are_those_of_zeros_and_earlier_ones_do_not_change() -> None:
    voice = torch.randn(1600, generator=torch.Generator().manual_seed(0))
    few, many = mel_frames(voice, n_frames=5), mel_frames(voice, n_frames=40)
    torch.testing.assert_close(many[:5], few)
    assert many[:11].min() > 0
    assert not many[13:].any()
    torch.testing.assert_close(many, mel_frames(torch.nn.functional.pad(voice, (0, 9000)), n_frames=40))


@pytest.mark.parametrize("n_samples", [0, 1, 199, 200, 201])
def test_the_shortest_voices_have_frames(n_samples: int) -> None:
    frames = mel_frames(torch.ones(n_samples), n_frames=2)
    assert frames.shape == (2, N_MELS)
    assert torch.isfinite(frames).all()
