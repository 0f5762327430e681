from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.world.people import Person, make_people, make_person, make_session
from visavox.world.population import CATEGORIES, DIMENSIONS, N_PRIVATE, Leaks, Population

LEAKY = Population(
    correlations=(0.0, 0.2, 0.4, 0.6, 0.8, 0.95),
    face_reliability=0.9,
    voice_reliability=0.7,
    leaks=Leaks(recording=0.6, nationality=0.8, language=0.3),
)


@pytest.fixture(scope="module")
def crowd() -> list[Person]:
    return make_people(3000, seed=0, population=LEAKY)


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    assert make_people(5, seed=3) == make_people(5, seed=3)
    assert make_people(5, seed=3) != make_people(5, seed=4)


def test_a_larger_world_begins_with_the_people_of_a_smaller_one() -> None:
    assert make_people(9, seed=1)[:4] == make_people(4, seed=1)
    assert make_people(9, seed=1)[7] == make_person(7, seed=1)


def test_names_are_unique_and_the_sexes_balanced(crowd: list[Person]) -> None:
    assert len({person.name for person in crowd}) == len(crowd)
    assert sum(person.sex == "f" for person in crowd) == len(crowd) // 2


def test_face_and_voice_are_standard_normal_with_the_asked_correlations(crowd: list[Person]) -> None:
    face = np.array([person.face.shared for person in crowd])
    voice = np.array([person.voice.shared for person in crowd])
    assert face.shape == voice.shape == (len(crowd), len(DIMENSIONS))
    for table in (face, voice):
        assert np.abs(table.mean(axis=0)).max() < 0.08
        assert np.abs(table.std(axis=0) - 1.0).max() < 0.06
    cross = np.corrcoef(face.T, voice.T)[: len(DIMENSIONS), len(DIMENSIONS) :]
    assert np.diag(cross) == pytest.approx(LEAKY.correlations, abs=0.06)
    assert np.abs(cross - np.diag(np.diag(cross))).max() < 0.08


def test_private_numbers_tell_nothing_about_the_other_modality(crowd: list[Person]) -> None:
    face = np.array([person.face.private for person in crowd])
    voice = np.array([[*person.voice.private, *person.voice.shared] for person in crowd])
    assert face.shape == (len(crowd), N_PRIVATE)
    assert np.abs(np.corrcoef(face.T, voice.T)[:N_PRIVATE, N_PRIVATE:]).max() < 0.09


def test_each_modality_shows_the_own_sex_with_its_reliability_and_independently(crowd: list[Person]) -> None:
    by_face = np.array([person.face.sex == person.sex for person in crowd])
    by_voice = np.array([person.voice.sex == person.sex for person in crowd])
    assert by_face.mean() == pytest.approx(0.9, abs=0.025)
    assert by_voice.mean() == pytest.approx(0.7, abs=0.035)
    assert (by_face & by_voice).mean() == pytest.approx(0.63, abs=0.035)


def test_the_sexes_have_the_same_latents_on_the_average(crowd: list[Person]) -> None:
    """Sex must reach face and voice by its own effects alone, or same-sex matching would measure something else."""
    means = [np.mean([person.face.shared for person in crowd if person.sex == sex], axis=0) for sex in "fm"]
    assert np.abs(means[0] - means[1]).max() < 0.13


@pytest.mark.parametrize("trait", ["nationality", "language"])
def test_categories_are_equally_frequent_and_shown_as_surely_as_they_leak(trait: str, crowd: list[Person]) -> None:
    own, face, voice = (
        np.array([getattr(side, trait) for side in sides])
        for sides in (crowd, [person.face for person in crowd], [person.voice for person in crowd])
    )
    n = len(CATEGORIES[trait])  # type: ignore[index]
    for shown in (own, face, voice):
        assert np.bincount(shown, minlength=n) / len(crowd) == pytest.approx(np.full(n, 1 / n), abs=0.035)
    for shown in (face, voice):
        assert (shown == own).mean() == pytest.approx(LEAKY.shows_category(trait), abs=0.035)  # type: ignore[arg-type]
    assert (face == voice).mean() == pytest.approx(LEAKY.category_agreement(trait), abs=0.035)  # type: ignore[arg-type]


def test_wrong_categories_are_all_alike(crowd: list[Person]) -> None:
    steps = [(p.face.language - p.language) % 4 for p in crowd if p.face.language != p.language]
    assert np.bincount(steps, minlength=4)[1:] / len(steps) == pytest.approx(np.full(3, 1 / 3), abs=0.05)


def test_a_reliability_of_one_always_shows_the_own_sex() -> None:
    people = make_people(200, seed=2, population=Population(face_reliability=1.0, voice_reliability=1.0))
    assert all(person.sex == person.face.sex == person.voice.sex for person in people)


def test_without_correlation_the_face_stays_and_the_voice_is_its_own() -> None:
    alone, together = (make_person(0, seed=0, population=Population((c,) * 6)) for c in (0.0, 0.99))
    assert alone.face == together.face
    assert alone.voice.shared != together.voice.shared
    assert np.abs(np.subtract(together.voice.shared, together.face.shared)).max() < 0.5


def test_sessions_correlate_as_strongly_as_recordings_leak() -> None:
    drawn = [make_session(index, number, seed=0, population=LEAKY) for index in range(1000) for number in range(2)]
    picture, sound = (np.array([getattr(session, part) for session in drawn]) for part in ("picture", "sound"))
    assert np.corrcoef(picture, sound)[0, 1] == pytest.approx(0.6, abs=0.06)
    assert np.corrcoef(picture[::2], picture[1::2])[0, 1] == pytest.approx(0.0, abs=0.1)
    assert (picture.std(), sound.std()) == pytest.approx((1.0, 1.0), abs=0.06)
    assert make_session(3, 1, seed=0, population=LEAKY) == drawn[7]


def test_every_number_is_plain_so_that_a_person_can_be_saved_as_json() -> None:
    person = asdict(make_person(3, seed=0))
    assert json.loads(json.dumps(person))["face"]["sex"] in ("f", "m")
    assert {type(number) for number in (*person["face"]["shared"], *person["voice"]["private"])} == {float}


def test_bad_numbers_are_named() -> None:
    with pytest.raises(ConfigError, match="`n_people` must be at least 1. Got 0"):
        make_people(0, seed=0)
    with pytest.raises(ConfigError, match="`index` and `seed` must be 0 or more. Got index 0 and seed -1"):
        make_person(0, seed=-1)
    with pytest.raises(ConfigError, match="Got index 0 and number -1 and seed 0"):
        make_session(0, -1, seed=0)
