"""What a person's numbers do to the way of speaking: manner, glottis and vocal tract of the voice that is shown.

Each of the six shared dimensions has a place of its own in the sound, so that none hides another:

    age       slowness, long pauses, rough and shaking pulses, damped resonances
    size      all formants, those above the fourth included
    build     pitch
    vigour    spectrum of the pulses, spread of the pitch, distance between the vowels
    softness  noise of the breath
    mouth     third and fourth formants alone

Example:
    >>> from visavox.world.people import make_person
    >>> manner_of(make_person(1, seed=0).voice).f0_hz < manner_of(make_person(0, seed=0).voice).f0_hz
    True
"""

from __future__ import annotations

import math

from visavox.world.people import Shown
from visavox.world.population import DIMENSIONS
from visavox.world.voices.babble import Manner
from visavox.world.voices.languages import LANGUAGES
from visavox.world.voices.source_filter import Source, Tract
from visavox.world.voices.speech_sounds import ACCENTS


def manner_of(voice: Shown) -> Manner:
    """Return how a voice speaks: pitch, melody, rate, place of the formants that move, accent and language."""
    shown, private = _shown(voice), [_bounded(value) for value in voice.private]
    male = voice.sex == "m"
    semitones = -3.0 * shown["build"] + 0.3 * private[0]
    return Manner(
        f0_hz=(110.0 if male else 200.0) * 2.0 ** (semitones / 12.0),
        melody_semitones=2.1 * math.exp(0.42 * shown["vigour"] + 0.06 * private[1]),
        formant_scale=_formant_scale(voice),
        third_formant_scale=math.exp(0.050 * shown["mouth"] + 0.006 * private[3]),
        front_scale=math.exp(0.012 * private[4]),
        vowel_space=1.04 + 0.10 * shown["vigour"] + 0.04 * private[5],
        syllables_per_s=5.0 * math.exp(-0.17 * shown["age"] + 0.03 * private[6]),
        tremor=0.16 * math.exp(0.50 * shown["age"]),
        vowels_hz=ACCENTS[voice.nationality],
        language=LANGUAGES[voice.language],
    )


def source_of(voice: Shown) -> Source:
    """Return how a voice is made: tilt, breath, roughness."""
    shown, private = _shown(voice), _bounded(voice.private[7])
    return Source(
        tilt_db_per_octave=8.8 - 2.0 * shown["vigour"] + 0.2 * private,
        breath=(0.07 if voice.sex == "m" else 0.08) * math.exp(0.80 * shown["softness"]),
        jitter=0.011 * math.exp(0.68 * shown["age"]),
        shimmer=0.07 * math.exp(0.60 * shown["age"]),
        openness_db=3.5 * shown["softness"],
    )


def tract_of(voice: Shown) -> Tract:
    """Return what does not move in the vocal tract: high formants and damping."""
    shown, private = _shown(voice), _bounded(voice.private[3])
    scale = _formant_scale(voice)
    fourth = 3500.0 * math.exp(0.065 * shown["mouth"] + 0.006 * private)
    return Tract(
        high_formants_hz=(scale * fourth, scale * 4500.0, scale * 5500.0),
        damping=1.30 * math.exp(0.34 * shown["age"]),
    )


def _formant_scale(voice: Shown) -> float:
    length = -0.058 * _shown(voice)["size"] + 0.004 * _bounded(voice.private[2])
    return (0.985 if voice.sex == "m" else 1.17) * math.exp(length)


def _shown(voice: Shown) -> dict[str, float]:
    return dict(zip(DIMENSIONS, (_bounded(value) for value in voice.shared), strict=True))


def _bounded(value: float) -> float:
    """Return a standard normal number kept smoothly within -2 and 2."""
    return 2.0 * math.tanh(value / 2.0)
