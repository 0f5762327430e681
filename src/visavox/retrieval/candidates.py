"""Candidates of an approximate index to neighbours with exact cosines.

Example:
    >>> vectors = np.eye(3, dtype=np.float32)
    >>> weighed(vectors, vectors[:1], np.array([[2, 0, -1]]), 1, allowed=None).rows.tolist()
    [[0]]
"""

from __future__ import annotations

import numpy as np

from visavox.retrieval.base import Allowed, Neighbours, Vectors
from visavox.retrieval.exact_search import Rows, exact_neighbours, exact_scores, sorted_neighbours


def weighed(vectors: Vectors, queries: Vectors, candidates: Rows, k: int, *, allowed: Allowed | None) -> Neighbours:
    """Return the best `k` candidates of each query by exact cosine.

    A query that has fewer than `k` candidates, which happens where a walk ends early under a filter, is searched
    exactly: nothing that is allowed goes missing without a word.

    Args:
        vectors: (n, dim) float32.
        queries: (q, dim) float32.
        candidates: (q, m) row numbers, -1 for none; no row twice in a query.
        k: at most the number of allowed rows.
        allowed: (n,) bool, or None for all.
    """
    of_query, column = np.nonzero(candidates >= 0)
    rows = candidates[of_query, column].astype(np.int64)
    found = sorted_neighbours(of_query, rows, exact_scores(vectors, queries, of_query, rows), len(queries), k)
    short = np.flatnonzero(found.rows[:, -1] < 0)
    if short.size:
        exact = exact_neighbours(vectors, queries[short], k, allowed=allowed)
        found.rows[short], found.scores[short] = exact.rows, exact.scores
    return found
