"""Every vector is looked at: the truth that approximate indexes are measured against, and fast up to a million rows.

Example:
    >>> index = ExactIndex().build(np.eye(2, dtype=np.float32))
    >>> index.search(np.array([[0, 1]], dtype=np.float32), 1).rows.tolist()
    [[1]]
"""

from __future__ import annotations

import numpy as np

from visavox.registry import INDEXES
from visavox.retrieval.base import Allowed, Neighbours, VectorIndex, Vectors
from visavox.retrieval.exact_search import exact_neighbours


@INDEXES.register("exact")
class ExactIndex(VectorIndex):
    """Exact search over a memory-mapped matrix; there is nothing to build and `effort` changes nothing."""

    name = "exact"

    def _search(
        self,
        queries: Vectors,
        k: int,
        allowed: Allowed | None,
        effort: int,  # noqa: ARG002 - it always looks at everything
    ) -> Neighbours:
        return exact_neighbours(np.asarray(self.vectors), queries, k, allowed=allowed)
