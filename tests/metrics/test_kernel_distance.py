"""Kernel distance: against a loop over pairs, a closed form, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.metrics.kernel_distance import kernel_distance, polynomial_discrepancy


def slow_discrepancy(a: np.ndarray, b: np.ndarray, degree: int) -> float:
    """Every pair one by one, as equation 3 of Gretton et al. writes it."""

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((sum(u * v for u, v in zip(x, y, strict=True)) / len(x) + 1) ** degree)

    n, m = len(a), len(b)
    total = sum(kernel(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    total += sum(kernel(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return total - 2 * sum(kernel(x, y) for x in a for y in b) / (n * m)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_it_is_the_loop_over_pairs(degree: int) -> None:
    rng = np.random.default_rng(degree)
    a, b = rng.normal(size=(7, 4)), rng.normal(size=(5, 4)) + 0.5
    assert polynomial_discrepancy(a, b, degree=degree) == pytest.approx(slow_discrepancy(a, b, degree))


def test_a_hand_made_case() -> None:
    """k(0,0) = 1 on the first side; k(1,1) = 8 on the second; across k(0,1) = 1."""
    assert polynomial_discrepancy(np.zeros((2, 1)), np.ones((3, 1))) == pytest.approx(1 + 8 - 2)


def test_two_samples_of_one_collection_are_zero_on_average_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    same = [polynomial_discrepancy(rng.normal(size=(40, 6)), rng.normal(size=(40, 6))) for _ in range(200)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(len(same))
    assert min(same) < 0
    assert polynomial_discrepancy(rng.normal(size=(40, 6)), 1 + rng.normal(size=(40, 6))) > max(same)


def test_subsets_are_those_of_the_seed_and_cut_to_the_smaller_side() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(30, 3)), rng.normal(size=(12, 3)) + 1
    first, again = (kernel_distance(a, b, rng=np.random.default_rng(5), n_subsets=20) for _ in range(2))
    assert first == again
    assert (first.subset_size, first.n_subsets) == (12, 20)
    assert first.value == pytest.approx(polynomial_discrepancy(a, b), abs=3 * first.deviation)


def test_where_a_subset_takes_everything_one_is_enough() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(9, 3)), rng.normal(size=(9, 3))
    found = kernel_distance(a, b, rng=rng)
    assert (found.n_subsets, found.deviation) == (1, 0.0)
    assert found.value == pytest.approx(polynomial_discrepancy(a, b))


def test_the_mean_is_over_the_subsets_that_were_drawn() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(10, 2)), rng.normal(size=(8, 2))
    draw = np.random.default_rng(9)
    values = []
    for _ in range(4):
        rows = draw.permutation(10)[:5], draw.permutation(8)[:5]
        values.append(slow_discrepancy(a[rows[0]], b[rows[1]], 3))
    found = kernel_distance(a, b, rng=np.random.default_rng(9), n_subsets=4, subset_size=5)
    assert found.value == pytest.approx(np.mean(values)) and found.deviation == pytest.approx(np.std(values))


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), "at least 2 features"),
        (np.zeros((5, 3)), np.zeros((5, 4)), "one length"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "must be finite"),
    ],
)
def test_bad_features(a: np.ndarray, b: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        kernel_distance(a, b, rng=np.random.default_rng(0))


def test_bad_numbers() -> None:
    x = np.zeros((4, 2))
    with pytest.raises(ConfigError, match="at least 1 subset of at least 2"):
        kernel_distance(x, x, rng=np.random.default_rng(0), n_subsets=0)
    with pytest.raises(ConfigError, match="`degree` must be at least 1"):
        polynomial_discrepancy(x, x, degree=0)
