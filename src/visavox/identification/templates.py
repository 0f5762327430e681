"""Templates: one vector a person, the quality-weighted mean of the rows that were enrolled, and one vector a probe.

Example:
    >>> vectors, owners = np.array([[1, 0], [0, 1], [3, 3]], dtype=np.float32), np.array([0, 0, 1])
    >>> weighted_means(vectors, owners, np.array([3, 1, 1]), n_people=2).tolist()
    [[0.75, 0.25], [3.0, 3.0]]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

Vectors = NDArray[np.float32]
Owners = NDArray[np.intp]

LEAST_LENGTH = 1e-12
"""A vector shorter than this has no direction and stays as it is."""


def unit_rows(vectors: NDArray[np.floating]) -> Vectors:
    """Return rows of length 1; a row without a direction stays as it is.

    Args:
        vectors: (..., dim) float.

    Returns:
        (..., dim) float32.
    """
    wide = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(wide, axis=-1, keepdims=True)
    return np.asarray(wide / np.where(lengths > LEAST_LENGTH, lengths, 1), dtype=np.float32)


def weighted_means(
    vectors: NDArray[np.floating], owners: Owners, weights: NDArray[np.floating], *, n_people: int
) -> Vectors:
    """Return the weighted mean of each person's rows.

    Args:
        vectors: (n, dim) float.
        owners: (n,) int, 0 to n_people - 1: whose row it is.
        weights: (n,) float above 0; only their ratios inside a person matter.
        n_people: how many people; each has a row.

    Returns:
        (n_people, dim) float32.

    Raises:
        DataError: somebody has no row.
    """
    totals = np.bincount(owners, weights, minlength=n_people)
    if len(totals) and totals.min() <= 0:
        raise DataError(f"Everybody needs a vector. Got none for person {int(totals.argmin())} of {n_people}.")
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[order], np.arange(n_people))
    shares = (np.asarray(weights, dtype=np.float64) / totals[owners])[order, None]
    if not n_people:
        return np.empty((0, vectors.shape[1]), dtype=np.float32)
    return np.add.reduceat(vectors[order] * shares, starts, axis=0).astype(np.float32)


def probe_vector(rows: NDArray[np.floating], qualities: NDArray[np.floating] | None = None) -> Vectors:
    """Return the one vector of a probe: the mean of its rows, the windows of a voice or the frames of a video.

    Args:
        rows: (n, dim) float, or (dim,) for one row.
        qualities: (n,) float above 0: how much each row counts; None: all the same.

    Returns:
        (dim,) float32.

    Raises:
        DataError: there is no row, a value is not finite, or the mean has no direction.
    """
    wide = np.atleast_2d(np.asarray(rows, dtype=np.float32))
    if wide.ndim != 2 or not wide.size:
        raise DataError(f"A probe must have the shape (n, dim), one row or more. Got {wide.shape}.")
    if not np.isfinite(wide).all():
        raise DataError(f"A probe must be finite. Got nan or infinity in {int((~np.isfinite(wide)).sum())} places.")
    mean: Vectors = np.average(wide, axis=0, weights=qualities).astype(np.float32)
    if not mean.any():
        raise DataError("A probe must not be all zeros. Embed the file again.")
    return mean


def row_weights(clips: NDArray[np.integer], qualities: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return weights of rows under which a clip counts with its mean quality, however many rows it has.

    Args:
        clips: (n,) int from 0: number of the clip of each row.
        qualities: (n,) float above 0.

    Example:
        >>> row_weights(np.array([0, 0, 1]), np.array([1.0, 3.0, 1.0])).tolist()
        [0.5, 1.5, 1.0]
    """
    counts = np.bincount(clips)
    return np.asarray(qualities / counts[clips], dtype=np.float32)
