"""How far the mouth of a speaker is open in each picture of a video, guessed from the sound alone.

The opening follows the loudness of the vowels: closed in pauses and before the first word, wide at the loudest
syllables, with a lip's slowness. Hissing sounds open it little, since they lie above the band that is listened to.

How wide a mouth stands open on average would tell the voice: lively ones keep it half closed, rough ones open it wide.
A picture of the face would then hold more of the voice than the world's ceiling knows of. `evened_opening` takes that
away and leaves the time.

Example:
    >>> silence = np.zeros(16_000, dtype=np.float32)
    >>> mouth_opening(silence, n_frames=25).max()
    np.float32(0.0)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.stats import rankdata

from visavox.errors import ConfigError
from visavox.world.voices.source_filter import SAMPLE_RATE, Samples

_BAND_HZ = (150.0, 3000.0)  # where vowels are loud
_RANGE_DB = (-22.0, 2.0)  # closed and wide open, against the loud moments
_ABOVE_NOISE_DB = 9.0  # what is no louder than this above the quietest moments is background
_SILENT_DB = -75.0  # of the loud moments, against full scale: no speech at all
_STEP = 160  # samples, 10 ms
_LAG = (0.25, 0.5, 0.25)  # weights of the picture before, the picture itself and the one after
_NEARLY_CLOSED = 0.02  # what is no wider counts as closed


def mouth_opening(voice: Samples, *, n_frames: int, fps: float = 25.0) -> NDArray[np.float32]:
    """Return how far the mouth is open in each picture.

    Args:
        voice: (samples,) float32, mono 16 kHz; may be empty.
        n_frames: pictures, 1 or more; those after the end of the sound show a closed mouth.
        fps: pictures a second.

    Returns:
        (n_frames,) float32 from 0, closed, to 1, wide open.

    Raises:
        ConfigError: `n_frames` is below 1, or `fps` is not above 0.
    """
    if n_frames < 1:
        raise ConfigError(f"`n_frames` must be at least 1. Got {n_frames}.")
    if not fps > 0.0:
        raise ConfigError(f"`fps` must be above 0. Got {fps:g}.")
    level_db = _levels_db(voice)
    opening = np.zeros(n_frames)
    if len(level_db) == 0 or np.percentile(level_db, 95) < _SILENT_DB:
        return opening.astype(np.float32)
    loud_db, quiet_db = np.percentile(level_db, [95, 5])
    closed_db = max(loud_db + _RANGE_DB[0], quiet_db + _ABOVE_NOISE_DB)
    wide_db = loud_db + _RANGE_DB[1]
    if closed_db >= wide_db:
        return opening.astype(np.float32)  # one even sound: noise, not speech
    share = np.clip((level_db - closed_db) / (wide_db - closed_db), 0.0, 1.0)
    share = np.append(share * share * (3.0 - 2.0 * share), 0.0)
    # The picture shows the mean of the time until the next one.
    total = np.append(0.0, np.cumsum(share)) * (_STEP / SAMPLE_RATE)
    edges = np.interp(np.arange(n_frames + 1) / fps, np.arange(len(total)) * (_STEP / SAMPLE_RATE), total)
    opening = np.diff(edges) * fps
    smooth = np.convolve(np.pad(opening, 1), _LAG, mode="valid")
    limited: NDArray[np.float32] = np.clip(smooth, 0.0, 1.0).astype(np.float32)
    return limited


def evened_opening(opening: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the opening with one and the same spread of values for every voice, in the old order.

    Args:
        opening: (n_frames,) float, 0 to 1, of `mouth_opening`.

    Returns:
        (n_frames,) float32: 0 where the mouth was closed, or open by 0.02 at most; the k-th narrowest of the other m
        pictures has (k - 1/2) / m.

    Ties and edges:
        Equal openings stay equal; of a closed mouth all stays 0.

    Example:
        >>> evened_opening(np.array([0.0, 0.3, 0.9, 0.01], dtype=np.float32)).tolist()
        [0.0, 0.25, 0.75, 0.0]
    """
    is_open = opening > _NEARLY_CLOSED
    evened = np.zeros(opening.shape, dtype=np.float32)
    evened[is_open] = (rankdata(opening[is_open]) - 0.5) / max(1, int(is_open.sum()))
    return evened


def _levels_db(voice: Samples) -> NDArray[np.float64]:
    """Return the loudness of the vowels' band in each 10 ms, against full scale, (samples // 160,)."""
    n = len(voice) // _STEP
    if n == 0:
        return np.zeros(0)
    n_fft = fft.next_fast_len(len(voice), real=True)
    frequency = np.arange(n_fft // 2 + 1) * (SAMPLE_RATE / n_fft)
    gain = 1.0 / (1.0 + (_BAND_HZ[0] / np.maximum(frequency, 1.0)) ** 4) / (1.0 + (frequency / _BAND_HZ[1]) ** 8)
    band = fft.irfft(fft.rfft(voice, n_fft) * gain.astype(np.float32), n_fft)[: n * _STEP]
    power = np.square(band.reshape(n, _STEP), dtype=np.float64).mean(axis=1)
    smooth = np.convolve(np.pad(power, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    level: NDArray[np.float64] = 10.0 * np.log10(smooth + 1e-12)
    return level
