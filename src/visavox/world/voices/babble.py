"""Syllables in phrases with pauses: a random text of a language in a speaker's manner.

Turns sounds into `Tracks` for `visavox.world.voices.source_filter`; the speaker's pitch, rate and vowels come in as
numbers. The words mean nothing.

Example:
    >>> tracks = babble(3.0, Manner(), np.random.default_rng(0))
    >>> tracks.formants_hz.shape
    (600, 3)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.world.voices.languages import LANGUAGES, Language
from visavox.world.voices.source_filter import HOP, SAMPLE_RATE, Track, Tracks
from visavox.world.voices.speech_sounds import ACCENTS, CONSONANTS, NEUTRAL_HZ, Formants, Sound

FRAME_S = HOP / SAMPLE_RATE

_START = np.array([0.0, 0.0, 0.0, 3000.0, *NEUTRAL_HZ, 0.0])


@dataclass(frozen=True)
class Manner:
    """How a speaker says things; the defaults are an average man's."""

    f0_hz: float = 115.0
    """Middle of the pitch."""
    melody_semitones: float = 2.0
    """Spread of the pitch around its middle."""
    formant_scale: float = 1.0
    """Factor on every formant: 17 cm divided by the length of the vocal tract."""
    third_formant_scale: float = 1.0
    """Further factor on the third formant."""
    front_scale: float = 1.0
    """Further factor on the second formant."""
    vowel_space: float = 1.0
    """How far vowels lie from the neutral one; 1 is usual."""
    syllables_per_s: float = 4.8
    """Rate of speech within a phrase."""
    tremor: float = 0.0
    """Depth of a slow shake of the loudness, 0 to 0.9."""
    tremor_hz: float = 8.0
    """Rate of that shake."""
    vowels_hz: tuple[Formants, ...] = ACCENTS[0]
    """First three formants of the vowels, those of a grown man."""
    language: Language = LANGUAGES[0]
    """Consonants, rhythm and melody."""


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
    pace = 4.8 / manner.syllables_per_s
    rows: list[Track] = []  # each (frames, 8): voicing, aspiration, frication, frication_hz, f1, f2, f3, melody
    _pause(rows, rng.uniform(0.05, 0.15))
    n_rows = len(rows[0])
    while n_rows < n:
        before = len(rows)
        if before > 1:
            _pause(rows, pace * rng.uniform(0.16, 0.30))
        _phrase(rows, manner, pace, rng)
        n_rows += sum(map(len, rows[before:]))
    table = np.vstack(rows)[:n]
    fade = np.clip(np.arange(n)[::-1] / 24.0, 0.0, 1.0)  # 0.12 s
    shake = rng.uniform(0.0, 2.0 * np.pi) + 2.0 * np.pi * manner.tremor_hz * FRAME_S * np.arange(n)
    sounds = _smooth(table[:, :2], 5) * fade[:, None]
    melody = manner.melody_semitones * _smooth(table[:, 7:], 21)[:, 0]
    wander = 0.25 * np.cumsum(rng.standard_normal(n)) / np.sqrt(n)  # semitones
    return Tracks(
        f0_hz=np.clip(manner.f0_hz * 2.0 ** ((melody + wander) / 12.0), 55.0, 480.0),
        voicing=sounds[:, 0] * (1.0 - manner.tremor * (0.5 + 0.5 * np.sin(shake))),
        aspiration=sounds[:, 1],
        frication=_smooth(table[:, 2:3], 3)[:, 0] * fade,
        frication_hz=table[:, 3],
        formants_hz=_of_the_speaker(np.exp(_smooth(np.log(table[:, 4:7]), 11)), manner),
    )


def _pause(rows: list[Track], duration_s: float) -> None:
    """Append silence in which mouth and pitch stay where they were."""
    last = rows[-1][-1] if rows else _START
    still = last * [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    rows.append(np.tile(still, (max(1, round(duration_s / FRAME_S)), 1)))


def _phrase(rows: list[Track], manner: Manner, pace: float, rng: np.random.Generator) -> None:
    """Append the syllables of one phrase; the last is longer and the pitch follows the language's melody."""
    n = int(rng.integers(5, 10))
    language = manner.language
    melody = np.interp(np.linspace(0.0, 1.0, n), np.linspace(0.0, 1.0, len(language.melody)), language.melody)
    melody = (melody - melody.mean()) / melody.std()
    accents = rng.choice([-1.22, 0.0, 1.22], size=n)  # mean 0, variance 1
    pitch = 0.8 * melody + 0.6 * accents
    for index in range(n):
        beat = language.beat[index % len(language.beat)] * rng.uniform(0.88, 1.12)
        last = index == n - 1
        length_s = pace * (0.20 * beat + (0.06 if last else 0.0))
        rows.extend(_syllable(manner, length_s, float(pitch[index]), last=last, rng=rng))


def _syllable(manner: Manner, length_s: float, pitch: float, *, last: bool, rng: np.random.Generator) -> list[Track]:
    """Return the rows of a consonant, a vowel and sometimes another consonant, each (frames, 8)."""
    language, vowels = manner.language, manner.vowels_hz
    onset = CONSONANTS[language.onsets[rng.integers(len(language.onsets))]]
    closed = rng.random() < language.closed
    coda = CONSONANTS[language.codas[rng.integers(len(language.codas))]] if closed else ()
    vowel = vowels[rng.integers(len(vowels))]
    towards = vowels[rng.integers(len(vowels))]
    glide = tuple(a**0.6 * b**0.4 for a, b in zip(vowel, towards, strict=True))
    strength = rng.uniform(0.7, 1.0)
    # Consonants take what they need, but the vowel keeps half of the syllable.
    wanted = sum(sound.duration_s for sound in (*onset, *coda))
    squeeze = min(length_s / 0.20, 0.5 * length_s / wanted)
    left = length_s - squeeze * wanted
    sounds = [
        *((sound, squeeze * sound.duration_s) for sound in onset),
        (Sound(0.0, voicing=strength), 0.5 * left),
        (Sound(0.0, voicing=strength * (0.5 if last else 0.7), formants_hz=glide), 0.5 * left),
        *((sound, squeeze * sound.duration_s) for sound in coda),
    ]
    rows = []
    for sound, duration_s in sounds:
        hiss = (sound.aspiration, sound.frication, sound.frication_hz)
        row = np.array([sound.voicing, *hiss, *(sound.formants_hz or vowel), pitch])
        rows.append(np.tile(row, (max(1, round(duration_s / FRAME_S)), 1)))
    return rows


def _of_the_speaker(formants_hz: Track, manner: Manner) -> Track:
    """Return the formants (n, 3) of a speaker from those (n, 3) of an average man."""
    neutral = np.array(NEUTRAL_HZ)
    spread = neutral * (formants_hz / neutral) ** manner.vowel_space
    scale = manner.formant_scale * np.array([1.0, manner.front_scale, manner.third_formant_scale])
    formants: Track = spread * scale
    return formants


def _smooth(track: Track, n_frames: int) -> Track:
    """Return columns (n, k) smoothed by a Hann window of `n_frames`, odd; the ends are held."""
    window = np.hanning(n_frames + 2)[1:-1]
    padded = np.pad(track, ((n_frames // 2, n_frames // 2), (0, 0)), mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(padded, n_frames, axis=0)  # (n, k, n_frames)
    smooth: Track = views @ (window / window.sum())
    return smooth
