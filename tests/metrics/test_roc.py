from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from visavox.errors import ConfigError, DataError
from visavox.metrics.roc import Roc, check_pairs, roc_from_masses, roc_from_scores


def case(seed: int, n: int = 40, levels: int = 12):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    labels[:2] = [True, False]
    return rng.integers(0, levels, n) + 2.0 * labels, labels, rng.random(n)


@pytest.mark.parametrize("seed", range(10))
def test_the_points_are_those_of_a_slow_loop_over_thresholds(seed: int) -> None:
    scores, labels, weights = case(seed)
    roc = roc_from_scores(scores, labels, weights=weights)
    assert roc.thresholds[0] == np.inf
    assert roc.thresholds[1:].tolist() == sorted(set(scores), reverse=True)
    for point, threshold in enumerate(roc.thresholds):
        accepted = scores >= threshold
        false_match = sum(w for w, a, t in zip(weights, accepted, labels, strict=True) if a and not t)
        missed = sum(w for w, a, t in zip(weights, accepted, labels, strict=True) if t and not a)
        assert roc.false_match_rate[point] == pytest.approx(false_match / weights[~labels].sum(), abs=1e-12)
        assert roc.miss_rate[point] == pytest.approx(missed / weights[labels].sum(), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_points_are_those_of_scikit_learn(seed: int) -> None:
    scores, labels, weights = case(seed)
    roc = roc_from_scores(scores, labels, weights=weights)
    x, y, thresholds = sklearn_roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)
    np.testing.assert_allclose(roc.false_match_rate, x, atol=1e-12)
    np.testing.assert_allclose(1 - roc.miss_rate, y, atol=1e-12)
    np.testing.assert_array_equal(roc.thresholds[1:], thresholds[1:])
    assert float(roc.auc_score()) == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=1e-12)


def test_curves_start_at_nothing_and_end_at_everything() -> None:
    scores, labels, _ = case(1)
    roc = roc_from_scores(scores, labels)
    assert (roc.false_match_rate[0], roc.miss_rate[0]) == (0.0, 1.0)
    assert (roc.false_match_rate[-1], roc.miss_rate[-1]) == (1.0, 0.0)
    assert (np.diff(roc.false_match_rate) >= 0).all()
    assert (np.diff(roc.miss_rate) <= 0).all()


def test_many_curves_at_once_are_the_single_curves() -> None:
    rng = np.random.default_rng(0)
    positive, negative = rng.random((7, 9)), rng.random((7, 9))
    thresholds = np.arange(9.0)[::-1]
    many = roc_from_masses(positive, negative, thresholds)
    for row in range(7):
        one = roc_from_masses(positive[row], negative[row], thresholds)
        assert many.auc_score()[row] == pytest.approx(float(one.auc_score()), abs=1e-12)
        assert many.equal_error_rate()[row] == pytest.approx(float(one.equal_error_rate()), abs=1e-12)
        assert many.min_detection_cost()[row] == pytest.approx(float(one.min_detection_cost()), abs=1e-12)


def test_the_equal_error_rate_lies_on_the_line_between_two_points() -> None:
    roc = Roc(np.array([0.0, 0.1, 0.4, 1.0]), np.array([1.0, 0.5, 0.2, 0.0]), np.array([np.inf, 3, 2, 1]))
    # From (0.1, 0.5) to (0.4, 0.2): they meet at 0.3.
    assert float(roc.equal_error_rate()) == pytest.approx(0.3)


def test_the_equal_error_rate_at_a_point_is_that_point() -> None:
    roc = Roc(np.array([0.0, 0.25, 1.0]), np.array([1.0, 0.25, 0.0]), np.array([np.inf, 2, 1]))
    assert float(roc.equal_error_rate()) == pytest.approx(0.25)


def test_the_minimum_cost_is_the_least_over_all_thresholds() -> None:
    scores, labels, _ = case(3)
    roc = roc_from_scores(scores, labels)
    costs = []
    for threshold in [np.inf, *np.unique(scores)]:
        miss = np.mean(scores[labels] < threshold)
        false_alarm = np.mean(scores[~labels] >= threshold)
        costs.append(10 * 0.2 * miss + 1 * 0.8 * false_alarm)
    found = roc.min_detection_cost(target_prior=0.2, miss_cost=10, false_alarm_cost=1)
    assert float(found) == pytest.approx(min(costs) / min(2.0, 0.8), abs=1e-12)


def test_an_absent_class_is_nan_in_every_figure() -> None:
    for labels in ([1, 1], [0, 0]):
        roc = roc_from_scores(np.array([0.1, 0.2]), np.array(labels))
        assert np.isnan([roc.auc_score(), roc.equal_error_rate(), roc.min_detection_cost()]).all()
    empty = roc_from_scores(np.array([]), np.array([], dtype=int))
    assert np.isnan([empty.auc_score(), empty.equal_error_rate(), empty.min_detection_cost()]).all()


def test_pairs_of_weight_zero_are_as_good_as_absent() -> None:
    scores, labels, _ = case(4)
    weights = (np.arange(len(scores)) % 3 > 0).astype(float)
    kept = weights > 0
    full, cut = roc_from_scores(scores, labels, weights=weights), roc_from_scores(scores[kept], labels[kept])
    assert float(full.auc_score()) == pytest.approx(float(cut.auc_score()), abs=1e-12)
    assert float(full.equal_error_rate()) == pytest.approx(float(cut.equal_error_rate()), abs=1e-12)


def test_whole_weights_are_repetitions() -> None:
    scores, labels, _ = case(5)
    copies = np.random.default_rng(0).integers(1, 4, len(scores))
    weighted = roc_from_scores(scores, labels, weights=copies)
    repeated = roc_from_scores(np.repeat(scores, copies), np.repeat(labels, copies))
    np.testing.assert_allclose(weighted.miss_rate, repeated.miss_rate, atol=1e-12)
    np.testing.assert_allclose(weighted.false_match_rate, repeated.false_match_rate, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.1, np.nan], [0, 1], None), r"^`scores` must hold no NaN\. Got 1 among 2\. Remove the broken items\.$"),
        (
            ([0.1], [0, 1], None),
            r"^`scores`, `labels` and `weights` must be lists of one length\. Got shapes \(1,\), \(2,\), \(1,\)\.$",
        ),
        (([0.1, 0.2], [0, 2], None), r"^`labels` must be 0 or 1\. Got \[2\]\.$"),
        (([[0.1]], [[0]], None), r"one length\. Got shapes \(1, 1\), \(1, 1\), \(1, 1\)\.$"),
        (([0.1, 0.2], [0, 1], [1.0]), r"one length\. Got shapes \(2,\), \(2,\), \(1,\)\.$"),
        (([0.0] * 6, [0, 1, 5, 4, 3, 2], None), r"^`labels` must be 0 or 1\. Got \[2, 3, 4\]\.$"),
        (([0.1, 0.2], [0, 1], [1.0, -1.0]), r"^`weights` must be at least 0\. Got -1.0\.$"),
        (([0.1, 0.2], [0, 1], [1.0, np.nan]), "`weights` must be at least 0. Got nan"),
    ],
)
def test_misfits_are_one_line_errors(arguments, words: str) -> None:
    scores, labels, weights = (None if part is None else np.array(part) for part in arguments)
    with pytest.raises(DataError, match=words):
        check_pairs(scores, labels, weights)


@pytest.mark.parametrize(
    "change", [{"target_prior": 0.0}, {"target_prior": 1.0}, {"miss_cost": 0.0}, {"false_alarm_cost": 0.0}]
)
def test_priors_and_costs_have_their_ranges(change: dict[str, float]) -> None:
    roc = roc_from_scores(np.array([0.1, 0.2]), np.array([0, 1]))
    prior, miss, alarm = ({"target_prior": 0.01, "miss_cost": 1.0, "false_alarm_cost": 1.0} | change).values()
    words = rf"^`target_prior` must lie between 0 and 1 and both costs above 0\. Got {prior}, {miss}, {alarm}\.$"
    with pytest.raises(ConfigError, match=words):
        roc.min_detection_cost(**change)


def test_scores_and_weights_of_small_types_are_counted_in_float64() -> None:
    scores, labels = np.array([0, 3, 200, 255], dtype=np.uint8), np.array([0, 1, 0, 1])  # -0 is 0, -3 is 253 here
    roc = roc_from_scores(scores, labels, weights=np.array([100, 100, 100, 100], dtype=np.int8))
    assert (roc.thresholds.tolist(), float(roc.auc_score())) == ([np.inf, 255.0, 200.0, 3.0, 0.0], 0.75)
    with pytest.raises(DataError, match=r"^`weights` must be at least 0\. Got -2.0\.$"):
        check_pairs(np.zeros(3), np.array([0, 1, 1]), np.array([0.0, 0.5, -2.0]))
