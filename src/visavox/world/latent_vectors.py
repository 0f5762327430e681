"""What faces and voices show, as plain vectors: the world without pixels and samples.

A vector holds, in this order, the shown sex (f -1, m +1), the shared dimensions, the private numbers, and, only where
they leak, the shown nationality and language (one-hot) and the colour that the session leaves. An objective that
learns everything from these vectors reaches the ceiling, which makes them the test bed of objectives.

Example:
    >>> from visavox.world.people import make_people
    >>> world = World(n_people=2, n_clips=1, seed=0, layout="embeddings")
    >>> column_names(world)[:3], len(column_names(world))
    (('sex', 'age', 'size'), 15)
    >>> vectors = latent_vectors(world, make_people(2, seed=0))
    >>> vectors["voice"].shape, vectors["face"][:, 0].tolist()
    ((2, 15), [-1.0, 1.0])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError
from visavox.world.people import Person, Shown, make_session
from visavox.world.population import CATEGORIES, DIMENSIONS, N_PRIVATE
from visavox.world.world_folder import World

SIDES = ("voice", "face")
_NUISANCE = 2  # last number of a generator's seed; 0 and 1 are those of picture and sound


def column_names(world: World) -> tuple[str, ...]:
    """Return what each number of a vector is, before any rotation."""
    leaks = world.population.leaks
    names = ["sex", *DIMENSIONS, *(f"private_{i}" for i in range(N_PRIVATE))]
    for trait, strength in (("nationality", leaks.nationality), ("language", leaks.language)):
        names += [f"{trait}_{name}" for name in CATEGORIES[trait] if strength > 0]  # type: ignore[index]
    return (*names, "session") if leaks.recording > 0 else tuple(names)


def latent_vectors(world: World, people: Sequence[Person], *, first: int = 0) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of some people, clip after clip.

    Args:
        world: its settings; `vectors` says how much nuisance and which rotation.
        people: n people of it in a row.
        first: index of the first of them.

    Returns:
        For "voice" and "face": (n * n_clips, dim) float32, dim being that of `column_names` or of the rotation.

    Raises:
        ConfigError: the rotation has fewer numbers than there are to keep.
    """
    width = len(column_names(world))
    rows: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    nuisance = np.zeros((len(people) * world.n_clips, len(SIDES), width))
    for index, person in enumerate(people, start=first):
        shown = {"voice": _numbers(person.voice, world), "face": _numbers(person.face, world)}
        for clip in range(world.n_clips):
            heard, seen = _session(world, index, clip)
            rows["voice"].append(shown["voice"] + heard)
            rows["face"].append(shown["face"] + seen)
            if world.vectors.nuisance:
                rng = np.random.default_rng([world.seed, index, 2, clip, _NUISANCE])
                nuisance[len(rows["voice"]) - 1] = rng.standard_normal((len(SIDES), width))
    found = {}
    for number, side in enumerate(SIDES):
        plain = np.array(rows[side]).reshape(-1, width) + world.vectors.nuisance * nuisance[:, number]
        if world.vectors.dim:
            plain = plain @ rotation(width, world.vectors.dim, number)
        found[side] = plain.astype(np.float32)
    return found


def rotation(width: int, dim: int, number: int) -> NDArray[np.float64]:
    """Return the fixed matrix that hides the numbers: every world has the same, so that models carry over.

    Args:
        width: numbers that go in.
        dim: numbers that come out, `width` or more.
        number: 0 for voices, 1 for faces, which are rotated differently.

    Returns:
        (width, dim) float64 with orthonormal rows: lengths and angles stay as they are.

    Raises:
        ConfigError: `dim` is below `width`.
    """
    if dim < width:
        raise ConfigError(f"`dim` must be 0 or at least {width}, the numbers that a vector holds. Got {dim}.")
    drawn = np.random.default_rng([width, dim, number]).standard_normal((dim, width))
    columns, triangle = np.linalg.qr(drawn)  # (dim, width)
    return np.asarray((columns * np.sign(np.diag(triangle))).T, dtype=np.float64)


def _numbers(shown: Shown, world: World) -> list[float]:
    leaks = world.population.leaks
    numbers = [1.0 if shown.sex == "m" else -1.0, *shown.shared, *shown.private]
    if leaks.nationality > 0:
        numbers += _one_hot(shown.nationality, len(CATEGORIES["nationality"]))
    if leaks.language > 0:
        numbers += _one_hot(shown.language, len(CATEGORIES["language"]))
    return numbers


def _one_hot(category: int, n: int) -> list[float]:
    return [float(category == i) for i in range(n)]


def _session(world: World, index: int, clip: int) -> tuple[list[float], list[float]]:
    """Return what the session of a clip leaves in the voice and in the face; nothing where recordings do not leak."""
    if world.population.leaks.recording == 0:
        return [], []
    session = make_session(index, clip // world.clips_per_session, seed=world.seed, population=world.population)
    return [session.sound], [session.picture]
