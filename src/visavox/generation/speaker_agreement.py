"""Whether the windows of a voice sound like one speaker or like two, by a speaker encoder.

A hint, not a diarisation: it does not say who speaks when, and two people of one sex at one microphone mostly pass
for one. It is there since the mean of two voices is the voice of nobody, and the face drawn from it too.

    windows -> ordered along the direction in which they differ most -> every cut with two or more a side
            -> the cut across which they are least alike -> alike across it, and as part of alike within the sides

Example:
    >>> one, other = np.eye(2)
    >>> voices_apart(np.array([one, one, one, other, other]))
    VoicesApart(across=0.0, relative=0.0)

Measured on real voices by `benchmarks/two_voices.py` (GE2E, windows of 1.6 s with 0.5 s of speech, 4 windows or more):
of recordings of one speaker (IKR at 7 s, AVSpeech at 4 to 10 s, and two to four IKR clips of several sessions joined)
0 to 0.8 % are taken for two; of two joined, 92 % (AVSpeech), 94 % (IKR, a woman and a man), 26 % (IKR, one sex, one
microphone). White noise at 20 to 5 dB makes no second speaker of one (0 %).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_WINDOWS = 4
"""Two a side; fewer tell nothing."""
APART_BELOW = 0.55
"""Mean cosine across the cut: one speaker has 0.57 to 0.81 in 98 of 100 recordings."""
RELATIVE_BELOW = 0.80
"""The same as part of the cosine within the sides: short or lively speech makes all windows unlike, two speakers only
those across."""
MEASURED_FOR = "ge2e"
"""The voice encoder whose cosines these are; another has its own."""


class VoicesApart(NamedTuple):
    """How far the two sides of the best cut are apart."""

    across: float
    """Mean cosine of windows on two sides, -1 to 1."""
    relative: float
    """`across` as part of the mean cosine of two windows on one side."""

    @property
    def sounds_like_two(self) -> bool:
        """Whether that is seen with two speakers and hardly ever with one."""
        return self.across < APART_BELOW and self.relative < RELATIVE_BELOW


def voices_apart(windows: NDArray[np.floating[Any]]) -> VoicesApart | None:
    """Return how far the windows of a voice fall into two groups; None where there are fewer than four.

    Args:
        windows: (n_windows, dim), a vector of a speaker encoder each; their length does not matter.

    Ties and edges:
        Of equal cuts the first; windows that are all alike give 1 and 1.
    """
    n = len(windows)
    if n < LEAST_WINDOWS:
        return None
    units = np.asarray(windows, np.float64)
    units = units / np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-12)
    cosines = units @ units.T  # (window, window)
    left, _, _ = np.linalg.svd(units - units.mean(axis=0), full_matrices=False)
    order = np.argsort(left[:, 0], kind="stable")
    cuts = [_apart(cosines, order[:k], order[k:]) for k in range(2, n - 1)]
    return min(cuts, key=lambda cut: cut.across)


def two_voices_note(windows: NDArray[np.floating[Any]]) -> str:
    """Return one line where the windows sound like two speakers, or an empty text."""
    apart = voices_apart(windows)
    if apart is None or not apart.sounds_like_two:
        return ""
    return (
        f"there may be two speakers: parts of the voice are unlike each other (cosine {apart.across:.3f}, of one "
        f"speaker seldom below {APART_BELOW:g}); the faces are of neither. Give a part with one, or choose it with "
        "--start-s"
    )


def _apart(cosines: NDArray[np.float64], one: NDArray[np.int_], other: NDArray[np.int_]) -> VoicesApart:
    across = float(cosines[np.ix_(one, other)].mean())
    within = (_within(cosines[np.ix_(one, one)]) + _within(cosines[np.ix_(other, other)])) / 2
    return VoicesApart(across, across / max(within, 1e-6))


def _within(cosines: NDArray[np.float64]) -> float:
    """Mean cosine of two different windows of a side."""
    n = len(cosines)
    return float((cosines.sum() - np.trace(cosines)) / (n * (n - 1)))
