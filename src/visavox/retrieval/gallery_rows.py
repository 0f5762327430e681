"""The records of galleries: what one is made with, the rows in it, what was found and what it holds.

Example:
    >>> rows = GalleryRows("face", ("a/face",), ("a",), ("Ann",), (None,), {}, np.ones((1, 1), np.float32))
    >>> len(rows)
    1
"""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import Modality
from visavox.errors import DataError

By = Literal["person", "clip"]
Where = Mapping[str, Any]
"""Attribute -> the value that it must have, or a list of values of which it must have one."""


class MediaColumn(Protocol):
    """Pictures or sounds, one a row, perhaps read when they are asked for; a tuple of bytes is one."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...  # pragma: no cover

    def __getitem__(self, place: int, /) -> bytes | None:
        """Return the bytes of a row; None where there are none."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class GalleryAbout:
    """What a gallery is made with; it never changes."""

    model: str
    """How the model was asked for: a boxed name, a hub id, or the path of a folder."""
    fingerprint: str
    """SHA-256 of everything in the model that decides a vector, hexadecimal."""
    dim: int
    """Length of every vector."""
    encoders: Mapping[str, Any] = field(default_factory=dict)
    """Modality -> specification of its encoder, for messages and exports."""
    index: str | Mapping[str, Any] = "auto"
    """How vectors are looked up, as it was asked for."""


@dataclass(frozen=True)
class GalleryRows:
    """Rows of one modality that go into a gallery, or come out of it.

    Raises:
        DataError: columns differ in length, a key appears twice, or the vectors are not (n, dim) finite.
    """

    modality: Modality
    """"voice" or "face"."""
    keys: tuple[str, ...]
    """Unique names, n of them."""
    clips: tuple[str, ...]
    """Clip of each row."""
    people: tuple[str, ...]
    """Person of each row; where unknown "video:" and the video, else "clip:" and the clip."""
    videos: tuple[str | None, ...]
    """Video of each row, None where unknown."""
    attributes: Mapping[str, tuple[str | None, ...]]
    """For each attribute name one value a row, None where unknown."""
    vectors: NDArray[np.float32] = field(repr=False)
    """(n, dim) float32 unit rows in the common space of the model."""
    media: MediaColumn = field(default=(), repr=False)
    """Of each row a JPEG of at most 128 px (faces) or Ogg or FLAC of at most 6 s (voices); None, or empty, for none."""

    def __post_init__(self) -> None:
        """Hold the columns against each other."""
        n_rows = len(self.keys)
        columns: dict[str, Sized] = {"clips": self.clips, "people": self.people, "videos": self.videos}
        columns |= {f"attributes[{name!r}]": values for name, values in self.attributes.items()}
        if len(self.media):
            columns["media"] = self.media
        for name, column in columns.items():
            if len(column) != n_rows:
                raise DataError(f"`{name}` must have one entry a row. Got {len(column)} for {n_rows} keys.")
        if len(set(self.keys)) != n_rows:
            raise DataError(f"The keys of gallery rows must be unique. Got {n_rows - len(set(self.keys))} repeated.")
        if self.vectors.ndim != 2 or len(self.vectors) != n_rows or self.vectors.dtype != np.float32:
            raise DataError(
                f"`vectors` must be float32 of the shape ({n_rows}, dim). Got {self.vectors.dtype} "
                f"{self.vectors.shape}."
            )
        if not np.isfinite(self.vectors).all():
            raise DataError(f"Every {self.modality} vector of a gallery must be finite. Embed the corpus again.")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)


@dataclass(frozen=True)
class Hit:
    """A row that was found; of a person, the best clip."""

    key: str
    """Name of the row."""
    clip: str
    """Its clip."""
    person: str
    """Its person, as in the rows."""
    modality: Modality
    """"voice" or "face"."""
    similarity: float
    """Cosine with the query, -1 to 1."""
    attributes: Mapping[str, str]
    """Those that are known."""


@dataclass(frozen=True)
class Added:
    """What adding did."""

    n_new: int = 0
    """Rows whose key was not there."""
    n_replaced: int = 0
    """Rows whose key was there: the new row stands for it."""


@dataclass(frozen=True)
class Removed:
    """What removing did."""

    n_rows: int = 0
    """Rows that went."""
    is_erased: bool = True
    """Whether nothing of them is left in the files of the gallery."""


@dataclass(frozen=True)
class ModalityInfo:
    """What a gallery holds of one modality."""

    n_rows: int
    """Rows that can be found."""
    n_people: int
    """People among them."""
    n_media: int
    """Rows with a picture or a sound."""
    indexes: Mapping[str, int]
    """Name of each index in use -> rows that it looks through."""
    n_segments: int = 1
    """Parts that it is kept in."""
    n_dead: int = 0
    """Rows that are replaced or removed and still take room."""


@dataclass(frozen=True)
class AttributeInfo:
    """What is known of an attribute in a gallery."""

    n_known: int
    """Rows that have it."""
    values: Mapping[str, int]
    """The commonest values and how many rows have each, commonest first."""
    n_values: int
    """How many values there are."""


@dataclass(frozen=True)
class GalleryInfo:
    """What a gallery holds."""

    folder: Path
    """Where it is, or where it says that it is."""
    backend: str
    """"local" or "milvus"."""
    about: GalleryAbout
    """What it was made with."""
    modalities: Mapping[Modality, ModalityInfo]
    """Of each modality that has rows."""
    attributes: Mapping[str, AttributeInfo]
    """By name."""
    n_bytes: int
    """Size of its files; 0 where nobody can say."""
    generation: int = 0
    """Counts its changes; 0 where nobody counts them, as in Milvus."""
    is_verified: bool = False
    """Whether everything was read and, in files of its own, compared with its checksums."""
    place: str = ""
    """Where it is kept, if not in the folder."""
