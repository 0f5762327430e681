"""Samples: what is enrolled, or asks, in one modality: vectors beside the clips, people and sessions they come from.

A clip may have several rows, the windows of a voice or the frames of a video; they share its name and count as one
clip. Nothing here knows an encoder: the caller embeds.

Example:
    >>> samples = Samples("voice", ("a1", "a2", "b1"), ("1", "2", "3"), ("Ann", "Ann", "Bob"), ("", "", ""),
    ...                   np.ones(3), np.eye(3))
    >>> samples, samples.names
    (Samples(3 voices x 3 of 2 people), ('Ann', 'Bob'))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavox.corpus.embeddings import check_finite
from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import DataError

Vectors = NDArray[np.float32]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Samples:
    """Vectors of one modality, row by row beside what they come from.

    Raises:
        DataError: the columns differ in length, a key appears twice, a name is empty, a quality is not above 0, a
            vector is not finite or nothing but zeros, or one clip has two people.
    """

    modality: Modality
    """"voice" or "face"."""
    keys: tuple[str, ...]
    """Unique, n of them: the digest of the file's content, then "#" and a number where a clip has several rows."""
    clips: tuple[str, ...]
    """Clip of each row; a voice and a face of one clip share it."""
    people: tuple[str, ...]
    """Name of the person of each row."""
    sessions: tuple[str, ...]
    """Session of each row, the recordings of one occasion; "" where unknown: each clip is then its own."""
    qualities: NDArray[np.float32]
    """(n,) float32 above 0: how much a row counts beside the others of its person."""
    vectors: Vectors = field(repr=False)
    """(n, dim) float32, finite."""

    def __post_init__(self) -> None:
        """Convert the arrays to float32 and check everything."""
        for name in ("qualities", "vectors"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float32))
        if self.modality not in MODALITIES:
            raise DataError(f"`modality` must be 'voice' or 'face'. Got {self.modality!r}.")
        if self.vectors.ndim != 2:
            raise DataError(f"`vectors` must have the shape (n, dim). Got {self.vectors.shape}.")
        for name in ("keys", "clips", "people", "sessions", "qualities"):
            if len(getattr(self, name)) != len(self.vectors):
                n_entries = len(getattr(self, name))
                raise DataError(f"`{name}` must have one entry a row. Got {n_entries} for {len(self.vectors)} vectors.")
        self._check_rows()

    def _check_rows(self) -> None:
        if len(set(self.keys)) != len(self.keys):
            key, count = Counter(self.keys).most_common(1)[0]
            raise DataError(f"The keys of samples must be unique. Got {key!r} {count} times. Give each file once.")
        if not all(self.people):
            raise DataError(
                f"Every sample needs the name of its person. Got none for {self.keys[self.people.index('')]!r}."
            )
        owner: dict[str, str] = {}
        for clip, person in zip(self.clips, self.people, strict=True):
            if owner.setdefault(clip, person) != person:
                raise DataError(f"A clip must be of one person. Got {owner[clip]!r} and {person!r} for {clip!r}.")
        if not (self.qualities > 0).all():
            bad = self.qualities[~(self.qualities > 0)][0]
            raise DataError(f"`qualities` must be above 0. Got {bad}. Leave the row out.")
        check_finite(self.vectors, self.keys, what=f"{self.modality} vector")
        empty = np.flatnonzero(~self.vectors.any(axis=1))
        if empty.size:
            raise DataError(f"A {self.modality} vector must not be all zeros. Got {self.keys[int(empty[0])]!r}.")

    def __repr__(self) -> str:
        """Return the shape; the columns would fill pages."""
        return f"Samples({len(self)} {self.modality}s x {self.dim} of {len(self.names)} people)"

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    @property
    def names(self) -> tuple[str, ...]:
        """People in the order in which they first appear."""
        return tuple(dict.fromkeys(self.people))

    def select(self, rows: ArrayLike) -> Samples:
        """Return the samples of some rows, (m,) int in the wanted order or (n,) bool."""
        chosen = np.asarray(rows)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
        columns: dict[str, Any] = {
            c: tuple(getattr(self, c)[i] for i in chosen) for c in ("keys", "clips", "people", "sessions")
        }
        return replace(self, **columns, qualities=self.qualities[chosen], vectors=self.vectors[chosen])

    def joined(self, other: Samples) -> Samples:
        """Return these rows and then those of `other`.

        Raises:
            DataError: another modality, another length of vectors, or what the class refuses.
        """
        if (self.modality, self.dim) != (other.modality, other.dim):
            raise DataError(
                f"Samples of one kind must be joined. Got {self.modality}s of {self.dim} and {other.modality}s of "
                f"{other.dim} numbers. Use the encoder that the others were made with."
            )
        columns = {c: getattr(self, c) + getattr(other, c) for c in ("keys", "clips", "people", "sessions")}
        return replace(
            self,
            **columns,
            qualities=np.concatenate([self.qualities, other.qualities]),
            vectors=np.concatenate([self.vectors, other.vectors]),
        )

    def renamed(self, people: Sequence[str]) -> Samples:
        """Return the same rows with other names of people, one a row."""
        return replace(self, people=tuple(people))


def concatenated(parts: Sequence[Samples]) -> Samples:
    """Return the rows of one or more samples of one kind, in order."""
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.joined(part)
    return joined
