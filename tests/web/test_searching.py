"""A gallery that somebody changes while it is served."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.errors import DataError
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.gallery_opening import open_gallery
from visavox.web.searching import GalleryDesk, changed_at


def test_a_change_is_seen_by_the_next_search_and_not_before(service_settings: Any, engine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    shutil.copytree(service_settings.gallery, folder)
    desk = GalleryDesk(engine.model, folder)
    before = desk.searcher()
    assert desk.searcher() is before, "nothing has changed"
    assert desk.facts()["modalities"]["face"]["n_people"] == 8
    open_gallery(folder).remove(people=["w0-person-0000"])
    assert desk.searcher() is not before
    assert desk.facts()["modalities"]["face"]["n_people"] == 7
    assert "name" in desk.facts() and str(tmp_path) not in str(desk.facts())


def test_a_gallery_of_another_model_is_refused(service_settings: Any) -> None:
    with pytest.raises(DataError) as raised:
        GalleryDesk(VoiceFaceModel.from_pretrained("world"), service_settings.gallery)
    assert "\n" not in str(raised.value)


def test_no_gallery_is_one_line(engine: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gallery"):
        GalleryDesk(engine.model, tmp_path / "nothing")
    assert changed_at(tmp_path / "nothing") == ()
