"""Where speech begins and ends, against silero-vad's own rules and by hand."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.errors import MediaError
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.silero import WINDOW, load_silero
from visavox.media.speech import (
    WINDOW_S,
    SpeechDetector,
    SpeechSegment,
    SpeechStream,
    check_speech,
    keep_speech,
    require_speech,
    speech_seconds,
)

# What the probabilities can do: be speech, be silence, lie between the two thresholds, or on one of them.
LEVELS = st.sampled_from([0.0, 0.2, 0.34, 0.35, 0.4, 0.499, 0.5, 0.9, 1.0])


@settings(deadline=None, max_examples=300)
@given(
    runs=st.lists(st.tuples(LEVELS, st.integers(1, 15)), max_size=25),
    missing=st.integers(0, WINDOW - 1),
)
def test_segments_are_those_of_the_package(runs: list[tuple[float, int]], missing: int) -> None:
    from silero_vad import get_speech_timestamps_from_probs

    probabilities = np.repeat([p for p, _ in runs] or [0.0], [n for _, n in runs] or [1])
    n_samples = len(probabilities) * WINDOW - missing
    expected = get_speech_timestamps_from_probs(probabilities.tolist(), audio_length_samples=n_samples)
    ours = SpeechDetector().segments_of(probabilities, duration_s=n_samples / SAMPLE_RATE)
    assert len(ours) == len(expected)
    for mine, theirs in zip(ours, expected, strict=True):
        # The package cuts fractions of a sample off.
        assert mine.start_s * SAMPLE_RATE == pytest.approx(theirs["start"], abs=1.01)
        assert mine.end_s * SAMPLE_RATE == pytest.approx(theirs["end"], abs=1.01)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 1), max_size=200), st.floats(0, 0.5), st.floats(0, 0.3))
def test_segments_lie_in_order_inside_the_recording(values: list[float], min_speech_s: float, pad_s: float) -> None:
    duration_s = len(values) * WINDOW_S
    detector = SpeechDetector(min_speech_s=min_speech_s, pad_s=pad_s)
    edge = 0.0
    for segment in detector.segments_of(np.array(values), duration_s=duration_s):
        assert edge - 1e-9 <= segment.start_s < segment.end_s <= duration_s + 1e-9
        edge = segment.end_s


def test_a_pause_that_is_too_short_is_part_of_the_speech() -> None:
    detector = SpeechDetector(pad_s=0.0)
    for n_windows, n_segments in [(3, 1), (4, 1), (5, 2)]:  # 96, 128 and 160 ms of pause
        probabilities = np.array([0.9] * 20 + [0.0] * n_windows + [0.9] * 20)
        found = detector.segments_of(probabilities, duration_s=len(probabilities) * WINDOW_S)
        assert len(found) == n_segments, n_windows


def test_two_neighbours_share_a_pause_that_is_too_short_for_both_paddings() -> None:
    probabilities = np.array([0.9] * 20 + [0.0] * 5 + [0.9] * 20)
    first, second = SpeechDetector(pad_s=0.5).segments_of(probabilities, duration_s=1.44)
    assert first.end_s == pytest.approx(22.5 * WINDOW_S)
    assert second.start_s == first.end_s
    assert (first.start_s, second.end_s) == (0.0, pytest.approx(1.44))


def test_silence_empty_and_tones_hold_no_speech() -> None:
    detector = SpeechDetector()
    time_s = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    assert detector.segments(np.empty(0, dtype=np.float32)) == []
    assert detector.segments(np.zeros(SAMPLE_RATE, dtype=np.float32)) == []
    assert detector.segments(np.sin(2 * np.pi * 440 * time_s).astype(np.float32)) == []


def test_a_detector_crosses_into_another_process_without_its_weights() -> None:
    detector = SpeechDetector(threshold=0.6)
    voice = np.random.default_rng(0).standard_normal(8000).astype(np.float32) * 0.1
    before = detector.probabilities(voice)
    data = pickle.dumps(detector)
    assert len(data) < 1000
    again = pickle.loads(data)
    assert again.threshold == 0.6
    np.testing.assert_array_equal(again.probabilities(voice), before)


def test_views_and_reversed_arrays_are_taken() -> None:
    voice = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    detector = SpeechDetector()
    np.testing.assert_array_equal(detector.probabilities(voice[::-2]), detector.probabilities(voice[::-2].copy()))


def test_keep_speech_cuts_the_pauses_out() -> None:
    voice = np.arange(SAMPLE_RATE, dtype=np.float32)
    kept = keep_speech(voice, [SpeechSegment(0.0, 0.25), SpeechSegment(0.5, 0.75)])
    np.testing.assert_array_equal(kept, np.r_[0:4000, 8000:12000])
    assert kept.dtype == np.float32
    assert keep_speech(voice, []).shape == (0,)
    kept[:] = -1
    assert voice[1] == 1


def test_speech_seconds_is_the_sum() -> None:
    assert speech_seconds([]) == 0.0
    assert speech_seconds([SpeechSegment(0.0, 0.25), SpeechSegment(0.5, 0.75)]) == 0.5


def burst(seconds: float) -> np.ndarray:
    """Two seconds, silent but for a loud stretch."""
    voice = np.zeros(2 * SAMPLE_RATE, dtype=np.float32)
    voice[: int(seconds * SAMPLE_RATE)] = 0.3
    return voice


@pytest.mark.parametrize(
    ("voice", "segments", "status", "words"),
    [
        (np.zeros(SAMPLE_RATE, dtype=np.float32), [], "silent", "Got -120 dB"),
        (np.full(SAMPLE_RATE, 1e-4, dtype=np.float32), [], "silent", "Got -80 dB"),
        (burst(0.05), [], "no_speech", r"Got 2.00 s at -26 dB without any"),
        (burst(0.05), [SpeechSegment(0.0, 0.05)], "too_little_speech", r"Got 0.05 s"),
        (burst(2.0), [SpeechSegment(0.0, 0.2), SpeechSegment(0.5, 0.7)], "too_little_speech", r"0\.5 s are needed"),
        (np.full(800, 0.2, dtype=np.float32), [], "too_little_speech", r"of 0.05 s"),
    ],
)
def test_too_little_is_an_error_with_its_status(
    voice: np.ndarray, segments: list[SpeechSegment], status: str, words: str
) -> None:
    with pytest.raises(MediaError, match=words) as caught:
        check_speech(voice, segments)
    assert caught.value.status == status
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("speech_s", "duration_s", "loudness_db", "min_speech_s", "status"),
    [
        (0.0, 3.0, -70.0, 0.5, "silent"),
        (0.0, 3.0, -70.0, 0.0, "silent"),
        (0.0, 3.0, -69.9, 0.5, "no_speech"),
        (0.0, 0.5, -20.0, 0.5, "too_little_speech"),  # too short to tell
        (0.4999, 3.0, -20.0, 0.5, "too_little_speech"),
        (0.0, 3.0, -20.0, 0.0, None),
        (0.5, 3.0, -90.0, 0.5, None),
    ],
)
def test_figures_decide_the_status(
    speech_s: float, duration_s: float, loudness_db: float, min_speech_s: float, status: str | None
) -> None:
    given = {"speech_s": speech_s, "duration_s": duration_s, "loudness_db": loudness_db, "min_speech_s": min_speech_s}
    if status is None:
        require_speech(**given)
        return
    with pytest.raises(MediaError) as caught:
        require_speech(**given)
    assert caught.value.status == status
    assert "Got 0.50 s in" not in str(caught.value)


@pytest.mark.parametrize("size", [1000, 4096, 70_001, 400_000])
def test_a_stream_gives_what_one_pass_gives(speech: np.ndarray, size: int) -> None:
    voice = np.tile(speech, 3)[:280_123]
    stream = SpeechStream()
    for first in range(0, len(voice), size):
        stream.take(voice[first : first + size])
    streamed = stream.finish()
    expected = load_silero()(torch.from_numpy(voice)).numpy()
    assert expected.min() < 0.2 < 0.8 < expected.max()
    np.testing.assert_allclose(streamed, expected, atol=1e-5)


def test_a_stream_of_nothing_gives_nothing() -> None:
    stream = SpeechStream()
    stream.take(np.empty(0, dtype=np.float32))
    assert stream.finish().shape == (0,)


def test_made_up_speech_holds_speech_and_made_up_music_none(speech: np.ndarray) -> None:
    assert speech_seconds(SpeechDetector().segments(speech)) > 2
    time_s = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    chords = sum(np.sin(2 * np.pi * hz * 2 ** (np.floor(time_s) / 12) * time_s) for hz in (220, 277, 330, 440))
    drums = np.random.default_rng(0).standard_normal(len(time_s)) * np.exp(-20 * (time_s % 0.5))
    music = (0.05 * chords + 0.1 * drums).astype(np.float32)
    with pytest.raises(MediaError) as caught:
        check_speech(music, SpeechDetector().segments(music))
    assert caught.value.status == "no_speech"


def test_enough_speech_passes_at_the_limit_and_a_whisper_is_not_silent() -> None:
    check_speech(burst(1.0), [SpeechSegment(0.0, 0.5)])
    check_speech(burst(1.0), [SpeechSegment(0.0, 0.2)], min_speech_s=0.2)
    check_speech(np.full(SAMPLE_RATE, 1e-5, dtype=np.float32), [SpeechSegment(0.0, 1.0)])


def test_real_voices_hold_speech_and_50_ms_of_them_too_little(real_data: Path) -> None:
    detector = SpeechDetector()
    for path in sorted((real_data / "avspeech" / "voices").glob("*.opus"))[:10]:
        voice = read_voice(path)
        segments = detector.segments(voice)
        check_speech(voice, segments)
        assert speech_seconds(segments) > 0.4 * len(voice) / SAMPLE_RATE
        middle = round(segments[0].start_s * SAMPLE_RATE) + 4000
        short = voice[middle : middle + 800]
        with pytest.raises(MediaError) as caught:
            check_speech(short, detector.segments(short))
        assert caught.value.status == "too_little_speech"
