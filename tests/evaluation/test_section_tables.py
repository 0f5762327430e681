"""Cells of a section as text, and its table as HTML."""

from __future__ import annotations

import math

import pytest

from visavox.evaluation.measures import Curve
from visavox.evaluation.page import further_section, report_page
from visavox.evaluation.record import Cell, Report, Section
from visavox.evaluation.section_tables import cell_texts, section_html
from visavox.evaluation.tables import markdown, section_lines

NAN = math.nan


@pytest.mark.parametrize(
    ("cell", "column", "expected"),
    [
        ("women", "accuracy %", ("women", "")),
        (12345, "n", ("12,345", "")),
        (0, "n", ("0", "")),
        (0.8, "accuracy %", ("80.0", "")),
        (0.8, "percent", ("0.800", "")),
        (-0.0301, "gap %", ("−3.0", "")),
        (-0.0001, "gap %", ("0.0", "")),
        (-0.25, "cost", ("−0.250", "")),
        (0.001, "p", ("0.001", "")),
        (0.00099, "p", ("< 0.001", "")),
        (0.0004, "p of McNemar", ("< 0.001", "")),
        (0.0004, "prior", ("0.000", "")),
        (NAN, "accuracy %", ("undefined", "")),
        (NAN, "p", ("undefined", "")),
        ((0.8, 0.7, 0.9), "accuracy %", ("80.0", "70.0–90.0")),
        ((0.8, -0.1, 0.9), "x", ("0.800", "−0.100 to 0.900")),
        ((0.8, NAN, 0.9), "accuracy %", ("80.0", "")),
        ((0.8, 0.7, NAN), "accuracy %", ("80.0", "")),
        ((NAN, 0.7, 0.9), "accuracy %", ("undefined", "")),
    ],
)
def test_a_number_is_written_as_its_column_says(cell: Cell, column: str, expected: tuple[str, str]) -> None:
    assert cell_texts(cell, column) == expected


def section(**more: object) -> Section:
    rows = (("<women>", 9, (0.8, 0.7, 0.9)), ("men", 1200, NAN), ("all", 3, 0.5), ("none", 0, ""))
    values = {"text": "Who & why.", "columns": ("group", "n", "accuracy %"), "rows": rows, "notes": ("a <note>",)}
    return Section("By <group>", **{**values, **more})  # type: ignore[arg-type]


def test_the_table_has_a_row_a_group_and_two_cells_where_some_row_has_an_interval() -> None:
    html = section_html(section())
    assert '<th scope="col">n</th><th scope="col" colspan=2>accuracy %</th>' in html
    assert (
        '<th scope="row">&lt;women&gt;</th><td>9</td><td class="value">80.0</td><td class="ci">70.0–90.0</td>' in html
    )
    assert '<th scope="row">men</th><td>1,200</td><td class="undefined" colspan="2">undefined</td>' in html
    assert '<th scope="row">all</th><td>3</td><td class="value">50.0</td><td class="ci"></td>' in html
    assert '<th scope="row">none</th><td>0</td><td colspan="2"></td>' in html
    assert html.endswith('<ul class="footnotes"><li>a &lt;note&gt;</li></ul>')


def test_without_rows_there_is_no_table_and_without_notes_no_list() -> None:
    assert section_html(Section("t")) == ""
    assert "<ul" not in section_html(section(notes=()))


def test_the_section_stands_on_the_page_with_its_text_and_its_figures() -> None:
    curve = Curve("reliability", "voice_to_face", "all", (0.5, 1.0), (0.5, 0.9), "said", "accuracy")
    html = further_section(section(curves=(curve,)))
    assert html.startswith('<section><h2>By &lt;group&gt;</h2><p class="about">Who &amp; why.</p>')
    assert html.index("<table>") < html.index("<figure><b>Reliability, voice → face</b>")
    assert html in report_page(Report("t", (), (), {}, sections=(section(curves=(curve,)),)))


def test_a_section_of_text_alone_is_shown() -> None:
    assert "Nothing to measure." in further_section(Section("Bias", "Nothing to measure."))


def test_markdown_has_heading_text_table_and_notes() -> None:
    lines = section_lines(section())
    assert lines == [
        "## By &lt;group>", "", "Who &amp; why.", "",
        "| group | n | accuracy % |", "|---|---:|---:|",
        "| &lt;women> | 9 | 80.0 (70.0–90.0) |", "| men | 1,200 | undefined |",
        "| all | 3 | 50.0 |", "| none | 0 |  |", "",
        "- a &lt;note>", "",
    ]  # fmt: skip
    assert "\n".join(lines) in markdown(Report("t", (), (), {}, sections=(section(),)))


def test_an_empty_section_is_a_heading() -> None:
    assert section_lines(Section("t")) == ["## t", ""]
