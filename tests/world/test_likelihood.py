from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from visavox.errors import ConfigError
from visavox.world.drawn_population import draw_shown
from visavox.world.likelihood import (
    ShownArrays,
    agreement_table,
    log_likelihood_ratio,
    paired_log_likelihood_ratio,
)
from visavox.world.people import Session, Shown, make_people, make_session
from visavox.world.population import CATEGORIES, Leaks, Population

LEAKY = Population(
    correlations=(0.0, 0.2, 0.4, 0.6, 0.8, 0.95),
    face_reliability=0.95,
    voice_reliability=0.8,
    leaks=Leaks(recording=0.6, nationality=0.8, language=0.3),
)


def log_probability_of_sexes(voice: str | None, face: str | None) -> float:
    """By enumeration of the person's own sex; None: not looked at."""
    total = 0.0
    for own in "fm":
        by_voice = 1.0 if voice is None else (0.8 if voice == own else 0.2)
        by_face = 1.0 if face is None else (0.95 if face == own else 0.05)
        total += 0.5 * by_voice * by_face
    return float(np.log(total))


def log_probability_of_categories(voice: int | None, face: int | None, strength: float) -> float:
    """By enumeration of the person's own category: it is shown, or else a category is drawn blindly."""
    total = 0.0
    for own in range(4):
        shows = [strength * (side == own) + (1 - strength) / 4 for side in (voice, face) if side is not None]
        total += np.prod(shows) / 4
    return float(np.log(total))


def slow_ratio(voice: Shown, sound: float, face: Shown, picture: float, *, shortcuts: bool) -> float:
    """The log likelihood ratio straight from the generative model, with the densities of scipy."""
    ratio = log_probability_of_sexes(voice.sex, face.sex)
    ratio -= log_probability_of_sexes(voice.sex, None) + log_probability_of_sexes(None, face.sex)
    normals = list(zip(voice.shared, face.shared, LEAKY.correlations, strict=True))
    if shortcuts:
        normals.append((sound, picture, 0.6))
        for a, b, strength in ((voice.nationality, face.nationality, 0.8), (voice.language, face.language, 0.3)):
            ratio += log_probability_of_categories(a, b, strength)
            ratio -= log_probability_of_categories(a, None, strength)
            ratio -= log_probability_of_categories(None, b, strength)
    for v, f, rho in normals:
        ratio += multivariate_normal.logpdf([v, f], cov=[[1, rho], [rho, 1]]) - norm.logpdf(v) - norm.logpdf(f)
    return ratio


@pytest.mark.parametrize("shortcuts", [False, True])
def test_the_closed_form_is_the_ratio_of_the_densities_of_the_generative_model(shortcuts: bool) -> None:
    people = make_people(12, seed=5, population=LEAKY)
    sessions = [make_session(index, 0, seed=5, population=LEAKY) for index in range(12)]
    voice = ShownArrays.of([p.voice for p in people], session=[s.sound for s in sessions])
    face = ShownArrays.of([p.face for p in people], session=[s.picture for s in sessions])
    found = log_likelihood_ratio(voice, face, LEAKY, shortcuts=shortcuts, same_session=shortcuts)
    assert found.shape == (12, 12)
    assert found.dtype == np.float64
    for i, j in itertools.product(range(12), range(12)):
        slow = slow_ratio(people[i].voice, sessions[i].sound, people[j].face, sessions[j].picture, shortcuts=shortcuts)
        assert found[i, j] == pytest.approx(slow, abs=1e-9)


def test_each_part_is_used_only_when_it_is_asked_for() -> None:
    people = draw_shown(50, np.random.default_rng(0), LEAKY)
    honest, traits, everything = (
        log_likelihood_ratio(people.voice, people.face, LEAKY, shortcuts=shortcuts, same_session=session)
        for shortcuts, session in ((False, False), (True, False), (True, True))
    )
    no_leaks = Population(LEAKY.correlations, LEAKY.face_reliability, LEAKY.voice_reliability)
    assert np.array_equal(honest, log_likelihood_ratio(people.voice, people.face, no_leaks))
    nationality = agreement_table(LEAKY.category_agreement("nationality"), 4)
    language = agreement_table(LEAKY.category_agreement("language"), 4)
    by_traits = nationality[people.voice.nationality][:, people.face.nationality]
    by_traits = by_traits + language[people.voice.language][:, people.face.language]
    assert traits - honest == pytest.approx(by_traits, abs=1e-9)
    recording = Population((0.6, 0, 0, 0, 0, 0), 0.5, 0.5)
    alone = [ShownArrays(s.sex, np.column_stack([s.session, np.zeros((50, 5))])) for s in (people.voice, people.face)]
    assert everything - traits == pytest.approx(log_likelihood_ratio(*alone, recording), abs=1e-9)


def test_without_the_shown_sex_only_the_table_of_sexes_is_missing() -> None:
    people = draw_shown(30, np.random.default_rng(1), LEAKY)
    with_sex = log_likelihood_ratio(people.voice, people.face, LEAKY)
    without = log_likelihood_ratio(people.voice, people.face, LEAKY, shown_sex=False)
    agree = people.voice.sex[:, np.newaxis] == people.face.sex
    assert with_sex - without == pytest.approx(np.where(agree, np.log(2 * 0.77), np.log(2 * 0.23)), abs=1e-9)


@given(st.integers(0, 10_000), st.lists(st.floats(0, 0.99), min_size=6, max_size=6), st.booleans())
@settings(max_examples=25, deadline=None)
def test_pairs_are_the_diagonal_and_voice_and_face_may_change_places(
    seed: int, correlations: list[float], shortcuts: bool
) -> None:
    world = Population(tuple(correlations), 0.9, 0.7, Leaks(0.5, 0.4, 1.0))
    people = draw_shown(9, np.random.default_rng(seed), world)
    options = {"shortcuts": shortcuts, "same_session": shortcuts}
    matrix = log_likelihood_ratio(people.voice, people.face, world, **options)
    swapped = log_likelihood_ratio(people.face, people.voice, world, **options)
    pairs = paired_log_likelihood_ratio(people.voice, people.face, world, **options)
    assert np.allclose(np.diag(matrix), pairs, atol=1e-9)
    assert np.allclose(matrix, swapped.T, atol=1e-9)
    rows = log_likelihood_ratio(
        people.voice.select(slice(2, 5)), people.face.select(np.array([7, 1])), world, **options
    )
    assert np.allclose(rows, matrix[2:5][:, [7, 1]], atol=1e-9)


def test_the_expected_ratio_of_two_people_is_one() -> None:
    """The mean of a likelihood ratio under its denominator is 1, whatever the world."""
    world = Population((0.5, 0.3, 0.0, 0.2, 0.4, 0.1), 0.9, 0.8, Leaks(0.3, 0.5, 0.2))
    people = draw_shown(200_000, np.random.default_rng(0), world)
    others = people.face.select(np.roll(np.arange(200_000), 1))
    ratio = np.exp(paired_log_likelihood_ratio(people.voice, others, world, shortcuts=True, same_session=True))
    assert ratio.mean() == pytest.approx(1.0, abs=5 * ratio.std() / np.sqrt(len(ratio)))
    assert ratio.std() > 0.5


def test_what_shares_nothing_has_a_ratio_of_exactly_nothing() -> None:
    world = Population((0.0,) * 6, 0.5, 0.9)
    people = draw_shown(20, np.random.default_rng(0), world)
    assert not log_likelihood_ratio(people.voice, people.face, world, shortcuts=True, same_session=True).any()


def test_a_reliability_and_a_leak_of_one_rule_out_what_disagrees() -> None:
    world = Population((0.5,) * 6, 1.0, 1.0, Leaks(language=1.0))
    people = draw_shown(40, np.random.default_rng(0), world)
    ratio = log_likelihood_ratio(people.voice, people.face, world, shortcuts=True)
    disagree = (people.voice.sex[:, np.newaxis] != people.face.sex) | (
        people.voice.language[:, np.newaxis] != people.face.language
    )
    assert np.array_equal(np.isneginf(ratio), disagree)
    assert np.isfinite(np.diag(ratio)).all()


def test_arrays_keep_the_order_and_the_codes_of_what_is_shown() -> None:
    people = make_people(4, seed=0)
    face = ShownArrays.of([person.face for person in people], session=[Session(0.5, 0.1).picture] * 4)
    assert len(face) == 4
    assert face.sex.tolist() == [int(person.face.sex == "m") for person in people]
    assert face.shared[3].tolist() == list(people[3].face.shared)
    assert face.language.tolist() == [person.face.language for person in people]
    assert max(face.nationality) < len(CATEGORIES["nationality"])
    assert face.session.tolist() == [0.5] * 4
    assert ShownArrays.of([]).sex.shape == (0,)


def test_what_is_missing_is_named() -> None:
    people = make_people(3, seed=0)
    shown = ShownArrays.of([person.face for person in people])
    bare = ShownArrays(shown.sex, shown.shared)
    with pytest.raises(ConfigError, match="`same_session` needs what the recording left in the voices. Got none"):
        log_likelihood_ratio(shown, shown, LEAKY, shortcuts=True, same_session=True)
    with pytest.raises(ConfigError, match="`shortcuts` needs the nationality that voice and face show"):
        log_likelihood_ratio(bare, shown, LEAKY, shortcuts=True)
    with pytest.raises(ConfigError, match="as many voices as faces. Got 3 and 2"):
        paired_log_likelihood_ratio(shown, shown.select(slice(2)), LEAKY)
