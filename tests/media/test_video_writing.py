"""Videos as written and as any reader gets them back: frames, colours, sound in its place, nothing half done."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from visavox.errors import ConfigError, DataError, MissingDependencyError
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.video import sample_frames
from visavox.media.video_writing import CRF, PRESET, write_video

HEIGHT, WIDTH = 48, 64


def greys(n_frames: int = 25) -> list[np.ndarray]:
    """Frame i is grey of level 30 + 4 i."""
    return [np.full((HEIGHT, WIDTH, 3), 30 + 4 * i, dtype=np.uint8) for i in range(n_frames)]


def noise(duration_s: float, *, seed: int = 0) -> np.ndarray:
    """Noise below 2 kHz, since AAC keeps no phase of high noise, whose loudness rises and falls."""
    rng = np.random.default_rng(seed)
    n_samples = round(duration_s * SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum[np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE) > 2000] = 0
    voice = np.fft.irfft(spectrum, n_samples)
    return (0.3 * voice / np.abs(voice).max()).astype(np.float32)


def lag(written: np.ndarray, read: np.ndarray, *, first: int, reach: int = 400) -> int:
    """Samples by which `read` is late around sample `first`, found by trying each."""
    part = written[first : first + 4000]
    scores = {k: float(part @ read[first + k : first + k + 4000]) for k in range(-reach, reach + 1)}
    return max(scores, key=lambda k: scores[k])


def lengths_s(path: Path) -> dict[str, float]:
    with av.open(str(path)) as container:
        return {stream.type: float(stream.duration * stream.time_base) for stream in container.streams}


def all_frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_every_frame_comes_back_in_its_place(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", greys(), noise(1.0))
    read = all_frames(tmp_path / "a.mp4")
    assert len(read) == 25
    assert all(frame.shape == (HEIGHT, WIDTH, 3) for frame in read)
    np.testing.assert_allclose([frame.mean() for frame in read], [30 + 4 * i for i in range(25)], atol=2)


@pytest.mark.parametrize("colour", [(200, 40, 40), (40, 180, 60), (30, 60, 220), (0, 0, 0), (255, 255, 255)])
def test_colours_keep_their_order_and_their_range(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    frame = np.full((HEIGHT, WIDTH, 3), colour, dtype=np.uint8)
    write_video(tmp_path / "a.mp4", [frame] * 5, noise(0.2))
    (read,) = sample_frames(tmp_path / "a.mp4", 1)
    np.testing.assert_allclose(read.mean(axis=(0, 1)), colour, atol=4)


def test_equal_input_gives_equal_bytes_without_a_date(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, iter(greys()), noise(1.0))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    with av.open(str(tmp_path / "a.mp4")) as container:
        tags = {**container.metadata, **container.streams[0].metadata, **container.streams[1].metadata}
    assert not {name for name in tags if "time" in name or "date" in name}


def test_what_differs_gives_other_bytes(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", greys(), noise(1.0))
    write_video(tmp_path / "b.mp4", greys(), noise(1.0, seed=1))
    write_video(tmp_path / "c.mp4", greys()[::-1], noise(1.0))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 3


@pytest.mark.parametrize(("n_frames", "fps"), [(25, 25), (183, 25), (100, 30), (3, 1), (48, 24)])
def test_sound_neither_starts_late_nor_drifts(tmp_path: Path, n_frames: int, fps: int) -> None:
    """AAC begins with 64 ms that are no sound, which readers must skip."""
    voice = noise(n_frames / fps)
    write_video(tmp_path / "a.mp4", (np.zeros((16, 16, 3), np.uint8) for _ in range(n_frames)), voice, fps=fps)
    read = read_voice(tmp_path / "a.mp4")
    assert len(voice) <= len(read) <= len(voice) + 1024
    for first in (1000, len(voice) // 2 - 2000, len(voice) - 5000):
        assert abs(lag(voice, read, first=first)) <= 2  # samples
    error = read[: len(voice)] - voice
    assert np.mean(error**2) < 0.02 * np.mean(voice**2)  # 17 dB below the voice


def test_a_click_is_heard_when_its_flash_is_seen(tmp_path: Path) -> None:
    flash = 40
    frames = [np.full((32, 32, 3), 255 * (i == flash), dtype=np.uint8) for i in range(60)]
    voice = np.zeros(round(60 / 25 * SAMPLE_RATE), dtype=np.float32)
    click = round(flash / 25 * SAMPLE_RATE)
    voice[click : click + 160] = 0.5 * np.sin(np.arange(160) * 0.6)
    write_video(tmp_path / "a.mp4", frames, voice)
    with av.open(str(tmp_path / "a.mp4")) as container:
        seen_s = [frame.time for frame in container.decode(video=0) if frame.to_ndarray(format="gray").mean() > 128]
    heard_s = int(np.argmax(np.abs(read_voice(tmp_path / "a.mp4")) > 0.2)) / SAMPLE_RATE
    assert seen_s == [pytest.approx(1.6)]
    assert heard_s == pytest.approx(1.6, abs=0.005)


@pytest.mark.parametrize("missing", [-600, -1, 0, 1, 600])
def test_sound_is_cut_or_filled_to_the_length_of_the_frames(tmp_path: Path, missing: int) -> None:
    write_video(tmp_path / "a.mp4", greys(), noise(2.0)[: SAMPLE_RATE - missing])
    assert lengths_s(tmp_path / "a.mp4") == {"video": 1.0, "audio": 1.0}


def test_a_single_frame_and_loud_sound_can_be_written(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", greys(1), 5 * noise(0.04))
    assert len(all_frames(tmp_path / "a.mp4")) == 1
    assert np.abs(read_voice(tmp_path / "a.mp4")).max() <= 1


def test_smaller_crf_and_slower_presets_do_as_they_say(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [np.clip(f + rng.normal(0, 6, f.shape), 0, 255).astype(np.uint8) for f in greys()]
    sizes = {}
    for preset, crf in ((PRESET, CRF), (PRESET, 10.0), (PRESET, 40.0), ("veryfast", CRF)):
        write_video(tmp_path / "a.mp4", frames, noise(1.0), preset=preset, crf=crf)
        sizes[preset, crf] = (tmp_path / "a.mp4").stat().st_size
    assert sizes[PRESET, 10.0] > sizes[PRESET, CRF] > sizes[PRESET, 40.0]
    assert sizes["veryfast", CRF] < sizes[PRESET, CRF]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((47, 64, 3), r"must be even and at least 16 px\. Got 47 x 64\. The nearest is 48 x 64"),
        ((48, 63, 3), r"The nearest is 48 x 64"),
        ((8, 64, 3), r"Got 8 x 64\. The nearest is 16 x 64"),
        ((0, 0, 3), r"The nearest is 16 x 16"),
        ((48, 64), r"must be \(height, width, 3\) uint8 in RGB\. Got \(48, 64\)"),
        ((48, 64, 4), r"Got \(48, 64, 4\)"),
    ],
)
def test_frames_of_a_bad_shape_are_refused_with_the_nearest_good_one(
    tmp_path: Path, shape: tuple[int, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        write_video(tmp_path / "a.mp4", [np.zeros(shape, np.uint8)] * 25, noise(1.0))
    assert not list(tmp_path.iterdir())


def test_frames_of_floats_or_of_two_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="uint8 in RGB. Got .* float64"):
        write_video(tmp_path / "a.mp4", [np.zeros((48, 64, 3))], noise(0.04))
    with pytest.raises(ConfigError, match=r"Frame 0 is \(48, 64, 3\) uint8, frame 1 \(64, 48, 3\) uint8"):
        write_video(tmp_path / "a.mp4", [greys(1)[0], np.zeros((64, 48, 3), np.uint8)], noise(0.08))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("duration_s", [0.0, 0.5, 1.05, 3.0])
def test_sound_of_another_length_is_refused(tmp_path: Path, duration_s: float) -> None:
    with pytest.raises(ConfigError, match=r"must be equally long\. Got .* s of sound and 25 frames, 1\.000 s"):
        write_video(tmp_path / "a.mp4", greys(), noise(3.0)[: round(duration_s * SAMPLE_RATE)])


@pytest.mark.parametrize(
    ("options", "said"),
    [({"fps": 0}, "`fps`"), ({"preset": "warp"}, "one of ultrafast, .* Got 'warp'"), ({"crf": 52}, "0 to 51. Got 52")],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        write_video(tmp_path / "a.mp4", greys(), noise(1.0), **options)  # type: ignore[arg-type]


def test_no_frame_and_bad_sound_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must have a frame"):
        write_video(tmp_path / "a.mp4", [], noise(0.01))
    for voice in (np.full(SAMPLE_RATE, np.nan, np.float32), np.zeros((2, SAMPLE_RATE), np.float32)):
        with pytest.raises(DataError, match="finite array of shape"):
            write_video(tmp_path / "a.mp4", greys(), voice)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("lacking", "words"), [("libx264", "H.264"), ("aac", "AAC")])
def test_a_pyav_without_the_codecs_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str, words: str
) -> None:
    known = av.codec.Codec

    def without(name: str, mode: str = "r") -> object:
        if name == lacking:
            raise av.codec.codec.UnknownCodecError(name)
        return known(name, mode)

    monkeypatch.setattr(av.codec, "Codec", without)
    with pytest.raises(MissingDependencyError, match=rf"without {words}.*pip install .*--only-binary av") as caught:
        write_video(tmp_path / "a.mp4", greys(), noise(1.0))
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_video(tmp_path / "a.mp4", greys(), noise(1.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


def test_an_interrupt_while_drawing_leaves_nothing(tmp_path: Path) -> None:
    def drawn() -> Iterator[np.ndarray]:
        yield from greys(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", drawn(), noise(1.0))
    assert not list(tmp_path.iterdir())
