"""Export, build from it, and search: the same people, facts and pictures come back, whatever they are called."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import DataError
from visavox.pipeline.gallery.changing import build_gallery
from visavox.pipeline.gallery.exporting import export_gallery
from visavox.pipeline.gallery.model_fingerprint import about_model
from visavox.pipeline.gallery.row_media import excerpt, thumbnail
from visavox.pipeline.gallery.searching import GallerySearcher, SearchOptions
from visavox.pipeline.gallery.telling import tell_gallery
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_opening import open_gallery
from visavox.retrieval.gallery_rows import GalleryRows
from visavox.retrieval.local_gallery import LocalGallery
from visavox.retrieval_config import GalleryBuildConfig, GalleryExportConfig, GalleryInfoConfig

ODD = ('Zoë "Zo" O\'Neil', "a, b; c", "山田", "=cmd()", "../up", "new\nline", "CON", ".hidden", "x" * 90)


def odd_gallery(model: VoiceFaceModel, folder: Path) -> LocalGallery:
    """A voice and a face a name; names are those of people, clips and values."""
    rng = np.random.default_rng(2)
    tables = []
    for modality in ("voice", "face"):
        vectors = rng.standard_normal((len(ODD), 4)).astype(np.float32)
        media = [
            thumbnail(np.full((20, 20, 3), 20 * i, np.uint8))
            if modality == "face"
            else excerpt(rng.uniform(-0.1 * i, 0.1 * i, 4000).astype(np.float32))
            for i in range(len(ODD))
        ]
        tables.append(
            GalleryRows(
                modality,  # type: ignore[arg-type]
                tuple(f"{name}/{modality}" for name in ODD),
                ODD,
                tuple(reversed(ODD)),
                (None,) * len(ODD),
                {"note": ODD, "half": tuple(name if i % 2 else None for i, name in enumerate(ODD))},
                vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
                tuple(media),
            )
        )
    return LocalGallery.create(folder, about_model(model), tables)


@pytest.fixture
def exported(calibrated_model: VoiceFaceModel, tmp_path: Path) -> tuple[LocalGallery, Path]:
    gallery = odd_gallery(calibrated_model, tmp_path / "odd")
    export_gallery(GalleryExportConfig(gallery=gallery.folder, out=tmp_path / "out"))
    return gallery, tmp_path / "out"


def test_odd_names_are_in_the_table_as_they_are(exported: tuple[LocalGallery, Path]) -> None:
    _, out = exported
    with (out / "clips.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["clip"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(ODD)
    for clip, person in zip(ODD, reversed(ODD), strict=True):
        assert (rows[clip]["person"] or clip, rows[clip]["note"]) == (person, clip)
    assert {clip: row["half"] for clip, row in rows.items()} == {
        name: name if i % 2 else "" for i, name in enumerate(ODD)
    }


def test_no_file_leaves_its_folder_and_all_are_there(exported: tuple[LocalGallery, Path]) -> None:
    gallery, out = exported
    assert sorted(path.name for path in out.iterdir()) == [
        "clips.csv",
        "face.parquet",
        "faces",
        "voice.parquet",
        "voices",
    ]
    for folder, media, suffix in (("faces", gallery.thumbnail, ".jpg"), ("voices", gallery.excerpt, ".ogg")):
        files = list((out / folder).rglob("*"))
        assert len(files) == len(ODD)
        assert all(path.is_file() and path.suffix == suffix for path in files)
        kind = "face" if folder == "faces" else "voice"
        assert sorted(path.read_bytes() for path in files) == sorted(media(f"{n}/{kind}") or b"" for n in ODD)


def test_vectors_come_out_by_their_keys(exported: tuple[LocalGallery, Path]) -> None:
    gallery, out = exported
    for modality in gallery.modalities:
        table = EmbeddingTable.load(out / f"{modality}.parquet")
        (rows,) = gallery.tables(modality)
        assert (table.keys, table.clips, table.identities) == (rows.keys, rows.clips, rows.people)
        np.testing.assert_array_equal(table.vectors, rows.vectors)
        assert table.attribute("note") == list(ODD) or tuple(table.attribute("note")) == ODD


@pytest.mark.slow
def test_an_export_builds_the_gallery_again(
    small_embeddings: Path, small_corpus: Path, small_run: Path, tmp_path: Path
) -> None:
    """People, clips and facts are the same; vectors are near, since small pictures and sounds were embedded anew."""
    source = {"embeddings": small_embeddings, "corpus": small_corpus, "model": str(small_run), "workers": 1}
    build_gallery(GalleryBuildConfig(out=tmp_path / "first", **source))  # type: ignore[arg-type]
    export_gallery(GalleryExportConfig(gallery=tmp_path / "first", out=tmp_path / "out"))
    again = GalleryBuildConfig(pairs=tmp_path / "out", out=tmp_path / "second", model=str(small_run), workers=1)
    outcome = build_gallery(again)
    assert outcome.n_rows == {"voice": 16, "face": 16}
    with open_gallery(tmp_path / "first") as first, open_gallery(tmp_path / "second") as second:
        for modality in first.modalities:
            ours, theirs = known(first, modality), known(second, modality)
            assert {clip: facts for clip, (facts, _) in ours.items()} == {c: facts for c, (facts, _) in theirs.items()}
            cosines = [float(ours[clip][1] @ theirs[clip][1]) for clip in ours]
            assert np.median(cosines) > 0.9
        assert tell_gallery(GalleryInfoConfig(gallery=tmp_path / "second", verify=True)).info.is_verified


def known(gallery: Gallery, modality: str) -> dict[str, tuple[dict[str, str | None], np.ndarray]]:
    """Clip -> person and attributes, vector."""
    found = {}
    for part in gallery.tables(modality):  # type: ignore[arg-type]
        for i, clip in enumerate(part.clips):
            facts = {name: values[i] for name, values in part.attributes.items() if values[i]}
            found[clip] = ({"person": part.people[i], **facts}, part.vectors[i])
    return found


def test_every_odd_name_can_be_found_and_said(calibrated_model: VoiceFaceModel, tmp_path: Path) -> None:
    gallery = odd_gallery(calibrated_model, tmp_path / "odd")
    searcher = GallerySearcher(calibrated_model, gallery)
    (rows,) = gallery.tables("face")
    for i, name in enumerate(ODD):
        outcome = searcher.search_vector(rows.vectors[i], "voice", SearchOptions(k=3, where={"note": name}))
        assert [hit.clip for hit in outcome.hits] == [name]
        assert outcome.n_candidates == 1
        said = str(outcome)
        assert "among 1 person with a face" in said
        assert len(said.splitlines()) == 3  # the person, nobody, and what this is
        assert outcome.to_dict()["hits"][0]["person"] == ODD[-1 - i]


def test_a_gallery_that_lost_a_modality_meanwhile_is_one_line(
    calibrated_model: VoiceFaceModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = odd_gallery(calibrated_model, tmp_path / "odd")
    monkeypatch.setattr(LocalGallery, "tables", lambda *_: iter(()))
    with pytest.raises(DataError, match="holds no voices any more. Run the same command again"):
        export_gallery(GalleryExportConfig(gallery=gallery.folder, out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("n", "words"), [(1, "1 clip, vectors of 1 voice and 1 face"), (2, "2 clips, vectors of 2")])
def test_one_is_singular(calibrated_model: VoiceFaceModel, tmp_path: Path, n: int, words: str) -> None:
    gallery = odd_gallery(calibrated_model, tmp_path / "odd")
    gallery.remove(clips=list(ODD[n:]))
    outcome = export_gallery(GalleryExportConfig(gallery=gallery.folder, out=tmp_path / "out"))
    assert words in outcome.describe()
    assert dataclasses.replace(outcome, n_clips=1_200).describe().count("1,200 clips") == 1
