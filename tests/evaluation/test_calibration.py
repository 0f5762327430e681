"""Scales of match probabilities, against logistic regression and a simulation with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from visavox.errors import DataError
from visavox.evaluation.calibration import MAX_SCALE, fit_match_scale, fit_pair_calibration, match_calibration


def block(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    similarity = rng.normal(size=(n, n)) * 0.3 + np.eye(n) * 0.3
    return similarity, ~np.eye(n, dtype=bool)


def test_scale_equals_logistic_regression_on_differences() -> None:
    similarity, allowed = block(30, 0)
    margin = np.array([similarity[i, i] - similarity[i, j] for i in range(30) for j in range(30) if i != j])
    # Both orders of each pair, so that the intercept is 0 and both classes occur.
    x = np.concatenate([margin, -margin])[:, None]
    y = np.repeat([1, 0], margin.size)
    expected = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(x, y).coef_[0, 0]
    assert fit_match_scale([(similarity, allowed)]) == pytest.approx(expected, rel=1e-4)


def test_a_known_scale_is_recovered() -> None:
    rng = np.random.default_rng(1)
    blocks = []
    for _ in range(4000):
        pair = rng.normal(size=2) * 0.2
        right = rng.random() < 1 / (1 + np.exp(-8.0 * (pair[0] - pair[1])))
        own, other = pair if right else pair[::-1]
        blocks.append((np.array([[own, other], [0.0, 0.0]]), np.array([[False, True], [False, False]])))
    assert fit_match_scale(blocks) == pytest.approx(8.0, rel=0.12)


def test_blocks_are_never_mixed_and_each_probe_counts_once() -> None:
    first, second = block(5, 2), block(40, 3)
    margins = [(first[0][i, i] - first[0][i, j], 1 / 4) for i in range(5) for j in range(5) if i != j] + [
        (second[0][i, i] - second[0][i, j], 1 / 39) for i in range(40) for j in range(40) if i != j
    ]
    scale = fit_match_scale([first, second])

    def loss(value: float) -> float:
        return sum(w * np.log1p(np.exp(-value * m)) for m, w in margins)

    assert loss(scale) < min(loss(scale * 1.02), loss(scale / 1.02))


def test_perfect_choices_reach_the_largest_scale() -> None:
    assert fit_match_scale([(np.eye(4), ~np.eye(4, dtype=bool))]) == pytest.approx(MAX_SCALE, rel=0.5)


def test_nobody_to_compare_with_is_an_error() -> None:
    with pytest.raises(DataError, match="at least two people"):
        fit_match_scale([(np.eye(3), np.zeros((3, 3), dtype=bool))])
    with pytest.raises(DataError, match="at least two people"):
        fit_match_scale([])


def test_nan_is_an_error() -> None:
    similarity, allowed = block(3, 0)
    similarity[0, 1] = np.nan
    with pytest.raises(DataError, match="finite"):
        fit_match_scale([(similarity, allowed)])


def test_confidence_and_share_right_are_near_each_other_after_fitting() -> None:
    blocks = [block(60, seed) for seed in range(3)]
    confidence, right = match_calibration(blocks, fit_match_scale(blocks))
    assert confidence == pytest.approx(right, abs=0.03)


def test_the_ratio_of_a_pair_is_that_of_two_known_normal_curves() -> None:
    """Own pairs N(0.4, 0.2), others N(0, 0.2): the log ratio of the densities is the line 10 s - 2."""
    rng = np.random.default_rng(0)
    similarity = rng.normal(0.0, 0.2, size=(400, 400))
    np.fill_diagonal(similarity, rng.normal(0.4, 0.2, size=400))
    line = fit_pair_calibration([(similarity, ~np.eye(400, dtype=bool))])
    assert line.slope == pytest.approx(10, rel=0.15) and line.intercept == pytest.approx(-2, abs=0.4)


def test_a_pair_that_may_not_be_compared_does_not_count() -> None:
    similarity, allowed = block(20, 4)
    spoilt = similarity.copy()
    allowed[2, 5] = False
    spoilt[2, 5] = 100.0
    assert fit_pair_calibration([(spoilt, allowed)]) == fit_pair_calibration([(similarity, allowed)])


@pytest.mark.parametrize("blocks", [[], [(np.eye(3), np.zeros((3, 3), dtype=bool))]])
def test_a_pair_needs_somebody_else_to_be_compared_with(blocks: list[tuple[np.ndarray, np.ndarray]]) -> None:
    with pytest.raises(DataError, match="at least two people. Got none"):
        fit_pair_calibration(blocks)
