"""Centring and scaling of embeddings, with figures taken from the training set alone.

Encoders give vectors whose mean is far from zero and whose size is arbitrary; every associator starts by taking
both away. It is no whitening: directions keep their relative spread (in the default mode).

Example:
    >>> x = np.array([[0.0, 0.0], [2.0, 6.0]])
    >>> standardiser = Standardiser(2).fit(x)          # deviations 1 and 3, their mean 2
    >>> standardiser(x).tolist()
    [[-0.5, -1.5], [0.5, 1.5]]
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from visavox.errors import ConfigError, DataError
from visavox.persistence import Shape, Tensors

StandardiserMode = Literal["mean_deviation", "per_dimension"]


class Standardiser:
    """Subtracts the training mean and divides by the training spread.

    Args:
        dim: length of a vector, 1 or more.
        mode: "mean_deviation" divides all dimensions by one number, the mean over dimensions of their standard
            deviations; "per_dimension" divides each by its own.

    Attributes:
        mean: (dim,) float32, zeros before `fit`.
        scale: (dim,) float32, above 0, ones before `fit`.

    Raises:
        ConfigError: the mode is unknown.
    """

    def __init__(self, dim: int, *, mode: StandardiserMode = "mean_deviation") -> None:
        """Store the arguments; the identity until `fit`."""
        if mode not in get_args(StandardiserMode):
            raise ConfigError(f"`mode` must be one of {', '.join(get_args(StandardiserMode))}. Got {mode!r}.")
        self.dim = dim
        self.mode: StandardiserMode = mode
        self.mean = np.zeros(dim, dtype=np.float32)
        self.scale = np.ones(dim, dtype=np.float32)

    def fit(self, x: np.ndarray, *, weights: np.ndarray | None = None) -> Standardiser:
        """Take mean and spread from the training vectors and return itself.

        Args:
            x: (n, dim) floats, finite, n at least 2.
            weights: (n,) how much each row counts, 0 or more; None counts all alike.

        Raises:
            DataError: there are fewer than two rows, or all rows are the same.

        Ties and edges: a dimension that never varies is divided by the mean deviation, so it stays zero in
        training and small elsewhere.
        """
        if len(x) < 2:
            raise DataError(f"Standardising needs at least 2 training rows. Got {len(x)}. Give more pairs.")
        mean = np.average(x.astype(np.float64), axis=0, weights=weights)
        deviation = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))  # (dim,)
        overall = float(deviation.mean())
        if overall <= 1e-7 * (1 + float(np.abs(mean).mean())):  # nothing but float32 rounding
            raise DataError(f"All {len(x)} training rows are the same vector. Check how they were embedded.")
        if self.mode == "mean_deviation":
            scale = np.full(self.dim, overall)
        else:
            scale = np.where(deviation > 1e-6 * overall, deviation, overall)
        self.mean = mean.astype(np.float32)
        self.scale = scale.astype(np.float32)
        return self

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return (x - mean) / scale, (n, dim) float32."""
        return np.asarray((x.astype(np.float32) - self.mean) / self.scale, dtype=np.float32)

    def tensors(self) -> Tensors:
        """Return what must be saved: `mean` and `scale`, (dim,) float32 each."""
        return {"mean": self.mean, "scale": self.scale}

    def load_tensors(self, tensors: Tensors) -> None:
        """Take `mean` and `scale`, whose shapes the caller has checked against `shapes`."""
        self.mean = tensors["mean"].astype(np.float32)
        self.scale = tensors["scale"].astype(np.float32)

    def shapes(self) -> dict[str, Shape]:
        """Return the shape of each saved tensor."""
        return {"mean": (self.dim,), "scale": (self.dim,)}
