"""Recordings of made-up people: somebody speaks in a room, into a microphone.

The same person in another `Take` (text, room, microphone, noise, loudness) keeps pitch, vocal tract, breath and rhythm;
see `visavox.world.voices.speakers` for what a person's numbers do to them.

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
from scipy import fft

from visavox.errors import ConfigError
from visavox.world.people import Session, Shown
from visavox.world.voices.babble import babble
from visavox.world.voices.source_filter import SAMPLE_RATE, Samples, Track, loudness, synthesise
from visavox.world.voices.speakers import manner_of, source_of, tract_of

MIN_DURATION_S = 0.5
"""The shortest recording."""
_LOUDEST = 0.98  # of full scale; a recording with higher peaks is turned down


@dataclass(frozen=True)
class Take:
    """What changes from one recording of a person to the next; the text is drawn when it is spoken."""

    duration_s: float = 3.5
    """Length of the recording, 0.5 or more."""
    level_db: float = -22.0
    """Loudness of the speech against full scale, -60 to -10."""
    noise_db: float = -60.0
    """Loudness of the background noise against full scale."""
    echo: float = 0.1
    """Share of the room in what is heard, 0 to 0.5."""
    echo_s: float = 0.2
    """Time in which the room's echo falls by 60 dB."""
    pitch_factor: float = 1.0
    """Mood: factor on the pitch."""
    colour: float = 0.0
    """Colour of the microphone, -3 to 3: below 0 boomy and dull, above it thin and sharp."""


def random_take(
    session: Session,
    session_rng: np.random.Generator,
    clip_rng: np.random.Generator,
    *,
    duration_s: float | None = None,
) -> Take:
    """Return a random recording: microphone, room and noise of the session, loudness, length and mood of the clip.

    Args:
        session: its `sound` is the colour of the microphone.
        session_rng: the same for every clip of the session.
        clip_rng: the clip's own.
        duration_s: length, 0.5 or more; None: random, between 3 and 6 s.

    Raises:
        ConfigError: `duration_s` is below 0.5.
    """
    if duration_s is not None and not duration_s >= MIN_DURATION_S:
        raise ConfigError(f"`duration_s` must be at least {MIN_DURATION_S:g} s. Got {duration_s:g}.")
    noise_db, echo, echo_s = session_rng.uniform([-70.0, 0.02, 0.10], [-58.0, 0.12, 0.25])
    length_s, level_db, mood = clip_rng.uniform([3.0, -26.0, -0.5], [6.0, -19.0, 0.5])
    return Take(
        duration_s=float(length_s) if duration_s is None else duration_s,
        level_db=float(level_db),
        noise_db=float(noise_db),
        echo=float(echo),
        echo_s=float(echo_s),
        pitch_factor=float(2.0 ** (mood / 12.0)),
        colour=session.sound,
    )


def speak(shown: Shown, take: Take, rng: np.random.Generator) -> Samples:
    """Return one recording of a person.

    Args:
        shown: what the voice of a person shows.
        take: room, microphone, noise, loudness and length.
        rng: of the text and of the noise.

    Returns:
        (samples,) float32 within -1 and 1, mono 16 kHz.
    """
    manner = manner_of(shown)
    spoken = babble(take.duration_s, replace(manner, f0_hz=manner.f0_hz * take.pitch_factor), rng)
    voice = synthesise(spoken, source_of(shown), tract_of(shown), rng)
    n_echo = max(1, round(take.echo_s * SAMPLE_RATE))
    tail = np.exp(-6.9 * np.arange(n_echo) / n_echo) * rng.standard_normal(n_echo)  # 60 dB in amplitude
    n_fft = fft.next_fast_len(len(voice) + n_echo, real=True)
    frequency = np.arange(n_fft // 2 + 1) * (SAMPLE_RATE / n_fft)
    microphone = microphone_response(take.colour, frequency).astype(np.float32)
    room = fft.rfft((take.echo / np.linalg.norm(tail) * tail).astype(np.float32), n_fft)
    room += np.float32(1.0 - take.echo)
    heard: Samples = fft.irfft(fft.rfft(voice, n_fft) * (room * microphone), n_fft)[: len(voice)]
    noise = rng.standard_normal(n_fft, dtype=np.float32)
    noise = fft.irfft(fft.rfft(noise) * (microphone * _room_noise(frequency)), n_fft)[: len(voice)]
    level = loudness(heard)
    if level > 0.0:
        heard *= np.float32(10.0 ** (take.level_db / 20.0) / level)
    heard += noise * np.float32(10.0 ** (take.noise_db / 20.0) / noise.std())
    peak = float(np.abs(heard).max())
    return heard * np.float32(_LOUDEST / peak) if peak > _LOUDEST else heard


def microphone_response(colour: float, frequency_hz: Track) -> NDArray[np.float64]:
    """Return what a microphone does to each frequency, as a factor: one shelf in the bass, one in the treble.

    Args:
        colour: `Take.colour`; 1 takes 2.5 dB from the bass and gives 3 dB to the treble, -1 the other way round.
        frequency_hz: (bins,) where to evaluate.

    Returns:
        (bins,) float64 above 0; about 1 from 500 to 2500 Hz.
    """
    bass = 1.0 / (1.0 + (frequency_hz / 250.0) ** 4)
    treble = 1.0 - 1.0 / (1.0 + (frequency_hz / 4500.0) ** 4)
    gain_db = 2.5 * math.tanh(colour / 2.5) * (3.0 * treble - 2.5 * bass)
    factor: NDArray[np.float64] = 10.0 ** (gain_db / 20.0)
    return factor


def _room_noise(frequency_hz: Track) -> NDArray[np.float32]:
    """Return the spectrum of a room's noise: duller than white by 6 dB an octave above 1500 Hz."""
    return (1.0 / np.sqrt(1.0 + (frequency_hz / 1500.0) ** 2)).astype(np.float32)
