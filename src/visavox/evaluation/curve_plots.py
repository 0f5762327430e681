"""The curves of a report: ROC, DET, one of N with its band, score histograms, and any other line.

Curves of one kind and direction share a figure, one line a group. Nothing is computed here that is not in the report
already, except the normal deviates of the DET axes.

Example:
    >>> roc = Curve("roc", "voice_to_face", "all", (0.0, 0.2, 1.0), (0.0, 0.9, 1.0), "false accepts", "accepts")
    >>> [figure.heading for figure in curve_figures((roc,), ())]
    ['ROC, voice → face']
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from statistics import NormalDist

from visavox.evaluation.chart import Axis, Chart
from visavox.evaluation.measures import Curve, Measure
from visavox.evaluation.plots import Figure, axis_around, percent
from visavox.evaluation.wording import direction_words, group_words, n_faces, n_first

# Where the ticks of a DET axis stand: shares of wrong decisions, denser near 0 because good systems live there.
DET_TICKS = (0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
# Both directions of one kind stand side by side, kinds in this order, then what is not listed.
ORDER = ("roc", "det", "one_of_n", "recall_at_k", "histogram")

BACK = {"voice_to_face": "face_to_voice", "face_to_voice": "voice_to_face"}
BOTH = "both_directions"


def curve_figures(curves: Sequence[Curve], measures: Sequence[Measure]) -> list[Figure]:
    """Draws every curve: those of one kind and direction share a figure, one line a group.

    A kind whose curves are the same in both directions is drawn once.

    Args:
        curves: `roc`, `det`, `one_of_n`, `recall_at_k`, `histogram_positive` and `histogram_negative`, or any other
            name, drawn as a line; curves without a finite point are left out.
        measures: the model's, for the interval bands and chance levels of the 1:N and recall curves.
    """
    together: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        if any(math.isfinite(x) and math.isfinite(y) for x, y in zip(curve.x, curve.y, strict=True)):
            together.setdefault((curve_kind(curve.name), curve.direction), []).append(curve)
    _join_equal_directions(together)
    figures = []
    ranked = sorted(together.items(), key=lambda item: _place(item[0][0]))
    for (kind, direction), same in ranked:
        if kind == "roc":
            figures.append(_roc(same, direction))
        elif kind == "det":
            figures.append(_det(same, direction))
        elif kind in ("one_of_n", "recall_at_k"):
            figures.append(_by_size(kind, same, direction, measures))
        elif kind == "histogram":
            figures += _histograms(same, direction)
        else:
            figures.append(_plain(same, direction))
    return figures


def _join_equal_directions(together: dict[tuple[str, str], list[Curve]]) -> None:
    """Draws a kind once where the other direction has the same curves, as a list of pairs gives: no probe, no side."""
    for kind, direction in list(together):
        twin = (kind, BACK.get(direction, ""))
        if (
            twin in together
            and (kind, direction) in together
            and _drawing(together[twin]) == _drawing(together[kind, direction])
        ):
            del together[twin]
            together[kind, BOTH] = together.pop((kind, direction))


def _drawing(curves: Sequence[Curve]) -> list[tuple[str, str, str]]:
    """What is drawn of curves, with numbers short enough to be the same after another order of summation."""
    return [(c.name, c.group, " ".join(f"{v:.6g}" for v in (*c.x, *c.y))) for c in curves]


def curve_kind(name: str) -> str:
    """Returns the kind in `ORDER` that the name is or begins with, else the name itself."""
    lower = name.lower()
    for kind in ORDER:
        if lower == kind or lower.startswith(f"{kind}_"):
            return kind
    return name


def _place(kind: str) -> int:
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def _lines(chart: Chart, curves: Sequence[Curve], *, clipped: bool = False) -> str:
    """Adds the lines with their keys; returns the groups for the description."""
    for i, curve in enumerate(curves):
        chart.line(curve.x, curve.y, css=f"c{i % 6}", key=group_words(curve.group), clipped=clipped)
    return ", ".join(group_words(c.group) for c in curves)


def _roc(curves: Sequence[Curve], direction: str) -> Figure:
    ticks = (0, 0.25, 0.5, 0.75, 1)
    chart = Chart(
        Axis(0, 1, curves[0].x_label, ticks, percent),
        Axis(0, 1, curves[0].y_label, ticks, percent),
        height=310,
        left=54,
    )
    chart.line((0, 1), (0, 1), css="chance")
    groups = _lines(chart, curves)
    chart.keys.append(("chance", "chance"))
    heading = f"ROC, {direction_words(direction)}"
    return Figure(
        heading, chart.svg(f"{heading}: {groups}."), "The further the line bends to the upper left, the better."
    )


def _det(curves: Sequence[Curve], direction: str) -> Figure:
    low, high = DET_TICKS[0], DET_TICKS[-1]

    def deviate(share: float) -> float:
        return NormalDist().inv_cdf(min(max(share, low / 10), 1 - low / 10))  # 0 and 1 lie at infinity

    x = Axis(low, high, curves[0].x_label, DET_TICKS, percent, deviate)
    chart = Chart(x, Axis(low, high, curves[0].y_label, DET_TICKS, percent, deviate), height=310, left=54)
    chart.line((1 - high, high), (high, 1 - high), css="chance")  # straight on these axes
    groups = _lines(chart, curves, clipped=True)
    chart.keys.append(("chance", "chance"))
    heading = f"DET, {direction_words(direction)}"
    caption = "Both axes in normal deviates: the nearer to the lower left, the better."
    return Figure(heading, chart.svg(f"{heading}: {groups}.", x_grid=True), caption)


def _by_size(kind: str, curves: Sequence[Curve], direction: str, measures: Sequence[Measure]) -> Figure:
    """Accuracy by the number of candidates, or recall by the number of first places; with bands and chance."""
    size_of = n_faces if kind == "one_of_n" else n_first
    sizes = [x for c in curves for x in c.x if math.isfinite(x)]
    smallest, largest = max(1.0, min(sizes)), max(1.0, *sizes)
    ticks = tuple(n for n in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 5000) if smallest <= n <= largest)
    x = Axis(smallest, max(largest, smallest + 1), curves[0].x_label, ticks, transform=_log)
    chart = Chart(x, Axis(0, 1, curves[0].y_label, (0, 0.25, 0.5, 0.75, 1), percent), left=54)
    known = [(size, m) for m in measures if m.direction == direction and (size := size_of(m.measure)) is not None]
    known.sort(key=lambda pair: pair[0])
    for i, curve in enumerate(curves):
        of_group = [(size, m) for size, m in known if m.group == curve.group]
        ends = [[m.low for _, m in of_group], [m.high for _, m in of_group]]
        chart.band([size for size, _ in of_group], *ends, css=f"c{i % 6}")
    groups = _lines(chart, curves)
    for i, curve in enumerate(curves):
        for n, share in zip(curve.x, curve.y, strict=True):
            if n in ticks:
                chart.dot(n, share, css=f"c{i % 6}", tip=f"{n:g}, {group_words(curve.group)}: {100 * share:.1f} %")
    if kind == "one_of_n":
        ns = [smallest * (largest / smallest) ** (i / 40) for i in range(41)]
        chart.line(ns, [1 / n for n in ns], css="chance", key="chance")
    else:
        first = [(size, m.chance) for size, m in known if m.group == curves[0].group]
        chart.line([size for size, _ in first], [share for _, share in first], css="chance", key="chance")
    heading = f"{'One of N' if kind == 'one_of_n' else 'Recall'}, {direction_words(direction)}"
    question = "How often the right one of N is chosen." if kind == "one_of_n" else "How often it is among the first k."
    caption = f"{question} Bands: 95 % intervals over people."
    return Figure(heading, chart.svg(f"{heading}: {groups}."), caption)


def _log(size: float) -> float:
    return math.log(max(size, 1.0))


def _histograms(curves: Sequence[Curve], direction: str) -> list[Figure]:
    """One figure a group: scores of true pairs and of false ones, each scaled to its own peak."""
    figures = []
    for group in dict.fromkeys(c.group for c in curves):
        same = [c for c in curves if c.group == group]
        finite = [x for c in same for x in c.x if math.isfinite(x)]
        chart = Chart(
            axis_around(finite, same[0].x_label, margin=0.02),
            Axis(0, 1.05, "share of its own peak", ticks=()),
            height=220,
            left=22,
        )
        for curve in sorted(same, key=lambda c: "positive" in c.name):
            positive = "positive" in curve.name
            peak = max((y for y in curve.y if math.isfinite(y)), default=0) or 1
            words = "same person" if positive else "two people"
            x_edges, heights = _steps(curve.x, [y / peak for y in curve.y])
            chart.area(x_edges, heights, css="c0" if positive else "c1", key=words)
        heading = f"Scores, {direction_words(direction)}, {group_words(group)}"
        caption = "How the scores of true and of false pairs lie; the less they overlap, the better."
        figures.append(Figure(heading, chart.svg(heading), caption))
    return figures


def _steps(centres: Sequence[float], heights: Sequence[float]) -> tuple[list[float], list[float]]:
    """The outline of a histogram: both edges of every bin, at its height; edges lie midway between the centres."""
    if len(centres) < 2:
        return list(centres), list(heights)
    middles = [(a + b) / 2 for a, b in itertools.pairwise(centres)]
    edges = [2 * centres[0] - middles[0], *middles, 2 * centres[-1] - middles[-1]]
    x = [edge for low, high in itertools.pairwise(edges) for edge in (low, high)]
    return x, [height for height in heights for _ in range(2)]


def _plain(curves: Sequence[Curve], direction: str) -> Figure:
    y_axis = axis_around([y for c in curves for y in c.y], curves[0].y_label)
    share = "accuracy" in curves[0].y_label
    if share:
        y_axis = dataclasses.replace(y_axis, label=percent)
    chart = Chart(axis_around([x for c in curves for x in c.x], curves[0].x_label), y_axis, left=54)
    groups = _lines(chart, curves)
    for i, curve in enumerate(curves):
        for x, y in zip(curve.x, curve.y, strict=True):
            if len(curve.x) <= 30:
                chart.dot(x, y, css=f"c{i % 6}", tip=f"{x:g}: {100 * y:.1f} %" if share else f"{x:g}: {y:.4g}")
    name = curves[0].name.replace("_", " ")
    heading = f"{name[:1].upper()}{name[1:]}, {direction_words(direction)}"
    return Figure(heading, chart.svg(f"{heading}: {groups}."))
