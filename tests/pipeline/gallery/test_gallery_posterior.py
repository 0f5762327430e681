"""Probabilities over a gallery against Bayes' rule written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.pipeline.gallery.gallery_posterior import gallery_posterior


def slow_posterior(ratios: list[float], prior_nobody: float) -> tuple[list[float], float]:
    joint = [(1 - prior_nobody) / len(ratios) * math.exp(ratio) for ratio in ratios]
    total = sum(joint) + prior_nobody
    return [one / total for one in joint], prior_nobody / total


@pytest.mark.parametrize("prior_nobody", [0.01, 0.5, 0.9])
def test_it_is_the_rule_of_bayes(prior_nobody: float) -> None:
    ratios = sorted(np.random.default_rng(0).normal(0, 3, 9).tolist(), reverse=True)
    mass = float(np.log(np.exp(ratios).sum()))
    found = gallery_posterior(np.array(ratios[:4]), log_mass=mass, n=9, prior_nobody=prior_nobody)
    expected, nobody = slow_posterior(ratios, prior_nobody)
    np.testing.assert_allclose(found.probabilities, expected[:4])
    assert found.p_nobody == pytest.approx(nobody)
    assert found.p_others == pytest.approx(sum(expected[4:]))


def test_everything_sums_to_one_however_large_the_ratios() -> None:
    ratios = np.array([800.0, 799.0, -900.0])
    found = gallery_posterior(ratios, log_mass=float(np.logaddexp.reduce(ratios)), n=3, prior_nobody=0.5)
    assert found.probabilities.sum() + found.p_nobody + found.p_others == pytest.approx(1)
    assert found.probabilities[0] == pytest.approx(1 / (1 + math.exp(-1)))


def test_who_says_nothing_leaves_the_prior() -> None:
    found = gallery_posterior(np.zeros(5), log_mass=math.log(5), n=5, prior_nobody=0.3)
    np.testing.assert_allclose(found.probabilities, 0.7 / 5)
    assert found.p_nobody == pytest.approx(0.3)


def test_an_empty_gallery_is_nobody() -> None:
    assert gallery_posterior(np.empty(0), log_mass=-math.inf, n=0, prior_nobody=0.5).p_nobody == 1.0


@pytest.mark.parametrize("prior", [0.0, 1.0, math.nan])
def test_a_prior_that_is_none_is_refused(prior: float) -> None:
    with pytest.raises(ConfigError, match="`p_nobody` must lie between 0 and 1"):
        gallery_posterior(np.zeros(1), log_mass=0.0, n=1, prior_nobody=prior)
