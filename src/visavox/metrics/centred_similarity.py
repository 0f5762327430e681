"""Cosine of two sets of features, each set less its own mean.

Drawn faces differ from photographs all alike: they are smooth, frontal, of one camera. Centring each side on its own
mean takes that away, so that what is left is who looks like whom. A feature that is its side's mean, as every drawing
of a drawer that draws one face, points nowhere: its similarity with everything is 0, which ties count as chance.

Example:
    >>> similarity = centred_similarity(np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 0.0], [9.0, 0.0]]))
    >>> similarity.tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    >>> centred_similarity(np.ones((2, 3)), np.eye(3)[:2]).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

NOWHERE = 1e-6  # of the mean length of the features: a centred one that is shorter is rounding


def centred_similarity(first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the cosine of every row of the first with every row of the second, both centred.

    Args:
        first: (n, dim) float; a row of nan is a picture that is missing, left out of the mean and similar to nothing.
        second: (m, dim) float, the same.

    Returns:
        (n, m) float64, -1 to 1.

    Raises:
        DataError: rows of two lengths, or no row.
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or not len(first) or not len(second):
        raise DataError(f"Two sets of features of one length are needed. Got {first.shape} and {second.shape}.")
    return np.asarray(unit_directions(centred(first)) @ unit_directions(centred(second)).T)


def centred(features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return (n, dim) float64 features less the mean of those that are not nan; what is rounding becomes 0.

    Args:
        features: (n, dim) float; rows of nan stay nan.
    """
    values: NDArray[np.float64] = np.asarray(features, dtype=np.float64)
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        return np.full(values.shape, np.nan)
    less: NDArray[np.float64] = values - values[known].mean(axis=0)
    length = np.linalg.norm(values[known], axis=1).mean()
    less[known & (np.linalg.norm(less, axis=1) <= NOWHERE * length)] = 0.0
    return less


def unit_directions(features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return (n, dim) float64 rows of length 1; rows of 0 and rows of nan become 0.

    Args:
        features: (n, dim) float.
    """
    values = np.nan_to_num(np.asarray(features, dtype=np.float64), nan=0.0)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(np.divide(values, length, out=np.zeros_like(values), where=length > 0))
