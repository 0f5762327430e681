"""Voices of one length: cut where they are too long, repeated or followed by silence where they are too short.

Made when a voice is read, so that a corpus stores it once and not once for each length. A source that has repeated its
sound already is none of its business: `prepare` finds the period and stores that.

Example:
    >>> voice = np.array([1, 2, 3], dtype=np.float32)
    >>> seconds = 5 / SAMPLE_RATE
    >>> fixed_length(voice, seconds).tolist(), fixed_length(voice, seconds, fit="pad").tolist()
    ([1.0, 2.0, 3.0, 1.0, 2.0], [1.0, 2.0, 3.0, 0.0, 0.0])
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from visavox.errors import ConfigError, DataError
from visavox.media.audio import SAMPLE_RATE, Voice

LENGTHS_S = (3, 6, 12, 24)
"""Lengths in seconds that published systems use: Speech2Face 6, SSS 3, 6, 12 and 24."""

Fit = Literal["loop", "pad"]


def fixed_length(
    voice: Voice, seconds: float, *, fit: Fit = "loop", start_s: float = 0.0, rng: np.random.Generator | None = None
) -> Voice:
    """Return a voice of exactly `round(seconds * 16000)` samples.

    Args:
        voice: (samples,) float, 16 kHz, one sample or more.
        seconds: wanted length, one sample or more.
        fit: what follows a voice that is too short: "loop" the voice again from `start_s` on, as often as needed;
            "pad" zeros.
        start_s: where to begin in the voice, seconds, 0 or more and before its end.
        rng: where given, a voice that is too long is cut from a place drawn evenly between `start_s` and the last
            place that leaves enough; otherwise at `start_s`.

    Returns:
        (round(seconds * 16000),) float32, a new array.

    Raises:
        ConfigError: a length below one sample, a start outside the voice, or another `fit`.
        DataError: the voice is empty or not one-dimensional.

    Source: Oh et al., Speech2Face (CVPR 2019) repeats what is shorter than 6 s; SSS trims or repeats to each of its
        four lengths.
    """
    if voice.ndim != 1 or voice.size == 0:
        raise DataError(f"A voice must be an array of shape (samples,), one sample or more. Got shape {voice.shape}.")
    n_wanted = round(seconds * SAMPLE_RATE) if np.isfinite(seconds) else 0
    if n_wanted < 1:
        raise ConfigError(f"`seconds` must be one sample (1/{SAMPLE_RATE} s) or more. Got {seconds}.")
    if fit not in ("loop", "pad"):
        raise ConfigError(f"`fit` must be 'loop' or 'pad'. Got {fit!r}.")
    first = round(start_s * SAMPLE_RATE)
    if not 0 <= first < len(voice):
        raise ConfigError(
            f"`start_s` must lie inside the voice, from 0 to below {len(voice) / SAMPLE_RATE:g} s. Got {start_s:g}."
        )
    n_spare = len(voice) - first - n_wanted
    if n_spare > 0 and rng is not None:
        first += int(rng.integers(n_spare + 1))
    fitted = np.zeros(n_wanted, dtype=np.float32)
    kept = voice[first : first + n_wanted]
    if fit == "loop":
        fitted[:] = np.resize(kept, n_wanted)  # repeats from the beginning, the last time in part
    else:
        fitted[: len(kept)] = kept
    return fitted
