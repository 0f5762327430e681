"""Voices: any sound file, or the sound of a video, to 16 kHz mono float32 and back to FLAC.

Not about what is said or whether anybody speaks: that is `visavox.media.speech`. soundfile reads what it can, since
it is the quickest; PyAV reads the rest (AAC, MP4, MPEG, Matroska ...); soxr resamples.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "voice.flac"
    ...     write_voice(path, np.array([0.0, 0.5, -0.5], dtype=np.float32))
    ...     read_voice(path).tolist()
    [0.0, 0.5, -0.5]
"""

from __future__ import annotations

import io
import logging
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from visavox.errors import DataError, MediaError
from visavox.media.files import check_file, write_whole

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
"""Rate of every voice inside the package, in Hz."""
QUIETEST_DB = -120.0
"""Loudness given to digital silence, in dB below full scale; 16-bit sound ends near -96."""
CLIPPED_LEVEL = 0.999
"""A sample at or beyond this level counts as clipped."""
LOUDEST_LEVEL = 8.0
"""Beyond this level (18 dB above full scale) a float file was surely written in other units, and is refused."""
SEEK_MARGIN_S = 5.0
"""Seconds to seek ahead of a segment: MPEG programme streams land late, and codecs need a run-up."""
BLOCK_SAMPLES = 1 << 20
"""Samples of one channel decoded at a time, 22 s at 48 kHz, so that an hour of stereo fits in memory."""

Voice = npt.NDArray[np.float32]


def read_voice(path: Path | str, *, start_s: float | None = None, end_s: float | None = None) -> Voice:
    """Return the sound of a file as one channel at 16 kHz.

    Args:
        path: a sound file or a video. The content decides what it is, not the name.
        start_s: where to begin, in seconds, 0 or more; None is the beginning.
        end_s: where to end, in seconds, greater than `start_s`; None, or beyond the end, is the end.

    Returns:
        (samples,) float32 in [-1, 1], 16 kHz: the mean of all channels, resampled, clipped at full scale. At least
        one sample; silence is returned as it is.

    Raises:
        MediaError: status `missing_file`, `empty_file`, `unreadable_audio` (no format we know, damaged, no
            permission, NaN, or samples far beyond full scale), `no_audio_stream` (a picture or a silent film),
            `empty_audio` (a stream without samples, or none between `start_s` and `end_s`).

    Edges:
        A file cut short gives what can be decoded; damaged packets inside it are skipped, with a log line.
    """
    path = Path(path)
    check_file(path, "audio")
    begin = 0.0 if start_s is None else start_s
    end = math.inf if end_s is None else end_s
    if not 0 <= begin < end:
        raise MediaError(
            f"{path}: a segment must have 0 <= start_s < end_s. Got {begin:g} to {end:g} s. Correct the times.",
            status="empty_audio",
        )
    try:
        voice = _read_with_soundfile(path, begin, end)
    except soundfile.LibsndfileError:
        voice = _read_with_av(path, begin, end)
    if len(voice) == 0:
        raise MediaError(
            f"{path}: there must be sound from {begin:g} to {end:g} s. Got 0 samples. Correct the times or drop it.",
            status="empty_audio",
        )
    peak = float(np.abs(voice).max())  # NaN and infinity survive max
    if not peak <= LOUDEST_LEVEL:
        raise MediaError(
            f"{path}: samples must be finite and within -1 to 1. The peak is {peak:g}. Rescale the file.",
            status="unreadable_audio",
        )
    return np.clip(voice, -1.0, 1.0)


def write_voice(path: Path, voice: Voice) -> None:
    """Write a voice as 16-bit FLAC at 16 kHz, whole or not at all.

    Args:
        path: the file to make or to replace, usually `*.flac`; its folder must exist.
        voice: (samples,) float in [-1, 1], 16 kHz, at least one sample; what lies beyond is clipped.

    Raises:
        DataError: `voice` is empty, not one-dimensional, or holds NaN.
        OSError: the disk is full or read-only.
    """
    if voice.ndim != 1 or voice.size == 0 or not np.isfinite(voice).all():
        raise DataError(
            f"{path}: a voice must be a finite array of shape (samples,), one sample or more. "
            f"Got shape {voice.shape} with {int(np.sum(~np.isfinite(voice)))} values that are not finite."
        )
    # Our own rounding: reading divides by 32768, and so write -> read -> write changes nothing.
    pcm = np.clip(np.round(voice * 32768.0), -32768, 32767).astype(np.int16)
    # Through memory, because libsndfile answers a full disk with an assertion or with nothing at all.
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    write_whole(path, buffer.getvalue())


def voice_quality(voice: Voice) -> dict[str, float]:
    """Return figures that tell how usable a recording is.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz, one sample or more.

    Returns:
        `loudness_db`: root mean square below full scale, -120 (digital silence) to 0; `clipped_rate`: part of the
        samples at full scale, 0 to 1; `duration_s`: length in seconds.

    Example:
        >>> voice_quality(np.array([1.0, -1.0, 1.0, -1.0], dtype=np.float32))
        {'loudness_db': 0.0, 'clipped_rate': 1.0, 'duration_s': 0.00025}
    """
    rms = math.sqrt(float(np.mean(np.square(voice, dtype=np.float64))))
    return {
        "loudness_db": max(QUIETEST_DB, 20 * math.log10(rms)) if rms > 0 else QUIETEST_DB,
        "clipped_rate": float(np.mean(np.abs(voice) >= CLIPPED_LEVEL)),
        "duration_s": len(voice) / SAMPLE_RATE,
    }


def _read_with_soundfile(path: Path, begin: float, end: float) -> Voice:
    """Decode with libsndfile, or raise LibsndfileError where it does not know the format."""
    # A descriptor and not the path: soundfile would guess the format from a name like `voice.raw`.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        with soundfile.SoundFile(descriptor, closefd=False) as file:
            first = min(round(begin * file.samplerate), file.frames)
            last = file.frames if end == math.inf else min(round(end * file.samplerate), file.frames)
            if first:
                file.seek(first)
            return _resample(_read_blocks(file, last - first), file.samplerate)
    finally:
        os.close(descriptor)


def _read_blocks(file: soundfile.SoundFile, n_samples: int) -> Iterator[Voice]:
    """Yield mono samples until `n_samples` or the end; `SoundFile.blocks` repeats old memory where a file is cut."""
    while n_samples > 0:
        block = file.read(min(BLOCK_SAMPLES, n_samples), dtype="float32", always_2d=True)
        if len(block) == 0:
            return
        n_samples -= len(block)
        yield block.mean(axis=1)  # (samples, channels) -> (samples,)


def _read_with_av(path: Path, begin: float, end: float) -> Voice:
    """Decode with ffmpeg; raises MediaError for what nobody can read."""
    try:
        # An open file and not a name, because ffmpeg reads "a:b" as a protocol.
        with path.open("rb") as file, av.open(file) as container:
            if not container.streams.audio:
                kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
                raise MediaError(
                    f"{path}: the file must hold sound. It holds {kinds} only. Give a file with a voice.",
                    status="no_audio_stream",
                )
            stream = container.streams.audio[0]
            return _resample(_decoded_blocks(path, container, stream, begin, end), stream.rate)
    except (av.FFmpegError, ValueError) as error:  # ValueError: the sample format changes midway
        reason = getattr(error, "strerror", None) or error
        raise MediaError(
            f"{path}: no sound can be decoded ({reason}). Convert the file to WAV or FLAC, or drop it.",
            status="unreadable_audio",
        ) from error


def _decoded_blocks(
    path: Path, container: av.container.InputContainer, stream: av.AudioStream, begin: float, end: float
) -> Iterator[Voice]:
    """Yield the mono samples between `begin` and `end`, seconds on the clock that sound and picture share."""
    zero = (container.start_time or 0) / av.time_base  # MPEG streams begin at 0.5 s or so
    if begin > SEEK_MARGIN_S:
        container.seek(int((begin + zero - SEEK_MARGIN_S) * av.time_base), backward=True)
    # With the rate of the stream, since HE-AAC may decode to frames of twice the rate that its header names.
    planar = av.AudioResampler(format="fltp", rate=stream.rate)
    n_damaged, n_blocks = 0, 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            n_damaged += 1
            continue
        for frame in frames:
            at = begin if frame.time is None else frame.time - zero
            if at >= end:
                return
            n_blocks += 1
            block = np.concatenate([f.to_ndarray() for f in planar.resample(frame)], axis=1).mean(axis=0)
            first = max(0, round((begin - at) * stream.rate)) if begin > 0 else 0
            last = len(block) if end == math.inf else min(len(block), round((end - at) * stream.rate))
            if first < last:
                yield block[first:last]
    if n_damaged and not n_blocks:
        raise av.InvalidDataError(0, f"all {n_damaged} packets are damaged")
    if n_damaged:
        logger.warning("%s: %d damaged packets of sound were skipped", path, n_damaged)


def _resample(blocks: Iterable[Voice], rate: int) -> Voice:
    """Join mono blocks, at 16 kHz."""
    if rate == SAMPLE_RATE:
        parts = list(blocks)
    else:
        stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        parts = [stream.resample_chunk(np.ascontiguousarray(block)) for block in blocks]
        parts.append(stream.resample_chunk(np.empty(0, dtype=np.float32), last=True))
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
