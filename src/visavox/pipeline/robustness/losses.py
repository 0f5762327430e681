"""What a level of a degradation costs: figures, the same figures of the same clips untouched, and their difference.

Every question is asked twice on the same people and resamples, so that the difference has an interval of its own. Only
one modality is degraded; the other one stays as it is.

Example:
    >>> points = [(20.0, 0.9), (10.0, 0.6), (5.0, 0.2)]
    >>> half_level(points, clean=None)
    8.75
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import DIRECTIONS
from visavox.evaluation.differences import Difference, compare_results
from visavox.evaluation.measures import Measure, ProtocolResult
from visavox.evaluation.scoring import Scorer, dot_product
from visavox.media.degrading.base import Degradation, Level
from visavox.registry import PROTOCOLS

CHANCE = 0.5  # of every question below
MAX_ROC_RESAMPLES = 200  # each draws a curve over all pairs
GROUPS = ("all", "same_gender")

Question = tuple[str, str, str]  # direction, group, measure
PAIR, AUC = "accuracy_1_of_2", "auc"
QUESTIONS: tuple[Question, ...] = (
    *((direction, group, PAIR) for group in GROUPS for direction in DIRECTIONS),
    *(("both_directions", group, AUC) for group in GROUPS),
)
"""Over all pairs both directions have one AUC."""


@dataclass(frozen=True)
class Loss:
    """One question at one level."""

    degraded: Measure
    clean: Measure
    """The same clips untouched."""
    difference: Difference | None
    """Degraded less clean; None where it is undefined."""

    @property
    def kept(self) -> float:
        """Part of the clean figure's distance to chance that is left, 1 all; nan where clean is no better than chance.

        Whether it is better is judged by the lower end of its interval.
        """
        lead = self.clean.value - CHANCE
        if not self.clean.low > CHANCE or not lead > 0:
            return math.nan
        return (self.degraded.value - CHANCE) / lead


@dataclass(frozen=True)
class LevelLosses:
    """What one level costs."""

    level: Level
    n_clips: int
    """Clips that could be degraded."""
    reasons: Mapping[str, int]
    """Why others could not, and how many."""
    losses: Mapping[Question, Loss] = field(default_factory=dict)
    """By question; empty where nobody is left."""


Results = Mapping[Question, tuple[Measure, ProtocolResult]]


def measure(
    voice: EmbeddingTable, face: EmbeddingTable, *, n_resamples: int, seed: int, scorer: Scorer = dot_product
) -> Results:
    """Return every question's answer with the result that it stands in.

    Args:
        voice: voices in the model's space.
        face: faces in the model's space.
        n_resamples: resamples of people; for the AUC `MAX_ROC_RESAMPLES` at most.
        seed: of the resamples; the same seed pairs two results.
        scorer: makes scores from tables.
    """
    found: dict[Question, tuple[Measure, ProtocolResult]] = {}
    matching: Any = PROTOCOLS.build({"name": "matching", "max_candidates": 2, "n_resamples": n_resamples})
    for direction in DIRECTIONS:
        result = matching.evaluate(voice, face, direction=direction, rng=np.random.default_rng(seed), scorer=scorer)
        found.update({(direction, group, PAIR): (result.find(PAIR, group=group), result) for group in GROUPS})
    few = min(n_resamples, MAX_ROC_RESAMPLES)
    verification: Any = PROTOCOLS.build({"name": "verification", "n_resamples": few})
    result = verification.evaluate(voice, face, direction=DIRECTIONS[0], rng=np.random.default_rng(seed), scorer=scorer)
    found.update({("both_directions", group, AUC): (result.find(AUC, group=group), result) for group in GROUPS})
    return found


def compare(degraded: Results, clean: Results) -> dict[Question, Loss]:
    """Return the loss of every question.

    Args:
        degraded: answers with one modality degraded.
        clean: answers on the same clips untouched, from the same seed and number of resamples.

    Raises:
        DataError: the two do not rest on the same clips.
    """
    differences: dict[int, dict[tuple[str, str], Difference]] = {}
    for question, (_, result) in degraded.items():
        if id(result) not in differences:
            pairs = compare_results(result, clean[question][1])
            differences[id(result)] = {(row.group, row.measure): row for row in pairs}
    return {
        question: Loss(ours, clean[question][0], differences[id(result)].get((ours.group, ours.measure)))
        for question, (ours, result) in degraded.items()
    }


def half_level(points: Sequence[tuple[float, float]], *, clean: float | None) -> float:
    """Return the level at which half of the lead over chance is lost, between two levels by a straight line.

    Args:
        points: (level, part of the lead that is kept), from mild to severe; nan is passed over.
        clean: level of untouched media, where the part is 1; None where it is infinite.

    Returns:
        The first crossing; nan where it is not reached, or already passed at the first level and `clean` is None.
    """
    known = [] if clean is None else [(clean, 1.0)]
    known += [(level, kept) for level, kept in points if not math.isnan(kept)]
    for (a, before), (b, after) in itertools.pairwise(known):
        if before > 0.5 >= after:
            return a + (b - a) * (before - 0.5) / (before - after)
    return math.nan


def half_words(degradation: Degradation, levels: Sequence[LevelLosses], question: Question) -> str:
    """Return `half_level` in words, with what can be said where it is not between two levels."""
    pairs = [
        (row.level, row.losses[question].kept)
        for row in levels
        if question in row.losses and not math.isnan(row.losses[question].kept)
    ]
    if not pairs:
        return "undefined"
    if not degradation.is_ordered:
        lost = [degradation.label(level) for level, kept in pairs if kept <= 0.5]
        return "; ".join(lost) or "at none"
    points = [(float(level), kept) for level, kept in pairs]
    level = half_level(points, clean=degradation.clean)
    if not math.isnan(level):
        return degradation.label(float(f"{level:.2g}"))
    (first, kept), (last, _) = points[0], points[-1]
    return f"before {degradation.label(first)}" if kept <= 0.5 else f"not at {degradation.label(last)}"
