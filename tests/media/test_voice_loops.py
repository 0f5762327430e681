"""Recordings that repeat themselves give their period; speech, silence, hum, beats and noise give none."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from visavox.media import voice_loops
from visavox.media.audio import SAMPLE_RATE, Voice, read_voice
from visavox.media.voice_loops import loop_period


def babble(seconds: float, seed: int = 0) -> Voice:
    """Voiced bursts of changing pitch, pauses between, as unlike itself as speech is."""
    random = np.random.default_rng(seed)
    n_samples = round(seconds * SAMPLE_RATE)
    pitch_hz = np.interp(
        np.arange(n_samples),
        np.arange(0, n_samples + 3200, 3200),
        random.uniform(90, 240, n_samples // 3200 + 2)[: len(np.arange(0, n_samples + 3200, 3200))],
    )
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
    voiced = sum(np.sin(k * phase + random.uniform(0, 6)) / k for k in range(1, 25))
    loudness = np.interp(
        np.arange(n_samples), np.arange(0, n_samples, 1600), random.uniform(0, 1, len(range(0, n_samples, 1600)))
    )
    return (0.08 * loudness * voiced + 0.002 * random.standard_normal(n_samples)).astype(np.float32)


def slow_period(voice: Voice, shortest: int, overlap: int) -> int:
    """The lag of the greatest correlation, tried one by one."""
    values = np.diff(voice.astype(float))
    found = {}
    for lag in range(shortest, len(values) - overlap):
        a, b = values[:-lag], values[lag:]
        found[lag] = (a @ b) / np.sqrt((a @ a) * (b @ b))
    return max(found, key=lambda lag: found[lag])


@pytest.mark.parametrize("period", [8_001, 17_077, 33_934, 60_000, 88_000])
def test_an_exact_loop_is_found_to_the_sample(period: int) -> None:
    assert loop_period(np.resize(babble(period / SAMPLE_RATE), 96_000)) == period


def test_the_period_is_that_of_a_slow_search() -> None:
    voice = np.resize(babble(0.7), 17_000)
    assert loop_period(voice) == slow_period(voice, 8_000, 4_000) == 11_200


def test_of_many_repeats_the_shortest_period_is_taken() -> None:
    assert loop_period(np.tile(babble(0.55), 20)) == round(0.55 * SAMPLE_RATE)


@pytest.mark.parametrize(
    ("codec", "rate", "bit_rate"),
    [("aac", 44_100, 64_000), ("libmp3lame", 44_100, 64_000), ("libopus", 16_000, 32_000)],
)
def test_a_loop_is_found_behind_a_lossy_codec(tmp_path: Path, codec: str, rate: int, bit_rate: int) -> None:
    voice = np.resize(babble(2.3), 96_000)
    with av.open(str(tmp_path / "looped.mkv"), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        stream.codec_context.open()
        convert = av.AudioResampler(
            format=stream.format, layout="mono", rate=rate, frame_size=stream.codec_context.frame_size
        )
        frame = av.AudioFrame.from_ndarray(voice[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        for part in [*convert.resample(frame), *convert.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    assert loop_period(read_voice(tmp_path / "looped.mkv")) == pytest.approx(2.3 * SAMPLE_RATE, abs=1)


TIME_S = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
HUM = 0.1 * sum(np.sin(2 * np.pi * 50 * k * TIME_S) / k for k in range(1, 9))
BEAT = np.tile(np.r_[np.exp(-np.arange(800) / 100) * np.sin(np.arange(800) * 0.9), np.zeros(2400)], 30)[: len(TIME_S)]


@pytest.mark.parametrize(
    "voice",
    [
        np.zeros(96_000),
        np.full(96_000, 0.3),
        0.3 * np.sin(2 * np.pi * 220 * TIME_S),
        HUM,
        HUM + 0.001 * np.random.default_rng(0).standard_normal(96_000),
        0.3 * BEAT,
        0.1 * np.random.default_rng(1).standard_normal(96_000),
        np.cumsum(np.random.default_rng(2).standard_normal(96_000)) / 1000,
        np.r_[babble(1.0), np.zeros(80_000)],
        np.r_[babble(1.0), np.zeros(40_000), babble(1.0, seed=9)],
        1e-5 * np.resize(babble(2.0), 96_000),
        np.empty(0),
        np.zeros(100),
        babble(0.7),
        np.resize(babble(5.9), 96_000),  # 0.1 s twice could be anything
    ],
)
def test_what_does_not_repeat_itself_has_no_period(voice: Voice) -> None:
    assert loop_period(voice.astype(np.float32)) is None


@pytest.mark.parametrize("seed", range(5))
def test_talk_over_hum_has_no_period(seed: int) -> None:
    assert loop_period((babble(6.0, seed) + 0.5 * HUM).astype(np.float32)) is None


def test_a_second_take_of_the_same_words_is_no_loop() -> None:
    once, noise = babble(2.0), np.random.default_rng(0).standard_normal(32_000) * 0.08
    assert loop_period(np.r_[once, once + noise].astype(np.float32)) is None


def test_the_coarse_search_is_the_correlation_written_out() -> None:
    values = babble(0.1)
    found = voice_loops._self_correlation(values, max_lag=1000)
    for lag in (0, 1, 500, 1000):
        a, b = values[: len(values) - lag].astype(float), values[lag:].astype(float)
        assert found[lag] == pytest.approx((a @ b) / np.sqrt((a @ a) * (b @ b)), abs=1e-4)


@pytest.mark.slow
def test_no_real_voice_is_taken_for_a_loop_and_every_looped_one_is_found(real_data: Path) -> None:
    paths = [
        *sorted((real_data / "avspeech" / "voices").glob("*.opus"))[::16],
        *sorted((real_data / "voxceleb" / "voices").glob("*"))[::4],
    ]
    for path in paths:
        voice = read_voice(path)
        assert loop_period(voice) is None, path.name
        period = len(voice) * 2 // 3
        assert loop_period(np.resize(voice[:period], len(voice))) == period, path.name


def test_a_long_loop_is_not_looked_at_closely_for_each_part_of_its_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two copies of 25 s took 3 s, for all of 49 parts of the period were fixed at 16 kHz."""
    looked_at: list[int] = []
    exact = voice_loops._exact

    def counted(voice: Voice, about: int) -> int | None:
        looked_at.append(about)
        return exact(voice, about)

    monkeypatch.setattr(voice_loops, "_exact", counted)
    assert loop_period(np.tile(babble(25.0), 2)) == 25 * SAMPLE_RATE
    assert 1 <= len(looked_at) <= 5
