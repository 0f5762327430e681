"""Accuracy against cost, as a figure: points, names, the front."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from visavox.evaluation.chart import Axis, Chart
from visavox.evaluation.drawings import CostPoint, Pareto
from visavox.evaluation.pareto_plot import Box, amount, log_ticks, name_places, pareto_figure


def point(name: str, cost: float, value: float, *, shown: str = "face", front: bool = False) -> CostPoint:
    return CostPoint(name, shown, cost, value, value - 0.05, value + 0.05, on_front=front)


def figure(*points: CostPoint) -> str:
    return pareto_figure(Pareto("Size", "parameters", "top-1", points)).svg


THREE = (
    point("small", 1e6, 0.6, front=True),
    point("poor <b>", 2e6, 0.4, shown="voice"),
    point("large", 4e7, 0.9, shown="voice, face", front=True),
)


def test_every_point_has_a_dot_a_name_an_interval_and_a_tip() -> None:
    svg = figure(*THREE)
    assert len(re.findall('<circle class="dot c', svg)) == 3
    assert re.findall(r'<circle class="dot (c\d)', svg) == ["c0", "c1", "c2"]
    assert len(re.findall('class="span thin c', svg)) == 3
    for name in ("small", "poor &lt;b&gt;", "large"):
        assert f">{name}</text>" in svg
    assert "<title>large: 90.0 %, 40 M parameters</title>" in svg
    assert "<b>" not in svg
    assert "small: 60.0 % at 1 M. poor &lt;b&gt;: 40.0 % at 2 M" in svg


def test_names_on_the_front_are_bold_and_the_key_names_what_is_shown() -> None:
    svg = figure(*THREE)
    assert re.findall(r'class="tick backed strong"[^>]*>(\w+)', svg) == ["small", "large"]
    keys = re.findall(r'class="key"[^>]*>([^<]+)', svg)
    assert keys == ["front", "face", "voice", "voice, face"]


def test_the_front_is_a_staircase_through_its_points() -> None:
    svg = figure(*THREE)
    path = re.findall(r'class="line front" d="M([^"]+)"', svg)[0]
    corners = [tuple(map(float, part.split())) for part in path.split("L")]
    dots = {(float(x), float(y)) for x, y in re.findall(r'class="dot c[02]" cx="([\d.]+)" cy="([\d.]+)"', svg)}
    assert dots <= set(corners)
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        assert x0 == x1 or y0 == y1  # straight up or to the right
        assert x1 >= x0 and y1 <= y0
    assert corners[0][0] == min(x for x, _ in dots)


def test_points_without_cost_or_value_are_left_out() -> None:
    svg = figure(*THREE, point("free", 0.0, 0.5), point("unknown", 1e6, math.nan))
    assert "free" not in svg and "unknown" not in svg
    empty = pareto_figure(Pareto("Size", "parameters", "top-1", (point("free", 0.0, 0.5),)))
    assert empty.caption == "No figures."
    assert "<circle" not in empty.svg


def test_a_single_point_without_an_interval_is_drawn() -> None:
    bare = CostPoint("one", "face", 3.0, 0.5, math.nan, math.nan, on_front=True)
    svg = figure(bare)
    assert "span thin" not in svg and "<circle" in svg and "nan" not in svg


@pytest.mark.parametrize("seed", range(5))
def test_names_cover_neither_each_other_nor_points_where_there_is_room(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spread = np.linspace(0.1, 0.9, 12)
    known = [point(f"network {i}", float(10 ** rng.uniform(6, 7.6)), float(v)) for i, v in enumerate(spread)]
    chart = Chart(Axis(5e5, 8e7, transform=math.log), Axis(0, 1), height=310, left=50, right=10)
    boxes = name_places(chart, known)
    assert len(boxes) == 12
    assert sum(a.covers(b) for a, b in itertools.combinations(boxes, 2)) == 0
    assert all(box.left >= chart.left and box.right <= chart.width for box in boxes)


def test_points_in_one_place_push_their_names_apart() -> None:
    chart = Chart(Axis(1, 100, transform=math.log), Axis(0, 1), height=310, left=50, right=10)
    boxes = name_places(chart, [point(f"twin {i}", 10.0, 0.5) for i in range(4)])
    assert sum(a.covers(b) for a, b in itertools.combinations(boxes, 2)) == 0


def test_boxes_share_an_area() -> None:
    box = Box(0, 0, 4, 2)
    assert box.covers(Box(3, 1, 9, 9)) == 1
    assert box.covers(Box(4, 0, 5, 2)) == box.covers(Box(0, 2, 4, 3)) == box.covers(Box(-2, -2, -1, -1)) == 0
    assert box.covers(box) == 8


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(3, 60, (5, 10, 20, 50)), (0.9, 1.2, (1,)), (1, 500, (1, 3, 10, 30, 100, 300)), (1e3, 1e8, None)],
)
def test_ticks_are_round_and_inside(low: float, high: float, ticks: tuple[float, ...] | None) -> None:
    assert log_ticks(low, high) == (ticks or (1e3, 1e4, 1e5, 1e6, 1e7, 1e8))


def test_amounts_are_short() -> None:
    assert [amount(v) for v in (0.5, 12.34, 999, 1000, 2_700_000, 44_329_169, 1.5e9)] == [
        "0.5", "12.3", "999", "1 k", "2.7 M", "44.3 M", "1.5 G",
    ]  # fmt: skip


def test_a_name_that_had_to_move_has_a_line_to_its_point() -> None:
    assert 'class="leader"' not in figure(*THREE)
    crowd = [point(f"twin {i}", 1e6, 0.5, front=True) for i in range(8)]
    svg = figure(*crowd)
    assert 0 < svg.count('class="leader"') < 8
    assert all(f">twin {i}</text>" in svg for i in range(8))


def test_points_of_which_none_is_on_the_front_are_drawn_without_it() -> None:
    """The front was a row without a cost, which is not drawn: the report ended in an IndexError."""
    svg = figure(point("free", 0.0, 0.9, front=True), point("dear", 1e6, 0.5))
    assert ">dear</text>" in svg and 'class="line front"' not in svg


def test_the_axis_of_the_cost_is_logarithmic() -> None:
    svg = figure(point("a", 1e6, 0.5), point("b", 1e7, 0.5), point("c", 1e8, 0.5))
    xs = [float(x) for x in re.findall(r'class="dot c\d" cx="([\d.]+)"', svg)]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert xs[1] - xs[0] > 50
