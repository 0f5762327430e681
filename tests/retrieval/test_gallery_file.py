"""The small file by which a folder is known as a gallery."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.retrieval.gallery_file import FORMAT, GALLERY_FILE, about_from_json, read_gallery_file
from visavox.retrieval.gallery_rows import GalleryAbout


def test_a_folder_without_it_is_no_gallery(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no gallery. Make one with: visavox gallery build"):
        read_gallery_file(tmp_path)
    with pytest.raises(DataError, match="holds no gallery"):
        read_gallery_file(tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is no JSON"), ("[]", "Got 'list'"), ('{"format": "other"}', "Got 'other'")]
)
def test_a_damaged_or_newer_one_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / GALLERY_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_gallery_file(tmp_path)


def test_what_it_says_comes_back(tmp_path: Path) -> None:
    (tmp_path / GALLERY_FILE).write_text(json.dumps({"format": FORMAT, "backend": "local"}), encoding="utf-8")
    assert read_gallery_file(tmp_path)["backend"] == "local"


def test_what_a_gallery_was_made_with_comes_back(about: GalleryAbout, tmp_path: Path) -> None:
    values = json.loads(json.dumps(dataclasses.asdict(about)))
    assert about_from_json(values, tmp_path) == about
    for wrong in (None, [], {}, {**values, "dim": "8"}, {**values, "more": 1}):
        with pytest.raises(DataError, match="does not say what the gallery was made with"):
            about_from_json(wrong, tmp_path)
