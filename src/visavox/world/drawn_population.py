"""Many people of the made-up world at once, as arrays: the law of `visavox.world.people.make_person`, vectorised.

For Monte Carlo, where a hundred thousand people are needed and no one has a name, a face or private numbers. These
are other people than those of `make_person` with the same seed; only their distribution is the same, except that here
the sex of each is drawn and there it alternates.

Example:
    >>> people = draw_shown(3, np.random.default_rng(0), Population())
    >>> people.own_sex.shape, people.voice.shared.shape
    ((3,), (3, 6))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError
from visavox.world.likelihood import ShownArrays
from visavox.world.population import CATEGORIES, DIMENSIONS, Population, Trait


@dataclass(frozen=True)
class DrawnPeople:
    """People with one voice and one face each, both of one session."""

    own_sex: NDArray[np.int8]
    """(n,) the people's own sex: 0 female, 1 male."""
    voice: ShownArrays
    """What the voices show, with `session`."""
    face: ShownArrays
    """What the faces show, with `session`."""

    def __len__(self) -> int:
        return len(self.own_sex)

    def select(self, rows: slice) -> DrawnPeople:
        """Return the people of these rows."""
        return DrawnPeople(self.own_sex[rows], self.voice.select(rows), self.face.select(rows))


def draw_shown(n: int, rng: np.random.Generator, population: Population) -> DrawnPeople:
    """Draw people at random, female and male with equal probability.

    Args:
        n: how many, 1 or more.
        rng: its state decides everything.
        population: the generative model.

    Raises:
        ConfigError: `n` is below 1.
    """
    if n < 1:
        raise ConfigError(f"`n` must be at least 1. Got {n}.")
    own_sex = rng.integers(2, size=n, dtype=np.int8)
    face_sex, voice_sex = (
        np.where(rng.random(n) < reliability, own_sex, 1 - own_sex).astype(np.int8)
        for reliability in (population.face_reliability, population.voice_reliability)
    )
    face, voice = _correlated(np.asarray(population.correlations), (n, len(DIMENSIONS)), rng)
    picture, sound = _correlated(np.asarray(population.leaks.recording), (n,), rng)
    face_nationality, voice_nationality = _draw_trait("nationality", n, rng, population)
    face_language, voice_language = _draw_trait("language", n, rng, population)
    return DrawnPeople(
        own_sex=own_sex,
        voice=ShownArrays(voice_sex, voice, voice_nationality, voice_language, sound),
        face=ShownArrays(face_sex, face, face_nationality, face_language, picture),
    )


def _correlated(
    rho: NDArray[np.float64], shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two arrays of standard normal numbers, correlated place by place."""
    first = rng.standard_normal(shape)
    return first, rho * first + np.sqrt(1.0 - rho**2) * rng.standard_normal(shape)


def _draw_trait(
    trait: Trait, n: int, rng: np.random.Generator, population: Population
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return the category of a trait that the face, and the voice, of each person show."""
    n_categories = len(CATEGORIES[trait])
    own = rng.integers(n_categories, size=n)
    sides = []
    for _ in range(2):
        shift = rng.integers(1, n_categories, size=n)
        shows_own = rng.random(n) < population.shows_category(trait)
        sides.append(np.where(shows_own, own, (own + shift) % n_categories).astype(np.int8))
    return sides[0], sides[1]
