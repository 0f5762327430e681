from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.world.drawn_population import draw_shown
from visavox.world.likelihood import ShownArrays
from visavox.world.people import make_people, make_session
from visavox.world.population import Leaks, Population

WORLD = Population(
    correlations=(0.0, 0.2, 0.4, 0.6, 0.8, 0.95),
    face_reliability=0.9,
    voice_reliability=0.7,
    leaks=Leaks(recording=0.6, nationality=0.8, language=0.3),
)


def statistics(own_sex: np.ndarray, voice: ShownArrays, face: ShownArrays) -> np.ndarray:
    """Means that describe the joint law of one person's sex, voice and face, each of values of spread about 1."""
    columns = [own_sex, voice.sex, face.sex, voice.sex == own_sex, face.sex == own_sex, voice.sex == face.sex]
    columns += [(voice.sex == own_sex) & (face.sex == own_sex), voice.session, face.session]
    columns += [voice.session * face.session, face.session**2, voice.session**2]
    for trait in ("nationality", "language"):
        a, b = getattr(voice, trait), getattr(face, trait)
        columns += [a == k for k in range(4)] + [b == k for k in range(4)] + [(b - a) % 4 == k for k in range(4)]
    for k in range(6):
        v, f = voice.shared[:, k], face.shared[:, k]
        columns += [v, f, v**2, f**2, v * f, f * voice.shared[:, k - 1], f * own_sex, v * voice.sex]
    return np.stack([np.asarray(column, dtype=float) for column in columns])


def test_the_law_is_that_of_made_people() -> None:
    """Every mean of the made people lies within its sampling error of the mean of the drawn ones."""
    n = 4000
    made = make_people(n, seed=1, population=WORLD)
    sessions = [make_session(index, 0, seed=1, population=WORLD) for index in range(n)]
    one = statistics(
        np.array([person.sex == "m" for person in made], dtype=np.int8),
        ShownArrays.of([person.voice for person in made], session=[s.sound for s in sessions]),
        ShownArrays.of([person.face for person in made], session=[s.picture for s in sessions]),
    )
    drawn = draw_shown(100_000, np.random.default_rng(0), WORLD)
    many = statistics(drawn.own_sex, drawn.voice, drawn.face)
    error = many.std(axis=1) * np.sqrt(1 / n + 1 / 100_000)
    assert np.abs((one.mean(axis=1) - many.mean(axis=1)) / error).max() < 3.8
    assert one.shape[0] > 80


def test_the_state_of_the_generator_decides_everything() -> None:
    one, again, other = (draw_shown(50, np.random.default_rng(seed), WORLD) for seed in (0, 0, 1))
    assert np.array_equal(one.voice.shared, again.voice.shared)
    assert np.array_equal(one.face.session, again.face.session)
    assert not np.array_equal(one.voice.shared, other.voice.shared)


def test_rows_stay_together_when_people_are_selected() -> None:
    people = draw_shown(50, np.random.default_rng(0), WORLD)
    few = people.select(slice(10, 13))
    assert len(people) == 50
    assert len(few) == 3
    assert np.array_equal(few.own_sex, people.own_sex[10:13])
    assert np.array_equal(few.face.language, people.face.language[10:13])
    assert np.array_equal(few.voice.shared, people.voice.shared[10:13])


def test_nobody_cannot_be_drawn() -> None:
    with pytest.raises(ConfigError, match="`n` must be at least 1. Got 0"):
        draw_shown(0, np.random.default_rng(0), WORLD)
