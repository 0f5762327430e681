"""Where a list says that the speaker's face is: one place, or one for each moment.

AVSpeech gives one place, at the beginning of each segment; VoxCeleb gives a box for each frame. It knows nothing of
the faces that a detector finds: `visavox.media.speaker_search` holds the two together.

Example:
    >>> SpeakerPath((0.0,), ((0.25, 0.5),)).at(0.4, width_px=640, height_px=360)
    (160.0, 180.0)
    >>> SpeakerPath((0.0,), ((0.25, 0.5),)).at(3.0, width_px=640, height_px=360) is None
    True
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Literal

from visavox.errors import DataError


@dataclass(frozen=True, slots=True)
class SpeakerPath:
    """Centres of the speaker's face over time.

    Raises:
        DataError: no moment, moments out of order, or another number of places.
    """

    times_s: tuple[float, ...]
    """Moments in seconds from the beginning of the clip, ascending; one or more."""
    centres: tuple[tuple[float, float], ...]
    """x and y of the centre at each moment; the origin is the upper left corner."""
    unit: Literal["fraction", "px"] = "fraction"
    """Whether x and y are parts of the width and the height (0 to 1), or pixels of the video."""
    reach_s: float = 1.0
    """How long before and after a moment its place still says something."""

    def __post_init__(self) -> None:
        """Check that moments and places belong together."""
        if len(self.times_s) == len(self.centres) == 1:
            return  # most paths; a list has millions of them
        ascending = all(a <= b for a, b in zip(self.times_s, self.times_s[1:], strict=False))
        if not self.times_s or len(self.times_s) != len(self.centres) or not ascending:
            raise DataError(
                "A speaker's path needs as many ascending moments as places, one or more. "
                f"Got {len(self.times_s)} and {len(self.centres)}."
            )

    def at(self, time_s: float, *, width_px: int, height_px: int) -> tuple[float, float] | None:
        """Return x and y in pixels at the nearest moment; None where that is farther than `reach_s`.

        Args:
            time_s: seconds from the beginning of the clip.
            width_px: of the picture.
            height_px: of the picture.

        Ties: the earlier of two moments that are equally near.
        """
        after = bisect.bisect_left(self.times_s, time_s)
        near = [i for i in (after - 1, after) if 0 <= i < len(self.times_s)]
        nearest = min(near, key=lambda i: abs(self.times_s[i] - time_s))
        if abs(self.times_s[nearest] - time_s) > self.reach_s:
            return None
        x, y = self.centres[nearest]
        return (x * width_px, y * height_px) if self.unit == "fraction" else (x, y)
