"""One pass gives the frames on the screen at each moment and the sound to the sample, of a video or a section of it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from visavox.errors import MediaError
from visavox.media import talk_scan
from visavox.media.audio import SAMPLE_RATE, Voice, read_voice
from visavox.media.sampled_frame import SampledFrame
from visavox.media.talk_scan import TalkScan, scan_talk
from visavox.media.voice_recording import VoiceRecorder


@dataclass
class Heard:
    """Stands in for a recorder and keeps all that it is given."""

    blocks: list[Voice] = field(default_factory=list)

    def hear(self, block: Voice) -> None:
        self.blocks.append(block)

    @property
    def voice(self) -> Voice:
        return np.concatenate([np.empty(0, np.float32), *self.blocks])


@dataclass
class Pass:
    """What a scan found and what it handed on."""

    scan: TalkScan
    numbers: list[int]
    times_s: list[float]
    voice: Voice
    frames: list[SampledFrame]


Scan = Callable[..., Pass]


@pytest.fixture
def scanned(say_number: Callable[[np.ndarray], int]) -> Scan:
    def run(path: Path, frames_per_s: float = 2.0, **section: float) -> Pass:
        heard, frames = Heard(), []
        numbers: list[int] = []

        def look(frame: SampledFrame) -> None:
            frames.append(frame)
            numbers.append(say_number(frame.full()))

        scan = scan_talk(path, frames_per_s=frames_per_s, on_frame=look, recorder=heard, **section)  # type: ignore[arg-type]
        assert [f.index for f in frames] == list(range(len(frames)))
        assert scan.n_sampled == len(frames)
        return Pass(scan, numbers, [f.time_s for f in frames], heard.voice, frames)

    return run


KINDS = [
    ("talk.mp4", {}),
    ("talk.mov", {"codec": "mpeg4", "sound": "pcm_s16le", "rate": 16_000}),
    ("talk.mkv", {"sound": "libmp3lame", "rate": 48_000, "layout": "stereo"}),
    ("talk.webm", {"codec": "libvpx", "sound": "libopus", "rate": 48_000}),
    ("talk.avi", {"codec": "mpeg4", "sound": "libmp3lame", "rate": 22_050}),
    ("talk.mpg", {"codec": "mpeg1video", "sound": "mp2"}),
    ("talk.ts", {"sound": "aac", "rate": 48_000}),
    ("long group.ts", {"sound": "mp2", "rate": 48_000, "keyframe_every": 250}),
    ("one group.mp4", {"keyframe_every": 10_000}),
    ("late.ts", {"sound": "aac", "picture_from_s": 36_000.0, "sound_from_s": 36_000.0}),
    ("b frames.mkv", {"sound": "flac", "tune": lambda s: setattr(s.codec_context, "max_b_frames", 3)}),
]


@pytest.mark.parametrize(("name", "kind"), KINDS, ids=[name for name, _ in KINDS])
def test_the_frames_are_those_on_the_screen_and_the_sound_is_all_of_it(
    film: Any, scanned: Scan, name: str, kind: dict[str, Any]
) -> None:
    path = film(name, **kind).write()
    found, every = scanned(path), scanned(path, 25.0)
    assert every.numbers == list(range(50))
    assert np.diff(every.times_s)[1:] == pytest.approx(0.04, abs=0.0011)  # Matroska counts milliseconds
    assert every.times_s[0] < 0.1  # picture and sound may begin apart
    moments = np.arange(math.ceil(2 * every.scan.duration_s)) / 2
    assert found.numbers == [on_the_screen(every, moment) for moment in moments]
    assert found.scan.n_frames == 50
    assert found.scan.duration_s == pytest.approx(2.0, abs=0.09)
    assert (found.scan.picture_problem, found.scan.sound_problem) == (None, None)
    np.testing.assert_array_equal(found.voice, read_voice(path))
    assert found.voice.std() > 0.05


@pytest.mark.parametrize(("name", "kind"), KINDS, ids=[name for name, _ in KINDS])
def test_a_section_is_the_same_stretch_of_the_whole(film: Any, scanned: Scan, name: str, kind: dict[str, Any]) -> None:
    path = film(name, seconds=16.0, **kind).write()
    whole = scanned(path, 25.0)
    for start_s, end_s in [(12.3, 13.7), (0.4, 1.0), (5.0, 6.0)]:
        part = scanned(path, 5.0, start_s=start_s, end_s=end_s)
        moments = start_s + np.arange(round((end_s - start_s) * 5)) / 5
        expected = [on_the_screen(whole, moment) for moment in moments]
        assert part.numbers == expected
        assert part.times_s == pytest.approx([max(0.0, whole.times_s[i] - start_s) for i in expected], abs=1e-6)
        assert part.scan.duration_s == pytest.approx(end_s - start_s, abs=1e-6)
        assert part.scan.n_frames == pytest.approx((end_s - start_s) * 25, abs=1.5)
        assert abs(len(part.voice) - (end_s - start_s) * SAMPLE_RATE) <= 1
        shift = best_shift(whole.voice, part.voice, round(start_s * SAMPLE_RATE))
        assert abs(shift) <= (sound_begins(path) + 0.0006) * SAMPLE_RATE + 1
        first = round(start_s * SAMPLE_RATE) + shift
        error = part.voice - whole.voice[first : first + len(part.voice)]
        assert error[200:-200].std() < 0.3 * part.voice.std()  # a fraction of a sample apart


def on_the_screen(every: Pass, moment: float) -> int:
    """The number of the last frame that is not later, or the first."""
    return max([i for i, time_s in enumerate(every.times_s) if time_s <= moment + 1e-6], default=0)


def sound_begins(path: Path) -> float:
    """How far sound and file begin apart, which a pass over the whole does not show."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frame = next(container.decode(stream))
        return abs(float(frame.time) - container.start_time / 1e6)


def best_shift(whole: Voice, part: Voice, first: int, reach: int = 1600) -> int:
    middle = part[200:-200]
    at = first + 200
    errors = {
        shift: float(np.square(whole[at + shift : at + shift + len(middle)] - middle).mean())
        for shift in range(max(-reach, -at), reach)
        if at + shift + len(middle) <= len(whole)
    }
    return min(errors, key=lambda shift: errors[shift])


def test_a_section_is_sought_and_not_decoded_up_to(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film("talk.mp4", seconds=40.0).write()
    n_packets = []
    frames = talk_scan._Scan._frames
    monkeypatch.setattr(talk_scan._Scan, "_frames", lambda self, packet: n_packets.append(1) or frames(self, packet))
    scan = scan_talk(path, frames_per_s=2.0, start_s=30.0, end_s=31.0, on_frame=lambda frame: None, recorder=None)
    assert scan.n_sampled == 2
    assert len(n_packets) < 75  # the second, one before it, and a group


def test_reading_stops_behind_the_end_of_a_section_even_where_a_stream_has_ended(film: Any) -> None:
    path = film("talk.mkv", seconds=60.0, sound_s=1.0).write()
    seen: list[float] = []
    packets = talk_scan._Scan._is_late

    def noted(self: Any, packet: Any) -> bool:
        seen.append(float(packet.pts * packet.time_base))
        return packets(self, packet)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(talk_scan._Scan, "_is_late", noted)
        scan_talk(path, frames_per_s=2.0, end_s=3.0, on_frame=lambda frame: None, recorder=Heard())  # type: ignore[arg-type]
    assert max(seen) < 3.0 + talk_scan.LATE_S + 1


def test_an_end_beyond_the_end_is_the_end(film: Any, scanned: Scan) -> None:
    path = film("talk.mp4").write()
    found = scanned(path, start_s=1.0, end_s=99.0)
    assert found.numbers == [25, 37]
    assert found.scan.duration_s == pytest.approx(1.0)
    assert len(found.voice) == pytest.approx(SAMPLE_RATE, abs=0.05 * SAMPLE_RATE)


@pytest.mark.parametrize("start_s", [2.5, 7.0, 200.0, 1e6])
@pytest.mark.parametrize("kind", [KINDS[0], KINDS[2], KINDS[5], KINDS[6]], ids=lambda kind: kind[0])
def test_a_section_behind_the_end_has_its_status(film: Any, kind: tuple[str, dict[str, Any]], start_s: float) -> None:
    path = film(kind[0], **kind[1]).write()
    with pytest.raises(MediaError, match="begin before the end") as caught:
        scan_talk(path, frames_per_s=2, start_s=start_s, on_frame=lambda f: None, recorder=Heard())  # type: ignore[arg-type]
    assert caught.value.status == "past_the_end"


@pytest.mark.parametrize(("start_s", "end_s"), [(1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (0.0, math.nan)])
def test_times_that_are_none_have_their_status(film: Any, start_s: float, end_s: float) -> None:
    with pytest.raises(MediaError, match="Correct the times") as caught:
        scan_talk(Path("a.mp4"), frames_per_s=2, start_s=start_s, end_s=end_s, on_frame=None, recorder=None)
    assert caught.value.status == "invalid_time"


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_a_rate_that_is_none_is_a_mistake_of_the_caller(rate: float) -> None:
    with pytest.raises(ValueError, match="frames_per_s"):
        scan_talk(Path("a.mp4"), frames_per_s=rate, on_frame=None, recorder=None)


def test_what_is_not_asked_for_is_not_decoded(film: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film("talk.mp4").write()
    heard = Heard()
    scan = scan_talk(path, frames_per_s=2.0, on_frame=None, recorder=heard)  # type: ignore[arg-type]
    assert (scan.n_frames, scan.picture_problem) == (0, None)
    assert scan.duration_s == pytest.approx(2.0, abs=0.05) == len(heard.voice) / SAMPLE_RATE
    frames: list[SampledFrame] = []
    scan = scan_talk(path, frames_per_s=2.0, on_frame=frames.append, recorder=None)
    assert (len(frames), scan.sound_problem) == (4, None)


def test_cuts_are_found_and_noted(film: Any, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for i in range(50):
            picture = np.random.default_rng(i // 30).integers(0, 256, (6, 8, 3))
            picture = np.kron(picture, np.ones((16, 16, 1))).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    frames: list[SampledFrame] = []
    scan = scan_talk(path, frames_per_s=2.0, on_frame=frames.append, recorder=None)
    assert scan.cut_times_s == pytest.approx([1.2])
    assert [frame.after_cut for frame in frames] == [False, False, False, True]


def test_a_voice_is_recorded_on_the_way(film: Any, tmp_path: Path, speech: Voice) -> None:
    path = film("talk.mkv", sound="pcm_s16le", rate=SAMPLE_RATE, seconds=6.0, samples=speech[None]).write()
    with VoiceRecorder(tmp_path / "voice.flac") as recorder:
        scan = scan_talk(path, frames_per_s=1.0, on_frame=lambda frame: None, recorder=recorder)
        recorded = recorder.finish()
    assert scan.sound_problem is None
    assert recorded.quality["speech_s"] > 2
    np.testing.assert_allclose(read_voice(tmp_path / "voice.flac"), speech, atol=1 / 32768)


def test_what_the_caller_raises_passes(film: Any) -> None:
    def look(frame: SampledFrame) -> None:
        raise MediaError("too many", status="several_faces")

    with pytest.raises(MediaError, match="too many"):
        scan_talk(film("talk.mp4").write(), frames_per_s=2.0, on_frame=look, recorder=None)


def test_a_file_that_grows_while_it_is_read_is_told(film: Any) -> None:
    path = film("talk.ts").write()

    def look(frame: SampledFrame) -> None:
        with path.open("ab") as file:
            file.write(bytes(188))

    with pytest.raises(MediaError, match="while it was read") as caught:
        scan_talk(path, frames_per_s=2.0, on_frame=look, recorder=None)
    assert caught.value.status == "growing_file"


MEASURE = """
import resource, sys, torch
from pathlib import Path
from visavox.media.talk_scan import scan_talk
from visavox.media.voice_recording import VoiceRecorder
from visavox.media.voice_settings import VoiceSettings
torch.set_num_threads(1)
with VoiceRecorder(Path(sys.argv[2]), VoiceSettings(min_speech_s=0.0)) as recorder:
    scan = scan_talk(Path(sys.argv[1]), frames_per_s=2.0, on_frame=lambda frame: frame.small(48), recorder=recorder)
    recorder.finish()
print(scan.duration_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_half_an_hour_takes_no_more_memory_than_a_minute(film: Any, tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 30):
        path = tmp_path / f"{minutes}.mkv"
        write_long(path, minutes * 60)
        command = [sys.executable, "-c", MEASURE, str(path), str(tmp_path / "voice.flac")]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
        duration_s, peak = done.stdout.split()
        assert float(duration_s) == pytest.approx(minutes * 60, abs=1.1)
        peaks.append(int(peak))
    assert peaks[1] < 1.1 * peaks[0], peaks


def write_long(path: Path, seconds: int) -> None:
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=1)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_u8", rate=SAMPLE_RATE, layout="mono")
        noise = np.random.default_rng(0).integers(118, 138, (1, SAMPLE_RATE)).astype(np.uint8)
        for i in range(seconds):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), i % 200, np.uint8), format="rgb24")
            container.mux(picture.encode(frame))
            block = av.AudioFrame.from_ndarray(noise, format="u8", layout="mono")
            block.sample_rate, block.pts = SAMPLE_RATE, i * SAMPLE_RATE
            container.mux(sound.encode(block))
        container.mux(picture.encode())


def test_real_videos_have_picture_and_sound_or_a_status(real_data: Path) -> None:
    videos = real_data / "videos"
    expected = {
        "no_audio_stream.mp4": (None, "no_audio_stream"),
        "silent_audio.mp4": (None, None),
        "two_faces.mp4": (None, None),
    }
    for path in [*sorted((videos / "grid").glob("*.mpg"))[:2], *sorted((videos / "wild").glob("*.mp4"))[:1]]:
        heard = Heard()
        scan = scan_talk(path, frames_per_s=2.0, on_frame=lambda frame: None, recorder=heard)  # type: ignore[arg-type]
        np.testing.assert_array_equal(heard.voice, read_voice(path))
        assert scan.n_sampled == math.ceil(scan.duration_s * 2)
    for name, statuses in expected.items():
        scan = scan_talk(videos / "edge" / name, frames_per_s=1, end_s=2, on_frame=lambda f: None, recorder=Heard())  # type: ignore[arg-type]
        problems = (scan.picture_problem, scan.sound_problem)
        assert tuple(problem.status if problem else None for problem in problems) == statuses


def test_a_sound_file_is_a_clip_without_picture(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "voice.wav", np.full(8000, 0.1), 8000)
    heard = Heard()
    scan = scan_talk(tmp_path / "voice.wav", frames_per_s=2.0, on_frame=lambda f: None, recorder=heard)  # type: ignore[arg-type]
    assert scan.picture_problem is not None
    assert scan.picture_problem.status == "no_video_stream"
    assert scan.duration_s == 1.0 == len(heard.voice) / SAMPLE_RATE
