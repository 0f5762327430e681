"""Codecs: what comes back is in step, costs the bit rate, and is worse at a lower one."""

from __future__ import annotations

import av
import numpy as np
import pytest

from visavox.media.degrading import codec as codecs
from visavox.media.degrading.base import CannotDegradeError
from visavox.media.degrading.codec import CODECS, aligned, decode, encode, through_codec


def signal_to_loss(clean: np.ndarray, coded: np.ndarray) -> float:
    """Power of the part that is the original over that of the rest, in dB, whatever the gain."""
    gain = float(coded @ clean) / float(clean @ clean)
    return float(10 * np.log10(np.sum((gain * clean) ** 2) / np.sum((coded - gain * clean) ** 2)))


@pytest.mark.parametrize(("codec", "high", "low"), [("mp3", 64.0, 16.0), ("opus", 24.0, 6.0), ("aac", 64.0, 16.0)])
def test_less_is_left_at_a_lower_bit_rate_and_nothing_is_late(
    voice: np.ndarray, codec: str, high: float, low: float
) -> None:
    good, bad = (through_codec(voice, codec=codec, kbit_s=rate) for rate in (high, low))
    assert good.dtype == bad.dtype == np.float32
    assert good.shape == bad.shape == voice.shape
    assert signal_to_loss(voice, good) > 10  # a delay of a few samples would leave less than 0 dB
    assert signal_to_loss(voice, good) > signal_to_loss(voice, bad) + 1
    assert not np.array_equal(good, voice)


@pytest.mark.parametrize(("codec", "kbit_s"), [("mp3", 32.0), ("opus", 24.0), ("aac", 32.0)])
def test_the_file_has_about_the_bit_rate_that_was_asked_for(voice: np.ndarray, codec: str, kbit_s: float) -> None:
    long = np.tile(voice, 4)
    found = 8 * len(encode(long, codec=codec, kbit_s=kbit_s)) / (len(long) / 16_000) / 1000
    assert 0.6 * kbit_s < found < 1.3 * kbit_s


def test_the_file_is_of_the_codec_that_was_named(voice: np.ndarray) -> None:
    assert encode(voice, codec="opus", kbit_s=12.0)[:4] == b"OggS"
    assert b"OpusHead" in encode(voice, codec="opus", kbit_s=12.0)[:64]
    assert encode(voice, codec="aac", kbit_s=32.0)[:2] in (b"\xff\xf1", b"\xff\xf9")
    assert set(CODECS) == {"mp3", "opus", "aac"}


def test_decoding_gives_one_channel_at_16_khz(voice: np.ndarray) -> None:
    sound = decode(encode(voice, codec="opus", kbit_s=24.0))  # which decodes to 48 kHz
    assert sound.ndim == 1
    assert abs(len(sound) - len(voice)) < 2000
    assert np.abs(sound).max() <= 1


@pytest.mark.parametrize("delay", [0, 1, 700, 4096, -300])
def test_a_known_delay_is_undone(delay: int) -> None:
    original = np.random.default_rng(0).standard_normal(9000).astype(np.float32)
    late = np.concatenate([np.zeros(max(0, delay), np.float32), original[max(0, -delay) :]])
    back = aligned(late, original)
    assert back.shape == original.shape
    kept = slice(max(0, -delay), None)
    assert np.array_equal(back[kept], original[kept])
    assert not back[: kept.start].any()


def test_a_clip_shorter_than_a_frame_comes_back_as_long_as_it_was() -> None:
    short = (0.3 * np.sin(np.arange(500) / 5)).astype(np.float32)
    for codec in CODECS:
        assert through_codec(short, codec=codec, kbit_s=24.0).shape == (500,)


def test_what_the_codec_refuses_is_a_reason(voice: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise av.error.InvalidDataError(1, "no")

    monkeypatch.setattr(codecs, "encode", refuse)
    with pytest.raises(CannotDegradeError, match="the codec refused it"):
        through_codec(voice, codec="mp3", kbit_s=64.0)
    monkeypatch.setattr(codecs, "encode", lambda *_, **__: b"")
    monkeypatch.setattr(codecs, "decode", lambda _: np.empty(0, np.float32))
    with pytest.raises(CannotDegradeError, match="the codec gave nothing back"):
        through_codec(voice, codec="mp3", kbit_s=64.0)
