"""A voice that passed a lossy codec: MP3, Opus or AAC at a bit rate, by the encoders that ffmpeg ships, in memory.

Codecs delay what they are given. What comes back is moved to where it correlates best with the original and cut to its
length, so that only the loss is left.

Example:
    >>> voice = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) / 10
    >>> through_codec(voice, codec="mp3", kbit_s=32.0).shape
    (16000,)
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import av
import numpy as np
import numpy.typing as npt
import soxr
from scipy.signal import correlate

from visavox.media.audio import SAMPLE_RATE, to_pcm
from visavox.media.degrading.base import CannotDegradeError

MAX_DELAY = 4096
"""Samples at 16 kHz, 256 ms: the largest delay that is looked for."""
FAILED, NOTHING = "the codec refused it", "the codec gave nothing back"

Voice = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Codec:
    """How ffmpeg calls a codec."""

    encoder: str
    container: str
    sample_format: str
    options: Mapping[str, str] = field(default_factory=dict)


CODECS = {
    "mp3": Codec("libmp3lame", "mp3", "s16p"),
    "opus": Codec("libopus", "ogg", "s16", {"vbr": "off"}),
    "aac": Codec("aac", "adts", "fltp"),
}
"""Ours -> ffmpeg's."""


def through_codec(voice: Voice, *, codec: str, kbit_s: float) -> Voice:
    """Return a voice after encoding and decoding.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz, one channel.
        codec: "mp3" (MPEG-2 Layer III), "opus" or "aac" (AAC-LC).
        kbit_s: bit rate that the encoder is asked for; constant for MP3 and Opus, about the mean for AAC.

    Returns:
        (samples,) float32 in [-1, 1], in step with `voice`; what the codec swallowed at an end is silent.

    Raises:
        CannotDegradeError: the encoder refuses the recording, or nothing comes back.
    """
    try:
        decoded = decode(encode(voice, codec=codec, kbit_s=kbit_s))
    except av.FFmpegError as error:
        raise CannotDegradeError(FAILED) from error
    if not len(decoded):
        raise CannotDegradeError(NOTHING)
    return aligned(decoded, voice)


def encode(voice: Voice, *, codec: str, kbit_s: float) -> bytes:
    """Return the bytes of a file: MP3, Ogg Opus, or AAC in ADTS frames.

    Raises:
        av.FFmpegError: the encoder refuses the recording.
    """
    how = CODECS[codec]
    file = io.BytesIO()
    with av.open(file, mode="w", format=how.container) as container:
        stream = cast(av.AudioStream, container.add_stream(how.encoder, rate=SAMPLE_RATE, options=dict(how.options)))
        stream.codec_context.layout = "mono"
        stream.codec_context.format = how.sample_format
        stream.bit_rate = round(1000 * kbit_s)
        frame = av.AudioFrame.from_ndarray(to_pcm(voice)[np.newaxis], format="s16p", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = 0
        resampler = av.AudioResampler(
            format=how.sample_format, layout="mono", rate=SAMPLE_RATE, frame_size=stream.codec_context.frame_size
        )
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


def decode(data: bytes) -> Voice:
    """Return the sound of a file in memory, one channel at 16 kHz, in [-1, 1].

    Raises:
        av.FFmpegError: the bytes are no sound.
    """
    with av.open(io.BytesIO(data)) as container:
        planar = av.AudioResampler(format="fltp", layout="mono")
        frames = [part for frame in container.decode(audio=0) for part in planar.resample(frame)]
        rate = frames[0].sample_rate if frames else SAMPLE_RATE
    samples = np.concatenate([np.empty(0, np.float32), *(frame.to_ndarray()[0] for frame in frames)])
    whole = samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE)
    return np.asarray(np.clip(whole, -1, 1), dtype=np.float32)


def aligned(decoded: Voice, voice: Voice) -> Voice:
    """Return what came back, moved to where it correlates best with the original and as long as it.

    Args:
        decoded: (any samples,) float32, 16 kHz, late by up to `MAX_DELAY` samples, or early by as many.
        voice: (samples,) float32.

    Returns:
        (samples,) float32.
    """
    products = correlate(decoded.astype(np.float64), voice.astype(np.float64), method="fft")
    first = max(0, len(voice) - 1 - MAX_DELAY)  # the index of delay d is len(voice) - 1 + d
    delay = int(np.argmax(products[first : len(voice) + MAX_DELAY])) + first - (len(voice) - 1)
    moved = np.concatenate([np.zeros(max(0, -delay), np.float32), decoded[max(0, delay) :]])[: len(voice)]
    return np.concatenate([moved, np.zeros(len(voice) - len(moved), np.float32)])
