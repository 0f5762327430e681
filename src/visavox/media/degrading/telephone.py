"""A voice over the telephone: the band from 300 to 3,400 Hz, sampled at 8 kHz, and the 8 bits of mu-law.

Example:
    >>> voice = np.sin(2 * np.pi * 100 * np.arange(16_000) / 16_000).astype(np.float32)
    >>> over_telephone(voice)[4000:12_000].round(2).any().item()      # 100 Hz does not pass
    False
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import soxr
from scipy.signal import fftconvolve, firwin

from visavox.media.audio import SAMPLE_RATE

LOW_HZ, HIGH_HZ = 300.0, 3400.0
"""The band of a narrow-band line."""
LINE_RATE = 8_000
"""Samples a second on the line."""
N_TAPS = 1025
"""Of the linear-phase filter: half its gain at the edges, 50 dB down 40 Hz beyond them; longer than any real line's."""
N_STEPS = 127
"""Levels of mu-law on each side of 0; its two zeros are one here."""
MU = 255.0
"""Of G.711's mu-law."""

Voice = npt.NDArray[np.float32]


def over_telephone(voice: Voice, *, mu_law: bool = False) -> Voice:
    """Return a voice after a narrow-band line.

    Args:
        voice: (samples,) float32 in [-1, 1], 16 kHz.
        mu_law: also round each sample to one of the 255 levels of mu-law.

    Returns:
        (samples,) float32 in [-1, 1], 16 kHz, in step with `voice`.

    Source: ITU-T G.712 names the band, G.711 (1988) the companding curve, which is taken here in its continuous form.
    """
    banded = fftconvolve(voice.astype(np.float64), _band_pass(), mode="full")[N_TAPS // 2 :][: len(voice)]
    line = soxr.resample(banded, SAMPLE_RATE, LINE_RATE)
    if mu_law:
        line = companded(line)
    back = soxr.resample(line, LINE_RATE, SAMPLE_RATE)
    kept = np.zeros(len(voice))
    kept[: min(len(voice), len(back))] = back[: len(voice)]
    return np.asarray(np.clip(kept, -1, 1), dtype=np.float32)


def companded(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return samples rounded to the levels of 8-bit mu-law, which lie dense near 0.

    With F(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu), F is rounded to multiples of 1/127 and inverted.

    Args:
        samples: any shape; what lies beyond [-1, 1] is clipped.

    Example:
        >>> [round(float(x), 4) for x in companded(np.array([0.0001, 0.5, 1.0]))]
        [0.0002, 0.4953, 1.0]
    """
    limited = np.clip(np.asarray(samples, dtype=np.float64), -1, 1)
    curve = np.sign(limited) * np.log1p(MU * np.abs(limited)) / np.log1p(MU)
    steps = np.round(curve * N_STEPS) / N_STEPS
    expanded: npt.NDArray[np.float64] = np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU
    return expanded


@functools.cache
def _band_pass() -> npt.NDArray[np.float64]:
    """The filter, (N_TAPS,)."""
    return np.asarray(firwin(N_TAPS, (LOW_HZ, HIGH_HZ), pass_zero=False, fs=SAMPLE_RATE), dtype=np.float64)
