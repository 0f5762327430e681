"""People of the made-up world: who they are, and what of it their face and their voice show.

A person has a sex, which each modality shows with some reliability, and one latent number per dimension of
`DIMENSIONS` for the face and one for the voice. The two are standard normal and correlated: that correlation and the
shown sex are all that a voice tells about a face, unless a shortcut is planted (`visavox.world.population.Leaks`).
Private numbers belong to one modality alone and tell nothing about the other. What the numbers do to pixels and
samples is the affair of `visavox.world.faces` and `visavox.world.voices`.

Example:
    >>> anna, ben = make_people(2, seed=0)
    >>> anna.name, anna.sex, ben.sex
    ('w0-person-0000', 'f', 'm')
    >>> len(anna.face.shared) == len(anna.voice.shared) == len(DIMENSIONS)
    True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from visavox.errors import ConfigError
from visavox.world.population import CATEGORIES, DIMENSIONS, N_PRIVATE, Population, Trait

Sex = Literal["f", "m"]


@dataclass(frozen=True)
class Shown:
    """What one modality of a person shows: all that can ever be seen, or heard, of them."""

    sex: Sex
    """The sex it shows; with a reliability below 1 not always the person's own."""
    shared: tuple[float, ...]
    """One standard normal number for each of `DIMENSIONS`, correlated with that of the other modality."""
    private: tuple[float, ...]
    """`N_PRIVATE` standard normal numbers that the other modality knows nothing of."""
    nationality: int
    """Category of `CATEGORIES["nationality"]` that it looks or sounds like."""
    language: int
    """Category of `CATEGORIES["language"]` that it looks or sounds like."""


@dataclass(frozen=True)
class Person:
    """One made-up person."""

    name: str
    """Unique among worlds, by their seeds: "w0-person-0007"."""
    sex: Sex
    """The person's own, the label of the tables."""
    nationality: int
    """The person's own category of `CATEGORIES["nationality"]`."""
    language: int
    """The person's own category of `CATEGORIES["language"]`."""
    face: Shown
    """What the face shows."""
    voice: Shown
    """What the voice shows."""


@dataclass(frozen=True)
class Session:
    """One sitting: what it leaves in every picture and every sound that is taken in it."""

    picture: float
    """Standard normal; the colour of the light."""
    sound: float
    """Standard normal, correlated with `picture` as strongly as recordings leak; the colour of the microphone."""


def make_person(index: int, *, seed: int, population: Population | None = None) -> Person:
    """Return person number `index` of the world `seed`, whatever the number of people in it.

    Args:
        index: 0 or more. Even people are female and odd people male, so that every world is balanced.
        seed: 0 or more.
        population: the generative model; None: the default one.

    Raises:
        ConfigError: `index` or `seed` is negative.
    """
    _check_not_negative(index=index, seed=seed)
    model = population or Population()
    rng = np.random.default_rng([seed, index])
    rho = np.asarray(model.correlations)
    face = rng.standard_normal(len(DIMENSIONS))
    voice = rho * face + np.sqrt(1.0 - rho**2) * rng.standard_normal(len(DIMENSIONS))
    private = rng.standard_normal((2, N_PRIVATE))
    sex: Sex = "f" if index % 2 == 0 else "m"
    other: Sex = "m" if sex == "f" else "f"
    shown_sex = [sex if rng.random() < r else other for r in (model.face_reliability, model.voice_reliability)]
    own: dict[Trait, int] = {}
    shown: dict[Trait, list[int]] = {}
    for trait, names in CATEGORIES.items():
        own[trait] = int(rng.integers(len(names)))
        shown[trait] = [_show(own[trait], len(names), model.shows_category(trait), rng) for _ in range(2)]
    sides = [
        Shown(
            sex=shown_sex[side],
            shared=tuple(shared.tolist()),
            private=tuple(private[side].tolist()),
            nationality=shown["nationality"][side],
            language=shown["language"][side],
        )
        for side, shared in enumerate((face, voice))
    ]
    return Person(person_name(index, seed=seed), sex, own["nationality"], own["language"], *sides)


def person_name(index: int, *, seed: int) -> str:
    """Return the name of person number `index` of the world `seed`: no two worlds share one.

    Example:
        >>> person_name(7, seed=0)
        'w0-person-0007'
    """
    return f"w{seed}-person-{index:04d}"


def make_people(n_people: int, *, seed: int, population: Population | None = None) -> list[Person]:
    """Return the first `n_people` people of the world `seed`.

    Raises:
        ConfigError: `n_people` is below 1, or `seed` is negative.
    """
    if n_people < 1:
        raise ConfigError(f"`n_people` must be at least 1. Got {n_people}.")
    return [make_person(index, seed=seed, population=population) for index in range(n_people)]


def make_session(index: int, number: int, *, seed: int, population: Population | None = None) -> Session:
    """Return sitting `number` of person `index`.

    Args:
        index: of the person, 0 or more.
        number: of the sitting, 0 or more.
        seed: of the world.
        population: its leak of recording is read; None: the default one.

    Raises:
        ConfigError: `index`, `number` or `seed` is negative.
    """
    _check_not_negative(index=index, number=number, seed=seed)
    leak = (population or Population()).leaks.recording
    picture, own = np.random.default_rng([seed, index, 1, number, 9]).standard_normal(2)
    return Session(picture=float(picture), sound=float(leak * picture + np.sqrt(1.0 - leak**2) * own))


def _check_not_negative(**numbers: int) -> None:
    if min(numbers.values()) < 0:
        names = " and ".join(f"`{name}`" for name in numbers)
        raise ConfigError(f"{names} must be 0 or more. Got {' and '.join(f'{k} {v}' for k, v in numbers.items())}.")


def _show(own: int, n: int, probability: float, rng: np.random.Generator) -> int:
    """Return the own category with a probability, otherwise one of the others, all alike."""
    shows_own, shift = rng.random(), int(rng.integers(1, n))
    return own if shows_own < probability else (own + shift) % n
