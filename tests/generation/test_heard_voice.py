"""Which stretch of a recording is listened to, and what is said about it; real speech stands in the small world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.errors import ConfigError, MediaError
from visavox.generation import heard_voice
from visavox.generation.heard_voice import LISTENED_S, Listened, listen, most_speech, within
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.speech import SpeechDetector, SpeechSegment, speech_seconds


def slow_most_speech(segments: list[SpeechSegment], duration_s: float, length_s: float) -> tuple[float, float]:
    """The best begin and its seconds of speech on a grid of 10 ms."""
    best = (0.0, -1.0)
    for i in range(round((duration_s - length_s) * 100) + 1):
        begin = i / 100
        spoken = 0.0
        for part in segments:
            spoken += max(0.0, min(part.end_s, begin + length_s) - max(part.start_s, begin))
        if spoken > best[1] + 1e-9:
            best = (begin, spoken)
    return best


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=6), st.integers(5, 120), st.integers(0, 30))
def test_the_stretch_is_the_best_of_all(parts: list[tuple[int, int]], length: int, rest: int) -> None:
    segments, at = [], 0.0
    for pause, speech in parts:
        segments.append(SpeechSegment(at + pause / 10, at + (pause + speech) / 10))
        at = segments[-1].end_s
    duration_s = max(at + rest / 10, length / 10)
    begin, end = most_speech(segments, duration_s=duration_s, length_s=length / 10)
    assert begin >= 0 and end <= duration_s + 1e-9 and end - begin == pytest.approx(length / 10)
    _, most = slow_most_speech(segments, duration_s, length / 10)
    assert speech_seconds(within(segments, begin, end)) == pytest.approx(most, abs=1e-6)


def test_of_equal_stretches_the_first_is_taken() -> None:
    segments = [SpeechSegment(10.0, 12.0), SpeechSegment(50.0, 52.0)]
    assert most_speech(segments, duration_s=100.0, length_s=5.0) == (7.0, 12.0)


def test_without_speech_the_stretch_begins_at_the_beginning() -> None:
    assert most_speech([], duration_s=100.0, length_s=24.0) == (0.0, 24.0)


def test_segments_are_cut_and_moved() -> None:
    segments = [SpeechSegment(1.0, 3.0), SpeechSegment(4.0, 9.0), SpeechSegment(10.0, 11.0)]
    assert within(segments, 2.0, 5.0) == [SpeechSegment(0.0, 1.0), SpeechSegment(2.0, 3.0)]


@pytest.fixture(scope="module")
def spoken(small_world: Path) -> np.ndarray:
    """One clip of a made-up person, (samples,) float32."""
    return read_voice(sorted((small_world / "voices").iterdir())[0])


@pytest.fixture(scope="module")
def long_file(spoken: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 s: silence, a clip at 5 s, and clip after clip from 40 to 64 s and more."""
    sound = np.zeros(80 * SAMPLE_RATE, np.float32)
    sound[5 * SAMPLE_RATE : 5 * SAMPLE_RATE + len(spoken)] = spoken
    dense = np.tile(spoken, 1 + 30 * SAMPLE_RATE // len(spoken))[: 30 * SAMPLE_RATE]
    sound[40 * SAMPLE_RATE : 70 * SAMPLE_RATE] = dense
    path = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(path, sound, SAMPLE_RATE, subtype="FLOAT")
    return path


def test_a_short_voice_is_taken_whole(spoken: np.ndarray) -> None:
    heard = listen(spoken)
    assert np.array_equal(heard.samples, spoken)
    assert (heard.begin_s, heard.end_s) == (0.0, len(spoken) / SAMPLE_RATE)
    assert list(heard.segments) == SpeechDetector().segments(spoken)
    assert heard.notes() == []


def test_a_file_and_its_array_are_heard_alike(spoken: np.ndarray, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", spoken, SAMPLE_RATE, subtype="FLOAT")
    assert np.array_equal(listen(tmp_path / "a.wav").samples, listen(spoken).samples)


@pytest.mark.slow
def test_of_a_long_voice_the_stretch_with_most_speech_is_taken_and_said(long_file: Path) -> None:
    heard = listen(long_file)
    assert len(heard.samples) == LISTENED_S * SAMPLE_RATE
    assert 39 <= heard.begin_s <= 46.1
    assert heard.duration_s == 80.0
    first = round(heard.begin_s * SAMPLE_RATE)
    assert np.array_equal(heard.samples, read_voice(long_file)[first : first + len(heard.samples)])
    (note,) = heard.notes()
    assert "of 80.0 s, the stretch with most speech; --start-s chooses another" in note
    whole = SpeechDetector().segments(read_voice(long_file))
    assert heard.speech_s == pytest.approx(speech_seconds(within(whole, heard.begin_s, heard.end_s)))


def test_the_user_may_say_where_to_begin(long_file: Path) -> None:
    heard = listen(long_file, start_s=4.0)
    assert (heard.begin_s, heard.end_s) == (4.0, 28.0)
    assert np.array_equal(heard.samples, read_voice(long_file, start_s=4.0, end_s=28.0))
    assert heard.notes()[0] == "listened to 4.0 to 28.0 s, from where you said"


def test_an_array_is_heard_from_where_the_user_says(spoken: np.ndarray) -> None:
    heard = listen(np.concatenate([np.zeros(SAMPLE_RATE, np.float32), spoken]), start_s=1.0)
    assert np.array_equal(heard.samples, spoken[: round(LISTENED_S * SAMPLE_RATE)])


def test_a_long_recording_of_another_rate_is_heard_at_the_same_place(
    spoken: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """44.1 kHz stereo: the stretch is found at 16 kHz and read again, and must be the one that was found."""
    monkeypatch.setattr(heard_voice, "LISTENED_S", 3.0)
    sound = np.concatenate([np.zeros(4 * SAMPLE_RATE, np.float32), spoken, np.zeros(SAMPLE_RATE, np.float32)])
    times = np.arange(round(len(sound) * 44.1 / 16)) / 44_100
    there = np.interp(times, np.arange(len(sound)) / SAMPLE_RATE, sound)
    soundfile.write(tmp_path / "a.wav", np.stack([there, there], axis=1), 44_100)
    heard = listen(tmp_path / "a.wav")
    assert heard.begin_s > 3 and len(heard.samples) == pytest.approx(3 * SAMPLE_RATE, abs=2)
    first = round(heard.begin_s * SAMPLE_RATE)
    expected = sound[first : first + len(heard.samples)]
    assert np.corrcoef(heard.samples[: len(expected)], expected)[0, 1] > 0.95


def test_a_long_file_is_never_held_whole(long_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    take = heard_voice._Survey.take

    def watched(survey: heard_voice._Survey, block: np.ndarray) -> None:
        take(survey, block)
        held.append(sum(map(len, survey.held or [])))

    monkeypatch.setattr(heard_voice._Survey, "take", watched)
    listen(long_file)
    assert max(held) <= LISTENED_S * SAMPLE_RATE and held[-1] == 0


def test_short_speech_is_noted() -> None:
    heard = Listened(np.zeros(SAMPLE_RATE, np.float32), (SpeechSegment(0.1, 0.9),), 0.0, 1.0)
    assert heard.notes() == ["only 0.8 s of speech: the guess rests on little; 2 s or more serve better"]


def test_silence_is_one_line_with_the_name(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "still.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    with pytest.raises(MediaError, match=r"still\.wav: The voice is silent") as caught:
        listen(tmp_path / "still.wav")
    assert caught.value.status == "silent"
    assert "\n" not in str(caught.value)


def test_noise_and_music_hold_no_speech() -> None:
    times = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    tones = [np.sin(2 * np.pi * f * times) for f in (220.0, 277.2, 329.6)]
    chord = (0.2 * np.sum(tones, axis=0)).astype(np.float32)
    noise = (0.1 * np.random.default_rng(0).standard_normal(4 * SAMPLE_RATE)).astype(np.float32)
    for sound in (chord, noise):
        with pytest.raises(MediaError, match="must hold speech") as caught:
            listen(sound)
        assert caught.value.status == "no_speech"


def test_a_third_of_a_second_is_too_little(spoken: np.ndarray) -> None:
    middle = SpeechDetector().segments(spoken)[0].start_s + 0.3
    first = round(middle * SAMPLE_RATE)
    with pytest.raises(MediaError, match="too little speech|must hold speech") as caught:
        listen(spoken[first : first + round(0.3 * SAMPLE_RATE)])
    assert caught.value.status == "too_little_speech"


def test_a_place_without_speech_says_that_the_user_chose_it(long_file: Path) -> None:
    with pytest.raises(MediaError, match=r"from 75 s on that was listened to \(--start-s\)"):
        listen(long_file, start_s=75.0)


def test_a_place_past_the_end_is_one_line(long_file: Path, spoken: np.ndarray) -> None:
    for voice in (long_file, spoken):
        with pytest.raises(MediaError, match="there must be sound|There must be sound") as caught:
            listen(voice, start_s=500.0)
        assert caught.value.status == "past_the_end"


@pytest.mark.parametrize("start_s", [-1.0, float("nan"), float("inf")])
def test_a_place_must_be_a_time(spoken: np.ndarray, start_s: float) -> None:
    with pytest.raises(ConfigError, match="`start_s` must be 0 or more"):
        listen(spoken, start_s=start_s)


@pytest.mark.parametrize("voice", [np.zeros((2, 5)), np.zeros(5, int), np.zeros(0), np.full(5, np.nan)])
def test_an_array_must_be_a_voice(voice: np.ndarray) -> None:
    with pytest.raises(ConfigError, match=r"must be \(n_samples,\) finite floats"):
        listen(voice)
