"""What is a film and what only looks like one, and frames at the right times, upright."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.errors import MediaError
from visavox.media.video import frame_pixels, is_video, sample_frames

WIDTH, HEIGHT = 64, 48


def level_of(frame: np.ndarray) -> int:
    """Which frame of `write_film` this is, by its grey level."""
    return round(float(frame.mean()) / 4)


def write_film(
    path: Path, *, n_frames: int = 50, rate: int = 25, codec: str = "libx264", keyframe_every: int = 12
) -> None:
    """Frame i is grey of level 4 i, for up to 60 frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", keyframe_every
        for i in range(n_frames):
            pixels = np.full((HEIGHT, WIDTH, 3), 4 * i, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("film.mp4", "libx264"),
        ("film.mpg", "mpeg1video"),
        ("film.webm", "libvpx"),
        ("film.avi", "mpeg4"),
        ("film.mkv", "libx264"),
        ("film.m4v", "mpeg4"),  # a bare stream: nothing says how long it is
    ],
)
@pytest.mark.parametrize("n_wanted", [1, 5])
def test_frames_are_the_middles_of_equal_parts(tmp_path: Path, name: str, codec: str, n_wanted: int) -> None:
    path = tmp_path / name
    write_film(path, codec=codec)
    assert is_video(path)
    frames = sample_frames(path, n_wanted)
    assert all(f.shape == (HEIGHT, WIDTH, 3) and f.dtype == np.uint8 for f in frames)
    expected = [round(50 * (i + 0.5) / n_wanted) for i in range(n_wanted)]
    np.testing.assert_allclose([level_of(f) for f in frames], expected, atol=1.5)


def test_long_films_are_sought_and_give_the_same_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_film(tmp_path / "long.mp4", rate=1, n_frames=60)
    by_decoding = [level_of(f) for f in sample_frames(tmp_path / "long.mp4", 4)]
    monkeypatch.setattr("visavox.media.video.SEEK_BEYOND_S", 1.0)
    by_seeking = [level_of(f) for f in sample_frames(tmp_path / "long.mp4", 4)]
    assert by_seeking == by_decoding
    np.testing.assert_allclose(by_seeking, [7.5, 22.5, 37.5, 52.5], atol=1)


def test_a_short_film_gives_each_frame_once(tmp_path: Path) -> None:
    write_film(tmp_path / "short.mp4", n_frames=3)
    assert [level_of(f) for f in sample_frames(tmp_path / "short.mp4", 10)] == [0, 1, 2]
    assert len(sample_frames(tmp_path / "short.mp4", 3)) == 3


def test_less_than_one_frame_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"at least 1\. Got 0"):
        sample_frames(tmp_path / "any.mp4", 0)


def turn_matrix(degrees_clockwise: int) -> bytes:
    """The matrix of an MP4 track header: a b u, c d v, x y w; (x, y) -> (a x + c y, b x + d y), y pointing down."""
    a, b, c, d = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees_clockwise]
    one = 1 << 16
    return struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize("degrees_clockwise", [0, 90, 180, 270])
def test_the_turn_that_a_phone_notes_is_applied(tmp_path: Path, degrees_clockwise: int) -> None:
    """Upright, the picture is white in its upper left quarter and black elsewhere."""
    upright = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    upright[: HEIGHT // 2, : WIDTH // 2] = 255
    stored = np.ascontiguousarray(np.rot90(upright, k=degrees_clockwise // 90))  # anticlockwise
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *stored.shape[:2], "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    assert content.count(turn_matrix(0)) == 2  # of the film, of the track
    where = content.index(turn_matrix(0), content.index(b"tkhd"))
    path.write_bytes(content[:where] + turn_matrix(degrees_clockwise) + content[where + 36 :])
    (frame,) = sample_frames(path, 1)
    assert frame.shape == upright.shape
    assert np.abs(frame.astype(int) - upright).mean() < 5


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "tv.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 60, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 60, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    (frame,) = sample_frames(tmp_path / "tv.mkv", 1)
    assert frame.shape == (48, 80, 3)
    assert frame_pixels(tmp_path / "tv.mkv") == 48 * 80


def test_the_size_of_frames_is_told_by_the_header(tmp_path: Path) -> None:
    for path in write_still_and_sound(tmp_path):
        if not path.name.startswith("notes"):
            assert frame_pixels(path) == 0, path.name
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(MediaError, match="the file must be a video. It cannot be opened") as caught:
        frame_pixels(tmp_path / "noise")
    assert caught.value.status == "unreadable_video"


def write_still_and_sound(folder: Path) -> list[Path]:
    grey = [Image.new("RGB", (32, 32), (40 * i, 0, 0)) for i in range(4)]
    for suffix in ("jpg", "png", "bmp", "webp", "tiff"):
        grey[0].save(folder / f"still.{suffix}")
    for suffix in ("gif", "png", "webp"):
        grey[0].save(folder / f"moving.{suffix}", save_all=True, append_images=grey[1:], duration=40)
    for suffix in ("wav", "flac", "mp3", "ogg"):
        soundfile.write(folder / f"voice.{suffix}", np.zeros(16_000), 16_000)
    (folder / "notes.txt").write_text("a text\n" * 100, encoding="utf-8")
    (folder / "notes.mp4").write_text("a text\n" * 100, encoding="utf-8")
    return sorted(folder.iterdir())


def test_stills_animations_sounds_and_texts_are_no_films(tmp_path: Path) -> None:
    paths = write_still_and_sound(tmp_path)
    assert len(paths) == 14
    for path in paths:
        assert not is_video(path), path.name
        with pytest.raises(MediaError) as caught:
            sample_frames(path, 2)
        assert caught.value.status in ("no_video_stream", "unreadable_video"), path.name
        assert "\n" not in str(caught.value)


def test_a_cover_picture_does_not_make_a_song_a_film(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    Image.new("RGB", (32, 32)).save(tmp_path / "cover.jpg")
    soundfile.write(tmp_path / "plain.mp3", np.zeros(16_000), 16_000)
    # ID3v2.3 with one APIC frame: encoding, type of picture, its role, an empty description.
    body = b"\0image/jpeg\0\3\0" + (tmp_path / "cover.jpg").read_bytes()
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\3\0\0" + size + frame + (tmp_path / "plain.mp3").read_bytes())
    with av.open(str(path)) as container:
        assert container.streams.video, "the cover is a stream to ffmpeg"
    assert not is_video(path)
    with pytest.raises(MediaError, match="must hold a film") as caught:
        sample_frames(path, 1)
    assert caught.value.status == "no_video_stream"


def test_a_film_of_one_frame_is_no_film_but_can_be_sampled(tmp_path: Path) -> None:
    write_film(tmp_path / "one.mp4", n_frames=1)
    assert not is_video(tmp_path / "one.mp4")
    assert len(sample_frames(tmp_path / "one.mp4", 3)) == 1


def test_missing_empty_and_cut_files_have_a_status(tmp_path: Path) -> None:
    write_film(tmp_path / "whole.mp4")
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.mp4").touch()
    for name, status in [("nowhere.mp4", "missing_file"), ("empty.mp4", "empty_file"), ("cut.mp4", "unreadable_video")]:
        assert not is_video(tmp_path / name)
        with pytest.raises(MediaError, match=name) as caught:
            sample_frames(tmp_path / name, 2)
        assert caught.value.status == status


def test_damage_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "film.mpg"
    write_film(path, codec="mpeg1video")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = np.random.default_rng(0).bytes(200)
    path.write_bytes(bytes(content))
    assert len(sample_frames(path, 5)) >= 3


def test_names_that_look_like_options_or_addresses_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "film.mp4", n_frames=5)
    for name in ("-film.mp4", "http:film.mp4", "a film"):
        Path(name).write_bytes((tmp_path / "film.mp4").read_bytes())
        assert is_video(name)
        assert len(sample_frames(name, 2)) == 2


def test_real_videos_are_films_and_edge_cases_have_their_status(real_data: Path) -> None:
    videos = real_data / "videos"
    for path in [*sorted((videos / "grid").glob("*.mpg"))[:2], *sorted((videos / "wild").glob("*.mp4"))[:1]]:
        assert is_video(path)
        frames = sample_frames(path, 3)
        assert len(frames) == 3
        assert all(f.std() > 20 for f in frames)
    assert is_video(videos / "edge" / "portrait_1080x1920.mp4")
    for name, status in [
        ("truncated.mp4", "unreadable_video"),
        ("not_a_video.mp4", "unreadable_video"),
        ("empty.mp4", "empty_file"),
    ]:
        with pytest.raises(MediaError) as caught:
            sample_frames(videos / "edge" / name, 1)
        assert caught.value.status == status
