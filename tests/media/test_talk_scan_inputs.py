"""Whatever lies in a pile of videos is read, or leaves a status: rhythms, turns, depths, channels, damage and bombs."""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from visavox.errors import MediaError
from visavox.media import talk_scan
from visavox.media.audio import SAMPLE_RATE, Voice, voice_blocks
from visavox.media.sampled_frame import SampledFrame
from visavox.media.talk_scan import TalkScan, scan_talk
from visavox.media.video import is_video, sample_frames

Number = Callable[[np.ndarray], int]


class Heard:
    """Stands in for a recorder and keeps all that it is given."""

    def __init__(self) -> None:
        self.voice: Voice = np.empty(0, np.float32)

    def hear(self, block: Voice) -> None:
        self.voice = np.concatenate([self.voice, block])


def scan(path: Path, frames_per_s: float = 2.0, **section: float) -> tuple[TalkScan, list[SampledFrame], Voice]:
    heard, frames = Heard(), []
    found = scan_talk(path, frames_per_s=frames_per_s, on_frame=frames.append, recorder=heard, **section)  # type: ignore[arg-type]
    return found, frames, heard.voice


def statuses(found: TalkScan) -> tuple[str | None, str | None]:
    problems = found.picture_problem, found.sound_problem
    assert not any("\n" in str(problem) for problem in problems)
    return tuple(problem.status if problem else None for problem in problems)  # type: ignore[return-value]


def refused(path: Path, **section: float) -> str:
    with pytest.raises(MediaError) as caught:
        scan(path, **section)
    assert "\n" not in str(caught.value)
    return caught.value.status


def test_a_variable_frame_rate_is_taken_by_its_times(film: Any, say_number: Number) -> None:
    times = [0, 1, 2, 30, 31, 70, 71, 72, 90]
    _, frames, _ = scan(film("phone.mp4", times=times, seconds=4.0).write())
    assert [say_number(frame.full()) for frame in frames] == [0, 2, 31, 72]  # at 0, 0.5 (and 1), 1.5 to 2.5, 3 s
    _, frames, _ = scan(film("phone.mkv", times=times, seconds=4.0).write(), start_s=1.0, end_s=2.0)
    assert [say_number(frame.full()) for frame in frames] == [2, 31]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_phone_gives_upright_pictures(film: Any, say_number: Number, degrees: int) -> None:
    path = film("phone.mp4", tune=lambda stream: stream.set_display_rotation(degrees)).write()
    _, frames, _ = scan(path)
    size = (48, 64) if degrees in (90, 270) else (64, 48)
    assert (frames[1].width_px, frames[1].height_px) == size
    turned_back = np.rot90(frames[1].full(), k=-degrees // 90)
    assert say_number(turned_back) == 12 or say_number(np.rot90(turned_back, k=2)) == 12


def test_pixels_that_are_not_square_are_told(film: Any) -> None:
    wide = Fraction(4, 3)
    path = film("tv.mkv", tune=lambda s: setattr(s.codec_context, "sample_aspect_ratio", wide)).write()
    _, frames, _ = scan(path)
    assert (frames[0].width_px, frames[0].height_px) == (85, 48)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
@pytest.mark.parametrize(("layout", "n_channels"), [("mono", 1), ("stereo", 2), ("5.1", 6)])
def test_all_channels_count_alike_at_every_rate(film: Any, rate: int, layout: str, n_channels: int) -> None:
    time_s = np.arange(2 * rate) / rate
    samples = np.zeros((n_channels, 2 * rate), np.float32)
    # Of 5.1 channel 2 is the centre, which carries the dialogue.
    samples[2 if n_channels == 6 else 0] = 0.6 * np.sin(2 * np.pi * 440 * time_s)
    path = film("talk.mkv", sound="pcm_s16le", rate=rate, layout=layout, samples=samples).write()
    found, _, voice = scan(path)
    assert statuses(found) == (None, None)
    assert len(voice) == 2 * SAMPLE_RATE
    expected = 0.6 / n_channels * np.sin(2 * np.pi * 440 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)
    np.testing.assert_allclose(voice[400:-400], expected[400:-400], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("ten.mkv", "libx265", "yuv420p10le"),
        ("ten.mp4", "libx264", "yuv420p10le"),
        ("ten.mkv", "ffv1", "yuv420p16le"),
        ("chroma.mkv", "libx264", "yuv444p"),
    ],
)
def test_more_than_8_bits_are_read(film: Any, say_number: Number, name: str, codec: str, pixels: str) -> None:
    found, frames, _ = scan(film(name, codec=codec, pixels=pixels).write())
    assert [say_number(frame.full()) for frame in frames] == [0, 12, 25, 37]
    assert frames[0].full().dtype == np.uint8
    assert statuses(found) == (None, None)


@pytest.mark.parametrize(("picture_s", "sound_s"), [(2.0, 5.0), (5.0, 2.0), (2.0, 0.02)])
def test_picture_and_sound_of_two_lengths_are_both_whole(film: Any, picture_s: float, sound_s: float) -> None:
    found, frames, voice = scan(film("talk.mkv", seconds=picture_s, sound_s=sound_s, sound="pcm_s16le").write())
    assert found.n_frames == picture_s * 25
    assert found.duration_s == pytest.approx(picture_s, abs=0.01)
    assert len(frames) == picture_s * 2
    assert len(voice) == pytest.approx(sound_s * SAMPLE_RATE, abs=2)


def test_a_section_behind_the_end_of_one_half_leaves_the_other(film: Any) -> None:
    found, frames, voice = scan(film("talk.mkv", seconds=2.0, sound_s=5.0).write(), start_s=3.0, end_s=4.0)
    assert statuses(found) == ("past_the_end", None)
    assert (frames, len(voice)) == ([], SAMPLE_RATE)
    found, frames, voice = scan(film("film.mkv", seconds=5.0, sound_s=2.0).write(), start_s=3.0, end_s=4.0)
    assert statuses(found) == (None, "past_the_end")
    assert (len(frames), len(voice)) == (2, 0)


def test_halves_that_begin_apart_share_one_clock(film: Any, say_number: Number) -> None:
    path = film("talk.mkv", seconds=3.0, picture_from_s=1.0, sound="pcm_s16le", rate=16_000).write()
    _, frames, voice = scan(path)
    assert [f.time_s for f in frames] == pytest.approx([1.0, 1.48, 2.0, 2.48, 3.0, 3.48], abs=0.002)
    _, frames, part = scan(path, start_s=2.0, end_s=2.5)
    assert [say_number(frame.full()) for frame in frames] == [25]
    np.testing.assert_allclose(part[300:-300], voice[32_300:39_700], atol=0.01)
    _, frames, voice = scan(film("late.mkv", seconds=3.0, sound_from_s=1.0).write(), end_s=2.0)
    assert len(frames) == 4
    assert len(voice) == pytest.approx(SAMPLE_RATE, abs=0.03 * SAMPLE_RATE)


def test_one_half_alone_is_read_and_the_other_has_its_status(film: Any, tmp_path: Path) -> None:
    found, frames, _ = scan(film("film.mp4", sound=None).write())
    assert (statuses(found), len(frames)) == ((None, "no_audio_stream"), 4)
    found, frames, voice = scan(film("voice.mp4", codec=None).write())
    assert (statuses(found), frames) == (("no_video_stream", None), [])
    assert len(voice) == pytest.approx(2 * SAMPLE_RATE, abs=1500)
    assert found.duration_s == len(voice) / SAMPLE_RATE


def test_a_song_with_a_cover_has_no_moving_picture(film: Any, tmp_path: Path) -> None:
    song = film("plain.mp3", codec=None, sound="libmp3lame").write()
    Image.new("RGB", (32, 32)).save(tmp_path / "cover.jpg")
    body = b"\0image/jpeg\0\3\0" + (tmp_path / "cover.jpg").read_bytes()
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    (tmp_path / "song.mp4").write_bytes(b"ID3\3\0\0" + size + frame + song.read_bytes())
    found, frames, voice = scan(tmp_path / "song.mp4")
    assert (statuses(found), frames) == (("no_video_stream", None), [])
    assert len(voice) > SAMPLE_RATE


def test_what_is_no_video_has_its_status(tmp_path: Path) -> None:
    grey = [Image.new("RGB", (32, 32), (40 * i, 0, 0)) for i in range(4)]
    grey[0].save(tmp_path / "moving.gif", save_all=True, append_images=grey[1:], duration=40)
    grey[0].save(tmp_path / "still.png")
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    (tmp_path / "page.mp4").write_text("<!DOCTYPE html><html>" + "not found " * 100, encoding="utf-8")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    for name, status in [
        ("moving.gif", "no_video_stream"),
        ("still.png", "no_video_stream"),
        ("text.mp4", "unreadable_video"),
        ("page.mp4", "unreadable_video"),
        ("empty.mp4", "empty_file"),
        ("folder.mp4", "missing_file"),
        ("nowhere.mp4", "missing_file"),
    ]:
        assert refused(tmp_path / name) == status, name


@pytest.mark.parametrize(
    "name", ["a:b.mp4", "-i.mp4", "http:x.mp4", "two\nlines.mp4", 'it\'s "it".mp4', "ünï 話.mp4", "%d.mp4", "no suffix"]
)
def test_any_name_is_a_file(film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    plain = film("plain.mp4", seconds=0.4).write()
    plain.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    found, frames, _ = scan(Path(name))
    assert (statuses(found), len(frames)) == ((None, None), 1)


def test_a_file_without_its_table_is_truncated(film: Any) -> None:
    path = film("talk.mp4").write()
    path.write_bytes(path.read_bytes()[:-1200])
    assert refused(path) == "truncated"


@pytest.mark.parametrize(("name", "kind"), [("cut.mpg", ("mpeg1video", "mp2")), ("cut.mkv", ("libx264", "aac"))])
def test_of_a_file_cut_short_what_is_there_is_taken(film: Any, name: str, kind: tuple[str, str]) -> None:
    path = film(name, codec=kind[0], sound=kind[1], seconds=4.0).write()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found, frames, voice = scan(path)
    assert statuses(found) == (None, None)
    assert len(frames) >= 2
    assert 25 < found.n_frames <= 100
    assert 0.2 * 4 * SAMPLE_RATE < len(voice) < 4 * SAMPLE_RATE


def damage(path: Path, kind: str, which: slice, byte: int) -> None:
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in [p for p in container.demux(getattr(container.streams, kind)[0]) if p.size][which]:
            content[packet.pos : packet.pos + packet.size] = bytes([byte]) * packet.size
    path.write_bytes(bytes(content))


def test_damage_inside_is_passed_over_with_a_log_line(film: Any, caplog: pytest.LogCaptureFixture) -> None:
    path = film("talk.mp4", keyframe_every=5).write()
    damage(path, "video", slice(10, 20), 0)
    damage(path, "audio", slice(10, 20), 0xFF)
    with caplog.at_level(logging.WARNING):
        found, frames, voice = scan(path)
    assert statuses(found) == (None, None)
    assert len(frames) >= 3
    assert len(voice) > SAMPLE_RATE
    assert "damaged packets of picture" in caplog.text
    assert "damaged packets of sound" in caplog.text


def test_halves_fail_apart(film: Any) -> None:
    path = film("talk.mp4").write()
    damage(path, "video", slice(None), 0)
    found, frames, voice = scan(path)
    assert (statuses(found), frames) == (("unreadable_video", None), [])
    assert len(voice) > SAMPLE_RATE
    path = film("talk.mp4").write()
    damage(path, "audio", slice(None), 0xFF)
    found, frames, voice = scan(path)
    assert (statuses(found), len(frames), len(voice)) == ((None, "unreadable_audio"), 4, 0)


def test_sound_in_other_units_is_refused(film: Any) -> None:
    samples = np.full((1, 32_000), 20.0, np.float32)
    found, frames, _ = scan(film("talk.mov", sound="pcm_f32le", rate=16_000, samples=samples).write())
    assert (statuses(found), len(frames)) == ((None, "unreadable_audio"), 4)


def test_recordings_that_were_joined_go_on(film: Any, say_number: Number) -> None:
    """The clock of the second begins anew, and all of its frames lie before the last of the first."""
    path = film("joined.ts", seconds=3.0).write()
    path.write_bytes(path.read_bytes() * 2)
    found, frames, voice = scan(path)
    assert found.n_frames == pytest.approx(150, abs=2)
    assert found.duration_s == pytest.approx(6.0, abs=0.2)
    assert len(frames) == pytest.approx(12, abs=1)
    assert len(voice) == pytest.approx(6 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)


def write_declaring(path: Path, width: int, height: int) -> None:
    """A raw AVI of 64 x 48 pixels whose header claims others."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")))
    content = bytearray(path.read_bytes())
    at = content.index(b"strf") + 12  # name, size, size again
    content[at : at + 8] = struct.pack("<ii", width, height)
    path.write_bytes(bytes(content))


def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_declaring(tmp_path / "beyond ffmpeg.avi", 30_000, 30_000)
    found, frames, _ = scan(tmp_path / "beyond ffmpeg.avi")
    assert (statuses(found)[0], frames) == ("image_too_large", [])
    monkeypatch.setattr(talk_scan._Scan, "_frames", lambda self, packet: pytest.fail("decoded"))
    write_declaring(tmp_path / "bomb.avi", 9_000, 9_000)
    found, _, _ = scan(tmp_path / "bomb.avi")
    assert statuses(found)[0] == "image_too_large"
    assert "may have 36000000 pixels at most" in str(found.picture_problem)


def test_the_largest_picture_that_is_allowed_can_be_decoded(tmp_path: Path) -> None:
    """36 million pixels, while its decoder asks for the edges that it adds as well."""
    with av.open(str(tmp_path / "largest.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 6_000, 6_000, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.full((9_000, 6_000), 128, np.uint8), format="yuv420p")
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    found, frames, _ = scan(tmp_path / "largest.mp4")
    assert (statuses(found)[0], len(frames)) == (None, 1)


def test_pixels_that_claim_to_be_wide_are_refused(film: Any) -> None:
    wide = Fraction(60_000, 1)
    path = film("wide.mkv", codec="mpeg4", tune=lambda s: setattr(s, "sample_aspect_ratio", wide)).write()
    with av.open(str(path)) as container:
        ratio = container.streams.video[0].sample_aspect_ratio
    found, _, _ = scan(path)
    assert statuses(found)[0] == ("image_too_large" if ratio and ratio > 20_000 else None)


def test_a_small_packet_that_holds_a_huge_picture_is_not_decoded(tmp_path: Path) -> None:
    Image.new("1", (9_000, 9_000)).save(tmp_path / "huge.png")
    with av.open(str(tmp_path / "bomb.mov"), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        (packet,) = stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24"))
        for content, moment in ((bytes(packet), 0), ((tmp_path / "huge.png").read_bytes(), 1)):
            copy = av.Packet(content)
            copy.stream, copy.pts, copy.dts, copy.time_base = stream, moment, moment, Fraction(1, 25)
            copy.is_keyframe = True
            container.mux(copy)
    found, frames, _ = scan(tmp_path / "bomb.mov", 25.0)
    assert all(frame.width_px * frame.height_px <= talk_scan.MAX_FRAME_PIXELS for frame in frames)
    assert statuses(found)[0] in (None, "image_too_large", "unreadable_video")


def test_two_frames_that_claim_to_last_for_days_take_no_time(film: Any) -> None:
    path = film("days.mkv", times=[0, 25 * 100_000], sound=None).write()
    begun = time.perf_counter()
    found, frames, _ = scan(path, 1000.0)
    assert time.perf_counter() - begun < 1.0
    assert found.duration_s == pytest.approx(100_000, abs=1)
    assert len(frames) == 2


SESSION = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=x
c=IN IP4 127.0.0.1
t=0 0
m=video 5004 RTP/AVP 96
a=rtpmap:96 H264/90000
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("talk.mp4", SESSION),
        ("talk.mp4", "ffconcat version 1.0\nfile secret.mp4\n"),
        ("talk.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://HOST/secret.ts\n#EXT-X-ENDLIST\n"),
    ],
)
def test_a_file_that_names_others_opens_none_of_them(
    name: str, content: str, film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session description called talk.mp4 opened ports and held its worker for ever; a concat script showed another
    file of the working folder; a playlist asked a server, whichever it named.
    """
    folder = film("secret.mp4").write().parent
    monkeypatch.chdir(folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        host = f"127.0.0.1:{server.getsockname()[1]}"
        path = folder / name
        path.write_text(content.replace("HOST", host))
        for read in (scan, lambda path: list(voice_blocks(path)), lambda path: sample_frames(path, 1)):
            with pytest.raises(MediaError) as caught:
                read(path)
            assert caught.value.status in ("unreadable_video", "unreadable_audio")
        assert not is_video(path)
        with pytest.raises(TimeoutError):
            server.accept()
