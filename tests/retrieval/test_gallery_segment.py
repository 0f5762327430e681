"""Segments: written whole, mapped, verified, and damaged in every way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.retrieval.gallery_rows import GalleryRows
from visavox.retrieval.gallery_segment import MEDIA, ROWS, Segment, write_segment

MakeRows = Callable[..., GalleryRows]


def joined(parts: list[GalleryRows]) -> dict[str, list[object]]:
    return {
        "keys": [key for part in parts for key in part.keys],
        "people": [person for part in parts for person in part.people],
        "gender": [value for part in parts for value in part.attributes.get("gender", (None,) * len(part))],
        "media": [part.media[i] if len(part.media) else None for part in parts for i in range(len(part))],
        "vectors": np.concatenate([part.vectors for part in parts]).tolist(),
    }


def test_what_was_written_comes_back(rows: MakeRows, tmp_path: Path) -> None:
    table = rows(25)
    entry = write_segment(tmp_path, [table], index="exact")
    segment = Segment(tmp_path, entry, dim=8)
    assert joined(list(segment.parts())) == joined([table])
    assert segment.media(0) is None
    assert segment.media(24) == b"face c24 0"
    assert segment.n_media() == 20
    assert segment.attributes() == ["age", "gender"]
    segment.verify()


def test_parts_with_other_attributes_and_no_media_become_one(rows: MakeRows, tmp_path: Path) -> None:
    first, second = rows(3), dataclasses.replace(rows(4, prefix="d"), attributes={}, media=())
    segment = Segment(tmp_path, write_segment(tmp_path, [first, second], index="exact"), dim=8)
    assert joined(list(segment.parts())) == joined([first, second])


def test_dead_rows_are_not_handed_on(rows: MakeRows, tmp_path: Path) -> None:
    entry = dataclasses.replace(write_segment(tmp_path, [rows(5)], index="exact"), dead=(0, 3))
    segment = Segment(tmp_path, entry, dim=8)
    assert [key for part in segment.parts() for key in part.keys] == ["c1/face", "c2/face", "c4/face"]
    assert segment.alive_rows().tolist() == [1, 2, 4]


def test_rows_without_media_need_no_bytes(rows: MakeRows, tmp_path: Path) -> None:
    entry = write_segment(tmp_path, [dataclasses.replace(rows(2), media=())], index="exact")
    segment = Segment(tmp_path, entry, dim=8)
    assert segment.media(1) is None
    assert entry.files[MEDIA].n_bytes == 0


@pytest.mark.parametrize("name", [MEDIA, ROWS, "index/vectors.npy", "index/index.json"])
def test_a_file_that_is_missing_cut_or_changed_is_one_line(rows: MakeRows, tmp_path: Path, name: str) -> None:
    entry = write_segment(tmp_path, [rows(5)], index="exact")
    opened, path = Segment(tmp_path, entry, dim=8), tmp_path / entry.name / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DataError, match=f"{path.name} is damaged: its checksum does not fit"):
        opened.verify()
    path.write_bytes(whole[:-2])
    with pytest.raises(DataError, match=f"{path.name} is damaged: it must have"):
        Segment(tmp_path, entry, dim=8)
    path.unlink()
    with pytest.raises(DataError, match=f"{path.name} is missing, so the gallery is not whole"):
        Segment(tmp_path, entry, dim=8)
    with pytest.raises(DataError, match="cannot be read"):
        opened.verify()


def test_bytes_that_are_no_parquet_are_one_line(rows: MakeRows, tmp_path: Path) -> None:
    entry = write_segment(tmp_path, [rows(5)], index="exact")
    path = tmp_path / entry.name / ROWS
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(DataError, match="is damaged"):
        Segment(tmp_path, entry, dim=8)
    with pytest.raises(DataError):
        Segment(tmp_path, write_segment(tmp_path, [rows(5)], index="exact"), dim=9)


def test_an_opened_segment_outlives_its_files(rows: MakeRows, tmp_path: Path) -> None:
    entry = write_segment(tmp_path, [rows(5)], index="exact")
    segment = Segment(tmp_path, entry, dim=8)
    for path in sorted((tmp_path / entry.name).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert segment.media(4) == b"face c4 0"
    assert segment.index.search(segment.vectors[:1], 1).rows.tolist() == [[0]]


def test_a_full_disk_is_one_line(rows: MakeRows, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot write the segment"):
        write_segment(tmp_path / "absent", [rows(2)], index="exact")
