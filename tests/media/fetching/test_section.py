"""A section shows and says what the whole video does at that time, to the pixel and to the sample."""

from __future__ import annotations

import io
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from visavox.media.fetching.section import RUN_IN_S, UncutError, container_format, cut_section

LAYOUTS: dict[str, dict[str, Any]] = {
    "mp4": {},
    "index first": {"options": {"movflags": "faststart"}},
    "fragments": {"options": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}},
    "fragments with an index": {"options": {"movflags": "dash+global_sidx+frag_keyframe"}},
    "no B-frames, no sound": {"n_between": 0, "sound": None},
    "begins at 0.07 s": {"options": {"movflags": "frag_keyframe+empty_moov"}, "sound": None},
    "matroska": {"format": "matroska"},
    "webm": {"format": "webm", "picture": "libvpx-vp9", "sound": "libopus", "seconds": 3.0},
    "vp8": {"format": "webm", "picture": "libvpx", "sound": "libopus", "seconds": 3.0},
}
SECTIONS = [(None, 1.0), (0.0, 0.5), (0.3, 0.8), (1.1, 1.7), (2.4, None), (None, None)]


@pytest.fixture(scope="module")
def films(write_film: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder, made = tmp_path_factory.mktemp("films"), {}

    def film(layout: str) -> Path:
        if layout not in made:
            path = folder / str(len(made))
            write_film(path, **{"format": "mp4", "seconds": 4.0, **LAYOUTS[layout]})
            made[layout] = path
        return made[layout]

    return film


def cut(path: Path, out: Path, start_s: float | None, end_s: float | None) -> Any:
    with path.open("rb") as whole, out.open("wb") as part:
        return cut_section([whole], part, start_s=start_s, end_s=end_s)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_frames_and_samples_are_those_of_the_whole(
    layout: str, films: Any, frames_of: Any, sound_of: Any, tmp_path: Path
) -> None:
    whole, out = films(layout), tmp_path / "out"
    frames = frames_of(whole)
    for start_s, end_s in SECTIONS:
        section = cut(whole, out, start_s, end_s)
        first_s, last_s = start_s or 0.0, end_s or frames[-1][0] + 1
        assert 0 <= section.begin_s <= max(0.0, first_s - RUN_IN_S)
        assert section.suffix == (".mkv" if layout == "vp8" else ".mp4")
        part = {round((time_s + section.begin_s) * 1e3): image for time_s, image in frames_of(out)}
        wanted = [(time_s, image) for time_s, image in frames if first_s - 0.3 <= time_s < last_s]
        assert wanted
        for time_s, image in wanted:
            near = [part[ms] for ms in range(round(time_s * 1e3) - 1, round(time_s * 1e3) + 2) if ms in part]
            assert len(near) == 1
            np.testing.assert_array_equal(near[0], image)
        if LAYOUTS[layout].get("sound", "aac"):
            within_s = 0.0012 if layout in ("matroska", "webm", "vp8") else 3e-5
            _compare_sound(sound_of(whole), sound_of(out), section.begin_s, first_s, last_s, within_s=within_s)


def _compare_sound(
    whole: Any, part: Any, begin_s: float, first_s: float, last_s: float, *, within_s: float = 3e-5
) -> None:
    """To a sample, or to `within_s` where the container rounds times."""
    times_s, samples = whole
    # What Opus needs to start has no place in a Matroska file that begins at 0.
    is_wanted = (times_s >= max(first_s, 0.15 if within_s > 1e-3 else 0.0)) & (times_s < min(last_s, times_s[-1] - 0.1))
    times_s, samples = times_s[is_wanted][::4], samples[is_wanted][::4]
    apart = min(
        # Also of its first moments alone, where an encoder's run-in would be missed.
        max(float(error.mean()), float(error[:500].mean()))
        for late_s in np.linspace(-within_s, within_s, 25)
        for error in [np.abs(np.interp(times_s + late_s, part[0] + begin_s, part[1]) - samples)]
    )
    assert np.abs(samples).mean() > 0.1
    assert apart < 0.03


def test_a_section_holds_little_more_than_was_asked_for(films: Any, frames_of: Any, tmp_path: Path) -> None:
    section = cut(films("mp4"), tmp_path / "out", 2.0, 2.5)
    frames = frames_of(tmp_path / "out")
    assert section.begin_s >= 2.0 - RUN_IN_S - 20 / 29.97
    assert frames[0][0] == 0.0
    assert frames[-1][0] + section.begin_s <= 2.5 + RUN_IN_S + 0.2
    assert (tmp_path / "out").stat().st_size < films("mp4").stat().st_size / 1.5


def test_a_start_behind_the_end_gives_the_last_part(films: Any, frames_of: Any, tmp_path: Path) -> None:
    """Its length then tells the reader that the start lies behind it."""
    section = cut(films("mp4"), tmp_path / "out", 100.0, 101.0)
    assert 3.0 < section.begin_s < 4.0
    assert frames_of(tmp_path / "out")[-1][0] + section.begin_s == pytest.approx(119 / 29.97, abs=0.01)


def test_picture_and_sound_of_two_files_are_joined(
    write_film: Any, frames_of: Any, sound_of: Any, tmp_path: Path
) -> None:
    whole = write_film(tmp_path / "whole.mp4", seconds=3.0)
    for kind in ("video", "audio"):
        with av.open(str(whole.path)) as source, av.open(str(tmp_path / kind), "w", format="mp4") as target:
            stream = getattr(source.streams, kind)[0]
            copy = target.add_stream_from_template(stream, opaque=True)
            for packet in source.demux(stream):
                if packet.size:
                    packet.stream = copy
                    target.mux(packet)
    with (
        (tmp_path / "video").open("rb") as picture,
        (tmp_path / "audio").open("rb") as sound,
        (tmp_path / "out").open("wb") as out,
    ):
        section = cut_section([picture, sound], out, start_s=1.5, end_s=2.0)
    assert 0.3 < section.begin_s <= 1.0
    referee = {round(time_s, 2): image for time_s, image in frames_of(tmp_path / "video")}
    for time_s, image in frames_of(tmp_path / "out"):
        np.testing.assert_array_equal(image, referee[round(time_s + section.begin_s, 2)])
    _compare_sound(sound_of(tmp_path / "audio"), sound_of(tmp_path / "out"), section.begin_s, 1.5, 2.0)


def test_a_lying_film_stays_lying_and_wide_pixels_stay_wide(tmp_path: Path) -> None:
    path = tmp_path / "lying.mov"
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p")
        stream.codec_context.sample_aspect_ratio = 2
        for index in range(25):
            image = np.full((48, 64, 3), index * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode())
    # A quarter turn, as a phone writes it, in the matrix of the track's header.
    data, unit = path.read_bytes(), (1 << 16).to_bytes(4, "big")
    straight = unit + bytes(12) + unit + bytes(12) + (1 << 30).to_bytes(4, "big")
    turned = bytes(4) + unit + bytes(4) + (-(1 << 16)).to_bytes(4, "big", signed=True) + bytes(16) + straight[-4:]
    assert straight in data[data.index(b"tkhd") :]
    place = data.index(straight, data.index(b"tkhd"))
    path.write_bytes(data[:place] + turned + data[place + len(turned) :])
    cut(path, tmp_path / "out", 0.7, 0.9)
    for file in (path, tmp_path / "out"):
        with av.open(str(file)) as container:
            assert container.streams.video[0].sample_aspect_ratio == 2
            assert abs(next(container.decode(video=0)).rotation) == 90


def test_sound_without_a_picture_is_cut_at_its_packets(write_film: Any, sound_of: Any, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        wave = np.sin(np.arange(64_000) ** 2 / 1e6).astype(np.float32)
        for first in range(0, 64_000, 1024):
            frame = av.AudioFrame.from_ndarray(wave[None, first : first + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    section = cut(tmp_path / "a.m4a", tmp_path / "out", 2.0, 2.5)
    assert 1.4 < section.begin_s <= 1.5
    _compare_sound(sound_of(tmp_path / "a.m4a"), sound_of(tmp_path / "out"), section.begin_s, 2.0, 2.5)


@pytest.mark.parametrize("damage", ["half", "zeros", "avi", "empty", "header alone"])
def test_what_cannot_be_cut_says_so(damage: str, film: Any, write_film: Any, tmp_path: Path) -> None:
    data = {
        "half": film.data[: len(film.data) // 2],
        "zeros": film.data[:40] + bytes(len(film.data) - 40),
        "avi": write_film(tmp_path / "a.avi", format="avi", sound=None, seconds=0.5, n_between=0).data,
        "empty": b"",
        "header alone": film.data[:32],
    }[damage]
    with pytest.raises(UncutError, match="can only be taken whole"):
        cut_section([io.BytesIO(data)], io.BytesIO(), start_s=1.0, end_s=2.0)


def test_a_full_disk_is_an_error_of_the_disk(film: Any, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            cut(film.path, tmp_path / "out", 1.0, 5.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_first_bytes_tell_the_container(film: Any) -> None:
    assert container_format(film.data[:12]) == "mov"
    assert container_format(b"") is None
    assert container_format(b"#EXTM3U\nftyp") is None
