"""The figure of accuracy against cost: a named point for each network, its interval, and the front that none beats.

The axis of the cost is logarithmic. Names are set where they cover no other name and no point; where no free place is
found a name keeps the least crowded one.

Example:
    >>> small = CostPoint("small", "face", 1e6, 0.8, 0.7, 0.9, on_front=True)
    >>> pareto_figure(Pareto("Size", "parameters", "top-1", (small,))).heading
    'Size'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from visavox.evaluation.chart import LETTER, Axis, Chart, points
from visavox.evaluation.drawings import CostPoint, Pareto
from visavox.evaluation.plots import Figure, percent, shortened

COLOURS = {"face": "c0", "voice": "c1"}
BOTH_COLOUR = "c2"
LETTERS = 18  # of a name
LETTER_SIZE, BOLD_SIZE = 0.92, 1.0  # of the mean width of a letter, at the size of a tick
AWAY = (0.0, 8.0, 16.0, 26.0, 38.0, 52.0, 68.0, 86.0)  # units that a name may be moved from its point
BESIDE = 9.0  # units within which a name needs no line to its point
CROWDED = 4.0  # units away that are as bad as covering one unit of area
LINE = 11.0  # height of a name
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Box:
    """A rectangle in view-box units."""

    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: Box) -> float:
        """Area that two rectangles share."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return wide * high if wide > 0 and high > 0 else 0.0


def pareto_figure(drawing: Pareto) -> Figure:
    """Draws the points that have a cost and a value, their intervals, their names and the front."""
    known = [p for p in drawing.points if math.isfinite(p.value) and math.isfinite(p.cost) and p.cost > 0]
    if not known:
        return Figure(
            drawing.heading, Chart(Axis(0, 1, ticks=()), Axis(0, 1, ticks=())).svg("No point."), "No figures."
        )
    chart = _chart(drawing, known)
    front = sorted((p for p in known if p.on_front), key=lambda p: (p.cost, p.value))
    if front:
        _draw_front(chart, front)
    for point in known:
        css = COLOURS.get(point.shown, BOTH_COLOUR)
        if math.isfinite(point.low) and math.isfinite(point.high):
            chart.post(point.cost, chart.py(point.high), chart.py(point.low), css=f"span thin {css}")
    # Names first, so that what keeps lines off their letters hides no point.
    for point, box in zip(known, name_places(chart, known), strict=True):
        css = "tick backed strong" if point.on_front else "tick backed"
        _draw_leader(chart, chart.px(point.cost), chart.py(point.value), box)
        chart.text(box.left, box.bottom - 2.5, shortened(point.name, LETTERS), css=css)
    for point in known:
        tip = f"{point.name}: {100 * point.value:.1f} %, {amount(point.cost)} {drawing.x_label}"
        chart.dot(point.cost, point.value, css=COLOURS.get(point.shown, BOTH_COLOUR), tip=tip, radius=4)
    for shown in dict.fromkeys(point.shown for point in known):
        chart.keys.append((f"area {COLOURS.get(shown, BOTH_COLOUR)}", shown))
    said = ". ".join(f"{p.name}: {100 * p.value:.1f} % at {amount(p.cost)}" for p in known)
    return Figure(drawing.heading, chart.svg(f"{drawing.heading}. {said}.", x_grid=True))


def _chart(drawing: Pareto, known: Sequence[CostPoint]) -> Chart:
    ends = [v for p in known for v in (p.low, p.value, p.high) if math.isfinite(v)]
    room = (max(ends) - min(ends)) * 0.08 or 0.05
    costs = [p.cost for p in known]
    low, high = min(costs) / 1.7, max(costs) * 1.7
    x = Axis(low, high, drawing.x_label, log_ticks(low, high), amount, math.log)
    y = Axis(max(min(ends) - room, -0.02), min(max(ends) + room, 1.02), drawing.y_label, label=percent)
    return Chart(x, y, height=340, left=50, right=10)


def _draw_front(chart: Chart, front: Sequence[CostPoint]) -> None:
    """The staircase below and right of which every other point lies, to the edges of the chart."""
    xs, ys = [front[0].cost], [chart.y.low]
    for before, point in zip([None, *front[:-1]], front, strict=True):
        xs += [point.cost] if before is None else [point.cost, point.cost]
        ys += [point.value] if before is None else [before.value, point.value]
    chart.line([*xs, chart.x.high], [*ys, front[-1].value], css="front", key="front")


def name_places(chart: Chart, known: Sequence[CostPoint]) -> list[Box]:
    """Returns where each name stands: around its point, as near as can be without covering names or points.

    Names on the front choose first.
    """
    dots = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in ((chart.px(p.cost), chart.py(p.value)) for p in known)]
    placed: dict[int, Box] = {}
    for i in sorted(range(len(known)), key=lambda i: not known[i].on_front):
        name = shortened(known[i].name, LETTERS)
        wide = LETTER * (BOLD_SIZE if known[i].on_front else LETTER_SIZE) * len(name)
        others = [*placed.values(), *(dot for j, dot in enumerate(dots) if j != i)]
        tries = _tries(chart.px(known[i].cost), chart.py(known[i].value), wide)
        inside = [(away, box) for away, box in tries if _is_inside(chart, box)] or tries
        costs = [CROWDED * sum(box.covers(other) for other in others) + away for away, box in inside]
        placed[i] = inside[costs.index(min(costs))][1]
    return [placed[i] for i in range(len(known))]


def _is_inside(chart: Chart, box: Box) -> bool:
    floor = chart.height - chart.bottom
    return box.left >= chart.left and box.right <= chart.width - 2 and box.top >= chart.top and box.bottom <= floor


def _tries(x: float, y: float, wide: float) -> list[tuple[float, Box]]:
    """Places for a name around a point, each with how far it is away."""
    found = []
    for away in AWAY:
        for side in (0, -1, 1):  # beside, above, below
            middle = y + side * (away or 12.0)
            for left in (x + 7 + away / 2, x - 7 - away / 2 - wide, x - wide / 2):
                if side or left != x - wide / 2:
                    found.append((away + 2.0 * abs(side), Box(left, middle - LINE / 2, left + wide, middle + LINE / 2)))
    return found


def _draw_leader(chart: Chart, x: float, y: float, box: Box) -> None:
    """A thin line from a point to a name that does not stand beside it."""
    to_x, to_y = min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)
    if math.dist((x, y), (to_x, to_y)) > BESIDE:
        chart.marks.append(f'<path class="leader" d="M{points(x)} {points(y)}L{points(to_x)} {points(to_y)}"/>')


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Returns 1, 2 and 5 times powers of ten inside [low, high], or powers alone where those are many.

    Example:
        >>> log_ticks(3, 60), log_ticks(1, 1e6)
        ((5.0, 10.0, 20.0, 50.0), (1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0, 1000000.0))
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if math.log10(high / low) <= 2 else (1, 3) if math.log10(high / low) <= 3 else (1,)
    found = [float(f"{factor}e{exponent}") for exponent in exponents for factor in factors]
    return tuple(value for value in found if low <= value <= high)


def amount(value: float) -> str:
    """Returns a cost in short: 2700000 as "2.7 M", 0.5 as "0.5"."""
    for size, prefix in PREFIXES:
        if value >= size:
            return f"{value / size:.3g} {prefix}"
    return f"{value:.3g}"
