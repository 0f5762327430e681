"""Frechet distance of two sets of features, which with Inception features is the FID; refused where it would mislead.

It compares the Gaussians of two collections. Its bias shrinks only with thousands of pictures, so fewer than 2,000 are
refused: `visavox.metrics.kernel_distance` is for those. It shrinks with quality.

Example:
    >>> eye = np.eye(2)
    >>> gaussian_frechet_distance(np.zeros(2), eye, np.array([3.0, 4.0]), eye)
    25.0
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

LEAST_PICTURES = 2000


def frechet_distance(
    first: NDArray[np.floating[Any]] | None, second: NDArray[np.floating[Any]] | None, *, least: int = LEAST_PICTURES
) -> float:
    """Return the Frechet distance of the Gaussians of two sets of features.

    Args:
        first: (n, dim) float, one row a picture; None where no features are given.
        second: (m, dim) float, or None.
        least: pictures that either side must have.

    Raises:
        DataError: no features, too few of them, rows of two lengths, or a value that is not finite.

    Source: Heusel et al., "GANs trained by a two time-scale update rule" (2017), equation 6.
    """
    if first is None or second is None:
        raise DataError(
            "FID needs Inception features of both sides. None are given. Use the kernel distance (KID) of a face "
            "encoder instead."
        )
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:]:
        raise DataError(f"Two sets of features of one length are needed. Got {a.shape} and {b.shape}.")
    if min(len(a), len(b)) < max(least, 2):
        raise DataError(
            f"A Frechet distance needs {least:,} pictures of either side. Got {len(a):,} and {len(b):,}. "
            "Use the kernel distance (KID), which has no bias from their number."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise DataError("Features must be finite. Leave out the pictures whose features are not.")
    means, covariances = zip(*((side.mean(axis=0), np.cov(side, rowvar=False, ddof=1)) for side in (a, b)), strict=True)
    return gaussian_frechet_distance(means[0], np.atleast_2d(covariances[0]), means[1], np.atleast_2d(covariances[1]))


def gaussian_frechet_distance(
    mean_a: NDArray[np.floating[Any]],
    covariance_a: NDArray[np.floating[Any]],
    mean_b: NDArray[np.floating[Any]],
    covariance_b: NDArray[np.floating[Any]],
) -> float:
    """Return |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)), the squared 2-Wasserstein distance of two Gaussians.

    The trace of the root is the sum of the roots of the eigenvalues of A^(1/2) B A^(1/2), which is symmetric: no
    complex numbers, and no trouble with covariances that are not of full rank.

    Args:
        mean_a: (dim,) float.
        covariance_a: (dim, dim) float, symmetric, no eigenvalue below 0.
        mean_b: (dim,) float.
        covariance_b: (dim, dim) float.

    Raises:
        DataError: the shapes do not fit.

    Source: Dowson and Landau, "The Frechet distance between multivariate normal distributions" (1982).
    """
    a, b = np.asarray(covariance_a, dtype=np.float64), np.asarray(covariance_b, dtype=np.float64)
    shift = np.asarray(mean_a, dtype=np.float64) - np.asarray(mean_b, dtype=np.float64)
    if a.shape != b.shape or a.shape != (len(shift), len(shift)):
        raise DataError(f"Means and covariances must be of one length. Got {shift.shape}, {a.shape} and {b.shape}.")
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ b @ root)
    return float(shift @ shift + np.trace(a) + np.trace(b) - 2.0 * np.sqrt(np.maximum(inner, 0.0)).sum())
