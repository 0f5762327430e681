"""The figure of a game's report that shows every voice: how hard it is for people.

Example:
    figures = difficulty_figures(report.items)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from visavox.evaluation.chart import Axis, Chart
from visavox.evaluation.human_difficulty import ItemRow
from visavox.evaluation.plots import Figure, percent

MIN_ITEMS = 5  # fewer are in the table, and no curve
N_GROUPS = 10  # of voices, for the model's share


def difficulty_figures(items: Sequence[ItemRow]) -> list[Figure]:
    """Draws every voice by its rank: how often the average player is right, with intervals, and the model's share.

    Args:
        items: the hardest first; fewer than `MIN_ITEMS` give no figure.
    """
    if len(items) < MIN_ITEMS:
        return []
    n = len(items)
    low = 0.25 * int(4 * min(row.average_player_low for row in items))
    chart = Chart(
        Axis(0, n + 1, "voices, the hardest first", ticks=(1, *(k * n // 4 for k in (1, 2, 3)), n)),
        Axis(low, 1, ticks=tuple(v for v in (0, 0.25, 0.5, 0.75, 1) if v >= low), label=percent),
        height=300,
    )
    chart.rule(y=0.5, css="chance", key="chance")
    ranks = list(range(1, n + 1))
    chart.band(ranks, [row.average_player_low for row in items], [row.average_player_high for row in items], css="c1")
    chart.line(ranks, [row.average_player for row in items], css="c1", key="average player")
    for rank, row in zip(ranks, items, strict=True):
        shares = f"people {100 * row.people:.0f} %, model {100 * row.model:.0f} % of {row.n_turns} turns"
        chart.dot(rank, row.average_player, css="c1", tip=f"{row.item}: {shares}", radius=1.6)
    centres, model = model_by_difficulty(items)
    chart.line(centres, model, css="c0", key="model, tenths of the voices")
    for x, y in zip(centres, model, strict=True):
        chart.dot(x, y, css="c0", tip=f"model: {100 * y:.0f} %")
    first, last = items[0], items[-1]
    said = (
        f"{n} voices by difficulty: the average player is right {100 * first.average_player:.0f} % of the time on the "
        f"hardest and {100 * last.average_player:.0f} % on the easiest; the model {100 * model[0]:.0f} % on the "
        f"hardest tenth and {100 * model[-1]:.0f} % on the easiest."
    )
    caption = "Two faces of one gender. Shaded: 95 % intervals of the single voices."
    return [Figure("Voice by voice", chart.svg(said), caption)]


def model_by_difficulty(items: Sequence[ItemRow]) -> tuple[list[float], list[float]]:
    """Return the mean rank (from 1) of each tenth of the voices, and the model's share right beside one gender.

    Args:
        items: the hardest first; fewer than ten make fewer groups.
    """
    n_groups = min(N_GROUPS, len(items))
    centres, shares = [], []
    for k in range(n_groups):
        start, end = k * len(items) // n_groups, (k + 1) * len(items) // n_groups
        group = items[start:end]
        centres.append((start + 1 + end) / 2)
        told = [row for row in group if row.n_alike]
        n_turns = sum(row.n_alike for row in told)
        shares.append(sum(row.model_alike * row.n_alike for row in told) / n_turns if n_turns else math.nan)
    return centres, shares
