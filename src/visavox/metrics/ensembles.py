"""Ensembles of classifiers: their probabilities summed, or the greatest taken, class by class.

Both work on probabilities alone. Logits are refused: a network's logits may be of any scale, so that their sum weighs
networks by their scale. (The second system summed probabilities on its training data and logits on its test data.)

Example:
    >>> combine([np.array([[0.9, 0.1]]), np.array([[0.4, 0.6]])], "sum").round(2).tolist()
    [[0.65, 0.35]]
    >>> combine([np.array([[0.9, 0.1]]), np.array([[0.4, 0.6]])], "max").round(2).tolist()
    [[0.6, 0.4]]

Source: Kittler et al., "On Combining Classifiers" (1998), the sum rule and the max rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError

Rule = Literal["sum", "max"]

TOLERANCE = 1e-3  # of the sum of a row: float32 and half-precision softmax


def combine(probabilities: Sequence[NDArray[np.floating]], how: Rule = "sum") -> NDArray[np.float64]:
    """Return the probabilities of an ensemble, (n, k) float64, rows summing to 1.

    The order of the members makes no difference, and members that agree are returned as they are.

    Args:
        probabilities: of each member, (n, k): n samples, k classes; 0 to 1, rows summing to 1. One member or more.
        how: "sum" for the mean of the members; "max" for the greatest of them, divided by the row's sum.

    Raises:
        ConfigError: `how` is unknown.
        DataError: there is no member, shapes differ, or a row is no row of probabilities.

    Ties and edges: classes that tie keep equal probabilities; no samples give no rows.
    """
    if how not in ("sum", "max"):
        raise ConfigError(f"`how` of an ensemble must be sum or max. Got {how!r}.")
    if not len(probabilities):
        raise DataError("An ensemble needs the probabilities of one network or more. Got none.")
    members = [np.asarray(member, dtype=np.float64) for member in probabilities]
    for number, member in enumerate(members):
        _check(member, number, members[0].shape)
    stacked = np.stack([member / member.sum(axis=1, keepdims=True) for member in members])  # (members, n, k)
    joined = stacked.sum(axis=0) if how == "sum" else stacked.max(axis=0)
    return np.asarray(joined / joined.sum(axis=1, keepdims=True), dtype=np.float64)


def _check(member: NDArray[np.float64], number: int, shape: tuple[int, ...]) -> None:
    """Hold one member to the shape of the first and to rows of probabilities."""
    if member.ndim != 2 or member.shape != shape or not member.shape[1]:
        raise DataError(
            f"Members of an ensemble must have one shape, (samples, people). Member {number} has {member.shape}, the "
            f"first {shape}. Take networks tested on the same samples."
        )
    inside = ((member >= 0) & (member <= 1 + TOLERANCE)).all(axis=1)  # false for nan
    wrong = np.flatnonzero(~inside | ~(np.abs(member.sum(axis=1) - 1) <= TOLERANCE))
    if wrong.size:
        raise DataError(
            f"An ensemble is made of probabilities, 0 to 1 with rows summing to 1. Row {wrong[0]} of member {number} "
            f"sums to {member[wrong[0]].sum():.3g}, from {member[wrong[0]].min():.3g} to "
            f"{member[wrong[0]].max():.3g}. Take the softmax of logits first."
        )
