"""A voice is recorded block by block as it would be at once, and what cannot be used leaves no file."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from visavox.errors import MediaError
from visavox.media import voice_recording
from visavox.media.audio import SAMPLE_RATE, Voice, read_voice, to_pcm, write_voice
from visavox.media.speech import SpeechDetector, speech_seconds
from visavox.media.voice_recording import RecordedVoice, VoiceRecorder, record_voice_file
from visavox.media.voice_settings import VoiceSettings


def record(path: Path, voice: Voice, settings: VoiceSettings | None = None, *, size: int = 16_000) -> RecordedVoice:
    with VoiceRecorder(path, settings) as recorder:
        for first in range(0, len(voice), size):
            recorder.hear(voice[first : first + size])
        return recorder.finish()


@pytest.mark.parametrize("size", [777, 16_000, 131_072, 10_000_000])
@pytest.mark.parametrize("kept_s", [60.0, 3.0, 0.0])
def test_blocks_of_any_size_in_memory_or_on_disk_give_the_same_file(
    tmp_path: Path, speech: Voice, monkeypatch: pytest.MonkeyPatch, size: int, kept_s: float
) -> None:
    voice = np.r_[speech, speech[::-1], speech[::2]][:200_001]
    monkeypatch.setattr(voice_recording, "KEPT_S", kept_s)
    recorded = record(tmp_path / "a.flac", voice, size=size)
    write_voice(tmp_path / "b.flac", voice)
    np.testing.assert_array_equal(read_voice(tmp_path / "a.flac"), read_voice(tmp_path / "b.flac"))
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()
    assert recorded.digest == hashlib.sha256((tmp_path / "b.flac").read_bytes()).hexdigest()
    segments = SpeechDetector().segments(voice)
    assert recorded.quality["speech_s"] == pytest.approx(speech_seconds(segments))
    assert [s.start_s for s in recorded.segments] == pytest.approx([s.start_s for s in segments])
    assert recorded.quality["duration_s"] == pytest.approx(200_001 / SAMPLE_RATE)
    assert {"loudness_db", "clipped_rate", "snr_db"} <= set(recorded.quality)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.flac", "b.flac"]


def music() -> Voice:
    time_s = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    return (0.1 * sum(np.sin(2 * np.pi * hz * time_s + time_s**2) for hz in (220, 330, 440))).astype(np.float32)


@pytest.mark.parametrize("kept_s", [60.0, 0.0])
@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda speech: np.zeros(32_000, dtype=np.float32), "silent"),
        (lambda speech: music(), "no_speech"),
        (lambda speech: speech[:1600], "too_little_speech"),
        (lambda speech: np.empty(0, dtype=np.float32), "empty_audio"),
    ],
)
def test_what_is_no_voice_has_a_status_and_leaves_the_old_file(
    tmp_path: Path, speech: Voice, monkeypatch: pytest.MonkeyPatch, make: object, status: str, kept_s: float
) -> None:
    monkeypatch.setattr(voice_recording, "KEPT_S", kept_s)
    (tmp_path / "voice.flac").write_bytes(b"old")
    with pytest.raises(MediaError) as caught:
        record(tmp_path / "voice.flac", make(speech))  # type: ignore[operator]
    assert caught.value.status == status
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("voice.flac", b"old")]


def test_how_much_speech_is_enough_is_a_setting(tmp_path: Path, speech: Voice) -> None:
    with pytest.raises(MediaError) as caught:
        record(tmp_path / "voice.flac", speech, VoiceSettings(min_speech_s=20.0))
    assert caught.value.status == "too_little_speech"
    kept = record(tmp_path / "voice.flac", music(), VoiceSettings(min_speech_s=0.0))
    assert (kept.quality["speech_s"], kept.segments) == (0.0, ())


def test_of_a_looped_voice_one_period_is_kept(tmp_path: Path, speech: Voice) -> None:
    once = speech[:40_123]
    recorded = record(tmp_path / "voice.flac", np.resize(once, 96_000))
    plain = record(tmp_path / "once.flac", once)
    assert (tmp_path / "voice.flac").read_bytes() == (tmp_path / "once.flac").read_bytes()
    assert recorded.quality["loop_period_s"] == 40_123 / SAMPLE_RATE == recorded.quality["duration_s"]
    assert recorded.quality["source_duration_s"] == 6.0
    expected = dict(plain.quality)
    assert {name: recorded.quality[name] for name in expected} == pytest.approx(expected, rel=1e-3)
    assert not {"loop_period_s", "source_duration_s"} & set(expected)


def test_a_loop_stays_where_that_is_asked_for(tmp_path: Path, speech: Voice) -> None:
    recorded = record(tmp_path / "voice.flac", np.resize(speech[:40_123], 96_000), VoiceSettings(unloop=False))
    assert recorded.quality["duration_s"] == 6.0
    assert "loop_period_s" not in recorded.quality


def test_a_short_loop_with_too_little_speech_is_refused(tmp_path: Path, speech: Voice) -> None:
    """A word of 0.6 s is no 6 s of speech, however often a source repeats it."""
    start = round(SpeechDetector().segments(speech)[0].start_s * SAMPLE_RATE)
    with pytest.raises(MediaError) as caught:
        record(tmp_path / "v.flac", np.resize(speech[start : start + 9_600], 96_000), VoiceSettings(min_speech_s=1.0))
    assert caught.value.status == "too_little_speech"


def test_a_recorder_that_is_left_early_leaves_nothing(
    tmp_path: Path, speech: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice_recording, "KEPT_S", 0.0)
    monkeypatch.setattr(voice_recording, "RUN_SAMPLES", 512)
    with pytest.raises(KeyboardInterrupt), VoiceRecorder(tmp_path / "voice.flac") as recorder:
        recorder.hear(speech)
        assert len(list(tmp_path.iterdir())) == 1  # under a name of its own
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept_s", [60.0, 0.0])
def test_a_full_disk_is_an_error_of_the_disk_and_leaves_no_half_voice(
    tmp_path: Path, speech: Voice, monkeypatch: pytest.MonkeyPatch, kept_s: float
) -> None:
    monkeypatch.setattr(voice_recording, "KEPT_S", kept_s)
    monkeypatch.setattr(voice_recording, "RUN_SAMPLES", 4096)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            record(tmp_path / "voice.flac", speech)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_file_or_a_section_of_it_is_recorded(tmp_path: Path, speech: Voice) -> None:
    soundfile.write(tmp_path / "source.wav", speech, SAMPLE_RATE)
    record_voice_file(tmp_path / "source.wav", VoiceRecorder(tmp_path / "whole.flac"))
    np.testing.assert_array_equal(read_voice(tmp_path / "whole.flac"), read_voice(tmp_path / "source.wav"))
    recorder = VoiceRecorder(tmp_path / "part.flac", VoiceSettings(min_speech_s=0.0))
    recorded = record_voice_file(tmp_path / "source.wav", recorder, start_s=1.0, end_s=3.5)
    assert recorded.quality["duration_s"] == 2.5
    np.testing.assert_array_equal(
        read_voice(tmp_path / "part.flac"), read_voice(tmp_path / "source.wav")[16_000:56_000]
    )


def test_bad_files_have_their_status(tmp_path: Path, speech: Voice) -> None:
    soundfile.write(tmp_path / "source.wav", speech, SAMPLE_RATE)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    for name, times, status in [
        ("nowhere.wav", {}, "missing_file"),
        ("empty.wav", {}, "empty_file"),
        ("text.wav", {}, "unreadable_audio"),
        ("source.wav", {"start_s": 7.0}, "past_the_end"),
        ("source.wav", {"start_s": 2.0, "end_s": 1.0}, "invalid_time"),
    ]:
        with pytest.raises(MediaError) as caught:
            record_voice_file(tmp_path / name, VoiceRecorder(tmp_path / "voice.flac"), **times)
        assert caught.value.status == status
    assert not (tmp_path / "voice.flac").exists()


def test_a_file_that_grows_meanwhile_is_not_used(tmp_path: Path, speech: Voice) -> None:
    path = tmp_path / "source.wav"
    soundfile.write(path, speech, SAMPLE_RATE)

    class Growing(VoiceRecorder):
        def hear(self, block: Voice) -> None:
            super().hear(block)
            with path.open("ab") as file:
                file.write(bytes(100))

    with pytest.raises(MediaError) as caught:
        record_voice_file(path, Growing(tmp_path / "voice.flac"))
    assert caught.value.status == "growing_file"
    assert not (tmp_path / "voice.flac").exists()


MEASURE = """
import resource, sys
import numpy as np, torch
from pathlib import Path
from visavox.media.voice_recording import VoiceRecorder
torch.set_num_threads(1)
random = np.random.default_rng(0)
block = (0.1 * random.standard_normal(48_000)).astype(np.float32)
with VoiceRecorder(Path(sys.argv[1]) / "voice.flac") as recorder:
    for _ in range(int(sys.argv[2]) // 3):
        recorder.hear(block)
    recorder._take(np.empty(0, np.float32))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = []
    for seconds in ("60", "1800"):
        command = [sys.executable, "-c", MEASURE, str(tmp_path), seconds]
        peaks.append(int(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
    assert peaks[1] < 1.05 * peaks[0]


def test_16_bits_survive(tmp_path: Path, speech: Voice) -> None:
    record(tmp_path / "voice.flac", speech)
    np.testing.assert_array_equal(to_pcm(read_voice(tmp_path / "voice.flac")), to_pcm(speech))
