"""Embedding tables: the vectors of one encoder for many items, with what is known about each item.

A table is what travels between `embed`, `train` and `evaluate`; it is immutable, checks itself, and is saved as one
Parquet file that any tool opens. Vectors by content are the affair of `visavox.corpus.cache`.

Example:
    >>> table = EmbeddingTable("voice", "ge2e", ("a/voice",), ("a",), ("Ann",), (None,), {}, np.ones((1, 3)))
    >>> len(table), table.dim, table.vectors.dtype
    (1, 3, dtype('float32'))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.items import GIVEN, MODALITIES, STRATIFIED, ClipLink, MediaItem, Modality
from visavox.errors import DataError

FORMAT = "visavox-embeddings-1"
ATTRIBUTE_PREFIX = "attribute:"


@dataclass(frozen=True, eq=False)
class EmbeddingTable:
    """Vectors of one modality from one encoder, row by row beside their items.

    Raises:
        DataError: the columns differ in length, a key appears twice, `vectors` is not (n, dim) or holds a value that
            is not finite.
    """

    modality: Modality
    """"voice" or "face"."""
    encoder: str
    """Identifier of the encoder and its settings."""
    keys: tuple[str, ...]
    """Unique item keys, n of them."""
    clips: tuple[str, ...]
    """Clip of each row; a voice and a face of one clip share it."""
    identities: tuple[str, ...]
    """Person of each row; where unknown "video:" and the video, else "clip:" and the clip."""
    videos: tuple[str | None, ...]
    """Video of each row, None where unknown."""
    attributes: Mapping[str, tuple[str | None, ...]]
    """For each attribute name one value a row, None where unknown."""
    vectors: NDArray[np.float32] = field(repr=False)
    """(n, dim) float32, finite. Float64 is converted."""

    def __post_init__(self) -> None:
        """Convert the vectors to float32 and check everything."""
        # Float32 arrays are kept as they are, without a copy; `object.__setattr__` because the class is frozen.
        with np.errstate(over="ignore"):  # a float64 too large becomes inf, which the check below names
            object.__setattr__(self, "vectors", np.ascontiguousarray(self.vectors, dtype=np.float32))
        if self.modality not in MODALITIES:
            raise DataError(f"`modality` must be 'voice' or 'face'. Got {self.modality!r}.")
        if self.vectors.ndim != 2:
            raise DataError(f"`vectors` must have the shape (n, dim). Got {self.vectors.shape}.")
        columns: dict[str, Sequence[object]] = {
            "keys": self.keys,
            "clips": self.clips,
            "identities": self.identities,
            "videos": self.videos,
            **{f"attributes[{name!r}]": values for name, values in self.attributes.items()},
        }
        n_rows = self.vectors.shape[0]
        for name, column in columns.items():
            if len(column) != n_rows:
                raise DataError(f"`{name}` must have one entry a row. Got {len(column)} for {n_rows} vectors.")
        if len(set(self.keys)) != n_rows:
            key, count = Counter(self.keys).most_common(1)[0]
            raise DataError(f"The keys of an embedding table must be unique. Got {key!r} {count} times.")
        check_finite(self.vectors, self.keys, what=f"{self.modality} embedding")

    def __repr__(self) -> str:
        """Return the shape and origin; the columns would fill pages."""
        people = len(set(self.identities))
        return f"EmbeddingTable({len(self)} {self.modality}s x {self.dim} of {people} people by {self.encoder})"

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    def attribute(self, name: str) -> tuple[str | None, ...]:
        """Return one attribute a row; all None when the table has no such attribute."""
        return self.attributes.get(name, (None,) * len(self))

    def select(self, indices: ArrayLike) -> EmbeddingTable:
        """Return the table of some rows.

        Args:
            indices: (m,) int row numbers in the wanted order, or (n,) bool mask.

        Raises:
            DataError: a mask of another length, or a row chosen twice.
        """
        chosen = np.asarray(indices)
        if chosen.dtype == bool:
            if chosen.shape != (len(self),):
                raise DataError(f"A row mask must have the shape ({len(self)},). Got {chosen.shape}.")
            chosen = np.flatnonzero(chosen)
        rows = [int(row) for row in chosen]
        return replace(
            self,
            keys=tuple(self.keys[row] for row in rows),
            clips=tuple(self.clips[row] for row in rows),
            identities=tuple(self.identities[row] for row in rows),
            videos=tuple(self.videos[row] for row in rows),
            attributes={name: tuple(values[row] for row in rows) for name, values in self.attributes.items()},
            vectors=self.vectors[np.asarray(rows, dtype=np.intp)],
        )

    def replace_vectors(self, vectors: ArrayLike, encoder: str) -> EmbeddingTable:
        """Return the same rows with other vectors.

        Args:
            vectors: (n, any dim).
            encoder: identifier of what made them.
        """
        return replace(self, vectors=np.asarray(vectors), encoder=encoder)

    def links(self) -> list[ClipLink]:
        """Return what splits, trials and the audit need to know, one link a row."""
        columns = [[(name, label) for label in self.attribute(name)] for name in STRATIFIED]
        others = [
            tuple((name, label) for name, label in row if label is not None) for row in zip(*columns, strict=True)
        ]
        return [
            ClipLink(*row)
            for row in zip(self.clips, self.identities, self.videos, self.attribute("gender"), others, strict=True)
        ]

    def save(self, path: str | Path) -> None:
        """Write the table as one Parquet file, atomically: a kill leaves the old file or the new one.

        Raises:
            DataError: the file cannot be written (a full disk, a read-only folder).
        """
        flat = pa.array(self.vectors.reshape(-1), type=pa.float32())
        columns: dict[str, Any] = {
            "key": pa.array(self.keys, type=pa.string()),
            "clip": pa.array(self.clips, type=pa.string()),
            "identity": pa.array(self.identities, type=pa.string()),
            "video": pa.array(self.videos, type=pa.string()),
        }
        for name, values in self.attributes.items():
            columns[ATTRIBUTE_PREFIX + name] = pa.array(values, type=pa.string())
        # The width is in the metadata too: an empty list column of width 0 cannot be read back.
        columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, self.dim) if self.dim else pa.nulls(len(self))
        described = {
            "format": FORMAT,
            "modality": self.modality,
            "encoder": self.encoder,
            "dim": str(self.dim),
        }
        table = pa.table(columns).replace_schema_metadata(described)
        with atomic_file(Path(path), what="embedding table") as temporary:
            pq.write_table(table, temporary, compression="zstd")

    @classmethod
    def load(cls, path: str | Path) -> EmbeddingTable:
        """Read a table that `save` wrote.

        Raises:
            DataError: no such file, no embedding table, or a table that fails the checks above.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"There is no embedding table at {path}. Run `visavox embed` first.")
        try:
            # Opened here and read whole: the file is never left mapped, so it may be replaced at any time.
            # Without threads: those that `read_table` starts may abort a command that ends right afterwards.
            with pq.ParquetFile(pa.BufferReader(path.read_bytes())) as file:
                table = file.read(use_threads=False)
        except (OSError, pa.ArrowException) as e:
            raise DataError(f"{path} is no readable Parquet file ({e}). Delete it and embed again.") from e
        described = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        if described.get("format") != FORMAT:
            raise DataError(
                f"{path} is not an embedding table of this version: its format is {described.get('format')!r}, "
                f"and {FORMAT!r} is needed. Embed again."
            )
        try:
            return cls._from_columns(table, described)
        except (KeyError, ValueError, TypeError, AttributeError, pa.ArrowException) as e:
            raise DataError(f"{path} is damaged: a column lacks or is of a wrong type ({e}). Embed again.") from e

    @classmethod
    def _from_columns(cls, table: Any, described: Mapping[str, str]) -> EmbeddingTable:
        """Return the table of Parquet columns; raises whatever a column that is missing or wrong leads to."""
        n_rows, dim = table.num_rows, int(described["dim"])
        for name in ("key", "clip", "identity"):
            if table[name].null_count:
                raise ValueError(f"{name} has {table[name].null_count} empty cells")
        flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False) if dim else np.empty(0)
        return cls(
            modality=_modality(described["modality"]),
            encoder=described["encoder"],
            keys=tuple(table["key"].to_pylist()),
            clips=tuple(table["clip"].to_pylist()),
            identities=tuple(table["identity"].to_pylist()),
            videos=tuple(table["video"].to_pylist()),
            attributes={
                name.removeprefix(ATTRIBUTE_PREFIX): tuple(table[name].to_pylist())
                for name in table.column_names
                if name.startswith(ATTRIBUTE_PREFIX)
            },
            vectors=np.asarray(flat, dtype=np.float32).reshape(n_rows, dim).copy(),
        )


def check_finite(vectors: NDArray[Any], keys: Sequence[str], *, what: str) -> None:
    """Raise if any value is NaN or infinite.

    Args:
        vectors: (n, dim).
        keys: n names for the message.
        what: what a row is, for the message: "voice embedding".

    Raises:
        DataError: names how many rows, the first of them, and the remedy.
    """
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if bad.size:
        raise DataError(
            f"Every {what} must be finite. Got NaN or infinity in {bad.size} of {len(keys)} rows, "
            f"the first is {keys[int(bad[0])]!r}. Remove these rows or embed them again."
        )


def table_from_items(items: Sequence[MediaItem], vectors: ArrayLike, *, encoder: str) -> EmbeddingTable:
    """Return the table of items of one modality and their vectors; attributes are those that were given.

    Args:
        items: n items of one modality.
        vectors: (n, dim).
        encoder: identifier of what made the vectors.

    Raises:
        DataError: no item, items of both modalities, or what `EmbeddingTable` refuses.
    """
    modalities = sorted({item.modality for item in items})
    if len(modalities) != 1:
        raise DataError(f"An embedding table holds items of one modality. Got {modalities or 'no item'}.")
    # What was predicted would decide same-gender groups as if it were known.
    given = [{name: a.value for name, a in item.attributes.items() if a.origin == GIVEN} for item in items]
    names = sorted({name for attributes in given for name in attributes})
    return EmbeddingTable(
        modality=modalities[0],
        encoder=encoder,
        keys=tuple(item.key for item in items),
        clips=tuple(item.clip for item in items),
        identities=tuple(item.identity for item in items),
        videos=tuple(item.video for item in items),
        attributes={name: tuple(attributes.get(name) for attributes in given) for name in names},
        vectors=np.asarray(vectors),
    )


def _modality(text: str) -> Modality:
    for modality in MODALITIES:
        if modality == text:
            return modality
    raise DataError(f"`modality` must be 'voice' or 'face'. Got {text!r}.")
