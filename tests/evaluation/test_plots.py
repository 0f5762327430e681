"""Bars, dots and the course of training."""

from __future__ import annotations

import itertools
import math
from xml.etree import ElementTree

import pytest

from visavox.evaluation.history import history_from_rows
from visavox.evaluation.measures import Measure
from visavox.evaluation.plots import (
    BarRow,
    axis_around,
    bar_figure,
    dot_figure,
    percent,
    shortened,
    training_figures,
)

NAN = math.nan


def made(value: float, low: float = NAN, high: float = NAN, measure: str = "accuracy_1_of_2") -> Measure:
    return Measure("matching", "voice_to_face", "all", measure, value, low, high, 0.5, 90, 10)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def marks(svg: str, tag: str, css: str) -> list[ElementTree.Element]:
    return [e for e in ElementTree.fromstring(svg).iter(tag) if css in (e.get("class") or "").split()]


@pytest.mark.parametrize(("share", "text"), [(0.05, "5 %"), (0.001, "0.1 %"), (1, "100 %"), (0, "0 %")])
def test_percent_ticks_are_short(share: float, text: str) -> None:
    assert percent(share) == text


def test_bars_are_as_long_as_their_values() -> None:
    rows = [BarRow("chance", made(0.5), "chance"), BarRow("this model", made(0.8, 0.7, 0.9), "c0")]
    svg = bar_figure("voice_to_face", [("All pairs", rows)]).svg
    chance, model = (float(marks(svg, "rect", css)[0].get("width") or 0) for css in ("chance", "c0"))
    assert model / chance == pytest.approx(1.6, abs=0.01)
    assert len(marks(svg, "path", "whisker")) == 1


def test_bars_begin_at_zero() -> None:
    rows = [BarRow("a", made(0.2), "c0"), BarRow("b", made(0.9), "c1")]
    svg = bar_figure("voice_to_face", [("All pairs", rows)]).svg
    assert len({bar.get("x") for bar in marks(svg, "rect", "bar")}) == 1
    assert "0 %" in texts(svg)


def test_an_undefined_bar_says_so() -> None:
    rows = [BarRow("gender alone", None, "gender"), BarRow("this model", made(NAN), "c0")]
    svg = bar_figure("voice_to_face", [("All pairs", rows)]).svg
    assert texts(svg).count("undefined") == 2
    assert marks(svg, "rect", "bar") == []


def test_the_bar_figure_tells_a_screen_reader_its_numbers() -> None:
    rows = [BarRow("this model", made(0.845, 0.811, 0.879), "c0")]
    label = ElementTree.fromstring(bar_figure("face_to_voice", [("Same gender", rows)]).svg).get("aria-label") or ""
    assert "Face → voice" in label
    assert "Same gender, this model: 84.5 %, 95 % interval 81.1–87.9 %" in label


def test_groups_stand_below_each_other_without_overlap() -> None:
    rows = [BarRow(name, made(0.5), "c0") for name in ("a", "b", "c")]
    svg = bar_figure("voice_to_face", [("One", rows), ("Two", rows)]).svg
    tops = [float(bar.get("y") or 0) for bar in marks(svg, "rect", "bar")]
    height = float(marks(svg, "rect", "bar")[0].get("height") or 0)
    assert tops == sorted(tops)
    assert all(b - a >= height for a, b in itertools.pairwise(tops))
    bottom = float((ElementTree.fromstring(svg).get("viewBox") or "").split()[3])
    assert tops[-1] + height < bottom


def test_dots_stand_at_their_values_with_intervals() -> None:
    rows = [("one", made(0.6, 0.55, 0.65)), ("two", made(0.8, 0.75, 0.85))]
    svg = dot_figure("1:2", rows, chance=0.5).svg
    one, two = (float(dot.get("cx") or 0) for dot in marks(svg, "circle", "dot"))
    assert one < two
    assert len(marks(svg, "path", "span")) == 2
    assert {"60.0 %", "80.0 %", "one", "two", "chance"} <= set(texts(svg))


def test_a_run_without_the_measure_is_undefined_and_has_no_dot() -> None:
    svg = dot_figure("1:2", [("one", None), ("two", made(NAN)), ("three", made(0.7))], chance=NAN).svg
    assert texts(svg).count("undefined") == 2
    assert len(marks(svg, "circle", "dot")) == 1
    assert marks(svg, "path", "chance") == []


def test_dots_of_nothing_defined_still_draw() -> None:
    assert "undefined" in texts(dot_figure("1:2", [("one", None)], chance=NAN).svg)


def test_dots_of_ranks_have_an_axis_without_percent() -> None:
    svg = dot_figure("median rank", [("one", made(12, 8, 17, "median_rank"))], chance=58.0).svg
    assert "12.0" in texts(svg)
    assert not any("%" in text for text in texts(svg))


def test_each_dot_lies_on_its_whisker() -> None:
    svg = dot_figure("1:2", [(str(i), made(0.6 + i / 50, 0.5, 0.9)) for i in range(5)], chance=0.5).svg
    for dot, span in zip(marks(svg, "circle", "dot"), marks(svg, "path", "span"), strict=True):
        middle = float((span.get("d") or "").split("M")[2].split("H")[0].split()[1])
        assert float(dot.get("cy") or 0) == pytest.approx(middle, abs=0.2)


def test_long_names_keep_both_ends() -> None:
    assert shortened("short") == "short"
    assert shortened("a" * 20) == "a" * 20
    assert shortened("x" * 30 + "y" * 30) == "x" * 10 + "…" + "y" * 9
    assert len(shortened("z" * 99)) == 20


def test_an_axis_around_values_holds_them_all() -> None:
    axis = axis_around([3.0, NAN, 1.0], "t")
    assert axis.low < 1.0
    assert axis.high > 3.0
    alone = axis_around([2.0], "t")
    assert alone.low < 2.0 < alone.high


def test_training_draws_what_was_measured() -> None:
    rows = [{"epoch": e, "loss": 3.0 / e, "validation_accuracy": 0.6 + e / 100} for e in range(1, 6)]
    figures = training_figures(history_from_rows(rows, best_epoch=4))
    assert [f.heading for f in figures] == ["Loss", "Validation accuracy, 1:2"]
    assert all("kept" in texts(f.svg) for f in figures)
    assert any(text.endswith("%") for text in texts(figures[1].svg))


def test_the_ceiling_of_the_voice_encoder_is_a_line_with_its_figures() -> None:
    history = history_from_rows(
        [{"epoch": e, "positive_similarity": 0.5, "negative_similarity": 0.1} for e in (1, 2)],
        ceiling={"positive_similarity": 0.9539, "negative_similarity": 0.899, "loss": 3.0, "unknown": 1.0},
    )
    (figure,) = training_figures(history)
    assert figure.caption.endswith("two halves of one clip 0.954, two clips 0.899.")
    assert len(marks(figure.svg, "path", "ceiling")) == 3  # two lines and their key
    assert "voice encoder with itself" in texts(figure.svg)


def test_one_epoch_is_a_dot() -> None:
    (figure,) = training_figures(history_from_rows([{"epoch": 1, "loss": 2.0}]))
    assert len(marks(figure.svg, "circle", "dot")) == 1


def test_an_empty_history_draws_nothing() -> None:
    assert training_figures(history_from_rows([])) == []
    assert training_figures(history_from_rows([{"epoch": 1, "lr": 0.1}])) == []


def test_a_kept_epoch_outside_the_history_is_not_drawn() -> None:
    (figure,) = training_figures(
        history_from_rows([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}], best_epoch=9)
    )
    assert "kept" not in texts(figure.svg)
