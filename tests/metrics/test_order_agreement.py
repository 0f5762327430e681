"""Whether an order holds, against scipy, counting by hand and closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from visavox.errors import DataError
from visavox.metrics.order_agreement import order_agreement, spearman_scores


def slow_counts(a: np.ndarray, b: np.ndarray) -> tuple[int, int, float]:
    """Pairs turned round, pairs that count, and Kendall's tau-b, pair by pair."""
    pairs = list(itertools.combinations(range(len(a)), 2))
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in pairs]
    n_a = sum(a[i] != a[j] for i, j in pairs)
    n_b = sum(b[i] != b[j] for i, j in pairs)
    return sum(s < 0 for s in signs), sum(s != 0 for s in signs), sum(signs) / math.sqrt(n_a * n_b)


@pytest.mark.parametrize("seed", range(6))
def test_the_counts_are_those_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, size=9) / 5, rng.integers(0, 6, size=9) / 5
    found = order_agreement(a, b)
    swapped, n_pairs, tau = slow_counts(a, b)
    assert (found.n_swapped, found.n_pairs, found.n_rows) == (swapped, n_pairs, 9)
    assert found.kendall == pytest.approx(tau)
    assert found.spearman == pytest.approx(float(spearmanr(a, b).statistic))


def test_equal_and_opposite_orders_are_at_the_ends() -> None:
    a = np.array([0.1, 0.4, 0.2, 0.9, 0.5])
    same, other = order_agreement(a, a**2), order_agreement(a, -a)
    assert (same.spearman, same.n_swapped) == (1.0, 0) and same.kendall == pytest.approx(1)
    assert (other.spearman, other.n_swapped, other.n_pairs) == (-1.0, 10, 10)
    assert other.kendall == pytest.approx(-1)
    assert same.p_value == pytest.approx(2 / math.factorial(5))


def test_the_interval_is_of_our_side_over_resamples() -> None:
    rng = np.random.default_rng(0)
    published = np.linspace(0.4, 0.9, 6)
    drawn = published + rng.normal(scale=0.15, size=(500, 6))
    found = order_agreement(published, published, resampled=drawn)
    assert -1 < found.low < 1 and found.high == 1
    assert found.low == pytest.approx(1 + np.quantile(spearman_scores(drawn, published), 0.025)
                                      - spearman_scores(drawn, published).mean())  # fmt: skip
    assert math.isnan(order_agreement(published, published).low)


def test_rows_without_a_figure_are_left_out_on_both_sides() -> None:
    ours, published = np.array([0.1, math.nan, 0.3, 0.2]), np.array([0.2, 0.9, 0.5, math.nan])
    found = order_agreement(ours, published, resampled=np.array([ours, ours, -ours]))
    assert (found.n_rows, found.spearman, found.n_pairs) == (2, 1.0, 1)
    assert -1 <= found.low <= found.high <= 1


@pytest.mark.parametrize("ours", [[], [0.5], [0.5, 0.5, 0.5]])
def test_without_two_different_rows_everything_is_undefined(ours: list[float]) -> None:
    found = order_agreement(np.array(ours), np.arange(len(ours), dtype=float))
    assert found.n_rows == len(ours)
    assert all(math.isnan(v) for v in (found.spearman, found.low, found.high, found.kendall, found.p_value))
    assert (found.n_swapped, found.n_pairs) == (0, 0)


def test_the_rank_correlation_of_many_rows_is_that_of_each() -> None:
    rng = np.random.default_rng(1)
    rows, other = rng.integers(0, 4, size=(10, 7)).astype(float), rng.integers(0, 4, size=7).astype(float)
    wanted = [float(spearmanr(row, other).statistic) for row in rows]
    np.testing.assert_allclose(spearman_scores(rows, other), wanted, atol=1e-12)
    assert np.isnan(spearman_scores(np.ones((1, 7)), other)).all()


def test_lists_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match=r"Both orders must name the same rows. Got shapes \(2,\), \(3,\)"):
        order_agreement(np.ones(2), np.ones(3))
    with pytest.raises(DataError, match=r"resampled \(4, 3\)"):
        order_agreement(np.ones(2), np.ones(2), resampled=np.ones((4, 3)))
