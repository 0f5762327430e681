"""What is gained by answering only when sure: error rate against the share of questions answered.

The most confident answers come first; the risk is the error rate among those that are given, the coverage their share.
The area under the curve (AURC) shrinks with quality, and a confidence that says nothing leaves it at the plain error
rate. How the confidence was made does not matter here, only its order.

Example:
    >>> curve = risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 1, 0, 1]))
    >>> curve.coverage.tolist(), curve.risk.round(3).tolist()
    ([0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.333, 0.25])
    >>> round(risk_coverage_area(np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 1, 0, 1])), 4)
    0.1458
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError, UndefinedMetricWarning
from visavox.metrics.calibration import check_shares
from visavox.metrics.roc import Floats


@dataclass(frozen=True)
class RiskCoverage:
    """One point for each different confidence, from the most confident answers alone to all of them.

    Attributes:
        coverage: (n_points,) float64, share of questions answered, rising to 1.
        risk: (n_points,) float64, error rate among the answered, 0 to 1; the last is the plain error rate.
        thresholds: (n_points,) float64, falling; a question is answered at `confidence >= threshold`.
    """

    coverage: Floats
    risk: Floats
    thresholds: Floats

    def risk_at(self, coverage: float) -> float:
        """Return the error rate when this share of questions is answered.

        Between two points the questions of the next confidence are answered by the luck of the draw, so that the
        errors, not the error rates, are joined by a straight line.

        Args:
            coverage: above 0, at most 1.
        """
        covered, errors = np.append(0.0, self.coverage), np.append(0.0, self.coverage * self.risk)
        return float(np.interp(coverage, covered, errors) / coverage) if len(self.coverage) else math.nan


def risk_coverage(confidence: NDArray[np.floating], right: NDArray[np.generic]) -> RiskCoverage:
    """Return the error rate among the most confident answers, for every threshold.

    Args:
        confidence: (n,) float, higher means surer; any scale.
        right: (n,) bool or float from 0 to 1: whether the answer is right, 0.5 for a tie of two candidates.

    Raises:
        DataError: shapes differ, a confidence is NaN, or `right` is outside 0 to 1.

    Ties and edges:
        Equal confidences are answered together. No points for an empty input.

    Source: El-Yaniv and Wiener, "On the foundations of noise-free selective classification" (2010).
    """
    sure, credit = _checked(confidence, right)
    values, place, counts = np.unique(-sure, return_inverse=True, return_counts=True)  # surest first
    errors = np.bincount(place, weights=1.0 - credit, minlength=len(values))
    answered = np.cumsum(counts)
    return RiskCoverage(answered / max(len(sure), 1), np.cumsum(errors) / np.maximum(answered, 1), -values)


def risk_coverage_area(confidence: NDArray[np.floating], right: NDArray[np.generic]) -> float:
    """Return the area under the curve (AURC): the mean of the risk over k = 1 to n most confident answers.

    Args:
        confidence: (n,) float, higher means surer.
        right: (n,) bool or float from 0 to 1.

    Returns:
        0 (best) to 1; a constant confidence scores the plain error rate.

    Raises:
        DataError: as `risk_coverage`.

    Ties and edges:
        Equal confidences: the expectation over their orders. nan with an UndefinedMetricWarning for an empty input.

    Source: Geifman, Uziel and El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers" (2019).
    """
    curve = risk_coverage(confidence, right)
    n = len(np.asarray(right))
    if not n:
        message = "The risk-coverage area of no answer is undefined. nan is returned."
        warnings.warn(message, UndefinedMetricWarning, stacklevel=2)
        return math.nan
    answered = np.arange(1, n + 1) / n
    errors = np.interp(answered, np.append(0.0, curve.coverage), np.append(0.0, curve.coverage * curve.risk))
    return float((errors / answered).mean())


def _checked(confidence: NDArray[np.floating], right: NDArray[np.generic]) -> tuple[Floats, Floats]:
    sure: Floats = np.asarray(confidence, dtype=np.float64)
    credit = check_shares(right, "right")
    if sure.shape != credit.shape:
        raise DataError(f"`right` must be one an answer. Got shapes {credit.shape} and {sure.shape}.")
    n_nan = int(np.isnan(sure).sum())
    if n_nan:
        raise DataError(f"`confidence` must hold no NaN. Got {n_nan} among {sure.size}. Remove the broken items.")
    return sure, credit
