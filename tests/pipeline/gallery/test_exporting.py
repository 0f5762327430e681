"""A gallery as tables and media."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.sources.pairs import PairsSource
from visavox.errors import ConfigError
from visavox.pipeline.gallery.exporting import export_gallery
from visavox.retrieval.gallery_rows import GalleryRows
from visavox.retrieval.local_gallery import LocalGallery
from visavox.retrieval_config import GalleryExportConfig


def test_everything_comes_out(tiny_gallery: LocalGallery, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    config = GalleryExportConfig(gallery=tiny_gallery.folder, out=tmp_path / "out")
    outcome = export_gallery(config, lambda *n: told.append(n))
    assert (outcome.n_clips, outcome.n_rows, outcome.n_media) == (
        12,
        {"voice": 12, "face": 12},
        {"voice": 12, "face": 12},
    )
    assert told == [(12, 24), (24, 24)]
    table = EmbeddingTable.load(tmp_path / "out" / "face.parquet")
    (rows,) = tiny_gallery.tables("face")
    np.testing.assert_array_equal(table.vectors, rows.vectors)
    assert table.encoder == f"tiny {tiny_gallery.about.fingerprint[:12]}"
    assert (tmp_path / "out" / "faces" / "c0.jpg").read_bytes() == tiny_gallery.thumbnail("c0/face")
    assert (tmp_path / "out" / "voices" / "c0.ogg").read_bytes() == tiny_gallery.excerpt("c0/voice")
    with (tmp_path / "out" / "clips.csv").open(encoding="utf-8") as file:
        clips = list(csv.DictReader(file))
    assert clips[0] == {"clip": "c0", "person": "<b>P0</b>", "video": "", "gender": "f"}
    assert "12 clips, vectors of 12 voices and 12 faces" in outcome.describe()


def test_it_can_be_read_again_as_a_folder_of_pairs(tiny_gallery: LocalGallery, tmp_path: Path) -> None:
    export_gallery(GalleryExportConfig(gallery=tiny_gallery.folder, out=tmp_path / "out"))
    records = list(PairsSource(tmp_path / "out"))
    assert len(records) == 12
    assert all(record.problem is None for record in records)
    assert {record.person for record in records} == {f"<b>P{i}</b>" for i in range(6)}


def test_names_cannot_lead_out_of_the_folder(tiny_gallery: LocalGallery, tmp_path: Path) -> None:
    vector = np.array([[1, 0, 0, 0]], np.float32)
    odd = GalleryRows("face", ("../x/face",), ("../x",), ("clip:../x",), ("v",), {}, vector, (b"jpeg",))
    further = GalleryRows("face", ("c0/face/1",), ("c0",), ("<b>P0</b>",), (None,), {}, vector, (b"more",))
    tiny_gallery.add(odd)
    tiny_gallery.add(further)
    outcome = export_gallery(GalleryExportConfig(gallery=tiny_gallery.folder, out=tmp_path / "out"))
    assert (tmp_path / "out" / "faces" / "%2E.%2Fx.jpg").read_bytes() == b"jpeg"
    assert not (tmp_path / "x.jpg").exists()
    assert "1 further face or voice of a clip has a vector but no file of its own" in outcome.notes
    with (tmp_path / "out" / "clips.csv").open(encoding="utf-8") as file:
        rows = {row["clip"]: row for row in csv.DictReader(file)}
    assert (rows["../x"]["person"], rows["../x"]["video"]) == ("clip:../x", "v")


def test_what_is_there_is_kept(tiny_gallery: LocalGallery, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(ConfigError, match="is not empty. Choose another folder, or replace it with --overwrite"):
        export_gallery(GalleryExportConfig(gallery=tiny_gallery.folder, out=tmp_path / "out"))
    for out in (tiny_gallery.folder, tiny_gallery.folder.parent):
        with pytest.raises(ConfigError, match="must not be the gallery or a folder around it"):
            export_gallery(GalleryExportConfig(gallery=tiny_gallery.folder, out=out, overwrite=True))
    export_gallery(GalleryExportConfig(gallery=tiny_gallery.folder, out=tmp_path / "out", overwrite=True))
    assert not (tmp_path / "out" / "mine").exists()
