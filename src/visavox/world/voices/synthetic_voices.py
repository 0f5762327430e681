"""Voices of made-up people: what a person's numbers do to the way of speaking, and one recording of it.

The same person in another `Take` (text, room, noise, loudness) keeps pitch, vocal tract, breath and rhythm.

Example:
    >>> from visavox.world.people import make_person
    >>> speak(make_person(0, seed=0).voice, Take(duration_s=3.0), np.random.default_rng(0)).shape
    (48000,)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from visavox.world.people import Shown
from visavox.world.population import DIMENSIONS
from visavox.world.voices.source_filter import SAMPLE_RATE, Source, synthesise
from visavox.world.voices.speech_sounds import Manner, babble


@dataclass(frozen=True)
class Take:
    """What changes from one recording of a person to the next; the text is drawn when it is spoken."""

    duration_s: float = 3.5
    """Length of the recording."""
    level_db: float = -22.0
    """Loudness of the speech against full scale."""
    noise_db: float = -60.0
    """Loudness of the background noise against full scale."""
    echo: float = 0.1
    """Share of the room in what is heard, 0 to 0.5."""
    echo_s: float = 0.2
    """Time in which the room's echo falls by 60 dB."""
    pitch_factor: float = 1.0
    """Mood: factor on the pitch."""


def random_take(session_rng: np.random.Generator, clip_rng: np.random.Generator) -> Take:
    """Return a random recording: room and noise from the session, loudness, length and mood from the clip."""
    noise_db, echo, echo_s = session_rng.uniform([-66.0, 0.02, 0.10], [-54.0, 0.12, 0.25])
    duration_s, level_db, mood = clip_rng.uniform([3.2, -26.0, -0.5], [4.0, -19.0, 0.5])
    return Take(
        duration_s=float(duration_s),
        level_db=float(level_db),
        noise_db=float(noise_db),
        echo=float(echo),
        echo_s=float(echo_s),
        pitch_factor=float(2.0 ** (mood / 12.0)),
    )


def manner_of(voice: Shown) -> Manner:
    """Return how a voice speaks: pitch, melody, vocal tract, vowels, rate."""
    shown, private = _shown(voice), [_bounded(value) for value in voice.private]
    male = voice.sex == "m"
    semitones = -2.8 * shown["build"] + 0.3 * private[0]
    return Manner(
        f0_hz=(115.0 if male else 205.0) * 2.0 ** (semitones / 12.0),
        melody_semitones=2.4 + 0.7 * shown["vigour"] + 0.3 * private[1],
        formant_scale=(1.0 if male else 1.16) * math.exp(-0.060 * shown["size"] + 0.004 * private[2]),
        high_formant_scale=math.exp(0.055 * shown["mouth"] + 0.006 * private[3]),
        front_scale=math.exp(0.012 * private[4]),
        vowel_space=1.0 + 0.06 * private[5],
        syllables_per_s=4.8 - 0.70 * shown["age"] + 0.15 * private[6],
    )


def source_of(voice: Shown) -> Source:
    """Return how a voice is made: tilt, breath, roughness."""
    shown, private = _shown(voice), _bounded(voice.private[7])
    return Source(
        tilt_db_per_octave=10.0 - 2.1 * shown["vigour"] + 0.2 * private,
        breath=(0.10 if voice.sex == "m" else 0.14) * math.exp(0.90 * shown["softness"]),
        jitter=0.009 * math.exp(0.95 * shown["age"]),
        shimmer=0.06 * math.exp(0.70 * shown["age"]),
    )


def speak(shown: Shown, take: Take, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return one recording of a person.

    Args:
        shown: what the voice of a person shows.
        take: room, noise, loudness and length.
        rng: of the text and of the noise.

    Returns:
        (samples,) float32 within -1 and 1, mono 16 kHz.
    """
    manner = manner_of(shown)
    spoken = babble(take.duration_s, replace(manner, f0_hz=manner.f0_hz * take.pitch_factor), rng)
    voice = synthesise(spoken, source_of(shown), rng).astype(np.float64)
    n_echo = max(1, round(take.echo_s * SAMPLE_RATE))
    decay = np.exp(-6.9 * np.arange(n_echo) / n_echo)  # 60 dB in amplitude
    tail = decay * rng.standard_normal(n_echo)
    echo = fftconvolve(voice, tail / np.linalg.norm(tail))[: len(voice)]
    heard = (1.0 - take.echo) * voice + take.echo * echo
    heard *= 10.0 ** ((take.level_db + 20.0) / 20.0)  # the synthesiser's loudness is -20 dB
    noise = rng.standard_normal(len(heard))
    noise = np.convolve(noise, [0.5, 0.35, 0.2, 0.1], mode="same")  # duller than white
    heard += 10.0 ** (take.noise_db / 20.0) * noise / noise.std()
    return np.asarray(np.clip(heard, -0.99, 0.99), dtype=np.float32)


def _shown(voice: Shown) -> dict[str, float]:
    return dict(zip(DIMENSIONS, (_bounded(value) for value in voice.shared), strict=True))


def _bounded(value: float) -> float:
    """Return a standard normal number kept smoothly within -2.2 and 2.2."""
    return 2.2 * math.tanh(value / 2.2)
