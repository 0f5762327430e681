"""What is on a contact sheet."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from visavox.media.audio import write_voice
from visavox.media.images import write_face
from visavox.pipeline.gallery.row_media import excerpt
from visavox.pipeline.gallery.search_outcome import SearchOutcome
from visavox.pipeline.gallery.search_tiles import sheet_content, sound_bars
from visavox.pipeline.gallery.searching import GallerySearcher, SearchOptions
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.local_gallery import LocalGallery


@pytest.fixture
def outcome(calibrated_model: VoiceFaceModel, tiny_gallery: LocalGallery) -> SearchOutcome:
    query = np.array([0.5, 0.5, -0.5, 0.5], dtype=np.float32)
    return GallerySearcher(calibrated_model, tiny_gallery).search_vector(
        query, "voice", SearchOptions(k=3), query="some/where/v.flac"
    )


def test_hits_have_picture_and_sound_and_nobody_its_place(
    outcome: SearchOutcome, tiny_gallery: LocalGallery, tmp_path: Path
) -> None:
    write_voice(tmp_path / "v.flac", np.full(4000, 0.1, np.float32))
    content = sheet_content(outcome, tiny_gallery, tmp_path / "v.flac")
    assert content.query.title == "v.flac"
    assert content.query.picture is None
    assert content.query.sound is not None
    assert len(content.tiles) == 4
    nobody = next(place for place, tile in enumerate(content.tiles) if tile.is_nobody)
    assert nobody == sum((hit.probability or 0) > (outcome.p_nobody or 0) for hit in outcome.hits)
    first = next(tile for tile in content.tiles if not tile.is_nobody)
    assert first.title == outcome.hits[0].person
    assert first.about == f"{outcome.hits[0].clip}, gender {outcome.hits[0].attributes['gender']}"
    assert first.picture == tiny_gallery.thumbnail(outcome.hits[0].key)
    assert first.sound == tiny_gallery.excerpt(f"{outcome.hits[0].clip}/voice")


def test_ranks_have_no_nobody(outcome: SearchOutcome, tiny_gallery: LocalGallery, tmp_path: Path) -> None:
    write_face(tmp_path / "f.jpg", np.zeros((20, 20, 3), np.uint8))
    ranked = dataclasses.replace(outcome, p_nobody=None, query_modality="face", against="voice", by="clip")
    content = sheet_content(ranked, tiny_gallery, tmp_path / "f.jpg")
    assert not any(tile.is_nobody for tile in content.tiles)
    assert content.query.picture is not None
    assert content.tiles[0].title == outcome.hits[0].clip


def test_a_query_that_cannot_be_read_leaves_its_place_empty(
    outcome: SearchOutcome, tiny_gallery: LocalGallery, tmp_path: Path
) -> None:
    content = sheet_content(outcome, tiny_gallery, tmp_path / "absent")
    assert (content.query.picture, content.query.sound) == (None, None)


def test_a_loud_sound_has_high_bars() -> None:
    loud, quiet = (sound_bars(excerpt(np.full(8000, level, np.float32))) for level in (0.5, 0.001))
    assert loud.shape == (64,)
    assert loud.mean() > quiet.mean()
