"""The Rasch fit: known difficulties come back, tiny cases agree with a grid, edges are named."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.metrics.rasch import Answers, chance_right, fit_rasch
from visavox.metrics.rasch_likelihood import marginal_log_likelihood, quadrature


def simulated(
    n_persons: int, n_items: int, n_each: int, *, guessing: float = 0.0, spread: float = 0.8, seed: int = 0
) -> tuple[Answers, np.ndarray, np.ndarray]:
    """Answers of persons who each got `n_each` items at random, with the true difficulties and abilities."""
    rng = np.random.default_rng(seed)
    difficulty, ability = rng.normal(-0.5, 1.0, n_items), rng.normal(0, spread, n_persons)
    persons = np.repeat(np.arange(n_persons), n_each)
    items = np.concatenate([rng.permutation(n_items)[:n_each] for _ in range(n_persons)])
    conditions = rng.integers(0, 2, len(items))
    logit = ability[persons] - difficulty[items] + 1.5 * conditions
    right = rng.random(len(items)) < chance_right(logit, guessing=guessing)
    return Answers.of(persons, items, right, conditions=conditions), difficulty, ability


def test_known_difficulties_effects_and_spreads_come_back() -> None:
    answers, difficulty, ability = simulated(500, 15, 8)
    found = fit_rasch(answers)
    assert found.converged and found.n_parts == 1
    off = (found.difficulty - difficulty) / found.difficulty_se
    assert np.sqrt((off**2).mean()) < 1.6
    assert np.abs(found.difficulty - difficulty).max() < 0.4
    assert found.difficulty_se.min() > 0.1 and found.difficulty_se.max() < 0.25
    assert found.effect[1] == pytest.approx(1.5, abs=3 * found.effect_se[1])
    assert found.spread_of_abilities == pytest.approx(0.8, abs=0.15)
    assert found.spread_of_difficulties == pytest.approx(difficulty.std(), abs=0.15)
    assert np.corrcoef(found.ability, ability)[0, 1] > 0.6
    assert np.mean((found.ability - ability) ** 2) == pytest.approx(np.mean(found.ability_se**2), rel=0.2)
    assert abs(found.ability.mean()) < 0.05


@pytest.mark.slow
def test_with_guessing_the_right_floor_finds_the_difficulties_and_the_wrong_one_is_less_likely() -> None:
    answers, difficulty, _ = simulated(800, 10, 8, guessing=0.5, seed=4)
    right, wrong = fit_rasch(answers, guessing=0.5), fit_rasch(answers, guessing=0.0)
    assert right.log_likelihood > wrong.log_likelihood
    assert np.abs(right.difficulty - difficulty).max() < 0.9
    assert np.abs(right.difficulty - difficulty).mean() < np.abs(wrong.difficulty - difficulty).mean()
    assert right.chances().min() >= 0.5
    assert right.guessing == 0.5


@pytest.mark.parametrize("guessing", [0.0, 0.5])
def test_a_tiny_case_agrees_with_a_grid(guessing: float) -> None:
    """Two items and the spread, every combination of a grid tried: none is likelier than the fit."""
    persons, items = np.repeat(np.arange(20), 2), np.tile([0, 1], 20)
    right = np.array([1, 1] * 11 + [1, 0] * 4 + [0, 1] * 2 + [0, 0] * 3)
    answers, nodes = Answers.of(persons, items, right), quadrature(25)
    found = fit_rasch(answers, guessing=guessing, shrink=False)
    grids = (np.arange(-3, 2, 0.25), np.arange(-2, 3, 0.25), np.arange(0, 5, 0.5))
    best = max(
        (marginal_log_likelihood(answers, np.array(point), nodes, guessing=guessing), point)
        for point in itertools.product(*grids)
    )
    assert found.log_likelihood >= best[0]
    assert found.log_likelihood == pytest.approx(best[0], abs=0.2)
    assert found.difficulty == pytest.approx(best[1][:2], abs=0.75)  # a flat top
    assert math.isnan(found.spread_of_difficulties)


def test_standard_errors_are_those_of_a_share_when_all_are_alike() -> None:
    """One item each, abilities without spread: the logit of k of n has variance n / (k (n - k))."""
    right = np.array([1] * 30 + [0] * 10)
    found = fit_rasch(Answers.of(np.arange(40), np.zeros(40, dtype=int), right), shrink=False)
    assert found.spread_of_abilities == pytest.approx(0.0, abs=0.05)
    assert found.difficulty[0] == pytest.approx(-math.log(3), abs=0.01)
    assert found.difficulty_se[0] == pytest.approx(math.sqrt(40 / (30 * 10)), rel=0.02)


def test_items_that_all_get_right_or_wrong_or_nobody_saw() -> None:
    """Item 0 always right, 1 always wrong, 2 half, 3 never asked, 4 once, and right; person 4 never answers."""
    persons = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    items = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 4]
    right = [1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1]
    answers = Answers.of(persons, items, right, sizes=(5, 5, 1))
    plain, shrunk = fit_rasch(answers, shrink=False), fit_rasch(answers)
    assert plain.difficulty[[0, 1, 4]].tolist() == [-np.inf, np.inf, -np.inf]
    assert np.isnan(plain.difficulty_se[[0, 1, 3, 4]]).all() and plain.difficulty_se[2] > 0
    assert np.isfinite(shrunk.difficulty[[0, 1, 2, 4]]).all()
    assert np.isnan(shrunk.difficulty[3]) and np.isnan(shrunk.difficulty_se[3])
    assert shrunk.difficulty[0] < shrunk.difficulty[4] < shrunk.difficulty[2] < shrunk.difficulty[1]
    assert shrunk.difficulty_se[4] > shrunk.difficulty_se[2]
    assert (shrunk.ability[4], shrunk.ability_se[4]) == pytest.approx((0.0, shrunk.spread_of_abilities))
    assert shrunk.n_answers.tolist() == [4, 4, 4, 0, 1]


def test_persons_who_get_all_right_stay_finite() -> None:
    answers, _, _ = simulated(40, 5, 5, spread=2.0, seed=3)
    right = np.where(answers.persons == 0, True, np.where(answers.persons == 1, False, answers.right))
    found = fit_rasch(Answers.of(answers.persons, answers.items, right))
    assert found.ability[0] == found.ability.max() < 5
    assert found.ability[1] == found.ability.min() > -5


def test_parts_that_share_nobody_are_counted() -> None:
    answers = Answers.of([0, 0, 1, 1, 2, 3], [0, 1, 0, 1, 2, 2], [1, 0, 0, 1, 1, 0], sizes=(6, 4, 1))
    assert fit_rasch(answers).n_parts == 2


@pytest.mark.slow
def test_when_all_items_are_alike_their_spread_vanishes() -> None:
    rng = np.random.default_rng(5)
    persons, items = np.repeat(np.arange(100), 5), np.tile(np.arange(5), 100)
    found = fit_rasch(Answers.of(persons, items, rng.random(500) < 0.7))
    assert found.spread_of_difficulties < 0.25
    assert found.chances() == pytest.approx(np.full(5, 0.7), abs=0.06)
    assert found.chances(10.0) == pytest.approx(np.ones(5), abs=1e-3)


def test_a_start_changes_nothing_but_the_time() -> None:
    answers, _, _ = simulated(60, 6, 4, seed=6)
    cold = fit_rasch(answers)
    warm = fit_rasch(answers, start=cold)
    assert warm.difficulty == pytest.approx(cold.difficulty, abs=0.01)
    assert warm.spread_of_difficulties == pytest.approx(cold.spread_of_difficulties, abs=0.01)


def test_a_floor_of_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^`guessing` must be 0 or more and below 1\. Got 1\. Use 0\.5 for two"):
        fit_rasch(Answers.of([0], [0], [1]), guessing=1)
