"""What a degradation is: a name, a physical unit, levels from mild to severe, and a function of arrays.

The functions are pure: the same array, level and generator give the same result, and the given array is never changed.
They are listed in `visavox.media.degrading.table`; nothing here reads files.

Example:
    >>> def halve(voice, times, means):
    ...     return voice / 2**times
    >>> halving = Degradation("halving", "toy", "voice", "times", (1.0, 2.0), halve, "Halved so often.")
    >>> halving.run(np.ones(2, np.float32), 2.0, Means(np.random.default_rng(0))).tolist(), halving.label(2.0)
    ([0.25, 0.25], '2 times')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Level = float | str
Media = npt.NDArray[Any]
"""A voice, (samples,) float32 at 16 kHz in [-1, 1], or a face crop, (256, 256, 3) uint8 RGB."""

CROP_PX = 256
"""Side of a face crop."""
CHIP_PX = 192
"""Side of the part of the crop that is called the face: brows to chin with a quarter of padding, the middle of it."""
ABBREVIATIONS = frozenset({"mp3", "aac", "jpeg"})
"""Names that are written in capitals."""
FACE_PX = 112
"""Pixels that the face is said to have where a level is given in pixels of a 112-px face."""


class CannotDegradeError(Exception):
    """This degradation is not defined for these media; the text is a short reason that clips are counted by."""


@dataclass(frozen=True)
class Means:
    """What a degradation may use besides the media."""

    rng: np.random.Generator
    """Source of its randomness."""
    others: Sequence[Media] = ()
    """Voices of other people, for babble."""


@dataclass(frozen=True)
class Degradation:
    """One way of making media worse, with its levels."""

    name: str
    """Unique: "white_noise"."""
    condition: str
    """What it belongs to: "noise"; choosing a condition chooses all of it."""
    modality: Literal["voice", "face"]
    """What gets worse."""
    unit: str
    """Unit of the levels, as it stands behind the number: "dB"; "" where levels are names."""
    levels: tuple[Level, ...]
    """From mild to severe; numbers, or names that have no order."""
    run: Callable[[Media, Any, Means], Media] = field(compare=False)
    """(media, level, means) -> media of the same kind."""
    about: str
    """A sentence for the report: what is done, in physical terms."""
    quantity: str = ""
    """What a level measures: "signal-to-noise ratio"; by default the name."""
    clean: float | None = None
    """The level of untouched media; None where it is infinite or has no number."""

    @property
    def title(self) -> str:
        """Its name in words."""
        words = self.name.replace("_", " ")
        return words.upper() if words in ABBREVIATIONS else words[:1].upper() + words[1:]

    @property
    def axis(self) -> str:
        """Title of the axis of the levels."""
        quantity = self.quantity or self.name.replace("_", " ")
        return f"{quantity}, {self.unit}" if self.unit else quantity

    @property
    def is_ordered(self) -> bool:
        """Whether the levels are numbers."""
        return all(not isinstance(level, str) for level in self.levels)

    def label(self, level: Level) -> str:
        """Return a level as people read it: "20 dB"."""
        return level if isinstance(level, str) else f"{level:g} {self.unit}".rstrip()


def in_range(voice: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return a voice as float32, turned down as a whole where a sample passes full scale, so that nothing is clipped.

    Example:
        >>> in_range(np.array([0.5, -2.0])).tolist(), in_range(np.array([0.5, -0.25])).tolist()
        ([0.25, -1.0], [0.5, -0.25])
    """
    peak = float(np.abs(voice).max(initial=0.0))
    return np.asarray(voice / peak if peak > 1 else voice, dtype=np.float32)


def power(voice: npt.NDArray[np.floating]) -> float:
    """Return the mean square of a voice, 0 for an empty one."""
    return float(np.mean(np.square(voice, dtype=np.float64))) if len(voice) else 0.0
