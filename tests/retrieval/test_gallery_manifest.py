"""The one file of a gallery that changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.retrieval.durable_files import FileSum
from visavox.retrieval.gallery_manifest import MANIFEST, Manifest, SegmentEntry
from visavox.retrieval.gallery_rows import GalleryAbout


@pytest.fixture
def manifest(about: GalleryAbout) -> Manifest:
    files = {"rows.parquet": FileSum(3, "ab")}
    return Manifest(3, about, (SegmentEntry("face-1", "face", 10, "exact", files, (2, 5)),))


def test_it_comes_back_as_it_was(manifest: Manifest, tmp_path: Path) -> None:
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest
    assert manifest.segments[0].n_alive == 8


def test_the_next_state_leaves_dead_segments_out(manifest: Manifest) -> None:
    gone = SegmentEntry("face-2", "face", 2, "exact", {}, (0, 1))
    after = manifest.followed_by((*manifest.segments, gone))
    assert after.generation == 4
    assert [segment.name for segment in after.segments] == ["face-1"]


@pytest.mark.parametrize("place", ["generation", "segments", "about", "checksum"])
def test_one_that_was_changed_by_hand_is_one_line(manifest: Manifest, tmp_path: Path, place: str) -> None:
    manifest.write(tmp_path)
    found = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    found[place] = 7
    (tmp_path / MANIFEST).write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(DataError, match="is damaged: its checksum does not fit"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_one_that_is_torn_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is damaged"):
        Manifest.read(tmp_path)
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(DataError, match="is missing. Copy the whole gallery again"):
        Manifest.read(tmp_path)


def test_a_name_cannot_lead_out_of_the_gallery(about: GalleryAbout, tmp_path: Path) -> None:
    Manifest(1, about, (SegmentEntry("../../etc", "face", 1, "exact", {}),)).write(tmp_path)
    with pytest.raises(DataError, match="is damaged"):
        Manifest.read(tmp_path)
