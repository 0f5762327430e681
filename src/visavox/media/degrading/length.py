"""The beginning of a recording, up to so many seconds of speech.

Pauses between the words stay; what comes before the first word is cut off.

Example:
    >>> voice = np.arange(64_000, dtype=np.float32)
    >>> two = [SpeechSegment(0.5, 1.5), SpeechSegment(2.0, 4.0)]
    >>> cut_to_speech(voice, two, speech_s=2.0)[[0, -1]].tolist()       # 1 s, a pause of 0.5 s, 1 s
    [8000.0, 47999.0]
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from visavox.media.audio import SAMPLE_RATE
from visavox.media.degrading.base import CannotDegradeError
from visavox.media.speech import SpeechDetector, SpeechSegment, speech_seconds

TOO_SHORT = "it holds less speech"

Voice = npt.NDArray[np.float32]


def first_speech(voice: Voice, *, speech_s: float) -> Voice:
    """Return a recording from its first word until so much speech has been heard.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz.
        speech_s: seconds of speech, above 0.

    Raises:
        CannotDegradeError: there is less speech in it.
        MissingDependencyError: silero-vad is not installed.
    """
    return cut_to_speech(voice, _detector().segments(voice), speech_s=speech_s)


def cut_to_speech(voice: Voice, segments: Sequence[SpeechSegment], *, speech_s: float) -> Voice:
    """Return the part of a recording that holds its first seconds of speech.

    Args:
        voice: (samples,) float32, 16 kHz.
        segments: where somebody speaks, in order, not overlapping.
        speech_s: seconds of speech, above 0.

    Raises:
        CannotDegradeError: the segments together are shorter.
    """
    if speech_seconds(segments) < speech_s - 1e-9:
        raise CannotDegradeError(TOO_SHORT)
    left = speech_s
    for segment in segments:
        length = segment.end_s - segment.start_s
        if length >= left - 1e-9:
            end_s = segment.start_s + left
            break
        left -= length
    return voice[round(segments[0].start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)].copy()


@functools.cache
def _detector() -> SpeechDetector:
    return SpeechDetector()
