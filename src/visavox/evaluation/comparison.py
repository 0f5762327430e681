"""Several runs beside each other: a table for each protocol and direction, and dots with intervals.

Only runs that answered the same trials stand in one table: reports whose provenance names another catalog or other
trials get tables of their own, and no column holds figures of two protocols. It reads report folders and
computes no difference between runs; a paired test needs the scores, which a report does not hold.

Example:
    >>> compare_reports([])
    Traceback (most recent call last):
    ...
    visavox.errors.ConfigError: A comparison needs at least one report. Got none. Name the folders of reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from visavox.errors import ConfigError
from visavox.evaluation.chart import escaped
from visavox.evaluation.page import figure_grid, page, value_cells
from visavox.evaluation.plots import Figure, dot_figure
from visavox.evaluation.reconstruction_words import beside_others
from visavox.evaluation.record import Key, Report, find_measure
from visavox.evaluation.report import read_report
from visavox.evaluation.tables import block_heading, is_main, markdown_escaped, markdown_table
from visavox.evaluation.wording import (
    direction_words,
    format_cell,
    format_value,
    group_words,
    measure_words,
    n_faces,
)

Runs = Mapping[str, Report]


@dataclass(frozen=True)
class Comparison:
    """The same comparison twice: a self-contained page, and Markdown."""

    html: str
    markdown: str


def compare_reports(folders: Sequence[Path | str]) -> Comparison:
    """Reads the reports of these folders and lays them side by side.

    Args:
        folders: each holds a `report.json`; the order is that of the columns.

    Raises:
        ConfigError: no folder.
        DataError: a folder without a readable report.
    """
    reports = [(Path(folder), read_report(folder)) for folder in folders]
    titles = [report.title for _, report in reports]
    runs: dict[str, Report] = {}
    for folder, report in reports:
        name = report.title if titles.count(report.title) == 1 else f"{report.title} ({folder.resolve().name})"
        while name in runs:  # two folders of one name
            name += "*"
        runs[name] = report
    return compare_runs(runs)


def compare_runs(runs: Runs) -> Comparison:
    """Lays reports side by side under the names given.

    Raises:
        ConfigError: no report.
    """
    if not runs:
        raise ConfigError("A comparison needs at least one report. Got none. Name the folders of reports.")
    sections, lines = [], ["# Runs compared", ""]
    groups = same_trials({name: beside_others(report) for name, report in runs.items()})
    for number, group in enumerate(groups, start=1):
        heading = "All runs answered the same trials" if len(groups) == 1 else f"Trials {number} of {len(groups)}"
        about = _trials_words(next(iter(group.values())))
        tables = "".join(_html_table(protocol, direction, group) for protocol, direction in _blocks(group))
        sections.append(
            f'<section><h2>{heading}</h2><p class="about">{escaped(about)}</p>'
            f"{figure_grid(_dots(group))}{tables}</section>"
        )
        lines += [f"## {heading}", "", markdown_escaped(about), ""]
        for protocol, direction in _blocks(group):
            lines += _markdown_table(protocol, direction, group)
    lead = (
        "After each value its 95 % bootstrap interval over people. Whether intervals overlap is no test of a "
        "difference: the runs met the same people. Runs on other trials are never put in one table."
    )
    names = f"{len(runs)} run" + ("s" if len(runs) > 1 else "")
    header = f'<p class="kicker">{names}</p><h1>Runs compared</h1><p class="lead">{lead}</p>'
    html = page("Runs compared", header=header, body="\n".join(sections), made="Made by Visavox.")
    return Comparison(html=html, markdown="\n".join([*lines, lead, ""]))


def same_trials(runs: Runs) -> tuple[Runs, ...]:
    """Returns the runs in groups that answered the same trials of the same catalog, in order of first appearance.

    Two runs belong together when `catalog_hash` and `trial_hash` of their provenance agree; where a report has
    neither, its corpus name stands in.
    """
    groups: dict[tuple[str, ...], dict[str, Report]] = {}
    for name, report in runs.items():
        facts = report.provenance
        marks = tuple(str(facts.get(key) or "") for key in ("catalog_hash", "trial_hash"))
        key = marks if any(marks) else ("corpus", str(facts.get("corpus") or ""))
        groups.setdefault(key, {})[name] = report
    return tuple(groups.values())


def _trials_words(report: Report) -> str:
    facts = report.provenance
    said = [f"Corpus {facts['corpus']}."] if facts.get("corpus") else []
    for key, words in (("catalog_hash", "Catalog"), ("trial_hash", "Trials")):
        if facts.get(key):
            said.append(f"{words} {str(facts[key])[:12]}.")
    return " ".join(said) or "The reports do not name their corpus."


def _blocks(runs: Runs) -> tuple[tuple[str, str], ...]:
    """(protocol, direction) of every measure, in order of first appearance."""
    return tuple(dict.fromkeys((m.protocol, m.direction) for r in runs.values() for m in r.measures))


def _keys(runs: Runs, protocol: str, direction: str) -> tuple[Key, ...]:
    keys = (m.key for r in runs.values() for m in r.measures)
    return tuple(dict.fromkeys(key for key in keys if key[:2] == (protocol, direction)))


def _chance(runs: Runs, key: Key) -> str:
    """The chance level of one question: of one corpus and one list of trials, hence one for all runs."""
    found = next(m for r in runs.values() if (m := find_measure(r.measures, key)) is not None)
    return format_value(found.measure, found.chance)


def _label(key: Key) -> str:
    return f"{measure_words(key[3])}, {group_words(key[2])}"


def _html_table(protocol: str, direction: str, runs: Runs) -> str:
    head = '<th scope="col">measure</th>'
    head += "".join(f'<th scope="col" colspan="2">{escaped(name)}</th>' for name in runs)
    head += '<th scope="col">chance</th>'
    main: list[str] = []
    rest: list[str] = []
    for key in _keys(runs, protocol, direction):
        cells = [value_cells(find_measure(report.measures, key)) for report in runs.values()]
        label = f'<th scope="row">{escaped(_label(key))}</th>'
        row = f'<tr>{label}{"".join(cells)}<td class="quiet">{escaped(_chance(runs, key))}</td></tr>'
        (main if is_main(key[3]) else rest).append(row)
    tables = [
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        for rows in (main, rest)
        if rows
    ]
    if main and rest:
        tables[1] = f"<details><summary>Every other N of the 1:N curve</summary>{tables[1]}</details>"
    return f"<h3>{escaped(block_heading(protocol, direction))}</h3>{''.join(tables)}"


def _markdown_table(protocol: str, direction: str, runs: Runs) -> list[str]:
    rows = []
    for key in _keys(runs, protocol, direction):
        cells = []
        for report in runs.values():
            value, interval = format_cell(find_measure(report.measures, key))
            cells.append(f"{value} ({interval})" if interval else value)
        rows.append([markdown_escaped(_label(key)), *cells, _chance(runs, key)])
    header = [markdown_escaped(name) for name in ("measure", *runs, "chance")]
    return [f"### {markdown_escaped(block_heading(protocol, direction))}", "", *markdown_table(header, rows), ""]


def _dots(runs: Runs) -> list[Figure]:
    """A dot plot for every 1:2 accuracy that some run has."""
    keys = dict.fromkeys(m.key for r in runs.values() for m in r.measures if n_faces(m.measure) == 2)
    figures = []
    for key in keys:
        rows = [(name, find_measure(report.measures, key)) for name, report in runs.items()]
        chance = next(m.chance for _, m in rows if m is not None)
        heading = f"{measure_words(key[3])}, {direction_words(key[1])}, {group_words(key[2])}"
        figures.append(dot_figure(heading, rows, chance=chance))
    return figures
