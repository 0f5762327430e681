"""Where each positive stands among the negatives of its probe, counted person by person.

Matching and retrieval ask the same question of a similarity matrix: how many negatives score above, level with and
below the positive? `Standings` holds the answer split by the person whose negatives they are, because the bootstrap
resamples people: with `counts` copies of each person the totals are one matrix product. It is not a metric; the
metrics are closed forms of these counts (`visavox.metrics.matching`, `visavox.metrics.retrieval`).

Example:
    >>> similarity = np.array([[0.9, 0.1, 0.9], [0.3, 0.2, 0.1]])
    >>> positives = np.array([[True, False, False], [False, True, False]])
    >>> standings = find_standings(similarity, positives, ~positives, gallery_people=np.array([0, 1, 2]))
    >>> totals = standings.total()
    >>> totals.above.tolist(), totals.tied.tolist(), totals.below.tolist()
    ([0.0, 1.0], [1.0, 0.0], [1.0, 1.0])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

ROW_CELLS = 4_000_000  # scores compared at once: 32 MB of float64
RESAMPLE_CELLS = 100_000  # counts worked on at once: 0.8 MB of float64 stays in a core's cache, four times faster


@dataclass(frozen=True)
class Totals:
    """Negatives above, level with and below each positive, summed over people.

    Attributes:
        above: (..., n_trials) float64, negatives that score above the positive.
        tied: (..., n_trials) float64, negatives with the very score of the positive.
        below: (..., n_trials) float64, negatives that the positive beats.
        has_ties: whether any `tied` can be above 0; closed forms take a shorter way when not.
    """

    above: NDArray[np.float64]
    tied: NDArray[np.float64]
    below: NDArray[np.float64]
    has_ties: bool

    @property
    def negatives(self) -> NDArray[np.float64]:
        """All negatives of each trial: (..., n_trials) float64."""
        return self.above + self.tied + self.below


@dataclass(frozen=True)
class Standings:
    """One row a trial, a trial being a probe with one of its positives.

    Attributes:
        probes: (n_trials,) int64, row of the probe in the similarity matrix, ascending.
        positives: (n_trials,) int64, column of the positive.
        above: (n_trials, n_people) float32, negatives of each person that score above the positive.
        tied: (n_trials, n_people) float32, negatives of each person with the same score.
        allowed: (n_trials, n_people) float32, all negatives of each person.
        positives_above: (n_trials,) int64, other positives of the probe that score above this one.
        positives_tied: (n_trials,) int64, positives of the probe with this score, itself included: at least 1.
    """

    probes: NDArray[np.int64]
    positives: NDArray[np.int64]
    above: NDArray[np.float32]
    tied: NDArray[np.float32]
    allowed: NDArray[np.float32]
    positives_above: NDArray[np.int64]
    positives_tied: NDArray[np.int64]

    @property
    def n_trials(self) -> int:
        """How many trials there are."""
        return len(self.probes)

    @property
    def n_people(self) -> int:
        """How many people the columns stand for."""
        return int(self.allowed.shape[1])

    def total(self, counts: NDArray[np.integer] | None = None) -> Totals:
        """Return the counts summed over people, each person taken as often as `counts` says.

        Args:
            counts: (n_resamples, n_people) integers from 0, copies of each person; None: everybody once.

        Returns:
            Totals of shape (n_trials,), or (n_resamples, n_trials) with `counts`.
        """
        has_ties = bool(self.tied.any())
        if counts is None:
            above = self.above.sum(axis=1, dtype=np.float64)
            tied = self.tied.sum(axis=1, dtype=np.float64)
            allowed = self.allowed.sum(axis=1, dtype=np.float64)
        else:
            # float32 holds every whole number up to 16.7 million: the sums are exact.
            copies = np.ascontiguousarray(counts, dtype=np.float32)
            above = (copies @ self.above.T).astype(np.float64)
            allowed = (copies @ self.allowed.T).astype(np.float64)
            tied = (copies @ self.tied.T).astype(np.float64) if has_ties else np.zeros_like(above)
        return Totals(above=above, tied=tied, below=allowed - above - tied, has_ties=has_ties)

    def blocks(self, counts: NDArray[np.integer]) -> Iterator[tuple[slice, Totals]]:
        """Yield the totals of all resamples, a block of resamples at a time.

        Args:
            counts: (n_resamples, n_people) integers from 0.
        """
        size = max(1, RESAMPLE_CELLS // max(1, self.n_trials))
        for start in range(0, len(counts), size):
            rows = slice(start, min(start + size, len(counts)))
            yield rows, self.total(counts[rows])


def find_standings(
    similarity: NDArray[np.floating],
    positives: NDArray[np.bool_] | NDArray[np.integer],
    negatives: NDArray[np.bool_],
    *,
    gallery_people: NDArray[np.integer] | None = None,
    n_people: int | None = None,
) -> Standings:
    """Return where each positive stands among the negatives of its probe.

    Probes without a positive or without a negative are left out: they can neither win nor lose.

    Args:
        similarity: (n_probes, n_gallery) float, higher means more alike.
        positives: (n_probes, n_gallery) bool, or (n_probes,) int: the one positive column of each probe, -1 for none.
        negatives: (n_probes, n_gallery) bool, what each probe competes against; what is neither is ignored.
        gallery_people: (n_gallery,) int from 0, the person of each gallery item; None: each item its own person.
        n_people: number of people, when some have nothing in the gallery; None: the largest code + 1.

    Raises:
        DataError: a shape does not fit, a similarity is NaN, or an item is both positive and negative.
    """
    similarity = check_similarity(similarity)
    positive_mask = positive_mask_of(positives, similarity.shape)
    check_masks(similarity, positive_mask, negatives)
    n_gallery = similarity.shape[1]
    people = np.arange(n_gallery) if gallery_people is None else np.asarray(gallery_people, dtype=np.int64)
    if people.shape != (n_gallery,):
        raise DataError(
            f"`gallery_people` must have one entry for each of the {n_gallery} gallery items. Got shape {people.shape}."
        )
    width = n_people if n_people is not None else int(people.max(initial=-1)) + 1
    usable = positive_mask & negatives.any(axis=1, keepdims=True)
    probes, columns = (axis.astype(np.int64) for axis in np.nonzero(usable))
    tables = np.zeros((3, len(probes), width), dtype=np.float32)
    ranks = np.zeros((2, len(probes)), dtype=np.int64)
    order = np.argsort(people, kind="stable")
    present, starts = np.unique(people[order], return_index=True)
    size = max(1, ROW_CELLS // max(1, n_gallery))
    for start in range(0, len(probes), size):
        block = slice(start, min(start + size, len(probes)))
        rows = similarity[probes[block]]  # (block, n_gallery)
        own = similarity[probes[block], columns[block]][:, np.newaxis]
        allowed = negatives[probes[block]]
        higher, level = rows > own, rows == own
        for table, mask in zip(tables, (higher & allowed, level & allowed, allowed), strict=True):
            table[block, present] = np.add.reduceat(mask[:, order], starts, axis=1, dtype=np.float32)
        ranks[0, block] = (higher & positive_mask[probes[block]]).sum(axis=1)
        ranks[1, block] = (level & positive_mask[probes[block]]).sum(axis=1)
    return Standings(probes, columns, tables[0], tables[1], tables[2], ranks[0], ranks[1])


def check_similarity(similarity: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return `similarity` as an array (n_probes, n_gallery) after checking it.

    Raises:
        DataError: it is not two-dimensional, or holds a NaN.
    """
    similarity = np.asarray(similarity)
    if similarity.ndim != 2:
        raise DataError(f"`similarity` must be a matrix (n_probes, n_gallery). Got shape {similarity.shape}.")
    n_nan = int(np.isnan(similarity).sum())
    if n_nan:
        raise DataError(
            f"`similarity` must hold no NaN. Got {n_nan} among {similarity.size} values. "
            "Remove the items whose embeddings are broken."
        )
    return similarity


def positive_mask_of(positives: NDArray[np.bool_] | NDArray[np.integer], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return positives as a mask (n_probes, n_gallery) bool, from a mask or from one column number a probe.

    Args:
        positives: (n_probes, n_gallery) bool, or (n_probes,) int with -1 for "no positive".
        shape: (n_probes, n_gallery) of the similarity matrix.

    Raises:
        DataError: a column number is outside the gallery.
    """
    positives = np.asarray(positives)
    if positives.ndim != 1 or len(shape) != 2 or positives.dtype == np.bool_:
        return positives.astype(np.bool_)
    if len(positives) != shape[0] or positives.max(initial=-1) >= shape[1] or positives.min(initial=0) < -1:
        raise DataError(
            f"`positives` must name one of {shape[1]} gallery columns, or -1, for each of {shape[0]} probes. "
            f"Got {len(positives)} numbers from {positives.min(initial=0)} to {positives.max(initial=-1)}."
        )
    mask = np.zeros(shape, dtype=np.bool_)
    rows = np.flatnonzero(positives >= 0)
    mask[rows, positives[rows]] = True
    return mask


def check_masks(similarity: NDArray[np.floating], positives: NDArray[np.bool_], negatives: NDArray[np.bool_]) -> None:
    """Check that two masks (n_probes, n_gallery) bool fit the similarity matrix and each other.

    Raises:
        DataError: a shape does not fit, or an item is both positive and negative of a probe.
    """
    for name, mask in (("positives", positives), ("negatives", negatives)):
        if mask.shape != similarity.shape or mask.dtype != np.bool_:
            raise DataError(
                f"`{name}` must be a bool mask of the shape of `similarity`, {similarity.shape}. "
                f"Got {mask.dtype} {mask.shape}."
            )
    both = int((positives & negatives).sum())
    if both:
        raise DataError(
            f"An item cannot be positive and negative of one probe. Got {both} such pairs. "
            "Leave them out of `negatives`."
        )
