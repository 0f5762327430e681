"""Wilson's interval."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest, norm

from visavox.errors import ConfigError, DataError
from visavox.metrics.proportions import wilson_interval


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (1, 2), (8, 10), (2414, 2850), (1, 10_000)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_it_is_that_of_scipy(k: int, n: int, level: float) -> None:
    expected = binomtest(k, n).proportion_ci(level, method="wilson")
    found = wilson_interval(k, n, level=level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(3, 10), (9.5, 20)])
def test_its_ends_are_the_shares_that_the_score_test_just_keeps(k: float, n: int) -> None:
    found = wilson_interval(k, n)
    for end in (found.low, found.high):
        assert abs(k / n - end) / math.sqrt(end * (1 - end) / n) == pytest.approx(norm.ppf(0.975), abs=1e-9)


def test_it_ends_exactly_at_0_and_1() -> None:
    for n in range(1, 100):  # the plain formula ends a rounding error away from it at some of them
        assert wilson_interval(0, n).low == 0.0
        assert wilson_interval(n, n).high == 1.0


def test_no_trial_is_nan() -> None:
    found = wilson_interval(0, 0)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (math.nan, 2), (1, 0)])
def test_impossible_counts_are_refused(k: float, n: int) -> None:
    with pytest.raises(DataError, match=rf"^`n_successes` must lie between 0 and the {n} trials. Got {k}\.$"):
        wilson_interval(k, n)


@pytest.mark.parametrize("level", [0, 1, -1])
def test_a_level_outside_0_to_1_is_refused(level: float) -> None:
    with pytest.raises(ConfigError, match=rf"^`level` must lie between 0 and 1. Got {level}. Use 0.95"):
        wilson_interval(1, 2, level=level)
