"""Voice or face? The content says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import ConfigError, MediaError
from visavox.media.audio import write_voice
from visavox.media.images import write_face
from visavox.pipeline.gallery import query_kind as module
from visavox.pipeline.gallery.query_kind import query_kind


def test_names_do_not_count(tmp_path: Path) -> None:
    write_voice(tmp_path / "a.jpg", np.full(1600, 0.1, np.float32))
    write_face(tmp_path / "b.wav", np.zeros((20, 20, 3), np.uint8))
    assert query_kind(tmp_path / "a.jpg") == "voice"
    assert query_kind(tmp_path / "b.wav") == "face"


def test_a_video_is_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_video", lambda _path: True)
    with pytest.raises(ConfigError, match="is a video, which has a face and a voice. Say which is meant"):
        query_kind(tmp_path / "talk.mp4")


@pytest.mark.parametrize(
    ("content", "status"), [(b"just words", "unreadable_query"), (b"", "empty_file"), (None, "missing_file")]
)
def test_what_is_neither_is_one_line(tmp_path: Path, content: bytes | None, status: str) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(MediaError) as caught:
        query_kind(tmp_path / "x")
    assert caught.value.status == status
    assert "\n" not in str(caught.value) and "image" not in str(caught.value), "nobody said that it is a picture"


def test_a_picture_that_is_too_large_is_one_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(_path: Path) -> None:
        raise MediaError("too large", status="image_too_large")

    (tmp_path / "x").write_bytes(b"x")
    monkeypatch.setattr(module, "read_image", too_large)
    assert query_kind(tmp_path / "x") == "face"


def test_a_sound_without_samples_is_a_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(path: Path) -> Iterator[None]:
        raise MediaError("none", status="empty_audio")
        yield

    (tmp_path / "x").write_bytes(b"x")
    monkeypatch.setattr(module, "voice_blocks", none)
    assert query_kind(tmp_path / "x") == "voice"
