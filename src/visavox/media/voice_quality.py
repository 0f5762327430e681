"""Figures that tell how usable a recording is, gathered block by block while it is read.

It needs to be told where speech is (`visavox.media.speech`); it does not decide whether a voice is good enough.

Example:
    >>> meter = VoiceMeter()
    >>> meter.take(np.full(1024, 0.5, dtype=np.float32))
    >>> meter.figures(np.array([0.9, 0.9]))
    {'duration_s': 0.064, 'loudness_db': -6.020599913279624, 'clipped_rate': 0.0}
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from visavox.media.audio import CLIPPED_LEVEL, QUIETEST_DB, SAMPLE_RATE, Voice
from visavox.media.silero import WINDOW

SPEECH_PROBABILITY = 0.5
"""A window of at least this probability is speech."""
PAUSE_PROBABILITY = 0.1
"""A window of at most this probability is a pause; those between are neither."""
MIN_WINDOWS = 5
"""Windows of speech and of pauses, 0.16 s of each, without which there is no signal-to-noise ratio."""
QUANTISATION_POWER = 1 / (12 * 32768**2)
"""Power of the rounding of 16-bit sound, -101 dB: no pause is quieter."""


class VoiceMeter:
    """Takes a recording block by block; keeps 31 numbers for each second of it."""

    def __init__(self) -> None:
        """Begin before the first sample."""
        self.n_samples = 0
        self._energy = 0.0
        self._n_clipped = 0
        self._powers: list[npt.NDArray[np.float32]] = []

    def take(self, block: Voice) -> None:
        """Hear the next samples.

        Args:
            block: (samples,) float32 in [-1, 1], 16 kHz; a multiple of 512 in every block but the last.
        """
        squares = np.square(block)
        self.n_samples += len(block)
        self._energy += float(squares.sum(dtype=np.float64))
        self._n_clipped += int(np.count_nonzero(np.abs(block) >= CLIPPED_LEVEL))
        whole = len(block) // WINDOW * WINDOW
        self._powers.append(squares[:whole].reshape(-1, WINDOW).mean(axis=1))  # (windows, 512) -> (windows,)

    def figures(self, probabilities: npt.NDArray[np.floating]) -> dict[str, float]:
        """Return the figures of what was heard, one sample or more.

        Args:
            probabilities: (ceil(samples / 512),) of speech in each window, 0 to 1.

        Returns:
            `duration_s`: seconds; `loudness_db`: root mean square below full scale, -120 (digital silence) to 0;
            `clipped_rate`: part of the samples at full scale, 0 to 1; `snr_db`: see `estimated_snr_db`, left out
            where it has none.
        """
        power = self._energy / self.n_samples
        figures = {
            "duration_s": self.n_samples / SAMPLE_RATE,
            "loudness_db": max(QUIETEST_DB, 10 * math.log10(power)) if power > 0 else QUIETEST_DB,
            "clipped_rate": self._n_clipped / self.n_samples,
        }
        powers = np.concatenate([np.empty(0, dtype=np.float32), *self._powers])
        snr_db = estimated_snr_db(powers, probabilities[: len(powers)])
        return figures if math.isnan(snr_db) else {**figures, "snr_db": snr_db}


def estimated_snr_db(powers: npt.NDArray[np.floating], probabilities: npt.NDArray[np.floating]) -> float:
    """Return the ratio of speech to noise in dB, taken from speech against pauses; nan where either is too short.

    The noise is the median power of the pauses, which a cough or the tail of a word does not move; the speech is the
    mean power of the windows with speech, less that noise. Steady noise is measured so; music or people who speak
    in the background are not, and reverberation and breath count as noise. A gate that mutes the pauses leaves
    nothing to measure: the ratio is then that to 16-bit rounding, up to 101 dB.

    Args:
        powers: (windows,) mean square of each window of 32 ms.
        probabilities: (windows,) of speech, 0 to 1.

    Example:
        >>> round(estimated_snr_db(np.repeat([0.01, 1.01], 5), np.repeat([0.0, 1.0], 5)), 3)
        20.0
    """
    speech, pauses = powers[probabilities >= SPEECH_PROBABILITY], powers[probabilities <= PAUSE_PROBABILITY]
    if len(speech) < MIN_WINDOWS or len(pauses) < MIN_WINDOWS:
        return math.nan
    noise = max(float(np.median(pauses)), QUANTISATION_POWER)
    signal = float(np.mean(speech, dtype=np.float64)) - noise
    return 10 * math.log10(max(signal, 0.01 * noise) / noise)
