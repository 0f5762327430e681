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

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from visavox.errors import MediaError
from visavox.media.audio import SAMPLE_RATE, Voice, voice_quality
from visavox.media.silero import WINDOW, SileroMemory, SileroNetwork, load_silero

WINDOW_S = WINDOW / SAMPLE_RATE
"""Seconds of one probability, 0.032."""
RUN_SAMPLES = 64 * WINDOW
"""Samples that go through the network at once, 2 s: with 8 s the memory of two hours is 10 % above that of a minute."""
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


@functools.cache
def _network() -> SileroNetwork:
    """The one network of this process: it takes 60 ms to load."""
    return load_silero()


class SpeechStream:
    """Takes a recording block by block and gives the probability of speech in each 32 ms of it.

    The blocks may be of any length; the result is that of one pass to 1e-5. Blocks of some seconds are the quickest.
    It keeps 31 numbers for each second of sound.
    """

    def __init__(self) -> None:
        """Begin before the first sample.

        Raises:
            MissingDependencyError: silero-vad is not installed.
        """
        self._network = _network()
        self._memory: SileroMemory | None = None
        self._rest = np.empty(0, dtype=np.float32)  # samples of a window that is not whole yet
        self._probabilities: list[npt.NDArray[np.float32]] = []

    def take(self, block: Voice) -> None:
        """Hear the next samples.

        Args:
            block: (samples,) float32 in [-1, 1], 16 kHz; may be empty.
        """
        samples = np.concatenate([self._rest, block])
        n_whole = len(samples) // WINDOW * WINDOW
        self._rest = samples[n_whole:]
        self._run(samples[:n_whole])

    def finish(self) -> npt.NDArray[np.float32]:
        """Return the probabilities, (ceil(samples / 512),) float32 in [0, 1]; the last window is filled with zeros."""
        self._run(self._rest)
        return np.concatenate([np.empty(0, dtype=np.float32), *self._probabilities])

    def _run(self, samples: Voice) -> None:
        with torch.inference_mode():
            for first in range(0, len(samples), RUN_SAMPLES):
                part = torch.from_numpy(samples[first : first + RUN_SAMPLES])
                found, self._memory = self._network.advance(part, self._memory)
                self._probabilities.append(found.numpy())


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
    should call `torch.set_num_threads(1)`. The weights are loaded once for all detectors of a process.
    """

    def __init__(
        self,
        *,
        threshold: float = 0.5,
        min_speech_s: float = 0.25,
        min_silence_s: float = 0.1,
        pad_s: float = 0.03,
    ) -> None:
        """Store the parameters; the weights are loaded by the first call that needs them."""
        self.threshold = threshold
        self.min_speech_s = min_speech_s
        self.min_silence_s = min_silence_s
        self.pad_s = pad_s

    def probabilities(self, voice: Voice) -> npt.NDArray[np.float32]:
        """Return the probability of speech in each 32 ms.

        Args:
            voice: (samples,) float32 in [-1, 1], 16 kHz; may be empty.

        Returns:
            (ceil(samples / 512),) float32 in [0, 1].

        Raises:
            MissingDependencyError: silero-vad is not installed.
        """
        stream = SpeechStream()
        stream.take(voice)
        return stream.finish()

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


def require_speech(*, speech_s: float, duration_s: float, loudness_db: float, min_speech_s: float = 0.5) -> None:
    """Raise unless figures of a recording tell of enough speech to say something about the speaker.

    Args:
        speech_s: seconds of speech in it; 0 where none was found.
        duration_s: its length in seconds.
        loudness_db: of the whole, dB below full scale.
        min_speech_s: seconds of speech that are enough; 0 takes all that is not silent.

    Raises:
        MediaError: status `silent` (no speech, and no louder than `SILENT_DB`), `no_speech` (none in a recording that
            is loud and long enough to hold it: music, noise) or `too_little_speech`.
    """
    if speech_s == 0 and loudness_db <= SILENT_DB:
        raise MediaError(
            f"The voice is silent: its loudness must be above {SILENT_DB:g} dB. Got {loudness_db:.0f} dB. "
            "Give another.",
            status="silent",
        )
    if speech_s == 0 and duration_s > min_speech_s > 0:
        raise MediaError(
            f"The sound must hold speech. Got {duration_s:.2f} s at {loudness_db:.0f} dB without any: music or noise. "
            "Give another.",
            status="no_speech",
        )
    if speech_s < min_speech_s:
        raise MediaError(
            f"The voice holds too little speech: {min_speech_s:g} s are needed. "
            f"Got {math.floor(speech_s * 100) / 100:.2f} s in a recording of {duration_s:.2f} s. Give a longer one.",
            status="too_little_speech",
        )


def check_speech(voice: Voice, segments: Sequence[SpeechSegment], *, min_speech_s: float = 0.5) -> None:
    """Raise unless a recording holds enough speech to say something about the speaker.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz, one sample or more.
        segments: what `SpeechDetector.segments` found in it.
        min_speech_s: seconds of speech that are enough.

    Raises:
        MediaError: as `require_speech`.
    """
    require_speech(
        speech_s=speech_seconds(segments),
        duration_s=len(voice) / SAMPLE_RATE,
        loudness_db=voice_quality(voice)["loudness_db"],
        min_speech_s=min_speech_s,
    )
