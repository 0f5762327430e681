"""Score fusion: scores of one or two back-ends to one log likelihood ratio, by logistic regression.

Each modality's score becomes a log likelihood ratio on its own; where both were asked with, the two are weighed and
added. Weights never fall below 0: more likeness is never evidence against a person. A modality that is missing is no
evidence and adds nothing. Fit on scores that were held out, never on clips that the back-ends were fitted with.

Example:
    >>> fusion = fit_fusion({"face": np.array([0.9, 0.8, 0.2, 0.1])}, np.array([True, True, False, False]))
    >>> bool(fusion.weights["face"] > 0), np.sign(fusion.ratios({"face": np.array([1.0, 0.0])})).tolist()
    (True, [1.0, -1.0])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import DataError

Floats = NDArray[np.float64]
Combination = tuple[Modality, ...]

COMBINATIONS: tuple[Combination, ...] = (("voice",), ("face",), ("voice", "face"))
"""What a probe may hold, each with a fusion and strangers of its own."""
PENALTY = 1e-3
"""Weight of half the squared weights of standardised scores beside the mean loss: keeps separable scores finite."""


@dataclass(frozen=True)
class Fusion:
    """A weighted sum of scores that is a log likelihood ratio."""

    weights: Mapping[Modality, float]
    """Nats a unit of each modality's score, 0 or more."""
    intercept: float
    """Nats."""

    def ratios(self, scores: Mapping[Modality, NDArray[np.floating]]) -> Floats:
        """Return (...) float64 log likelihood ratios of (...) scores in each modality of `weights`."""
        total = np.asarray(self.intercept, dtype=np.float64)
        for modality, weight in self.weights.items():
            total = total + weight * np.asarray(scores[modality], dtype=np.float64)
        return total

    def plain(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"weights": dict(self.weights), "intercept": self.intercept}


def fit_fusion(scores: Mapping[Modality, NDArray[np.floating]], same: NDArray[np.bool_]) -> Fusion:
    """Return the logistic regression of "the same person" on the scores of each modality.

    Both classes weigh the same, and no trial is believed to be certain: its target is (n + 1) / (n + 2) for one of n
    true trials and 1 / (n + 2) for one of n false ones, so that scores which separate perfectly end at ratios that
    so many trials can support.

    Args:
        scores: modality -> (n_trials,) float, finite.
        same: (n_trials,) bool: whether the probe is of the person it was scored against.

    Raises:
        DataError: a score is not finite, the lengths differ, or a class is absent.

    Ties and edges:
        Constant scores weigh 0 and give ratios of 0.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999), the softened targets; linear fusion of
        scores as Pigeon, Druyts and Verlinde, "Applying logistic regression to the fusion of the NIST'99 1-speaker
        submissions" (2000), with equal classes.
    """
    truth = np.asarray(same, dtype=bool)
    columns = [np.asarray(column, dtype=np.float64) for column in scores.values()]
    if any(column.shape != truth.shape for column in columns):
        raise DataError(f"Each trial needs one score a modality. Got {[c.shape for c in columns]} for {truth.shape}.")
    if not all(np.isfinite(column).all() for column in columns):
        raise DataError("Scores that are fused must be finite. Embed and enrol again.")
    n_true, n_false = int(truth.sum()), int((~truth).sum())
    if not n_true or not n_false:
        raise DataError(f"Calibration needs true and false trials. Got {n_true} and {n_false}. Enrol more clips.")
    matrix = np.stack(columns, axis=1)  # (trials, modalities)
    centre, width = matrix.mean(axis=0), matrix.std(axis=0)
    flat = np.ptp(matrix, axis=0) == 0
    standard = np.where(flat, 0, (matrix - centre) / np.where(flat, 1, width))
    targets = np.where(truth, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))
    shares = np.where(truth, 0.5 / n_true, 0.5 / n_false)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        logits = standard @ parameters[:-1] + parameters[-1]
        value = float(shares @ (np.logaddexp(0, logits) - targets * logits))
        error = shares * (expit(logits) - targets)
        slope = np.append(error @ standard + PENALTY * parameters[:-1], error.sum())
        return value + PENALTY / 2 * float(parameters[:-1] @ parameters[:-1]), slope

    from scipy.optimize import minimize  # a fifth of a second of the start of `identify`, which fits nothing

    bounds = [(0.0, None)] * len(columns) + [(None, None)]
    found = minimize(loss, np.zeros(len(columns) + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    weights = np.where(flat, 0, found.x[:-1] / np.where(flat, 1, width))
    intercept = float(found.x[-1] - weights @ centre) if weights.any() else 0.0
    return Fusion(dict(zip(scores, weights.tolist(), strict=True)), intercept)


def fused_ratios(scores: Mapping[Modality, np.ndarray], fusions: Mapping[Combination, Fusion]) -> np.ndarray:
    """Return the log likelihood ratios of scores of one modality or both, shape (..., P) each and in the result.

    A score is nan where a person lacks its modality. Where a person has one of two modalities, that one speaks alone;
    nan where a person has none.
    """
    combination = tuple(m for m in MODALITIES if m in scores)
    total = fusions[combination].ratios(scores)
    for modality in combination if len(combination) > 1 else ():
        alone = fusions[(modality,)].ratios(scores)
        total = np.where(np.isnan(total), alone, total)
    return total
