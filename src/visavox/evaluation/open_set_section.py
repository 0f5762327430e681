"""Who is it, if anybody we know? Open-set identification with half of the people enrolled, drawn many times.

Half of the people are enrolled with everything they have in the gallery; all probes then ask. How often an enrolled
person is found at a false alarm rate, the share of strangers who raise an alarm, is
`visavox.metrics.open_set.detection_identification_rate`. Chance is that rate times the share of the gallery that is
the probe's own: who has more items there is found more often by luck.

Example:
    section = open_set_section(contest, seed=0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.contest import Contest
from visavox.evaluation.measures import Curve
from visavox.evaluation.record import Cell, Section
from visavox.evaluation.wording import direction_words
from visavox.metrics.open_set import OpenSetCurve, open_set_curve

RATES = (0.01, 0.05, 0.1, 0.2)
N_DRAWS = 20
CURVE_RATES = tuple(np.round(np.linspace(0.0, 1.0, 51), 2).tolist())


@dataclass(frozen=True)
class Draw:
    """One half of the people enrolled."""

    curve: OpenSetCurve
    """Rates at every threshold."""
    n_enrolled: int
    """Items in the gallery."""
    chance: float
    """Mean over the known probes of own items / items that they are compared with: closed-set rank 1 by luck."""


def open_set_section(contest: Contest, *, seed: int, n_draws: int = N_DRAWS) -> Section:
    """Return detection and identification rates at several false alarm rates.

    Args:
        contest: who competes with whom, scored by the model.
        seed: who is enrolled depends on this number alone.
        n_draws: how many halves are drawn.
    """
    title = f"Open-set identification, {direction_words(contest.direction)}"
    draws = [draw for index in range(n_draws) if (draw := draw_enrolled(contest, seed=seed, index=index))]
    if not draws:
        return Section(title, "Undefined: it needs enrolled people with probes, and strangers.")
    found = [draw.curve for draw in draws]
    n_enrolled = round(float(np.mean([draw.n_enrolled for draw in draws])))
    luck = float(np.mean([draw.chance for draw in draws]))
    rows: list[tuple[Cell, ...]] = []
    for rate in (*RATES, 1.0):
        values = np.array([curve.rate_at(rate) for curve in found])
        low, high = np.quantile(values, [0.05, 0.95])
        name = f"{100 * rate:g} %" if rate < 1 else "any (closed set)"
        rows.append((name, (float(values.mean()), float(low), float(high)), rate * luck))
    drawn = [float(np.mean([curve.rate_at(rate) for curve in found])) for rate in CURVE_RATES]
    axes = ("false alarm rate", "identified, accuracy")
    line = Curve("open set", contest.direction, "all", CURVE_RATES, tuple(drawn), *axes)
    text = (
        f"Half of the people are enrolled, {n_enrolled} gallery items, and the others are strangers; {n_draws} halves "
        "are drawn. False alarm rate: share of strangers' probes that raise an alarm. Found: share of enrolled "
        "people's probes that raise one and whose best match is right, the mean of the draws. Beside it the range of "
        "the middle 90 % of the draws, which is no confidence interval: the draws share their people. Chance: the "
        "false alarm rate times the mean share of the gallery that is a probe's own."
    )
    return Section(title, text, ("false alarm rate", "found %", "chance %"), tuple(rows), (line,))


def draw_enrolled(contest: Contest, *, seed: int, index: int) -> Draw | None:
    """Return one draw of enrolled people; None where nobody can be found or nobody is a stranger.

    Args:
        contest: who competes with whom.
        seed: with `index` it decides who is enrolled.
        index: number of the draw, from 0.
    """
    order = np.random.default_rng([seed, 7, index]).permutation(contest.n_people)
    enrolled = np.zeros(contest.n_people, dtype=np.bool_)
    enrolled[order[: contest.n_people // 2]] = True
    gallery = np.flatnonzero(enrolled[contest.gallery_people])
    positives = contest.positives[:, gallery]
    negatives = contest.groups[0].negatives[:, gallery]
    scores: NDArray[np.float64] = np.where(positives | negatives, contest.scores[:, gallery], -math.inf)
    known = positives.any(axis=1)
    unknown = ~enrolled[contest.probe_people] & negatives.any(axis=1)
    if not known.any() or not unknown.any():
        return None
    compared = (positives | negatives)[known].sum(axis=1)
    chance = float((positives[known].sum(axis=1) / compared).mean())
    return Draw(open_set_curve(scores[known], positives[known], scores[unknown]), len(gallery), chance)
