"""Parquet files with a row a clip: who and when, the bytes of its media, their figures of quality, its attributes.

    clip person video session start_s end_s
    face face_digest face_source face_QUALITY ...  voice ...   binary, JPEG and FLAC; null where the clip has none
    spectrogram spectrogram_shape                              of a voice, flattened, float32
    NAME NAME_origin ...                                       an attribute, and "given" or its predictor
    face_NAME face_NAME_origin ...                             what was predicted from faces, voices

Where a clip has more than one face, face1, face2 ... follow. Media are not compressed again.

Example:
    with ParquetWriter(Path("out"), table_columns(columns, None), shard_bytes=256_000_000) as writer:
        writer.add(clip)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from visavox.corpus.catalog_figures import ItemColumns
from visavox.corpus.items import Attribute
from visavox.pipeline.export_clips import ExportedClip, ExportedMedia

ROW_GROUP_BYTES = 32_000_000
"""Size at which a group of rows is written: what a reader holds at a time."""
ROW_GROUP_ROWS = 1_000

Kind = Literal["text", "number", "face", "voice", "floats", "shape"]
Value = Callable[[ExportedClip], Any]


@dataclass(frozen=True, eq=False)
class TableColumn:
    """One column."""

    name: str
    """Its name."""
    kind: Kind
    """What it holds."""
    value: Value
    """From a clip to its cell; None is null."""
    length: int = -1
    """Length of every list in it; -1 where they differ."""


class ParquetWriter:
    """Writes clips into Parquet files one after the other; use `with`.

    Args:
        folder: for the files; it must exist.
        columns: of `table_columns`.
        shard_bytes: size of media at which the next file is begun.
        prefix: beginning of the names of the files.
        schema: of the files, where it is not the plain one of the columns.
    """

    def __init__(
        self,
        folder: Path,
        columns: Sequence[TableColumn],
        *,
        shard_bytes: float,
        prefix: str = "corpus",
        schema: pa.Schema | None = None,
    ) -> None:
        """Store the arguments; a file is made by the first rows."""
        self.folder = folder
        self.columns = columns
        self.shard_bytes = shard_bytes
        self.prefix = prefix
        self.schema = schema or pa.schema([(column.name, plain_type(column)) for column in columns])
        self.files: list[Path] = []
        self._clips: list[ExportedClip] = []
        self._n_waiting_bytes, self._n_file_bytes = 0, 0
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, unless something went wrong, and close the last file."""
        if kind is None:
            self._write_rows()
        self._close_file()

    def add(self, clip: ExportedClip) -> None:
        """Write one clip."""
        if self._n_file_bytes and self._n_file_bytes + clip.n_bytes > self.shard_bytes:
            self._write_rows()
            self._close_file()
        self._clips.append(clip)
        self._n_waiting_bytes += clip.n_bytes
        self._n_file_bytes += clip.n_bytes
        if self._n_waiting_bytes >= ROW_GROUP_BYTES or len(self._clips) == ROW_GROUP_ROWS:
            self._write_rows()

    def _write_rows(self) -> None:
        if not self._clips:
            return
        if self._file is None:
            self.files.append(self.folder / f"{self.prefix}-{len(self.files):05d}.parquet")
            self._file = pq.ParquetWriter(
                self.files[-1], self.schema, compression=self._compression(), use_dictionary=self._repeated()
            )
        cells = [
            _array([column.value(clip) for clip in self._clips], self.schema.field(column.name).type)
            for column in self.columns
        ]
        self._file.write_table(pa.Table.from_arrays(cells, schema=self.schema), row_group_size=len(self._clips))
        self._clips, self._n_waiting_bytes = [], 0

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file, self._n_file_bytes = None, 0

    def _compression(self) -> dict[str, str]:
        """By path of a leaf: media hold no air."""
        found: dict[str, str] = {}
        for column in self.columns:
            if column.kind in ("face", "voice"):
                field_type = self.schema.field(column.name).type
                leaves = (
                    [f"{column.name}.bytes", f"{column.name}.path"] if pa.types.is_struct(field_type) else [column.name]
                )
                found |= dict.fromkeys(leaves, "none")
            elif column.kind in ("floats", "shape"):
                found[f"{column.name}.list.element"] = "zstd"
            else:
                found[column.name] = "zstd"
        return found

    def _repeated(self) -> list[str]:
        """Columns whose values come again and again."""
        return [column.name for column in self.columns if column.kind == "text" and column.name != "clip"]


def table_columns(columns: ItemColumns, spectrum_shape: tuple[int, ...] | None) -> list[TableColumn]:
    """Return the columns of a corpus, in their order.

    Args:
        columns: what its usable items hold.
        spectrum_shape: of the spectrograms, the first number -1 where their lengths differ; None without them.
    """
    found = [TableColumn(name, "text", _fact(name)) for name in ("clip", "person", "video", "session")]
    found += [TableColumn(name, "number", _fact(name)) for name in ("start_s", "end_s")]
    for modality, n_items in columns.n_items.items():
        kind: Kind = "face" if modality == "face" else "voice"
        for slot in (f"{modality}{index or ''}" for index in range(n_items)):
            found.append(TableColumn(slot, kind, _of_item(slot, lambda media: media)))
            if modality == "voice" and spectrum_shape is not None:
                found += _spectrum_columns(slot, spectrum_shape)
            found.append(TableColumn(f"{slot}_digest", "text", _of_item(slot, lambda media: media.item.digest)))
            found.append(TableColumn(f"{slot}_source", "text", _of_item(slot, lambda media: media.item.source)))
            for name in (name for of, name in columns.quality if of == modality):
                said = name.removeprefix(f"{modality}_")  # face_width_px, and not face_face_width_px
                found.append(TableColumn(f"{slot}_{said}", "number", _of_item(slot, _quality(name))))
    for name in columns.attributes:
        found += _attribute_columns(name, _attribute(name))
    for modality, name in columns.predicted:
        found += _attribute_columns(f"{modality}_{name}", _predicted(modality, name))
    return _with_names_of_their_own(found)


def plain_type(column: TableColumn) -> pa.DataType:
    """Return the Arrow type of a column."""
    if column.kind == "floats":
        return pa.list_(pa.float32(), column.length)
    types = {"text": pa.string(), "number": pa.float64(), "shape": pa.list_(pa.int32())}
    return types.get(column.kind, pa.binary())


def _spectrum_columns(slot: str, shape: tuple[int, ...]) -> list[TableColumn]:
    name = slot.replace("voice", "spectrogram")
    length = -1 if min(shape) < 0 else int(np.prod(shape))
    flat = _of_item(slot, lambda media: None if media.spectrum is None else media.spectrum.reshape(-1))
    size = _of_item(slot, lambda media: None if media.spectrum is None else list(media.spectrum.shape))
    return [TableColumn(name, "floats", flat, length), TableColumn(f"{name}_shape", "shape", size)]


def _attribute_columns(name: str, find: Callable[[ExportedClip], Attribute | None]) -> list[TableColumn]:
    def value(clip: ExportedClip) -> str | None:
        found = find(clip)
        return found.value if found else None

    def origin(clip: ExportedClip) -> str | None:
        found = find(clip)
        return found.origin if found else None

    return [TableColumn(name, "text", value), TableColumn(f"{name}_origin", "text", origin)]


def _with_names_of_their_own(columns: Sequence[TableColumn]) -> list[TableColumn]:
    """An attribute may be called like another column: it then gets `attribute_` before its name."""
    found: dict[str, TableColumn] = {}
    for column in columns:
        name = column.name
        while name in found:
            name = f"attribute_{name}"
        found[name] = TableColumn(name, column.kind, column.value, column.length)
    return list(found.values())


def _fact(name: str) -> Value:
    return lambda clip: getattr(clip, name)


def _quality(name: str) -> Callable[[ExportedMedia], float | None]:
    return lambda media: media.item.quality.get(name)


def _of_item(slot: str, value: Callable[[ExportedMedia], Any]) -> Value:
    return lambda clip: value(clip.media[slot]) if slot in clip.media else None


def _attribute(name: str) -> Callable[[ExportedClip], Attribute | None]:
    return lambda clip: clip.attributes().get(name)


def _predicted(modality: str, name: str) -> Callable[[ExportedClip], Attribute | None]:
    """The attribute of the first item of a modality, if it was predicted."""

    def find(clip: ExportedClip) -> Attribute | None:
        found = clip.media[modality].item.attributes.get(name) if modality in clip.media else None
        return found if found is not None and found.origin != "given" else None

    return find


def _array(cells: list[Any], data_type: pa.DataType) -> pa.Array:
    if pa.types.is_struct(data_type):  # Hugging Face's images and sounds
        cells = [m and {"bytes": m.data, "path": f"{m.item.key.replace('/', '_')}{m.suffix}"} for m in cells]
    else:
        cells = [cell.data if isinstance(cell, ExportedMedia) else cell for cell in cells]
    return pa.array(cells, type=data_type)
