"""A segment of a local gallery: some rows of one modality in files that never change once they are named.

    index/         the vectors, memory-mapped, and what the index needs beside them
    rows.parquet   key, clip, person, video, attributes, and where the media of each row begin and end
    media.bin      pictures or sounds, one behind the other

Example:
    entry = write_segment(folder / "segments", [rows], index="exact")
    segment = Segment(folder / "segments", entry, dim=64)
    segment.vectors[0], segment.media(0)
"""

from __future__ import annotations

import mmap
import secrets
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from visavox.errors import DataError
from visavox.registry import INDEXES
from visavox.retrieval.base import VectorIndex, load_index
from visavox.retrieval.durable_files import FileSum, disk_errors, file_sum, sync_file, sync_folder, write_synced
from visavox.retrieval.gallery_filter import PREFIX
from visavox.retrieval.gallery_manifest import SegmentEntry
from visavox.retrieval.gallery_rows import GalleryRows

ROWS, MEDIA, INDEX = "rows.parquet", "media.bin", "index"
EXACT = "exact"
PART_ROWS = 10_000
"""Rows that are handed on at a time."""
REMEDY = "Copy the whole gallery again, or build it again."


class Segment:
    """A segment, opened: what it maps stays readable although somebody removes its files.

    Args:
        segments: folder of all segments.
        entry: what the manifest says of it.
        dim: length of its vectors.

    Raises:
        DataError: a file is missing or not as long as it must be; the message names it.
    """

    def __init__(self, segments: Path, entry: SegmentEntry, *, dim: int) -> None:
        """Map the files; checksums are the affair of `verify`."""
        self.folder = segments / entry.name
        self.entry = entry
        self.dim = dim
        for name, wanted in entry.files.items():
            _check_size(self.folder / name, wanted)
        try:
            with pq.ParquetFile(pa.BufferReader((self.folder / ROWS).read_bytes())) as file:
                self.rows: pa.Table = file.read(use_threads=False).combine_chunks()
            self._media = _mapped(self.folder / MEDIA)
        except (OSError, ValueError, EOFError, pa.ArrowException) as error:
            said = " ".join(str(error).split())[:120]
            raise DataError(f"{self.folder} is damaged ({said}). {REMEDY}") from error
        self.index: VectorIndex = load_index(self.folder / INDEX)
        if self.vectors.shape != (entry.n_rows, dim) or self.rows.num_rows != entry.n_rows:
            raise DataError(
                f"{self.folder} is damaged: {entry.n_rows} rows of {dim} numbers are wanted. Got "
                f"{self.rows.num_rows} rows and vectors of the shape {self.vectors.shape}. {REMEDY}"
            )

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(n, dim) float32 unit rows, memory-mapped."""
        return self.index.vectors

    @cached_property
    def alive(self) -> NDArray[np.bool_] | None:
        """Which rows can be found, (n,) bool; None for all."""
        if not self.entry.dead:
            return None
        mask = np.ones(self.entry.n_rows, dtype=bool)
        mask[list(self.entry.dead)] = False
        return mask

    def alive_rows(self) -> NDArray[np.int64]:
        """Return the numbers of the rows that can be found, rising."""
        return np.arange(self.entry.n_rows) if self.alive is None else np.flatnonzero(self.alive)

    def media(self, row: int) -> bytes | None:
        """Return the picture or sound of a row; None where there is none."""
        begin, end = self.rows["media_begin"][row].as_py(), self.rows["media_end"][row].as_py()
        return bytes(self._media[begin:end]) if end > begin else None

    def n_media(self) -> int:
        """Return how many rows that can be found have a picture or a sound."""
        lengths = self.rows["media_end"].to_numpy() - self.rows["media_begin"].to_numpy()
        return int((lengths[self.alive_rows()] > 0).sum())

    def attributes(self) -> list[str]:
        """Return the names of its attributes."""
        return [name.removeprefix(PREFIX) for name in self.rows.column_names if name.startswith(PREFIX)]

    def parts(self) -> Iterator[GalleryRows]:
        """Yield the rows that can be found, some thousands at a time, with their media."""
        alive = self.alive_rows()
        for begin in range(0, len(alive), PART_ROWS):
            chosen = alive[begin : begin + PART_ROWS]
            rows = self.rows.take(pa.array(chosen))
            yield GalleryRows(
                self.entry.modality,
                tuple(rows["key"].to_pylist()),
                tuple(rows["clip"].to_pylist()),
                tuple(rows["person"].to_pylist()),
                tuple(rows["video"].to_pylist()),
                {name: tuple(rows[PREFIX + name].to_pylist()) for name in self.attributes()},
                np.array(self.vectors[chosen], dtype=np.float32),
                _MediaOf(self, chosen),
            )

    def verify(self) -> None:
        """Read everything and compare it with its checksums.

        Raises:
            DataError: names the first file that differs.
        """
        for name, wanted in self.entry.files.items():
            path = self.folder / name
            try:
                found = file_sum(path)
            except OSError as error:
                raise DataError(f"{path} cannot be read ({error.strerror}). {REMEDY}") from error
            if found != wanted:
                raise DataError(f"{path} is damaged: its checksum does not fit. {REMEDY}")


class _MediaOf:
    """Media of some rows of a segment, read when they are asked for."""

    def __init__(self, segment: Segment, rows: NDArray[np.int64]) -> None:
        self._segment, self._rows = segment, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int, /) -> bytes | None:
        return self._segment.media(int(self._rows[place]))


def write_segment(segments: Path, parts: Sequence[GalleryRows], *, index: Any) -> SegmentEntry:
    """Write a segment whole and to the disk, under a name that nobody has, and return what a manifest says of it.

    Args:
        segments: folder of all segments; exists.
        parts: rows of one modality and one length, one at least; no key twice.
        index: name or specification of the index.

    Raises:
        DataError: it cannot be written.
    """
    modality, n_rows = parts[0].modality, sum(map(len, parts))
    folder = segments / f"{modality}-{secrets.token_hex(6)}"
    with disk_errors("segment", folder):
        folder.mkdir()
        lengths: list[int] = []
        files = {MEDIA: write_synced(folder / MEDIA, _media_parts(parts, lengths))}
        _write_rows(folder / ROWS, parts, lengths)
        spec = {"name": index} if isinstance(index, str) else dict(index)
        vectors = np.concatenate([part.vectors for part in parts])
        INDEXES.build(spec).build(vectors).save(folder / INDEX)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            if name not in files:
                sync_file(path)
                files[name] = file_sum(path)
        for path in (*(path for path in folder.rglob("*") if path.is_dir()), folder, segments):
            sync_folder(path)
    return SegmentEntry(folder.name, modality, n_rows, str(spec["name"]), files)


def _media_parts(parts: Sequence[GalleryRows], lengths: list[int]) -> Iterator[bytes]:
    """Yield the media of all rows and note their lengths; 0 where there is none."""
    for part in parts:
        for row in range(len(part)):
            media = part.media[row] if len(part.media) else None
            lengths.append(len(media or b""))
            if media:
                yield media


def _write_rows(path: Path, parts: Sequence[GalleryRows], lengths: Sequence[int]) -> None:
    def texts(values: Iterator[str | None]) -> pa.Array:
        return pa.array(list(values), type=pa.string())

    ends = np.cumsum(np.asarray(lengths, dtype=np.int64))
    columns: dict[str, Any] = {
        "key": texts(key for part in parts for key in part.keys),
        "clip": texts(clip for part in parts for clip in part.clips),
        "person": texts(person for part in parts for person in part.people),
        "video": texts(video for part in parts for video in part.videos),
        "media_begin": pa.array(ends - np.asarray(lengths, dtype=np.int64)),
        "media_end": pa.array(ends),
    }
    for name in sorted({name for part in parts for name in part.attributes}):
        unknown = {id(part): (None,) * len(part) for part in parts if name not in part.attributes}
        columns[PREFIX + name] = texts(
            value for part in parts for value in part.attributes.get(name, unknown.get(id(part), ()))
        )
    pq.write_table(pa.table(columns), path, compression="zstd")


def _check_size(path: Path, wanted: FileSum) -> None:
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path} is missing, so the gallery is not whole. {REMEDY}") from error
    if n_bytes != wanted.n_bytes:
        raise DataError(f"{path} is damaged: it must have {wanted.n_bytes:,} bytes. Got {n_bytes:,}. {REMEDY}")


def _mapped(path: Path) -> Any:
    """Return the bytes of a file, mapped; a file without bytes cannot be."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
