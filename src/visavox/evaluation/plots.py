"""The figures of a report that compare values: bars of the baselines, dots of several runs, the course of training.

Curves are in `visavox.evaluation.curve_plots`. The drawing is SVG by `visavox.evaluation.chart`: it follows the page
into dark mode and onto a telephone, weighs a few kilobytes and needs no plotting library.

Example:
    >>> from visavox.evaluation.history import history_from_rows
    >>> [figure.heading for figure in training_figures(history_from_rows([{"epoch": 1, "loss": 2.0}]))]
    ['Loss']
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from visavox.evaluation.chart import Axis, Chart
from visavox.evaluation.history import TrainingHistory
from visavox.evaluation.measures import Measure
from visavox.evaluation.wording import direction_words, format_interval, format_value

TRAINING_FIGURES = {
    "Loss": ("loss", "validation_loss"),
    "Similarity of pairs": ("positive_similarity", "negative_similarity"),
    "Validation accuracy, 1:2": ("validation_accuracy",),
}
SERIES_WORDS = {
    "loss": "training",
    "validation_loss": "validation",
    "positive_similarity": "same person",
    "negative_similarity": "two people",
    "validation_accuracy": "validation",
}
CEILING_WORDS = {"positive_similarity": "two halves of one clip", "negative_similarity": "two clips"}


@dataclass(frozen=True)
class Figure:
    """A drawing with what stands above and below it."""

    heading: str
    svg: str
    caption: str = ""


@dataclass(frozen=True)
class BarRow:
    """One bar of the first figure: what it is called, the measure it shows, and the class that colours it."""

    label: str
    found: Measure | None
    css: str


def percent(share: float) -> str:
    """A tick of a percent axis: 0.05 as "5 %", 0.001 as "0.1 %"."""
    return f"{100 * share:g} %"


def shortened(name: str, n_letters: int = 20) -> str:
    """A name that fits beside a chart: the middle of a longer one becomes an ellipsis, both ends stay.

    Example:
        >>> shortened("two towers, seed 0, fold 4 of 5")
        'two towers…ld 4 of 5'
    """
    if len(name) <= n_letters:
        return name
    half = (n_letters - 1) // 2
    return f"{name[: n_letters - half - 1].rstrip()}…{name[-half:].lstrip()}"


def bar_figure(direction: str, groups: Sequence[tuple[str, Sequence[BarRow]]]) -> Figure:
    """Draws horizontal bars with intervals from 0 to 100 %, grouped: chance, gender alone, this model.

    Args:
        direction: named in the heading.
        groups: (name of the group, its bars from top to bottom); a bar without a finite value says "undefined".
    """
    bar, gap, head = 15, 8, 25
    height = sum(head + len(rows) * (bar + gap) + 6 for _, rows in groups) + 34
    x = Axis(0, 1, ticks=(0, 0.25, 0.5, 0.75, 1), label=percent)
    chart = Chart(x, Axis(0, 1, ticks=()), height=height, left=86, right=54, top=4, bottom=26)
    y, said = 0.0, []
    for group, rows in groups:
        y += head
        chart.text(0, y - 7, group, css="strong")
        for row in rows:
            chart.text(0, y + 11.5, row.label, css="soft")
            found = row.found
            if found is None or not math.isfinite(found.value):
                chart.text(chart.left + 4, y + 11.5, "undefined", css="soft")
                said.append(f"{group}, {row.label}: undefined")
            else:
                value, interval = format_value(found.measure, found.value), format_interval(found)
                tip = f"{row.label}: {value}" + (f", 95 % interval {interval} %" if interval else "")
                chart.bar(0, found.value, y, bar, css=row.css, tip=tip)
                chart.whisker(found.low, found.high, y + bar / 2)
                chart.text(chart.width, y + 11.5, value, css="strong" if row.css == "c0" else "", anchor="end")
                said.append(f"{group}, {tip}")
            y += bar + gap
        y += 6
    heading = direction_words(direction)
    heading = heading[:1].upper() + heading[1:]
    return Figure(heading, chart.svg(f"Bars, {heading}. {'. '.join(said)}.", y_grid=False, x_grid=True))


def axis_around(values: Sequence[float], title: str, *, margin: float = 0.04) -> Axis:
    """An axis that holds every finite value with some room at both ends; at least one value must be finite."""
    finite = [v for v in values if math.isfinite(v)]
    low, high = min(finite), max(finite)
    room = (high - low) * margin or 0.5
    return Axis(low - room, high + room, title)


def training_figures(history: TrainingHistory) -> list[Figure]:
    """Draws loss, similarities with the voice encoder's own ceiling, and validation accuracy by epoch.

    A figure whose series are all absent is left out; the epoch whose weights were kept is a vertical line.
    """
    figures = []
    for heading, names in TRAINING_FIGURES.items():
        series = {name: history.series(name) for name in names if history.series(name)}
        if not series:
            continue
        ceilings = {n: v for n, v in history.ceiling.items() if n in names and n in CEILING_WORDS and math.isfinite(v)}
        values = [v for s in series.values() for _, v in s] + list(ceilings.values())
        share = heading.startswith("Validation accuracy")
        epochs = [e for s in series.values() for e, _ in s]
        y = axis_around(values, "", margin=0.08)
        if share:
            y = Axis(y.low, y.high, label=percent)
        first, last = min(epochs), max(epochs)
        chart = Chart(Axis(first, last if last > first else first + 1, "epoch"), y, left=44, height=220)
        if history.best_epoch is not None and first <= history.best_epoch <= last:
            chart.rule(x=history.best_epoch, css="kept")
            chart.text(chart.px(history.best_epoch), 10, "kept", css="tick", anchor="middle")
        for i, (name, points) in enumerate(series.items()):
            chart.line([e for e, _ in points], [v for _, v in points], css=f"c{i}", key=SERIES_WORDS[name])
            if len(points) == 1:
                chart.dot(*points[0], css=f"c{i}")
        for i, (name, value) in enumerate(ceilings.items()):
            chart.rule(y=value, css="ceiling", key="" if i else "voice encoder with itself")
            chart.text(chart.left + 3, chart.py(value) - 4, CEILING_WORDS[name], css="tick")
        caption = _ceiling_caption(ceilings)
        figures.append(Figure(heading, chart.svg(f"{heading} by epoch, {first:g} to {last:g}."), caption))
    return figures


def _ceiling_caption(ceilings: dict[str, float]) -> str:
    said = [f"{CEILING_WORDS[name]} {value:.3f}" for name, value in ceilings.items()]
    return f"Voice encoder with itself, mean cosine: {', '.join(said)}." if said else ""


def dot_figure(heading: str, rows: Sequence[tuple[str, Measure | None]], *, chance: float) -> Figure:
    """Draws one measure of several runs as dots with intervals, one row a run, under each other.

    Args:
        heading: what is compared.
        rows: (name of the run, its measure); None and nan are said to be undefined.
        chance: drawn as a vertical line where it is finite.
    """
    known = [m for _, m in rows if m is not None and math.isfinite(m.value)]
    ends = [v for m in known for v in (m.low, m.value, m.high) if math.isfinite(v)] + [chance]
    finite = [v for v in ends if math.isfinite(v)] or [0.0, 1.0]
    share = all(0 <= v <= 1 for v in finite)
    room = (max(finite) - min(finite)) * 0.06 or 0.05
    low, high = min(finite) - room, max(finite) + room
    if share:
        low, high = max(low, 0.0), min(high, 1.0)
    step = 26
    chart = Chart(
        Axis(low, high, label=percent if share else "{:g}".format), Axis(0, 1, ticks=()),
        height=len(rows) * step + 32, left=132, right=58, top=2, bottom=26,
    )  # fmt: skip
    if math.isfinite(chance):
        chart.rule(x=chance, css="chance", key="chance")
    said = []
    for i, (name, found) in enumerate(rows):
        y = 18.0 + i * step
        chart.text(0, y + 4, shortened(name), css="soft")
        value = format_value(found.measure, found.value) if found else "undefined"
        if found and math.isfinite(found.value):
            chart.whisker(found.low, found.high, y, css=f"span c{i % 6}")
            place = 1 - (y - chart.top) / (chart.height - chart.top - chart.bottom)
            chart.dot(found.value, place, css=f"c{i % 6}", tip=f"{name}: {value}", radius=4)
        chart.text(chart.width, y + 4, value, css="strong" if found else "soft", anchor="end")
        said.append(f"{name}: {value}")
    return Figure(heading, chart.svg(f"{heading}. {'. '.join(said)}.", y_grid=False, x_grid=True))
