"""The human baseline as a page, as Markdown, as JSON and as lines for a terminal.

The figures come from `visavox.evaluation.human_baseline`, the style of the page from `visavox.evaluation.page`.

Example:
    (folder / "human.html").write_text(human_page(report), encoding="utf-8")
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from visavox.evaluation.chart import escaped
from visavox.evaluation.human_baseline import GameFigures
from visavox.evaluation.human_difficulty import ItemRow
from visavox.evaluation.human_figures import difficulty_figures
from visavox.evaluation.measures import Measure
from visavox.evaluation.page import figure_grid, further_section, page
from visavox.evaluation.plots import BarRow, bar_figure
from visavox.evaluation.record import Section, json_values
from visavox.evaluation.section_tables import cell_texts
from visavox.evaluation.tables import flat, markdown_escaped, section_lines
from visavox.metrics.bootstrap import Interval

FORMAT = "visavox-human-2"
GROUP_WORDS: Mapping[str, str] = {
    "all": "all turns",
    "same_gender": "same gender",
    "female_female": "two women",
    "male_male": "two men",
    "different_gender": "a woman and a man",
}
TEXT = (
    "Given a voice and two faces: share of right choices of people and of the model on the same turns, with "
    "95 % intervals; p: McNemar's mid-p, and the exact one. Chance is 50 %."
)


@dataclass(frozen=True)
class HumanReport:
    """What the log of a game, or of a study, says."""

    figures: tuple[GameFigures, ...]
    """One a group, "all" first."""
    sections: tuple[Section, ...]
    """Player by player, voice by voice, turn by turn."""
    provenance: Mapping[str, Any]
    """Where the figures come from, JSON values: version, command, date, seed, resamples, log, counts, double_clicks."""
    notes: tuple[str, ...] = ()
    """Sentences on what was left out."""
    items: tuple[ItemRow, ...] = ()
    """Every voice, the hardest first; empty where the turns are too few."""


def human_to_json(report: HumanReport) -> dict[str, Any]:
    """Returns the report as JSON values; nan is null."""
    return {"format": FORMAT, **{name: json_values(value) for name, value in dataclasses.asdict(report).items()}}


def main_section(report: HumanReport) -> Section:
    """Returns accuracies and tests of every group as one table."""
    rows = tuple(
        (
            GROUP_WORDS[found.group],
            found.n_turns,
            (found.people.value, *_ends(found.people.wilson)),
            (found.model.value, *_ends(found.model.wilson)),
            (found.difference, *_ends(found.difference_interval)),
            found.table.p_value,
            found.table.exact_p_value,
        )
        for found in report.figures
    )
    columns = ("group", "turns", "people %", "model %", "model − people %", "p", "p exact")
    notes = (
        "Intervals of people and model: Wilson's, of independent turns; of the difference: bootstrap over players.",
        *report.notes,
    )
    return Section("People and model on the same turns", TEXT, columns, rows, notes=notes)


def agreement_section(report: HumanReport) -> Section:
    """Returns who was right together, group by group, and the intervals over players."""
    rows = tuple(
        (
            GROUP_WORDS[found.group],
            found.table.both,
            found.table.only_a,
            found.table.only_b,
            found.table.neither,
            found.table.agreement,
            found.table.consistency,
        )
        for found in report.figures
    )
    counts = ("both right", "only model", "only people", "both wrong")
    columns = ("group", *counts, "agreement %", "beyond chance")
    text = (
        "How often each is right alone, and how often both are right or both wrong. Beyond chance: Cohen's kappa, 0 if "
        "their errors had nothing to do with each other, 1 if they always erred together."
    )
    return Section("Right together, right alone", text, columns, rows)


def certainty_section(report: HumanReport) -> Section:
    """Returns the intervals over players, over voices, and over both, group by group."""
    rows = tuple(
        (
            GROUP_WORDS[found.group],
            found.n_players,
            found.n_items,
            (found.people.value, *_ends(found.people.over_players)),
            (found.people.value, *_ends(found.people.over_items)),
            (found.people.value, *_ends(found.people.over_both)),
            (found.people.value, *_ends(found.people.cautious)),
            (found.difference, found.difference_over_both.low, found.difference_over_both.high),
            found.difference_over_both.p_value,
        )
        for found in report.figures
    )
    text = (
        "People's share of right choices as it would come out with other players, with other voices, and with both; "
        "the model's lead with both, and its p. For claims about people and voices at large use these. Cautious: the "
        "pigeonhole bootstrap, which counts the luck of single answers three times over."
    )
    shares = ("other players %", "other voices %", "both %", "cautious %")
    columns = ("group", "players", "voices", *shares, "model − people, both %", "p both")
    return Section("Other players, other voices", text, columns, rows)


def all_sections(report: HumanReport) -> tuple[Section, ...]:
    """Returns every table in the order of the page."""
    return (main_section(report), certainty_section(report), agreement_section(report), *report.sections)


def human_page(report: HumanReport) -> str:
    """Returns the whole page as text."""
    groups = [(GROUP_WORDS[found.group].capitalize(), _bars(found)) for found in report.figures]
    figures = [bar_figure("voice_to_face", groups), *difficulty_figures(report.items)]
    about = "Share of right choices between two faces. Thin lines: Wilson's 95 % intervals."
    facts = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in flat(report.provenance))
    body = [
        f'<section><h2>At a glance</h2><p class="about">{about}</p>{figure_grid(figures)}</section>',
        *(further_section(s) for s in all_sections(report)),
        f"<section><h2>Where the figures come from</h2><dl class=facts>{facts}</dl></section>",
    ]
    made = f"Made by Visavox {escaped(report.provenance.get('version', ''))}."
    return page("Human baseline", header=_header(report), body="\n".join(body), made=made)


def human_markdown(report: HumanReport) -> str:
    """Returns the report as Markdown."""
    lines = ["# Human baseline", ""]
    for section in all_sections(report):
        lines += section_lines(section)
    lines += ["## Provenance", ""]
    lines += [f"- {markdown_escaped(name)}: {markdown_escaped(value)}" for name, value in flat(report.provenance)]
    return "\n".join([*lines, ""])


def human_lines(report: HumanReport) -> list[str]:
    """Returns a line for a terminal for each group."""
    lines = []
    for found in report.figures:
        said = []
        for accuracy in (found.people, found.model):
            value, interval = cell_texts((accuracy.value, *_ends(accuracy.wilson)), "right %")
            said.append(f"{value} ({interval})" if interval else value)
        p_value = cell_texts(found.table.p_value, "p")[0]
        name = f"{GROUP_WORDS[found.group]}:"
        lines.append(f"  {name:<19}{found.n_turns:>6,} turns  people {said[0]:<18} model {said[1]:<18} p {p_value}")
    return lines


def _header(report: HumanReport) -> str:
    found = report.figures[0]
    value = cell_texts(found.people.value, "people %")[0]
    shown = f"{value}&nbsp;%" if not math.isnan(found.people.value) else value
    same = report.figures[1]
    lead = (
        f"<b>{found.n_turns:,} turns</b> of {found.n_players:,} players; the model that played with them was right "
        f"<b>{cell_texts(found.model.value, 'model %')[0]}&nbsp;%</b> of the time (McNemar p "
        f"{escaped(cell_texts(found.table.p_value, 'p')[0])}). When both faces have one gender, people are right "
        f"<b>{cell_texts(same.people.value, 'people %')[0]}&nbsp;%</b> of the time and the model "
        f"<b>{cell_texts(same.model.value, 'model %')[0]}&nbsp;%</b>."
    )
    kicker = f"Human baseline · {escaped(report.provenance.get('log', ''))}"
    headline = f"Given a voice and two faces, people pick the right face <strong>{shown}</strong> of the time."
    return f'<p class="kicker">{kicker}</p><h1>{headline}</h1><p class="lead">{lead}</p>'


def _bars(found: GameFigures) -> list[BarRow]:
    rows = []
    for label, accuracy, css in (("people", found.people, "gender"), ("model", found.model, "c0")):
        low, high = _ends(accuracy.wilson)
        name = ("game", "voice_to_face", found.group, "accuracy_1_of_2")
        measure = Measure(*name, accuracy.value, low, high, 0.5, found.n_turns, found.n_players)
        rows.append(BarRow(label, measure, css))
    return rows


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high
