"""How far to follow a voice: the guidance whose pictures are found best, among people who were not learned from.

What is predicted lies near the mean, since a voice tells little of a face; drawn as it is, everybody looks alike.
Following it further makes drawn faces differ, and too far leaves what a decoder has learned. Each candidate draws the
expected face of every validation voice, and is asked how often that is nearer to the true face than to another's, by
`visavox.pipeline.drawing.look_features`. Of those that are within half a point of the best, the smallest is taken.

Example:
    choice = choose_guidance(draw, true_features, look, paired.people, paired.genders)
    choice.guidance, choice.rows[0]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.pipeline.drawing.look_features import nearest_of_two

CANDIDATES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
UNCHOSEN = 1.5
"""Where nobody is there to choose on."""
NEAR_BEST = 0.005
FEWEST = 10
"""Clips on which a choice is more than luck."""


@dataclass(frozen=True)
class GuidanceRow:
    """How one candidate did."""

    guidance: float
    matched: float
    """Share of pairs in which the drawn face is nearer to its own true face, 0 to 1."""
    matched_same_gender: float
    """The same among pairs of one known gender; 0.5 where none is known."""


@dataclass(frozen=True)
class GuidanceChoice:
    """The guidance, and on what it was chosen."""

    guidance: float
    rows: tuple[GuidanceRow, ...]
    n_clips: int
    """Validation clips; 0 where it was not chosen."""


def choose_guidance(
    draw: Callable[[float], NDArray[np.uint8]],
    true: NDArray[np.floating],
    look: Callable[[NDArray[np.uint8]], NDArray[np.floating]],
    people: Sequence[str],
    genders: Sequence[str] = (),
    *,
    candidates: Sequence[float] = CANDIDATES,
) -> GuidanceChoice:
    """Return the guidance of the best pictures.

    Args:
        draw: guidance -> (n, px, px, 3) uint8, the expected face of each validation voice.
        true: (n, dim) features of the true faces.
        look: pictures -> (n, dim) features.
        people: n names.
        genders: n genders, "" where unknown; or none.
        candidates: what to try, rising.
    """
    if len(true) < FEWEST or len(set(people)) < 2:
        return GuidanceChoice(UNCHOSEN, (), 0)
    rows = []
    for guidance in candidates:
        seen = look(draw(guidance))
        same_gender = nearest_of_two(seen, true, people, genders) if any(genders) else 0.5
        rows.append(GuidanceRow(guidance, nearest_of_two(seen, true, people), same_gender))
    best = max(row.matched for row in rows)
    chosen = next(row.guidance for row in rows if row.matched >= best - NEAR_BEST)
    return GuidanceChoice(chosen, tuple(rows), len(true))
