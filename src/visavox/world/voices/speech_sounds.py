"""The sounds of made-up languages: consonants as short stretches of noise and voice, vowels as formants.

Data only: `visavox.world.voices.languages` says who uses which, `visavox.world.voices.babble` strings them together.

Example:
    >>> [sound.duration_s for sound in CONSONANTS["t"]]
    [0.05, 0.012, 0.035]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Formants = tuple[float, float, float]

NEUTRAL_HZ: Formants = (500.0, 1500.0, 2500.0)
"""First three formants of a straight tube of 17 cm; vowels spread around them."""
VOWEL_MEAN_HZ: Formants = (470.0, 1400.0, 2520.0)
"""Geometric mean of the vowels of every accent, so that an accent does not sound like another length of the tract."""


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
    formants_hz: Formants | None = None
    """Resonances; None: on the way to the vowel."""


CONSONANTS: Mapping[str, tuple[Sound, ...]] = {
    "p": (Sound(0.055), Sound(0.012, frication=0.7, frication_hz=900.0), Sound(0.030, aspiration=0.5)),
    "t": (Sound(0.050), Sound(0.012, frication=1.0, frication_hz=4200.0), Sound(0.035, aspiration=0.6)),
    "k": (Sound(0.055), Sound(0.018, frication=0.9, frication_hz=2000.0), Sound(0.040, aspiration=0.6)),
    "b": (Sound(0.050, voicing=0.15), Sound(0.008, voicing=0.3, frication=0.5, frication_hz=900.0)),
    "d": (Sound(0.045, voicing=0.15), Sound(0.010, voicing=0.3, frication=0.6, frication_hz=3600.0)),
    "g": (Sound(0.050, voicing=0.15), Sound(0.012, voicing=0.3, frication=0.6, frication_hz=1800.0)),
    "s": (Sound(0.090, frication=0.75, frication_hz=5800.0),),
    "sh": (Sound(0.090, frication=0.85, frication_hz=2900.0),),
    "f": (Sound(0.080, frication=0.25, frication_hz=6800.0),),
    "z": (Sound(0.070, voicing=0.35, frication=0.30, frication_hz=5200.0, formants_hz=(300.0, 1700.0, 2500.0)),),
    "h": (Sound(0.060, aspiration=0.6),),
    "m": (Sound(0.070, voicing=0.55, formants_hz=(270.0, 950.0, 2300.0)),),
    "n": (Sound(0.065, voicing=0.55, formants_hz=(270.0, 1650.0, 2600.0)),),
    "l": (Sound(0.060, voicing=0.70, formants_hz=(360.0, 1150.0, 2700.0)),),
    "r": (Sound(0.055, voicing=0.70, formants_hz=(350.0, 1150.0, 1750.0)),),
    "w": (Sound(0.060, voicing=0.70, formants_hz=(290.0, 650.0, 2300.0)),),
}
"""Durations and formants of a grown man; a closure without any sound is silent."""

ACCENTS: tuple[tuple[Formants, ...], ...] = (
    ((280.0, 2520.0, 2930.0), (560.0, 2020.0, 2730.0), (770.0, 1200.0, 2400.0), (600.0, 920.0, 2290.0),
     (320.0, 960.0, 2300.0)),
    ((250.0, 1580.0, 2590.0), (360.0, 1230.0, 2450.0), (490.0, 1460.0, 2540.0), (640.0, 1260.0, 2460.0),
     (800.0, 1500.0, 2560.0)),
    ((270.0, 1420.0, 2520.0), (440.0, 1870.0, 2700.0), (440.0, 1060.0, 2370.0), (670.0, 1770.0, 2660.0),
     (670.0, 1080.0, 2380.0)),
    ((290.0, 2090.0, 2780.0), (390.0, 1780.0, 2650.0), (490.0, 1370.0, 2490.0), (610.0, 1080.0, 2380.0),
     (680.0, 970.0, 2320.0)),
)  # fmt: skip
"""First three formants of a grown man's five vowels, for each nationality: a triangle (i e a o u); a column of central
vowels that differ in how open they are; a triangle on its head, with one close and two open vowels; and a slope from a
close front vowel to an open back one."""
