"""How far predicted face features lie from the true ones, and whether the true face is found by them.

L1, L2 and the angle are costs: they shrink with quality. Each is given of the features as they are and of their unit
vectors (the angle is the same of both). The search is Speech2Face's: predictions and a gallery of true features, each
divided by its length, ranked by L2, or by the other distances that the paper lists. A rank within K of any clip of the
person counts; tied items are in expectation over their orders, so that equal predictions for everybody score chance.

Example:
    >>> predicted, true = np.array([[3.0, 0.0], [0.0, 2.0]]), np.array([[0.0, 4.0], [0.0, 1.0]])
    >>> found = feature_distances(predicted, true)
    >>> found.l1.tolist(), found.l2.tolist(), found.angle_deg.tolist()
    ([7.0, 1.0], [5.0, 1.0], [90.0, 0.0])

Source: Oh et al., "Speech2Face" (CVPR 2019), tables 3 and 4. Its public code sums squares under the name L1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from visavox.errors import ConfigError, DataError
from visavox.metrics.gallery_ranking import GalleryRanking, constant_ranking, rank_scores
from visavox.metrics.weighting import Floats

KS = (1, 2, 5, 10, 25, 50, 75, 100)
"""Lengths of list that are published for this task."""
SearchBy = Literal["unit_l2", "l2", "l1", "unit_l1"]


@dataclass(frozen=True, eq=False)
class FeatureDistances:
    """Distances of n pairs, (n,) float64 each, 0 or more."""

    l1: Floats
    """Sum of absolute differences."""
    l2: Floats
    """Length of the difference."""
    unit_l1: Floats
    """The same of vectors of length 1."""
    unit_l2: Floats
    """0 to 2: the root of 2 less two cosines."""
    angle_deg: Floats
    """0 to 180."""

    def items(self) -> list[tuple[str, Floats]]:
        """Return names and values in order."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


def feature_distances(predicted: NDArray[np.floating], true: NDArray[np.floating]) -> FeatureDistances:
    """Return the distances of each prediction from its own true feature.

    Args:
        predicted: (n, dim) float.
        true: (n, dim) float.

    Raises:
        DataError: shapes differ, or a number is not finite.

    Ties and edges: a vector of zeros has no direction; its `unit_` distances are those of the zero vector, and its
        angle to anything is 90 degrees.
    """
    first, second = _checked(predicted, "predicted"), _checked(true, "true")
    if first.shape != second.shape:
        raise DataError(f"Every prediction needs its true feature. Got shapes {first.shape} and {second.shape}.")
    unit_first, unit_second = unit_or_zero(first), unit_or_zero(second)
    apart, unit_apart = first - second, unit_first - unit_second
    # atan2 of half sum and half difference keeps small angles that arccos of a cosine near 1 would lose.
    halves = np.linalg.norm(unit_apart, axis=1), np.linalg.norm(unit_first + unit_second, axis=1)
    angle_deg = np.degrees(2 * np.arctan2(*halves))
    return FeatureDistances(
        np.abs(apart).sum(axis=1),
        np.linalg.norm(apart, axis=1),
        np.abs(unit_apart).sum(axis=1),
        np.linalg.norm(unit_apart, axis=1),
        np.asarray(angle_deg),
    )


def rank_by_feature(
    predicted: NDArray[np.floating],
    gallery: NDArray[np.floating],
    *,
    probe_people: NDArray[np.integer],
    gallery_people: NDArray[np.integer],
    by: SearchBy = "unit_l2",
) -> GalleryRanking:
    """Return how each prediction ranks a gallery of true features.

    Args:
        predicted: (n_probes, dim) float, one a voice.
        gallery: (n_gallery, dim) float, one a face; several of one person are all right.
        probe_people: (n_probes,) int, who speaks.
        gallery_people: (n_gallery,) int, who is shown, in the same numbering.
        by: the distance: "unit_l2" (the published search, the order of the cosine), "l2", "l1" or "unit_l1".

    Raises:
        ConfigError: another distance.
        DataError: shapes do not fit, a number is not finite, or somebody who speaks is not in the gallery.
    """
    if by not in get_args(SearchBy):
        raise ConfigError(f"`by` must be one of {', '.join(get_args(SearchBy))}. Got {by!r}.")
    first, second = _checked(predicted, "predicted"), _checked(gallery, "gallery")
    if first.shape[1] != second.shape[1]:
        raise DataError(
            f"Predictions and gallery must be of one encoder. Got features of {first.shape[1]} and {second.shape[1]}."
        )
    if by.startswith("unit_"):
        first, second = unit_or_zero(first), unit_or_zero(second)
    # Equal predictions and equal faces give equal scores, since cdist goes pair by pair.
    scores = -cdist(first, second, metric="cityblock" if by.endswith("l1") else "euclidean")
    return rank_scores(scores, probe_people=np.asarray(probe_people), gallery_people=np.asarray(gallery_people))


def chance_ranking(probe_people: NDArray[np.integer], gallery_people: NDArray[np.integer]) -> GalleryRanking:
    """Return the ranking of predictions that are the same for everybody: what chance is in this gallery."""
    return constant_ranking(np.asarray(probe_people), np.asarray(gallery_people))


def shown_ks(n_gallery: int, ks: Sequence[int] = KS) -> tuple[int, ...]:
    """Return the published lengths of list that leave somebody out of a gallery of this size.

    Example:
        >>> shown_ks(40)
        (1, 2, 5, 10, 25)
    """
    return tuple(k for k in ks if k < n_gallery)


def unit_or_zero(vectors: NDArray[np.floating]) -> Floats:
    """Return (n, dim) float64 rows of length 1; rows of zeros stay zeros."""
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0))


def _checked(vectors: NDArray[np.floating], what: str) -> Floats:
    rows: Floats = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise DataError(f"Features ({what}) must be (n, dim), one row or more. Got shape {rows.shape}.")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if bad.size:
        raise DataError(
            f"Features ({what}) must be finite. Got nan or infinity in row {int(bad[0])}, and in {bad.size - 1} more "
            f"of {len(rows)}. Lower the learning rate of the predictor, or embed these faces again."
        )
    return rows
