"""A small chart in SVG: two axes, and lines, bands, bars, dots on them, as text that goes into a page.

It knows nothing of measures or reports (that is `visavox.evaluation.plots`) and sets no colours: marks carry CSS
classes, and the style sheet of the page colours them, in light and in dark. Everything that comes from data
is escaped. Charts are drawn 360 units wide, so that their 11-unit letters stay readable on a telephone.

Example:
    >>> chart = Chart(Axis(0, 10, title="people"), Axis(0, 1, title="accuracy"))
    >>> chart.line([1, 5, 10], [0.9, 0.6, 0.5], css="c0")
    >>> chart.svg("Accuracy by people").startswith("<svg")
    True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 360  # units of the view box; one is about a CSS pixel on a telephone
HEIGHT = 250
SAME_PLACE = 0.4  # units between two points that look like one
LETTER = 6.1  # mean width of a letter at the 11-unit size, for placing keys


def escaped(text: object) -> str:
    """`text` with <, >, & and quotes made harmless in HTML and SVG, content or attribute."""
    return escape(str(text), quote=True)


def points(value: float) -> str:
    """A coordinate with one decimal and no needless zero: small files, stable text."""
    return f"{value:.1f}".removesuffix(".0")


def nice_ticks(low: float, high: float, n_wanted: int = 5) -> tuple[float, ...]:
    """Returns round numbers inside [low, high], about `n_wanted`, in steps of 1, 2, 2.5 or 5 times a power of ten.

    Args:
        low: lower end, finite.
        high: upper end, finite; with `high <= low` the answer is `(low,)`.
        n_wanted: 2 or more.

    Example:
        >>> nice_ticks(0, 1)
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    if not high > low:
        return (low,)
    raw = (high - low) / n_wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(k * step, 12) + 0.0 for k in range(first, last + 1))


@dataclass(frozen=True)
class Axis:
    """One axis: its range in data units, where the ticks stand, and how values are written."""

    low: float
    """Data value at the left or bottom end."""
    high: float
    """Data value at the right or top end; differs from `low`."""
    title: str = ""
    """What the axis shows, with its unit."""
    ticks: tuple[float, ...] | None = None
    """Data values of the ticks; None picks round ones."""
    label: Callable[[float], str] = "{:g}".format
    """How a tick is written."""
    transform: Callable[[float], float] = float
    """Monotone map from data units to the ruler: log, or the normal deviate."""

    def place(self, value: float) -> float:
        """Position of a data value between 0 (low end) and 1 (high end), not clipped."""
        low, high = self.transform(self.low), self.transform(self.high)
        return (self.transform(value) - low) / (high - low)

    def tick_values(self) -> tuple[float, ...]:
        """The ticks, given or round."""
        return self.ticks if self.ticks is not None else nice_ticks(self.low, self.high)


@dataclass
class Chart:
    """A chart under construction: call the marks in the order of painting, then `svg`."""

    x: Axis
    y: Axis
    width: int = WIDTH
    height: int = HEIGHT
    left: int = 44
    right: int = 14
    top: int = 14
    bottom: int = 40
    marks: list[str] = field(default_factory=list)
    keys: list[tuple[str, str]] = field(default_factory=list)

    def px(self, value: float) -> float:
        """Horizontal place of a data value, in view-box units."""
        return self.left + self.x.place(value) * (self.width - self.left - self.right)

    def py(self, value: float) -> float:
        """Vertical place of a data value, in view-box units, downwards."""
        return self.height - self.bottom - self.y.place(value) * (self.height - self.top - self.bottom)

    def _path(self, xs: Iterable[float], ys: Iterable[float]) -> str:
        """Path data; a nan lifts the pen, and points that nobody could tell from the last one are left out."""
        parts: list[str] = []
        last, skipped, pen = (math.inf, math.inf), "", "M"
        for x, y in zip(xs, ys, strict=True):
            if not (math.isfinite(x) and math.isfinite(y)):
                parts, skipped, pen = [*parts, skipped], "", "M"
                continue
            here = (self.px(x), self.py(y))
            text = f"{points(here[0])} {points(here[1])}"
            if pen == "L" and math.dist(here, last) < SAME_PLACE:
                skipped = f"L{text}"  # the end of a run of such points is kept, so that lines reach their end
                continue
            parts.append(f"{pen}{text}")
            last, skipped, pen = here, "", "L"
        return "".join([*parts, skipped])

    def line(self, xs: Sequence[float], ys: Sequence[float], *, css: str, key: str = "", clipped: bool = False) -> None:
        """Adds a line through the points, broken where a value is nan; `key` names it above the chart.

        With `clipped` what lies outside the axes is cut off.
        """
        if data := self._path(xs, ys):
            path = f'<path class="line {css}" d="{data}"/>'
            if clipped:
                wide, high = self.width - self.left - self.right, self.height - self.top - self.bottom
                box = f"{self.left} {self.top} {wide} {high}"
                place = f'x="{self.left}" y="{self.top}" width="{wide}" height="{high}"'
                path = f'<svg {place} viewBox="{box}" overflow="hidden">{path}</svg>'
            self.marks.append(path)
            if key:
                self.keys.append((f"line {css}", key))

    def area(self, xs: Sequence[float], ys: Sequence[float], *, css: str, key: str = "") -> None:
        """Adds the area between the line and the bottom of the chart."""
        kept = [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(x) and math.isfinite(y)]
        if kept:
            floor = points(self.height - self.bottom)
            data = self._path(*zip(*kept, strict=True))
            ends = f"L{points(self.px(kept[-1][0]))} {floor}L{points(self.px(kept[0][0]))} {floor}Z"
            self.marks.append(f'<path class="area {css}" d="{data}{ends}"/>')
            if key:
                self.keys.append((f"area {css}", key))

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], *, css: str) -> None:
        """Adds a band between two lines; points with a nan end are left out."""
        kept = [p for p in zip(xs, lows, highs, strict=True) if all(map(math.isfinite, p))]
        if len(kept) > 1:
            there = self._path([p[0] for p in kept], [p[1] for p in kept])
            back = self._path([p[0] for p in reversed(kept)], [p[2] for p in reversed(kept)])
            self.marks.append(f'<path class="band {css}" d="{there}L{back[1:]}Z"/>')

    def dot(self, x: float, y: float, *, css: str, tip: str = "", radius: float = 2.5) -> None:
        """Adds a dot with an optional tooltip; nothing where a coordinate is nan."""
        if math.isfinite(x) and math.isfinite(y):
            inside = f"<title>{escaped(tip)}</title>" if tip else ""
            self.marks.append(
                f'<circle class="dot {css}" cx="{points(self.px(x))}" cy="{points(self.py(y))}"'
                f' r="{points(radius)}">{inside}</circle>'
            )

    def bar(self, start: float, end: float, y_px: float, height_px: float, *, css: str, tip: str) -> None:
        """Adds a horizontal bar from `start` to `end` (data units) whose upper edge lies at `y_px`."""
        x0, x1 = sorted((self.px(start), self.px(end)))
        self.marks.append(
            f'<rect class="bar {css}" x="{points(x0)}" y="{points(y_px)}" width="{points(x1 - x0)}"'
            f' height="{points(height_px)}"><title>{escaped(tip)}</title></rect>'
        )

    def whisker(self, low: float, high: float, y_px: float, *, css: str = "whisker") -> None:
        """Adds a horizontal interval with end ticks at `y_px`; nothing where an end is nan."""
        if math.isfinite(low) and math.isfinite(high):
            a, b = points(self.px(low)), points(self.px(high))
            y, up, down = points(y_px), points(y_px - 3), points(y_px + 3)
            self.marks.append(f'<path class="{css}" d="M{a} {up}V{down}M{a} {y}H{b}M{b} {up}V{down}"/>')

    def rule(self, *, x: float | None = None, y: float | None = None, css: str, key: str = "") -> None:
        """Adds a straight line across the chart at a data value of one axis."""
        if x is not None:
            place = points(self.px(x))
            self.marks.append(f'<path class="{css}" d="M{place} {self.top}V{self.height - self.bottom}"/>')
        if y is not None:
            place = points(self.py(y))
            self.marks.append(f'<path class="{css}" d="M{self.left} {place}H{self.width - self.right}"/>')
        if key:
            self.keys.append((css, key))

    def post(self, x: float, top_px: float, bottom_px: float, *, css: str) -> None:
        """Adds a vertical stroke at the data value `x` between two heights; nothing where it is nan."""
        if math.isfinite(x):
            self.marks.append(f'<path class="{css}" d="M{points(self.px(x))} {points(top_px)}V{points(bottom_px)}"/>')

    def text(self, x_px: float, y_px: float, text: str, *, css: str = "", anchor: str = "start") -> None:
        """Adds text at a place in view-box units."""
        self.marks.append(
            f'<text class="{css}" x="{points(x_px)}" y="{points(y_px)}" text-anchor="{anchor}">{escaped(text)}</text>'
        )

    def _axes(self, *, y_grid: bool, x_grid: bool) -> str:
        out = []
        floor, ceiling = self.height - self.bottom, self.top
        for value in self.x.tick_values():
            x = points(self.px(value))
            if x_grid:
                out.append(f'<path class="grid" d="M{x} {ceiling}V{floor}"/>')
            out.append(f'<text class="tick" x="{x}" y="{floor + 15}" text-anchor="middle">')
            out.append(f"{escaped(self.x.label(value))}</text>")
        for value in self.y.tick_values():
            y = self.py(value)
            if y_grid:
                out.append(f'<path class="grid" d="M{self.left} {points(y)}H{self.width - self.right}"/>')
            out.append(f'<text class="tick" x="{self.left - 7}" y="{points(y + 3.5)}" text-anchor="end">')
            out.append(f"{escaped(self.y.label(value))}</text>")
        if self.x.title:
            middle = (self.left + self.width - self.right) / 2
            out.append(f'<text class="axis" x="{points(middle)}" y="{self.height - 7}" text-anchor="middle">')
            out.append(f"{escaped(self.x.title)}</text>")
        if self.y.title:
            middle = (floor + ceiling) / 2
            out.append(f'<text class="axis" text-anchor="middle" transform="translate(10 {points(middle)})')
            out.append(f' rotate(-90)">{escaped(self.y.title)}</text>')
        return "".join(out)

    def _key_rows(self) -> tuple[str, int]:
        """The key above the chart, wrapped to its width, and how many units of height it takes."""
        out, x, y = [], float(self.left), 9
        for css, name in self.keys:
            wide = 22 + LETTER * len(name) + 14
            if x > self.left and x + wide > self.width:
                x, y = float(self.left), y + 16
            box = f'x="{points(x)}" y="{y - 7}" width="14" height="8"'
            line = f'd="M{points(x)} {y - 3}h16"'
            swatch = f"<rect {box}" if css.startswith("area") else f"<path {line}"
            out.append(f'{swatch} class="{css}"/>')
            out.append(f'<text class="key" x="{points(x + 21)}" y="{y + 1}">{escaped(name)}</text>')
            x += wide
        return "".join(out), (y + 9 if self.keys else 0)

    def svg(self, description: str, *, y_grid: bool = True, x_grid: bool = False) -> str:
        """The finished chart: `description` is what a screen reader says in its place."""
        keys, above = self._key_rows()
        body = self._axes(y_grid=y_grid, x_grid=x_grid) + "".join(self.marks)
        return (
            f'<svg viewBox="0 0 {self.width} {self.height + above}" role="img"'
            f' aria-label="{escaped(description)}">{keys}<g transform="translate(0 {above})">{body}</g></svg>'
        )
