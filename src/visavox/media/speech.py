"""Where somebody speaks in a recording, and whether that is enough to use it.

Not about who speaks or what is said. Singing, laughter and other people's voices count as speech.

Example:
    >>> detector = SpeechDetector()
    >>> silence = np.zeros(16_000, dtype=np.float32)
    >>> detector.segments(silence)
    []
    >>> check_speech(silence, [])
    Traceback (most recent call last):
    ...
    visavox.errors.MediaError: The voice is silent: its loudness must be above -70 dB. Got -120 dB. Give another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from visavox.errors import MediaError
from visavox.media.audio import SAMPLE_RATE, Voice, voice_quality
from visavox.media.silero import WINDOW, SileroNetwork, load_silero

WINDOW_S = WINDOW / SAMPLE_RATE
"""Seconds of one probability, 0.032."""
HYSTERESIS = 0.15
"""Speech goes on until its probability falls this far below the threshold that began it."""
SILENT_DB = -70.0
"""A recording without speech that is no louder than this, in dB below full scale, is called silent."""


@dataclass(frozen=True)
class SpeechSegment:
    """One stretch of speech."""

    start_s: float
    """Beginning in seconds from the start of the recording."""
    end_s: float
    """End in seconds, greater than `start_s`."""


class SpeechDetector:
    """Finds speech with the silero-vad network; may be sent to another process, where it loads its weights anew.

    Args:
        threshold: probability at which speech begins, 0 to 1.
        min_speech_s: stretches shorter than this are dropped.
        min_silence_s: pauses shorter than this are part of the speech around them.
        pad_s: added before and after each stretch, but never so much that two overlap.

    Source: the defaults and the rules are those of `get_speech_timestamps` in silero-vad 6. It drops a stretch that
    is exactly `min_speech_s` long, and so do we; it rounds to samples, we do not.

    One call takes about 3 ms of one core for a clip of 5 s. Torch's own threads gain nothing here: a worker process
    should call `torch.set_num_threads(1)`.
    """

    def __init__(
        self,
        *,
        threshold: float = 0.5,
        min_speech_s: float = 0.25,
        min_silence_s: float = 0.1,
        pad_s: float = 0.03,
    ) -> None:
        """Store the parameters; the weights are loaded by the first call."""
        self.threshold = threshold
        self.min_speech_s = min_speech_s
        self.min_silence_s = min_silence_s
        self.pad_s = pad_s
        self._network: SileroNetwork | None = None

    def __getstate__(self) -> dict[str, object]:
        """Leave the weights behind when the detector crosses into another process."""
        return {**self.__dict__, "_network": None}

    def probabilities(self, voice: Voice) -> npt.NDArray[np.float32]:
        """Return the probability of speech in each 32 ms.

        Args:
            voice: (samples,) float32 in [-1, 1], 16 kHz; may be empty.

        Returns:
            (ceil(samples / 512),) float32 in [0, 1].

        Raises:
            MissingDependencyError: silero-vad is not installed.
        """
        if self._network is None:
            self._network = load_silero()
        if len(voice) == 0:
            return np.empty(0, dtype=np.float32)
        with torch.inference_mode():
            result: npt.NDArray[np.float32] = self._network(torch.from_numpy(np.ascontiguousarray(voice))).numpy()
        return result

    def segments(self, voice: Voice) -> list[SpeechSegment]:
        """Return the stretches of speech in order, not overlapping, within the recording.

        Args:
            voice: (samples,) float32 in [-1, 1], 16 kHz; may be empty.

        Raises:
            MissingDependencyError: silero-vad is not installed.
        """
        return self.segments_of(self.probabilities(voice), duration_s=len(voice) / SAMPLE_RATE)

    def segments_of(self, probabilities: npt.NDArray[np.float32], *, duration_s: float) -> list[SpeechSegment]:
        """Return the stretches of speech behind probabilities that `probabilities` gave.

        Args:
            probabilities: (windows,) in [0, 1], one each 32 ms.
            duration_s: length of the recording in seconds; the last window may reach beyond it.

        Example:
            >>> speech = np.array([0.0] * 10 + [0.9] * 20 + [0.0] * 10)
            >>> SpeechDetector(pad_s=0.0).segments_of(speech, duration_s=1.28)
            [SpeechSegment(start_s=0.32, end_s=0.96)]
        """
        spoken = self._stretches(probabilities, duration_s)
        padded: list[SpeechSegment] = []
        for i, (start, end) in enumerate(spoken):
            before = start - spoken[i - 1][1] if i else 2 * start
            after = spoken[i + 1][0] - end if i + 1 < len(spoken) else 2 * (duration_s - end)
            # Two neighbours share a pause that is too short for the padding of both.
            padded.append(SpeechSegment(start - min(self.pad_s, before / 2), end + min(self.pad_s, after / 2)))
        return padded

    def _stretches(self, probabilities: npt.NDArray[np.float32], duration_s: float) -> list[tuple[float, float]]:
        """Start and end in seconds of each stretch, before padding."""
        floor = max(self.threshold - HYSTERESIS, 0.01)
        found: list[tuple[float, float]] = []
        start: float | None = None  # of the stretch that is open
        pause: float | None = None  # where it may have ended
        for i, probability in enumerate(probabilities):
            now = i * WINDOW_S
            if probability >= self.threshold:
                start = now if start is None else start
                pause = None
            elif probability < floor and start is not None:
                pause = now if pause is None else pause
                # A nanosecond of tolerance, since these are sums of 0.032.
                if now - pause >= self.min_silence_s - 1e-9:
                    found.append((start, pause))
                    start = pause = None
        if start is not None:
            found.append((start, duration_s))
        return [(a, b) for a, b in found if b - a > self.min_speech_s + 1e-9]


def speech_seconds(segments: Iterable[SpeechSegment]) -> float:
    """Return the seconds of speech in all segments together.

    Example:
        >>> speech_seconds([SpeechSegment(0.5, 1.0), SpeechSegment(2.0, 2.25)])
        0.75
    """
    return float(sum(segment.end_s - segment.start_s for segment in segments))


def keep_speech(voice: Voice, segments: Sequence[SpeechSegment]) -> Voice:
    """Return only the speech of a recording, its pauses cut out.

    Args:
        voice: (samples,) float32, 16 kHz.
        segments: in order, not overlapping, as `SpeechDetector.segments` gives them.

    Returns:
        (samples of speech,) float32, a copy; empty where there is no segment.
    """
    parts = [voice[round(s.start_s * SAMPLE_RATE) : round(s.end_s * SAMPLE_RATE)] for s in segments]
    return np.concatenate([np.empty(0, dtype=np.float32), *parts])


def check_speech(voice: Voice, segments: Sequence[SpeechSegment], *, min_speech_s: float = 0.5) -> None:
    """Raise unless a recording holds enough speech to say something about the speaker.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz, one sample or more.
        segments: what `SpeechDetector.segments` found in it.
        min_speech_s: seconds of speech that are enough.

    Raises:
        MediaError: status `silent` (no speech, and no louder than `SILENT_DB`) or `too_little_speech`.
    """
    spoken_s = speech_seconds(segments)
    loudness_db = voice_quality(voice)["loudness_db"]
    if not segments and loudness_db <= SILENT_DB:
        raise MediaError(
            f"The voice is silent: its loudness must be above {SILENT_DB:g} dB. Got {loudness_db:.0f} dB. "
            "Give another.",
            status="silent",
        )
    if spoken_s < min_speech_s:
        raise MediaError(
            f"The voice holds too little speech: {min_speech_s:g} s are needed. "
            f"Got {spoken_s:.2f} s in a recording of {len(voice) / SAMPLE_RATE:.2f} s. Give a longer one.",
            status="too_little_speech",
        )
