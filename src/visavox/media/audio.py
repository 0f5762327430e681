"""Voices: any sound file, or the sound of a video, to 16 kHz mono float32 and back to FLAC.

Not about what is said or whether anybody speaks: that is `visavox.media.speech`. soundfile reads what it can, since
it is the quickest; PyAV reads the rest (AAC, MP4, MPEG, Matroska ...); soxr resamples. All channels count alike: of
5.1 sound, whose centre carries the dialogue, the voice is a sixth as strong, and so are the other channels.

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
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from visavox.errors import DataError, MediaError
from visavox.media.files import ALONE, check_file, unreadable, write_whole
from visavox.media.sound_choice import choose_sound

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
BLOCK_SAMPLES = 1 << 18
"""Samples of one channel decoded at a time by soundfile, 5 s at 48 kHz, so that hours pass in little memory."""
BLOCK_VALUES = 1 << 24
"""Most numbers of a block, in all channels and after it is resampled: a header may claim 1000 channels, or 1 Hz."""
HELD_S = 1.0
"""Seconds of packets that are gathered before they are resampled: a packet is 20 to 60 ms, and each call has a cost."""
GAP_S = 0.1
"""A packet dated so far behind the end of a section does not belong to it, however many samples are wanting."""

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
            `empty_audio` (a stream without samples), `past_the_end` (none from `start_s` on), `invalid_time`.

    Edges:
        A file cut short gives what can be decoded; damaged packets inside it are skipped, with a log line.
    """
    parts = list(voice_blocks(Path(path), start_s=start_s, end_s=end_s))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def voice_blocks(path: Path, *, start_s: float | None = None, end_s: float | None = None) -> Iterator[Voice]:
    """Yield what `read_voice` returns, with its arguments and errors, in blocks of some seconds.

    The memory that it takes does not grow with the length.
    """
    check_file(path, "audio")
    begin = 0.0 if start_s is None else start_s
    end = math.inf if end_s is None else end_s
    if not 0 <= begin < end:
        raise MediaError(
            f"{path}: a segment must have 0 <= start_s < end_s. Got {begin:g} to {end:g} s. Correct the times.",
            status="invalid_time",
        )
    n_samples = 0
    for block in _blocks_of_any(path, begin, end):
        n_samples += len(block)
        if len(block):
            yield block
    if n_samples == 0:
        raise MediaError(
            f"{path}: there must be sound from {begin:g} to {end:g} s. Got 0 samples. Correct the times or drop it.",
            status="past_the_end" if begin > 0 else "empty_audio",
        )


class SoundDecoder:
    """Decodes the packets of one stream.

    Args:
        path: named in errors and log lines.
        stream: of sound.
        zero_s: where the clock of the file begins: MPEG streams begin at 0.5 s, recorded broadcasts anywhere.
        begin_s: seconds of the file at which the section begins; sound before it is dropped, exact to the sample.
        end_s: seconds of the file at which it ends.
    """

    def __init__(
        self,
        path: Path,
        stream: av.AudioStream,
        *,
        zero_s: float = 0.0,
        begin_s: float = 0.0,
        end_s: float = math.inf,
    ) -> None:
        """Prepare to decode on one thread.

        Raises:
            MediaError: status `unreadable_audio`: ffmpeg has no decoder, or does not know the rate.
        """
        if stream.codec_context is None or not stream.rate:
            reason = "there is no decoder for it" if stream.codec_context is None else "its rate is not known"
            raise unreadable(path, "audio", reason)
        stream.codec_context.thread_count = 1  # many processes read at once
        self.path = path
        self.stream = stream
        self.zero_s = zero_s
        self.begin_s = begin_s
        self.end_s = end_s
        self.n_damaged = 0
        """Packets that could not be decoded."""
        self.n_samples = 0
        """Samples given out, at 16 kHz."""
        self.n_frames = 0
        """Frames decoded, inside and outside the section."""
        self.is_over = False
        """Whether the end of the section was reached."""
        # The rate of the stream, since HE-AAC may decode to frames of twice the rate that its header names.
        self._rate = int(stream.rate)
        self._kind: tuple[str, str, int] | None = None  # format, layout and rate of the frames
        self._planar: av.AudioResampler | None = None
        self._to_16_khz = (
            None if self._rate == SAMPLE_RATE else soxr.ResampleStream(self._rate, SAMPLE_RATE, 1, dtype="float32")
        )
        self._held: list[Voice] = []
        self._n_held = 0
        self._n_left: float | None = None  # samples of the section that are still to come, known from its first on
        self._next_s = begin_s  # when the next frame begins, where it does not say

    def take(self, packet: av.Packet) -> Voice:
        """Return the samples that became ready, (samples,) float32 in [-1, 1], 16 kHz; often none.

        Raises:
            MediaError: status `unreadable_audio`: NaN, or samples far beyond full scale.
        """
        if self.is_over:
            return _nothing()
        try:
            for frame in packet.decode():
                self._hold(frame)
        except av.EOFError:
            self.is_over = True
        except av.FFmpegError:
            self.n_damaged += 1
        return self._resampled(last=False) if self._n_held >= HELD_S * self._rate else _nothing()

    def finish(self) -> Voice:
        """Return the last samples, and log how many packets were damaged.

        Raises:
            MediaError: status `unreadable_audio`, as `take`, or since no packet could be decoded; `truncated`.
        """
        block = self._resampled(last=True)
        if self.n_damaged and not self.n_frames:
            raise unreadable(self.path, "audio", f"all {self.n_damaged} packets are damaged")
        if self.n_damaged:
            logger.warning("%s: %d damaged packets of sound were skipped", self.path, self.n_damaged)
        return block

    def _hold(self, frame: av.AudioFrame) -> None:
        """Keep the part of a frame that lies in the section, one channel at the rate of the stream."""
        self.n_frames += 1
        block = self._in_section(frame) if self.begin_s > 0 or self.end_s < math.inf else self._one_channel(frame)
        self._held.append(block)
        self._n_held += len(block)

    def _in_section(self, frame: av.AudioFrame) -> Voice:
        at_s = self._next_s if frame.time is None else frame.time - self.zero_s
        self._next_s = at_s + frame.samples / frame.sample_rate
        if at_s >= self.end_s + GAP_S:  # sound is missing, or else it would have been counted out
            self.is_over = True
        if self.is_over or self._next_s <= self.begin_s:
            return _nothing()
        block = self._one_channel(frame)
        if self._n_left is None:
            block = block[max(0, round((self.begin_s - at_s) * self._rate)) :]
            if self.end_s < math.inf:
                self._n_left = max(0, round((self.end_s - max(at_s, self.begin_s)) * self._rate))
            else:
                self._n_left = math.inf
        # Counted, since Matroska dates its packets to the millisecond only.
        block = block[: int(min(self._n_left, len(block)))]
        self._n_left -= len(block)
        self.is_over = self._n_left == 0
        return block

    def _one_channel(self, frame: av.AudioFrame) -> Voice:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            self._kind = kind
            is_plain = kind[0] == "fltp" and kind[2] == self._rate
            self._planar = None if is_plain else av.AudioResampler(format="fltp", rate=self._rate)
        frames = [frame] if self._planar is None else self._planar.resample(frame)
        planes = [part.to_ndarray() for part in frames] or [_nothing()[None]]  # each (channels, samples)
        block: Voice = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=1)
        mixed: Voice = block[0] if len(block) == 1 else block.mean(axis=0)
        return mixed

    def _resampled(self, *, last: bool) -> Voice:
        block = np.concatenate([_nothing(), *self._held])
        self._held, self._n_held = [], 0
        if self._to_16_khz is not None:
            block = self._to_16_khz.resample_chunk(block, last=last)
        self.n_samples += len(block)
        return _checked(self.path, block)


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
    pcm = to_pcm(voice)
    # Through memory, because libsndfile answers a full disk with an assertion or with nothing at all.
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    write_whole(path, buffer.getvalue())


def to_pcm(voice: Voice) -> npt.NDArray[np.int16]:
    """Return a voice, (samples,) float, as 16-bit integers; what lies beyond [-1, 1] is clipped.

    Reading divides by 32768, and so write -> read -> write changes nothing.

    Example:
        >>> to_pcm(np.array([0.5, -1.0, 1.0], dtype=np.float32)).tolist()
        [16384, -32768, 32767]
    """
    return np.clip(np.round(voice * 32768.0), -32768, 32767).astype(np.int16)


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


def _blocks_of_any(path: Path, begin: float, end: float) -> Iterator[Voice]:
    """Yield 16 kHz blocks, decoded by libsndfile or by ffmpeg where that does not know the format."""
    n_samples = 0
    # A descriptor and not the path: soundfile would guess the format from a name like `voice.raw`.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        with soundfile.SoundFile(descriptor, closefd=False) as file:
            for block in _blocks_by_soundfile(path, file, begin, end):
                n_samples += len(block)
                yield block
    except soundfile.LibsndfileError as error:
        if n_samples:
            logger.warning("%s: sound after %.1f s was not read (%s)", path, n_samples / SAMPLE_RATE, error)
        else:
            yield from _blocks_by_av(path, begin, end)
    finally:
        os.close(descriptor)


def _blocks_by_soundfile(path: Path, file: soundfile.SoundFile, begin: float, end: float) -> Iterator[Voice]:
    """Yield 16 kHz blocks until the end; `SoundFile.blocks` repeats old memory where a file is cut."""
    first = min(round(begin * file.samplerate), file.frames)
    n_left = (file.frames if end == math.inf else min(round(end * file.samplerate), file.frames)) - first
    if first:
        file.seek(first)
    stream = None if file.samplerate == SAMPLE_RATE else soxr.ResampleStream(file.samplerate, SAMPLE_RATE, 1, "float32")
    # Of channels and rates that a header makes up, fewer samples fill the memory.
    n_most = min(BLOCK_SAMPLES, BLOCK_VALUES // file.channels, max(1, BLOCK_VALUES * file.samplerate // SAMPLE_RATE))
    while n_left > 0:
        samples = file.read(min(n_most, n_left), dtype="float32", always_2d=True)
        n_left = n_left - len(samples) if len(samples) else 0
        block = samples.mean(axis=1)  # (samples, channels) -> (samples,)
        yield _checked(path, block if stream is None else stream.resample_chunk(block, last=n_left == 0))


def _blocks_by_av(path: Path, begin: float, end: float) -> Iterator[Voice]:
    """Yield 16 kHz blocks between `begin` and `end`, seconds on the clock that sound and picture share."""
    try:
        # An open file and not a name, because ffmpeg reads "a:b" as a protocol.
        with path.open("rb") as file, av.open(file, options={**ALONE}) as container:
            stream = choose_sound(path, container, begin_s=begin)
            if stream is None:
                kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
                raise MediaError(
                    f"{path}: the file must hold sound. It holds {kinds} only. Give a file with a voice.",
                    status="no_audio_stream",
                )
            zero = (container.start_time or 0) / av.time_base
            decoder = SoundDecoder(path, stream, zero_s=zero, begin_s=begin, end_s=end)
            if begin > SEEK_MARGIN_S:
                container.seek(int((begin + zero - SEEK_MARGIN_S) * av.time_base), backward=True)
            for packet in container.demux(stream):
                yield decoder.take(packet)
                if decoder.is_over:
                    break
            yield decoder.finish()
    except av.FFmpegError as error:
        raise MediaError(
            f"{path}: no sound can be decoded ({error.strerror}). Convert the file to WAV or FLAC, or drop it.",
            status="unreadable_audio",
        ) from error


def _checked(path: Path, block: Voice) -> Voice:
    """Return samples clipped to [-1, 1], or refuse those that are no sound.

    Args:
        path: named in the error.
        block: (samples,) float32; may be empty.

    Raises:
        MediaError: status `unreadable_audio`: NaN, or samples far beyond full scale.
    """
    peak = max(-float(block.min()), float(block.max())) if len(block) else 0.0  # NaN survives both
    if not peak <= LOUDEST_LEVEL:
        raise MediaError(
            f"{path}: samples must be finite and within -1 to 1. The peak is {peak:g}. Rescale the file.",
            status="unreadable_audio",
        )
    return np.clip(block, -1.0, 1.0) if peak > 1.0 else block


def _nothing() -> Voice:
    return np.empty(0, dtype=np.float32)
