"""How far scores can be believed as probabilities: Cllr, its minimum, reliability and expected calibration error.

A log likelihood ratio says how much more probable a score is for a true pair than for a false one; it is calibrated
when odds built on it pay. Cllr is its cost in bits and shrinks with quality; the minimum over all rising maps of the
scores is what discrimination alone costs, and the rest is what calibration costs. Nothing is fitted here that a user
keeps: maps from scores to ratios are `visavox.metrics.calibrators`.

Example:
    >>> ratios, labels = np.array([2.0, 0.5, 0.5, -2.0]), np.array([1, 1, 0, 0])
    >>> round(cllr(ratios, labels), 4), round(min_cllr(ratios, labels), 4)
    (0.6139, 0.5)
    >>> round(expected_calibration_error(np.array([0.9, 0.8, 0.3, 0.2]), np.array([1, 1, 0, 0]), n_bins=2), 9)
    0.2
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import rankdata

from visavox.errors import ConfigError, DataError, UndefinedMetricWarning
from visavox.metrics.roc import Floats, check_pairs

Labels = NDArray[np.bool_] | NDArray[np.integer]


def cllr(log_likelihood_ratios: NDArray[np.floating], labels: Labels) -> float:
    """Return the cost of log likelihood ratios in bits, averaged over both classes.

        Cllr = 1/2 [mean over true pairs of log2(1 + e^-l) + mean over false pairs of log2(1 + e^l)]

    Args:
        log_likelihood_ratios: (n_pairs,) float, natural logarithms; above 0 speaks for a true pair.
        labels: (n_pairs,) bool or 0/1, True for a true pair.

    Returns:
        0 (certain and right) to infinity (certain and wrong); ratios that say nothing, all 0, cost exactly 1.

    Raises:
        DataError: shapes differ, a label is not 0 or 1, or a ratio is NaN.

    Ties and edges:
        nan with an UndefinedMetricWarning when a class is absent.

    Source: Bruemmer and du Preez, "Application-independent evaluation of speaker detection" (2006).
    """
    ratios, truth, _ = check_pairs(log_likelihood_ratios, labels, None)
    if truth.all() or not truth.any():
        return _undefined("Cllr")
    bits_true, bits_false = np.logaddexp(0, -ratios[truth]), np.logaddexp(0, ratios[~truth])
    return float((bits_true.mean() + bits_false.mean()) / (2 * math.log(2)))


def min_cllr(scores: NDArray[np.floating], labels: Labels) -> float:
    """Return the least Cllr that any rising map of the scores to log likelihood ratios can have.

    The best map is found by pooling adjacent violators; only the order of the scores matters.

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1.

    Returns:
        0 to 1; chance, and any constant score, is 1.

    Raises:
        DataError: as `cllr`.

    Ties and edges:
        Tied scores keep one ratio. nan with an UndefinedMetricWarning when a class is absent.

    Source: Bruemmer and du Preez (2006), section 5: isotonic regression is optimal for every proper cost at once.
    """
    checked, truth, _ = check_pairs(scores, labels, None)
    if truth.all() or not truth.any():
        return _undefined("minimum Cllr")
    values, place = np.unique(checked, return_inverse=True)
    n_true = np.bincount(place[truth], minlength=len(values)).astype(np.float64)
    n_false = np.bincount(place[~truth], minlength=len(values)).astype(np.float64)
    weight_true, weight_false = n_true / n_true.sum(), n_false / n_false.sum()  # odds of one: the log odds are ratios
    mass = weight_true + weight_false
    chance = np.clip(isotonic_regression(weight_true / mass, weights=mass).x, 0.0, 1.0)
    bits = -_product(weight_true, chance) - _product(weight_false, 1.0 - chance)
    return float(bits / 2)


def _product(weights: Floats, chance: Floats) -> float:
    """Sum of weight * log2(chance), where nothing weighs nothing, whatever its chance."""
    used = weights > 0
    return float(weights[used] @ np.log2(chance[used]))


@dataclass(frozen=True)
class Reliability:
    """What was said and what happened, bin by bin, from the least probable up.

    Attributes:
        predicted: (n_bins,) float64, mean probability said in each bin.
        observed: (n_bins,) float64, share of successes in each bin.
        counts: (n_bins,) int64, probabilities in each bin, from 1.
    """

    predicted: Floats
    observed: Floats
    counts: NDArray[np.int64]


def reliability(probabilities: NDArray[np.floating], outcomes: NDArray[np.generic], *, n_bins: int = 15) -> Reliability:
    """Return predicted and observed shares in bins of equal mass.

    Sorted by probability, the values are cut into `n_bins` bins of as many values each; equal probabilities stay in
    one bin, that of their middle rank.

    Args:
        probabilities: (n,) float, 0 to 1.
        outcomes: (n,) bool or float from 0 to 1, whether it happened; 0.5 for a tie that counts one half.
        n_bins: number of bins, at least 1.

    Returns:
        The bins that hold anything; none for an empty input.

    Raises:
        DataError: shapes differ, or a probability or an outcome is not in 0 to 1 (NaN included).
        ConfigError: `n_bins` below 1.
    """
    if n_bins < 1:
        raise ConfigError(f"`n_bins` must be at least 1. Got {n_bins}.")
    said, happened = check_shares(probabilities, "probabilities"), check_shares(outcomes, "outcomes")
    if said.shape != happened.shape:
        raise DataError(f"`outcomes` must be one a probability. Got {len(happened)} for {len(said)}.")
    if not len(said):
        return Reliability(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
    places = ((rankdata(said) - 0.5) / len(said) * n_bins).astype(np.int64)
    counts = np.bincount(places, minlength=n_bins)
    used = np.flatnonzero(counts)
    sums = (np.bincount(places, weights=values, minlength=n_bins)[used] for values in (said, happened))
    predicted, observed = (total / counts[used] for total in sums)
    return Reliability(predicted, observed, counts[used].astype(np.int64))


def expected_calibration_error(
    probabilities: NDArray[np.floating], outcomes: NDArray[np.generic], *, n_bins: int = 15
) -> float:
    """Return the mean distance between what was said and what happened, over bins of equal mass.

    Args:
        probabilities: (n,) float, 0 to 1.
        outcomes: (n,) bool or float from 0 to 1.
        n_bins: number of bins, at least 1. The figure depends on it and is biased upwards: with few values a bin even
            calibrated probabilities score above 0.

    Returns:
        0 (best) to 1. Saying the overall share every time scores 0.

    Raises:
        DataError, ConfigError: as `reliability`.

    Ties and edges:
        Equal probabilities share a bin (`reliability`). nan with an UndefinedMetricWarning for an empty input.

    Source: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning" (2015), with
        bins of equal mass as in Nguyen and O'Connor (2015) instead of equal width.
    """
    bins = reliability(probabilities, outcomes, n_bins=n_bins)
    if not len(bins.counts):
        message = "The expected calibration error of no probability is undefined. nan is returned."
        warnings.warn(message, UndefinedMetricWarning, stacklevel=2)
        return math.nan
    return float(np.average(np.abs(bins.predicted - bins.observed), weights=bins.counts))


def check_shares(values: NDArray[np.generic], name: str) -> Floats:
    """Return values (n,) as float64 after checking that each lies between 0 and 1.

    Raises:
        DataError: not a list, or a value outside 0 to 1 (NaN included).
    """
    checked: Floats = np.asarray(values, dtype=np.float64)
    if checked.ndim != 1:
        raise DataError(f"`{name}` must be a list. Got shape {checked.shape}.")
    inside = (checked >= 0) & (checked <= 1)
    if not inside.all():
        raise DataError(f"`{name}` must lie between 0 and 1. Got {checked[~inside][0]} among {checked.size}.")
    return checked


def _undefined(what: str) -> float:
    message = f"The {what} is undefined: it needs true and false pairs. nan is returned."
    warnings.warn(message, UndefinedMetricWarning, stacklevel=3)
    return math.nan
