"""Vectors are what faces and voices show, in columns that have names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.world.latent_vectors import column_names, latent_vectors, rotation
from visavox.world.people import Shown, make_people, make_session
from visavox.world.population import CATEGORIES, Leaks, Population
from visavox.world.world_folder import VectorSettings, World

PLAIN = World(n_people=40, n_clips=3, seed=2, layout="embeddings")
LEAKY = replace(PLAIN, population=Population(leaks=Leaks(recording=0.9, nationality=0.7, language=0.4)))


def slow_row(world: World, shown: Shown, colour: float) -> list[float]:
    """One vector, written out from the definition."""
    row = [-1.0 if shown.sex == "f" else 1.0, *shown.shared, *shown.private]
    for trait, category in (("nationality", shown.nationality), ("language", shown.language)):
        if getattr(world.population.leaks, trait) > 0:
            row += [1.0 if i == category else 0.0 for i in range(len(CATEGORIES[trait]))]  # type: ignore[index]
    return row + ([colour] if world.population.leaks.recording > 0 else [])


@pytest.mark.parametrize("world", [PLAIN, LEAKY], ids=["plain", "leaky"])
def test_vectors_are_the_numbers_written_out(world: World) -> None:
    people = make_people(40, seed=2, population=world.population)
    found = latent_vectors(world, people)
    row = 0
    for index, person in enumerate(people):
        for clip in range(3):
            session = make_session(index, clip // 2, seed=2, population=world.population)
            assert found["voice"][row].tolist() == np.float32(slow_row(world, person.voice, session.sound)).tolist()
            assert found["face"][row].tolist() == np.float32(slow_row(world, person.face, session.picture)).tolist()
            row += 1
    assert found["voice"].shape == found["face"].shape == (row, len(column_names(world)))


def test_columns_are_there_only_for_what_leaks() -> None:
    assert column_names(PLAIN) == (
        "sex", "age", "size", "build", "vigour", "softness", "mouth", *(f"private_{i}" for i in range(8))
    )  # fmt: skip
    extra = column_names(LEAKY)[15:]
    assert extra[0] == "nationality_Arvia" and extra[4] == "language_arvish" and extra[-1] == "session"
    assert len(extra) == 9


def test_a_part_of_the_people_has_the_vectors_it_has_in_the_whole() -> None:
    world = replace(LEAKY, vectors=VectorSettings(nuisance=0.5, dim=30))
    people = make_people(40, seed=2, population=world.population)
    whole = latent_vectors(world, people)
    part = latent_vectors(world, people[30:33], first=30)
    for side in ("voice", "face"):
        np.testing.assert_array_equal(part[side], whole[side][90:99])


def test_without_nuisance_the_clips_of_a_session_are_alike_and_with_it_they_spread_as_asked() -> None:
    people = make_people(40, seed=2)
    plain = latent_vectors(PLAIN, people)["voice"].reshape(40, 3, -1)
    assert np.ptp(plain, axis=1).max() == 0
    noisy = latent_vectors(replace(PLAIN, vectors=VectorSettings(nuisance=0.5)), people)
    spread = {
        side: noisy[side].reshape(40, 3, -1) - latent_vectors(PLAIN, people)[side].reshape(40, 3, -1) for side in noisy
    }
    assert spread["voice"].std() == pytest.approx(0.5, rel=0.05)  # 1800 numbers
    assert abs(np.corrcoef(spread["voice"].ravel(), spread["face"].ravel())[0, 1]) < 0.1
    assert np.abs(spread["voice"][:, 0] - spread["voice"][:, 1]).min() > 0


def test_a_rotation_keeps_lengths_and_angles_and_differs_by_modality() -> None:
    turn = rotation(15, 64, 0)
    np.testing.assert_allclose(turn @ turn.T, np.eye(15), atol=1e-12)
    assert np.abs(turn - rotation(15, 64, 1)).max() > 0.1
    np.testing.assert_array_equal(turn, rotation(15, 64, 0))
    people = make_people(40, seed=2)
    plain = latent_vectors(PLAIN, people)["face"]
    turned = latent_vectors(replace(PLAIN, vectors=VectorSettings(dim=64)), people)["face"]
    assert turned.shape == (120, 64)
    np.testing.assert_allclose(turned @ turned.T, plain @ plain.T, atol=1e-4)


def test_another_seed_has_the_same_rotation_and_other_people() -> None:
    """A model that was trained on one world must be of use in the next."""
    world = replace(PLAIN, vectors=VectorSettings(dim=20))
    ours, theirs = (
        latent_vectors(replace(world, seed=seed), make_people(40, seed=seed))["face"] @ rotation(15, 20, 1).T
        for seed in (2, 3)
    )
    assert np.abs(ours[:, 7:] - theirs[:, 7:]).max() > 1
    np.testing.assert_allclose(np.abs(ours[:, 0]), 1, atol=1e-6)
    np.testing.assert_allclose(np.abs(theirs[:, 0]), 1, atol=1e-6)


def test_a_rotation_into_fewer_numbers_is_refused() -> None:
    with pytest.raises(ConfigError, match="`dim` must be 0 or at least 15, .* Got 14"):
        rotation(15, 14, 0)
