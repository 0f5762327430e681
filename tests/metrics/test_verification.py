from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import det_curve as sklearn_det_curve
from sklearn.metrics import roc_auc_score

from visavox.errors import ConfigError, DataError, UndefinedMetricWarning
from visavox.metrics.verification import auc_score, det_curve, equal_error_rate, min_detection_cost, roc_curve


def case(seed: int, n: int = 60):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.3).astype(int)
    labels[:2] = [0, 1]
    return np.round(rng.normal(size=n) + labels, 1), labels, rng.random(n)


@pytest.mark.parametrize("seed", range(10))
def test_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    scores, labels, weights = case(seed)
    won = total = 0.0
    for i, j in itertools.product(np.flatnonzero(labels), np.flatnonzero(labels == 0)):
        mass = weights[i] * weights[j]
        total += mass
        won += mass * (1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0)
    assert auc_score(scores, labels, weights=weights) == pytest.approx(won / total, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_that_of_scikit_learn(seed: int) -> None:
    scores, labels, weights = case(seed)
    assert auc_score(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    expected = roc_auc_score(labels, scores, sample_weight=weights)
    assert auc_score(scores, labels, weights=weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_det_points_hold_those_of_scikit_learn(seed: int) -> None:
    scores, labels, _ = case(seed)
    points = det_curve(scores, labels)
    ours = {(round(x, 9), round(y, 9)) for x, y in zip(points.x, points.y, strict=True)}
    x, y, _ = sklearn_det_curve(labels, scores)
    assert {(round(a, 9), round(b, 9)) for a, b in zip(x, y, strict=True)} <= ours


@pytest.mark.parametrize("seed", range(10))
def test_equal_error_rate_is_that_of_a_walk_along_the_curve(seed: int) -> None:
    """Slow referee: walk down the thresholds, join the points by lines in a thousand steps, take the nearest."""
    scores, labels, _ = case(seed)
    corners = [(0.0, 1.0)]
    for threshold in sorted(set(scores), reverse=True):
        accepted = scores >= threshold
        corners.append((accepted[labels == 0].mean(), 1 - accepted[labels == 1].mean()))
    nearest, rate = 2.0, 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        for step in np.linspace(0, 1, 1001):
            x, y = x0 + step * (x1 - x0), y0 + step * (y1 - y0)
            if abs(x - y) < nearest:
                nearest, rate = abs(x - y), (x + y) / 2
    assert equal_error_rate(scores, labels) == pytest.approx(rate, abs=1e-3)


def test_the_figures_on_four_numbers() -> None:
    scores, labels = np.array([0.8, 0.4, 0.6, 0.2]), np.array([1, 1, 0, 0])
    assert auc_score(scores, labels) == 0.75
    assert equal_error_rate(scores, labels) == 0.5
    # At threshold 0.8 half of the true pairs are missed and no false one is accepted: 0.01 * 0.5 / 0.01.
    assert min_detection_cost(scores, labels) == pytest.approx(0.5)


def test_costs_follow_the_prior() -> None:
    # Accepting all three true pairs lets one false of four in.
    scores, labels = np.array([0.9, 0.8, 0.5, 0.6, 0.1, 0.1, 0.1]), np.array([1, 1, 1, 0, 0, 0, 0])
    rare, common = (min_detection_cost(scores, labels, target_prior=prior) for prior in (0.01, 0.5))
    assert rare == pytest.approx(1 / 3)
    assert common == pytest.approx(0.5 * 0.25 / 0.5)


def test_costs_follow_both_prices_and_the_weights() -> None:
    scores, labels = np.array([0.9, 0.8, 0.5, 0.6, 0.1, 0.1, 0.1]), np.array([1, 1, 1, 0, 0, 0, 0])
    half = {"target_prior": 0.5}
    assert min_detection_cost(scores, labels, **half, miss_cost=3.0) == pytest.approx(0.25)
    assert min_detection_cost(scores, labels, **half, false_alarm_cost=3.0) == pytest.approx(1 / 3)
    assert min_detection_cost(scores, labels, target_prior=0.4, miss_cost=1.2) == pytest.approx(0.25 * 0.6 / 0.48)
    weights = np.array([1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    assert min_detection_cost(scores, labels, weights=weights) == pytest.approx(1 / 2)
    copies = np.array([1, 1, 1, 5, 1, 1, 1])
    repeated = equal_error_rate(np.repeat(scores, copies), np.repeat(labels, copies))
    assert equal_error_rate(scores, labels, weights=copies) == pytest.approx(repeated, abs=1e-12)
    assert repeated == pytest.approx(1 / 3)
    assert equal_error_rate(scores, labels) == pytest.approx(0.25)
    assert min_detection_cost(scores, labels) == min_detection_cost(
        scores, labels, target_prior=0.01, miss_cost=1.0, false_alarm_cost=1.0
    )
    assert min_detection_cost(np.array([0.9, 0.1, 0.5]), np.array([1, 1, 0]), target_prior=0.6) == pytest.approx(0.75)


def test_curves_are_one_curve_seen_from_two_sides() -> None:
    scores, labels, weights = case(3)
    roc, det = roc_curve(scores, labels, weights=weights), det_curve(scores, labels, weights=weights)
    np.testing.assert_array_equal(roc.x, det.x)
    np.testing.assert_allclose(roc.y, 1 - det.y, atol=1e-15)
    assert roc.thresholds.tolist() == det.thresholds.tolist() == [np.inf, *sorted(set(scores), reverse=True)]
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert auc_score(scores, labels, weights=weights) == pytest.approx(np.trapezoid(roc.y, roc.x), abs=1e-12)


def test_swapping_the_classes_mirrors_the_figures() -> None:
    scores, labels, _ = case(4)
    assert auc_score(-scores, 1 - labels) == pytest.approx(auc_score(scores, labels), abs=1e-12)
    assert equal_error_rate(-scores, 1 - labels) == pytest.approx(equal_error_rate(scores, labels), abs=1e-12)


FIGURES = [
    (auc_score, "AUC"),
    (equal_error_rate, "equal error rate"),
    (min_detection_cost, "minimum detection cost"),
]


@pytest.mark.parametrize(("metric", "name"), FIGURES)
@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0], []])
def test_one_class_is_nan_with_a_warning(metric, name: str, labels: list[int]) -> None:
    words = rf"^The {name} is undefined: it needs true and false pairs of weight above 0\. nan is returned\.$"
    with pytest.warns(UndefinedMetricWarning, match=words):
        assert np.isnan(metric(np.arange(float(len(labels))), np.array(labels, dtype=int)))


@pytest.mark.parametrize(("curve", "name"), [(roc_curve, "ROC"), (det_curve, "DET")])
def test_curves_of_one_class_warn(curve, name: str) -> None:
    with pytest.warns(UndefinedMetricWarning, match=f"^The {name} curve is undefined: it needs true and false pairs"):
        curve(np.array([0.1, 0.2]), np.array([1, 1]))


@pytest.mark.parametrize("metric", [auc_score, equal_error_rate, min_detection_cost, roc_curve, det_curve])
def test_nan_is_a_one_line_error(metric) -> None:
    with pytest.raises(DataError, match=r"`scores` must hold no NaN. Got 1 among 3"):
        metric(np.array([0.1, np.nan, 0.3]), np.array([0, 1, 1]))


def test_a_prior_of_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="`target_prior`"):
        min_detection_cost(np.array([0.1, 0.2]), np.array([0, 1]), target_prior=1.0)
