"""The first figure: marks where they belong, labels that touch nothing, words for those who cannot see it."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.evaluation.chart import WIDTH
from visavox.evaluation.knowable import Knowable, KnowableRow
from visavox.evaluation.knowable_plot import FLAG, GAP, Label, knowable_figures, place_labels

NAN = math.nan


def row(direction: str = "voice_to_face", group: str = "all", **more: Any) -> KnowableRow:
    known = KnowableRow(direction, group, 0.5, 0.75, 0.86, 0.82, 0.9, 0.95, 0.001, NAN, 0.8, 0.71, 0.89, 300, 100)
    return dataclasses.replace(known, **more)


def drawn(*rows: KnowableRow) -> ElementTree.Element:
    (figure,) = knowable_figures(Knowable("world.json", rows))
    return ElementTree.fromstring(figure.svg)


def texts(svg: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in svg.iter("text")]


def bars(svg: ElementTree.Element, css: str) -> list[tuple[float, float]]:
    """(left, right) of the bars of a class."""
    found = (e for e in svg.iter("rect") if css in (e.get("class") or "").split())
    return [(float(e.get("x") or 0), float(e.get("x") or 0) + float(e.get("width") or 0)) for e in found]


def posts(svg: ElementTree.Element, css: str) -> list[float]:
    found = (e for e in svg.iter("path") if e.get("class") == f"post {css}")
    return [float((e.get("d") or "").split()[0].removeprefix("M")) for e in found]


def test_the_track_runs_from_chance_to_the_ceiling_and_is_filled_to_what_was_reached() -> None:
    svg = drawn(row())
    (track,), (filled,) = bars(svg, "knowable"), bars(svg, "c0")
    assert track[0] == filled[0]
    assert (filled[1] - filled[0]) / (track[1] - track[0]) == pytest.approx(0.36 / 0.45, abs=0.002)
    assert posts(svg, "top") == [pytest.approx(track[1], abs=0.1)]
    assert bars(svg, "over") == bars(svg, "leaking") == posts(svg, "leak") == []


def test_every_mark_is_labelled_and_the_share_stands_above() -> None:
    assert set(texts(drawn(row()))) >= {
        "All pairs", "80 % (71–89 %) of the knowable", "reached 86.0 % (82.0–90.0)",
        "chance 50.0 %", "gender alone 75.0 %", "ceiling 95.0 %",
    }  # fmt: skip


def test_equal_figures_share_a_label() -> None:
    said = texts(drawn(row(group="same_gender", gender_alone=0.5)))
    assert "chance, gender alone 50.0 %" in said
    assert "Same gender" in said


def test_planted_shortcuts_have_a_second_mark() -> None:
    svg = drawn(row(shortcut_ceiling=0.98))
    assert "with shortcuts 98.0 %" in texts(svg)
    assert posts(svg, "leak")[0] > posts(svg, "top")[0]
    assert bars(svg, "leaking")[0][0] == pytest.approx(bars(svg, "knowable")[0][1], abs=0.1)


def test_what_lies_above_the_ceiling_has_another_colour() -> None:
    svg = drawn(row(reached=0.97, low=0.96, high=0.98, share=1.04, share_low=1.02, share_high=1.07))
    (filled,), (over,) = bars(svg, "c0"), bars(svg, "over")
    assert filled[1] == pytest.approx(over[0], abs=0.1)
    assert over[1] > posts(svg, "top")[0]


def test_below_chance_the_axis_reaches_further() -> None:
    svg = drawn(row(reached=0.48, low=0.43, high=0.53, share=-0.04, share_low=-0.15, share_high=0.06))
    assert "40 %" in texts(svg)
    (track,), (filled,) = bars(svg, "knowable"), bars(svg, "c0")
    assert filled[1] == pytest.approx(track[0], abs=0.1)
    assert filled[0] < track[0]


def test_what_is_undefined_says_so_and_draws_no_bar() -> None:
    svg = drawn(row(reached=NAN, low=NAN, high=NAN, share=NAN, share_low=NAN, share_high=NAN, gender_alone=NAN))
    assert {"share undefined", "reached: undefined"} <= set(texts(svg))
    assert bars(svg, "c0") == []
    assert "nan" not in ElementTree.tostring(svg, encoding="unicode").lower()


def test_a_ceiling_at_chance_draws_an_empty_track() -> None:
    svg = drawn(row(ceiling=0.5, reached=0.51, low=NAN, high=NAN, share=NAN))
    (track,) = bars(svg, "knowable")
    assert track[0] == track[1]
    assert "chance, ceiling 50.0 %" in texts(svg)


def test_a_figure_for_each_direction_with_people_and_clips() -> None:
    rows = [row(d, g) for d in ("voice_to_face", "face_to_voice") for g in ("all", "same_gender")]
    figures = knowable_figures(Knowable("w", tuple(rows)))
    assert [(f.heading, f.caption) for f in figures] == [
        ("Voice → face", "300 voices of 100 people."),
        ("Face → voice", "300 faces of 100 people."),
    ]
    assert knowable_figures(Knowable("w", ())) == []


def test_a_screen_reader_hears_every_number() -> None:
    label = drawn(row(shortcut_ceiling=0.98)).get("aria-label") or ""
    assert "All pairs: chance 50.0 %, gender alone 75.0 %, reached 86.0 %, ceiling 95.0 %, " in label
    assert "ceiling with shortcuts 98.0 %; 80 % (71–89 %) of the knowable." in label


def touching(labels: list[Label]) -> bool:
    """A slow referee: texts of one line too near each other, or a line drawn through a text."""
    for a, b in itertools.combinations(labels, 2):
        if a.lane == b.lane and max(a.start, b.start) - min(a.end, b.end) < GAP:
            return True
        deep, shallow = (a, b) if a.lane > b.lane else (b, a)
        if deep.lane > shallow.lane and shallow.start <= deep.mark <= shallow.end:
            return True
    return False


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(6, 348), min_size=1, max_size=3))
def test_labels_touch_nothing_stay_inside_and_stand_beside_their_marks(places: list[float]) -> None:
    spread = [place for i, place in enumerate(sorted(places)) if i == 0 or place - sorted(places)[i - 1] > 5]
    labels = place_labels([(6.0, "chance 50.0 %"), *((x, "ceiling 95.0 %") for x in spread if x > 12)])
    assert not touching(labels)
    for label in labels:
        assert label.start >= 0
        assert label.end <= WIDTH
        assert min(abs(label.start - label.mark), abs(label.end - label.mark)) == pytest.approx(FLAG)


def test_labels_with_room_stand_on_one_line_to_the_right() -> None:
    labels = place_labels([(6.0, "chance"), (120.0, "gender"), (240.0, "ceiling")])
    assert [(label.lane, label.start > label.mark) for label in labels] == [(0, True)] * 3
    assert place_labels([]) == []
