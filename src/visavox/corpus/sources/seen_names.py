"""Which of many names came before, in eight bytes a name.

A list of three million clips may name one twice; holding every name would take hundreds of megabytes. It remembers
64-bit hashes, of which two are equal by chance once in some millions of such lists.

Example:
    >>> seen = SeenNames()
    >>> seen.are_new(["a", "b", "a"]), seen.are_new(["c", "b"])
    ([True, True, False], [True, False])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class SeenNames:
    """Names that were asked for, in sorted runs that are merged as they grow."""

    def __init__(self) -> None:
        """Begin with no name."""
        self._runs: list[NDArray[np.int64]] = []

    def are_new(self, names: Sequence[str]) -> list[bool]:
        """Return for each name whether it is the first of its kind, in this call and all before, and remember it.

        Args:
            names: some hundreds or more at once, where speed matters.
        """
        hashes = np.fromiter(map(hash, names), np.int64, len(names))
        _, first = np.unique(hashes, return_index=True)
        are_new = np.zeros(len(hashes), dtype=bool)
        are_new[first] = True
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            are_new &= run[at] != hashes
        self._remember(np.sort(hashes[are_new]))
        return are_new.tolist()

    def _remember(self, run: NDArray[np.int64]) -> None:
        """Add a sorted run; runs of like size become one, so that there are never more than some twenty."""
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.sort(np.concatenate((self._runs.pop(), run)), kind="stable")
        if len(run):
            self._runs.append(run)
