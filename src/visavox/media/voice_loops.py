"""Whether a recording repeats itself because a source has looped it to fill a length, and after how long.

Speech2Face and others tile short clips to 6 s; the copies hold nothing new, and seconds of speech are then counted
twice. A loop is a repeat of the wave itself: a word said twice, a beat or a hum is none.

Example:
    >>> clip = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) / 10
    >>> loop_period(np.tile(clip, 3)), loop_period(clip)
    (32000, None)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr
from scipy import fft

from visavox.media.audio import SAMPLE_RATE, Voice

COARSE_RATE = 4_000
"""Rate in Hz at which periods are looked for; the one that is found is then fixed at 16 kHz."""
MIN_PERIOD_S = 0.5
"""Shortest period."""
MIN_OVERLAP_S = 0.25
"""Shortest stretch that must be heard twice."""
MIN_CORRELATION = 0.75
"""Least correlation of a recording with itself one period later. Of 1,269 real voices of up to 10 s, none looped, the
most alike reaches 0.66; copies that passed AAC or Opus at 24 kbit/s reach 0.8 and more."""
COARSE_CORRELATION = 0.5
"""The same at the low rate, where a period that is no whole number of samples loses a part."""
REACH = 128
"""Samples at 16 kHz, 8 ms, about a period of the low rate in which the exact one is looked for: a pitch period."""
NEAR_S = (0.025, 0.25)
"""A loop does not look like itself so much earlier or later, which a hum, a beat or a wind noise does."""
MAX_NEAR = 0.75
"""Greatest correlation there, as a part of that at the period."""
MIN_LEVEL = 10 ** (-60 / 20)
"""Least root mean square of what is heard twice, -60 dB."""

Values = npt.NDArray[np.float64]


def loop_period(voice: Voice) -> int | None:
    """Return after how many samples a recording repeats itself, or None where it does not.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz; may be empty. Memory and time grow with its length: about 1 ms
            for 6 s, 20 ms and 20 MB for 60 s; up to 0.2 s where there is a loop to be fixed.

    Returns:
        The shortest period of at least 0.5 s of which at least 0.25 s are heard twice: exact where the copies are,
        to a sample or two where a lossy codec lies between.

    Ties and edges:
        Silence, steady tones, hum and noise do not repeat themselves. A recording that is repeated but for less than
        0.25 s is not told from one that is not.

    Source: the normalised autocorrelation of the first difference, which weighs the low frequencies, where rooms hum,
    as little as the high ones.
    """
    overlap, shortest = (round(seconds * COARSE_RATE) for seconds in (MIN_OVERLAP_S, MIN_PERIOD_S))
    if len(voice) < (MIN_OVERLAP_S + MIN_PERIOD_S) * SAMPLE_RATE:
        return None
    coarse = np.diff(soxr.resample(voice, SAMPLE_RATE, COARSE_RATE, quality="LQ"))
    correlation = _self_correlation(coarse, max_lag=len(coarse) - overlap)
    near = correlation[shortest:]
    if len(near) == 0 or near.max() < COARSE_CORRELATION:
        return None
    lag = shortest + int(np.argmax(near))
    first, last = (round(seconds * COARSE_RATE) for seconds in NEAR_S)
    beside = np.concatenate([correlation[max(0, lag - last) : lag - first], correlation[lag + first : lag + last]])
    if beside.max(initial=0.0) > MAX_NEAR * correlation[lag]:
        return None
    period = _exact(voice, lag * SAMPLE_RATE // COARSE_RATE)
    if period is None:
        return None
    # Where there are more than two copies, twice and three times the period are as good as the period. Most parts of it
    # are ruled out at the low rate: an exact look takes up to 0.1 s, and there are up to 118 of them.
    parts = (period // n for n in range(round(period / (MIN_PERIOD_S * SAMPLE_RATE)), 1, -1))
    likely = (part for part in parts if _nearby(correlation, part) >= COARSE_CORRELATION)
    return next((exact for part in likely if (exact := _exact(voice, part)) is not None), period)


def _self_correlation(values: Voice, *, max_lag: int) -> Values:
    """Correlation with itself at lags 0 to `max_lag`, each over the samples that overlap there."""
    n_fft = fft.next_fast_len(2 * len(values), real=True)
    spectrum = fft.rfft(values, n_fft)
    products = fft.irfft(spectrum * spectrum.conj(), n_fft)[: max_lag + 1].astype(np.float64)
    energy = np.concatenate([[0.0], np.cumsum(np.square(values, dtype=np.float64))])
    lags = np.arange(max_lag + 1)
    scale = np.sqrt(energy[len(values) - lags] * (energy[-1] - energy[lags]))
    # Where one side is all but silent its correlation would be that of rounding errors.
    return np.where(scale > 1e-6 * max(energy[-1], 1e-9), products / np.maximum(scale, 1e-12), 0.0)


def _nearby(correlation: Values, about: int) -> float:
    """The best correlation at the low rate near a period in samples at 16 kHz."""
    at, reach = (samples * COARSE_RATE // SAMPLE_RATE for samples in (about, REACH))
    return float(correlation[max(0, at - reach) : at + reach + 1].max(initial=0.0))


def _exact(voice: Voice, about: int) -> int | None:
    """The best period near this one, if it is good enough."""
    values = np.diff(voice.astype(np.float64))
    best, best_period = 0.0, None
    for period in range(max(1, about - REACH), min(len(values) - 1, about + REACH) + 1):
        head, tail = values[: len(values) - period], values[period:]
        scale = float(np.sqrt((head @ head) * (tail @ tail)))
        correlation = float(head @ tail) / scale if scale > 0 else 0.0
        if correlation > best:
            best, best_period = correlation, period
    if best_period is None or best < MIN_CORRELATION:
        return None
    repeated = voice[best_period:]
    return best_period if float(np.sqrt(np.mean(np.square(repeated, dtype=np.float64)))) >= MIN_LEVEL else None
