"""Open-set identification against a loop over thresholds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError, UndefinedMetricWarning
from visavox.metrics.open_set import detection_identification_rate, open_set_curve


def case(seed: int, *, levels: int = 1000, n: int = 8, n_unknown: int = 10):
    rng = np.random.default_rng(seed)
    known = rng.integers(0, levels, (n, n)).astype(float) + (levels / 3) * np.eye(n)
    return np.round(known), np.eye(n, dtype=bool), rng.integers(0, levels, (n_unknown, n)).astype(float)


def rates(known, positives, unknown, threshold):
    """False alarm rate and identification rate of alarms at `score >= threshold`, from the definition."""
    false = sum(max(row) >= threshold for row in unknown) / len(unknown)
    found = 0.0
    for row, own in zip(known, positives, strict=True):
        best = [i for i, score in enumerate(row) if score == max(row)]
        if max(row) >= threshold:
            found += sum(own[i] for i in best) / len(best)
    return false, found / len(known)


@pytest.mark.parametrize(("seed", "levels"), list(itertools.product(range(5), (4, 30, 100_000))))
def test_rates_at_thresholds_are_those_of_the_definition(seed: int, levels: int) -> None:
    known, own, unknown = case(seed, levels=levels)
    curve = open_set_curve(known, own, unknown)
    assert curve.thresholds.tolist() == sorted({max(row) for row in unknown}, reverse=True)
    for i, threshold in enumerate(curve.thresholds):
        reaching = rates(known, own, unknown, threshold)
        over = rates(known, own, unknown, np.nextafter(threshold, np.inf))
        assert (curve.false_alarms_reaching[i], curve.identified_reaching[i]) == pytest.approx(reaching, abs=1e-12)
        assert (curve.false_alarms_over[i], curve.identified_over[i]) == pytest.approx(over, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.1, 0.25, 0.3, 0.99])
def test_without_ties_it_is_the_best_threshold_that_keeps_the_rate(seed: int, rate: float) -> None:
    known, own, unknown = case(seed, levels=10_000_000)
    scores = sorted({*known.ravel(), *unknown.ravel(), np.inf})
    best = max(found for false, found in (rates(known, own, unknown, t) for t in scores) if false <= rate)
    value = detection_identification_rate(known, own, unknown, false_alarm_rate=rate)
    assert value == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.37, 0.5, 1.0])
def test_a_constant_score_gives_chance(rate: float) -> None:
    known, own, unknown = np.ones((6, 6)), np.eye(6, dtype=bool), np.ones((9, 6))
    assert detection_identification_rate(known, own, unknown, false_alarm_rate=rate) == pytest.approx(rate / 6)


def test_a_perfect_model_finds_everybody_without_false_alarm() -> None:
    own = np.eye(3, dtype=bool)
    assert detection_identification_rate(own.astype(float), own, np.full((4, 3), 0.5), false_alarm_rate=0.0) == 1.0


def test_at_rate_1_it_is_the_closed_set_rate_even_below_all_strangers() -> None:
    known, own, unknown = np.array([[0.2, 0.1], [0.4, 0.3]]), np.eye(2, dtype=bool), np.array([[0.9, 0.9]])
    assert detection_identification_rate(known, own, unknown, false_alarm_rate=1.0) == 0.5
    assert detection_identification_rate(known, own, unknown, false_alarm_rate=0.99) == 0.0


def test_several_entries_of_a_person_count_alike_and_ties_are_shared() -> None:
    known = np.array([[0.9, 0.9, 0.9, 0.1]])
    own = np.array([[True, False, True, False]])
    assert open_set_curve(known, own, np.zeros((1, 4))).closed_set == pytest.approx(2 / 3)


def test_the_default_rate_is_one_in_a_hundred() -> None:
    known, own = np.array([[0.5, 0.0]]), np.array([[True, False]])
    unknown = np.linspace(0, 0.98, 50)[:, np.newaxis] * np.ones(2)
    assert detection_identification_rate(known, own, unknown) == 0.0
    assert detection_identification_rate(known, own, unknown, false_alarm_rate=0.48) == 0.0
    half_let_in = detection_identification_rate(known, own, unknown, false_alarm_rate=0.49)
    assert half_let_in == pytest.approx(0.5)  # one stranger ties with the known probe
    assert detection_identification_rate(known, own, unknown, false_alarm_rate=0.5) == 1.0
    ties = np.full((1, 2), 0.5)
    assert detection_identification_rate(known, own, ties) == pytest.approx(0.01)


def test_more_false_alarms_never_find_fewer_and_order_does_not_matter() -> None:
    known, own, unknown = case(3, levels=50)
    curve = open_set_curve(known, own, unknown)
    values = [curve.rate_at(rate) for rate in np.linspace(0, 1, 101)]
    assert (np.diff(values) >= -1e-12).all()
    order = np.random.default_rng(0).permutation(len(known))
    again = open_set_curve(known[order], own[order], unknown[::-1])
    np.testing.assert_allclose([again.rate_at(r) for r in np.linspace(0, 1, 101)], values, atol=1e-12)


@pytest.mark.parametrize(("n_known", "n_unknown"), [(0, 3), (3, 0), (0, 0)])
def test_without_known_or_unknown_probes_it_is_nan_with_a_warning(n_known: int, n_unknown: int) -> None:
    own = np.eye(3, dtype=bool)[:n_known]
    with pytest.warns(
        UndefinedMetricWarning, match="^Open-set identification is undefined: it needs known and unknown"
    ):
        value = detection_identification_rate(np.ones((n_known, 3)), own, np.ones((n_unknown, 3)))
    assert math.isnan(value)


def test_wrong_input_is_refused() -> None:
    known, own, unknown = case(0)
    with pytest.raises(DataError, match=r"compared with one gallery of at least one entry. Got 8 and 7 entries\.$"):
        open_set_curve(known, own, unknown[:, :7])
    with pytest.raises(DataError, match="Got 0 and 0 entries"):
        open_set_curve(known[:, :0], own[:, :0], unknown[:, :0])
    with pytest.raises(DataError, match=r"^A known probe must have its person in the gallery. Got 2 without; count"):
        open_set_curve(known, own & (np.arange(8) < 6), unknown)
    with pytest.raises(DataError, match="must hold no NaN"):
        open_set_curve(known, own, np.where(unknown == unknown[0, 0], np.nan, unknown))
    for rate in (-0.1, 1.1):
        with pytest.raises(ConfigError, match=rf"^`false_alarm_rate` must lie between 0 and 1. Got {rate}\.$"):
            detection_identification_rate(known, own, unknown, false_alarm_rate=rate)
