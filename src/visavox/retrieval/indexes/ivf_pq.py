"""Lists of alike rows, each row kept in a few bytes: the index for galleries far larger than memory.

    index.faiss    lists of codes, mapped into memory: 40 bytes a row with vectors of 128 numbers
    vectors.npy    float32 vectors, mapped into memory: read only where candidates are weighed

Rows are dealt to lists by the nearest of `n_lists` centres. A search looks at the codes in the lists nearest to the
query, and weighs the best by their vectors, so that its scores are exact cosines.

With a filter more lists are visited the fewer rows are allowed; where that would be no less work than looking at all
that are allowed, that is done, and is exact. Below `MIN_ROWS` nothing is worth a list, and search is exact as well.

Centres and codes come of a sample drawn with a fixed seed. The same machine with the same number of threads builds the
same file; another number of threads sums in another order, and may draw a border between two lists elsewhere.

Source: Jegou, Douze and Schmid, Product quantization for nearest neighbor search, 2011; as implemented by faiss.

Example:
    >>> index = IvfPqIndex(n_lists=4).build(np.eye(8, dtype=np.float32))
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
from visavox.retrieval.faiss_files import FAISS_FILE, faiss, read_index, selector_of, write_index

MIN_ROWS = 1024  # four for each of the 256 codes of a part
SAMPLED_ROWS = 40  # for each list, what its centre is learned from; faiss warns below 39
WEIGHED = 10  # candidates for each neighbour that is asked for
MIN_WEIGHED = 100


@INDEXES.register("ivf_pq")
class IvfPqIndex(VectorIndex):
    """Inverted lists of product-quantized rows, weighed again by float32 vectors.

    Args:
        n_lists: lists, 1 to 1,000,000; 0 takes four times the root of the number of rows. At most a list for every
            `SAMPLED_ROWS` rows is made.
        n_bytes: of the code of a row; it must divide the length of a vector; 0 takes the largest divisor up to a
            quarter of that.
        effort: lists visited, 1 or more (nprobe).
    """

    name = "ivf_pq"
    settings = ("n_lists", "n_bytes", "effort")

    def __init__(self, *, n_lists: int = 0, n_bytes: int = 0, effort: int = 64) -> None:
        """Store the arguments.

        Raises:
            ConfigError: one is out of range.
        """
        super().__init__()
        for name, value, least in (("n_lists", n_lists, 0), ("n_bytes", n_bytes, 0), ("effort", effort, 1)):
            if not least <= value <= 1_000_000:
                raise ConfigError(f"`{name}` of the index 'ivf_pq' must be {least} to 1000000. Got {value}.")
        self.n_lists = n_lists
        self.n_bytes = n_bytes
        self.effort = effort
        self._lists: Any = None

    def _build(self) -> None:
        n_bytes = self.n_bytes or _largest_divisor(self.dim, max(self.dim // 4, 1))
        if self.dim % n_bytes:
            raise ConfigError(
                f"`n_bytes` of the index 'ivf_pq' must divide the length of a vector, {self.dim}. Got {n_bytes}."
            )
        if len(self) < MIN_ROWS:
            return
        n_lists = min(self.n_lists or round(4 * len(self) ** 0.5), max(len(self) // SAMPLED_ROWS, 1))
        lists = faiss.IndexIVFPQ(faiss.IndexFlatIP(self.dim), self.dim, n_lists, n_bytes, 8, faiss.METRIC_INNER_PRODUCT)
        n_sampled = min(len(self), max(n_lists * SAMPLED_ROWS, 256 * SAMPLED_ROWS))
        sampled = np.random.default_rng(0).permutation(len(self))[:n_sampled]
        lists.train(self._vectors[np.sort(sampled)])
        lists.add(self._vectors)
        self._lists = lists

    def _search(self, queries: Vectors, k: int, allowed: Allowed | None, effort: int) -> Neighbours:
        n_allowed = len(self) if allowed is None else int(np.count_nonzero(allowed))
        n_lists = self._lists.nlist if self._lists is not None else 1
        n_visited = min(int((effort or self.effort) * len(self) / n_allowed), n_lists)
        n_passed = len(self) * n_visited / n_lists
        if self._lists is None or (allowed is not None and n_passed >= n_allowed):
            return exact_neighbours(np.asarray(self.vectors), queries, k, allowed=allowed)
        n_candidates = min(max(WEIGHED * k, MIN_WEIGHED), n_allowed)
        selector = None if allowed is None else selector_of(allowed)
        parameters = faiss.SearchParametersIVF(nprobe=n_visited, sel=selector)
        _, rows = self._lists.search(queries, n_candidates, params=parameters)
        return weighed(np.asarray(self.vectors), queries, rows, k, allowed=allowed)

    def _save(self, folder: Path) -> None:
        super()._save(folder)
        if self._lists is not None:
            write_index(self._lists, folder)
        else:
            (folder / FAISS_FILE).unlink(missing_ok=True)

    def _load(self, folder: Path) -> None:
        super()._load(folder)
        if len(self) < MIN_ROWS:
            return
        lists = read_index(folder, faiss.IO_FLAG_MMAP)
        if not isinstance(lists, faiss.IndexIVFPQ) or lists.ntotal != len(self) or lists.d != self.dim:
            raise ValueError("the file holds no lists of these vectors")
        # Fetching ahead starts threads for every query, which costs more than it brings where lists are in memory.
        faiss.downcast_InvertedLists(lists.invlists).prefetch_nthread = 0
        self._lists = lists


def _largest_divisor(number: int, most: int) -> int:
    return max(divisor for divisor in range(1, most + 1) if number % divisor == 0)
