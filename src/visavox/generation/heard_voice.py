"""From a recording of any length to the stretch of it that is listened to, and what a user must be told about that.

A voice that is no longer than `LISTENED_S` is taken whole, as those were that a drawer learned from. Of a longer one
the stretch with most speech is taken, or the one from a place that the user gives. An hour is heard block by block and
never lies in memory. Who speaks is not asked here: `visavox.generation.speaker_agreement` does.

Example:
    >>> speech = [SpeechSegment(2.0, 6.0), SpeechSegment(50.0, 70.0)]
    >>> most_speech(speech, duration_s=3600.0, length_s=24.0)
    (46.0, 70.0)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, MediaError
from visavox.media.audio import QUIETEST_DB, SAMPLE_RATE, voice_blocks
from visavox.media.speech import SpeechDetector, SpeechSegment, SpeechStream, require_speech, speech_seconds

LISTENED_S = 24.0
"""Most seconds of a recording that are listened to: the drawers learned from 3 to 20 s, and 24 s give 15 windows."""
SHORT_S = 2.0
"""Below so many seconds of speech a voice embedding is of little worth, and it is said."""
BLOCK_S = 8.0
"""Seconds of an array that are looked at together; files come in blocks of their own."""

Voice = str | Path | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Listened:
    """What was listened to."""

    samples: NDArray[np.float32]
    """(n_samples,) float32 at 16 kHz, -1 to 1."""
    segments: tuple[SpeechSegment, ...]
    """Where there is speech in `samples`, in order, in seconds of `samples`."""
    begin_s: float
    """Where the stretch begins in the recording."""
    duration_s: float
    """Length of what was looked through: of the whole recording, or of the stretch where the user chose the place."""
    was_placed: bool = False
    """Whether the user said where to begin."""

    @property
    def end_s(self) -> float:
        """Where the stretch ends in the recording."""
        return self.begin_s + len(self.samples) / SAMPLE_RATE

    @property
    def speech_s(self) -> float:
        """Seconds of speech in the stretch."""
        return speech_seconds(self.segments)

    def notes(self) -> list[str]:
        """Return what a user must be told, a line each."""
        notes = []
        if self.was_placed:
            notes.append(f"listened to {self.begin_s:.1f} to {self.end_s:.1f} s, from where you said")
        elif self.end_s - self.begin_s < self.duration_s - 1 / SAMPLE_RATE:
            notes.append(
                f"listened to {self.begin_s:.1f} to {self.end_s:.1f} s of {self.duration_s:.1f} s, the stretch with "
                "most speech; --start-s chooses another"
            )
        if self.speech_s < SHORT_S:
            notes.append(
                f"only {self.speech_s:.1f} s of speech: the guess rests on little; {SHORT_S:g} s or more serve better"
            )
        return notes


def listen(
    voice: Voice,
    *,
    start_s: float | None = None,
    min_speech_s: float = 0.5,
    detector: SpeechDetector | None = None,
) -> Listened:
    """Return the stretch of a recording that is listened to.

    Args:
        voice: a sound file, a video that stands for its voice, or (n_samples,) float32 at 16 kHz.
        start_s: where to begin, 0 or more seconds; by default the stretch with most speech is chosen.
        min_speech_s: seconds of speech that the stretch must hold.
        detector: finds the speech; one with its defaults otherwise.

    Raises:
        MediaError: unreadable, silent, without speech, too little of it, or `start_s` past the end; `status` says
            which.
        ConfigError: `start_s` is negative or no number, or an array has another shape.
    """
    if start_s is not None and not 0 <= start_s < math.inf:
        raise ConfigError(f"`start_s` must be 0 or more seconds. Got {start_s}.")
    detector = detector or SpeechDetector()
    place = (None, None) if start_s is None else (start_s, start_s + LISTENED_S)
    survey = _Survey()
    for block in _blocks(voice, *place):
        survey.take(block)
    duration_s = survey.n_samples / SAMPLE_RATE
    segments = detector.segments_of(survey.stream.finish(), duration_s=duration_s)
    length_s = min(LISTENED_S, duration_s)
    begin_s, end_s = most_speech(segments, duration_s=duration_s, length_s=length_s)
    inside = within(segments, begin_s, end_s)
    try:
        require_speech(
            speech_s=speech_seconds(inside),
            duration_s=duration_s,
            loudness_db=survey.loudness_db,
            min_speech_s=min_speech_s,
        )
    except MediaError as error:
        where = "" if isinstance(voice, np.ndarray) else f"{voice}: "
        there = "" if start_s is None else f" It is from {start_s:g} s on that was listened to (--start-s)."
        raise MediaError(f"{where}{error}{there}", status=error.status) from error
    if survey.held is not None:
        samples = np.concatenate(survey.held)
    else:
        samples = np.concatenate(list(_blocks(voice, begin_s, end_s)))
    return Listened(samples, tuple(inside), (start_s or 0.0) + begin_s, duration_s, start_s is not None)


def most_speech(segments: Sequence[SpeechSegment], *, duration_s: float, length_s: float) -> tuple[float, float]:
    """Return begin and end in seconds of the stretch of a length that holds most speech; of equals the first.

    How much a stretch holds is linear in its begin, but for where an end of it passes an end of a segment; so the
    largest amount is found at one of those places.

    Args:
        segments: in order, not overlapping.
        duration_s: length of the recording, `length_s` at least.
        length_s: length of the stretch, above 0.
    """
    last_s = duration_s - length_s
    starts = np.array([part.start_s for part in segments])
    ends = np.array([part.end_s for part in segments])
    if last_s <= 0 or not len(starts):
        return 0.0, length_s
    begins = np.unique(np.clip(np.concatenate([starts, ends - length_s]), 0.0, last_s))
    # Speech before a time: all of the segments that ended, and a part of the one that it lies in.
    total = np.concatenate([[0.0], np.cumsum(ends - starts)])

    def before(times: NDArray[np.float64]) -> NDArray[np.float64]:
        index = np.searchsorted(starts, times, side="right")  # segments that have begun
        missing = np.where(index > 0, np.maximum(0.0, ends[np.maximum(index, 1) - 1] - times), 0.0)
        spoken: NDArray[np.float64] = total[index] - missing
        return spoken

    spoken = before(begins + length_s) - before(begins)
    begin_s = float(begins[np.argmax(spoken >= spoken.max() - 1e-6)])  # of equals the first, whatever was rounded
    return begin_s, begin_s + length_s


def within(segments: Iterable[SpeechSegment], begin_s: float, end_s: float) -> list[SpeechSegment]:
    """Return the parts of segments that lie in a stretch, in seconds from its begin.

    Example:
        >>> within([SpeechSegment(1.0, 3.0), SpeechSegment(5.0, 6.0)], 2.0, 4.0)
        [SpeechSegment(start_s=0.0, end_s=1.0)]
    """
    cut = ((max(part.start_s, begin_s), min(part.end_s, end_s)) for part in segments)
    return [SpeechSegment(start - begin_s, end - begin_s) for start, end in cut if end > start]


class _Survey:
    """Hears a recording once: probabilities of speech, loudness, and the samples as long as they are few."""

    def __init__(self) -> None:
        self.stream = SpeechStream()
        self.n_samples = 0
        self.held: list[NDArray[np.float32]] | None = []
        """All samples, or None where there are more than are ever listened to."""
        self._energy = 0.0

    def take(self, block: NDArray[np.float32]) -> None:
        self.stream.take(block)
        self.n_samples += len(block)
        self._energy += float(np.square(block, dtype=np.float64).sum())
        if self.held is not None:
            self.held.append(block)
        if self.n_samples > LISTENED_S * SAMPLE_RATE:
            self.held = None

    @property
    def loudness_db(self) -> float:
        """Root mean square in dB below full scale."""
        power = self._energy / max(1, self.n_samples)
        return max(QUIETEST_DB, 10 * math.log10(power)) if power > 0 else QUIETEST_DB


def _blocks(voice: Voice, begin_s: float | None, end_s: float | None) -> Iterator[NDArray[np.float32]]:
    if not isinstance(voice, np.ndarray):
        yield from voice_blocks(Path(voice), start_s=begin_s, end_s=end_s)
        return
    if voice.ndim != 1 or voice.dtype.kind != "f" or not len(voice) or not np.isfinite(voice).all():
        raise ConfigError(
            "A voice must be (n_samples,) finite floats at 16 kHz, one or more. "
            f"Got {voice.shape} {voice.dtype}. Read a file with visavox.media.audio.read_voice."
        )
    first = round((begin_s or 0.0) * SAMPLE_RATE)
    last = len(voice) if end_s is None else min(len(voice), round(end_s * SAMPLE_RATE))
    if first >= last:
        raise MediaError(
            f"There must be sound from {begin_s or 0:g} s on. The voice ends at {len(voice) / SAMPLE_RATE:.2f} s. "
            "Correct the time.",
            status="past_the_end",
        )
    step = round(BLOCK_S * SAMPLE_RATE)
    for at in range(first, last, step):
        yield voice[at : min(at + step, last)].astype(np.float32, copy=False)
