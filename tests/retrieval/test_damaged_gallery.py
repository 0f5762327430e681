"""A gallery in files with each of its files damaged in each way: one line that names the file, never a wrong answer."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.retrieval.conftest import make_rows

from visavox.errors import DataError
from visavox.retrieval import gallery_writing
from visavox.retrieval.gallery_file import GALLERY_FILE
from visavox.retrieval.gallery_manifest import MANIFEST
from visavox.retrieval.gallery_opening import open_gallery
from visavox.retrieval.gallery_rows import GalleryAbout
from visavox.retrieval.gallery_segment import MEDIA, ROWS
from visavox.retrieval.local_gallery import LocalGallery

ABOUT = GalleryAbout("base", "00" * 32, 8)
FILES = [MANIFEST, GALLERY_FILE, ROWS, MEDIA, "index.json", "vectors.npy"]
DAMAGES = ["gone", "empty", "half", "longer", "zeros", "folder"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of 30 faces. Copied before it is damaged."""
    return LocalGallery.create(tmp_path_factory.mktemp("whole") / "g", ABOUT, [make_rows(30)]).folder


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "g")
    return tmp_path / "g"


def damaged(path: Path, damage: str) -> None:
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "gone":
        kinds = {"empty": b"", "half": data[: len(data) // 2], "longer": data + b" \0", "zeros": bytes(len(data))}
        path.write_bytes(kinds[damage])


def one_named(folder: Path, name: str) -> Path:
    (found,) = folder.rglob(name)
    return found


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_one_line_at_the_latest_when_it_is_verified(copied: Path, name: str, damage: str) -> None:
    damaged(one_named(copied, name), damage)
    with pytest.raises(DataError) as caught:
        open_gallery(copied).info(verify=True)
    said = str(caught.value)
    assert str(copied) in said
    assert "\n" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", [ROWS, MEDIA, "vectors.npy"])
@pytest.mark.parametrize("place", [0.3, 0.6, 0.99])
def test_a_single_bit_is_seen_by_verify(copied: Path, name: str, place: float) -> None:
    path = one_named(copied, name)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 16
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged"):
        open_gallery(copied).info(verify=True)


def test_a_segment_of_another_gallery_in_its_place_is_seen(copied: Path, tmp_path: Path) -> None:
    """Same sizes, other bytes: the checksums tell."""
    other = LocalGallery.create(tmp_path / "other", ABOUT, [make_rows(30, seed=1)])
    (mine,), (theirs,) = ((folder / "segments").iterdir() for folder in (copied, other.folder))
    shutil.copy(theirs / "index" / "vectors.npy", mine / "index" / "vectors.npy")
    with pytest.raises(DataError, match=r"vectors.npy is damaged: its checksum does not fit. Copy the whole gallery"):
        open_gallery(copied).info(verify=True)


def test_a_change_of_a_damaged_gallery_changes_nothing(copied: Path) -> None:
    gallery = open_gallery(copied)
    damaged(one_named(copied, MANIFEST), "half")
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file() and path.name != ".lock"}
    for change in (lambda: gallery.add(make_rows(3, prefix="n")), lambda: gallery.remove(people=["p0"])):
        with pytest.raises(DataError, match="is damaged"):
            change()
    after = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file() and path.name != ".lock"}
    assert after == before


def test_what_was_opened_before_the_damage_still_answers(copied: Path) -> None:
    with open_gallery(copied) as gallery:
        query = make_rows(30).vectors[3:4]
        before = gallery.search(query, "face", 5)
        shutil.rmtree(copied / "segments")
        assert gallery.search(query, "face", 5) == before
        assert gallery.thumbnail("c1/face") == b"face c1 0"


def test_the_files_of_a_graph_may_be_damaged_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery_writing, "LEAST_INDEXED", 20)
    about = dataclasses.replace(ABOUT, index={"name": "hnsw", "links": 4})
    gallery = LocalGallery.create(tmp_path / "g", about, [make_rows(60)])
    assert gallery.info(verify=True).modalities["face"].indexes == {"hnsw": 60}
    for path in (path for path in (tmp_path / "g" / "segments").rglob("*") if path.is_file()):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 255]))
        with pytest.raises(DataError):
            open_gallery(tmp_path / "g").info(verify=True)
        path.write_bytes(data)
    assert open_gallery(tmp_path / "g").count("face", by="clip") == 60


@pytest.mark.parametrize("backend", ["", "redis", None, 3, ["local"]])
def test_a_backend_that_nobody_knows_is_one_line(copied: Path, backend: object) -> None:
    about = json.loads((copied / GALLERY_FILE).read_text(encoding="utf-8"))
    (copied / GALLERY_FILE).write_text(json.dumps({**about, "backend": backend}), encoding="utf-8")
    with pytest.raises(DataError, match="must name a backend, local or milvus. Got"):
        open_gallery(copied)


def test_nothing_at_all_is_no_damage(copied: Path) -> None:
    """Attributes that no row knows, a row without media, an empty value: nothing of them is damage."""
    rows = make_rows(3, prefix="n")
    rows = dataclasses.replace(rows, attributes={"none": (None,) * 3, "empty": ("",) * 3}, media=(None, b"", b"x"))
    with open_gallery(copied) as gallery:
        gallery.add(rows)
        assert gallery.count("face", where={"empty": ""}, by="clip") == 3
        assert gallery.count("face", where={"none": "x"}, by="clip") == 0
        assert [gallery.thumbnail(f"n{i}/face") for i in range(3)] == [None, None, b"x"]
        assert gallery.info(verify=True).attributes["none"].n_known == 0
        assert np.isclose(gallery.search(rows.vectors[:1], "face", 1)[0][0].similarity, 1)
