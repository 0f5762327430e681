"""The human baseline as page, Markdown, JSON and lines."""

from __future__ import annotations

import datetime
import json
import math

import pytest

from visavox.evaluation.human_baseline import game_figures
from visavox.evaluation.human_page import (
    HumanReport,
    agreement_section,
    all_sections,
    certainty_section,
    human_lines,
    human_markdown,
    human_page,
    human_to_json,
    main_section,
)
from visavox.evaluation.human_turns import Turn
from visavox.evaluation.record import Section


@pytest.fixture
def report() -> HumanReport:
    genders = {"a": "f", "b": "f", "c": "m"}
    turns = []
    for i in range(8):  # half of the turns show a woman and a man; the player misses the last two
        false = "b" if i % 2 else "c"
        turns.append(Turn("p", "a", false, "a", "a" if i < 6 else false, datetime.datetime(2024, 1, 1)))
    figures = game_figures(turns, genders, n_resamples=20, seed=0)
    provenance = {"version": "9.9", "log": "<log>", "counts": {"turns": 8}}
    return HumanReport(figures, (Section("Extra <section>", "Words."),), provenance, ("A <note>.",))


def test_the_tables_hold_the_figures(report: HumanReport) -> None:
    rows = {row[0]: row[1:] for row in main_section(report).rows}
    assert list(rows) == ["all turns", "same gender", "two women", "two men", "a woman and a man"]
    n, people, model, difference, p_value, exact = rows["all turns"]
    assert (n, people[0], model[0], difference[0]) == (8, 0.75, 1.0, 0.25)
    assert (p_value, exact) == (report.figures[0].table.p_value, report.figures[0].table.exact_p_value) == (0.25, 0.5)
    assert people[1:] == (report.figures[0].people.wilson.low, report.figures[0].people.wilson.high)
    assert main_section(report).notes[-1] == "A <note>."
    together = {row[0]: row[1:] for row in agreement_section(report).rows}
    assert together["all turns"] == (6, 2, 0, 0, 0.75, 0.0)
    sure = {row[0]: row[1:] for row in certainty_section(report).rows}
    assert sure["all turns"][:2] == (1, 1)
    assert sure["all turns"][2] == (0.75, math.nan, math.nan)  # one player: no other was seen
    assert [s.title for s in all_sections(report)][-1] == "Extra <section>"


def test_the_page_says_the_main_figure_and_escapes_what_comes_from_data(report: HumanReport) -> None:
    html = human_page(report)
    assert "<strong>75.0&nbsp;%</strong>" in html
    assert "<b>8 turns</b> of 1 players" in html
    assert "<log>" not in html and "&lt;log&gt;" in html and "Extra &lt;section&gt;" in html
    assert "Two men, people: undefined" in html
    assert "Made by Visavox 9.9." in html


def test_markdown_holds_every_section_and_where_it_comes_from(report: HumanReport) -> None:
    text = human_markdown(report)
    for heading in ("# Human baseline", "## People and model on the same turns", "## Right together, right alone"):
        assert f"{heading}\n" in text
    assert "| all turns | 8 | 75.0 (40.9–92.9) | 100.0 (67.6–100.0) |" in text
    assert "- counts, turns: 8" in text


def test_json_holds_no_nan(report: HumanReport) -> None:
    values = json.loads(json.dumps(human_to_json(report), allow_nan=False))
    assert values["format"] == "visavox-human-2"
    assert values["figures"][0]["people"]["value"] == 0.75
    assert values["figures"][3]["people"]["value"] is None
    assert values["figures"][0]["table"]["only_a"] == 2
    assert values["sections"][0]["title"] == "Extra <section>"


def test_a_line_a_group_is_printed(report: HumanReport) -> None:
    lines = human_lines(report)
    assert lines[0] == "  all turns:              8 turns  people 75.0 (40.9–92.9)   model 100.0 (67.6–100.0) p 0.250"
    assert "people undefined" in lines[3]
