"""Near-identical pictures and vectors: 64-bit difference hashes, and close pairs found in blocks.

It compares arrays only and knows nothing of splits: what a close pair means is the affair of `visavox.corpus.audit`.

Example:
    >>> ramp = np.tile(np.arange(64, dtype=np.uint8)[None, :, None], (64, 1, 3))
    >>> f"{difference_hash(ramp):016x}", f"{difference_hash(ramp[:, ::-1]):016x}"
    ('ffffffffffffffff', '0000000000000000')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

HASH_ROWS, HASH_COLUMNS = 8, 8
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 weights of red, green, blue
BLOCK = 1024  # rows a block: 1024 x 10,000 float32 is 40 MB
MAX_PAIRS = 1000


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
    hashes: Sequence[int], different: Sequence[NDArray[np.integer]], *, max_distance: int, max_pairs: int = MAX_PAIRS
) -> ClosePairs:
    """Return the pairs whose hashes differ in few bits.

    Args:
        hashes: n hashes of 64 bits.
        different: arrays of codes, each (n,) int; a pair counts only if it differs in every one of them.
        max_distance: bits that may differ, 0 to 64.
        max_pairs: how many to list.
    """
    bits = np.asarray(hashes, dtype=np.uint64)

    def distances(begin: int, end: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.bitwise_count(bits[begin:end, None] ^ bits[None, begin:]).astype(np.float64)
        return found

    found = _close_pairs(len(bits), lambda begin, end: -distances(begin, end), -max_distance, different, max_pairs)
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
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.full(vectors.shape, np.nan), where=lengths > 0).astype(np.float32)

    def cosines(begin: int, end: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (unit[begin:end] @ unit[begin:].T).astype(np.float64)
        return found

    return _close_pairs(len(unit), cosines, min_cosine, different, max_pairs)


def _close_pairs(
    n_rows: int,
    closeness: Callable[[int, int], NDArray[np.float64]],
    threshold: float,
    different: Sequence[NDArray[np.integer]],
    max_pairs: int,
) -> ClosePairs:
    """Return the pairs with closeness >= threshold; `closeness(b, e)` is (e - b, n_rows - b), rows b.. against b.."""
    rows, values, n_pairs = np.empty((0, 2), dtype=np.intp), np.empty(0), 0
    for begin in range(0, n_rows, BLOCK):
        end = min(begin + BLOCK, n_rows)
        block = closeness(begin, end)
        close = np.triu(block >= threshold, k=1)  # nan is not close
        for codes in different:
            close &= codes[begin:end, None] != codes[None, begin:]
        first, second = np.nonzero(close)
        n_pairs += first.size
        rows = np.concatenate([rows, np.stack([first + begin, second + begin], axis=1)])
        values = np.concatenate([values, block[first, second]])
        # Only the closest are kept on the way, so that a threshold far too low costs time but no memory.
        best = np.argsort(-values, kind="stable")[:max_pairs]
        rows, values = rows[best], values[best]
    return ClosePairs(rows, values, n_pairs)
