"""Exact search: every vector is looked at, and what comes out does not depend on blocks, threads or hardware.

A first pass multiplies block by block in float32 and keeps every row that could be among the best: a product of float32
vectors of length 1 is off by at most `dim` * 2**-24 in whatever order it is summed, so that rows below the k-th best by
more than twice that are out for certain. The few that stay are multiplied again in float64, in one order, and sorted.

Example:
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    >>> exact_neighbours(vectors, vectors[:1], 2).rows.tolist()
    [[0, 2]]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from visavox.retrieval.base import Allowed, Neighbours, Vectors, padded

Rows = NDArray[np.int64]

BLOCK_ROWS = 1 << 13  # 4 MiB at 128 numbers a vector: they and their scores stay in the cache from product to selection
RESCORED_ROWS = 1 << 14  # 16 MiB of float64 at 128 numbers a vector
MAX_CANDIDATES = 1 << 22  # kept before the sure losers among them are taken out; only equal vectors come near
QUERIES_AT_ONCE = 128


def exact_neighbours(
    vectors: Vectors, queries: Vectors, k: int, *, allowed: Allowed | None = None, block_rows: int = 0
) -> Neighbours:
    """Return the `k` most similar rows of each query; of equal float32 scores the smaller row number comes first.

    Args:
        vectors: (n, dim) float32, about unit rows.
        queries: (q, dim) float32.
        k: 1 or more.
        allowed: (n,) bool, rows that may be found; None for all.
        block_rows: rows multiplied at once; 0 takes `BLOCK_ROWS`. It changes no result.

    Returns:
        Rows (q, k) and float32 cosines; -1 and -inf where there are fewer.
    """
    parts = [
        _search(vectors, queries[first : first + QUERIES_AT_ONCE], k, allowed, block_rows)
        for first in range(0, len(queries), QUERIES_AT_ONCE)
    ]
    return Neighbours(np.concatenate([p.rows for p in parts]), np.concatenate([p.scores for p in parts]))


def exact_scores(vectors: Vectors, queries: Vectors, of_query: Rows, rows: Rows) -> Vectors:
    """Return the cosine of pairs of a query and a row, (m,) float32: summed in float64, then rounded once.

    Args:
        vectors: (n, dim) float32.
        queries: (q, dim) float32.
        of_query: (m,) numbers of queries.
        rows: (m,) numbers of rows.
    """
    scores = np.empty(len(rows), dtype=np.float32)
    exact_queries = queries.astype(np.float64)
    for first in range(0, len(rows), RESCORED_ROWS):
        part = slice(first, first + RESCORED_ROWS)
        scores[part] = (vectors[rows[part]].astype(np.float64) * exact_queries[of_query[part]]).sum(axis=1)
    return scores


def sorted_neighbours(of_query: Rows, rows: Rows, scores: Vectors, n_queries: int, k: int) -> Neighbours:
    """Return the best `k` of scored pairs for each query, best first, ties by row number.

    Args:
        of_query: (m,) numbers of queries.
        rows: (m,) numbers of rows; no pair appears twice.
        scores: (m,) float32.
        n_queries: number of queries.
        k: columns of the result.
    """
    order = np.lexsort((rows, -scores, of_query))
    of_query, rows, scores = of_query[order], rows[order], scores[order]
    counts = np.bincount(of_query, minlength=n_queries)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = place < k
    found = padded(np.empty((n_queries, 0), np.int64), np.empty((n_queries, 0), np.float32), k)
    found.rows[of_query[kept], place[kept]] = rows[kept]
    found.scores[of_query[kept], place[kept]] = scores[kept]
    return found


class _Candidates:
    """Pairs of a query and a row that may be among the best, and the score below which a row is out."""

    def __init__(self, n_queries: int, k: int, margin: NDArray[np.float32]) -> None:
        self.k = k
        self.margin = margin  # (q,) twice what a float32 product can be off
        self.best = np.full((n_queries, k), -np.inf, dtype=np.float32)
        self.least = np.full(n_queries, -np.inf, dtype=np.float32)
        self.parts: list[tuple[Rows, Rows, Vectors]] = []
        self.n_kept = 0

    def take(self, scores: Vectors, rows: Rows) -> None:
        """Keep those of a block, scores (q, b) of rows (b,), that are not out."""
        if scores.shape[1] > self.k and np.isneginf(self.least).any():
            own = np.partition(scores, -self.k, axis=1)[:, -self.k]
            np.maximum(self.least, own - self.margin, out=self.least)
        of_query, column = np.nonzero(scores >= self.least[:, None])
        if not len(of_query):
            return
        found = scores[of_query, column]
        self.parts.append((of_query, rows[column], found))
        self.n_kept += len(of_query)
        self._raise_least(of_query, found)

    def _raise_least(self, of_query: Rows, found: Vectors) -> None:
        counts = np.bincount(of_query, minlength=len(self.best))
        place = np.arange(len(of_query)) - np.repeat(np.cumsum(counts) - counts, counts)
        padded_scores = np.full((len(self.best), int(counts.max())), -np.inf, dtype=np.float32)
        padded_scores[of_query, place] = found
        both = np.concatenate([self.best, padded_scores], axis=1)
        self.best = np.partition(both, both.shape[1] - self.k, axis=1)[:, -self.k :]
        np.maximum(self.least, self.best.min(axis=1) - self.margin, out=self.least)

    def pairs(self) -> tuple[Rows, Rows]:
        """Return queries and rows, (m,) each, of all that are not out now."""
        of_query, rows, scores = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        kept = scores >= self.least[of_query]
        return of_query[kept], rows[kept]

    def settle(self, vectors: Vectors, queries: Vectors) -> Neighbours:
        """Return the best of all that were taken, by exact scores, and keep these alone."""
        of_query, rows = self.pairs()
        found = sorted_neighbours(of_query, rows, exact_scores(vectors, queries, of_query, rows), len(queries), self.k)
        of_query, column = np.nonzero(found.rows >= 0)
        # Kept with a score that no threshold puts out: they were weighed exactly, and later blocks are weighed again.
        infinite = np.full(len(of_query), np.inf, dtype=np.float32)
        self.parts = [(of_query, found.rows[of_query, column], infinite)]
        self.n_kept = len(of_query)
        return found


def _search(vectors: Vectors, queries: Vectors, k: int, allowed: Allowed | None, block_rows: int) -> Neighbours:
    candidates = _Candidates(len(queries), k, _margin(queries))
    most = max(MAX_CANDIDATES, 4 * len(queries) * k)
    for block, rows in _blocks(vectors, allowed, block_rows or BLOCK_ROWS):
        candidates.take(queries @ block.T, rows)
        if candidates.n_kept > most:
            candidates.settle(vectors, queries)
    if not candidates.parts:
        return padded(np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32), k)
    return candidates.settle(vectors, queries)


def _margin(queries: Vectors) -> NDArray[np.float32]:
    """Return twice the most that a float32 product can be off, and the rounding of a score to float32, (q,)."""
    dim = queries.shape[1]
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
    return np.asarray(2.1 * (dim + 2) * 2.0**-24 * lengths + 2.0**-23, dtype=np.float32)


def _blocks(vectors: Vectors, allowed: Allowed | None, block_rows: int) -> Iterator[tuple[Vectors, Rows]]:
    """Yield the allowed rows of each block and their numbers."""
    for first in range(0, len(vectors), block_rows):
        block = vectors[first : first + block_rows]
        if allowed is None:
            yield block, np.arange(first, first + len(block))
            continue
        rows = np.flatnonzero(allowed[first : first + block_rows])
        if len(rows):
            yield block[rows], rows + first
