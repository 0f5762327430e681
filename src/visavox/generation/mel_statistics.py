"""How the spectrum of a voice lies, segment by segment: mean and deviation of each band of a log-mel spectrum.

It stands for the 190 rows of short-time features of the published system: far fewer numbers, and none that needs a
package of its own.

Example:
    >>> mel_statistics(np.sin(np.arange(48_000, dtype=np.float32) / 9), 1.6).shape
    (1, 80)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.models.diffusion.conditions import MAX_SEGMENTS, MEL_VALUES
from visavox.models.log_mel import WINDOW, checked_voice, log_mel, repeated
from visavox.models.mel import SAMPLE_RATE

SEGMENT_S = 1.6
"""Length of a segment, in training and in drawing alike."""


def mel_statistics(samples: NDArray[np.float32], segment_s: float) -> NDArray[np.float32]:
    """Return (n_segments, MEL_VALUES) float32: per segment the means of all bands, then their deviations.

    Segments lie end to end; of many, MAX_SEGMENTS evenly spread ones are kept; a short voice is one segment.

    Args:
        samples: (n_samples,) float32 at 16 kHz.
        segment_s: length of a segment in seconds, above 0.

    Raises:
        DataError: the voice is empty or not finite.
    """
    samples = repeated(checked_voice(samples), WINDOW)
    size = round(segment_s * SAMPLE_RATE)
    n = max(len(samples) // size, 1)
    rows = []
    for at in evenly(n, MAX_SEGMENTS):
        bands = log_mel(samples[at * size : (at + 1) * size], n_mels=MEL_VALUES // 2)  # (frames, bands)
        rows.append(np.concatenate([bands.mean(axis=0), bands.std(axis=0)]))
    return np.stack(rows).astype(np.float32)


def evenly(n: int, most: int) -> list[int]:
    """Return at most `most` of the numbers 0 to n - 1, evenly spread, in order.

    Example:
        >>> evenly(3, 8), evenly(9, 3)
        ([0, 1, 2], [0, 4, 8])
    """
    return list(range(n)) if n <= most else [round(at) for at in np.linspace(0, n - 1, most)]
