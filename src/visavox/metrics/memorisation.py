"""Whether a drawer repeats faces that it learned from: distances to the nearest training face.

The nearest training face of a drawn one is close where the drawer copies, but also where faces are alike, so the same
distance is taken of true faces that were not learned from. A drawer that learned no face by heart is not nearer than
they are: `share_nearer` is then about one half; a copying one is near 1. Smooth faces lie nearer to everything, so a
share above one half is a reason to look at the pairs, not a verdict.

Example:
    >>> training = np.array([[0.0], [10.0]])
    >>> found = memorisation(np.array([[0.1], [9.8]]), np.array([[3.0], [6.0]]), training)
    >>> found.nearest.tolist(), found.distance.round(1).tolist(), found.share_nearer
    ([0, 1], [0.1, 0.2], 1.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from visavox.errors import DataError

_ROWS = 256  # compared at once

Features = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Memorisation:
    """Distances to the nearest training face.

    Attributes:
        nearest: (n,) int, row of the training face nearest to each drawn one.
        distance: (n,) float64, Euclidean.
        true_distance: (m,) float64, the same of true faces that were not learned from.
        share_nearer: chance that a drawn face is nearer to its training face than a true one to its own, ties one
            half: 0 to 1, one half where nothing is copied.
        share_below_all: share of drawn faces that are nearer than the nearest of the true ones.
    """

    nearest: NDArray[np.int64]
    distance: NDArray[np.float64]
    true_distance: NDArray[np.float64]
    share_nearer: float
    share_below_all: float


def nearest_rows(features: Features, training: Features) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the row of the nearest training feature of each feature, the first of equals, and its distance.

    Args:
        features: (n, dim) float.
        training: (k, dim) float, at least one row.

    Returns:
        (n,) int64 and (n,) float64.

    Raises:
        DataError: rows of two lengths, no training row, or a value that is not finite.
    """
    a, b = np.asarray(features, dtype=np.float64), np.asarray(training, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:] or not len(b):
        raise DataError(f"Features of one length and a training face are needed. Got {a.shape} and {b.shape}.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise DataError("Features must be finite. Leave out the pictures whose features are not.")
    rows, distances = np.empty(len(a), dtype=np.int64), np.empty(len(a))
    for at in range(0, len(a), _ROWS):
        block = cdist(a[at : at + _ROWS], b)
        rows[at : at + _ROWS] = block.argmin(axis=1)
        distances[at : at + _ROWS] = block.min(axis=1)
    return rows, distances


def memorisation(drawn: Features, held_out: Features, training: Features) -> Memorisation:
    """Return the nearest training faces of drawn ones, against those of true faces that were not learned from.

    Args:
        drawn: (n, dim) float, at least one row.
        held_out: (m, dim) float, true faces, at least one row.
        training: (k, dim) float.

    Raises:
        DataError: as `nearest_rows`, or nothing drawn or held out.
    """
    if not len(drawn) or not len(held_out):
        raise DataError(f"Memorisation needs drawn and true faces. Got {len(drawn)} and {len(held_out)}.")
    nearest, distance = nearest_rows(drawn, training)
    _, true = nearest_rows(held_out, training)
    ordered = np.sort(true)
    below, up_to = (np.searchsorted(ordered, distance, side=side) for side in ("left", "right"))
    farther = len(ordered) - (below + up_to) / 2.0  # true distances above the drawn one, ties one half
    return Memorisation(
        nearest, distance, true, float((farther / len(ordered)).mean()), float((distance < ordered[0]).mean())
    )
