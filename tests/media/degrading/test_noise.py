"""Noise: the ratio that comes out is the ratio that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.media.degrading.base import CannotDegradeError
from visavox.media.degrading.noise import N_TALKERS, add_babble, add_white_noise, mix


def measured_snr_db(clean: np.ndarray, noisy: np.ndarray) -> float:
    """Least squares: the part of the output that is the voice against the rest, whatever the gain."""
    gain = float(noisy.astype(float) @ clean) / float(clean.astype(float) @ clean)
    return float(10 * np.log10(np.sum((gain * clean) ** 2) / np.sum((noisy - gain * clean) ** 2)))


@pytest.mark.parametrize("snr_db", [20.0, 5.0, 0.0, -5.0])
def test_white_noise_has_the_ratio_that_was_asked_for(voice: np.ndarray, snr_db: float) -> None:
    noisy = add_white_noise(voice, snr_db=snr_db, rng=np.random.default_rng(1))
    assert noisy.dtype == np.float32
    assert noisy.shape == voice.shape
    assert np.abs(noisy).max() <= 1
    assert measured_snr_db(voice, noisy) == pytest.approx(snr_db, abs=0.2)  # chance correlation with the voice


def test_the_ratio_is_exact_where_nothing_is_turned_down(voice: np.ndarray) -> None:
    noise = add_white_noise(voice, snr_db=20.0, rng=np.random.default_rng(1)).astype(float) - voice
    assert 10 * np.log10(np.mean(voice.astype(float) ** 2) / np.mean(noise**2)) == pytest.approx(20.0, abs=1e-3)


def test_white_noise_is_as_strong_in_every_octave_a_hertz(voice: np.ndarray) -> None:
    noise = add_white_noise(voice, snr_db=20.0, rng=np.random.default_rng(1)).astype(float) - voice
    bands = np.array_split(np.abs(np.fft.rfft(noise)[1:]) ** 2, 8)
    means = np.array([band.mean() for band in bands])
    assert np.abs(means / means.mean() - 1).max() < 0.15


def test_loud_sums_are_turned_down_together_and_not_clipped() -> None:
    loud = np.where(np.arange(16_000) % 20 < 10, 0.9, -0.9).astype(np.float32)
    noisy = add_white_noise(loud, snr_db=0.0, rng=np.random.default_rng(0))
    assert np.abs(noisy).max() == 1.0
    assert (np.abs(noisy) == 1.0).sum() == 1
    assert measured_snr_db(loud, noisy) == pytest.approx(0.0, abs=0.2)


def test_one_generator_gives_the_same_noise_at_every_level(voice: np.ndarray) -> None:
    parts = [add_white_noise(voice, snr_db=db, rng=np.random.default_rng(3)).astype(float) - voice for db in (40, 20)]
    assert np.allclose(parts[1], 10 * parts[0], atol=1e-5)
    assert np.abs(parts[0]).max() > 0


def test_babble_is_made_of_the_others_and_has_the_ratio(voice: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    others = [np.sin(np.arange(8000) * step).astype(np.float32) * loud for step, loud in ((0.3, 0.01), (0.7, 0.9))]
    noisy = add_babble(voice, snr_db=10.0, rng=rng, others=others)
    assert measured_snr_db(voice, noisy) == pytest.approx(10.0, abs=0.2)
    babble = np.abs(np.fft.rfft(noisy.astype(float) - voice))
    peaks = np.argsort(babble)[-8:] / 32_000 * 2 * np.pi
    assert {round(float(peak), 1) for peak in peaks} == {0.3, 0.7}  # equally loud, although one was quiet
    first, second = (babble[np.abs(np.arange(len(babble)) / 32_000 * 2 * np.pi - s) < 0.05].max() for s in (0.3, 0.7))
    assert 0.5 < first / second < 2


def test_at_most_six_people_babble() -> None:
    tones = [np.sin(np.arange(16_000) * (0.2 + 0.15 * i)).astype(np.float32) for i in range(12)]
    quiet = np.full(16_000, 0.01, np.float32)
    babble = add_babble(quiet, snr_db=0.0, rng=np.random.default_rng(0), others=tones).astype(float)
    spectrum = np.abs(np.fft.rfft(babble - babble.mean()))
    heard = [spectrum[np.abs(np.arange(8001) * 2 * np.pi / 16_000 - (0.2 + 0.15 * i)) < 0.01].max() for i in range(12)]
    assert sum(height > 0.2 * max(heard) for height in heard) == N_TALKERS == 6


def test_silence_and_solitude_cannot_be_degraded(voice: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    silence = np.zeros(100, np.float32)
    with pytest.raises(CannotDegradeError, match="the recording is silent"):
        add_white_noise(silence, snr_db=0.0, rng=rng)
    with pytest.raises(CannotDegradeError, match="the recording is silent"):
        mix(voice, np.zeros(len(voice)), snr_db=0.0)
    for others in ([], [voice], [voice, silence], [voice, np.empty(0, np.float32)]):
        with pytest.raises(CannotDegradeError, match="no other voices for babble"):
            add_babble(voice, snr_db=0.0, rng=rng, others=others)
