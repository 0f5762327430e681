"""The figure of who is taken for whom: a square of cells, one row a true person, one column a named one.

A cell is the darker the larger its share of the row; right names lie on the diagonal, wrong ones have a colour of
their own, and every cell says its numbers to the pointer. Of many people those are drawn who are confused most.

Example:
    >>> drawing = Confusion("Confusion", ("ann", "ben"), ((3.0, 1.0), (0.0, 4.0)))
    >>> confusion_figure(drawing).svg.count('class="cell')
    3
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.chart import LETTER, WIDTH, Axis, Chart, escaped, points
from visavox.evaluation.drawings import Confusion
from visavox.evaluation.plots import Figure, shortened

MAX_PEOPLE = 60  # rows that can still be told apart on a telephone
MAX_NAMED = 30  # rows with room for a name each
LETTERS = 12  # of a name beside its row
FAINTEST = 0.12  # opacity of the smallest share that is drawn


def confusion_figure(drawing: Confusion) -> Figure:
    """Draws the matrix; with more than 60 people that of those whose clips are confused most."""
    cells = np.asarray(drawing.cells, dtype=np.float64).reshape(len(drawing.names), len(drawing.names))
    kept = _most_confused(cells)
    names, n_left_out = [drawing.names[i] for i in kept], len(drawing.names) - len(kept)
    totals, shown = cells.sum(axis=1)[kept], cells[np.ix_(kept, kept)]
    named = len(names) <= MAX_NAMED
    longest = max((len(shortened(name, LETTERS)) for name in names), default=0)
    left = 14 + (round(LETTER * 0.95 * longest) + 8 if named else 0)
    side = WIDTH - left - 8
    chart = Chart(Axis(0, 1, ticks=()), Axis(0, 1, ticks=()), height=side + 26, left=left, right=8, top=0, bottom=26)
    step = side / max(len(names), 1)
    for i, name in enumerate(names):
        if named:
            chart.text(left - 5, (i + 0.5) * step + 3.5, shortened(name, LETTERS), css="tick", anchor="end")
        for j, other in enumerate(names):
            if shown[i, j] > 0:
                tip = f"{name} named {other}: {shown[i, j]:g} of {totals[i]:g} clips"
                chart.marks.append(_cell(left + j * step, i * step, step, shown[i, j] / totals[i], i == j, tip))
    box = f'x="{left}" y="0" width="{points(side)}" height="{points(side)}"'
    chart.marks.append(f'<rect class="kept" {box}/>')
    chart.text(left + side / 2, side + 18, "named as", css="axis", anchor="middle")
    chart.marks.append(
        f'<text class="axis" text-anchor="middle" transform="translate(9 {points(side / 2)}) rotate(-90)">is</text>'
    )
    right = float(np.trace(cells))
    caption = "Blue: right. The fuller the colour, the larger the share of the row's clips; point at a cell for both."
    if n_left_out:
        caption += f" The {len(kept)} people most often confused; {n_left_out} are not drawn."
    words = f"{drawing.heading}: {right:g} of {cells.sum():g} clips on the diagonal."
    return Figure(drawing.heading, chart.svg(words, y_grid=False), caption)


def _most_confused(cells: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places of the people to draw, in their own order."""
    if len(cells) <= MAX_PEOPLE:
        return np.arange(len(cells))
    wrong = cells.sum(axis=0) + cells.sum(axis=1) - 2 * np.diagonal(cells)
    return np.sort(np.argsort(-wrong, kind="stable")[:MAX_PEOPLE])


def _cell(x: float, y: float, side: float, share: float, right: bool, tip: str) -> str:
    opacity = FAINTEST + (1 - FAINTEST) * share
    return (
        f'<rect class="cell {"own" if right else "other"}" x="{x:.2f}" y="{y:.2f}" width="{side:.2f}"'
        f' height="{side:.2f}" fill-opacity="{opacity:.2f}"><title>{escaped(tip)}</title></rect>'
    )
