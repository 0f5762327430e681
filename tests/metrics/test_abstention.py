"""Risk and coverage against a loop over thresholds and over orders."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from visavox.errors import DataError, UndefinedMetricWarning
from visavox.metrics.abstention import risk_coverage, risk_coverage_area


def case(seed: int, n: int = 7, levels: int = 4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, levels, n) / levels, rng.choice([0.0, 0.5, 1.0], n)


@pytest.mark.parametrize("seed", range(8))
def test_points_are_those_of_a_walk_over_thresholds(seed: int) -> None:
    confidence, right = case(seed, n=20)
    curve = risk_coverage(confidence, right)
    thresholds = sorted(set(confidence), reverse=True)
    assert curve.thresholds.tolist() == thresholds
    for point, threshold in enumerate(thresholds):
        answered = confidence >= threshold
        assert curve.coverage[point] == pytest.approx(answered.mean(), abs=1e-12)
        assert curve.risk[point] == pytest.approx(1 - right[answered].mean(), abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_the_area_is_the_mean_over_the_orders_of_ties(seed: int) -> None:
    confidence, right = case(seed)
    areas = []
    for order in itertools.permutations(range(len(right))):
        ranked = [confidence[i] for i in order]
        if ranked == sorted(ranked, reverse=True):
            risks = [sum(1 - right[i] for i in order[:k]) / k for k in range(1, len(order) + 1)]
            areas.append(sum(risks) / len(risks))
    assert risk_coverage_area(confidence, right) == pytest.approx(sum(areas) / len(areas), abs=1e-9)


def test_a_confidence_that_says_nothing_leaves_the_error_rate() -> None:
    right = np.array([1, 0, 0, 1, 1])
    assert risk_coverage_area(np.zeros(5), right) == pytest.approx(0.4, abs=1e-12)
    assert risk_coverage(np.zeros(5), right).risk.tolist() == pytest.approx([0.4])


def test_the_best_and_the_worst_order_bound_the_area() -> None:
    right = np.array([1, 1, 0, 0])
    best, worst = (risk_coverage_area(sign * right, right) for sign in (1, -1))
    assert best == pytest.approx((0 + 0 + (0.5 / 3 + 0.5 / 3) + 0.5) / 4)
    assert worst == pytest.approx((1 + 1 + 2 / 3 + 0.5) / 4)
    assert risk_coverage_area(np.array([4.0, 3.0, 2.0, 1.0]), right) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_between_points_errors_are_joined_by_a_line() -> None:
    curve = risk_coverage(np.array([0.9, 0.5, 0.5, 0.1]), np.array([1, 0, 1, 0]))
    assert [curve.risk_at(share) for share in (0.25, 0.5, 0.75, 1.0)] == pytest.approx([0, 0.5 / 2, 1 / 3, 0.5])
    assert curve.risk_at(0.1) == 0.0
    first_wrong = risk_coverage(np.array([0.9, 0.1]), np.array([0, 1]))
    assert first_wrong.risk_at(0.01) == pytest.approx(1.0)


def test_order_scale_and_type_do_not_matter() -> None:
    confidence, right = case(1, n=30)
    order = np.random.default_rng(0).permutation(30)
    area = risk_coverage_area(confidence, right)
    assert risk_coverage_area(np.exp(confidence[order]), right[order]) == pytest.approx(area, abs=1e-12)
    whole = right >= 0.5
    assert risk_coverage_area(confidence, whole) == risk_coverage_area(confidence, whole.astype(int))


def test_nothing_is_nan_with_a_warning() -> None:
    curve = risk_coverage(np.empty(0), np.empty(0))
    assert len(curve.coverage) == 0
    assert math.isnan(curve.risk_at(1.0))
    with pytest.warns(
        UndefinedMetricWarning, match="^The risk-coverage area of no answer is undefined. nan is returned"
    ):
        assert math.isnan(risk_coverage_area(np.empty(0), np.empty(0)))


def test_wrong_input_is_refused() -> None:
    with pytest.raises(DataError, match=r"^`right` must be one an answer. Got shapes \(3,\) and \(2,\)\.$"):
        risk_coverage(np.ones(2), np.ones(3))
    with pytest.raises(DataError, match=r"^`confidence` must hold no NaN. Got 1 among 2. Remove the broken items\.$"):
        risk_coverage(np.array([1.0, math.nan]), np.ones(2))
    with pytest.raises(DataError, match="^`right` must lie between 0 and 1. Got 2.0 among 2"):
        risk_coverage(np.ones(2), np.array([1, 2]))


def test_one_answer_and_confidences_of_a_small_type() -> None:
    curve = risk_coverage(np.array([7.0]), np.array([0]))
    assert (curve.coverage.tolist(), curve.risk.tolist(), curve.thresholds.tolist()) == ([1.0], [1.0], [7.0])
    whole = risk_coverage(np.array([3, 250], dtype=np.uint8), np.array([0, 1]))  # -3 is 253 in this type
    assert (whole.thresholds.tolist(), whole.risk.tolist()) == ([250.0, 3.0], [0.0, 0.5])
