"""The posterior against Bayes' rule written out, and the record of an answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.identification.posterior import Identification, Named, posterior


def bayes(ratios: list[float], p_stranger: float) -> tuple[list[float], float]:
    """Prior times likelihood ratio over the sum of all; the likelihood ratio of a stranger is 1."""
    shares = [(1 - p_stranger) / len(ratios) * math.exp(ratio) for ratio in ratios]
    total = sum(shares) + p_stranger
    return [share / total for share in shares], p_stranger / total


@pytest.mark.parametrize("p_stranger", [0.01, 0.5, 0.9])
@pytest.mark.parametrize("ratios", [[0.0], [2.0, -1.0], [5.0, 5.0, -30.0, 0.1]])
def test_the_posterior_is_bayes_rule_and_sums_to_1(ratios: list[float], p_stranger: float) -> None:
    probabilities, stranger = posterior(np.array(ratios), p_stranger=p_stranger)
    expected, of_stranger = bayes(ratios, p_stranger)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12)
    assert stranger == pytest.approx(of_stranger)
    assert probabilities.sum() + stranger == pytest.approx(1)


def test_ratios_of_nothing_give_back_the_prior() -> None:
    probabilities, stranger = posterior(np.zeros(4), p_stranger=0.2)
    np.testing.assert_allclose(probabilities, 0.2)
    assert stranger == pytest.approx(0.2)


def test_people_in_another_order_have_the_same_probabilities() -> None:
    ratios = np.random.default_rng(0).normal(size=20) * 5
    order = np.random.default_rng(1).permutation(20)
    probabilities, stranger = posterior(ratios, p_stranger=0.3)
    shuffled, of_shuffled = posterior(ratios[order], p_stranger=0.3)
    np.testing.assert_allclose(shuffled, probabilities[order], rtol=1e-12)
    assert of_shuffled == pytest.approx(stranger)
    assert (np.argsort(probabilities) == np.argsort(ratios)).all()


def test_huge_ratios_neither_overflow_nor_vanish() -> None:
    with np.errstate(all="raise", under="ignore"):
        probabilities, stranger = posterior(np.array([5000.0, 4999.0]), p_stranger=0.5)
        low, of_low = posterior(np.array([-5000.0, -6000.0]), p_stranger=0.5)
    assert probabilities.tolist() == pytest.approx([math.e / (1 + math.e), 1 / (1 + math.e)])
    assert (stranger, low.tolist(), of_low) == (0, [0, 0], 1)


def test_minus_infinity_rules_a_person_out() -> None:
    probabilities, stranger = posterior(np.array([-np.inf, 0.0]), p_stranger=0.5)
    # The one who is left keeps the quarter of the prior, against the stranger's half.
    assert probabilities.tolist() == pytest.approx([0, 1 / 3])
    assert stranger == pytest.approx(2 / 3)
    nobody, certain = posterior(np.array([-np.inf, -np.inf]), p_stranger=0.5)
    assert (nobody.tolist(), certain) == ([0, 0], 1)


def test_with_nobody_enrolled_everybody_is_a_stranger() -> None:
    probabilities, stranger = posterior(np.empty(0), p_stranger=0.5)
    assert (probabilities.shape, stranger) == ((0,), 1.0)


@pytest.mark.parametrize("p_stranger", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_a_prior_that_is_no_probability_is_refused(p_stranger: float) -> None:
    with pytest.raises(ConfigError, match=rf"^`p_stranger` must lie between 0 and 1\. Got {p_stranger}\.$"):
        posterior(np.zeros(2), p_stranger=p_stranger)


def test_the_name_of_an_answer_is_the_best_one_unless_it_is_refused() -> None:
    ranked = (Named("Ann", 0.8, 3.0, {"voice": 3.0}), Named("Bob", 0.1, 1.0))
    shared = {"p_stranger": 0.1, "p_value": 0.01, "threshold": 1.0, "false_accept": 0.05, "modalities": ("voice",)}
    assert Identification(ranked, False, **shared).name == "Ann"  # type: ignore[arg-type]
    assert Identification(ranked, True, **shared).name is None  # type: ignore[arg-type]
    assert Identification((), False, **shared).name is None  # type: ignore[arg-type]
    assert (ranked[1].by_modality, Identification(ranked, True, **shared).notes) == ({}, ())  # type: ignore[arg-type]
