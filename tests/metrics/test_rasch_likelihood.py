"""The Rasch likelihood against loops, finite differences and sums that can be done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.rasch_likelihood import (
    Answers,
    Nodes,
    chance_right,
    likelihood_and_gradient,
    log_chance,
    logits,
    marginal_log_likelihood,
    observed_information,
    person_posteriors,
    quadrature,
    unpacked,
)

FLOORS = (0.0, 0.25, 0.5)


def some_answers(seed: int = 0, n: int = 40) -> Answers:
    """Answers of 7 persons to 5 items under 3 conditions; person 6 and item 4 have none."""
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, k, n) for k in (6, 4, 3)]
    return Answers.of(columns[0], columns[1], rng.random(n) < 0.6, conditions=columns[2], sizes=(7, 5, 3))


def slow_log_likelihood(answers: Answers, parameters: np.ndarray, nodes: Nodes, guessing: float) -> float:
    """Person by person, node by node, answer by answer."""
    difficulty, effect, spread = parameters[:5], [0.0, *parameters[5:7]], parameters[7]
    total = 0.0
    for person in range(answers.n_persons):
        mean = 0.0
        for point, log_weight in zip(nodes.points, nodes.log_weights, strict=True):
            product = math.exp(log_weight)
            for p, i, right, c in zip(answers.persons, answers.items, answers.right, answers.conditions, strict=True):
                if p != person:
                    continue
                logit = spread * point - difficulty[i] + effect[c]
                chance = guessing + (1 - guessing) / (1 + math.exp(-logit))
                product *= chance if right else 1 - chance
            mean += product
        total += math.log(mean)
    return total


@pytest.mark.parametrize("guessing", FLOORS)
def test_the_likelihood_is_that_of_the_loops(guessing: float) -> None:
    answers, nodes = some_answers(), quadrature(7)
    parameters = np.random.default_rng(1).normal(size=8)
    found = marginal_log_likelihood(answers, parameters, nodes, guessing=guessing)
    assert found == pytest.approx(slow_log_likelihood(answers, parameters, nodes, guessing), abs=1e-10)


@pytest.mark.parametrize("guessing", FLOORS)
def test_gradient_and_information_are_finite_differences(guessing: float) -> None:
    answers, nodes = some_answers(2), quadrature(9)
    parameters = np.random.default_rng(3).normal(size=8)
    value, gradient = likelihood_and_gradient(answers, parameters, nodes, guessing=guessing)
    information = observed_information(answers, parameters, nodes, guessing=guessing)
    assert value == marginal_log_likelihood(answers, parameters, nodes, guessing=guessing)
    assert np.abs(gradient[[0, 5, 7]]).min() > 1e-3
    for k in range(8):
        step = np.zeros(8)
        step[k] = 1e-5
        up = likelihood_and_gradient(answers, parameters + step, nodes, guessing=guessing)
        down = likelihood_and_gradient(answers, parameters - step, nodes, guessing=guessing)
        assert gradient[k] == pytest.approx((up[0] - down[0]) / 2e-5, abs=1e-6)
        np.testing.assert_allclose(-information[k], (up[1] - down[1]) / 2e-5, atol=1e-6)


def test_one_answer_averages_the_curve_over_the_population() -> None:
    """Of an average item half the population is right, whatever the spread; with a floor of 0.5, three quarters."""
    answers, nodes = Answers.of([0], [0], [True]), quadrature(61)
    for spread in (0.0, 1.0, 2.5):
        parameters = np.array([0.0, spread])
        assert marginal_log_likelihood(answers, parameters, nodes, guessing=0.0) == pytest.approx(math.log(0.5))
        assert marginal_log_likelihood(answers, parameters, nodes, guessing=0.5) == pytest.approx(math.log(0.75))


def test_quadrature_has_the_moments_of_the_normal() -> None:
    nodes = quadrature(15)
    weights = np.exp(nodes.log_weights)
    moments = [float(weights @ nodes.points**k) for k in range(7)]
    assert moments == pytest.approx([1, 0, 1, 0, 3, 0, 15], abs=1e-9)


def test_posteriors_lean_to_what_was_answered() -> None:
    answers, nodes = Answers.of([0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0], sizes=(3, 2, 1)), quadrature(21)
    total, posterior = person_posteriors(answers, np.array([0.0, 0.0, 1.0]), nodes, guessing=0.0)
    assert posterior.sum(axis=1) == pytest.approx([1, 1, 1])
    means = posterior @ nodes.points
    assert means[0] == pytest.approx(-means[1]) and means[0] > 0.3
    assert (total[2], means[2]) == pytest.approx((0.0, 0.0))


def test_chances_stay_finite_far_out() -> None:
    at, right = np.array([[-800.0, 0.0, 800.0]] * 2), np.array([True, False])
    plain = log_chance(at, right, guessing=0.0)
    assert plain[0] == pytest.approx([-800, math.log(0.5), 0])
    assert plain[1] == pytest.approx([0, math.log(0.5), -800])
    floor = log_chance(at, right, guessing=0.5)
    assert floor[0] == pytest.approx([math.log(0.5), math.log(0.75), 0])
    assert floor[1] == pytest.approx([math.log(0.5), math.log(0.25), -800 + math.log(0.5)])
    assert chance_right(at[0], guessing=0.5) == pytest.approx([0.5, 0.75, 1.0])


def test_logits_and_parameters_have_their_places() -> None:
    answers = Answers.of([0, 0], [0, 1], [1, 0], conditions=[0, 1])
    parameters = np.array([1.0, -2.0, 0.5, 3.0])
    assert logits(answers, parameters, np.array([0.0, 1.0])).tolist() == [[-1.0, 2.0], [2.5, 5.5]]
    difficulty, effect, spread = unpacked(answers, parameters)
    assert (difficulty.tolist(), effect.tolist(), spread) == ([1.0, -2.0], [0.0, 0.5], 3.0)
    assert answers.n_parameters == 4
    assert answers.only(np.array([False, True])).items.tolist() == [1]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (([], [], []), "lists of one length, 1 or more"),
        (([0, 1], [0], [1, 0]), "lists of one length"),
        (([0], [0], [0.5]), r"`right` must hold 0 or 1\. Got 0\.5"),
        (([-1], [0], [1]), r"`persons` must be whole numbers from 0 to 0\. Got -1\.\.-1"),
        (([0], [0.5], [1]), "`items` must be whole numbers"),
    ],
)
def test_answers_that_are_none_are_refused(columns: tuple[list[float], ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Answers.of(*columns)
    with pytest.raises(DataError, match=r"`items` must be whole numbers from 0 to 1\. Got 2\.\.2"):
        Answers.of([0], [2], [1], sizes=(1, 2, 1))
