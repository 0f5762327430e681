"""Cllr, its minimum, reliability and calibration error against loops from the papers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError, UndefinedMetricWarning
from visavox.metrics.calibration import check_shares, cllr, expected_calibration_error, min_cllr, reliability


def case(seed: int, n: int = 30, decimals: int = 1):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    labels[:2] = [0, 1]
    return np.round(2 * rng.normal(size=n) + 2 * labels - 1, decimals), labels


def slow_cllr(ratios, labels) -> float:
    true = [math.log2(1 + math.exp(-r)) for r, label in zip(ratios, labels, strict=True) if label]
    false = [math.log2(1 + math.exp(r)) for r, label in zip(ratios, labels, strict=True) if not label]
    return (sum(true) / len(true) + sum(false) / len(false)) / 2


def slow_min_cllr(scores, labels) -> float:
    """Pool adjacent violators, block by block: [share of true mass, share of false mass]."""
    n_true, n_false = sum(labels), len(labels) - sum(labels)
    blocks: list[list[float]] = []
    for score in sorted(set(scores)):
        of_score = [label for s, label in zip(scores, labels, strict=True) if s == score]
        blocks.append([sum(of_score) / n_true, (len(of_score) - sum(of_score)) / n_false])
        while len(blocks) > 1 and blocks[-2][0] / sum(blocks[-2]) >= blocks[-1][0] / sum(blocks[-1]):
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1]]
    bits = 0.0
    for true, false in blocks:
        bits -= true * math.log2(true / (true + false)) if true else 0.0
        bits -= false * math.log2(false / (true + false)) if false else 0.0
    return bits / 2


@pytest.mark.parametrize(("seed", "decimals"), list(itertools.product(range(6), (0, 1, 12))))
def test_cllr_and_its_minimum_are_those_of_the_paper(seed: int, decimals: int) -> None:
    scores, labels = case(seed, decimals=decimals)
    assert cllr(scores, labels) == pytest.approx(slow_cllr(scores, labels), abs=1e-9)
    assert min_cllr(scores, labels) == pytest.approx(slow_min_cllr(scores, labels), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_no_rising_map_costs_less_than_the_minimum(seed: int) -> None:
    scores, labels = case(seed)
    least = min_cllr(scores, labels)
    for slope, shift in itertools.product((0.0, 0.3, 1.0, 3.0), (-1.0, 0.0, 0.5)):
        assert cllr(slope * scores + shift, labels) >= least - 1e-12
    assert min_cllr(np.exp(scores), labels) == pytest.approx(least, abs=1e-12)
    order = np.random.default_rng(0).permutation(len(scores))
    assert min_cllr(scores[order], labels[order]) == pytest.approx(least, abs=1e-12)


def test_what_says_nothing_costs_one_bit() -> None:
    labels = np.array([1, 0, 0, 0])
    assert cllr(np.zeros(4), labels) == 1.0
    assert min_cllr(np.full(4, 7.0), labels) == pytest.approx(1.0, abs=1e-15)
    assert min_cllr(np.array([0.1, 0.2, 0.3, 0.4]), labels) == pytest.approx(1.0, abs=1e-15)  # the wrong way round


def test_certainty_costs_nothing_when_right_and_everything_when_wrong() -> None:
    ratios, labels = np.array([math.inf, -math.inf]), np.array([1, 0])
    assert cllr(ratios, labels) == 0.0
    assert cllr(-ratios, labels) == math.inf
    assert cllr(np.array([1000.0, -1000.0]), labels) == 0.0
    assert min_cllr(np.array([2.0, 1.0]), labels) == 0.0


def test_both_classes_weigh_the_same() -> None:
    assert cllr(np.array([1.0, 0.0, 0.0, 0.0]), np.array([1, 0, 0, 0])) == pytest.approx(
        (math.log2(1 + math.exp(-1)) + 1) / 2
    )


@pytest.mark.parametrize("labels", [[1, 1], [0, 0], []])
def test_one_class_is_nan_with_a_warning(labels: list[int]) -> None:
    scores = np.zeros(len(labels))
    with pytest.warns(UndefinedMetricWarning, match="^The Cllr is undefined: it needs true and false pairs. nan is"):
        assert math.isnan(cllr(scores, np.array(labels, dtype=int)))
    with pytest.warns(UndefinedMetricWarning, match="^The minimum Cllr is undefined: it needs true and false"):
        assert math.isnan(min_cllr(scores, np.array(labels, dtype=int)))


def test_broken_scores_are_refused() -> None:
    for metric in (cllr, min_cllr):
        with pytest.raises(DataError, match="must hold no NaN"):
            metric(np.array([0.0, math.nan]), np.array([0, 1]))


def slow_bins(said, happened, n_bins):
    """Each value goes to the bin of the middle rank of its ties."""
    bins: dict[int, list[tuple[float, float]]] = {}
    for p, y in zip(said, happened, strict=True):
        rank = sum(q < p for q in said) + (sum(q == p for q in said) + 1) / 2
        bins.setdefault(int((rank - 0.5) / len(said) * n_bins), []).append((p, y))
    return [(sum(p for p, _ in b) / len(b), sum(y for _, y in b) / len(b), len(b)) for _, b in sorted(bins.items())]


@pytest.mark.parametrize(("seed", "n_bins", "decimals"), list(itertools.product(range(4), (1, 3, 15, 50), (1, 9))))
def test_bins_are_those_of_a_loop(seed: int, n_bins: int, decimals: int) -> None:
    rng = np.random.default_rng(seed)
    said = np.round(rng.random(40), decimals)
    happened = rng.choice([0.0, 0.5, 1.0], size=40)
    expected = slow_bins(said, happened, n_bins)
    found = reliability(said, happened, n_bins=n_bins)
    np.testing.assert_allclose(np.stack([found.predicted, found.observed, found.counts], axis=1), expected, atol=1e-12)
    error = sum(n * abs(p - y) for p, y, n in expected) / 40
    assert expected_calibration_error(said, happened, n_bins=n_bins) == pytest.approx(error, abs=1e-12)


def test_bins_hold_as_many_values_each() -> None:
    found = reliability(np.linspace(0, 1, 60), np.zeros(60))
    assert found.counts.tolist() == [4] * 15
    assert found.counts.dtype == np.int64
    rng = np.random.default_rng(0)
    said, happened = rng.random(40), rng.random(40) < 0.5
    assert expected_calibration_error(said, happened) == expected_calibration_error(said, happened, n_bins=15)
    assert expected_calibration_error(said, happened) != expected_calibration_error(said, happened, n_bins=16)


def test_saying_the_overall_share_is_calibrated_and_being_surely_wrong_is_not() -> None:
    happened = np.array([1, 0, 0, 0])
    assert expected_calibration_error(np.full(4, 0.25), happened) == 0.0
    assert expected_calibration_error(1.0 - happened, happened) == 1.0


def test_order_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    said, happened, order = np.round(rng.random(50), 1), rng.random(50) < 0.5, rng.permutation(50)
    value = expected_calibration_error(said, happened, n_bins=7)
    assert expected_calibration_error(said[order], happened[order], n_bins=7) == pytest.approx(value, abs=1e-12)


def test_nothing_is_nan_with_a_warning() -> None:
    empty = reliability(np.empty(0), np.empty(0))
    assert (empty.predicted.shape, empty.observed.shape, empty.counts.shape) == ((0,), (0,), (0,))
    assert empty.counts.dtype == np.int64
    with pytest.warns(UndefinedMetricWarning, match="^The expected calibration error of no probability is undefined"):
        assert math.isnan(expected_calibration_error(np.empty(0), np.empty(0)))


def test_wrong_shares_are_refused() -> None:
    for odd in (-0.1, 1.1, math.nan):
        with pytest.raises(DataError, match=rf"^`probabilities` must lie between 0 and 1. Got {odd} among 2\.$"):
            reliability(np.array([0.5, odd]), np.ones(2))
        with pytest.raises(DataError, match="^`outcomes` must lie between 0 and 1"):
            reliability(np.ones(2), np.array([0.5, odd]))
    with pytest.raises(DataError, match=r"^`outcomes` must be one a probability. Got 3 for 2\.$"):
        reliability(np.ones(2), np.ones(3))
    with pytest.raises(DataError, match=r"^`x` must be a list. Got shape \(1, 1\)\.$"):
        check_shares(np.ones((1, 1)), "x")
    with pytest.raises(ConfigError, match=r"^`n_bins` must be at least 1. Got 0\.$"):
        expected_calibration_error(np.ones(2), np.ones(2), n_bins=0)
