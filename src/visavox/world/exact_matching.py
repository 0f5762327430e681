"""The 1:2 ceiling without Monte Carlo, for worlds whose dimensions all have one correlation.

The probe v chooses between its own f and the f' of somebody else. The Gaussian parts of the two log likelihood ratios
differ by a quadratic form in normal numbers, which, all correlations being equal, is

    D = a X - b Y,  X and Y independent chi-square with one degree of freedom for each dimension,
    a, b = (sqrt(q^2 + 2 q) +- q) / 2,  q = rho^2 / (1 - rho^2),

and the shown sexes add a constant when v agrees with one of the two only. So the accuracy is a sum of few tail
probabilities of D, each one smooth integral. It is what `visavox.world.ceiling_solver` inverts and a check of
`visavox.world.ceiling`, which knows more measures and unequal correlations.

Example:
    >>> exact_matching(0.0, face_reliability=1.0, voice_reliability=0.9)  # sex alone, heard right 9 times in 10
    ExactMatching(same_sex=0.5, opposite_sex=0.9, same_sex_told=0.5)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from visavox.world.population import DIMENSIONS, Population

_STEP = 0.1  # of quadrature over log Y


@dataclass(frozen=True)
class ExactMatching:
    """1:2 accuracies of the best score, 0.5 to 1; `all` of a balanced world is the mean of the first two."""

    same_sex: float
    """Both candidates are of the probe's own sex."""
    opposite_sex: float
    """The other candidate is of the other sex."""
    same_sex_told: float
    """As `same_sex`, for who knows it and leaves out the shown sex."""


def exact_matching(correlation: float, *, face_reliability: float, voice_reliability: float) -> ExactMatching:
    """Return the ceiling of choosing between two faces for a voice.

    Swap the reliabilities for the other direction: that of the probe counts for both candidates alike.

    Args:
        correlation: of all `DIMENSIONS`, 0 to below 1.
        face_reliability: of the candidates, 0.5 to 1.
        voice_reliability: of the probe, 0.5 to 1.

    Ties and edges:
        Correlation 0 leaves only the shown sex, and equal evidence counts one half.

    Source: the log likelihood ratio of `visavox.world.likelihood`; D by the eigenvalues of its quadratic form.
    """
    correlations = (correlation,) * len(DIMENSIONS)
    agreement = Population(correlations, face_reliability, voice_reliability).sex_agreement
    evidence = math.log(agreement / (1.0 - agreement)) if agreement < 1.0 else math.inf
    level, ahead, behind = (_wins(correlation, margin) for margin in (0.0, evidence, -evidence))
    f, v = face_reliability, voice_reliability
    # Probability that the voice agrees with the own face only, and with the other only, by the own sex of the other.
    same_only = f * (1.0 - f)
    own_only = v * f**2 + (1.0 - v) * (1.0 - f) ** 2
    other_only = v * (1.0 - f) ** 2 + (1.0 - v) * f**2
    return ExactMatching(
        same_sex=same_only * (ahead + behind) + (1.0 - 2.0 * same_only) * level,
        opposite_sex=own_only * ahead + other_only * behind + (1.0 - own_only - other_only) * level,
        same_sex_told=level,
    )


def _wins(correlation: float, margin: float) -> float:
    """Return P(D + margin > 0), ties counting one half.

    Args:
        correlation: 0 to below 1.
        margin: evidence of the shown sexes for the own candidate, in nats; may be infinite.
    """
    q = correlation**2 / (1.0 - correlation**2)
    if q == 0.0 or math.isinf(margin):
        return float(np.heaviside(margin, 0.5))
    root = math.sqrt(q**2 + 2.0 * q)
    a, b = (root + q) / 2.0, 1.0 / (root / q + 1.0)  # b = (root - q) / 2 without the loss of digits
    return _exceeds(a, b, -margin) if margin <= 0.0 else 1.0 - _exceeds(b, a, margin)


def _exceeds(a: float, b: float, threshold: float) -> float:
    """Return P(a X - b Y > threshold), X and Y chi-square; a and b above 0, the threshold from 0."""
    y, weights = _chi_square_nodes()
    half_shape = len(DIMENSIONS) / 2.0
    return float(weights @ gammaincc(half_shape, (threshold + b * y) / (2.0 * a)))


@cache
def _chi_square_nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places and weights, (n,) each, with which a smooth function of Y is averaged.

    The trapezoidal rule over log Y, which is exact to rounding here: the density falls off at both ends, and the
    functions are analytic where Y has a positive real part.
    """
    half_shape = len(DIMENSIONS) / 2.0
    log_y = np.arange(-40.0 / half_shape, 6.0, _STEP)  # outside lies less than e^-40
    y: NDArray[np.float64] = np.exp(log_y)
    weights = np.exp(half_shape * log_y - y / 2.0)
    return y, weights / weights.sum()
