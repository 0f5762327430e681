"""The SVG chart: places, ticks, marks, escaping."""

from __future__ import annotations

import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.evaluation.chart import SAME_PLACE, Axis, Chart, escaped, nice_ticks, points

NAN = math.nan


@pytest.fixture
def chart() -> Chart:
    """A square chart of 100 units whose axes run from 0 to 10, without margins."""
    return Chart(Axis(0, 10), Axis(0, 10), width=100, height=100, left=0, right=0, top=0, bottom=0)


def parsed(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg("a chart"))


def test_the_low_end_of_both_axes_is_the_lower_left_corner(chart: Chart) -> None:
    assert (chart.px(0), chart.py(0)) == (0, 100)
    assert (chart.px(10), chart.py(10)) == (100, 0)
    assert (chart.px(2.5), chart.py(2.5)) == (25, 75)


def test_margins_are_kept_free() -> None:
    chart = Chart(Axis(0, 1), Axis(0, 1), width=200, height=100, left=40, right=10, top=5, bottom=20)
    assert (chart.px(0), chart.px(1), chart.py(0), chart.py(1)) == (40, 190, 80, 5)


def test_a_transformed_axis_places_values_by_the_transform() -> None:
    axis = Axis(1, 100, transform=math.log)
    assert axis.place(10) == pytest.approx(0.5)


def test_an_axis_may_run_backwards() -> None:
    assert Axis(10, 0).place(10) == 0


def test_given_ticks_win_over_round_ones() -> None:
    assert Axis(0, 1, ticks=(0.3,)).tick_values() == (0.3,)
    assert Axis(0, 1).tick_values() == (0, 0.2, 0.4, 0.6, 0.8, 1)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, (0, 2, 4, 6, 8, 10)),
        (0.5, 0.9, (0.5, 0.6, 0.7, 0.8, 0.9)),
        (-1, 1, (-1, -0.5, 0, 0.5, 1)),
        (3, 3, (3,)),
        (3, 2, (3,)),
        (1200, 4800, (2000, 3000, 4000)),
    ],
)
def test_ticks_are_the_round_numbers_inside(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_inside_in_equal_steps_and_are_few(low: float, width: float) -> None:
    ticks = nice_ticks(low, low + width)
    slack = 1e-6 * max(abs(low), width)
    assert all(low - slack <= tick <= low + width + slack for tick in ticks)
    assert 1 <= len(ticks) <= 7
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    assert all(step == pytest.approx(steps[0], rel=1e-3) for step in steps)


def test_zero_is_never_written_as_minus_zero() -> None:
    assert [str(tick) for tick in nice_ticks(-0.5, 0.5)] == ["-0.4", "-0.2", "0.0", "0.2", "0.4"]


def test_coordinates_are_short() -> None:
    assert (points(3.0), points(3.14159), points(-0.25)) == ("3", "3.1", "-0.2")


def test_a_line_goes_through_its_points(chart: Chart) -> None:
    chart.line([0, 5, 10], [0, 10, 0], css="c0")
    assert 'd="M0 100L50 0L100 100"' in chart.svg("")


def test_a_nan_breaks_a_line(chart: Chart) -> None:
    chart.line([0, 1, 2, 3, 4], [1, 1, NAN, 2, 2], css="c0")
    assert 'd="M0 90L10 90M30 80L40 80"' in chart.svg("")


def test_a_line_without_a_finite_point_is_not_drawn_and_has_no_key(chart: Chart) -> None:
    chart.line([0, 1], [NAN, NAN], css="c0", key="nothing")
    assert chart.marks == []
    assert "nothing" not in chart.svg("")


def test_points_in_one_place_are_drawn_once_and_both_ends_are_kept(chart: Chart) -> None:
    many = [i / 1000 for i in range(10_001)]
    chart.line(many, many, css="c0")
    path = re.search(r'd="([^"]+)"', chart.marks[0])
    assert path is not None
    assert path.group(1).startswith("M0 100L")
    assert path.group(1).endswith("L100 0")
    assert 100 < path.group(1).count("L") < 100 * math.sqrt(2) / SAME_PLACE + 2


def test_a_clipped_line_lies_in_a_box_of_its_own(chart: Chart) -> None:
    chart.line([-5, 15], [5, 5], css="c0", clipped=True)
    box = parsed(chart).find(".//svg")
    assert box is not None
    assert (box.get("overflow"), box.get("viewBox")) == ("hidden", "0 0 100 100")


def test_an_area_is_closed_at_the_floor(chart: Chart) -> None:
    chart.area([2, 4], [5, 5], css="c1", key="pairs")
    svg = chart.svg("")
    assert 'd="M20 50L40 50L40 100L20 100Z"' in svg
    assert "pairs" in svg


def test_a_band_runs_there_below_and_back_above(chart: Chart) -> None:
    chart.band([1, 2], [3, 4], [5, 6], css="c0")
    assert 'd="M10 70L20 60L20 40L10 50Z"' in chart.svg("")


def test_a_band_leaves_out_points_without_both_ends(chart: Chart) -> None:
    chart.band([1, 2, 3], [3, NAN, 4], [5, 6, 7], css="c0")
    assert chart.marks[0].count("L") == 3
    chart.band([1, 2], [3, NAN], [5, 6], css="c0")
    assert len(chart.marks) == 1


def test_dots_and_whiskers_with_nan_are_left_out(chart: Chart) -> None:
    chart.dot(NAN, 1, css="c0")
    chart.whisker(NAN, 1, 10)
    assert chart.marks == []


def test_a_dot_carries_its_tip(chart: Chart) -> None:
    chart.dot(5, 5, css="c0", tip="five")
    title = parsed(chart).find(".//circle/title")
    assert title is not None
    assert title.text == "five"


def test_a_bar_spans_its_values(chart: Chart) -> None:
    chart.bar(0, 4, 10, 5, css="c0", tip="four")
    bar = parsed(chart).find(".//rect")
    assert bar is not None
    assert (bar.get("x"), bar.get("width"), bar.get("y"), bar.get("height")) == ("0", "40", "10", "5")


def test_a_whisker_has_ends(chart: Chart) -> None:
    chart.whisker(2, 6, 50)
    assert 'd="M20 47V53M20 50H60M60 47V53"' in chart.svg("")


def test_a_post_stands_between_two_heights(chart: Chart) -> None:
    chart.post(2.5, 10, 40.25, css="post")
    chart.post(NAN, 10, 40, css="post")
    (mark,) = chart.marks
    assert mark == '<path class="post" d="M25 10V40.2"/>'


def test_rules_cross_the_chart(chart: Chart) -> None:
    chart.rule(x=5, css="chance", key="chance")
    chart.rule(y=5, css="ceiling")
    assert chart.marks == ['<path class="chance" d="M50 0V100"/>', '<path class="ceiling" d="M0 50H100"/>']


def test_keys_wrap_to_the_width_and_make_room(chart: Chart) -> None:
    for name in ("first", "second", "third"):
        chart.line([0, 1], [0, 1], css="c0", key=name)
    keys = [text for text in parsed(chart).iter("text") if text.get("class") == "key"]
    assert [text.text for text in keys] == ["first", "second", "third"]
    assert len({text.get("y") for text in keys}) == 3
    assert parsed(chart).get("viewBox") != "0 0 100 100"


def test_axis_titles_and_tick_labels_are_written() -> None:
    chart = Chart(Axis(0, 1, "time / s", (0, 1), "{:.0f} s".format), Axis(0, 1, "share", (0.5,)))
    texts = [text.text for text in parsed(chart).iter("text")]
    assert texts == ["0 s", "1 s", "0.5", "time / s", "share"]


def test_grid_lines_follow_the_ticks_of_the_axes_asked_for() -> None:
    chart = Chart(Axis(0, 1, ticks=(0, 1)), Axis(0, 1, ticks=(0, 0.5, 1)))
    assert chart.svg("").count('class="grid"') == 3
    assert chart.svg("", y_grid=False, x_grid=True).count('class="grid"') == 2


def test_everything_that_comes_from_outside_is_escaped() -> None:
    evil = '<script>alert("1")</script> & \''
    chart = Chart(Axis(0, 1, evil, (0,), lambda _: evil), Axis(0, 1, evil))
    chart.line([0, 1], [0, 1], css="c0", key=evil)
    chart.dot(0, 0, css="c0", tip=evil)
    chart.bar(0, 1, 0, 1, css="c0", tip=evil)
    chart.text(0, 0, evil)
    svg = chart.svg(evil)
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == evil
    assert sum(element.text == evil for element in root.iter()) == 7


def test_escaped_covers_quotes() -> None:
    assert escaped("a\"b'c<&>") == "a&quot;b&#x27;c&lt;&amp;&gt;"


def test_a_chart_says_what_it_shows(chart: Chart) -> None:
    root = ElementTree.fromstring(chart.svg("what it shows"))
    assert (root.get("role"), root.get("aria-label")) == ("img", "what it shows")
