"""ROC curves of many resamples of people at once.

In a resample a false pair weighs the product of the copies of its two people, a true pair the copies of its person.
False pairs that fall between the same two true scores are never told apart by AUC, equal error rate or minimum cost,
so they are counted together: exact, and small enough for hundreds of resamples of a million pairs. Single curves are
the affair of `visavox.metrics.roc`.

Example:
    >>> similarity, own = np.array([[0.9, 0.1], [0.3, 0.2]]), np.eye(2, dtype=bool)
    >>> people, everybody = np.array([0, 1]), np.ones((1, 2), dtype=int)
    >>> roc = resampled_roc(similarity, own, ~own, probe_people=people, gallery_people=people, counts=everybody)
    >>> roc.auc_score().tolist()
    [0.75]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError
from visavox.metrics.roc import Floats, Roc, check_pairs, roc_from_masses
from visavox.metrics.standings import check_masks, check_similarity

LISTED_BELOW = 0.2  # share of the matrix that is negatives, under which listing them beats cutting the matrix


def resampled_roc(
    similarity: NDArray[np.floating],
    positives: NDArray[np.bool_],
    negatives: NDArray[np.bool_],
    *,
    probe_people: NDArray[np.integer],
    gallery_people: NDArray[np.integer],
    counts: NDArray[np.integer],
) -> Roc:
    """Return the curve over the pairs of a similarity matrix for each resample of people.

    Args:
        similarity: (n_probes, n_gallery) float, higher means more alike.
        positives: (n_probes, n_gallery) bool, the true pairs.
        negatives: (n_probes, n_gallery) bool, the false pairs that are used.
        probe_people: (n_probes,) int from 0, person of each row.
        gallery_people: (n_gallery,) int from 0, person of each column, in the same numbering.
        counts: (n_resamples, n_people) int from 0, copies of each person; a row of ones is everybody once.

    Returns:
        Curves (n_resamples, n_points); nan where a resample holds no true or no false pair.

    Raises:
        DataError: a shape does not fit, a similarity is NaN, or a pair is both true and false.
    """
    similarity = check_similarity(similarity)
    check_masks(similarity, positives, negatives)
    probe_people, gallery_people = np.asarray(probe_people), np.asarray(gallery_people)
    if (len(probe_people), len(gallery_people)) != similarity.shape:
        raise DataError(
            f"Every row and column of `similarity`, {similarity.shape}, needs its person. "
            f"Got {len(probe_people)} and {len(gallery_people)}."
        )
    copies: Floats = np.asarray(counts, dtype=np.float64)
    rows, columns = np.nonzero(positives)
    scores: Floats = np.asarray(similarity[rows, columns], dtype=np.float64)
    values = np.unique(scores)
    positive_masses = _masses(scores, copies[:, probe_people[rows]], values)
    if negatives.size and negatives.mean() >= LISTED_BELOW:
        negative_masses = _matrix_masses(similarity, negatives, values, (probe_people, gallery_people), copies)
    else:
        rows, columns = np.nonzero(negatives)
        people = (probe_people[rows], gallery_people[columns])
        negative_masses = _listed_masses(similarity[rows, columns], values, people, copies)
    return _curves(positive_masses, negative_masses, values)


def resampled_roc_of_list(
    scores: NDArray[np.floating],
    labels: NDArray[np.bool_] | NDArray[np.integer],
    *,
    probe_people: NDArray[np.integer],
    candidate_people: NDArray[np.integer],
    counts: NDArray[np.integer],
) -> Roc:
    """Return the curve over listed pairs for each resample of people.

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1, True for a true pair.
        probe_people: (n_pairs,) int from 0, person of the first of each pair.
        candidate_people: (n_pairs,) int from 0, person of the second.
        counts: (n_resamples, n_people) int from 0, copies of each person.

    Returns:
        Curves (n_resamples, n_points); nan where a resample holds no true or no false pair.

    Raises:
        DataError: shapes differ, a label is not 0 or 1, or a score is NaN.
    """
    checked, truth, _ = check_pairs(scores, labels, None)
    first, second = np.asarray(probe_people), np.asarray(candidate_people)
    copies: Floats = np.asarray(counts, dtype=np.float64)
    values = np.unique(checked[truth])
    positive_masses = _masses(checked[truth], copies[:, first[truth]], values)
    negative_masses = _listed_masses(checked[~truth], values, (first[~truth], second[~truth]), copies)
    return _curves(positive_masses, negative_masses, values)


def bins_of(scores: NDArray[np.floating], values: Floats) -> NDArray[np.int64]:
    """Return the bin of each score among sorted different `values`: 2i + 1 at value i, 2i just below it.

    Args:
        scores: (...) float.
        values: (n,) float64, rising.

    Returns:
        (...) int64, 0 to 2n.

    Example:
        >>> bins_of(np.array([0.0, 1.0, 1.5, 2.0, 3.0]), np.array([1.0, 2.0])).tolist()
        [0, 1, 2, 3, 4]
    """
    left = np.searchsorted(values, scores, side="left")
    return np.asarray(left + np.searchsorted(values, scores, side="right"), dtype=np.int64)


People = tuple[NDArray[np.integer], NDArray[np.integer]]


def _masses(scores: NDArray[np.floating], weights: Floats, values: Floats) -> Floats:
    """Weight in each bin, (n_resamples, n_bins), from weights (n_resamples, n_pairs)."""
    place, n_bins = bins_of(scores, values), 2 * len(values) + 1
    return np.stack([np.bincount(place, weights=weight, minlength=n_bins) for weight in weights])


def _listed_masses(scores: NDArray[np.floating], values: Floats, people: People, copies: Floats) -> Floats:
    """Weight of listed false pairs in each bin, (n_resamples, n_bins): the better way when they are few."""
    place, n_bins = bins_of(scores, values), 2 * len(values) + 1
    masses = np.empty((len(copies), n_bins))
    for row, weight in enumerate(copies):
        masses[row] = np.bincount(place, weights=weight[people[0]] * weight[people[1]], minlength=n_bins)
    return masses


def _matrix_masses(
    similarity: NDArray[np.floating], negatives: NDArray[np.bool_], values: Floats, people: People, copies: Floats
) -> Floats:
    """The same from the matrix, cut in each resample to the 63 % of people drawn: two fifths of the pairs."""
    n_bins = 2 * len(values) + 1
    place = np.where(negatives, bins_of(similarity, values), n_bins)  # the last bin is thrown away
    place = place.astype(np.int16 if n_bins < np.iinfo(np.int16).max else np.int32)  # a quarter of the copying
    room = np.empty(place.size)  # written anew for each resample: asking for memory costs more than the product
    masses = np.empty((len(copies), n_bins))
    for row, weight in enumerate(copies):
        first, second = weight[people[0]], weight[people[1]]
        rows, columns = np.flatnonzero(first), np.flatnonzero(second)
        cut = place[rows].take(columns, axis=1)
        product = room[: cut.size].reshape(cut.shape)
        np.multiply.outer(first[rows], second[columns], out=product)
        masses[row] = np.bincount(cut.ravel(), weights=product.ravel(), minlength=n_bins + 1)[:n_bins]
    return masses


def _curves(positive_masses: Floats, negative_masses: Floats, values: Floats) -> Roc:
    """Curves from bins in rising order; the lowest score of a bin is its threshold."""
    edges = np.full(2 * len(values) + 1, -np.inf)
    edges[1::2] = values
    edges[2::2] = np.nextafter(values, np.inf)
    return roc_from_masses(positive_masses[:, ::-1], negative_masses[:, ::-1], edges[::-1])
