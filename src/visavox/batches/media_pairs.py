"""Voices and faces as the networks take them, prepared once and kept in memory for training on raw media.

It holds arrays and names; it reads no file and knows no network. What it grows by: a face is 12 kB (64 x 64 x 3 bytes),
a second of voice 12.8 kB with 64 bands (100 frames of 16-bit numbers), so that 10,000 clips of 4 s take 0.6 GB. Arrays
may be maps of files (`PreparedItems.mapped`), then memory does not grow at all.

Example:
    >>> items = PreparedItems.of([np.zeros((3, 2)), np.ones((4, 2))])
    >>> len(items), items[1].shape, items.n_bytes
    (2, (4, 2), 112)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.batches.masks import codes
from visavox.errors import DataError


@dataclass(frozen=True, eq=False)
class PreparedItems(Sequence[np.ndarray]):
    """Arrays that differ in their first dimension only, laid end to end."""

    values: np.ndarray
    """(rows of all items, ...) of any type; may be a map of a file."""
    ends: np.ndarray
    """(n,) int64, rising: where each item ends in `values`."""

    @classmethod
    def of(cls, items: Iterable[np.ndarray]) -> PreparedItems:
        """Lay arrays end to end.

        Args:
            items: one or more arrays of shape (rows, ...): any number of rows, the rest the same for all.

        Raises:
            DataError: there is none, or two differ in type or in more than their first dimension.
        """
        arrays = list(items)
        if len({(array.dtype, array.shape[1:]) for array in arrays}) != 1:
            raise DataError(
                "Prepared items must be one or more arrays of one type and width. "
                f"Got {sorted({f'{a.dtype} {a.shape[1:]}' for a in arrays}) or 'none'}. Prepare them with one encoder."
            )
        return cls(np.concatenate(arrays), np.cumsum([len(array) for array in arrays]))

    @classmethod
    def mapped(cls, items: Iterable[np.ndarray], path: Path) -> PreparedItems:
        """Write arrays to a file as they come, and return them as a read-only map of it.

        Args:
            items: as for `of`, of shape (rows, ...).
            path: the file to make or to replace.

        Raises:
            DataError: as for `of`; or the file cannot be written.
        """
        ends: list[int] = []
        kinds: set[tuple[Any, tuple[int, ...]]] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for array in items:
                    kinds.add((array.dtype, array.shape[1:]))
                    ends.append(len(array) + (ends[-1] if ends else 0))
                    file.write(np.ascontiguousarray(array).tobytes())
        except OSError as error:
            raise DataError(f"Cannot write {path}: {error.strerror}. Free some space.") from error
        if len(kinds) != 1:
            raise DataError(f"Prepared items must be one or more arrays of one type and width. Got {len(kinds)} kinds.")
        dtype, width = kinds.pop()
        return cls(np.memmap(path, dtype=dtype, mode="r", shape=(ends[-1], *width)), np.asarray(ends))

    def __len__(self) -> int:
        """Count the items."""
        return len(self.ends)

    def __getitem__(self, index: Any) -> Any:
        """Return one item as a view, (rows, ...), or a list of those of a slice."""
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = range(len(self))[index]
        return self.values[int(self.ends[place - 1]) if place else 0 : int(self.ends[place])]

    @property
    def n_bytes(self) -> int:
        """Size of all items."""
        return int(self.values.nbytes)


@dataclass(frozen=True, eq=False)
class MediaPairs:
    """Prepared voices and faces and whose they are; make it with `MediaPairs.of`, which checks everything."""

    voices: Sequence[np.ndarray]
    """n_voices items, (n_frames, n_bands) each."""
    faces: Sequence[np.ndarray]
    """n_faces items, (height, width, 3) each."""
    voice_person: np.ndarray
    """(n_voices,) int64, equal for one person, whatever the modality."""
    face_person: np.ndarray
    """(n_faces,) int64, numbered like the voices."""
    voice_video: np.ndarray
    """(n_voices,) int64, equal for one video, whatever the modality."""
    face_video: np.ndarray
    """(n_faces,) int64, numbered like the voices."""
    people: tuple[str, ...] = ()
    """Name of each number in `voice_person` and `face_person`; empty where nobody knows."""

    @classmethod
    def of(
        cls,
        voices: Sequence[np.ndarray],
        faces: Sequence[np.ndarray],
        *,
        voice_people: Sequence[str],
        face_people: Sequence[str],
        voice_videos: Sequence[str],
        face_videos: Sequence[str],
    ) -> MediaPairs:
        """Check lengths and turn names into numbers.

        Args:
            voices: n_voices items of shape (n_frames, n_bands).
            faces: n_faces items of shape (height, width, 3); rows need not belong together.
            voice_people: n_voices names of persons.
            face_people: n_faces names of persons.
            voice_videos: n_voices names of videos; the clip's where the video is unknown.
            face_videos: n_faces names of videos.

        Raises:
            DataError: a list has another length than its items.
        """
        for what, items, names in (
            ("voices", voices, (voice_people, voice_videos)),
            ("faces", faces, (face_people, face_videos)),
        ):
            for given in names:
                if len(given) != len(items):
                    raise DataError(f"Names and items must be equally many. Got {len(given)} for {len(items)} {what}.")
        person = codes([*voice_people, *face_people])
        video = codes([*voice_videos, *face_videos])
        n = len(voices)
        people = tuple(str(name) for name in np.unique(np.asarray([*voice_people, *face_people])))
        return cls(voices, faces, person[:n], person[n:], video[:n], video[n:], people)

    @property
    def n_bytes(self) -> int:
        """Size of everything that is kept."""
        return sum(array.nbytes for items in (self.voices, self.faces) for array in items)

    def digest(self) -> str:
        """Return the SHA-256 of everything that is kept, hexadecimal."""
        found = hashlib.sha256()
        for items in (self.voices, self.faces):
            for array in items:
                found.update(f"{array.shape}{array.dtype}".encode())
                found.update(np.ascontiguousarray(array).data)
        for names in (self.voice_person, self.face_person, self.voice_video, self.face_video):
            found.update(np.ascontiguousarray(names).data)
        return found.hexdigest()
