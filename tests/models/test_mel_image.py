"""Mel images against a slow loop from the definition, closed forms, silence, and what must not change them."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch

from visavox.errors import DataError
from visavox.models.mel import mel_filters
from visavox.models.mel_image import HOP, N_FFT, N_FRAMES, N_MELS, TOP_DB, VOICE_SAMPLES, mel_images


def made_voice(seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * 440 * np.arange(VOICE_SAMPLES) / 16_000) * np.linspace(0, 1, VOICE_SAMPLES)
    return torch.from_numpy(0.3 * tone + 0.01 * rng.standard_normal(VOICE_SAMPLES)).float()


def slow_power(voice: list[float], frame: int, bins: range) -> list[float]:
    """Power of one frame in some bins: mirrored ends, Hann, and the sum of the definition."""
    powers = []
    taken = []
    for i in range(N_FFT):
        at = frame * HOP - N_FFT // 2 + i
        at = -at if at < 0 else at
        at = 2 * (VOICE_SAMPLES - 1) - at if at >= VOICE_SAMPLES else at
        taken.append(voice[at] * (0.5 - 0.5 * math.cos(2 * math.pi * i / N_FFT)))
    for k in bins:
        total = sum(x * cmath.exp(-2j * math.pi * k * i / N_FFT) for i, x in enumerate(taken))
        powers.append(abs(total) ** 2)
    return powers


@pytest.mark.parametrize("frame", [0, 1, 55, N_FRAMES - 1])
def test_a_column_equals_a_loop_from_the_definition(frame: int) -> None:
    voice = made_voice()
    image = mel_images(voice[None])[0, 0].double().numpy()
    weights = mel_filters(N_MELS, n_fft=N_FFT)
    loudest = np.unravel_index(image.argmax(), image.shape)
    assert image[loudest] == 1.0

    def cell(band: int, column: int) -> float:
        used = np.flatnonzero(weights[band])
        powers = slow_power(voice.tolist(), column, range(used[0], used[-1] + 1))
        return float(sum(w * p for w, p in zip(weights[band][used], powers, strict=True)))

    peak = cell(int(loudest[0]), int(loudest[1]))
    for band in (3, 20, 60):
        expected = max(0.0, 1 + 10 * math.log10(cell(band, frame) / peak) / TOP_DB)
        assert image[band, frame] == pytest.approx(expected, abs=2e-4)
    assert image[20, frame] > 0


def test_the_shape_is_the_published_one_and_values_lie_between_0_and_1() -> None:
    images = mel_images(torch.stack([made_voice(0), made_voice(1)]))
    assert images.shape == (2, 1, 128, 110)
    assert images.dtype == torch.float32
    assert float(images.max()) == 1.0 and float(images.min()) >= 0.0


def test_a_tone_is_brightest_in_its_band_and_80_db_below_it_is_black() -> None:
    time = torch.arange(VOICE_SAMPLES) / 16_000
    image = mel_images(torch.sin(2 * torch.pi * 1000 * time)[None])[0, 0]
    centres = mel_filters(N_MELS, n_fft=N_FFT) @ np.linspace(0, 8000, N_FFT // 2 + 1)
    centres /= mel_filters(N_MELS, n_fft=N_FFT).sum(axis=1)
    assert abs(centres[int(image[:, 55].argmax())] - 1000) < 30
    assert float(image[120, 55]) == 0.0


def test_ten_times_quieter_is_a_quarter_darker_where_another_part_stays_loud() -> None:
    time = torch.arange(VOICE_SAMPLES) / 16_000
    tone = torch.sin(2 * torch.pi * 1000 * time)
    tone[VOICE_SAMPLES // 2 :] *= 0.1  # 20 dB of the 80
    image = mel_images(tone[None])[0, 0]
    assert float(image[:, 20].max() - image[:, 90].max()) == pytest.approx(0.25, abs=1e-4)


def test_the_scale_of_a_voice_and_its_neighbours_in_the_batch_do_not_change_its_image() -> None:
    voice = made_voice()
    alone = mel_images(voice[None])
    beside = mel_images(torch.stack([made_voice(3) * 5, voice * 0.01]))
    torch.testing.assert_close(beside[1:], alone, atol=2e-4, rtol=0)


def test_a_shift_by_whole_hops_shifts_the_picture() -> None:
    voice = made_voice()
    shifted = mel_images(torch.roll(voice, 4 * HOP)[None])[0, 0]
    difference = shifted[:, 10:100] - mel_images(voice[None])[0, 0][:, 6:96]  # of the loudest cells: one number
    torch.testing.assert_close(difference, difference.mean().expand_as(difference), atol=1e-4, rtol=0)


@pytest.mark.parametrize("level", [0.0, 1e-12])
def test_silence_is_black_and_finite_beside_a_voice(level: float) -> None:
    images = mel_images(torch.stack([torch.full((VOICE_SAMPLES,), level), made_voice()]))
    assert torch.isfinite(images).all()
    assert float(images[0].max()) == 0.0
    assert float(images[1].max()) == 1.0


def test_another_length_and_nan_are_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"shape \(n, 56000\), 3.5 s at 16 kHz. Got \(1, 100\)"):
        mel_images(torch.zeros(1, 100))
    broken = made_voice()
    broken[7] = float("nan")
    with pytest.raises(DataError, match="must be finite"):
        mel_images(broken[None])
