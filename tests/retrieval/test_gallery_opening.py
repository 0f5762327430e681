"""A folder to its gallery, whatever it is kept in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.retrieval.gallery_file import FORMAT, GALLERY_FILE
from visavox.retrieval.gallery_opening import create_gallery, open_gallery
from visavox.retrieval.gallery_rows import GalleryAbout, GalleryRows
from visavox.retrieval.local_gallery import LocalGallery

MakeRows = Callable[..., GalleryRows]


def test_a_local_gallery_is_made_and_opened(tmp_path: Path, about: GalleryAbout, rows: MakeRows) -> None:
    create_gallery(tmp_path / "g", about, [rows(4)]).close()
    with open_gallery(str(tmp_path / "g")) as found:
        assert isinstance(found, LocalGallery)
        assert found.count("face", by="clip") == 4


def test_a_folder_without_a_gallery_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no gallery"):
        open_gallery(tmp_path)


def test_a_backend_that_nobody_knows_is_one_line(tmp_path: Path) -> None:
    (tmp_path / GALLERY_FILE).write_text(json.dumps({"format": FORMAT, "backend": "paper"}), encoding="utf-8")
    with pytest.raises(DataError, match="must name a backend, local or milvus. Got 'paper'"):
        open_gallery(tmp_path)
