"""McNemar's test against sums of binomials and published examples."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binomtest

from visavox.errors import DataError
from visavox.metrics.mcnemar import mcnemar_test, sign_test


def outcomes(both: int, only_a: int, only_b: int, neither: int):
    a = np.repeat([1, 1, 0, 0], [both, only_a, only_b, neither])
    return a, np.repeat([1, 0, 1, 0], [both, only_a, only_b, neither])


def slow(only_a: int, only_b: int) -> tuple[Fraction, Fraction]:
    """Exact and mid p in whole fractions."""
    n, fewer = only_a + only_b, min(only_a, only_b)
    chance = [Fraction(math.comb(n, i), 2**n) for i in range(n + 1)]
    exact = min(Fraction(1), 2 * sum(chance[: fewer + 1]))
    return exact, 2 * sum(chance[:fewer]) + chance[fewer]


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (0, 1), (4, 1), (3, 3), (7, 8), (20, 9), (2, 30)])
def test_both_p_are_sums_of_binomials(only_a: int, only_b: int) -> None:
    found = mcnemar_test(*outcomes(5, only_a, only_b, 2))
    exact, mid = slow(only_a, only_b)
    assert found.exact_p_value == pytest.approx(float(exact), abs=1e-12)
    assert found.p_value == pytest.approx(float(mid), abs=1e-12)
    assert (found.both, found.only_a, found.only_b, found.neither) == (5, only_a, only_b, 2)
    assert sign_test(only_a, only_b) == (found.exact_p_value, found.p_value)


@pytest.mark.parametrize(("only_a", "only_b"), [(314, 249), (303, 245), (1000, 900)])
def test_the_exact_p_of_many_trials_is_that_of_scipy(only_a: int, only_b: int) -> None:
    exact, mid = sign_test(only_a, only_b)
    assert exact == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, rel=1e-9)
    z = (only_a - only_b) ** 2 / (only_a + only_b)
    assert mid == pytest.approx(math.erfc(math.sqrt(z / 2)), rel=0.01)  # the normal curve, near at such counts


def test_the_example_of_fagerland_lydersen_and_laake() -> None:
    """Airway hyper-responsiveness of 21 children before and after stem cell transplantation: 1 and 7 discordant."""
    found = mcnemar_test(*outcomes(1, 1, 7, 12))
    assert round(found.exact_p_value, 4) == 0.0703
    assert round(found.p_value, 4) == 0.0391


def test_equal_sides_and_no_trials_have_p_1() -> None:
    for found in (mcnemar_test(*outcomes(3, 2, 2, 1)), mcnemar_test(*outcomes(3, 0, 0, 1))):
        assert (found.p_value, found.exact_p_value) == (1.0, 1.0)
    empty = mcnemar_test(np.empty(0), np.empty(0))
    assert (empty.n_trials, empty.p_value) == (0, 1.0)
    assert math.isnan(empty.agreement)


def test_agreement_counts_what_both_get_right_or_wrong() -> None:
    found = mcnemar_test(*outcomes(5, 2, 1, 4))
    assert found.n_trials == 12
    assert found.agreement == 0.75


def test_order_and_type_do_not_matter_and_swapping_swaps_the_sides() -> None:
    a, b = outcomes(5, 6, 1, 2)
    expected = mcnemar_test(a, b)
    order = np.random.default_rng(0).permutation(len(a))
    assert mcnemar_test(a[order].astype(bool), b[order].astype(float)) == expected
    swapped = mcnemar_test(b, a)
    assert (swapped.only_a, swapped.only_b, swapped.p_value) == (1, 6, expected.p_value)


@pytest.mark.parametrize("odd", [0.5, np.nan, 2.0, -1.0])
def test_what_is_neither_right_nor_wrong_is_refused(odd: float) -> None:
    with pytest.raises(DataError, match=rf"^`right_b` must hold 0 or 1. Got {odd} among 2 outcomes. Break ties, or"):
        mcnemar_test(np.array([0.0, 1.0]), np.array([1.0, odd]))
    with pytest.raises(DataError, match="^`right_a` must hold 0 or 1"):
        mcnemar_test(np.array([1.0, odd]), np.array([0.0, 1.0]))


def test_other_trials_are_refused() -> None:
    with pytest.raises(DataError, match=r"must name the same trials. Got 2 and 3 outcomes. Score both on one list"):
        mcnemar_test(np.ones(2), np.ones(3))
    with pytest.raises(DataError, match=r"^`right_a` must be a list of outcomes, one a trial. Got shape \(1, 2\)"):
        mcnemar_test(np.ones((1, 2)), np.ones((1, 2)))


def test_consistency_is_kappa() -> None:
    """Shares 0.6 and 0.5 agree by chance in half of the trials; here in 0.7 of them."""
    a, b = np.array([1] * 6 + [0] * 4), np.array([1] * 4 + [0] * 2 + [1] + [0] * 3)
    assert mcnemar_test(a, b).consistency == pytest.approx((0.7 - 0.5) / 0.5)
    assert mcnemar_test(a, a).consistency == pytest.approx(1.0)
    assert np.isnan(mcnemar_test(np.ones(3, dtype=int), np.ones(3, dtype=int)).consistency)
    assert np.isnan(mcnemar_test(a[:0], a[:0]).consistency)
