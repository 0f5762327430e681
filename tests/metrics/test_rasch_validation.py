"""Answers foretold by a model of other answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.metrics.rasch import Answers, chance_right, fit_rasch
from visavox.metrics.rasch_validation import (
    dealt_folds,
    foretold_chances,
    held_out_log_likelihood,
    held_out_rates,
    log_of_outcome,
)


@pytest.fixture(scope="module")
def answers() -> Answers:
    """300 persons, 8 items of very different difficulty, 4 answers each."""
    rng = np.random.default_rng(0)
    persons = np.repeat(np.arange(300), 4)
    items = np.concatenate([rng.permutation(8)[:4] for _ in range(300)])
    logit = rng.normal(size=300)[persons] - np.linspace(-2, 2, 8)[items]
    return Answers.of(persons, items, rng.random(1200) < chance_right(logit, guessing=0.0))


@pytest.mark.slow
def test_who_knows_items_and_persons_foretells_better_than_the_rate(answers: Answers) -> None:
    rasch = held_out_log_likelihood(answers, n_folds=3, rng=np.random.default_rng(1))
    rates = held_out_rates(answers, n_folds=3, rng=np.random.default_rng(1))
    assert rasch.mean() > rates.mean() + 0.05
    assert rates.mean() == pytest.approx(-math.log(2), abs=0.02)
    start = fit_rasch(answers)
    warm = held_out_log_likelihood(answers, n_folds=3, rng=np.random.default_rng(1), start=start)
    assert warm.mean() == pytest.approx(rasch.mean(), abs=1e-3)


def test_foretold_chances_average_over_what_is_not_known(answers: Answers) -> None:
    """An able person is foretold better than a stranger, who is foretold as the mean of the population."""
    known = answers.only(answers.persons < 299)
    fit = fit_rasch(known)
    best, worst = int(fit.ability[:299].argmax()), int(fit.ability[:299].argmin())
    asked = Answers.of([best, 299, worst], [3, 3, 3], [1, 1, 1], sizes=(300, 8, 1))
    high, middle, low = foretold_chances(fit, known, asked)
    assert high > middle > low
    draws = np.random.default_rng(0).normal(0, fit.spread_of_abilities, 200_000) - fit.difficulty[3]
    assert middle == pytest.approx(chance_right(draws, guessing=0.0).mean(), abs=0.003)


def test_an_item_without_answers_counts_as_an_average_one() -> None:
    known = Answers.of([0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 1, 0], sizes=(2, 3, 1))
    fit = fit_rasch(known)
    asked = Answers.of([0], [2], [1], sizes=(2, 3, 1))
    easy, hard = (foretold_chances(fit, known, Answers.of([0], [i], [1], sizes=(2, 3, 1)))[0] for i in (0, 1))
    assert hard < foretold_chances(fit, known, asked)[0] < easy


def test_rates_are_those_of_the_other_folds() -> None:
    right = np.array([1, 1, 0, 1, 0, 0, 1, 1])
    few = Answers.of(
        np.zeros(8, dtype=int), np.zeros(8, dtype=int), right, conditions=np.array([0, 0, 0, 0, 1, 1, 1, 1])
    )
    fold = dealt_folds(8, n_folds=4, rng=np.random.default_rng(2))
    found = held_out_rates(few, n_folds=4, rng=np.random.default_rng(2))
    for k in range(8):
        others = [j for j in range(8) if fold[j] != fold[k] and few.conditions[j] == few.conditions[k]]
        rate = (right[others].sum() + 1) / (len(others) + 2)
        assert found[k] == pytest.approx(math.log(rate if right[k] else 1 - rate))


def test_surprises_cost_a_finite_sum() -> None:
    asked = Answers.of([0, 0], [0, 0], [True, False])
    assert log_of_outcome(np.array([0.0, 1.0]), asked) == pytest.approx([math.log(1e-6)] * 2)


def test_folds_are_even_and_their_number_is_checked() -> None:
    sizes = np.bincount(dealt_folds(11, n_folds=3, rng=np.random.default_rng(0)))
    assert sorted(sizes.tolist()) == [3, 4, 4]
    with pytest.raises(ConfigError, match=r"^`n_folds` must be 2 to the 5 answers\. Got 6\.$"):
        dealt_folds(5, n_folds=6, rng=np.random.default_rng(0))
