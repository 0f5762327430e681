"""A graph of near neighbours, walked greedily: the fastest index where everything fits in memory.

    index.faiss    the graph with the float32 vectors, mapped into memory

Every row is linked to about `links` near ones, and some rows also on coarser layers (hierarchical navigable small
world). The walk finds candidates; their scores are exact cosines.

With a filter the walk passes through rows that are not allowed, so that it must go on longer the fewer are. Below
a share of rows that depends on the effort, looking at all that are allowed is faster than that, and exact.

The graph is the same each time it is built by one thread (OMP_NUM_THREADS=1). Several threads link rows in the order in
which they come to them: recall stays, single neighbours differ.

Source: Malkov and Yashunin, Efficient and robust approximate nearest neighbor search using hierarchical navigable small
world graphs, 2018; as implemented by faiss.

Example:
    >>> index = HnswIndex(links=4).build(np.eye(8, dtype=np.float32))
    >>> index.search(np.eye(8, dtype=np.float32)[:1], 1).rows.tolist()
    [[0]]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from visavox.errors import ConfigError
from visavox.registry import INDEXES
from visavox.retrieval.base import Allowed, Neighbours, VectorIndex, Vectors
from visavox.retrieval.candidates import weighed
from visavox.retrieval.exact_search import exact_neighbours
from visavox.retrieval.faiss_files import faiss, read_index, selector_of, write_index

ROWS_PER_STEP = 32
"""Allowed rows that are multiplied in the time of one more unit of effort, measured (benchmarks/retrieval.py)."""


class _StoredVectors:
    """The vectors of a graph as an array that is not copied, and that keeps the graph alive as long as it is used."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        address = int(faiss.downcast_index(graph.storage).get_xb())
        self.__array_interface__ = {
            "version": 3,
            "shape": (int(graph.ntotal), int(graph.d)),
            "typestr": "<f4",
            "data": (address, True),  # read only
        }


@INDEXES.register("hnsw")
class HnswIndex(VectorIndex):
    """Hierarchical navigable small world graph over float32 vectors.

    Args:
        links: neighbours of a row on the upper layers, twice as many on the lowest; 2 to 256.
        build_effort: candidates looked at for each new row, 1 or more; more makes a better graph, slower.
        effort: candidates kept while searching, 1 or more (efSearch); at least `k` are kept in any case.
    """

    name = "hnsw"
    settings = ("links", "build_effort", "effort")

    def __init__(self, *, links: int = 16, build_effort: int = 60, effort: int = 64) -> None:
        """Store the arguments.

        Raises:
            ConfigError: one is out of range.
        """
        super().__init__()
        for name, value, least, most in (
            ("links", links, 2, 256),
            ("build_effort", build_effort, 1, 10_000),
            ("effort", effort, 1, 1_000_000),
        ):
            if not least <= value <= most:
                raise ConfigError(f"`{name}` of the index 'hnsw' must be {least} to {most}. Got {value}.")
        self.links = links
        self.build_effort = build_effort
        self.effort = effort
        self._graph: Any = None

    def _build(self) -> None:
        # Of unit vectors the nearest has the largest cosine, and graphs of distances are better than those of products.
        graph = faiss.IndexHNSWFlat(self.dim, self.links, faiss.METRIC_L2)
        graph.hnsw.efConstruction = self.build_effort
        graph.add(self._vectors)
        self._take(graph)

    def _take(self, graph: Any) -> None:
        self._graph = graph
        self._vectors = np.asarray(_StoredVectors(graph))

    def _search(self, queries: Vectors, k: int, allowed: Allowed | None, effort: int) -> Neighbours:
        n_allowed = len(self) if allowed is None else int(np.count_nonzero(allowed))
        width = int(max(effort or self.effort, k) * len(self) / n_allowed)
        if allowed is not None and width * ROWS_PER_STEP >= n_allowed:
            return exact_neighbours(self.vectors, queries, k, allowed=allowed)
        selector = None if allowed is None else selector_of(allowed)
        _, rows = self._graph.search(queries, k, params=faiss.SearchParametersHNSW(efSearch=width, sel=selector))
        return weighed(self.vectors, queries, rows, k, allowed=allowed)

    def _save(self, folder: Path) -> None:
        write_index(self._graph, folder)

    def _load(self, folder: Path) -> None:
        graph = read_index(folder, faiss.IO_FLAG_MMAP_IFC)
        if not isinstance(graph, faiss.IndexHNSWFlat):
            raise ValueError(f"the file holds {type(graph).__name__}, not a graph over float32 vectors")
        self._take(graph)
