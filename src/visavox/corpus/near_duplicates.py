"""Near-identical pictures and vectors: 64-bit difference hashes, and close pairs, all of them, found fast.

Hashes that differ in few bits agree in some of their parts, so only hashes with equal parts are compared; cosines are
compared in tiles. It knows nothing of splits or people: what a close pair means is the affair of
`visavox.corpus.audit` and `visavox.corpus.alike_pairs`.

Example:
    >>> ramp = np.tile(np.arange(64, dtype=np.uint8)[None, :, None], (64, 1, 3))
    >>> f"{difference_hash(ramp):016x}", f"{difference_hash(ramp[:, ::-1]):016x}"
    ('ffffffffffffffff', '0000000000000000')
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

HASH_ROWS, HASH_COLUMNS = 8, 8
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 weights of red, green, blue
BLOCK, TILE = 1024, 8192  # rows and columns of a tile of cosines: 32 MB of float32
MAX_PAIRS = 1000
MAX_BANDED_DISTANCE = 6  # bits; from 7 on the parts are so short that comparing all pairs is as fast
PAIRS_AT_ONCE = 2**21  # candidates looked at together: 50 MB


@dataclass(frozen=True, eq=False)
class ClosePairs:
    """Pairs of rows that are closer than a threshold, the closest first."""

    rows: NDArray[np.intp]
    """(k, 2), the smaller row first; at most as many as were asked for."""
    values: NDArray[np.float64]
    """(k,) cosine or Hamming distance of each pair."""
    n_pairs: int
    """How many there are in all, those not listed included."""


def difference_hash(image: NDArray[np.uint8]) -> int:
    """Return the 64-bit difference hash of a picture: which of two neighbours is brighter on an 8 x 9 grid.

    Args:
        image: (height, width, 3) uint8 RGB, any size from 1 x 1.

    Returns:
        0 to 2**64 - 1. The first bit is the upper left corner; 1 where brightness grows to the right. A picture of
        one colour gives 0.

    Source:
        N. Krawetz, "Kind of like that", 2013 (dHash); here with exact area averages instead of a resize filter.
    """
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise DataError(f"A picture must have the shape (height, width, 3). Got {image.shape}.")
    grey = image.astype(np.float64) @ LUMA  # (height, width)
    small = _area_weights(HASH_ROWS, grey.shape[0]) @ grey @ _area_weights(HASH_COLUMNS + 1, grey.shape[1]).T
    # 1e-6 grey levels: rounding must not decide where two cells are equal.
    bits = small[:, 1:] > small[:, :-1] + 1e-6  # (8, 8)
    return int.from_bytes(np.packbits(bits.reshape(-1)).tobytes(), "big")


def _area_weights(n_cells: int, n_pixels: int) -> NDArray[np.float64]:
    """Return (n_cells, n_pixels) weights whose rows average the pixels that each cell covers, in part or whole."""
    edges = np.arange(n_cells + 1) * (n_pixels / n_cells)
    pixels = np.arange(n_pixels)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.clip(overlap, 0.0, None)
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def close_by_hash(
    hashes: Sequence[int] | NDArray[np.uint64],
    different: Sequence[NDArray[np.integer]],
    *,
    max_distance: int,
    max_pairs: int = MAX_PAIRS,
) -> ClosePairs:
    """Return the pairs whose hashes differ in few bits; exact, whatever the hashes.

    Args:
        hashes: n hashes of 64 bits.
        different: arrays of codes, each (n,) int; a pair counts only if it differs in every one of them.
        max_distance: bits that may differ, 0 to 64.
        max_pairs: how many to list.

    Ties and edges: equally close pairs are listed in the order of their rows. Hashes that are alike by the thousand
    (empty pictures) cost as much as all their pairs.

    Source:
        Norouzi, Punjani, Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012: cut into parts,
        one of which must be equal; here into d + 2 parts, two of which must be.
    """
    bits = np.asarray(hashes, dtype=np.uint64)
    kept = _Closest(max_pairs)
    candidates = _all_pairs(len(bits)) if max_distance > MAX_BANDED_DISTANCE else _pairs_of_parts(bits, max_distance)
    for first, second in candidates:
        distance = np.bitwise_count(bits[first] ^ bits[second])
        close = distance <= max_distance
        kept.add(first[close], second[close], -distance[close].astype(np.float64), different)
    found = kept.pairs()
    return ClosePairs(found.rows, -found.values + 0.0, found.n_pairs)  # + 0.0: no negative zero


def close_by_cosine(
    vectors: NDArray[np.floating],
    different: Sequence[NDArray[np.integer]],
    *,
    min_cosine: float,
    max_pairs: int = MAX_PAIRS,
) -> ClosePairs:
    """Return the pairs whose cosine is at least `min_cosine`.

    Args:
        vectors: (n, dim), finite; a row of zeros is close to nothing.
        different: arrays of codes, each (n,) int; a pair counts only if it differs in every one of them.
        min_cosine: -1 to 1.
        max_pairs: how many to list.

    Ties and edges: equally close pairs are listed in the order of their rows. The time grows with n squared.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.full(vectors.shape, np.nan), where=lengths > 0).astype(np.float32)
    kept = _Closest(max_pairs)
    for begin, start in itertools.product(range(0, len(unit), BLOCK), range(0, len(unit), TILE)):
        if start + TILE <= begin:  # below the diagonal
            continue
        cosines = unit[begin : begin + BLOCK] @ unit[start : start + TILE].T  # (rows, columns)
        first, second = np.nonzero(cosines >= min_cosine)  # nan is not close
        values = cosines[first, second].astype(np.float64)
        first, second = first + begin, second + start
        above = second > first
        kept.add(first[above], second[above], values[above], different)
    return kept.pairs()


class _Closest:
    """The closest pairs so far and the count of all, so that a threshold far too low costs time but no memory."""

    def __init__(self, max_pairs: int) -> None:
        self.max_pairs = max_pairs
        self.rows, self.values, self.n_pairs = np.empty((0, 2), dtype=np.intp), np.empty(0), 0

    def add(
        self,
        first: NDArray[np.intp],
        second: NDArray[np.intp],
        closeness: NDArray[np.float64],
        different: Sequence[NDArray[np.integer]],
    ) -> None:
        """Take pairs of rows, (k,) each, with first < second; those that agree in a code are left out."""
        counts = np.ones(first.size, dtype=bool)
        for codes in different:
            counts &= codes[first] != codes[second]
        if not counts.any():
            return
        self.n_pairs += int(counts.sum())
        self.rows = np.concatenate([self.rows, np.stack([first[counts], second[counts]], axis=1)])
        self.values = np.concatenate([self.values, closeness[counts]])
        best = np.lexsort((self.rows[:, 1], self.rows[:, 0], -self.values))[: self.max_pairs]
        self.rows, self.values = self.rows[best], self.values[best]

    def pairs(self) -> ClosePairs:
        """Return what was kept."""
        return ClosePairs(self.rows, self.values, self.n_pairs)


def _all_pairs(n_rows: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield all pairs of rows as (first, second), a million or so at a time."""
    starts = np.zeros(n_rows, dtype=np.intp)
    yield from _pairs_within(np.arange(n_rows), starts + n_rows)


def _pairs_of_parts(bits: NDArray[np.uint64], max_distance: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the pairs that agree in two of `max_distance + 2` parts of their bits, each pair once, smaller row first.

    So many differing bits spoil at most `max_distance` parts, so two parts of every close pair are equal.
    """
    edges = np.linspace(0, 64, max_distance + 3).round().astype(int)
    parts = [sum(1 << bit for bit in range(low, high)) for low, high in itertools.pairwise(edges)]
    masks = [np.uint64(a | b) for a, b in itertools.combinations(parts, 2)]
    for number, mask in enumerate(masks):
        part = bits & mask
        order = np.argsort(part, kind="stable")  # stable: inside a group the rows stay in order
        ends = np.searchsorted(part[order], part[order], side="right")
        for first, second in _pairs_within(order, ends):
            differing = bits[first] ^ bits[second]
            seen = np.zeros(first.size, dtype=bool)
            for earlier in masks[:number]:
                seen |= (differing & earlier) == 0
            yield first[~seen], second[~seen]


def _pairs_within(
    order: NDArray[np.intp], ends: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield pairs of rows: each place i of `order` with the places i + 1 to ends[i] - 1.

    Args:
        order: (n,) rows.
        ends: (n,) end of the group that each place belongs to.
    """
    counts = ends - np.arange(len(order)) - 1  # partners behind each place
    until = np.cumsum(counts)
    begin = 0
    while begin < len(order):
        done = until[begin - 1] if begin else 0
        end = max(int(np.searchsorted(until, done + PAIRS_AT_ONCE, side="right")), begin + 1)
        some = counts[begin:end]
        places = np.repeat(np.arange(begin, end), some)
        steps = np.arange(some.sum()) - np.repeat(np.cumsum(some) - some, some)  # 0, 1, ... within each place
        if places.size:
            yield order[places], order[places + 1 + steps]
        begin = end
