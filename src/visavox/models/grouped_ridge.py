"""Ridge regression whose strength is chosen on people held out, and what it leaves unexplained on them.

    x standardised, y centred, rows weighted:   W = (X'DX + r m I)^-1 X'DY,   m the sum of the weights

The people are dealt into folds; every strength r is tried on each fold after a fit without its people, and the one with
the least squared error is taken. The errors at that strength are those of people who were not learned from: their
covariance says how true features scatter about predicted ones. It knows no voice and no face.

Example:
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 3))
    >>> fit = fit_grouped_ridge(x, x @ np.ones((3, 2)), [str(i // 2) for i in range(60)])
    >>> fit.weight.shape, bool(fit.explained > 0.99)
    ((3, 2), True)

Source: Hoerl and Kennard, "Ridge regression" (1970); folds over people, since clips of one person are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavox.errors import ConfigError, DataError

Floats = NDArray[np.float64]

RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Strengths that are tried: 1 halves what a standardised input of its own direction has to say."""
N_FOLDS = 5
LEAST_DEVIATION = 1e-6  # of an input, in parts of the largest: a constant input says nothing and is not blown up


@dataclass(frozen=True, eq=False)
class GroupedRidge:
    """A fitted map y = y_mean + ((x - x_mean) / x_scale) @ weight, and how it did on people held out."""

    x_mean: Floats
    """(n_inputs,)."""
    x_scale: Floats
    """(n_inputs,), above 0."""
    y_mean: Floats
    """(n_outputs,)."""
    weight: Floats
    """(n_inputs, n_outputs)."""
    ridge: float
    """The strength that was chosen."""
    explained: float
    """Share of the variance of y explained on people held out, at the chosen strength; below 0: less than nothing."""
    explained_by_ridge: tuple[float, ...]
    """The same for every strength that was tried."""
    residuals: Floats
    """(n, n_outputs): y less what a fit without the row's person predicts."""

    def predict(self, x: ArrayLike) -> Floats:
        """Return (n, n_outputs) of (n, n_inputs)."""
        rows = np.asarray(x, dtype=np.float64)
        return np.asarray(self.y_mean + ((rows - self.x_mean) / self.x_scale) @ self.weight)


def fit_grouped_ridge(
    x: ArrayLike,
    y: ArrayLike,
    people: Sequence[str],
    *,
    weights: ArrayLike | None = None,
    ridges: Sequence[float] = RIDGES,
    n_folds: int = N_FOLDS,
    seed: int = 0,
) -> GroupedRidge:
    """Fit the map on all rows, with the strength that does best on people held out.

    Args:
        x: (n, n_inputs) float, finite.
        y: (n, n_outputs) float, finite.
        people: n names; rows of one person are in one fold.
        weights: (n,) float, how much each row counts, above 0; None: all alike.
        ridges: strengths to try, each above 0.
        n_folds: 2 or more; no more than there are people.
        seed: of the deal into folds.

    Raises:
        ConfigError: no strength, one that is not above 0, or fewer than two folds.
        DataError: shapes do not fit, a number is not finite, or there are fewer than two people.

    Ties and edges: of strengths that do alike the weakest is taken. An input that never varies has no weight.
    """
    rows, targets, mass = _checked(x, y, people, weights)
    if not ridges or min(ridges) <= 0:
        raise ConfigError(f"`ridges` must be numbers above 0. Got {list(ridges)}.")
    if n_folds < 2:
        raise ConfigError(f"`n_folds` must be at least 2. Got {n_folds}.")
    fold = folds_of_people(people, min(n_folds, len(set(people))), seed=seed)
    errors = np.zeros(len(ridges))
    held_out = np.empty((len(ridges), *targets.shape))
    nothing = 0.0
    for number in range(int(fold.max()) + 1):
        out = fold == number
        some = _Normal.of(rows[~out], targets[~out], mass[~out])
        seen = (rows[out] - some.x_mean) / some.x_scale
        for place, ridge in enumerate(ridges):
            held_out[place, out] = targets[out] - some.y_mean - seen @ some.weight(ridge)
        nothing += float((mass[out, None] * (targets[out] - some.y_mean) ** 2).sum())
    errors = (mass[:, None] * held_out**2).sum(axis=(1, 2))
    best = int(np.argmin(errors))
    whole = _Normal.of(rows, targets, mass)
    explained = tuple(float(1 - error / nothing) if nothing else 0.0 for error in errors)
    return GroupedRidge(
        whole.x_mean,
        whole.x_scale,
        whole.y_mean,
        whole.weight(ridges[best]),
        float(ridges[best]),
        explained[best],
        explained,
        held_out[best],
    )


def folds_of_people(people: Sequence[str], n_folds: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold of each row, (n,) int64 from 0; rows of one person share theirs, folds hold like many people.

    Example:
        >>> folds_of_people(["a", "b", "a", "c"], 3).tolist()
        [1, 2, 1, 0]
    """
    names, codes = np.unique(np.asarray(people), return_inverse=True)
    dealt = np.empty(len(names), dtype=np.int64)
    dealt[np.random.default_rng(seed).permutation(len(names))] = np.arange(len(names)) % n_folds
    return np.asarray(dealt[codes], dtype=np.int64)


def low_rank_spread(residuals: ArrayLike, rank: int, *, weights: ArrayLike | None = None) -> Floats:
    """Return the directions in which residuals scatter most, each as long as their deviation along it.

    Args:
        residuals: (n, dim) float.
        rank: 0 or more; columns beyond the number of rows or `dim` are zero.
        weights: (n,) float above 0; None: all alike.

    Returns:
        (dim, rank) float64 such that spread @ spread.T is the best approximation of that rank to the covariance.
    """
    rows = np.asarray(residuals, dtype=np.float64)
    mass = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    centred = (rows - np.average(rows, axis=0, weights=mass)) * np.sqrt(mass / mass.sum())[:, None]
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    spread = np.zeros((rows.shape[1], rank))
    n = min(rank, len(lengths))
    signs = np.where(directions[np.arange(len(lengths)), np.abs(directions).argmax(axis=1)] < 0, -1.0, 1.0)
    spread[:, :n] = (directions * (lengths * signs)[:, None])[:n].T
    return spread


@dataclass(frozen=True, eq=False)
class _Normal:
    """The normal equations of some rows, turned so that every strength is one division."""

    x_mean: Floats
    x_scale: Floats
    y_mean: Floats
    values: Floats
    vectors: Floats
    turned: Floats  # (n_inputs, n_outputs): vectors' X'DY
    mass: float

    @classmethod
    def of(cls, x: Floats, y: Floats, mass: Floats) -> _Normal:
        share = mass / mass.sum()
        x_mean, y_mean = share @ x, share @ y
        deviation = np.sqrt(share @ (x - x_mean) ** 2)
        largest = float(deviation.max())
        varies = deviation > LEAST_DEVIATION * largest
        x_scale = np.where(varies, deviation, largest or 1.0)
        rows = np.where(varies, (x - x_mean) / x_scale, 0.0)
        weighted = rows * mass[:, None]
        values, vectors = np.linalg.eigh(weighted.T @ rows)
        turned = vectors.T @ (weighted.T @ (y - y_mean))
        return cls(x_mean, x_scale, y_mean, np.maximum(values, 0.0), vectors, turned, float(mass.sum()))

    def weight(self, ridge: float) -> Floats:
        return np.asarray(self.vectors @ (self.turned / (self.values + ridge * self.mass)[:, None]))


def _checked(
    x: ArrayLike, y: ArrayLike, people: Sequence[str], weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    rows, targets = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    mass = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    if rows.ndim != 2 or targets.ndim != 2 or not len(rows) == len(targets) == len(people) == len(mass):
        raise DataError(
            f"Every row needs inputs, outputs and a person. Got {rows.shape}, {targets.shape}, {len(people)} people "
            f"and {len(mass)} weights."
        )
    if not (np.isfinite(rows).all() and np.isfinite(targets).all()):
        raise DataError("Inputs and outputs must be finite. Got nan or infinity. Embed these items again.")
    if len(mass) and not bool((np.isfinite(mass) & (mass > 0)).all()):
        raise DataError(f"Weights of rows must be above 0. Got {float(mass.min()):g}.")
    if len(set(people)) < 2:
        raise DataError(f"A strength is chosen on people held out, so 2 are needed. Got {len(set(people))}.")
    return rows, targets, mass
