"""How far to follow a voice: the guidance whose pictures are found best, among people who were not learned from.

What is predicted lies near the mean, since a voice tells little of a face; drawn as it is, everybody looks alike.
Following it further makes drawn faces differ, and too far leaves what a decoder has learned. Each candidate draws the
expected face of every validation voice, and is asked how often that is nearer to the true face than to another's, by
`visavox.pipeline.drawing.look_features`. Directions alone are compared, so that it changes little with guidance. So of
those within half a point of the best, and within two points of the best agreement of gender among these, the largest is
taken whose faces differ no more from each other than true ones do.

Example:
    choice = choose_guidance(draw, true_features, look, paired.people, genders=paired.genders)
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
NEAR_BEST, NEAR_AGREED = 0.005, 0.02
FEWEST = 10
"""Clips on which a choice is more than luck."""


@dataclass(frozen=True)
class GuidanceRow:
    """How one candidate did."""

    guidance: float
    matched: float
    """Share of pairs in which the drawn face is nearer to its own true face, 0 to 1."""
    matched_same_gender: float | None
    """The same among pairs of one gender; None where none is known."""
    gender_agreement: float | None
    """Share of drawn faces that are told to be of the gender that the true face is told to be; None where nothing
    tells."""
    variety: float
    """How far drawn faces are from their mean, of how far true faces are from theirs; mean squares, root taken."""


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
    *,
    genders: Sequence[str] = (),
    is_male: Callable[[NDArray[np.floating]], NDArray[np.bool_]] | None = None,
    candidates: Sequence[float] = CANDIDATES,
) -> GuidanceChoice:
    """Return the guidance of the best pictures.

    Args:
        draw: guidance -> (n, px, px, 3) uint8, the expected face of each validation voice.
        true: (n, dim) features of the true faces.
        look: pictures -> (n, dim) features.
        people: n names.
        genders: n genders, "" where unknown; or none: then those that `is_male` tells of the true faces.
        is_male: features -> (n,) bool; None where nothing tells.
        candidates: what to try, rising.

    Returns:
        The choice; `UNCHOSEN` where there are fewer than `FEWEST` clips or two people.
    """
    if len(true) < FEWEST or len(set(people)) < 2:
        return GuidanceChoice(UNCHOSEN, (), 0)
    known = tuple(genders) if any(genders) else ()
    if not known and is_male is not None:
        known = tuple("m" if male else "f" for male in is_male(true))
    rows = []
    for guidance in candidates:
        seen = look(draw(guidance))
        agreement = None if is_male is None else float((is_male(seen) == is_male(true)).mean())
        same_gender = nearest_of_two(seen, true, people, known) if known else None
        matched = nearest_of_two(seen, true, people)
        rows.append(GuidanceRow(guidance, matched, same_gender, agreement, _deviation(seen) / _deviation(true)))
    best = max(row.matched for row in rows)
    good = [row for row in rows if row.matched >= best - NEAR_BEST]
    most_agreed = max(row.gender_agreement or 0.0 for row in good)
    good = [row for row in good if (row.gender_agreement or 0.0) >= most_agreed - NEAR_AGREED]
    natural = [row for row in good if row.variety <= 1] or good[:1]
    return GuidanceChoice(natural[-1].guidance, tuple(rows), len(true))


def _deviation(features: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.square(features - features.mean(axis=0)).mean())) or 1e-12
