from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.world.people import DEFAULT_CORRELATION, DIMENSIONS, N_PRIVATE, make_people, make_person


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    assert make_people(5, seed=3) == make_people(5, seed=3)
    assert make_people(5, seed=3) != make_people(5, seed=4)


def test_a_larger_world_begins_with_the_people_of_a_smaller_one() -> None:
    assert make_people(9, seed=1)[:4] == make_people(4, seed=1)
    assert make_people(9, seed=1)[7] == make_person(7, seed=1)


def test_names_are_unique_and_the_sexes_balanced() -> None:
    people = make_people(40, seed=0)
    assert len({person.name for person in people}) == 40
    assert sum(person.sex == "f" for person in people) == 20


@pytest.mark.parametrize("correlation", [0.0, 0.5, DEFAULT_CORRELATION])
def test_face_and_voice_are_standard_normal_with_the_asked_correlation(correlation: float) -> None:
    people = make_people(3000, seed=0, correlation=correlation)
    face = np.array([person.face for person in people])
    voice = np.array([person.voice for person in people])
    assert face.shape == voice.shape == (3000, len(DIMENSIONS))
    for table in (face, voice):
        assert np.abs(table.mean(axis=0)).max() < 0.08
        assert np.abs(table.std(axis=0) - 1.0).max() < 0.06
    for k in range(len(DIMENSIONS)):
        assert np.corrcoef(face[:, k], voice[:, k])[0, 1] == pytest.approx(correlation, abs=0.06)
        others = [j for j in range(len(DIMENSIONS)) if j != k]
        assert np.abs([np.corrcoef(face[:, k], voice[:, j])[0, 1] for j in others]).max() < 0.08


def test_private_numbers_tell_nothing_about_the_other_modality() -> None:
    people = make_people(3000, seed=0)
    face = np.array([person.face_private for person in people])
    voice = np.array([person.voice_private for person in people])
    assert face.shape == voice.shape == (3000, N_PRIVATE)
    cross = np.corrcoef(face.T, voice.T)[:N_PRIVATE, N_PRIVATE:]
    assert np.abs(cross).max() < 0.09


def test_a_correlation_of_one_makes_face_and_voice_agree() -> None:
    person = make_person(4, seed=2, correlation=1.0)
    assert person.face == person.voice


def test_bad_numbers_are_named() -> None:
    with pytest.raises(ConfigError, match="`n_people` must be at least 1. Got 0"):
        make_people(0, seed=0)
    with pytest.raises(ConfigError, match="`correlation` must be between 0 and 1. Got 1.5"):
        make_people(2, seed=0, correlation=1.5)
    with pytest.raises(ConfigError, match="must be 0 or more. Got index 0 and seed -1"):
        make_person(0, seed=-1)


def test_every_number_is_a_plain_float_so_that_a_person_can_be_saved_as_json() -> None:
    person = make_person(3, seed=0)
    numbers = [*person.face, *person.voice, *person.face_private, *person.voice_private]
    assert {type(number) for number in numbers} == {float}
    assert len(numbers) == 2 * (len(DIMENSIONS) + N_PRIVATE)


def test_without_correlation_the_voice_of_a_person_is_its_own() -> None:
    alone, together = (make_person(0, seed=0, correlation=c) for c in (0.0, 1.0))
    assert alone.face == together.face
    assert alone.voice != together.voice


def test_the_sexes_have_the_same_latents_on_the_average() -> None:
    """Sex must reach face and voice by its own effects alone, or same-gender matching would measure something else."""
    people = make_people(2000, seed=1)
    means = [np.mean([person.face for person in people if person.sex == sex], axis=0) for sex in "fm"]
    assert np.abs(means[0] - means[1]).max() < 0.15
