"""Of several streams of sound the usual one is taken, unless it is silent."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from visavox.media import sound_choice
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.sound_choice import choose_sound

TONES = {name: 0.3 * np.sin(np.arange(SAMPLE_RATE * 3) * step) for name, step in (("low", 0.1), ("high", 0.3))}


def write(path: Path, streams: list[tuple[str, bool]], codec: str = "pcm_s16le") -> Path:
    """Streams of "low", "high", "silent" or "empty" sound, marked as the usual one or not."""
    with av.open(str(path), "w") as container:
        added = [container.add_stream(codec, rate=SAMPLE_RATE, layout="mono") for _ in streams]
        for stream, (_, is_default) in zip(added, streams, strict=True):
            stream.disposition = av.stream.Disposition.default if is_default else av.stream.Disposition(0)
        for second in range(3):
            for stream, (name, _) in zip(added, streams, strict=True):
                if name == "empty":
                    continue
                part = TONES.get(name, np.zeros(SAMPLE_RATE * 3))[second * SAMPLE_RATE :][:SAMPLE_RATE]
                frame = av.AudioFrame.from_ndarray((part * 32767).astype(np.int16)[None], format="s16", layout="mono")
                frame.sample_rate, frame.pts = SAMPLE_RATE, second * SAMPLE_RATE
                container.mux(stream.encode(frame))
    return path


@pytest.mark.parametrize(
    ("streams", "chosen"),
    [
        ([("low", False)], 0),
        ([("low", True), ("high", False)], 0),
        ([("low", False), ("high", True)], 1),
        ([("low", False), ("high", False)], 0),
        ([("empty", True), ("high", False)], 1),
        ([("silent", True), ("high", False)], 1),
        ([("silent", False), ("low", False), ("high", True)], 2),
        ([("silent", False), ("empty", True)], 1),
    ],
)
def test_the_usual_stream_is_taken_unless_it_is_silent(
    tmp_path: Path, streams: list[tuple[str, bool]], chosen: int
) -> None:
    path = write(tmp_path / "film.mkv", streams)
    with av.open(str(path)) as container:
        found = choose_sound(path, container)
        assert found is not None
        assert found.index == chosen


def test_what_is_read_is_the_stream_that_was_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mkv", [("silent", True), ("high", False)])
    np.testing.assert_allclose(read_voice(path), TONES["high"], atol=1e-3)


def test_without_sound_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        assert choose_sound(path, container) is None


def test_one_stream_is_not_listened_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_choice, "_peaks", lambda *given: pytest.fail("listened"))
    path = write(tmp_path / "film.mkv", [("silent", True)])
    with av.open(str(path)) as container:
        assert choose_sound(path, container) is not None


def test_it_listens_where_the_section_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_choice, "LISTEN_S", 0.5)
    quiet_then_low = np.r_[np.zeros(SAMPLE_RATE * 2), TONES["low"][:SAMPLE_RATE]]
    monkeypatch.setitem(TONES, "late", quiet_then_low)
    path = write(tmp_path / "film.mkv", [("late", True), ("high", False)])
    with av.open(str(path)) as container:
        first, late = choose_sound(path, container), choose_sound(path, container, begin_s=2.0)
        assert first is not None
        assert late is not None
        assert (first.index, late.index) == (1, 0)
