"""From similarities to probabilities: the scale of a softmax over candidates, fitted on held-out pairs.

A choice among candidates that has the probability softmax(scale * similarity) is, for two candidates, a logistic
regression without intercept on the difference of their similarities; the scale is its one coefficient.

Example:
    >>> similarity = np.array([[0.9, 0.1], [0.8, 0.7]])
    >>> allowed = ~np.eye(2, dtype=bool)
    >>> bool(fit_match_scale([(similarity, allowed)]) > 1)
    True
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit

from visavox.errors import DataError
from visavox.metrics.calibrators import LogisticCalibrator, fit_logistic

MIN_SCALE, MAX_SCALE = 0.01, 1000.0


def fit_match_scale(blocks: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the scale that makes the choices of held-out probes most probable.

    Maximises the mean of log sigmoid(scale * (own - other)) over every probe and each of its allowed others, each
    probe counting once.

    Args:
        blocks: for each fold (similarity, allowed): (n, n) float with own candidates on the diagonal, and (n, n)
            bool where a candidate is of somebody else. Scores of different folds are never compared.

    Returns:
        A number from 0.01 to 1000; the upper end where every choice is right.

    Raises:
        DataError: no probe has anybody to be compared with, or a similarity is not finite.

    Source: the conditional logit of McFadden (1974) with two alternatives.
    """
    differences, weights = [], []
    for similarity, allowed in blocks:
        probes, others = np.nonzero(allowed)
        differences.append(similarity.diagonal()[probes] - similarity[probes, others])
        weights.append(1.0 / np.maximum(allowed.sum(axis=1), 1)[probes])
    margin = np.concatenate(differences) if differences else np.empty(0)
    weight = np.concatenate(weights) if weights else np.empty(0)
    if margin.size == 0:
        raise DataError("Calibration needs held-out pairs of at least two people. Got none.")
    if not np.isfinite(margin).all():
        raise DataError("Calibration needs finite similarities. Got nan or infinity; embed again.")
    return fit_margin_scale(margin, weight)


def fit_margin_scale(margins: np.ndarray, weights: np.ndarray) -> float:
    """Return the scale that makes listed choices between two most probable.

    Maximises the weighted mean of log sigmoid(scale * margin).

    Args:
        margins: (n_choices,) float, similarity of the right candidate less that of the other, at least one.
        weights: (n_choices,) float from 0, not all 0.

    Returns:
        A number from 0.01 to 1000; the upper end where every choice is right.
    """
    margin, weight = margins.astype(np.float64), weights / weights.sum()

    def loss(log_scale: float) -> float:
        return -float(weight @ log_expit(np.exp(log_scale) * margin))

    bounds = (float(np.log(MIN_SCALE)), float(np.log(MAX_SCALE)))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def fit_pair_calibration(blocks: Sequence[tuple[np.ndarray, np.ndarray]]) -> LogisticCalibrator:
    """Return the line from the similarity of one voice and one face to the log likelihood ratio that it is one person.

    Both classes weigh the same, so that the ratio holds under any prior: among ten candidates or among a million.

    Args:
        blocks: as for `fit_match_scale`: (n, n) similarities with own candidates on the diagonal, and (n, n) masks of
            those of somebody else.

    Raises:
        DataError: no probe has anybody to be compared with, or a similarity is not finite.
    """
    own = [similarity.diagonal()[allowed.any(axis=1)] for similarity, allowed in blocks]
    others = [similarity[allowed] for similarity, allowed in blocks]
    scores = np.concatenate([*own, *others]) if blocks else np.empty(0)
    labels = np.concatenate([np.ones(sum(map(len, own)), bool), np.zeros(sum(map(len, others)), bool)])
    if not labels.any():
        raise DataError("Calibration needs held-out pairs of at least two people. Got none.")
    return fit_logistic(scores, labels)


def match_calibration(blocks: Sequence[tuple[np.ndarray, np.ndarray]], scale: float) -> tuple[float, float]:
    """Return the mean probability that the favoured of two candidates got, and how often it was right.

    Args:
        blocks: as for `fit_match_scale`: (n, n) similarities and (n, n) masks.
        scale: as it returned.

    Returns:
        (mean confidence, share right), each 0.5 to 1 for a useful model; equal when calibrated.
    """
    margin = np.concatenate([s.diagonal()[np.nonzero(a)[0]] - s[a] for s, a in blocks]).astype(np.float64)
    confidence = expit(scale * np.abs(margin))
    return float(confidence.mean()), float(((margin > 0) + 0.5 * (margin == 0)).mean())
