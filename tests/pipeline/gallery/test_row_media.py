"""Small pictures and short sounds of a corpus."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.corpus.items import MediaItem
from visavox.media.audio import SAMPLE_RATE, write_voice
from visavox.media.images import write_face
from visavox.pipeline.gallery import row_media
from visavox.pipeline.gallery.row_media import (
    MediaJob,
    SpooledMedia,
    excerpt,
    make_media,
    media_of_items,
    media_type,
    thumbnail,
)


def tone(seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "size"), [((256, 256, 3), (128, 128)), ((300, 150, 3), (64, 128)), ((40, 30, 3), (30, 40))]
)
def test_a_picture_becomes_small_and_never_larger(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    made = thumbnail(np.full(shape, 200, np.uint8))
    with Image.open(io.BytesIO(made)) as image:
        assert (image.format, image.size) == ("JPEG", size)
    assert media_type(made) == "image/jpeg"


def test_a_sound_is_cut_after_six_seconds_and_sounds_alike() -> None:
    voice = tone(8.0)
    made = excerpt(voice)
    assert media_type(made) == "audio/ogg"
    assert len(made) < 40_000
    back, rate = soundfile.read(io.BytesIO(made), dtype="float32")
    assert (rate, len(back)) == (SAMPLE_RATE, 6 * SAMPLE_RATE)
    assert np.corrcoef(back, voice[: len(back)])[0, 1] > 0.95
    assert len(soundfile.read(io.BytesIO(excerpt(tone(0.01))))[0]) == 160


def test_without_opus_it_is_flac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_media, "OPUS", "absent")
    made = excerpt(tone(0.5))
    assert media_type(made) == "audio/flac"
    np.testing.assert_allclose(soundfile.read(io.BytesIO(made))[0], tone(0.5), atol=1e-4)


def test_a_file_that_cannot_be_read_is_a_reason(tmp_path: Path) -> None:
    write_face(tmp_path / "a.jpg", np.zeros((20, 20, 3), np.uint8))
    (tmp_path / "b.jpg").write_bytes(b"words")
    made = make_media(MediaJob("face", (4, 7), (tmp_path / "a.jpg", tmp_path / "b.jpg")))
    assert made.places == (4, 7)
    assert made.media[0] is not None
    assert made.media[1] is None
    assert made.reasons[0] == ""
    assert "b.jpg" in made.reasons[1]


def test_every_item_gets_its_own(tmp_path: Path) -> None:
    items = []
    for i in range(20):  # more than one job
        if i != 3:
            write_voice(tmp_path / f"{i}.flac", tone(0.05 * (i + 1)))
        items.append(MediaItem(f"{i}/voice", str(i), "voice", path=f"{i}.flac"))
    told: list[tuple[int, int]] = []
    found, reasons = media_of_items(items, tmp_path, tmp_path, workers=1, progress=lambda *n: told.append(n))
    assert len(found) == 20
    assert found[3] is None
    assert len(reasons) == 1
    assert told == [(16, 20), (20, 20)]
    lengths = [len(soundfile.read(io.BytesIO(found[i] or b""))[0]) for i in range(20) if i != 3]
    assert lengths == [round(0.05 * (i + 1) * SAMPLE_RATE) for i in range(20) if i != 3]


def test_the_file_of_many_has_no_name(tmp_path: Path) -> None:
    spooled = SpooledMedia(tmp_path, 3)
    spooled.put(2, b"two")
    spooled.put(0, b"zero")
    assert [spooled[i] for i in range(3)] == [b"zero", None, b"two"]
    assert list(tmp_path.iterdir()) == []
