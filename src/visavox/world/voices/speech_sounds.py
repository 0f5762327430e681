"""Syllables of a made-up language: which sounds there are, and how they follow each other in time.

Turns a random sequence of sounds into `Tracks` for `visavox.world.voices.source_filter`; the speaker's vocal tract, pitch
and rate come in as numbers. The words mean nothing.

Example:
    >>> tracks = babble(3.0, Manner(), np.random.default_rng(0))
    >>> tracks.formants_hz.shape
    (600, 5)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.world.voices.source_filter import HOP, SAMPLE_RATE, Track, Tracks

FRAME_S = HOP / SAMPLE_RATE

VOWELS_HZ: tuple[tuple[float, float, float], ...] = (
    (730.0, 1090.0, 2440.0),
    (530.0, 1840.0, 2480.0),
    (270.0, 2290.0, 3010.0),
    (570.0, 840.0, 2410.0),
    (300.0, 870.0, 2240.0),
    (660.0, 1720.0, 2410.0),
    (490.0, 1350.0, 1690.0),
)
"""First three formants of a grown man. Source: Peterson and Barney 1952, table II."""
HIGH_FORMANTS_HZ = (3500.0, 4500.0)
"""Fourth and fifth formant of a grown man."""


@dataclass(frozen=True)
class Sound:
    """One stretch of a consonant."""

    duration_s: float
    """At the usual rate."""
    voicing: float = 0.0
    """Amplitude of the glottal pulses, 0 to 1."""
    aspiration: float = 0.0
    """Amplitude of the noise through the formants, 0 to 1."""
    frication: float = 0.0
    """Amplitude of the hiss, 0 to 1."""
    frication_hz: float = 3000.0
    """Centre of the hiss."""
    formants_hz: tuple[float, float, float] | None = None
    """Resonances; None: on the way to the vowel."""


CONSONANTS: tuple[tuple[Sound, ...], ...] = (
    (Sound(0.055), Sound(0.012, frication=0.7, frication_hz=900.0), Sound(0.030, aspiration=0.5)),
    (Sound(0.050), Sound(0.012, frication=1.0, frication_hz=4200.0), Sound(0.035, aspiration=0.6)),
    (Sound(0.055), Sound(0.018, frication=0.9, frication_hz=2000.0), Sound(0.040, aspiration=0.6)),
    (Sound(0.050, voicing=0.15), Sound(0.008, voicing=0.3, frication=0.5, frication_hz=900.0)),
    (Sound(0.045, voicing=0.15), Sound(0.010, voicing=0.3, frication=0.6, frication_hz=3600.0)),
    (Sound(0.050, voicing=0.15), Sound(0.012, voicing=0.3, frication=0.6, frication_hz=1800.0)),
    (Sound(0.100, frication=0.75, frication_hz=5800.0),),
    (Sound(0.100, frication=0.85, frication_hz=2900.0),),
    (Sound(0.080, frication=0.25, frication_hz=6800.0),),
    (Sound(0.070, voicing=0.35, frication=0.30, frication_hz=5200.0, formants_hz=(300.0, 1700.0, 2500.0)),),
    (Sound(0.060, aspiration=0.6),),
    (Sound(0.070, voicing=0.55, formants_hz=(270.0, 950.0, 2200.0)),),
    (Sound(0.065, voicing=0.55, formants_hz=(270.0, 1650.0, 2600.0)),),
    (Sound(0.060, voicing=0.70, formants_hz=(360.0, 1150.0, 2700.0)),),
    (Sound(0.065, voicing=0.70, formants_hz=(350.0, 1150.0, 1550.0)),),
    (Sound(0.060, voicing=0.70, formants_hz=(290.0, 650.0, 2200.0)),),
    (Sound(0.055, voicing=0.70, formants_hz=(270.0, 2200.0, 2950.0)),),
)
"""p t k, b d g, s sh f z, h, m n, l r, w y."""


@dataclass(frozen=True)
class Manner:
    """How a speaker says things; the defaults are an average man's."""

    f0_hz: float = 115.0
    """Middle of the pitch."""
    melody_semitones: float = 2.5
    """How far accents rise."""
    formant_scale: float = 1.0
    """Factor on every formant: 17 cm divided by the length of the vocal tract."""
    high_formant_scale: float = 1.0
    """Further factor on the third formant and those above."""
    front_scale: float = 1.0
    """Further factor on the second formant."""
    vowel_space: float = 1.0
    """How far vowels lie from the neutral one; 1 is usual."""
    syllables_per_s: float = 4.8
    """Rate of speech."""


def babble(duration_s: float, manner: Manner, rng: np.random.Generator) -> Tracks:
    """Return the tracks of random syllables in phrases with pauses.

    Args:
        duration_s: length of the whole, 0.5 or more.
        manner: the speaker's.
        rng: of the text.

    Returns:
        Tracks of round(duration_s / 5 ms) rows; begins and ends with a little silence.
    """
    n = round(duration_s / FRAME_S)
    rows: list[Track] = []  # each (frames, 8): voicing, aspiration, frication, frication_hz, f1, f2, f3, semitones
    _pause(rows, rng.uniform(0.05, 0.15))
    left = 0
    while sum(map(len, rows)) < n:
        if left == 0:
            if len(rows) > 1:
                _pause(rows, rng.uniform(0.14, 0.30))
            left = length = int(rng.integers(4, 9))
        # A phrase falls by about four semitones from its start to its end.
        fall = 2.0 - 4.0 * (length - left) / length
        accent = manner.melody_semitones * float(rng.choice([0.0, 0.4, 1.0, 1.4]))
        rows.append(_syllable(manner, fall + accent, last=left == 1, rng=rng))
        left -= 1
    table = np.vstack(rows)[:n]
    fade = np.clip(np.arange(n)[::-1] / 24.0, 0.0, 1.0)  # 0.12 s
    sounds = _smooth(table[:, :2], 5) * fade[:, None]
    formants = _smooth(np.log(table[:, 4:7]), 11)
    wander = 0.25 * np.cumsum(rng.standard_normal(n)) / np.sqrt(n)  # semitones
    semitones = _smooth(table[:, 7:], 21)[:, 0] + wander
    return Tracks(
        f0_hz=np.clip(manner.f0_hz * 2.0 ** (semitones / 12.0), 55.0, 480.0),
        voicing=sounds[:, 0],
        aspiration=sounds[:, 1],
        frication=_smooth(table[:, 2:3], 3)[:, 0] * fade,
        frication_hz=table[:, 3],
        formants_hz=_all_formants(np.exp(formants), manner),
    )


def _pause(rows: list[Track], duration_s: float) -> None:
    """Append silence in which mouth and pitch stay where they were."""
    last = rows[-1][-1] if rows else np.array([0.0, 0.0, 0.0, 3000.0, 500.0, 1500.0, 2500.0, 0.0])
    still = last * [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    rows.append(np.tile(still, (max(1, round(duration_s / FRAME_S)), 1)))


def _syllable(manner: Manner, semitones: float, *, last: bool, rng: np.random.Generator) -> Track:
    """Return the rows of a consonant and a vowel, (frames, 8); the last one of a phrase is longer."""
    pace = 4.8 / manner.syllables_per_s * rng.uniform(0.85, 1.2)
    vowel = VOWELS_HZ[rng.integers(len(VOWELS_HZ))]
    glide = VOWELS_HZ[rng.integers(len(VOWELS_HZ))] if rng.random() < 0.25 else vowel
    strength = rng.uniform(0.75, 1.0)
    length = 0.19 if last else 0.125
    sounds = [
        *CONSONANTS[rng.integers(len(CONSONANTS))],
        Sound(0.6 * length, voicing=strength),
        Sound(0.4 * length, voicing=strength * (0.7 if last else 0.9), formants_hz=glide),
    ]
    rows = []
    for sound in sounds:
        hiss = (sound.aspiration, sound.frication, sound.frication_hz)
        row = np.array([sound.voicing, *hiss, *(sound.formants_hz or vowel), semitones])
        rows.append(np.tile(row, (max(1, round(sound.duration_s * pace / FRAME_S)), 1)))
    return np.vstack(rows)


def _all_formants(formants_hz: Track, manner: Manner) -> Track:
    """Return the five formants (n, 5) of a speaker from the three (n, 3) of an average man."""
    neutral = np.array([500.0, 1500.0, 2500.0])
    spread = neutral * (formants_hz / neutral) ** manner.vowel_space
    high = np.tile(HIGH_FORMANTS_HZ, (len(spread), 1))
    scale = manner.formant_scale * np.array([1.0, manner.front_scale, *[manner.high_formant_scale] * 3])
    return np.minimum(np.hstack([spread, high]) * scale, 7200.0)


def _smooth(track: Track, n_frames: int) -> Track:
    """Return columns (n, k) smoothed by a Hann window of `n_frames`, odd; the ends are held."""
    window = np.hanning(n_frames + 2)[1:-1]
    padded = np.pad(track, ((n_frames // 2, n_frames // 2), (0, 0)), mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(padded, n_frames, axis=0)  # (n, k, n_frames)
    smooth: Track = views @ (window / window.sum())
    return smooth
