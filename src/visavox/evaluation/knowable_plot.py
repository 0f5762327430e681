"""The first figure of a report on a made-up world: chance, gender alone, reached, ceiling on one track.

The track runs from chance to the ceiling, all that can be known, and is filled as far as the model has come. Every mark
is labelled where it stands; labels step down where they would touch. The figures are found by
`visavox.evaluation.knowable_report`.

Example:
    >>> row = KnowableRow(
    ...     "voice_to_face", "all", 0.5, 0.75, 0.86, 0.82, 0.9, 0.95, 0, float("nan"), 0.8, 0.71, 0.89, 300, 100
    ... )
    >>> [figure.heading for figure in knowable_figures(Knowable("world.json", (row,)))]
    ['Voice → face']
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from visavox.evaluation.chart import LETTER, WIDTH, Axis, Chart
from visavox.evaluation.knowable import PAIR, Knowable, KnowableRow
from visavox.evaluation.knowable_words import share_words
from visavox.evaluation.plots import Figure, percent
from visavox.evaluation.wording import direction_words, format_value, group_words

HEAD = 20  # units from the top of a group to the baseline of its heading
ABOVE = 20  # from there to the baseline of the label of what was reached
TRACK = 20  # height of the track
LANE = 14  # height of one line of labels under the track
FLAG = 4  # between a mark and its label
GAP = 5  # least room between two labels of one line


@dataclass(frozen=True)
class Label:
    """Where the name of a mark stands, in view-box units."""

    text: str
    mark: float
    """Horizontal place of the mark."""
    start: float
    """Left end of the text."""
    end: float
    """Right end of the text."""
    lane: int
    """Line under the track, from 0."""


def knowable_figures(knowable: Knowable) -> list[Figure]:
    """Draws a figure for each direction, with a track for each group."""
    directions = dict.fromkeys(row.direction for row in knowable.rows)
    return [_figure(d, [row for row in knowable.rows if row.direction == d]) for d in directions]


def _figure(direction: str, rows: Sequence[KnowableRow]) -> Figure:
    low = min((v for r in rows for v in (r.chance, r.reached, r.low, r.gender_alone) if math.isfinite(v)), default=0.5)
    low = math.floor(round(low, 6) * 10) / 10  # chance, unless something lies below it
    ticks = tuple(n / 10 for n in range(round(low * 10), 11))
    x = Axis(low, 1, ticks=ticks, label=percent)
    probe = Chart(x, Axis(0, 1, ticks=()), left=6, right=12)  # a first one, to see how many lines the labels take
    labelled = [(row, place_labels(_marks(row, probe))) for row in rows]
    heights = [_height(labels) for _, labels in labelled]
    chart = Chart(x, Axis(0, 1, ticks=()), left=6, right=12, top=2, bottom=24, height=sum(heights) + 28)
    top = 0
    for (row, labels), height in zip(labelled, heights, strict=True):
        _draw(chart, row, labels, top)
        top += height
    heading = direction_words(direction)
    heading = heading[:1].upper() + heading[1:]
    people = max((row.n_people for row in rows), default=0)
    count = max((row.count for row in rows), default=0)
    probes = "voices" if direction == "voice_to_face" else "faces"
    said = " ".join(_said(row) for row in rows)
    svg = chart.svg(f"How much of the knowable was learned, {heading}. {said}", y_grid=False, x_grid=True)
    return Figure(heading, svg, f"{count:,} {probes} of {people:,} people.")


def _height(labels: Sequence[Label]) -> int:
    return HEAD + ABOVE + 7 + TRACK + LANE * (1 + max((label.lane for label in labels), default=0)) + 14


def _marks(row: KnowableRow, chart: Chart) -> list[tuple[float, str]]:
    """(place, label) of what is marked under the track, from left to right; equal figures share one label."""
    named = [("chance", row.chance), ("gender alone", row.gender_alone), ("ceiling", row.ceiling)]
    if math.isfinite(row.shortcut_ceiling):
        named.append(("with shortcuts", row.shortcut_ceiling))
    by_value: dict[str, list[tuple[str, float]]] = {}
    for name, value in named:
        if math.isfinite(value):
            by_value.setdefault(format_value(PAIR, value), []).append((name, value))
    marks = [
        (chart.px(found[0][1]), f"{', '.join(name for name, _ in found)} {value}") for value, found in by_value.items()
    ]
    return sorted(marks)


def place_labels(marks: Sequence[tuple[float, str]], width: float = WIDTH) -> list[Label]:
    """Returns labels that stand beside their marks and touch neither each other nor the line to another's mark.

    A label stands to the right of its mark, or to the left of it, on the first line where there is room. All ways are
    tried, so there should be no more than five.

    Args:
        marks: (horizontal place, text), in view-box units.
        width: of the chart.
    """
    lengths = [LETTER * len(text) for _, text in marks]
    sides = [[(x + FLAG, x + FLAG + n), (x - FLAG - n, x - FLAG)] for (x, _), n in zip(marks, lengths, strict=True)]
    inside = [[end for end in both if end[0] >= 0 and end[1] <= width] or both[:1] for both in sides]
    labels: list[Label] = []
    for n_lanes in range(1, len(marks) + 1):  # with few lines there are few ways to try
        ways = itertools.product(itertools.product(*inside), itertools.product(range(n_lanes), repeat=len(marks)))
        tried = (
            [Label(text, x, *end, lane) for (x, text), end, lane in zip(marks, ends, lanes, strict=True)]
            for ends, lanes in ways
        )
        labels = min(tried, key=_untidiness)
        if not _touching(labels):
            break
    return labels


def _untidiness(labels: Sequence[Label]) -> tuple[int, int, int]:
    """What the best placement has least of: touching labels, lines, labels to the left of their mark."""
    turned = sum(label.start < label.mark for label in labels)
    return _touching(labels), sum(label.lane for label in labels), turned


def _touching(labels: Sequence[Label]) -> int:
    """How many pairs of labels overlap, or have one crossed by the line to the other."""
    n = 0
    for a, b in itertools.permutations(labels, 2):
        crossed = a.lane > b.lane and b.start - 2 < a.mark < b.end + 2
        overlap = a.lane == b.lane and a.start < b.end + GAP and b.start < a.end + GAP
        n += crossed or overlap
    return n


def _draw(chart: Chart, row: KnowableRow, labels: Sequence[Label], top: float) -> None:
    """Adds one group: heading, share, track, marks, labels."""
    chart.text(chart.left, top + HEAD, group_words(row.group).capitalize(), css="strong backed")
    share = share_words(row)
    words = f"{share} of the knowable" if share else "share undefined"
    chart.text(
        chart.width - chart.right,
        top + HEAD,
        words,
        css="strong beyond" if row.is_beyond else "strong learned",
        anchor="end",
    )
    track = top + HEAD + ABOVE + 7
    floor = track + TRACK
    ceiling, reached = format_value(PAIR, row.ceiling), format_value(PAIR, row.reached)
    if math.isfinite(row.shortcut_ceiling):
        chart.bar(row.ceiling, row.shortcut_ceiling, track, TRACK, css="leaking", tip=_tip("with shortcuts", row))
    chart.bar(row.chance, row.ceiling, track, TRACK, css="knowable", tip=f"can be known: up to {ceiling}")
    if math.isfinite(row.reached):
        inside = min(row.reached, max(row.ceiling, row.chance))
        chart.bar(row.chance, inside, track, TRACK, css="c0", tip=f"reached: {reached}")
        if row.reached > inside:
            chart.bar(inside, row.reached, track, TRACK, css="over", tip=f"above the ceiling: {reached}")
    for value, css in ((row.gender_alone, "gender"), (row.shortcut_ceiling, "leak"), (row.ceiling, "top")):
        chart.post(value, track - 1, floor + 2, css="post halo")
        chart.post(value, track - 1, floor + 2, css=f"post {css}")
    chart.whisker(row.low, row.high, track + TRACK / 2, css="whisker halo")
    chart.whisker(row.low, row.high, track + TRACK / 2)
    _reached_label(chart, row, top + HEAD + ABOVE)
    for label in labels:
        baseline = floor + LANE * (label.lane + 1)
        chart.marks.append(f'<path class="leader" d="M{label.mark:.1f} {floor + 2:g}V{baseline:g}"/>')
        flipped = label.start < label.mark
        place = label.end if flipped else label.start
        css = "backed" if "ceiling" in label.text else "backed soft"
        chart.text(place, baseline, label.text, css=css, anchor="end" if flipped else "start")


def _reached_label(chart: Chart, row: KnowableRow, baseline: float) -> None:
    """What was reached, above the track, centred on its place as far as the chart is wide."""
    if not math.isfinite(row.reached):
        chart.text(chart.left, baseline, "reached: undefined", css="soft")
        return
    text = f"reached {format_value(PAIR, row.reached)}"
    if math.isfinite(row.low):
        text += f" ({100 * row.low:.1f}–{100 * row.high:.1f})"
    half = LETTER * len(text) / 2
    place = min(max(chart.px(row.reached), chart.left + half), chart.width - chart.right - half)
    chart.text(place, baseline, text, css="backed", anchor="middle")


def _tip(name: str, row: KnowableRow) -> str:
    return f"{name}: {format_value(PAIR, row.shortcut_ceiling)}"


def _said(row: KnowableRow) -> str:
    """One group in words, for a screen reader."""
    parts = [("chance", row.chance), ("gender alone", row.gender_alone), ("reached", row.reached)]
    parts += [("ceiling", row.ceiling), ("ceiling with shortcuts", row.shortcut_ceiling)]
    said = ", ".join(f"{name} {format_value(PAIR, value)}" for name, value in parts if math.isfinite(value))
    share = share_words(row)
    return f"{group_words(row.group).capitalize()}: {said}; {share or 'undefined'} of the knowable."
