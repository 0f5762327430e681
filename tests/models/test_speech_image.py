"""Speech2Face's picture of a voice, held against sums written out and against the published sizes."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.models.speech_image import LEAST_FRAMES, N_BINS, N_FRAMES, SpeechForm, looped, speech_image


def noise(n_samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=n_samples)).astype(np.float32)


def slow_point(voice: np.ndarray, frame: int, bin_: int, form: str) -> tuple[float, float]:
    """One point of the picture by the sum of the discrete Fourier transform, over the voice repeated to 6 s."""
    total = 0j
    for n in range(400):
        sample = float(voice[(frame * 160 + n) % len(voice)])
        hann = 0.5 - 0.5 * math.cos(2 * math.pi * n / 400)
        total += hann * sample * cmath.exp(-2j * math.pi * bin_ * n / 512)
    if form == "amplitude_phase":
        return abs(total) ** 0.3, cmath.phase(total)
    return tuple(math.copysign(abs(x) ** 0.3, x) for x in (total.real, total.imag))  # type: ignore[return-value]


@pytest.mark.parametrize("form", ["real_imaginary", "amplitude_phase"])
def test_points_are_those_of_a_sum_written_out(form: SpeechForm) -> None:
    voice = noise(20_001)
    image = speech_image(voice, form=form)
    for frame, bin_ in ((0, 3), (17, 120), (125, 41), (300, 200), (597, 255)):  # 125: the first frame after the seam
        expected = slow_point(voice, frame, bin_, form)
        np.testing.assert_allclose(image[:, frame, bin_], expected, atol=2e-3)


def test_six_seconds_are_598_frames_of_257_frequencies_in_two_channels() -> None:
    for n_samples in (400, 16_000, 96_000, 200_000):
        image = speech_image(noise(n_samples))
        assert image.shape == (2, N_FRAMES, N_BINS) == (2, 598, 257)
        assert image.dtype == np.float32 and image.flags["C_CONTIGUOUS"]


def test_a_short_voice_is_repeated_and_a_long_one_cut() -> None:
    short = looped(noise(36_000))
    np.testing.assert_array_equal(short, np.tile(noise(36_000), 3)[:96_000])
    long = noise(100_000)
    np.testing.assert_array_equal(looped(long), long[:96_000])
    np.testing.assert_array_equal(looped(noise(500), seconds=0.05), np.tile(noise(500), 2)[:800])


def test_any_length_is_allowed_where_the_mean_over_time_is_taken() -> None:
    assert speech_image(noise(64_000), seconds=0).shape == (2, 1 + (64_000 - 400) // 160, 257)
    assert speech_image(noise(150_000), seconds=0).shape[1] == 1 + (150_000 - 400) // 160
    shortest = speech_image(noise(8_000), seconds=0)
    assert shortest.shape[1] == LEAST_FRAMES  # repeated as far as the network needs, and no further
    assert len(looped(noise(1_100_000), seconds=0)) == 960_000


def test_both_forms_tell_of_one_spectrum() -> None:
    """The parts give back the angle and the amplitude."""
    voice = noise(96_000, seed=3)
    parts = speech_image(voice).astype(np.float64)
    amplitude, phase = speech_image(voice, form="amplitude_phase").astype(np.float64)
    real, imaginary = np.sign(parts) * np.abs(parts) ** (1 / 0.3)
    np.testing.assert_allclose(np.hypot(real, imaginary) ** 0.3, amplitude, rtol=1e-4, atol=1e-4)
    clear = np.hypot(real, imaginary) > 0.1
    np.testing.assert_allclose(np.exp(1j * phase[clear]), np.exp(1j * np.arctan2(imaginary, real)[clear]), atol=1e-3)


def test_a_pure_tone_lies_at_its_frequency_and_a_louder_one_follows_the_power_law() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(96_000) / 16_000).astype(np.float32)
    amplitude = speech_image(tone, form="amplitude_phase")[0]
    assert set(amplitude.argmax(axis=1)) == {32}  # 1000 Hz of 31.25 Hz a bin
    louder = speech_image(2 * tone, form="amplitude_phase")[0]
    np.testing.assert_allclose(louder[:, 32], 2**0.3 * amplitude[:, 32], rtol=1e-5)
    np.testing.assert_allclose(speech_image(-tone), -speech_image(tone), atol=1e-6)


def test_silence_is_zero() -> None:
    for form in ("real_imaginary", "amplitude_phase"):
        assert not speech_image(np.zeros(16_000, np.float32), form=form).any()


def test_a_voice_is_left_as_it_was() -> None:
    voice = noise(30_000)
    before = voice.copy()
    speech_image(voice)
    looped(voice)[:] = 7
    np.testing.assert_array_equal(voice, before)


@pytest.mark.parametrize(
    ("voice", "words"),
    [
        (
            np.zeros(0, np.float32),
            r"A voice must have 400 samples \(25 ms\) or more .* Got 0. Give a longer recording.",
        ),
        (noise(399), "Got 399"),
        (np.zeros((2, 16_000), np.float32), r"of shape \(samples,\). Got shape \(2, 16000\)"),
        (np.full(16_000, np.nan, np.float32), "must be finite. Got nan or infinity"),
        (np.full(16_000, np.inf, np.float32), "must be finite"),
    ],
)
def test_what_is_no_voice_is_refused_in_one_line(voice: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        speech_image(voice)
    assert "\n" not in str(caught.value)


def test_options_are_held_to_their_ranges() -> None:
    with pytest.raises(ConfigError, match="`form` must be one of real_imaginary, amplitude_phase. Got 'mel'"):
        speech_image(noise(16_000), form="mel")  # type: ignore[arg-type]
    for seconds in (0.001, 61.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match="`seconds` of a picture of speech must be 0, or 0.025 to 60"):
            looped(noise(16_000), seconds=seconds)
