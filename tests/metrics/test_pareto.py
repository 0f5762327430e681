"""The Pareto front against the definition, point by point."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.pareto import front_line, front_shares, pareto_front


def slow_front(costs: list[float], accuracies: list[float]) -> list[bool]:
    """Whether nobody is at least as good in both and better in one."""
    points = list(zip(costs, accuracies, strict=True))
    return [not any(c <= cost and a >= acc and (c < cost or a > acc) for c, a in points) for cost, acc in points]


@pytest.mark.parametrize("seed", range(8))
def test_the_front_is_that_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs, accuracies = rng.integers(0, 5, size=12).astype(float), rng.integers(0, 5, size=12) / 4
    assert pareto_front(costs, accuracies).tolist() == slow_front(costs.tolist(), accuracies.tolist())


def test_points_made_by_hand() -> None:
    costs, accuracies = np.array([1.0, 2.0, 2.0, 3.0, 4.0]), np.array([0.5, 0.7, 0.6, 0.7, 0.9])
    assert pareto_front(costs, accuracies).tolist() == [True, True, False, False, True]


def test_equal_points_stay_together_and_the_best_and_the_cheapest_always_do() -> None:
    assert pareto_front(np.array([2.0, 2.0, 5.0]), np.array([0.8, 0.8, 0.8])).tolist() == [True, True, False]
    rng = np.random.default_rng(0)
    costs, accuracies = rng.random(30), rng.random(30)
    found = pareto_front(costs, accuracies)
    assert found[accuracies.argmax()] and found[costs.argmin()]
    assert found.sum() < 30


def test_only_the_order_of_costs_and_accuracies_counts() -> None:
    rng = np.random.default_rng(3)
    costs, accuracies = rng.random(20) + 0.1, rng.random(20)
    found = pareto_front(costs, accuracies)
    np.testing.assert_array_equal(pareto_front(np.log(costs), accuracies**3), found)
    order = rng.permutation(20)
    np.testing.assert_array_equal(pareto_front(costs[order], accuracies[order]), found[order])


def test_what_is_unknown_is_on_no_front_and_beats_nobody() -> None:
    nan = float("nan")
    assert pareto_front(np.array([1.0, nan, 3.0]), np.array([nan, 0.9, 0.2])).tolist() == [False, False, True]
    assert pareto_front(np.empty(0), np.empty(0)).tolist() == []


def test_many_resamples_are_as_many_fronts() -> None:
    rng = np.random.default_rng(4)
    costs, drawn = rng.integers(0, 4, size=6).astype(float), rng.integers(0, 4, size=(9, 6)) / 3
    fronts = pareto_front(costs, drawn)
    assert fronts.tolist() == [slow_front(costs.tolist(), row.tolist()) for row in drawn]
    np.testing.assert_allclose(front_shares(costs, drawn), fronts.mean(axis=0))
    assert np.isnan(front_shares(costs, np.empty((0, 6)))).all()


def test_the_line_goes_by_cost_through_the_points_of_the_front() -> None:
    costs, accuracies = np.array([4.0, 1.0, 2.0, 3.0]), np.array([0.9, 0.5, 0.4, 0.7])
    places, on_front = front_line(costs, accuracies)
    assert places.tolist() == [1, 3, 0]
    assert on_front.tolist() == [True, True, False, True]
    assert (np.diff(accuracies[places]) > 0).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"Every point needs a cost and an accuracy. Got shapes \(2,\), \(3,\)"):
        pareto_front(np.ones(2), np.ones(3))
    with pytest.raises(DataError, match="Every point needs"):
        pareto_front(np.ones(2), np.ones((2, 2, 2)))
    with pytest.raises(DataError, match=r"`resampled` must be \(n_resamples, n\)"):
        front_shares(np.ones(2), np.ones(2))
