"""Kernel distance of two sets of features (KID): how unlike two collections of pictures are, from few of them.

The unbiased squared maximum mean discrepancy under the kernel (x.y / dim + 1)^3, as a mean over random subsets. Unlike
the Frechet distance it has no bias from the number of pictures, so it may fall a little below 0 for two samples of one
collection. It shrinks with quality. **Its value belongs to the features**: it is always named by what made them
(`kid_dlib`), and two of them are never compared.

Example:
    >>> one = np.eye(4)
    >>> kernel_distance(one, one + 1.0, n_subsets=10, rng=np.random.default_rng(0)).value > 0
    True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError

DEGREE = 3
SUBSETS = 100
LARGEST_SUBSET = 1000  # pictures


@dataclass(frozen=True)
class KernelDistance:
    """What subsets say.

    Attributes:
        value: mean over the subsets; may be a little below 0.
        deviation: standard deviation over the subsets, which overlap: no standard error.
        subset_size: pictures of either side in a subset.
        n_subsets: how many there were.
    """

    value: float
    deviation: float
    subset_size: int
    n_subsets: int


def kernel_distance(
    first: NDArray[np.floating[Any]],
    second: NDArray[np.floating[Any]],
    *,
    rng: np.random.Generator,
    n_subsets: int = SUBSETS,
    subset_size: int = LARGEST_SUBSET,
    degree: int = DEGREE,
) -> KernelDistance:
    """Return the kernel distance of two sets of features.

    Args:
        first: (n, dim) float, one row a picture; 2 rows or more.
        second: (m, dim) float.
        rng: draws the subsets, without replacement inside one.
        n_subsets: at least 1.
        subset_size: at least 2; cut to the smaller set. Where it takes all of both sets one subset is enough.
        degree: of the polynomial, at least 1.

    Raises:
        ConfigError: a number is out of range.
        DataError: fewer than two rows, rows of two lengths, or a value that is not finite.

    Source: Binkowski et al., "Demystifying MMD GANs" (2018), section 4; 100 subsets of 1,000.
    """
    if n_subsets < 1 or subset_size < 2:
        raise ConfigError(
            f"A kernel distance needs at least 1 subset of at least 2 pictures. Got {n_subsets} of {subset_size}."
        )
    a, b = _checked(first, second)
    size = min(subset_size, len(a), len(b))
    n_subsets = 1 if size == len(a) == len(b) else n_subsets
    values = []
    for _ in range(n_subsets):
        rows = (rng.permutation(len(side))[:size] for side in (a, b))
        values.append(polynomial_discrepancy(a[next(rows)], b[next(rows)], degree=degree))
    return KernelDistance(float(np.mean(values)), float(np.std(values)), size, n_subsets)


def polynomial_discrepancy(
    first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]], *, degree: int = DEGREE
) -> float:
    """Return the unbiased squared maximum mean discrepancy of two samples under a polynomial kernel.

    With k(x, y) = (x.y / dim + 1)^degree it is mean k(x, x') over pairs of different rows of the first, plus the same
    of the second, less twice mean k(x, y).

    Args:
        first: (n, dim) float, 2 rows or more.
        second: (m, dim) float, 2 rows or more.
        degree: at least 1.

    Raises:
        ConfigError: `degree` is below 1.
        DataError: as `kernel_distance`.

    Source: Gretton et al., "A kernel two-sample test" (2012), equation 3.
    """
    if degree < 1:
        raise ConfigError(f"`degree` must be at least 1. Got {degree}.")
    a, b = _checked(first, second)
    inside = []
    for side in (a, b):
        kernel = (side @ side.T / side.shape[1] + 1.0) ** degree
        inside.append((kernel.sum() - np.trace(kernel)) / (len(side) * (len(side) - 1)))
    across = ((a @ b.T / a.shape[1] + 1.0) ** degree).mean()
    return float(inside[0] + inside[1] - 2.0 * across)


def _checked(
    first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:] or min(len(a), len(b)) < 2:
        raise DataError(f"Two sets of at least 2 features of one length are needed. Got {a.shape} and {b.shape}.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise DataError("Features must be finite. Leave out the pictures whose features are not.")
    return a, b
