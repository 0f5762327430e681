"""A voice recorded too quietly or too loudly.

Example:
    >>> clip_peaks(np.array([0.1, -0.2, 0.4], np.float32), over_db=6.0206).round(3).tolist()
    [0.5, -1.0, 1.0]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from visavox.media.audio import to_pcm
from visavox.media.degrading.base import CannotDegradeError
from visavox.media.degrading.noise import SILENT

Voice = npt.NDArray[np.float32]


def turn_down(voice: Voice, *, by_db: float) -> Voice:
    """Return a voice turned down and stored in 16 bits, so that its quiet parts drown in the steps of the numbers.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz.
        by_db: dB, 0 or more.

    Raises:
        CannotDegradeError: nothing is left but zeros.
    """
    quiet = to_pcm(voice * np.float32(10 ** (-by_db / 20)))
    if not quiet.any():
        raise CannotDegradeError(SILENT)
    return np.asarray(quiet / 32768.0, dtype=np.float32)


def clip_peaks(voice: Voice, *, over_db: float) -> Voice:
    """Return a voice recorded so loudly that its largest peak stands above full scale, where it is cut off.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz.
        over_db: how far the largest peak would stand above full scale, in dB, 0 or more.

    Raises:
        CannotDegradeError: the voice is silent.
    """
    peak = float(np.abs(voice).max(initial=0.0))
    if peak == 0:
        raise CannotDegradeError(SILENT)
    return np.asarray(np.clip(voice * (10 ** (over_db / 20) / peak), -1, 1), dtype=np.float32)
