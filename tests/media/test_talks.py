"""Picture and sound of a video in one pass: equal to the readers of each alone, and failing apart."""

from __future__ import annotations

import logging
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.errors import MediaError
from visavox.media import talks
from visavox.media.audio import read_voice
from visavox.media.talks import Talk, read_talk
from visavox.media.video import sample_frames
from visavox.media.video_writing import write_video

WIDTH, HEIGHT = 64, 48


def level_of(frame: np.ndarray) -> int:
    """Which frame of `write_talk` this is, by its grey level."""
    return round(float(frame.mean()) / 4)


def hum(duration_s: float, rate: int) -> np.ndarray:
    time_s = np.arange(round(duration_s * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * time_s) * (0.6 + 0.4 * np.sin(12 * time_s))).astype(np.float32)


def write_talk(
    path: Path,
    *,
    codecs: tuple[str, str] = ("libx264", "aac"),
    sound: tuple[int, str, str] = (44_100, "stereo", "fltp"),
    n_frames: int = 50,
    keyframe_every: int = 12,
    options: dict[str, str] | None = None,
) -> None:
    """Frame i is grey of level 4 i; 25 frames a second; a hum as long as the frames."""
    rate, layout, kind = sound
    with av.open(str(path), "w", options=options or {}) as container:
        film = container.add_stream(codecs[0], rate=25)
        film.width, film.height, film.pix_fmt, film.gop_size = WIDTH, HEIGHT, "yuv420p", keyframe_every
        voice = container.add_stream(codecs[1], rate=rate, layout=layout)
        for i in range(n_frames):
            pixels = np.full((HEIGHT, WIDTH, 3), 4 * i, dtype=np.uint8)
            container.mux(film.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(film.encode())
        samples = np.tile(hum(n_frames / 25, rate), (2 if layout == "stereo" else 1, 1))
        plain = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        plain.sample_rate = rate
        resampler = av.AudioResampler(format=kind, layout=layout, rate=rate, frame_size=voice.frame_size or 1024)
        for frame in [*resampler.resample(plain), *resampler.resample(None)]:
            container.mux(voice.encode(frame))
        container.mux(voice.encode())


def ours(path: Path, *, n_frames: int = 50) -> None:
    """The same film by `write_video`."""
    frames = [np.full((HEIGHT, WIDTH, 3), 4 * i, dtype=np.uint8) for i in range(n_frames)]
    write_video(path, frames, hum(n_frames / 25, 16_000))


def overwrite_packets(path: Path, kind: str, byte: int) -> None:
    """Fill every packet of one stream with one byte."""
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in container.demux(getattr(container.streams, kind)[0]):
            if packet.size:
                content[packet.pos : packet.pos + packet.size] = bytes([byte]) * packet.size
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("name", "codecs", "sound"),
    [
        ("talk.mp4", ("libx264", "aac"), (44_100, "stereo", "fltp")),
        ("talk.mov", ("mpeg4", "pcm_s16le"), (16_000, "mono", "s16")),
        ("talk.mkv", ("libx264", "libmp3lame"), (48_000, "stereo", "fltp")),
        ("talk.webm", ("libvpx", "libopus"), (48_000, "mono", "flt")),
        ("talk.avi", ("mpeg4", "libmp3lame"), (22_050, "mono", "fltp")),
        ("talk.mpg", ("mpeg1video", "mp2"), (44_100, "mono", "s16")),
    ],
)
@pytest.mark.parametrize("n_wanted", [1, 5])
def test_one_pass_gives_what_the_two_readers_give(
    tmp_path: Path, name: str, codecs: tuple[str, str], sound: tuple[int, str, str], n_wanted: int
) -> None:
    path = tmp_path / name
    write_talk(path, codecs=codecs, sound=sound)
    talk = read_talk(path, n_frames=n_wanted)
    expected = sample_frames(path, n_wanted)
    assert len(talk.frames) == len(talk.times_s) == len(expected) == n_wanted
    assert all(np.array_equal(a, b) for a, b in zip(talk.frames, expected, strict=True))
    np.testing.assert_array_equal(talk.voice, read_voice(path))
    assert talk.voice.std() > 0.05
    assert (talk.picture_problem, talk.sound_problem) == (None, None)
    assert talk.duration_s == pytest.approx(2.0, abs=0.15)
    middles = [2.0 * (i + 0.5) / n_wanted for i in range(n_wanted)]
    np.testing.assert_allclose(talk.times_s, middles, atol=0.1)


def test_frames_are_dated_by_their_own_time(tmp_path: Path) -> None:
    ours(tmp_path / "talk.mp4")
    talk = read_talk(tmp_path / "talk.mp4", n_frames=4)
    np.testing.assert_allclose([level_of(frame) / 25 for frame in talk.frames], talk.times_s, atol=0.021)
    assert talk.duration_s == pytest.approx(2.0)


def test_a_film_without_sound_still_shows_a_face(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for _ in range(5):
            pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    talk = read_talk(tmp_path / "film.mp4", n_frames=2)
    assert len(talk.frames) == 2
    assert talk.picture_problem is None
    assert talk.voice.shape == (0,)
    assert problem(talk.sound_problem) == "no_audio_stream"
    assert "It holds video only" in str(talk.sound_problem)


def test_sound_named_as_a_video_is_still_a_voice(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "voice.wav", hum(1.0, 16_000), 16_000)
    (tmp_path / "voice.wav").rename(tmp_path / "voice.mp4")
    talk = read_talk(tmp_path / "voice.mp4", n_frames=2)
    assert (talk.frames, talk.times_s) == ((), ())
    assert problem(talk.picture_problem) == "no_video_stream"
    np.testing.assert_array_equal(talk.voice, read_voice(tmp_path / "voice.mp4"))
    assert talk.duration_s == pytest.approx(1.0)


def problem(error: MediaError | None) -> str:
    assert error is not None
    assert "\n" not in str(error)
    return error.status


def test_a_broken_picture_leaves_the_voice(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    ours(path)
    whole = read_voice(path)
    overwrite_packets(path, "video", 0)
    talk = read_talk(path, n_frames=3)
    assert talk.frames == ()
    assert problem(talk.picture_problem) == "unreadable_video"
    np.testing.assert_array_equal(talk.voice, whole)


def test_broken_sound_leaves_the_frames(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    ours(path)
    overwrite_packets(path, "audio", 0xFF)
    talk = read_talk(path, n_frames=3)
    assert [level_of(frame) for frame in talk.frames] == pytest.approx([8, 25, 41], abs=1)
    assert problem(talk.sound_problem) == "unreadable_audio"
    with pytest.raises(MediaError) as caught:
        read_voice(path)
    assert caught.value.status == "unreadable_audio"


@pytest.mark.parametrize("value", [20.0, np.nan])
def test_sound_in_other_units_is_refused_as_read_voice_does(tmp_path: Path, value: float) -> None:
    path = tmp_path / "talk.mov"
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=25)
        film.width, film.height, film.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        voice = container.add_stream("pcm_f32le", rate=16_000, layout="mono")
        for _ in range(25):
            container.mux(
                film.encode(av.VideoFrame.from_ndarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8), format="rgb24"))
            )
        container.mux(film.encode())
        frame = av.AudioFrame.from_ndarray(np.full((1, 16_000), value, np.float32), format="flt", layout="mono")
        frame.sample_rate = 16_000
        container.mux(voice.encode(frame))
        container.mux(voice.encode())
    talk = read_talk(path, n_frames=1)
    assert len(talk.frames) == 1
    assert problem(talk.sound_problem) == "unreadable_audio"
    assert "peak" in str(talk.sound_problem)


def test_files_that_hold_nothing_have_their_status(tmp_path: Path) -> None:
    ours(tmp_path / "whole.mp4")
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    n_table = len(content) - content.rindex(b"moov") + 4  # after the cut, and nobody can know its length
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    Image.new("RGB", (32, 32)).save(tmp_path / "still.png")
    (tmp_path / "still.png").rename(tmp_path / "still.mp4")
    for name, status in [
        ("nowhere.mp4", "missing_file"),
        ("empty.mp4", "empty_file"),
        ("cut.mp4", "truncated"),
        ("text.mp4", "unreadable_video"),
        ("still.mp4", "unreadable_video"),
    ]:
        with pytest.raises(MediaError, match=name) as caught:
            read_talk(tmp_path / name, n_frames=2)
        assert problem(caught.value) == status
    with pytest.raises(MediaError, match=f"at least {len(content) - len(content) // 2 - n_table} bytes"):
        read_talk(tmp_path / "cut.mp4", n_frames=2)


def test_of_a_file_cut_short_after_its_table_what_is_there_is_taken(tmp_path: Path) -> None:
    write_talk(tmp_path / "whole.mp4", options={"movflags": "faststart"})
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) * 2 // 3])
    talk = read_talk(tmp_path / "cut.mp4", n_frames=5)
    assert 1 <= len(talk.frames) < 5
    assert talk.picture_problem is None


def test_damage_inside_is_passed_over_with_a_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "talk.mp4"
    ours(path)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(container.streams.video[0]) if p.size]
        damaged = [(p.pos, p.size) for p in packets[20:30]]
    content = bytearray(path.read_bytes())
    for at, size in damaged:
        content[at : at + size] = bytes(size)
    path.write_bytes(bytes(content))
    with caplog.at_level(logging.WARNING):
        talk = read_talk(path, n_frames=5)
    assert len(talk.frames) >= 3
    assert "10 damaged packets of picture were skipped" in caplog.text


@pytest.mark.parametrize(
    ("name", "codec"), [("talk.mp4", "libx264"), ("talk.mkv", "mpeg4"), ("talk.mpg", "mpeg1video")]
)
@pytest.mark.parametrize("max_group", [1000, 5])
def test_passing_over_pictures_gives_the_same_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, max_group: int
) -> None:
    path = tmp_path / name
    sounds = {"talk.mpg": ("mp2", (44_100, "mono", "s16"))}.get(name, ("aac", (44_100, "mono", "fltp")))
    write_talk(path, codecs=(codec, sounds[0]), sound=sounds[1], keyframe_every=10)
    plain = read_talk(path, n_frames=4)
    monkeypatch.setattr(talks, "SKIP_BEYOND_S", 0.0)
    monkeypatch.setattr(talks, "MAX_GROUP", max_group)
    n_decoded = count_decoding(monkeypatch)
    skipping = read_talk(path, n_frames=4)
    # Pictures that open a group but are shown before its key frame may be lost.
    assert [level_of(f) for f in skipping.frames] == pytest.approx([level_of(f) for f in plain.frames], abs=2)
    np.testing.assert_array_equal(skipping.voice, plain.voice)
    if max_group == 1000:
        assert 4 <= len(n_decoded) <= 40


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one for each packet of picture that is decoded."""
    seen: list[int] = []
    decode = talks._Reader._decode

    def counted(self: talks._Reader, packet: av.Packet) -> object:
        seen.append(1)
        return decode(self, packet)

    monkeypatch.setattr(talks._Reader, "_decode", counted)
    return seen


def test_each_packet_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours(tmp_path / "talk.mp4")
    n_decoded = count_decoding(monkeypatch)
    read_talk(tmp_path / "talk.mp4", n_frames=5)
    assert 45 <= len(n_decoded) <= 51  # none after the last frame that is wanted


def test_less_than_one_frame_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"at least 1\. Got 0"):
        read_talk(tmp_path / "any.mp4", n_frames=0)


def test_names_that_look_like_addresses_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ours(tmp_path / "talk.mp4", n_frames=10)
    for name in ("-talk.mp4", "http:talk.mp4", "a talk"):
        Path(name).write_bytes((tmp_path / "talk.mp4").read_bytes())
        assert len(read_talk(name, n_frames=2).frames) == 2


def test_real_videos_have_picture_and_sound_or_a_status(real_data: Path) -> None:
    videos = real_data / "videos"
    for path in [*sorted((videos / "grid").glob("*.mpg"))[:2], *sorted((videos / "wild").glob("*.mp4"))[:1]]:
        talk = read_talk(path, n_frames=3)
        np.testing.assert_array_equal(talk.voice, read_voice(path))
        assert all(np.array_equal(a, b) for a, b in zip(talk.frames, sample_frames(path, 3), strict=True))
    assert statuses(read_talk(videos / "edge" / "silent_audio.mp4", n_frames=1)) == (None, None)
    for name, status in [
        ("truncated.mp4", "truncated"),
        ("not_a_video.mp4", "unreadable_video"),
        ("empty.mp4", "empty_file"),
    ]:
        with pytest.raises(MediaError) as caught:
            read_talk(videos / "edge" / name, n_frames=1)
        assert caught.value.status == status


def statuses(talk: Talk) -> tuple[str | None, str | None]:
    picture, sound = talk.picture_problem, talk.sound_problem
    return (picture.status if picture else None), (sound.status if sound else None)
