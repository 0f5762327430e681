"""A gallery search at full size: every probe ranks everybody, without ever holding the whole matrix of scores.

21,850 voices against 20,076 faces are 439 million scores. They are computed and sorted a block of probes at a time;
then only the places of the few positives are looked up. Given the same scores the figures are those of
`visavox.metrics.retrieval`: ties are the expectation over all orders of the tied items, in closed form. What it does
not do: leave anything out of a ranking. Everything that is not of the probe's person is a negative, as published lists
have it.

Example:
    >>> scores, people = np.array([[0.9, 0.8, 0.1], [0.5, 0.4, 0.4]]), np.array([7, 7])
    >>> ranking = rank_scores(scores, probe_people=people, gallery_people=np.array([8, 7, 8]))
    >>> ranking.average_precision.round(3).tolist(), ranking.first_rank.tolist()
    ([0.5, 0.417], [2.0, 2.5])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.metrics.retrieval import (
    RetrievalMeasures,
    chance_within,
    expected_first_rank,
    precision_at_positive,
)
from visavox.metrics.standings import Totals
from visavox.metrics.weighting import Floats, mean_over_probes, median_over_probes

BLOCK_CELLS = 5_000_000  # scores held at once: 20 MB of float32
RESAMPLE_CELLS = 1_000_000  # ranks weighted at once: 8 MB of float64

COLUMNS = ("average_precision", "above", "tied", "positives_tied", "n_positives")  # of a ranking, one row a probe

Codes = NDArray[np.integer]


@dataclass(frozen=True)
class GalleryRanking:
    """How each probe fared.

    Attributes:
        average_precision: (n_probes,) float64, 0 to 1.
        above: (n_probes,) float64, negatives that score above the best positive.
        tied: (n_probes,) float64, negatives with the very score of the best positive.
        positives_tied: (n_probes,) int64, positives with that score, at least 1.
        n_positives: (n_probes,) int64, all positives of each probe, at least 1.
        n_gallery: items that were ranked.
    """

    average_precision: Floats
    above: Floats
    tied: Floats
    positives_tied: NDArray[np.int64]
    n_positives: NDArray[np.int64]
    n_gallery: int

    @property
    def first(self) -> Totals:
        """Negatives above, level with and below the best positive, (n_probes,) each."""
        below = self.n_gallery - self.n_positives - self.above - self.tied
        return Totals(self.above, self.tied, below, bool(self.tied.any()))

    @property
    def first_rank(self) -> Floats:
        """Expected rank of the best positive, (n_probes,) float64 from 1."""
        return expected_first_rank(self.first, self.positives_tied)

    def select(self, rows: Codes) -> GalleryRanking:
        """Return the ranking of some probes, rows being (m,) int in the wanted order."""
        return GalleryRanking(**{name: getattr(self, name)[rows] for name in COLUMNS}, n_gallery=self.n_gallery)


def rank_gallery(
    probes: NDArray[np.floating],
    gallery: NDArray[np.floating],
    *,
    probe_people: Codes,
    gallery_people: Codes,
    dtype: type[np.float32] | type[np.float64] = np.float32,
) -> GalleryRanking:
    """Return how each probe ranks the gallery by dot product.

    Args:
        probes: (n_probes, dim) float, unit vectors where the score is to be a cosine.
        gallery: (n_gallery, dim) float.
        probe_people: (n_probes,) int, person of each probe.
        gallery_people: (n_gallery,) int, person of each item, in the same numbering.
        dtype: in which the scores are computed and compared; float64 takes about three times as long.

    Raises:
        DataError: shapes that do not fit, vectors or scores that are not finite, or a probe of whose person the
            gallery holds nothing.

    Ties and edges:
        Items of equal vectors tie exactly: each different vector is scored once.
    """
    by_person = np.argsort(np.asarray(gallery_people), kind="stable")
    first: NDArray[np.floating] = np.ascontiguousarray(probes, dtype=dtype)
    second: NDArray[np.floating] = np.asarray(gallery, dtype=dtype)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise DataError(
            f"Probes and gallery must lie in one space. Got vectors of the shapes {first.shape} and {second.shape}. "
            "Project both with a trained model first."
        )
    _check_people(np.asarray(gallery_people), len(second), "gallery item")
    wanted, place = _different_rows(second[by_person])
    across = np.ascontiguousarray(second[by_person][wanted].T)  # (dim, n_different)
    repeated = len(wanted) < len(second)

    def scores(rows: slice) -> NDArray[np.floating]:
        found: NDArray[np.floating] = np.matmul(first[rows], across)  # (block, n_different)
        return np.take(found, place, axis=1) if repeated else found

    people = np.asarray(gallery_people)[by_person]
    return _ranked(scores, len(first), probe_people=np.asarray(probe_people), gallery_people=people)


def rank_scores(scores: NDArray[np.floating], *, probe_people: Codes, gallery_people: Codes) -> GalleryRanking:
    """Return how each probe ranks the gallery by scores that are there already.

    Args:
        scores: (n_probes, n_gallery) float, higher means more alike; compared in their own precision.
        probe_people: (n_probes,) int, person of each probe.
        gallery_people: (n_gallery,) int, person of each item, in the same numbering.

    Raises:
        DataError: as `rank_gallery`.
    """
    matrix = np.asarray(scores)
    if matrix.ndim != 2:
        raise DataError(f"`scores` must be a matrix (n_probes, n_gallery). Got shape {matrix.shape}.")
    people = np.asarray(gallery_people)
    _check_people(people, matrix.shape[1], "gallery item")
    by_person = np.argsort(people, kind="stable")
    return _ranked(
        lambda rows: matrix[rows][:, by_person],
        len(matrix),
        probe_people=np.asarray(probe_people),
        gallery_people=people[by_person],
    )


def constant_ranking(probe_people: Codes, gallery_people: Codes) -> GalleryRanking:
    """Return the ranking of a model that gives every pair the same score: the chance level of a gallery.

    Args:
        probe_people: (n_probes,) int, person of each probe.
        gallery_people: (n_gallery,) int, person of each item, in the same numbering.

    Raises:
        DataError: a probe of whose person the gallery holds nothing.
    """
    people = np.sort(np.asarray(gallery_people))
    starts, ends = _places_of(np.asarray(probe_people), people)
    n_positives = ends - starts
    sizes, of_probe = np.unique(n_positives, return_inverse=True)
    none = np.zeros(len(sizes))
    totals = Totals(none, (len(people) - sizes).astype(np.float64), none, has_ties=True)
    precision = precision_at_positive(totals, np.zeros(len(sizes), dtype=np.int64), sizes)
    return GalleryRanking(
        average_precision=precision[of_probe],
        above=np.zeros(len(n_positives)),
        tied=(len(people) - n_positives).astype(np.float64),
        positives_tied=n_positives,
        n_positives=n_positives,
        n_gallery=len(people),
    )


def joined(rankings: Sequence[GalleryRanking]) -> GalleryRanking:
    """Return the rankings of several galleries as one; `n_gallery` is that of the largest."""
    return GalleryRanking(
        **{name: np.concatenate([getattr(ranking, name) for ranking in rankings]) for name in COLUMNS},
        n_gallery=max(ranking.n_gallery for ranking in rankings),
    )


def ranking_measures(
    ranking: GalleryRanking, people: Codes, *, ks: Sequence[int] = (1, 5, 10), counts: Codes | None = None
) -> RetrievalMeasures:
    """Return mAP, recall at k and median rank, for all people once or for each resample of the probes' people.

    The gallery stays as it is in every resample: a list fixes it, and copies of half of it would be another task.

    Args:
        ranking: how each probe fared.
        people: (n_probes,) int from 0, person of each probe.
        ks: lengths of list for the recall, each at least 1.
        counts: (n_resamples, n_people) int from 0, copies of each person; None: once.

    Raises:
        ConfigError: no k, or a k below 1.
    """
    if not ks or min(ks) < 1:
        raise ConfigError(f"`ks` must be numbers from 1. Got {list(ks)}.")
    owners = np.asarray(people, dtype=np.int64)
    found = [chance_within(ranking.first, ranking.positives_tied, k) for k in ks]
    if counts is None:
        return RetrievalMeasures(
            mean_over_probes(ranking.average_precision, owners),
            np.stack([mean_over_probes(one, owners) for one in found]),
            median_over_probes(ranking.first_rank, owners),
        )
    copies: Floats = np.asarray(counts, dtype=np.float64)
    mass = copies @ np.bincount(owners, minlength=copies.shape[1])

    def mean(values: Floats) -> Floats:
        sums = copies @ np.bincount(owners, weights=values, minlength=copies.shape[1])
        return np.asarray(np.divide(sums, mass, out=np.full(len(copies), np.nan), where=mass > 0))

    size = max(1, RESAMPLE_CELLS // max(1, len(owners)))
    medians = [
        median_over_probes(ranking.first_rank, owners, counts=np.asarray(counts)[start : start + size])
        for start in range(0, len(copies), size)
    ]
    return RetrievalMeasures(
        mean(ranking.average_precision), np.stack([mean(one) for one in found]), np.concatenate(medians)
    )


def _ranked(
    scores: Callable[[slice], NDArray[np.floating]],
    n_probes: int,
    *,
    probe_people: Codes,
    gallery_people: Codes,
) -> GalleryRanking:
    """Rank block by block; `scores` gives rows over a gallery whose people are in order, to be sorted in place."""
    n_gallery = len(gallery_people)
    _check_people(probe_people, n_probes, "probe")
    starts, ends = _places_of(probe_people, gallery_people)
    precision, above, tied = (np.empty(n_probes) for _ in range(3))
    best_tied = np.empty(n_probes, dtype=np.int64)
    size = max(1, BLOCK_CELLS // max(1, n_gallery))
    for begin in range(0, n_probes, size):
        rows = slice(begin, min(begin + size, n_probes))
        block = scores(rows)
        own = [np.sort(row[a:b]) for row, a, b in zip(block, starts[rows], ends[rows], strict=True)]
        block.sort(axis=1)
        _check_sorted(block, begin)
        places = _Places.of(block, own)
        precision[rows] = places.average_precision(n_gallery)
        above[rows], tied[rows], best_tied[rows] = places.best(n_gallery)
    return GalleryRanking(precision, above, tied, best_tied, ends - starts, n_gallery)


@dataclass(frozen=True)
class _Places:
    """Where the positives of a block of probes stand in the sorted scores; probes one after another.

    Attributes:
        sizes: (n_rows,) int64, positives of each probe.
        left: (n,) int64, items of the gallery that score below each positive; positives of a probe ascending.
        right: (n,) int64, items that score below it or level with it.
        own_left: (n,) int64, the same among the positives of the probe.
        own_right: (n,) int64.
    """

    sizes: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    own_left: NDArray[np.int64]
    own_right: NDArray[np.int64]

    @classmethod
    def of(cls, block: NDArray[np.floating], own: Sequence[NDArray[np.floating]]) -> _Places:
        """Look up the sorted positives `own` of each row of sorted scores."""
        sizes = np.array([len(row) for row in own], dtype=np.int64)
        ends = np.cumsum(sizes)
        own_left = np.arange(sizes.sum()) - np.repeat(ends - sizes, sizes)
        own_right = own_left + 1
        left = np.empty(len(own_left), dtype=np.int64)
        for row, mine, end in zip(block, own, ends, strict=True):
            left[end - len(mine) : end] = row.searchsorted(mine)
        right = left + 1
        # Ties are rare: the second look-up is for those rows alone whose next score is the same.
        follower = block[np.repeat(np.arange(len(own)), sizes), np.minimum(right, block.shape[1] - 1)]
        level = (follower == np.concatenate(own)) & (right < block.shape[1])
        for place in np.flatnonzero(np.add.reduceat(level, ends - sizes)).tolist():
            part = slice(ends[place] - sizes[place], ends[place])
            right[part] = block[place].searchsorted(own[place], side="right")
            own_left[part] = own[place].searchsorted(own[place])
            own_right[part] = own[place].searchsorted(own[place], side="right")
        return cls(sizes, left, right, own_left, own_right)

    def average_precision(self, n_gallery: int) -> Floats:
        """Mean precision at the ranks of the positives of each probe, (n_rows,)."""
        own_tied = self.own_right - self.own_left
        own_above = np.repeat(self.sizes, self.sizes) - self.own_right
        above = (n_gallery - self.right - own_above).astype(np.float64)
        tied = (self.right - self.left - own_tied).astype(np.float64)
        totals = Totals(above, tied, np.zeros_like(above), has_ties=bool(tied.any()))
        precision = precision_at_positive(totals, own_above, own_tied)
        return np.asarray(np.add.reduceat(precision, np.cumsum(self.sizes) - self.sizes) / self.sizes)

    def best(self, n_gallery: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Negatives above and level with the best positive of each probe, and positives level with it."""
        last = np.cumsum(self.sizes) - 1
        tied = self.own_right[last] - self.own_left[last]
        return n_gallery - self.right[last], self.right[last] - self.left[last] - tied, tied


def _check_people(people: Codes, n_wanted: int, what: str) -> None:
    if people.shape != (n_wanted,):
        raise DataError(f"Every {what} needs its person. Got shape {people.shape} for {n_wanted}.")


def _places_of(probe_people: Codes, gallery_people: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last place + 1 of each probe's person among the people of the gallery, in order."""
    starts = np.searchsorted(gallery_people, probe_people)
    ends = np.searchsorted(gallery_people, probe_people, side="right")
    lost = np.flatnonzero(starts == ends)
    if lost.size:
        raise DataError(
            f"Every probe needs something of its person in the gallery. Got nothing for probe {lost[0]}, and for "
            f"{lost.size - 1} more of {len(probe_people)}. Remove these probes."
        )
    return starts.astype(np.int64), ends.astype(np.int64)


def _check_sorted(block: NDArray[np.floating], begin: int) -> None:
    """Raise if a sorted row holds what is not finite: NaN and infinity stand at its end, minus infinity first."""
    bad = np.flatnonzero(~(np.isfinite(block[:, -1]) & np.isfinite(block[:, 0])))
    if bad.size:
        raise DataError(
            f"Every score must be a finite number. Got NaN or infinity for probe {begin + int(bad[0])}. "
            "Remove it, or embed its items again."
        )


def _different_rows(vectors: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows that hold each different vector once, and for every row its place among them."""
    first: dict[bytes, int] = {}
    plain = np.ascontiguousarray(vectors)
    place = np.array([first.setdefault(row.tobytes(), len(first)) for row in plain], dtype=np.intp)
    return np.unique(place, return_index=True)[1], place
