"""Records the voice of a clip while it is read: is there speech in it, how good is it, and a FLAC file of it.

The sound comes block by block and little of it is kept: up to a minute waits in memory for what can only be known
at its end (whether it repeats itself); what is longer goes to the disk as it comes. Nothing is left under the final
name unless the voice can be used.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, VoiceRecorder(Path(folder) / "voice.flac") as recorder:
    ...     recorder.hear(np.zeros(16_000, dtype=np.float32))
    ...     recorder.finish()
    Traceback (most recent call last):
    ...
    visavox.errors.MediaError: The voice is silent: its loudness must be above -70 dB. Got -120 dB. Give another.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile

from visavox.errors import MediaError
from visavox.media.audio import SAMPLE_RATE, Voice, to_pcm, voice_blocks
from visavox.media.files import check_file, unchanged
from visavox.media.speech import (
    RUN_SAMPLES,
    SpeechDetector,
    SpeechSegment,
    SpeechStream,
    require_speech,
    speech_seconds,
)
from visavox.media.voice_loops import loop_period
from visavox.media.voice_quality import VoiceMeter
from visavox.media.voice_settings import VoiceSettings

KEPT_S = 60.0
"""Seconds that are kept in memory, 2 MB; longer recordings are not looked through for loops."""

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True)
class RecordedVoice:
    """A voice that was kept."""

    quality: Mapping[str, float]
    """`speech_s` and the figures of `VoiceMeter`; where a loop was undone also `loop_period_s` (what was kept) and
    `source_duration_s` (what was heard)."""
    segments: tuple[SpeechSegment, ...]
    """The stretches of speech."""
    digest: str
    """SHA-256 of the file's bytes in hexadecimal."""


class VoiceRecorder:
    """Takes the sound of one clip; a context manager that leaves nothing half-written behind.

    Args:
        path: the file to make or to replace, usually `*.flac`; its folder must exist.
        settings: what is kept.
    """

    def __init__(self, path: Path, settings: VoiceSettings | None = None) -> None:
        """Begin before the first sample; no file is made yet."""
        self.path = path
        self.settings = settings or VoiceSettings()
        self._waiting: list[Voice] = []
        self._n_waiting = 0
        self._kept: list[Pcm] = []
        self._hearing = _Hearing()
        self._file: _FlacFile | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not finished."""
        self.discard()

    def hear(self, block: Voice) -> None:
        """Take the next samples.

        Args:
            block: (samples,) float32 in [-1, 1], 16 kHz.

        Raises:
            OSError: the disk is full or read-only.
            MissingDependencyError: silero-vad is not installed.
        """
        self._waiting.append(block)
        self._n_waiting += len(block)
        if self._n_waiting >= RUN_SAMPLES:
            samples = np.concatenate(self._waiting)
            whole = len(samples) // RUN_SAMPLES * RUN_SAMPLES
            self._waiting, self._n_waiting = [samples[whole:].copy()], len(samples) - whole
            self._take(samples[:whole])

    def finish(self) -> RecordedVoice:
        """Write the file and return what was recorded; the recorder is then at its end.

        Raises:
            MediaError: status `empty_audio`, `silent`, `no_speech` or `too_little_speech`; then there is no new file,
                and an old one is as it was.
            OSError: the disk is full or read-only; likewise.
        """
        try:
            self._take(np.concatenate([np.empty(0, dtype=np.float32), *self._waiting]))
            self._waiting, self._n_waiting = [], 0
            if not self._hearing.meter.n_samples:
                raise MediaError(
                    "The stream of sound must hold samples. Got 0. Give another or drop it.", status="empty_audio"
                )
            looped = self._undo_loop()
            segments, figures = self._hearing.result()
            require_speech(
                speech_s=figures["speech_s"],
                duration_s=figures["duration_s"],
                loudness_db=figures["loudness_db"],
                min_speech_s=self.settings.min_speech_s,
            )
            file = self._file or self._spill()
            file.finish(self.path)
            return RecordedVoice({**figures, **looped}, segments, _digest(self.path))
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what was heard and remove what was written of it; does nothing after `finish`."""
        self._waiting, self._n_waiting, self._kept = [], 0, []
        if self._file is not None:
            self._file.discard()
            self._file = None

    def _take(self, samples: Voice) -> None:
        self._hearing.take(samples)
        pcm = to_pcm(samples)
        if self._file is not None:
            self._file.write(pcm)
            return
        self._kept.append(pcm)
        if self._hearing.meter.n_samples > KEPT_S * SAMPLE_RATE:
            self._spill()

    def _spill(self) -> _FlacFile:
        """Move what is kept to the disk, where all that follows goes too."""
        self._file = _FlacFile(self.path.parent)
        for pcm in self._kept:
            self._file.write(pcm)
        self._kept = []
        return self._file

    def _undo_loop(self) -> dict[str, float]:
        """Keep one period of a recording that repeats itself, and return its figures."""
        if not self.settings.unloop or self._file is not None:
            return {}
        pcm = np.concatenate(self._kept)
        period = loop_period(_to_voice(pcm))
        if period is None:
            return {}
        self._kept = [pcm[:period]]
        self._hearing = _Hearing()
        self._hearing.take(_to_voice(self._kept[0]))
        return {"loop_period_s": period / SAMPLE_RATE, "source_duration_s": len(pcm) / SAMPLE_RATE}


class _Hearing:
    """What is found in a recording while it passes."""

    def __init__(self) -> None:
        self.speech = SpeechStream()
        self.meter = VoiceMeter()

    def take(self, samples: Voice) -> None:
        self.speech.take(samples)
        self.meter.take(samples)

    def result(self) -> tuple[tuple[SpeechSegment, ...], dict[str, float]]:
        probabilities = self.speech.finish()
        figures = self.meter.figures(probabilities)
        segments = SpeechDetector().segments_of(probabilities, duration_s=figures["duration_s"])
        return tuple(segments), {**figures, "speech_s": speech_seconds(segments)}


def record_voice_file(
    path: Path, recorder: VoiceRecorder, *, start_s: float | None = None, end_s: float | None = None
) -> RecordedVoice:
    """Record the sound of a file, or a section of it.

    Args:
        path: a sound file or a video; the content decides, not the name.
        recorder: new; it is finished, or discarded where this fails.
        start_s: second at which to begin, 0 or more; None is the beginning.
        end_s: second at which to end, greater than `start_s`; None, or beyond the end, is the end.

    Raises:
        MediaError: as `visavox.media.audio.read_voice` and `VoiceRecorder.finish`, or status `growing_file`.
        OSError: the disk is full or read-only.
    """
    with recorder:
        check_file(path, "audio")
        with unchanged(path):
            for block in voice_blocks(path, start_s=start_s, end_s=end_s):
                recorder.hear(block)
        return recorder.finish()


class _FlacFile:
    """A FLAC file that is written block by block under a name of its own, until `finish` gives it another."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f".{os.getpid()}-{uuid.uuid4().hex}.tmp"
        self._sink = _Sink(self._path)
        self._encoder = soundfile.SoundFile(self._sink, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC")

    def write(self, pcm: Pcm) -> None:
        self._encoder.write(pcm)
        self._sink.check()

    def finish(self, path: Path) -> None:
        self._encoder.close()
        self._sink.close()
        self._path.replace(path)

    def discard(self) -> None:
        """Close and remove the file; does nothing after `finish`."""
        self._encoder.close()
        self._sink.file.close()
        self._path.unlink(missing_ok=True)


class _Sink:
    """The file that libsndfile writes to: a full disk, which it answers with an assertion, is kept for `check`."""

    def __init__(self, path: Path) -> None:
        # Unbuffered, so that each failure is met where it happens and closing cannot fail.
        self.file = path.open("xb", buffering=0)
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        try:
            while len(view):
                view = view[self.file.write(view) :]
        except OSError as error:
            self._error = self._error or error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.check()
        self.file.close()


def _to_voice(pcm: Pcm) -> Voice:
    return pcm.astype(np.float32) / np.float32(32768)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
