"""Choices with weights: against slow loops, and against the metrics of choices that weigh one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.evaluation import weighed_choices
from visavox.evaluation.weighed_choices import Choices
from visavox.metrics.abstention import risk_coverage, risk_coverage_area
from visavox.metrics.calibration import expected_calibration_error, reliability

PEOPLE = [0, 0, 1, 2]  # of four probes


def drawn(n: int = 60, seed: int = 0, levels: int = 8) -> Choices:
    """Choices of four probes of three people, with ties of confidence."""
    rng = np.random.default_rng(seed)
    probes = rng.integers(4, size=n)
    others = (np.array(PEOPLE)[probes] + rng.integers(1, 4, n)) % 4  # person 3 is never a probe
    confidence = 0.5 + rng.integers(levels, size=n) / (2 * levels)
    return Choices.ranked(probes, others, confidence, rng.choice([0, 0.5, 1], n), people=PEOPLE)


def alike(confidence: list[float], right: list[float]) -> Choices:
    """Choices of one weight: each of a probe and a person of its own."""
    n = len(confidence)
    return Choices.ranked(range(n), [n] * n, confidence, right, people=range(n))


def slow_weights(choices: Choices, copies: list[int]) -> list[float]:
    weights = []
    of_probe = [sum(copies[o] for p, o in zip(choices.probes, choices.others, strict=True) if p == q) for q in range(4)]
    for probe, other in zip(choices.probes, choices.others, strict=True):
        person = PEOPLE[probe]
        siblings = sum(1 for q in range(4) if PEOPLE[q] == person and of_probe[q])
        weights.append(copies[person] * copies[other] / of_probe[probe] / siblings if of_probe[probe] else 0.0)
    return [weight / sum(weights) for weight in weights]


def test_the_surest_come_first_and_columns_stay_together() -> None:
    choices = Choices.ranked([0, 1, 1], [1, 0, 2], [0.6, 0.9, 0.6], [1, 0, 0.5], people=[0, 1])
    assert choices.confidence.tolist() == [0.9, 0.6, 0.6]
    assert choices.probes.tolist() == [1, 0, 1]
    assert choices.others.tolist() == [0, 1, 2]
    assert choices.right.tolist() == [0, 1, 0.5]
    assert len(choices) == 3


@pytest.mark.parametrize("copies", [None, [1, 2, 0, 3], [0, 1, 1, 0], [2, 1, 1, 1]])
def test_weights_are_those_of_a_slow_loop(copies: list[int] | None) -> None:
    choices = drawn()
    expected = slow_weights(choices, copies or [1, 1, 1, 1])
    assert choices.weights(np.array(copies) if copies else None) == pytest.approx(expected, abs=1e-12)


def test_nothing_weighs_where_one_person_is_left() -> None:
    choices = drawn()
    weights = choices.weights(np.array([3, 0, 0, 0]))
    assert not weights.any()
    figures = choices.mean(choices.right, weights), choices.calibration_error(choices.bins(3), weights)
    risk = choices.risk(weights)
    assert all(math.isnan(value) for value in (*figures, risk.at(0.5), risk.area()))


@pytest.mark.parametrize("n_bins", [1, 2, 3, 5])
def test_choices_of_one_weight_are_calibrated_as_the_metric_says(n_bins: int) -> None:
    rng = np.random.default_rng(n_bins)
    confidence, right = (rng.integers(50, 100, 40) / 100).tolist(), rng.choice([0.0, 0.5, 1.0], 40).tolist()
    choices = alike(confidence, right)
    bins = choices.bins(n_bins)
    expected = expected_calibration_error(np.array(confidence), np.array(right), n_bins=n_bins)
    assert choices.calibration_error(bins, choices.weights()) == pytest.approx(expected)
    of_metric = reliability(np.array(confidence), np.array(right), n_bins=n_bins)
    said, seen = choices.reliability(bins)
    assert said == pytest.approx(of_metric.predicted)
    assert seen == pytest.approx(of_metric.observed)


def test_bins_are_of_equal_weight_not_of_equal_number() -> None:
    """Probe 0 has one choice and probe 1 has four: its one weighs as much as they do together."""
    choices = Choices.ranked([0, 1, 1, 1, 1], [2, 0, 2, 3, 4], [0.5, 0.6, 0.7, 0.8, 0.9], [1, 0, 1, 1, 1],
                             people=[0, 1])  # fmt: skip
    assert choices.weights().tolist() == pytest.approx([0.125] * 4 + [0.5])
    assert choices.bins(2).tolist() == [1, 1, 1, 1, 0]
    error = abs(0.5 * (0.5 - 1)) + abs(0.125 * (0.6 + 0.7 + 0.8 + 0.9 - 3))
    assert choices.calibration_error(choices.bins(2), choices.weights()) == pytest.approx(error)


@pytest.mark.parametrize("coverage", [0.05, 0.3, 0.5, 1.0])
def test_risks_of_one_weight_are_those_of_the_metric(coverage: float) -> None:
    rng = np.random.default_rng(5)
    confidence, right = (rng.integers(50, 60, 30) / 100).tolist(), rng.choice([0.0, 0.5, 1.0], 30).tolist()
    choices = alike(confidence, right)
    risk = choices.risk(choices.weights())
    curve = risk_coverage(np.array(confidence), np.array(right))
    assert risk.at(coverage) == pytest.approx(curve.risk_at(coverage))
    place = int(np.searchsorted(curve.coverage, coverage - 1e-12))
    assert risk.threshold_at(coverage) == curve.thresholds[place]


def test_the_area_is_the_integral_of_the_risk() -> None:
    choices = drawn(seed=3)
    risk = choices.risk(choices.weights(np.array([1, 2, 1, 1])))
    grid = (np.arange(200_000) + 0.5) / 200_000
    assert risk.area() == pytest.approx(np.mean([risk.at(x) for x in grid[::100]]), abs=1e-3)
    assert risk.area() == pytest.approx(np.mean(np.interp(grid, risk.covered, risk.errors) / grid), abs=1e-6)


def test_the_area_is_that_of_the_metric_for_many_choices() -> None:
    rng = np.random.default_rng(6)
    confidence = rng.random(4000)
    right = (rng.random(4000) < confidence).astype(float)
    choices = alike(confidence.tolist(), right.tolist())
    assert choices.risk(choices.weights()).area() == pytest.approx(risk_coverage_area(confidence, right), abs=1e-3)


def test_a_confidence_that_says_nothing_has_the_error_rate_as_area() -> None:
    choices = alike([0.7] * 8, [1, 1, 1, 0, 1, 0.5, 1, 0])
    risk = choices.risk(choices.weights())
    assert risk.area() == pytest.approx(1 - choices.mean(choices.right))
    assert risk.at(0.2) == pytest.approx(risk.at(1.0))


def test_a_curve_of_very_many_points_is_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    confidence = rng.random(50_000)
    right = (rng.random(50_000) < 0.5 + confidence / 2).astype(float)
    risk = alike(confidence.tolist(), right.tolist())
    risk = risk.risk(risk.weights())
    thinned = risk.area()
    monkeypatch.setattr(weighed_choices, "MAX_POINTS", 10**9)
    assert thinned == pytest.approx(risk.area(), abs=1e-4)
    assert thinned == pytest.approx(risk_coverage_area(confidence, right), abs=1e-3)
