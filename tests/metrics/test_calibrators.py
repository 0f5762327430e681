"""Maps from scores to log likelihood ratios."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from visavox.errors import ConfigError, DataError
from visavox.metrics.calibration import cllr, min_cllr
from visavox.metrics.calibrators import IsotonicCalibrator, LogisticCalibrator, fit_isotonic, fit_logistic, probability


def gaussians(seed: int, n_true: int, n_false: int):
    """Two normal classes of mean 1 and -1: the true log likelihood ratio is 2 * score."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n_true + n_false)
    labels = np.repeat([1, 0], [n_true, n_false])
    return scores + 2 * labels - 1, labels


@pytest.mark.parametrize("seed", range(4))
def test_the_logistic_map_has_the_least_cllr_of_all_lines(seed: int) -> None:
    scores, labels = gaussians(seed, 60, 240)
    found = fit_logistic(10 * scores + 3, labels)
    best = minimize(lambda p: cllr(p[0] * scores + p[1], labels), [1.0, 0.0], method="BFGS", options={"gtol": 1e-9})
    assert found.slope * 10 == pytest.approx(best.x[0], rel=1e-3)
    assert found.intercept + 3 * found.slope == pytest.approx(best.x[1], abs=1e-3)
    ratios = found.log_likelihood_ratio(10 * scores + 3)
    assert cllr(ratios, labels) == pytest.approx(best.fun, abs=1e-6)


def test_unequal_classes_do_not_shift_the_ratios() -> None:
    scores, labels = gaussians(0, 400, 40_000)
    found = fit_logistic(scores, labels)
    assert found.slope == pytest.approx(2.0, rel=0.1)
    assert found.intercept == pytest.approx(0.0, abs=0.15)


def test_falling_scores_get_a_falling_line() -> None:
    scores, labels = gaussians(1, 100, 100)
    up, down = fit_logistic(scores, labels), fit_logistic(-scores, labels)
    assert down.slope == pytest.approx(-up.slope, rel=1e-6)
    assert up.slope > 1


def test_separated_classes_give_a_steep_but_finite_line() -> None:
    found = fit_logistic(np.array([0.0, 0.1, 0.9, 1.0]), np.array([0, 0, 1, 1]))
    assert 10 < found.slope < 1000
    assert found.log_likelihood_ratio(np.array([0.5]))[0] == pytest.approx(0.0, abs=1e-6)


def test_constant_scores_say_nothing() -> None:
    scores, labels = np.full(4, 0.3), np.array([1, 0, 0, 0])
    assert fit_logistic(scores, labels) == LogisticCalibrator(0.0, 0.0)
    isotonic = fit_isotonic(scores, labels)
    assert isotonic.log_likelihood_ratio(np.array([0.3, 9.0])).tolist() == [0.0, 0.0]


def slow_isotonic(scores, labels):
    """Pool adjacent violators with one true pair added at the lowest score and one false pair at the highest."""
    values = [*scores, min(scores), max(scores)]
    told = [*labels, 1, 0]
    n_true, n_false = sum(told), len(told) - sum(told)
    blocks: list[list[float]] = []  # lowest and highest score, true mass, false mass
    for score in sorted(set(values)):
        mine = [t for v, t in zip(values, told, strict=True) if v == score]
        blocks.append([score, score, sum(mine) / n_true, (len(mine) - sum(mine)) / n_false])
        while len(blocks) > 1 and blocks[-2][2] * blocks[-1][3] >= blocks[-1][2] * blocks[-2][3]:
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0], last[1], blocks[-1][2] + last[2], blocks[-1][3] + last[3]]
    return {s: math.log(t / f) for low, high, t, f in blocks for s in set(values) if low <= s <= high}


@pytest.mark.parametrize("seed", range(5))
def test_the_isotonic_map_pools_adjacent_violators(seed: int) -> None:
    scores, labels = gaussians(seed, 20, 60)
    scores = np.round(scores, 1)
    expected = slow_isotonic(scores.tolist(), labels.tolist())
    ratios = fit_isotonic(scores, labels).log_likelihood_ratio(scores)
    assert ratios.tolist() == pytest.approx([expected[s] for s in scores], abs=1e-9)


def test_the_isotonic_map_rises_stays_finite_and_is_level_beyond_its_ends() -> None:
    scores, labels = gaussians(2, 300, 900)
    found = fit_isotonic(scores, labels)
    assert np.isfinite(found.ratios).all()
    assert (np.diff(found.ratios) >= 0).all()
    ends = found.log_likelihood_ratio(np.array([-99.0, scores.min(), scores.max(), 99.0]))
    assert ends[0] == ends[1] < 0 < ends[2] == ends[3]
    assert (
        min_cllr(scores, labels) <= cllr(found.log_likelihood_ratio(scores), labels) < min_cllr(scores, labels) + 0.03
    )


def test_between_corners_the_isotonic_map_is_a_line() -> None:
    found = IsotonicCalibrator(np.array([0.0, 1.0]), np.array([-1.0, 1.0]))
    assert found.log_likelihood_ratio(np.array([0.25])).tolist() == [-0.5]


def test_probability_adds_the_prior_odds() -> None:
    ratios = np.array([0.0, math.log(3), math.inf, -math.inf])
    assert probability(ratios).tolist() == pytest.approx([0.5, 0.75, 1.0, 0.0])
    assert probability(ratios, prior=0.1).tolist() == pytest.approx([0.1, 0.25, 1.0, 0.0])
    for prior in (0, 1):
        with pytest.raises(ConfigError, match=rf"^`prior` must lie between 0 and 1. Got {prior}\.$"):
            probability(ratios, prior=prior)


@pytest.mark.parametrize("fit", [fit_logistic, fit_isotonic])
def test_what_cannot_be_fitted_is_refused(fit) -> None:
    with pytest.raises(DataError, match=r"^Calibration needs true and false pairs. Got 2 and 0. Add the missing"):
        fit(np.array([0.1, 0.2]), np.array([1, 1]))
    with pytest.raises(DataError, match=r"^Calibration needs finite scores. Got inf; embed again\.$"):
        fit(np.array([0.1, np.inf]), np.array([0, 1]))
    with pytest.raises(DataError, match="must hold no NaN"):
        fit(np.array([0.1, np.nan]), np.array([0, 1]))


def test_scores_that_span_one_unit_are_not_constant() -> None:
    found = fit_isotonic(np.array([0.0, 1.0]), np.array([0, 1]))
    # With the made-up pairs each end holds one true and one false pair: nothing is known yet.
    assert found.log_likelihood_ratio(np.array([0.0, 1.0])).tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    found = fit_isotonic(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1]))
    low, high = found.log_likelihood_ratio(np.array([0, 1]))
    assert (low, high) == pytest.approx((-math.log(2), math.log(2)), abs=1e-12)
    assert fit_logistic(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1])).slope > 5


def test_every_number_type_gives_float64() -> None:
    ratios = np.array([0.1, 2.0])
    for kind in (np.float16, np.float32):
        narrow = ratios.astype(kind)
        expected = [1 / (1 + math.exp(-float(r)) / 3) for r in narrow]
        assert probability(narrow, prior=0.75).dtype == np.float64
        assert probability(narrow, prior=0.75).tolist() == pytest.approx(expected, abs=1e-12)
        line = LogisticCalibrator(3.0, 0.1).log_likelihood_ratio(narrow)
        assert line.dtype == np.float64
        assert line.tolist() == [3.0 * float(r) + 0.1 for r in narrow]
