"""People of the made-up world: who they are, and what of it their face and their voice show.

A person has a sex, which both modalities show, and one latent number per dimension of `DIMENSIONS` for the face and
one for the voice. The two are standard normal and correlated: that correlation is all that a voice tells about a face
beyond the sex. Private numbers belong to one modality alone and tell nothing about the other. What the numbers do to
pixels and samples is the affair of `visavox.world.looks` and `visavox.world.synthetic_voices`.

Example:
    >>> anna, ben = make_people(2, seed=0)
    >>> anna.name, anna.sex, ben.sex
    ('person-0000', 'f', 'm')
    >>> len(anna.face) == len(anna.voice) == len(DIMENSIONS)
    True
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from visavox.errors import ConfigError

DIMENSIONS = ("age", "size", "build", "vigour", "softness", "mouth")
"""Shared dimensions. In the face: grey hair and wrinkles; a long face and a big jaw; a wide face; strong brows and
open eyes; much hair, a short broad nose and high
brows; full lips. In the voice: roughness and slowness; a long vocal tract; a low pitch; a bright
spectrum and lively melody; breath; the place of the third and fourth formants."""

N_PRIVATE = 8
"""Private numbers of each modality."""

DEFAULT_CORRELATION = 0.95
"""Correlation of what face and voice show of each shared dimension, unless told otherwise."""


@dataclass(frozen=True)
class Person:
    """One made-up person."""

    name: str
    """Unique within a world: "person-0007"."""
    sex: Literal["f", "m"]
    """Shown by the face and by the voice."""
    face: tuple[float, ...]
    """What the face shows of each of `DIMENSIONS`; standard normal."""
    voice: tuple[float, ...]
    """What the voice shows of each of `DIMENSIONS`; standard normal, correlated with `face`."""
    face_private: tuple[float, ...]
    """`N_PRIVATE` standard normal numbers that only the face shows."""
    voice_private: tuple[float, ...]
    """`N_PRIVATE` standard normal numbers that only the voice shows."""


def make_person(index: int, *, seed: int, correlation: float = DEFAULT_CORRELATION) -> Person:
    """Return person number `index` of the world `seed`, whatever the number of people in it.

    Args:
        index: 0 or more. Even people are female and odd people male, so that every world is balanced.
        seed: 0 or more.
        correlation: between the face's and the voice's number of each shared dimension, 0 to 1.

    Raises:
        ConfigError: `index` or `seed` is negative, or `correlation` is outside 0 to 1.
    """
    if index < 0 or seed < 0:
        raise ConfigError(f"`index` and `seed` must be 0 or more. Got index {index} and seed {seed}.")
    if not 0.0 <= correlation <= 1.0:
        raise ConfigError(f"`correlation` must be between 0 and 1. Got {correlation}.")
    rng = np.random.default_rng([seed, index])
    face = rng.standard_normal(len(DIMENSIONS))
    voice = correlation * face + math.sqrt(1.0 - correlation**2) * rng.standard_normal(len(DIMENSIONS))
    return Person(
        name=f"person-{index:04d}",
        sex="f" if index % 2 == 0 else "m",
        face=tuple(face.tolist()),
        voice=tuple(voice.tolist()),
        face_private=tuple(rng.standard_normal(N_PRIVATE).tolist()),
        voice_private=tuple(rng.standard_normal(N_PRIVATE).tolist()),
    )


def make_people(n_people: int, *, seed: int, correlation: float = DEFAULT_CORRELATION) -> list[Person]:
    """Return the first `n_people` people of the world `seed`.

    Raises:
        ConfigError: `n_people` is below 1, `seed` is negative, or `correlation` is outside 0 to 1.
    """
    if n_people < 1:
        raise ConfigError(f"`n_people` must be at least 1. Got {n_people}.")
    return [make_person(index, seed=seed, correlation=correlation) for index in range(n_people)]
