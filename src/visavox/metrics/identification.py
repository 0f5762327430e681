"""Closed-set identification: is the right one of n known people among the first k, and who is taken for whom?

Each clip has a probability for every known person. Ties are not broken: a figure is the expectation over all orders
of people of one probability, so that a constant model scores exactly k / n. Accuracies grow with quality, the log
loss shrinks. Published accuracies are means over clips (weighting "clip"); the mean over people of the mean over
their clips (weighting "person") is the project's own. For strangers see `visavox.metrics.open_set`.

Example:
    >>> probabilities = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2], [0.6, 0.3, 0.1]])
    >>> labels = np.array([0, 1, 1])
    >>> top_k_accuracy_score(probabilities, labels, k=1)  # right; right in half of the orders; wrong
    0.5
    >>> top_k_accuracy_score(probabilities, labels, k=1, weighting="person")
    0.625
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError, UndefinedMetricWarning

Floats = NDArray[np.float64]
Weighting = Literal["clip", "person"]


@dataclass(frozen=True)
class ConfusedPair:
    """Two people and how often one is taken for the other.

    Attributes:
        first: column of the one, below `second`.
        second: column of the other.
        first_as_second: clips of the first named as the second; ties count in parts.
        second_as_first: clips of the second named as the first.
        share: both, over all clips of the two, 0 to 1.
        expected: the share if each one's errors fell on all other people alike.
    """

    first: int
    second: int
    first_as_second: float
    second_as_first: float
    share: float
    expected: float


def top_k_credit(probabilities: NDArray[np.floating], labels: NDArray[np.integer], *, k: int) -> Floats:
    """Return the chance of each clip that its person is among the first k, over all orders of ties.

    With a people above the own probability and t people at it, the own one among them, it is (k - a) / t, cut to 0
    and 1.

    Args:
        probabilities: (n_clips, n_people) float, higher means more likely; any increasing score does.
        labels: (n_clips,) int, column of each clip's person.
        k: length of the list that is looked at, at least 1.

    Returns:
        (n_clips,) float64, 0 to 1.

    Raises:
        DataError: a shape does not fit, a probability is NaN, a label names no column, or k is below 1.
    """
    scores, own = _checked(probabilities, labels)
    if k < 1:
        raise DataError(f"`k` must be at least 1. Got {k}.")
    mine = scores[np.arange(len(own)), own][:, np.newaxis]
    above, tied = (scores > mine).sum(axis=1), (scores == mine).sum(axis=1)
    return np.asarray(np.clip((k - above) / tied, 0.0, 1.0))


def top_k_accuracy_score(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    k: int = 1,
    weighting: Weighting = "clip",
) -> float:
    """Return the share of clips whose person is among the k most probable.

    Args:
        probabilities: (n_clips, n_people) float.
        labels: (n_clips,) int, column of each clip's person.
        k: at least 1.
        weighting: "clip", the published one, or "person", which averages the clips of each person first.

    Returns:
        0 to 1; min(k / n_people, 1) for a constant model.

    Raises:
        DataError: as `top_k_credit`.

    Ties and edges:
        Expectation over all orders of ties; nan with an UndefinedMetricWarning without clips.
    """
    value = float(mean_credit(top_k_credit(probabilities, labels, k=k), labels, weighting=weighting))
    return _defined(value, "Top-k accuracy")


def mean_credit(
    credit: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    weighting: Weighting = "clip",
    counts: NDArray[np.integer] | None = None,
) -> Floats:
    """Return the mean of a figure of each clip, once or on each resample of people.

    Args:
        credit: (n_clips,) float.
        labels: (n_clips,) int from 0, person of each clip.
        weighting: "clip" or "person".
        counts: (n_resamples, n_people) int from 0, copies of each person; None: everybody once.

    Returns:
        () or (n_resamples,) float64; nan where no clip is drawn.
    """
    own: NDArray[np.int64] = np.asarray(labels, dtype=np.int64)
    n_people = np.shape(counts)[1] if counts is not None else int(own.max(initial=-1)) + 1
    sums: Floats = np.bincount(own, weights=np.asarray(credit, dtype=np.float64), minlength=n_people).astype(np.float64)
    n_clips: Floats = np.bincount(own, minlength=n_people).astype(np.float64)
    if weighting == "person":
        sums, n_clips = sums / np.maximum(n_clips, 1.0), (n_clips > 0).astype(np.float64)
    copies = np.ones((1, n_people)) if counts is None else np.asarray(counts, dtype=np.float64)
    drawn = copies @ n_clips
    means: Floats = np.full(len(copies), np.nan)
    np.divide(copies @ sums, drawn, out=means, where=drawn > 0)
    return np.asarray(means[0]) if counts is None else means


def chance_top_k(n_people: int, k: int) -> float:
    """Return what a constant model scores: min(k / n_people, 1).

    Args:
        n_people: 1 or more.
        k: 1 or more.
    """
    return min(k / n_people, 1.0)


def log_loss_of_clips(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> Floats:
    """Return minus the natural logarithm of the own probability of each clip, (n_clips,) float64, from 0.

    A probability of 0 counts as the smallest normal float32, 1.2e-38, so that one clip costs 87.3 at most.

    Raises:
        DataError: as `top_k_credit`.
    """
    scores, own = _checked(probabilities, labels)
    mine = scores[np.arange(len(own)), own]
    return -np.log(np.clip(mine, float(np.finfo(np.float32).tiny), 1.0))


def log_loss_cost(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the mean over clips of the log loss, in nats.

    Args:
        probabilities: (n_clips, n_people) float, rows that add up to 1.
        labels: (n_clips,) int, column of each clip's person.

    Returns:
        0 (certain and right) to 87.3; log(n_people) where all people are equally likely.

    Raises:
        DataError: as `top_k_credit`.

    Ties and edges:
        nan with an UndefinedMetricWarning without clips.
    """
    losses = log_loss_of_clips(probabilities, labels)
    return _defined(float(losses.mean()) if len(losses) else math.nan, "The log loss")


def confusion_matrix(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> Floats:
    """Return how many clips of each person are named as whom.

    Args:
        probabilities: (n_clips, n_people) float.
        labels: (n_clips,) int, column of each clip's person.

    Returns:
        (n_people, n_people) float64: rows are the true people, columns the named; a row adds up to the clips of its
        person. A clip whose best probability is tied counts in equal parts for the tied.

    Raises:
        DataError: as `top_k_credit`.
    """
    scores, own = _checked(probabilities, labels)
    n_people = scores.shape[1]
    matrix = np.zeros((n_people, n_people))
    if len(own):
        best = scores == scores.max(axis=1, keepdims=True)
        np.add.at(matrix, own, best / best.sum(axis=1, keepdims=True))
    return matrix


def most_confused_pairs(confusion: NDArray[np.floating], *, n_pairs: int) -> tuple[ConfusedPair, ...]:
    """Return the pairs of people that are most often taken for one another, the worst first.

    Args:
        confusion: (n_people, n_people) float, of `confusion_matrix`.
        n_pairs: most pairs, from 0; pairs that are never confused are left out.

    Ties and edges:
        Equal shares are ordered by the number of confused clips, then by their columns.
    """
    matrix = np.asarray(confusion, dtype=np.float64)
    n_clips = matrix.sum(axis=1)
    wrong = n_clips - np.diagonal(matrix)
    others = max(len(matrix) - 1, 1)
    found = []
    for first, second in zip(*np.triu_indices(len(matrix), k=1), strict=True):
        there, back = float(matrix[first, second]), float(matrix[second, first])
        if there + back > 0:
            both = float(n_clips[first] + n_clips[second])
            expected = float(wrong[first] + wrong[second]) / others / both
            found.append(ConfusedPair(int(first), int(second), there, back, (there + back) / both, expected))
    found.sort(key=lambda pair: (-pair.share, -(pair.first_as_second + pair.second_as_first), pair.first, pair.second))
    return tuple(found[:n_pairs])


def _checked(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> tuple[Floats, NDArray[np.int64]]:
    scores: Floats = np.asarray(probabilities, dtype=np.float64)
    own: NDArray[np.int64] = np.asarray(labels, dtype=np.int64)
    if scores.ndim != 2 or own.shape != scores.shape[:1]:
        raise DataError(
            "`probabilities` must be (n_clips, n_people) with one label a clip. "
            f"Got shapes {scores.shape} and {own.shape}."
        )
    if np.isnan(scores).any():
        raise DataError(
            f"`probabilities` must hold no NaN. Got {int(np.isnan(scores).any(axis=1).sum())} rows with one."
        )
    outside = own[(own < 0) | (own >= scores.shape[1])]
    if len(outside):
        raise DataError(f"`labels` must name columns 0 to {scores.shape[1] - 1}. Got {int(outside[0])}.")
    return scores, own


def _defined(value: float, name: str) -> float:
    if math.isnan(value):
        warnings.warn(f"{name} is undefined without clips. nan is returned.", UndefinedMetricWarning, stacklevel=3)
    return value
