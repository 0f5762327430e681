"""Maps from scores to log likelihood ratios, fitted on pairs whose truth is known: logistic and isotonic.

Both weigh the two classes alike, so that the log odds they learn are log likelihood ratios and hold under any prior.
Fit on other people than those the map is then used for; a map judged on its own people flatters itself.
How good the ratios are is measured by `visavox.metrics.calibration`.

Example:
    >>> scores, labels = np.array([0.9, 0.6, 0.4, 0.1]), np.array([1, 0, 1, 0])
    >>> calibrator = fit_logistic(scores, labels)
    >>> bool(calibrator.slope > 0), round(float(calibrator.log_likelihood_ratio(np.array([0.5]))[0]), 6) + 0.0
    (True, 0.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from visavox.errors import ConfigError, DataError
from visavox.metrics.roc import Floats, check_pairs

Labels = NDArray[np.bool_] | NDArray[np.integer]
WEAKNESS = 1e4  # inverse strength of the penalty on the slope of standardised scores: none, but for perfect separation


class Calibrator(Protocol):
    """A rising map from scores to log likelihood ratios."""

    def log_likelihood_ratio(self, scores: NDArray[np.floating]) -> Floats:
        """Return (...) float64 natural log likelihood ratios of (...) scores."""
        ...


@dataclass(frozen=True)
class LogisticCalibrator:
    """The straight line slope * score + intercept."""

    slope: float
    """Nats a unit of score; below 0 where scores fall with likeness."""
    intercept: float
    """Log likelihood ratio of the score 0, nats."""

    def log_likelihood_ratio(self, scores: NDArray[np.floating]) -> Floats:
        """Return (...) float64 natural log likelihood ratios of (...) scores."""
        return self.slope * np.asarray(scores, dtype=np.float64) + self.intercept


@dataclass(frozen=True)
class IsotonicCalibrator:
    """The best rising map, a line through its corners and level beyond the outermost."""

    scores: Floats
    """(n_corners,) float64, rising."""
    ratios: Floats
    """(n_corners,) float64, never falling, finite."""

    def log_likelihood_ratio(self, scores: NDArray[np.floating]) -> Floats:
        """Return (...) float64 natural log likelihood ratios of (...) scores."""
        return np.interp(np.asarray(scores, dtype=np.float64), self.scores, self.ratios)


def fit_logistic(scores: NDArray[np.floating], labels: Labels) -> LogisticCalibrator:
    """Return the logistic regression of truth on score, both classes weighing the same.

    Args:
        scores: (n_pairs,) float, finite.
        labels: (n_pairs,) bool or 0/1.

    Raises:
        DataError: shapes differ, a label is not 0 or 1, a score is not finite, or a class is absent.

    Ties and edges:
        Constant scores give ratios of 0. Perfect separation gives a steep but finite slope.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999), without its softened targets; equal
        classes as in Bruemmer and du Preez, "Application-independent evaluation of speaker detection" (2006).
    """
    checked, truth = _both_classes(scores, labels)
    centre, width = float(checked.mean()), float(checked.std())
    if np.ptp(checked) == 0:
        return LogisticCalibrator(0.0, 0.0)
    from sklearn.linear_model import LogisticRegression  # a second, which no answer of a fitted model needs

    weights = np.where(truth, 0.5 / truth.mean(), 0.5 / (~truth).mean())
    model = LogisticRegression(C=WEAKNESS, tol=1e-10, max_iter=1000)
    model.fit(((checked - centre) / width)[:, np.newaxis], truth, sample_weight=weights)
    slope = float(model.coef_[0, 0]) / width
    return LogisticCalibrator(slope, float(model.intercept_[0]) - slope * centre)


def fit_isotonic(scores: NDArray[np.floating], labels: Labels) -> IsotonicCalibrator:
    """Return the rising map that fits the truth best, both classes weighing the same.

    One made-up true pair below all scores and one made-up false pair above them keep every ratio finite: the tails are
    never more certain than the number of pairs allows.

    Args:
        scores: (n_pairs,) float, finite.
        labels: (n_pairs,) bool or 0/1.

    Raises:
        DataError: as `fit_logistic`.

    Ties and edges:
        Tied scores keep one ratio; constant scores give ratios of 0.

    Source: Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates" (2002);
        the made-up pairs follow the Laplace option of Bruemmer's pool-adjacent-violators calibration.
    """
    checked, truth = _both_classes(scores, labels)
    if np.ptp(checked) == 0:
        return IsotonicCalibrator(checked[:1], np.zeros(1))
    ends, of_ends = np.array([checked.min(), checked.max()]), np.array([True, False])
    values, told = np.concatenate([checked, ends]), np.concatenate([truth, of_ends])
    weights = np.where(told, 0.5 / told.mean(), 0.5 / (~told).mean())
    from sklearn.isotonic import IsotonicRegression  # a second, as above

    model = IsotonicRegression(out_of_bounds="clip").fit(values, told.astype(np.float64), sample_weight=weights)
    return IsotonicCalibrator(
        np.asarray(model.X_thresholds_, dtype=np.float64), logit(np.asarray(model.y_thresholds_, dtype=np.float64))
    )


def probability(log_likelihood_ratios: NDArray[np.floating], *, prior: float = 0.5) -> Floats:
    """Return how probable a true pair is, given the ratio and how often pairs are true in use.

    Args:
        log_likelihood_ratios: (...) float, natural logarithms.
        prior: share of true pairs in use, above 0 and below 1.

    Returns:
        (...) float64, 0 to 1.

    Raises:
        ConfigError: `prior` is not between 0 and 1.

    Example:
        >>> probability(np.array([0.0, np.log(3)]), prior=0.5).round(9).tolist()
        [0.5, 0.75]
    """
    if not 0 < prior < 1:
        raise ConfigError(f"`prior` must lie between 0 and 1. Got {prior}.")
    return np.asarray(expit(np.asarray(log_likelihood_ratios, dtype=np.float64) + logit(prior)))


def _both_classes(scores: NDArray[np.floating], labels: Labels) -> tuple[Floats, NDArray[np.bool_]]:
    checked, truth, _ = check_pairs(scores, labels, None)
    if not np.isfinite(checked).all():
        raise DataError(f"Calibration needs finite scores. Got {checked[~np.isfinite(checked)][0]}; embed again.")
    n_true, n_false = int(truth.sum()), int((~truth).sum())
    if not n_true or not n_false:
        raise DataError(f"Calibration needs true and false pairs. Got {n_true} and {n_false}. Add the missing class.")
    return checked, truth
