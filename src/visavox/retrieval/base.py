"""What every index does: unit vectors in, the rows that are most similar to a query out.

An index knows rows by their number alone; people, attributes and pictures are the affair of a gallery. It never
changes once it is built, is read memory-mapped, and may be searched by many threads at once.

Example:
    >>> index = INDEXES.build("exact").build(np.eye(3, dtype=np.float32))
    >>> found = index.search(np.array([[0.8, 0.6, 0]], dtype=np.float32), 2)
    >>> found.rows.tolist(), found.scores.round(2).tolist()
    ([[0, 1]], [[0.800000011920929, 0.6000000238418579]])
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.registry import INDEXES

Vectors = NDArray[np.float32]
Allowed = NDArray[np.bool_]

FORMAT = "visavox-index-1"
INDEX_FILE = "index.json"
VECTORS_FILE = "vectors.npy"
LENGTH_TOLERANCE = 1e-3  # of a unit vector; float32 leaves 1e-7, vectors that nobody normalised far more


@dataclass(frozen=True)
class Neighbours:
    """The most similar rows of some queries, best first; of equal scores the smaller row number comes first."""

    rows: NDArray[np.int64]
    """(q, k) row numbers; -1 where there are fewer than `k`."""
    scores: Vectors
    """(q, k) float32 cosines, -1 to 1; -inf where there is no row."""


class VectorIndex(ABC):
    """Unit vectors that can be searched; `visavox.registry.INDEXES` has the kinds by name.

    A new index is empty and holds its settings alone; `build` returns one with vectors.
    """

    name: ClassVar[str]
    """Name in the registry."""
    settings: tuple[str, ...] = ()
    """Names of the constructor's arguments, each stored under its own name."""

    def __init__(self) -> None:
        """Make an index without vectors."""
        self._vectors: Vectors = np.empty((0, 0), dtype=np.float32)

    @property
    def vectors(self) -> Vectors:
        """(n, dim) float32 unit rows, memory-mapped where the index was loaded; read only."""
        return self._vectors

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._vectors)

    @property
    def dim(self) -> int:
        """Return the length of a vector."""
        return int(self._vectors.shape[1])

    def build(self, vectors: Vectors) -> Self:
        """Return an index of the same settings over some vectors.

        Args:
            vectors: (n, dim) float32 unit rows, n and dim at least 1; kept, not copied, where the kind allows it.

        Raises:
            DataError: they are not float32 of two axes, not finite, or not of length 1.
        """
        check_unit_rows(vectors)
        index = type(self)(**{name: getattr(self, name) for name in self.settings})
        index._vectors = np.ascontiguousarray(vectors)
        index._build()
        return index

    def search(self, queries: Vectors, k: int, *, allowed: Allowed | None = None, effort: int = 0) -> Neighbours:
        """Return the `k` most similar rows of each query.

        Args:
            queries: (q, dim) float32 unit rows.
            k: 1 or more.
            allowed: (n,) bool, the rows that may be found; None for all.
            effort: how much of an approximate index is visited, in its own unit; 0 takes its own. An exact index
                visits everything whatever it is.

        Returns:
            Rows (q, k) and scores; -1 and -inf where fewer than `k` rows are allowed.

        Raises:
            ConfigError: `k` or `effort` is out of range.
            DataError: the queries are of another length, or not finite; `allowed` has not one entry a row.
        """
        if k < 1:
            raise ConfigError(f"`k` must be at least 1. Got {k}.")
        if effort < 0:
            raise ConfigError(f"`effort` must be at least 0. Got {effort}.")
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise DataError(f"Queries must be of the shape (q, {self.dim}). Got {queries.shape}. Is the model another?")
        if not np.isfinite(queries).all():
            raise DataError("Every query must be finite. Got nan or infinity. Embed it again.")
        if allowed is not None:
            allowed = np.asarray(allowed, dtype=np.bool_)
            if allowed.shape != (len(self),):
                raise DataError(f"`allowed` must have one entry a row, {len(self)}. Got the shape {allowed.shape}.")
            if allowed.all():
                allowed = None
        n_found = min(k, len(self) if allowed is None else int(np.count_nonzero(allowed)))
        if n_found == 0 or len(queries) == 0:
            return padded(np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32), k)
        found = self._search(queries, n_found, allowed, effort)
        return padded(found.rows, found.scores, k)

    def save(self, folder: Path) -> None:
        """Write the index into a folder, which is made; files of another index there are replaced one by one.

        Raises:
            DataError: it cannot be written.
        """
        about = {"format": FORMAT, "name": self.name, "n": len(self), "dim": self.dim}
        about["settings"] = {name: getattr(self, name) for name in self.settings}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._save(folder)
            (folder / INDEX_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        except OSError as e:
            said = e.strerror or e
            raise DataError(f"Cannot write the index {folder}: {said}. Free space or choose another folder.") from e

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the index of a folder, memory-mapped.

        Raises:
            DataError: the folder holds no index, one of another kind, or a damaged one.
        """
        about = read_about(folder)
        if about["name"] != cls.name:
            raise DataError(f"{folder} must hold an index {cls.name!r}. Got {about['name']!r}. Build it again.")
        try:
            index = cls(**about["settings"])
            index._load(folder)
        except (OSError, EOFError, ValueError, TypeError, RuntimeError) as e:
            raise DataError(f"The index {folder} is damaged or not whole: {_first_line(e)}. Build it again.") from e
        if index.vectors.shape != (about["n"], about["dim"]):
            expected = f"({about['n']}, {about['dim']})"
            raise DataError(
                f"The vectors of {folder} must have the shape {expected}. Got {index.vectors.shape}. Build it again."
            )
        return index

    def _build(self) -> None:  # noqa: B027 - an exact index needs nothing but its vectors
        """Make what the search needs from `self._vectors`."""

    @abstractmethod
    def _search(self, queries: Vectors, k: int, allowed: Allowed | None, effort: int) -> Neighbours:
        """Search with checked arguments; `k` is at most the number of allowed rows, one at least."""

    def _save(self, folder: Path) -> None:
        """Write everything but `index.json`."""
        np.save(folder / VECTORS_FILE, self._vectors, allow_pickle=False)

    def _load(self, folder: Path) -> None:
        """Read everything but `index.json`."""
        vectors = np.load(folder / VECTORS_FILE, mmap_mode="r", allow_pickle=False)
        if vectors.dtype != np.float32 or vectors.ndim != 2:
            raise ValueError(f"{VECTORS_FILE} must hold float32 of two axes, not {vectors.dtype} {vectors.shape}")
        self._vectors = vectors


def load_index(folder: Path) -> VectorIndex:
    """Return the index of a folder, of whatever kind, memory-mapped.

    Raises:
        DataError: the folder holds no index, or a damaged one.
        UnknownNameError: its kind is not known here.
    """
    kind: type[VectorIndex] = INDEXES.get(read_about(folder)["name"])  # type: ignore[assignment]
    return kind.load(folder)


def read_about(folder: Path) -> Mapping[str, Any]:
    """Return `index.json`: name, settings, n and dim.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = folder / INDEX_FILE
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise DataError(f"{folder} holds no index: {INDEX_FILE} cannot be read, {e.strerror}. Build it again.") from e
    except ValueError as e:
        raise DataError(f"{path} is damaged: it is no JSON. Build the index again.") from e
    kinds = {"format": str, "name": str, "n": int, "dim": int, "settings": dict}
    if (
        not isinstance(about, dict)
        or any(not isinstance(about.get(name), kind) for name, kind in kinds.items())
        or about["format"] != FORMAT
    ):
        raise DataError(f"{path} must have the format {FORMAT!r} and say what the index is. Build the index again.")
    return about


def check_unit_rows(vectors: Vectors) -> None:
    """Hold vectors to what an index takes.

    Raises:
        DataError: they are not float32 of two axes, not finite, or not of length 1.
    """
    if vectors.dtype != np.float32 or vectors.ndim != 2 or 0 in vectors.shape:
        raise DataError(
            f"An index needs float32 vectors of the shape (n, dim), at least one. Got {vectors.dtype} {vectors.shape}."
        )
    squares = np.einsum("nd,nd->n", vectors, vectors)  # a nan or an infinity is not near 1 either
    bad = np.flatnonzero(~(np.abs(squares - 1) <= 2 * LENGTH_TOLERANCE))
    if bad.size:
        raise DataError(
            f"Vectors of an index must have length 1. Got {float(squares[bad[0]]) ** 0.5:.4g} in row {bad[0]}, and "
            f"{bad.size} of {len(vectors)} such rows. Divide them by their lengths."
        )


def padded(rows: NDArray[np.int64], scores: Vectors, k: int) -> Neighbours:
    """Return neighbours of `k` columns: rows -1 and scores -inf where there are fewer."""
    missing = ((0, 0), (0, k - rows.shape[1]))
    return Neighbours(
        np.pad(rows, missing, constant_values=-1), np.pad(scores, missing, constant_values=np.float32(-np.inf))
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
