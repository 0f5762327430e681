"""ROC, DET, one of N, recall, histograms and other curves."""

from __future__ import annotations

import math
import re
from statistics import NormalDist
from xml.etree import ElementTree

import pytest

from visavox.evaluation.curve_plots import ORDER, curve_figures, curve_kind
from visavox.evaluation.measures import Curve, Measure

NAN = math.nan


def curve(
    name: str, x: tuple[float, ...] = (0.0, 0.5, 1.0), y: tuple[float, ...] = (0.0, 0.8, 1.0), **names: str
) -> Curve:
    direction, group = names.get("direction", "voice_to_face"), names.get("group", "all")
    return Curve(name, direction, group, x, y, "the x", "the y")


def size(measure: str, value: float, chance: float, group: str = "all", direction: str = "voice_to_face") -> Measure:
    return Measure("matching", direction, group, measure, value, value - 0.1, value + 0.1, chance, 9, 3)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def paths(svg: str, css: str) -> list[list[tuple[float, float]]]:
    found = (e for e in ElementTree.fromstring(svg).iter("path") if (e.get("class") or "") == css)
    numbers = (re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", e.get("d") or "") for e in found)
    return [[(float(x), float(y)) for x, y in pairs] for pairs in numbers]


def drawn(svg: str, css: str) -> list[tuple[float, float]]:
    """The points of the one line of a class that is no key."""
    (line,) = [points for points in paths(svg, css) if len(points) > 1]
    return line


def test_kinds_are_read_from_the_name() -> None:
    assert [curve_kind(n) for n in ("roc", "DET", "one_of_n", "recall_at_k", "histogram_positive", "checkpoints")] == [
        "roc", "det", "one_of_n", "recall_at_k", "histogram", "checkpoints",
    ]  # fmt: skip
    assert curve_kind("rocket") == "rocket"


def test_groups_share_a_figure_and_directions_do_not() -> None:
    back = curve("roc", y=(0.0, 0.7, 1.0), direction="face_to_voice")
    curves = [curve("roc"), curve("roc", group="same_gender"), back]
    figures = curve_figures(curves, ())
    assert [f.heading for f in figures] == ["ROC, voice → face", "ROC, face → voice"]
    assert {"all pairs", "same gender", "chance", "the x", "the y"} <= set(texts(figures[0].svg))
    assert "same gender" not in texts(figures[1].svg)


def test_kinds_come_in_one_order_whatever_the_order_given() -> None:
    names = ["checkpoints", "histogram_positive", "recall_at_k", "one_of_n", "det", "roc"]
    curves = [curve(n, x=(1.0, 2.0, 3.0)) for n in names]
    headings = [f.heading.split(",")[0] for f in curve_figures(curves, ())]
    assert headings == ["ROC", "DET", "One of N", "Recall", "Scores", "Checkpoints"]
    assert len(headings) == len(ORDER) + 1


@pytest.mark.parametrize("name", [*ORDER, "other"])
def test_empty_and_nan_curves_are_left_out(name: str) -> None:
    assert curve_figures([curve(name, (), ()), curve(name, (NAN, 1.0), (1.0, NAN))], ()) == []


def test_the_roc_rises_from_lower_left_to_upper_right() -> None:
    (figure,) = curve_figures([curve("roc")], ())
    line = drawn(figure.svg, "line c0")
    chance = drawn(figure.svg, "line chance")
    assert (line[0], line[-1]) == (chance[0], chance[-1])
    assert line[1][1] < (chance[0][1] + chance[1][1]) / 2  # 0.8 lies above the diagonal


def test_the_det_of_two_normal_scores_is_a_straight_line_of_slope_one() -> None:
    normal = NormalDist()
    thresholds = [-1 + i / 20 for i in range(60)]
    false_match = tuple(1 - normal.cdf(t) for t in thresholds)
    miss = tuple(normal.cdf(t - 1.4) for t in thresholds)
    (figure,) = curve_figures([curve("det", false_match, miss)], ())
    line = drawn(figure.svg, "line c0")
    (x0, y0), (x1, y1) = line[0], line[-1]
    for x, y in line:
        assert y == pytest.approx(y0 + (x - x0) * (y1 - y0) / (x1 - x0), abs=0.3)
    (a0, b0), (a1, b1) = drawn(figure.svg, "line chance")
    assert (y1 - y0) / (x1 - x0) == pytest.approx((b1 - b0) / (a1 - a0), rel=0.02)


def test_the_det_survives_rates_of_zero_and_one_and_is_clipped() -> None:
    (figure,) = curve_figures([curve("det", (0.0, 0.3, 1.0), (1.0, 0.2, 0.0))], ())
    assert len(drawn(figure.svg, "line c0")) == 3
    assert 'overflow="hidden"' in figure.svg


def test_one_of_n_has_chance_band_and_dots() -> None:
    measures = [size(f"accuracy_1_of_{n}", 0.8, 1 / n) for n in (2, 3, 5)]
    others = [size("accuracy_1_of_4", 0.1, 0.25, group="same_gender"), size("recall_at_2", 0.1, 0.2)]
    others.append(size("accuracy_1_of_4", 0.1, 0.25, direction="face_to_voice"))
    (figure,) = curve_figures([curve("one_of_n", (2, 3, 4, 5), (0.8, 0.7, 0.65, 0.6))], [*measures, *others])
    assert len(paths(figure.svg, "band c0")[0]) == 6
    dots = list(ElementTree.fromstring(figure.svg).iter("circle"))
    assert len(dots) == 3  # at the ticks 2, 3 and 5
    chance = drawn(figure.svg, "line chance")
    full = drawn(figure.svg, "line c0")
    assert chance[0][0] == full[0][0]
    assert all(c[1] > full[0][1] for c in chance)


def test_the_chance_of_one_of_two_lies_at_one_half() -> None:
    (figure,) = curve_figures([curve("one_of_n", (2, 4), (0.5, 0.25))], ())
    line, chance = drawn(figure.svg, "line c0"), drawn(figure.svg, "line chance")
    assert chance[0] == line[0]
    assert chance[-1] == line[-1]


def test_one_of_n_of_a_single_n_is_drawn() -> None:
    (figure,) = curve_figures([curve("one_of_n", (2,), (0.8,))], ())
    assert "One of N" in figure.heading


def test_sizes_below_one_do_not_break_the_page() -> None:
    (figure,) = curve_figures([curve("one_of_n", (0.0, -3.0, 4.0), (0.8, 0.7, 0.6))], ())
    assert len(drawn(figure.svg, "line c0")) == 3


def test_recall_takes_its_chance_from_the_measures() -> None:
    measures = [size("recall_at_1", 0.2, 0.01), size("recall_at_10", 0.6, 0.1)]
    (figure,) = curve_figures([curve("recall_at_k", (1, 5, 10), (0.2, 0.4, 0.6))], measures)
    assert figure.heading == "Recall, voice → face"
    assert len(drawn(figure.svg, "line chance")) == 2
    assert len(paths(figure.svg, "band c0")[0]) == 4


def test_histograms_put_true_and_false_pairs_of_a_group_together() -> None:
    x = (-0.5, 0.0, 0.5)
    curves = [
        curve(name, x, y, group=group)
        for group in ("all", "same_gender")
        for name, y in (("histogram_positive", (0.0, 2.0, 8.0)), ("histogram_negative", (0.1, 0.4, 0.1)))
    ]
    figures = curve_figures(curves, ())
    assert [f.heading for f in figures] == ["Scores, voice → face, all pairs", "Scores, voice → face, same gender"]
    for figure in figures:
        assert {"same person", "two people"} <= set(texts(figure.svg))
        tops = [
            min(y for _, y in points) for css in ("area c0", "area c1") for points in paths(figure.svg, css) if points
        ]
        assert tops[0] == tops[1]  # each is scaled to its own peak


def test_a_kind_that_is_the_same_in_both_directions_is_drawn_once() -> None:
    there = [curve("roc"), curve("roc", group="same_gender"), curve("det")]
    back = [curve(c.name, group=c.group, direction="face_to_voice") for c in there[:2]]
    (other,) = (curve("det", y=(0.0, 0.81, 1.0), direction="face_to_voice"),)
    headings = [f.heading for f in curve_figures([*there, *back, other], ())]
    assert headings == ["ROC, both directions", "DET, voice → face", "DET, face → voice"]


def test_a_direction_with_a_group_less_is_not_the_same() -> None:
    curves = [curve("roc"), curve("roc", group="same_gender"), curve("roc", direction="face_to_voice")]
    assert len(curve_figures(curves, ())) == 2


def test_a_histogram_is_drawn_in_steps_around_its_centres() -> None:
    (figure,) = curve_figures([curve("histogram_positive", (1.0, 2.0, 4.0), (1.0, 0.5, 0.0))], ())
    outline = next(points for points in paths(figure.svg, "area c0") if points)
    assert len(outline) == 6 + 2  # two corners a bin, two on the floor
    assert outline[0][1] == outline[1][1] < outline[2][1] == outline[3][1]
    assert outline[1][0] == outline[2][0]
    first, second, third = (outline[i + 1][0] - outline[i][0] for i in (0, 2, 4))
    assert (second / first, third / first) == (pytest.approx(1.5, abs=0.02), pytest.approx(2.0, abs=0.02))


def test_a_flat_histogram_and_one_value_draw() -> None:
    (figure,) = curve_figures([curve("histogram_positive", (0.3,), (0.0,))], ())
    assert "same person" in texts(figure.svg)


def test_an_unknown_curve_is_a_line_with_its_own_titles() -> None:
    (figure,) = curve_figures([curve("checkpoint_accuracy", (1, 2, 3), (0.5, 0.6, 0.7))], ())
    assert figure.heading == "Checkpoint accuracy, voice → face"
    assert {"the x", "the y"} <= set(texts(figure.svg))
    assert len(drawn(figure.svg, "line c0")) == 3


def test_long_curves_stay_small() -> None:
    many = tuple(i / 100_000 for i in range(100_001))
    (figure,) = curve_figures([curve("roc", many, many)], ())
    assert len(figure.svg) < 20_000


def test_accuracies_by_checkpoint_are_written_in_percent() -> None:
    points = Curve("checkpoints", "voice_to_face", "all", (3.0, 6.0, 9.0), (0.8, 0.85, 0.9), "steps", "1:2 accuracy")
    (figure,) = curve_figures((points,), ())
    assert "85 %" in texts(figure.svg)
    assert "6: 85.0 %" in figure.svg
    (other,) = curve_figures((curve("other"),), ())
    assert not any("%" in text for text in texts(other.svg))
