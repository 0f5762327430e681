"""Retrieval: mean average precision, recall at k and median rank of a gallery search.

Each probe ranks the gallery; items that are neither positive nor negative (the same video, other clips of the same
person) are taken out of its ranking. Ties are not broken: every figure is the expectation over all orders of the tied
items, in closed form, so that a constant model scores exactly chance. mAP and recall grow with quality, the median
rank shrinks. Means are over probes, as in published results, not over people first.

Example:
    >>> similarity = np.array([[0.9, 0.8, 0.1], [0.5, 0.4, 0.4]])
    >>> positives = np.array([[False, True, False], [False, True, False]])
    >>> mean_average_precision_score(similarity, positives)  # rank 2; then rank 2 or 3
    0.4583333333333333
    >>> recall_at_k_score(similarity, positives, k=2)  # found; found in half of the orders
    0.75
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError, UndefinedMetricWarning
from visavox.metrics.standings import Standings, Totals, check_similarity, find_standings, positive_mask_of
from visavox.metrics.weighting import Floats, mean_over_probes, median_over_probes

Mask = NDArray[np.bool_]


def mean_average_precision_score(
    similarity: NDArray[np.floating],
    positives: Mask | NDArray[np.integer],
    *,
    negatives: Mask | None = None,
) -> float:
    """Return the mean over probes of the average precision.

    Args:
        similarity: (n_probes, n_gallery) float, higher means more alike.
        positives: (n_probes, n_gallery) bool, or (n_probes,) int with -1 for none.
        negatives: (n_probes, n_gallery) bool; None: everything that is not positive.

    Returns:
        0 to 1. The average precision of a probe is the mean, over its positives, of the precision at their rank.

    Raises:
        DataError: a shape does not fit, a similarity is NaN, or an item is both positive and negative.

    Ties and edges:
        Expectation over all orders of tied items. Probes without positive or negative are left out; nan with an
        UndefinedMetricWarning when none is left.

    Source: McSherry and Najork, "Computing information retrieval performance measures efficiently in the presence of
        tied scores" (2008), section 3.
    """
    standings = _standings(similarity, positives, negatives)
    return _defined(retrieval_measures(standings, _alone(similarity)).mean_average_precision)


def recall_at_k_score(
    similarity: NDArray[np.floating],
    positives: Mask | NDArray[np.integer],
    *,
    k: int,
    negatives: Mask | None = None,
) -> float:
    """Return the share of probes with at least one positive among their first k items.

    Args:
        similarity: (n_probes, n_gallery) float, higher means more alike.
        positives: (n_probes, n_gallery) bool, or (n_probes,) int with -1 for none.
        k: length of the list that is looked at, at least 1.
        negatives: (n_probes, n_gallery) bool; None: everything that is not positive.

    Returns:
        0 to 1.

    Raises:
        DataError: as `mean_average_precision_score`, or k below 1.

    Ties and edges:
        The chance over all orders of tied items. nan with an UndefinedMetricWarning when no probe is left.
    """
    standings = _standings(similarity, positives, negatives)
    return _defined(retrieval_measures(standings, _alone(similarity), ks=[k]).recall[0])


def median_rank_cost(
    similarity: NDArray[np.floating],
    positives: Mask | NDArray[np.integer],
    *,
    negatives: Mask | None = None,
) -> float:
    """Return the median over probes of the rank of their first positive.

    Args:
        similarity: (n_probes, n_gallery) float, higher means more alike.
        positives: (n_probes, n_gallery) bool, or (n_probes,) int with -1 for none.
        negatives: (n_probes, n_gallery) bool; None: everything that is not positive.

    Returns:
        1 (best) to the size of the gallery; a tied rank is the expected one and may be broken, like 2.5.

    Raises:
        DataError: as `mean_average_precision_score`.

    Ties and edges:
        nan with an UndefinedMetricWarning when no probe is left.
    """
    standings = _standings(similarity, positives, negatives)
    return _defined(retrieval_measures(standings, _alone(similarity)).median_rank)


@dataclass(frozen=True)
class RetrievalMeasures:
    """The measures of one gallery, or of each resample of it.

    Attributes:
        mean_average_precision: () or (n_resamples,) float64, 0 to 1.
        recall: (n_ks,) or (n_ks, n_resamples) float64, 0 to 1.
        median_rank: () or (n_resamples,) float64, from 1.
    """

    mean_average_precision: Floats
    recall: Floats
    median_rank: Floats


def retrieval_measures(
    standings: Standings,
    probe_people: NDArray[np.integer],
    *,
    ks: Sequence[int] = (1, 5, 10),
    counts: NDArray[np.integer] | None = None,
) -> RetrievalMeasures:
    """Return all retrieval measures, for all people once or for each resample of them.

    A resampled gallery holds copies and is easier at its top than one of as many different people: the resampled
    values lie above the measured one, and `visavox.metrics.bootstrap.percentile_interval` moves them back.

    Args:
        standings: where each positive stands, person by person (`find_standings`).
        probe_people: (n_probes,) int from 0, the person of each row of the similarity matrix.
        ks: lengths of list for the recall, each at least 1.
        counts: (n_resamples, n_people) int from 0, copies of each person, as probe and as negative; None: once.

    Returns:
        The measures; nan where no probe is left.

    Raises:
        DataError: a k is below 1.
    """
    if not ks or min(ks) < 1:
        raise DataError(f"`k` must be at least 1. Got {list(ks)}.")
    if counts is None:
        return _measures(standings, standings.total(), np.asarray(probe_people), ks, None)
    parts = [
        _measures(standings, totals, np.asarray(probe_people), ks, counts[rows])
        for rows, totals in standings.blocks(counts)
    ]
    return RetrievalMeasures(
        mean_average_precision=np.concatenate([part.mean_average_precision for part in parts]),
        recall=np.concatenate([part.recall for part in parts], axis=1),
        median_rank=np.concatenate([part.median_rank for part in parts]),
    )


def _measures(
    standings: Standings,
    totals: Totals,
    probe_people: NDArray[np.integer],
    ks: Sequence[int],
    counts: NDArray[np.integer] | None,
) -> RetrievalMeasures:
    people = probe_people[standings.probes]
    precision = precision_at_positive(totals, standings.positives_above, standings.positives_tied)
    best = np.flatnonzero(standings.positives_above == 0)
    # The best positives of a probe share their counts when tied: the first stands for them.
    best = best[np.unique(standings.probes[best], return_index=True)[1]]
    first = Totals(totals.above[..., best], totals.tied[..., best], totals.below[..., best], totals.has_ties)
    tied = standings.positives_tied[best]
    recall = [mean_over_probes(chance_within(first, tied, k), people[best], counts=counts) for k in ks]
    return RetrievalMeasures(
        mean_average_precision=mean_over_probes(precision, people, probes=standings.probes, counts=counts),
        recall=np.stack(recall),
        median_rank=median_over_probes(expected_first_rank(first, tied), people[best], counts=counts),
    )


def precision_at_positive(
    totals: Totals, positives_above: NDArray[np.integer], positives_tied: NDArray[np.integer]
) -> Floats:
    """Return the expected precision at the rank of each positive; their mean is the average precision.

    A positive lies in a block of n items of one score, r of them positive, below N0 items with R0 positive. At place
    i of the block, given that the positive is there, (i-1)(r-1)/(n-1) of the places before are positive, so

        1/n sum_i [R0 + 1 + (i-1) c] / (N0 + i) = 1/n [(R0 + 1) D + c (n - (N0 + 1) D)],
        c = (r-1)/(n-1),  D = H(N0+n) - H(N0),  H the harmonic numbers.

    Args:
        totals: negatives above and level, (..., n_trials) whole numbers.
        positives_above: (n_trials,) int, R0.
        positives_tied: (n_trials,) int, r, at least 1.

    Returns:
        (..., n_trials) float64, 0 to 1.

    Source: McSherry and Najork (2008), equation for average precision under ties, summed with harmonic numbers.
    """
    before = totals.above + positives_above  # N0
    if not totals.has_ties and (positives_tied == 1).all():
        return np.asarray((positives_above + 1.0) / (before + 1.0))
    block = totals.tied + positives_tied  # n
    largest = int((before + block).max(initial=0))
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, largest + 1))])
    span = harmonic[(before + block).astype(np.int64)] - harmonic[before.astype(np.int64)]  # D
    slope = (positives_tied - 1.0) / np.maximum(block - 1.0, 1.0)
    return np.asarray(((positives_above + 1.0) * span + slope * (block - (before + 1.0) * span)) / block)


def chance_within(first: Totals, positives_tied: NDArray[np.integer], k: int) -> Floats:
    """Return the chance that the best positive of each probe is among its first k items.

    Of the n = e + r places of the best score, e negatives and r positives, the first x = k - above are seen. All r
    positives lie in the places not seen with chance C(n-x, r) / C(n, r).

    Args:
        first: counts of the best positive, (..., n_probes) whole numbers.
        positives_tied: (n_probes,) int, r, at least 1.
        k: at least 1.

    Returns:
        (..., n_probes) float64, 0 to 1.
    """
    seen = np.clip(k - first.above, 0.0, first.tied + positives_tied)
    if not first.has_ties:
        return (seen > 0).astype(np.float64)
    missed = np.ones_like(seen)
    for i in range(int(positives_tied.max(initial=0))):
        size = first.tied + positives_tied - i
        factor = np.maximum(size - seen, 0.0) / np.maximum(size, 1.0)
        missed = np.where(i < positives_tied, missed * factor, missed)
    return 1.0 - missed


def expected_first_rank(first: Totals, positives_tied: NDArray[np.integer]) -> Floats:
    """Return the expected rank of the best positive: above + (e + r + 1) / (r + 1) in a block of e negatives.

    Args:
        first: counts of the best positive, (..., n_probes) whole numbers.
        positives_tied: (n_probes,) int, r, at least 1.

    Returns:
        (..., n_probes) float64, from 1.
    """
    return first.above + (first.tied + positives_tied + 1.0) / (positives_tied + 1.0)


def _standings(
    similarity: NDArray[np.floating], positives: Mask | NDArray[np.integer], negatives: Mask | None
) -> Standings:
    similarity = check_similarity(similarity)
    mask = positive_mask_of(positives, similarity.shape)
    return find_standings(similarity, mask, ~mask if negatives is None else negatives)


def _alone(similarity: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.arange(np.shape(similarity)[0])


def _defined(value: Floats) -> float:
    if np.isnan(value):
        message = "Retrieval is undefined: no probe has a positive and a negative in the gallery. nan is returned."
        warnings.warn(message, UndefinedMetricWarning, stacklevel=3)
    return float(value)
