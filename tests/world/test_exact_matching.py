from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f as f_distribution

from visavox.world.drawn_population import draw_shown
from visavox.world.exact_matching import _exceeds, exact_matching
from visavox.world.likelihood import paired_log_likelihood_ratio
from visavox.world.population import Population


def finite_sum(a: float, b: float, threshold: float) -> float:
    """P(a X - b Y > threshold) for chi-squares of 6 degrees of freedom: Poisson terms integrated one by one."""
    alpha, beta, h = threshold / (2 * a), b / a, 3
    total = 0.0
    for j in range(h):
        for i in range(j + 1):
            term = alpha ** (j - i) * beta**i / (math.factorial(j - i) * math.factorial(i))
            total += term * math.gamma(h + i) / (math.gamma(h) * (1 + beta) ** (h + i))
    return math.exp(-alpha) * total


@pytest.mark.parametrize("a", [0.3, 1.0, 40.0])
@pytest.mark.parametrize("b", [0.01, 0.5, 7.0])
@pytest.mark.parametrize("threshold", [0.0, 0.2, 5.0])
def test_the_quadrature_is_the_finite_sum_of_six_dimensions(a: float, b: float, threshold: float) -> None:
    assert _exceeds(a, b, threshold) == pytest.approx(finite_sum(a, b, threshold), abs=1e-12)


@pytest.mark.parametrize("rho", [0.05, 0.4, 0.8, 0.99])
def test_who_is_told_the_sex_wins_as_often_as_an_f_ratio_exceeds_a_bound(rho: float) -> None:
    q = rho**2 / (1 - rho**2)
    a, b = ((math.sqrt(q * q + 2 * q) + sign * q) / 2 for sign in (1, -1))
    found = exact_matching(rho, face_reliability=0.9, voice_reliability=0.8).same_sex_told
    assert found == pytest.approx(float(f_distribution.sf(b / a, 6, 6)), abs=1e-12)


def test_the_eigenvalues_are_those_of_the_difference_of_the_two_ratios() -> None:
    """b^2 - a^2 of a = v - rho f and b = v - rho f', over 2 (1 - rho^2), from the covariance matrix."""
    rho = 0.6
    covariance = np.array([[1 - rho**2, 1 - rho**2], [1 - rho**2, 1 + rho**2]])
    eigenvalues = np.sort(np.linalg.eigvals(covariance @ np.diag([-1.0, 1.0]))) / (2 * (1 - rho**2))
    q = rho**2 / (1 - rho**2)
    root = math.sqrt(q * q + 2 * q)
    assert eigenvalues == pytest.approx([(q - root) / 2, (q + root) / 2])


@pytest.mark.parametrize(("rho", "face", "voice"), [(0.3, 0.9, 0.7), (0.6, 0.7, 0.95), (0.8, 0.98, 0.98)])
def test_the_accuracy_is_that_of_drawn_trials(rho: float, face: float, voice: float) -> None:
    world, n = Population((rho,) * 6, face, voice), 60_000
    own, other = (draw_shown(n, np.random.default_rng(seed), world) for seed in (0, 1))
    by_score, by_told = (
        paired_log_likelihood_ratio(own.voice, own.face, world, shown_sex=shown_sex)
        > paired_log_likelihood_ratio(own.voice, other.face, world, shown_sex=shown_sex)
        for shown_sex in (True, False)
    )
    same = own.own_sex == other.own_sex
    exact = exact_matching(rho, face_reliability=face, voice_reliability=voice)
    for wins, expected in (
        (by_score[same], exact.same_sex),
        (by_score[~same], exact.opposite_sex),
        (by_told[same], exact.same_sex_told),
    ):
        assert wins.mean() == pytest.approx(expected, abs=3.5 * wins.std() / math.sqrt(len(wins)))


def test_sex_alone_wins_as_often_as_the_table_of_its_cases_says() -> None:
    exact = exact_matching(0.0, face_reliability=0.9, voice_reliability=0.8)
    assert exact.same_sex == exact.same_sex_told == 0.5
    assert exact.opposite_sex == pytest.approx(0.5 + (2 * 0.9 - 1) * (2 * 0.8 - 1) / 2)


def test_sexes_that_are_always_shown_settle_every_mixed_pair() -> None:
    exact = exact_matching(0.5, face_reliability=1.0, voice_reliability=1.0)
    assert exact.opposite_sex == 1.0
    assert exact.same_sex == exact.same_sex_told


def test_sexes_that_are_never_shown_leave_all_pairs_alike() -> None:
    exact = exact_matching(0.5, face_reliability=0.5, voice_reliability=1.0)
    assert exact.same_sex == pytest.approx(exact.opposite_sex, abs=1e-12)
    assert exact.same_sex == pytest.approx(exact.same_sex_told, abs=1e-12)


@given(st.floats(0, 0.999), st.floats(0.5, 1), st.floats(0.5, 1), st.floats(0, 0.05))
@settings(max_examples=60, deadline=None)
def test_more_correlation_never_hurts_and_strata_are_in_order(
    rho: float, face: float, voice: float, more: float
) -> None:
    less, better = (
        exact_matching(min(r, 0.999), face_reliability=face, voice_reliability=voice) for r in (rho, rho + more)
    )
    assert 0.5 - 1e-9 <= less.same_sex <= less.same_sex_told + 1e-9
    assert less.same_sex <= less.opposite_sex + 1e-9
    assert less.opposite_sex <= 1.0 + 1e-9
    assert better.same_sex >= less.same_sex - 1e-9
    assert better.same_sex_told >= less.same_sex_told - 1e-9


def test_a_correlation_too_small_to_square_counts_as_none() -> None:
    assert exact_matching(1e-200, face_reliability=0.9, voice_reliability=0.9).same_sex == 0.5
