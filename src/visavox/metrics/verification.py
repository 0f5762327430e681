"""Verification: is this voice of this face? AUC, equal error rate and minimum detection cost over pairs.

`auc_score`, `equal_error_rate` and `min_detection_cost` take lists of scored pairs; `roc_curve` and `det_curve` give
their points. Pairs are pooled, not averaged person by person; curves for the bootstrap over people are in
`visavox.metrics.roc_resampling`. The AUC grows with quality, rates and costs shrink.

Example:
    >>> scores, labels = np.array([0.9, 0.6, 0.6, 0.1]), np.array([1, 1, 0, 0])
    >>> auc_score(scores, labels), equal_error_rate(scores, labels)
    (0.875, 0.25)
    >>> min_detection_cost(scores, labels, target_prior=0.05)
    0.5
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import UndefinedMetricWarning
from visavox.metrics.roc import Floats, roc_from_scores

Labels = NDArray[np.bool_] | NDArray[np.integer]
Weights = NDArray[np.floating] | None


def auc_score(scores: NDArray[np.floating], labels: Labels, *, weights: Weights = None) -> float:
    """Return the chance that a true pair scores above a false one, ties counting one half.

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1.
        weights: (n_pairs,) float from 0; None: 1.

    Returns:
        0 to 1; chance, and any constant score, is 0.5.

    Raises:
        DataError: shapes differ, a label is not 0 or 1, a score is NaN, or a weight is negative.

    Ties and edges:
        nan with an UndefinedMetricWarning when a class is absent or weighs nothing.
    """
    return _defined(roc_from_scores(scores, labels, weights=weights).auc_score(), "AUC")


def equal_error_rate(scores: NDArray[np.floating], labels: Labels, *, weights: Weights = None) -> float:
    """Return the rate at which false matches and misses are equally frequent.

    Defined on the ROC points joined by straight lines (`Roc.equal_error_rate`), so that it depends on the order of
    the scores alone and a constant score gives exactly 0.5.

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1.
        weights: (n_pairs,) float from 0; None: 1.

    Returns:
        0 (best) to 1.

    Raises:
        DataError: as `auc_score`.

    Ties and edges:
        nan with an UndefinedMetricWarning when a class is absent or weighs nothing.
    """
    return _defined(roc_from_scores(scores, labels, weights=weights).equal_error_rate(), "equal error rate")


def min_detection_cost(
    scores: NDArray[np.floating],
    labels: Labels,
    *,
    weights: Weights = None,
    target_prior: float = 0.01,
    miss_cost: float = 1.0,
    false_alarm_cost: float = 1.0,
) -> float:
    """Return the normalised minimum detection cost over all thresholds (`Roc.min_detection_cost`).

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1.
        weights: (n_pairs,) float from 0; None: 1.
        target_prior: how often a pair is true in use, above 0 and below 1.
        miss_cost: cost of a miss, above 0.
        false_alarm_cost: cost of a false match, above 0.

    Returns:
        0 (best) to 1; chance, and any constant score, is 1.

    Raises:
        DataError: as `auc_score`.
        ConfigError: a prior or a cost outside its range.

    Ties and edges:
        nan with an UndefinedMetricWarning when a class is absent or weighs nothing.
    """
    roc = roc_from_scores(scores, labels, weights=weights)
    cost = roc.min_detection_cost(target_prior=target_prior, miss_cost=miss_cost, false_alarm_cost=false_alarm_cost)
    return _defined(cost, "minimum detection cost")


@dataclass(frozen=True)
class Points:
    """The points of a plotted curve.

    Attributes:
        x: (n_points,) float64, false match rate, rising.
        y: (n_points,) float64, true match rate (ROC) or miss rate (DET).
        thresholds: (n_points,) float64, falling from infinity.
    """

    x: Floats
    y: Floats
    thresholds: Floats


def roc_curve(scores: NDArray[np.floating], labels: Labels, *, weights: Weights = None) -> Points:
    """Return the true match rate against the false match rate, one point for each different score.

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1.
        weights: (n_pairs,) float from 0; None: 1.

    Raises:
        DataError: as `auc_score`.

    Ties and edges:
        From (0, 0) to (1, 1). nan with an UndefinedMetricWarning when a class is absent.
    """
    roc = roc_from_scores(scores, labels, weights=weights)
    _defined(roc.auc_score(), "ROC curve")
    return Points(roc.false_match_rate, 1.0 - roc.miss_rate, roc.thresholds)


def det_curve(scores: NDArray[np.floating], labels: Labels, *, weights: Weights = None) -> Points:
    """Return the miss rate against the false match rate, one point for each different score.

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1.
        weights: (n_pairs,) float from 0; None: 1.

    Raises:
        DataError: as `auc_score`.

    Ties and edges:
        From (0, 1) to (1, 0). nan with an UndefinedMetricWarning when a class is absent.
    """
    roc = roc_from_scores(scores, labels, weights=weights)
    _defined(roc.auc_score(), "DET curve")
    return Points(roc.false_match_rate, roc.miss_rate, roc.thresholds)


def _defined(value: Floats, what: str) -> float:
    if np.isnan(value):
        message = f"The {what} is undefined: it needs true and false pairs of weight above 0. nan is returned."
        warnings.warn(message, UndefinedMetricWarning, stacklevel=3)
    return float(value)
