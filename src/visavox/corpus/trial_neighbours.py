"""Who is most like whom, from embeddings: the people among whom hard negatives are drawn.

A person is the mean of the unit vectors of his rows, made a unit vector again; alike is the cosine. The vectors are of
one encoder and one modality, the candidates': a hard negative is a face that looks like the right one, or a voice that
sounds like it, whatever a voice-face model makes of them.

Example:
    >>> vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> names = ("Ann", "Bob", "Cy")
    >>> table = EmbeddingTable("face", "e", names, names, names, (None,) * 3, {}, vectors)
    >>> nearest_people(table)["Ann"]
    ('Bob', 'Cy')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable

BLOCK_CELLS = 16_000_000  # cosines that are held at once, 128 MB: rows of a block times all people
MAX_NEAREST = 1000
"""How many of the nearest people are kept: strata and shared videos leave out some of them."""


class NearestPeople(Mapping[str, tuple[str, ...]]):
    """From each person to the most alike others, the nearest first; held as numbers, named when looked up.

    Args:
        names: n people, sorted.
        rows: (n, m) int32, for each the rows of others in `names`.
    """

    def __init__(self, names: Sequence[str], rows: NDArray[np.int32]) -> None:
        """Keep both, and where each name stands."""
        self._names = tuple(names)
        self._rows = rows
        self._row_of = {name: row for row, name in enumerate(self._names)}

    def __getitem__(self, person: str) -> tuple[str, ...]:
        """Return the others."""
        return tuple(self._names[row] for row in self._rows[self._row_of[person]].tolist())

    def __iter__(self) -> Iterator[str]:
        """Go through the people."""
        return iter(self._names)

    def __len__(self) -> int:
        """Count the people."""
        return len(self._names)


def nearest_people(table: EmbeddingTable, n_nearest: int = MAX_NEAREST) -> NearestPeople:
    """Return the most alike other people of each, the nearest first; equals are in the order of their names.

    Args:
        table: embeddings; a row of zeros counts for nothing.
        n_nearest: how many to keep, 1 or more.

    Returns:
        From each person of the table to at most `n_nearest` others. It does not depend on the order of rows.
    """
    names, codes = np.unique(np.array(table.identities, dtype=object), return_inverse=True)
    order = np.argsort(np.array(table.keys, dtype=object), kind="stable")  # sums of floats depend on their order
    lengths = np.linalg.norm(table.vectors, axis=1, keepdims=True)
    unit = np.divide(table.vectors, lengths, out=np.zeros_like(table.vectors), where=lengths > 0).astype(np.float64)
    means = np.zeros((len(names), table.dim))
    np.add.at(means, codes[order], unit[order])  # (people, dim)
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    means = np.divide(means, norms, out=np.zeros_like(means), where=norms > 0)
    n_kept = min(n_nearest, len(names) - 1)
    rows = np.empty((len(names), n_kept), dtype=np.int32)
    step = max(1, BLOCK_CELLS // len(names))
    for start in range(0, len(names) if n_kept else 0, step):
        cosines = (means[start : start + step] @ means.T).round(9)  # (block, people); rounding makes equals equal
        for row, values in enumerate(cosines, start=start):
            values[row] = -np.inf  # nobody is his own neighbour
            rows[row] = _highest(values, n_kept)
    return NearestPeople([str(name) for name in names], rows)


def _highest(values: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Return the places of the n highest values, the highest first, equals in rising order; 1 <= n < len(values)."""
    least = np.partition(values, len(values) - n)[len(values) - n]
    places = np.flatnonzero(values >= least)  # with all that tie for the last place
    return places[np.argsort(-values[places], kind="stable")][:n]
