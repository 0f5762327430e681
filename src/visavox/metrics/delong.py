"""DeLong's test: do two models differ in AUC on the same scored pairs?

The AUC is a mean over true pairs of the share of false pairs that they beat, and the other way round; the spread of
these shares (placement values) gives its variance without resampling. The pairs are taken for independent. Pairs that
share people are not: intervals are then too narrow, and `visavox.metrics.bootstrap.paired_difference` over people is
the test to believe. AUCs grow with quality.

Example:
    >>> labels = np.array([1, 1, 1, 0, 0, 0])
    >>> good, poor = np.array([0.9, 0.8, 0.4, 0.5, 0.2, 0.1]), np.array([0.1, 0.8, 0.4, 0.5, 0.2, 0.1])
    >>> found = delong_test(good, poor, labels)
    >>> round(found.auc_a, 3), round(found.auc_b, 3), round(found.difference, 3), round(found.p_value, 3)
    (0.889, 0.611, 0.278, 0.327)
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from visavox.errors import ConfigError, DataError, UndefinedMetricWarning
from visavox.metrics.roc import Floats, check_pairs

Labels = NDArray[np.bool_] | NDArray[np.integer]


@dataclass(frozen=True)
class DeLong:
    """Two AUCs on the same pairs and their difference, A minus B.

    Attributes:
        auc_a: AUC of model A, 0 to 1; chance is 0.5.
        auc_b: AUC of model B.
        difference: A minus B, -1 to 1.
        low: lower end of the interval of the difference, at least -1; nan when undefined.
        high: upper end, at most 1.
        p_value: two-sided, 0 to 1; nan when undefined.
    """

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    p_value: float


def delong_test(
    scores_a: NDArray[np.floating], scores_b: NDArray[np.floating], labels: Labels, *, level: float = 0.95
) -> DeLong:
    """Return both AUCs and the test that they are equal.

    Args:
        scores_a: (n_pairs,) float, scores of model A, higher means more alike.
        scores_b: (n_pairs,) float, scores of model B **on the same pairs**; the two scales need not be alike.
        labels: (n_pairs,) bool or 0/1, True for a true pair.
        level: share covered by the interval, above 0 and below 1.

    Returns:
        The AUCs equal `visavox.metrics.verification.auc_score`; the interval is difference +- z * standard error, cut
        to -1 and 1.

    Raises:
        DataError: shapes differ, a label is not 0 or 1, or a score is NaN.
        ConfigError: `level` is not between 0 and 1.

    Ties and edges:
        A tie counts one half. Everything is nan, with an UndefinedMetricWarning, when a class is absent; the interval
        and p are when a class has one pair only, which has no variance. Where the estimated variance is 0, as for two
        models that order the pairs alike, the interval is the difference itself, and p is 1 if it is 0, else 0.

    Source: DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
        characteristic curves" (1988); computed from midranks, in n log n, as in Sun and Xu, "Fast
        implementation of DeLong's algorithm" (2014).
    """
    if not 0 < level < 1:
        raise ConfigError(f"`level` must lie between 0 and 1. Got {level}. Use 0.95 for a 95 % interval.")
    a, truth, _ = check_pairs(scores_a, labels, None)
    b, _, _ = check_pairs(scores_b, labels, None)
    n_true, n_false = int(truth.sum()), int((~truth).sum())
    if not n_true or not n_false:
        warnings.warn(
            f"DeLong's test is undefined: it needs true and false pairs. Got {n_true} and {n_false}. nan is returned.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return DeLong(*[math.nan] * 6)
    of_true, of_false = (
        np.stack(shares) for shares in zip(placements(a, truth), placements(b, truth), strict=True)
    )  # (2, n_true) and (2, n_false)
    auc_a, auc_b = (float(auc) for auc in of_true.mean(axis=1))
    difference = auc_a - auc_b
    if n_true < 2 or n_false < 2:
        return DeLong(auc_a, auc_b, difference, math.nan, math.nan, math.nan)
    variance = float(
        np.var(of_true[0] - of_true[1], ddof=1) / n_true + np.var(of_false[0] - of_false[1], ddof=1) / n_false
    )
    error = math.sqrt(variance)
    reach = float(norm.ppf((1 + level) / 2)) * error
    low, high = max(difference - reach, -1.0), min(difference + reach, 1.0)
    if error < 1e-12:  # below the rounding of the shares: nothing varies
        return DeLong(auc_a, auc_b, difference, low, high, 1.0 if abs(difference) < 1e-12 else 0.0)
    return DeLong(auc_a, auc_b, difference, low, high, float(2 * norm.sf(abs(difference) / error)))


def placements(scores: NDArray[np.floating], labels: Labels) -> tuple[Floats, Floats]:
    """Return the placement values: for each pair the share of the other class on its right side, ties one half.

    Args:
        scores: (n_pairs,) float.
        labels: (n_pairs,) bool or 0/1.

    Returns:
        (n_true,) float64, share of false pairs that each true pair beats, and (n_false,) float64, share of true pairs
        that beat each false pair. Both have the AUC as their mean.

    Raises:
        DataError: shapes differ, a label is not 0 or 1, a score is NaN, or a class is absent.

    Example:
        >>> [share.tolist() for share in placements(np.array([0.9, 0.5, 0.5, 0.1]), np.array([1, 1, 0, 0]))]
        [[1.0, 0.75], [0.75, 1.0]]
    """
    checked, truth, _ = check_pairs(scores, labels, None)
    true, false = checked[truth], checked[~truth]
    if not len(true) or not len(false):
        raise DataError(
            f"Placement values need true and false pairs. Got {len(true)} and {len(false)}. Add the missing class."
        )
    among_all = rankdata(checked)  # midranks from 1
    beaten = among_all[truth] - rankdata(true)  # false pairs below, ties one half
    lost_to = among_all[~truth] - rankdata(false)  # true pairs below
    return np.asarray(beaten / len(false)), np.asarray(1.0 - lost_to / len(true))
