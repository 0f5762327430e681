"""The Pareto front of accuracy against cost: which networks are not beaten in both at once.

A network is on the front when no other is at least as accurate at no more cost, and better in one of the two. With
intervals, `front_shares` says how often each is on it when people are drawn again.

Example:
    >>> pareto_front(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.9])).tolist()
    [True, False, True]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

Mask = NDArray[np.bool_]


def pareto_front(costs: NDArray[np.floating], accuracies: NDArray[np.floating]) -> Mask:
    """Return which points no other point beats.

    Args:
        costs: (n,) float, less is better.
        accuracies: (n,) float, more is better; or (n_resamples, n), a front for each row.

    Returns:
        Bool of the shape of `accuracies`.

    Raises:
        DataError: the shapes do not fit.

    Ties and edges:
        Points that are equal in both stay together; of equal cost the most accurate is on the front, of equal
        accuracy the cheapest. A point with a nan is never on it and beats nobody.
    """
    cost, accuracy = np.asarray(costs, dtype=np.float64), np.asarray(accuracies, dtype=np.float64)
    if cost.ndim != 1 or accuracy.shape[-1:] != cost.shape or accuracy.ndim > 2:
        raise DataError(f"Every point needs a cost and an accuracy. Got shapes {cost.shape}, {accuracy.shape}.")
    mine, other = accuracy[..., :, np.newaxis], accuracy[..., np.newaxis, :]  # (..., n, 1), (..., 1, n)
    dearer, dearer_or_equal = cost[:, np.newaxis] > cost, cost[:, np.newaxis] >= cost  # (n, n): mine against other
    beaten = (dearer_or_equal & (mine < other)) | (dearer & (mine <= other))
    return ~beaten.any(axis=-1) & ~np.isnan(accuracy) & ~np.isnan(cost)


def front_shares(costs: NDArray[np.floating], resampled: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how often each point is on the front among resamples of the accuracies.

    Args:
        costs: (n,) float, known exactly.
        resampled: (n_resamples, n) float, accuracies of all points on the same resamples.

    Returns:
        (n,) float64, 0 to 1; nan without resamples.

    Raises:
        DataError: the shapes do not fit.
    """
    fronts = pareto_front(costs, resampled)
    if fronts.ndim != 2:
        raise DataError(f"`resampled` must be (n_resamples, n). Got shape {np.shape(resampled)}.")
    if not len(fronts):
        return np.full(fronts.shape[1], np.nan)
    return np.asarray(fronts.mean(axis=0))


def front_line(costs: NDArray[np.floating], accuracies: NDArray[np.floating]) -> tuple[NDArray[np.intp], Mask]:
    """Return the points on the front in the order of their cost, and which points those are.

    Args:
        costs: (n,) float.
        accuracies: (n,) float.

    Returns:
        (n_front,) int places in the input, and (n,) bool.
    """
    on_front = pareto_front(costs, accuracies)
    places = np.flatnonzero(on_front)
    return places[np.argsort(np.asarray(costs)[places], kind="stable")], on_front
