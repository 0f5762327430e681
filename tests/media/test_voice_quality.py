"""Figures gathered block by block equal those of the whole, and the noise that was added is the noise that is found."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from visavox.media.audio import SAMPLE_RATE, Voice, read_voice, voice_quality
from visavox.media.silero import WINDOW
from visavox.media.speech import SpeechDetector
from visavox.media.voice_quality import VoiceMeter, estimated_snr_db


def metered(voice: Voice, probabilities: np.ndarray, block: int = 4096) -> dict[str, float]:
    meter = VoiceMeter()
    for first in range(0, len(voice), block):
        meter.take(voice[first : first + block])
    return meter.figures(probabilities)


@pytest.mark.parametrize("n_samples", [1, 511, 512, 20_000])
def test_the_plain_figures_are_those_of_the_whole_voice(n_samples: int) -> None:
    voice = np.clip(np.random.default_rng(0).standard_normal(n_samples), -1, 1).astype(np.float32)
    figures = metered(voice, np.full(-(-n_samples // WINDOW), 0.3))
    assert figures == pytest.approx(voice_quality(voice), rel=1e-6)
    assert n_samples < 512 or figures["clipped_rate"] > 0.2


def test_silence_has_the_least_loudness() -> None:
    figures = metered(np.zeros(1600, dtype=np.float32), np.zeros(4))
    assert figures == {"duration_s": 0.1, "loudness_db": -120.0, "clipped_rate": 0.0}


@pytest.mark.parametrize("snr_db", [30.0, 10.0, 0.0, -10.0])
def test_the_ratio_of_a_mixture_is_that_of_its_parts(snr_db: float) -> None:
    random = np.random.default_rng(0)
    is_speech = np.repeat([False, True, False, True], 40)
    signal = 0.1 * random.standard_normal(len(is_speech) * WINDOW) * np.repeat(is_speech, WINDOW)
    noise = 0.1 * 10 ** (-snr_db / 20) * random.standard_normal(len(signal))
    voice = np.clip(signal + noise, -1, 1).astype(np.float32)
    assert metered(voice, is_speech.astype(float))["snr_db"] == pytest.approx(snr_db, abs=0.7)


def test_the_ratio_is_the_formula_written_out() -> None:
    random = np.random.default_rng(3)
    powers, probabilities = random.uniform(0.01, 1, 60), random.uniform(0, 1, 60)
    quiet = sorted(p for p, q in zip(powers, probabilities, strict=True) if q <= 0.1)
    loud = [p for p, q in zip(powers, probabilities, strict=True) if q >= 0.5]
    noise = (quiet[(len(quiet) - 1) // 2] + quiet[len(quiet) // 2]) / 2
    mean = sum(loud) / len(loud)
    assert estimated_snr_db(powers, probabilities) == pytest.approx(
        10 * math.log10(max(mean - noise, 0.01 * noise) / noise)
    )


def test_a_cough_in_a_pause_changes_nothing() -> None:
    powers = np.r_[np.full(20, 1.0), np.full(20, 0.01)]
    probabilities = np.repeat([1.0, 0.0], 20)
    before = estimated_snr_db(powers, probabilities)
    powers[25:28] = 5.0
    assert estimated_snr_db(powers, probabilities) == before == pytest.approx(10 * math.log10(99))


@pytest.mark.parametrize(("n_speech", "n_pauses"), [(4, 20), (20, 4), (0, 0), (0, 50), (50, 0)])
def test_without_enough_of_both_there_is_no_ratio(n_speech: int, n_pauses: int) -> None:
    probabilities = np.r_[np.ones(n_speech), np.zeros(n_pauses)]
    assert math.isnan(estimated_snr_db(np.full(len(probabilities), 0.1), probabilities))
    voice = np.full(len(probabilities) * WINDOW + 1, 0.1, dtype=np.float32)
    assert "snr_db" not in metered(voice, np.r_[probabilities, 0.0])


def test_muted_pauses_and_speech_below_the_noise_stay_finite() -> None:
    probabilities = np.repeat([1.0, 0.0], 10)
    assert estimated_snr_db(np.repeat([0.1, 0.0], 10), probabilities) == pytest.approx(91.1, abs=0.1)
    assert estimated_snr_db(np.repeat([0.1, 0.5], 10), probabilities) == pytest.approx(-20)


@pytest.mark.parametrize("snr_db", [20.0, 10.0, 5.0])
def test_noise_added_to_real_voices_is_found(real_data: Path, snr_db: float) -> None:
    random = np.random.default_rng(0)
    found = []
    for path in sorted((real_data / "avspeech" / "voices").glob("*.opus"))[:60]:
        voice = read_voice(path)
        probabilities = SpeechDetector().probabilities(voice)
        if metered(voice, probabilities).get("snr_db", 0.0) < snr_db + 15:
            continue
        spoken = voice[np.repeat(probabilities >= 0.5, WINDOW)[: len(voice)]].astype(float)
        noise = np.sqrt(np.mean(spoken**2)) * 10 ** (-snr_db / 20) * random.standard_normal(len(voice))
        mixture = (voice + noise).astype(np.float32)
        found.append(metered(mixture, SpeechDetector().probabilities(mixture)).get("snr_db", math.nan))
    assert len(found) >= 5
    assert np.nanmedian(found) == pytest.approx(snr_db, abs=1.5)


def test_the_rate_is_that_of_the_package() -> None:
    assert metered(np.zeros(SAMPLE_RATE, dtype=np.float32), np.zeros(32))["duration_s"] == 1.0
