"""Tests of spectrograms: every form against a Fourier transform written as a loop, shapes, ranges."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.models.mel import mel_filters
from visavox.models.spectrogram import BLOCK_FRAMES, FORMS, LEAST_POWER, Form, SpectrogramSettings, spectrogram

SMALL = {"window": 12, "stride": 5, "n_fft": 16, "power": 0.3, "bands": 3}


def slow_spectrum(voice: np.ndarray, settings: SpectrogramSettings) -> list[list[complex]]:
    """S(t, f) of the module's formula, term by term."""
    frames, first = [], 0
    while first + settings.window <= len(voice):
        row = []
        for f in range(settings.n_fft // 2 + 1):
            total = 0j
            for n in range(settings.window):
                hann = 0.5 - 0.5 * math.cos(2 * math.pi * n / settings.window)
                total += hann * float(voice[first + n]) * cmath.exp(-2j * math.pi * f * n / settings.n_fft)
            row.append(total)
        frames.append(row)
        first += settings.stride
    return frames


def slow_form(spectrum: list[list[complex]], settings: SpectrogramSettings) -> np.ndarray:
    def compress(x: float) -> float:
        return math.copysign(abs(x) ** settings.power, x)

    if settings.form == "log_mel":
        filters = mel_filters(settings.bands, n_fft=settings.n_fft)
        return np.array(
            [
                [
                    math.log(sum(w * abs(s) ** 2 for w, s in zip(band, row, strict=True)) + LEAST_POWER)
                    for band in filters
                ]
                for row in spectrum
            ]
        )
    cell = {
        "real_imaginary": lambda s: [compress(s.real), compress(s.imag)],
        "magnitude_phase": lambda s: [abs(s) ** settings.power, cmath.phase(s)],
        "magnitude": lambda s: abs(s) ** settings.power,
    }[settings.form]
    return np.array([[cell(s) for s in row] for row in spectrum])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_equals_the_slow_loop(form: Form) -> None:
    voice = np.random.default_rng(0).normal(size=61).astype(np.float32)
    settings = SpectrogramSettings(form=form, **SMALL)
    found = spectrogram(voice, settings)
    wanted = slow_form(slow_spectrum(voice, settings), settings)
    if form == "magnitude_phase":  # an angle of +pi and one of -pi are one
        assert np.allclose(np.cos(found[..., 1]), np.cos(wanted[..., 1]), atol=1e-4)
        assert np.allclose(np.sin(found[..., 1]), np.sin(wanted[..., 1]), atol=1e-4)
        found, wanted = found[..., 0], wanted[..., 0]
    # Numbers next to zero are magnified by the power law, and differ in their rounding.
    assert np.allclose(found, wanted, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_six_seconds_give_598_frames(form: Form) -> None:
    settings = SpectrogramSettings(form=form)
    found = spectrogram(np.ones(96_000, np.float32), settings)
    assert found.shape == settings.shape(96_000)
    assert found.shape[:2] == (598, 64 if form == "log_mel" else 257)
    assert found.dtype == np.float32
    assert found.ndim == (3 if form in ("real_imaginary", "magnitude_phase") else 2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n_samples", [0, 1, 399])
def test_a_voice_shorter_than_a_window_has_no_frame(form: Form, n_samples: int) -> None:
    settings = SpectrogramSettings(form=form)
    assert spectrogram(np.ones(n_samples, np.float32), settings).shape == settings.shape(n_samples)
    assert settings.shape(n_samples)[0] == 0
    assert settings.shape(400)[0] == 1


@pytest.mark.parametrize("form", FORMS)
def test_silence_is_finite(form: Form) -> None:
    found = spectrogram(np.zeros(2000, np.float32), SpectrogramSettings(form=form))
    assert np.isfinite(found).all()
    assert np.ptp(found) == 0


def test_a_tone_stands_in_its_bin_as_large_as_half_the_window() -> None:
    tone = np.cos(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    found = spectrogram(tone, SpectrogramSettings(form="magnitude", power=1.0))
    assert (found.argmax(axis=1) == 32).all()  # 1000 Hz in steps of 31.25 Hz
    assert found.max() == pytest.approx(100, rel=1e-3)  # half of the mean of the window times 400


def test_the_power_compresses_the_magnitude() -> None:
    voice = np.random.default_rng(1).normal(size=4000).astype(np.float32)
    plain = spectrogram(voice, SpectrogramSettings(form="magnitude", power=1.0))
    compressed = spectrogram(voice, SpectrogramSettings(form="magnitude", power=0.3))
    assert np.allclose(compressed, plain**0.3, rtol=1e-5)


def test_long_voices_in_blocks_equal_their_parts() -> None:
    settings = SpectrogramSettings(form="magnitude", window=16, stride=4, n_fft=16)
    voice = np.random.default_rng(2).normal(size=4 * (BLOCK_FRAMES + 50)).astype(np.float32)
    found = spectrogram(voice, settings)
    later = spectrogram(voice[4 * (BLOCK_FRAMES - 3) :], settings)
    assert np.array_equal(found[BLOCK_FRAMES - 3 :], later)


def test_a_picture_is_no_voice() -> None:
    with pytest.raises(DataError, match=r"shape \(samples,\)"):
        spectrogram(np.ones((4, 500), np.float32), SpectrogramSettings())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"form": "cepstrum"}, "`form` must be one of real_imaginary"),
        ({"window": 1}, "`window` must be at least 2"),
        ({"stride": 0}, "`stride` must be at least 1"),
        ({"n_fft": 256}, r"`n_fft` must be at least `window` \(400\)"),
        ({"n_fft": 1 << 30}, "`n_fft` must be at most 16000"),
        ({"power": 0}, "`power` must be above 0"),
        ({"power": math.nan}, "`power` must be above 0"),
        ({"bands": 0}, "`bands` must be at least 1"),
        ({"form": "log_mel", "bands": 257}, "`bands` must be at most half of `n_fft`, 256"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SpectrogramSettings(**wrong)  # type: ignore[arg-type]
