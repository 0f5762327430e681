"""The tables of a report, once for Markdown and for HTML: rows, remarks, provenance as lines.

A row is one question (protocol, direction, group, measure) with the answers of the model, of every baseline and
of chance. The reason why something is undefined stands in a remark below the table.

Example:
    >>> from visavox.evaluation.measures import Measure
    >>> found = Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", 0.8, 0.7, 0.9, 0.5, 90, 10)
    >>> [(block.heading, block.rows[0].label) for block in table_blocks((found,), ())]
    [('Matching, voice → face', '1:2 accuracy, all pairs')]
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from visavox.evaluation.drawings import Sheet
from visavox.evaluation.identification_words import headline_lines
from visavox.evaluation.knowable import PAIR, SHARE, Knowable
from visavox.evaluation.knowable_words import share_sentences, share_words
from visavox.evaluation.measures import Measure
from visavox.evaluation.reconstruction_words import drawing_lines
from visavox.evaluation.record import CEILING, GENDER_ALONE, Baseline, Report, Section, find_measure
from visavox.evaluation.section_tables import cell_texts
from visavox.evaluation.wording import (
    direction_words,
    format_cell,
    format_number,
    format_value,
    group_words,
    measure_words,
    n_faces,
    protocol_words,
)

MAIN_N = (2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)  # numbers of candidates that the short table shows
SHORT_WORDS = {
    "accuracy_side_by_side": "side by side",
    "accuracy_1_of_2": "1:2 matching",
    "auc": "verification AUC",
    "eer": "verification EER",
    "map": "retrieval mAP",
    "top_1": "top-1",
    SHARE: "share of the knowable",
}
"""The measures that a terminal shows, and how it calls them."""
SHARE_AND_MATCHING = (PAIR, SHARE)
"""Those that it shows when there is room for the most important ones only."""


@dataclass(frozen=True)
class Row:
    """One question and its answers."""

    label: str
    """Measure and group in words."""
    model: Measure
    baselines: tuple[Measure | None, ...]
    """One a baseline of the report, in its order; None where it has no such row."""


@dataclass(frozen=True)
class Block:
    """The rows of one protocol in one direction, under a heading."""

    heading: str
    rows: tuple[Row, ...]


def is_main(measure: str) -> bool:
    """Whether a measure belongs to the short table: all but the in-between N of the 1:N curve."""
    n = n_faces(measure)
    return n is None or n in MAIN_N


def table_blocks(measures: Sequence[Measure], baselines: Sequence[Baseline]) -> tuple[Block, ...]:
    """Returns rows by protocol and direction, in the order of their first appearance.

    Args:
        measures: the model's, or some of them.
        baselines: each finds its own answer by `Measure.key`.
    """
    grouped: dict[tuple[str, str], list[Row]] = {}
    for found in measures:
        others = tuple(find_measure(b.measures, found.key) for b in baselines)
        label = f"{measure_words(found.measure)}, {group_words(found.group)}"
        grouped.setdefault((found.protocol, found.direction), []).append(Row(label, found, others))
    return tuple(Block(block_heading(*names), tuple(rows)) for names, rows in grouped.items())


def block_heading(protocol: str, direction: str) -> str:
    """Returns "Matching, voice → face" for `matching` and `voice_to_face`."""
    return f"{protocol_words(protocol)}, {direction_words(direction)}"


def remarks(report: Report) -> tuple[str, ...]:
    """Returns the sentences below the tables: why something is undefined, the notes, where baselines come from."""
    undefined: dict[str, list[Measure]] = {}
    said: dict[str, None] = {}
    for found in report.measures:
        what = f"{measure_words(found.measure)}, {group_words(found.group)}"
        if not math.isfinite(found.value):
            reason = found.note or "it has no value on these trials"
            undefined.setdefault(reason, []).append(found)
        elif found.note:
            said[f"{what[:1].upper()}{what[1:]}: {found.note.rstrip('.')}."] = None
    for reason, rows in undefined.items():
        said[f"Undefined, {reason.rstrip('.')}: {_listed(rows)}."] = None
    if any(math.isfinite(m.value) and math.isnan(m.low) for m in report.measures):
        said["Where no interval is given there were too few people to draw one."] = None
    said.update(dict.fromkeys(report.notes))
    for baseline in report.baselines:
        name, note = baseline.name[:1].upper() + baseline.name[1:], baseline.note.rstrip(".")
        if baseline.name != CEILING and any(_is_gap(baseline, found) for found in report.measures):
            note = note or next((m.note.rstrip(".") for m in baseline.measures if m.note), "not measured")
            said[f"{name}: {note}. It is undefined where it has no figure."] = None
        elif note:
            said[f"{name}: {note}."] = None
    return tuple(said)


def _listed(rows: Sequence[Measure]) -> str:
    """Up to three measures by name, more of them as a count for each group."""
    if len(rows) <= 3:
        names = (f"{measure_words(m.measure)} ({direction_words(m.direction)}, {group_words(m.group)})" for m in rows)
        return "; ".join(names)
    counts = Counter(m.group for m in rows)
    return "; ".join(f"{group_words(group)}, {n} measures" for group, n in counts.items())


def _is_gap(baseline: Baseline, model: Measure) -> bool:
    found = find_measure(baseline.measures, model.key)
    return found is None or not math.isfinite(found.value)


def markdown_escaped(text: object) -> str:
    """`text` on one line, with the characters that Markdown and HTML would act upon made harmless."""
    one_line = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", one_line.replace("&", "&amp;").replace("<", "&lt;"))


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Returns the lines of a Markdown table, the first column to the left and the others to the right."""
    names = list(header)
    lines = ["| " + " | ".join(names) + " |", "|---|" + "---:|" * (len(names) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def markdown(report: Report) -> str:
    """Returns the whole report as Markdown: tables, reasons, caveats, provenance."""
    lines = [f"# {markdown_escaped(report.title)}", ""]
    if report.knowable is not None:
        lines += _knowable_lines(report.knowable)
    header = ["measure", "model", *(b.name for b in report.baselines), "chance", "count", "people"]
    for block in table_blocks(report.measures, report.baselines):
        lines += [f"## {markdown_escaped(block.heading)}", ""]
        rows = []
        for row in block.rows:
            cells = [_cell(m, name) for m, name in zip((row.model, *row.baselines), header[1:], strict=False)]
            chance = format_value(row.model.measure, row.model.chance)
            rows.append(
                [markdown_escaped(row.label), *cells, chance, f"{row.model.count:,}", f"{row.model.n_people:,}"]
            )
        lines += [*markdown_table(map(markdown_escaped, header), rows), ""]
    lines += ["In brackets: 95 % bootstrap intervals over people.", ""]
    for section in report.sections:
        lines += section_lines(section)
    for heading, sentences in (("Remarks", remarks(report)), ("What the figures do not say", caveats(report))):
        if sentences:
            lines += [f"## {heading}", "", *(f"- {markdown_escaped(s)}" for s in sentences), ""]
    lines += ["## Provenance", ""]
    lines += [f"- {markdown_escaped(name)}: {markdown_escaped(value)}" for name, value in flat(report.provenance)]
    if report.next_steps:
        lines += ["", "## What to type next", "", *(f"    {line}" for line in report.next_steps.splitlines())]
    return "\n".join([*lines, ""])


def section_lines(section: Section) -> list[str]:
    """Returns a section as lines of Markdown: heading, text, table, footnotes."""
    lines = [f"## {markdown_escaped(section.title)}", ""]
    if section.text:
        lines += [markdown_escaped(section.text), ""]
    if section.rows:
        rows = []
        for row in section.rows:
            texts = (cell_texts(cell, column) for cell, column in zip(row, section.columns, strict=True))
            rows.append([markdown_escaped(f"{value} ({ci})" if ci else value) for value, ci in texts])
        lines += [*markdown_table(map(markdown_escaped, section.columns), rows), ""]
    sheets = [drawing for drawing in section.drawings if isinstance(drawing, Sheet)]
    for sheet in sheets:
        beside = "/".join(Path(sheet.path).parts[-2:])  # a report lies beside the folder of its sheets
        lines += [f"![{markdown_escaped(sheet.heading)}](<{beside}>)", "", markdown_escaped(sheet.caption), ""]
    if section.notes:
        lines += [*(f"- {markdown_escaped(note)}" for note in section.notes), ""]
    return lines


def _knowable_lines(knowable: Knowable) -> list[str]:
    """The first section of a report on a made-up world."""
    lines = ["## How much of what could be known was learned", ""]
    lines += [f"- {markdown_escaped(s)}" for s in (*share_sentences(knowable), *knowable.warnings, *knowable.notes)]
    rows = []
    for row in knowable.rows:
        name = f"{direction_words(row.direction)}, {group_words(row.group)}"
        values = (row.chance, row.gender_alone, row.reached, row.ceiling, row.shortcut_ceiling)
        shown = [format_value(PAIR, v) if math.isfinite(v) else "–" for v in values]
        rows.append([markdown_escaped(name), *shown, share_words(row) or "undefined"])
    header = ["1:2 accuracy", "chance", "gender alone", "reached", "ceiling", "with shortcuts", "share of the knowable"]
    return [*lines, "", *markdown_table(header, rows), ""]


def _cell(found: Measure | None, answer: str) -> str:
    if found is None and answer == CEILING:  # nothing went wrong: nobody computed it
        return ""
    value, interval = format_cell(found)
    return f"{value} ({interval})" if interval else value


def caveats(report: Report) -> tuple[str, ...]:
    """The sentences under `caveats` in the provenance; one sentence may stand without a list."""
    given = report.provenance.get("caveats") or ()
    return (given,) if isinstance(given, str) else tuple(str(sentence) for sentence in given)


def flat(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Returns nested provenance as (name, text) lines, inner names after a point; `caveats` are left out."""
    lines: list[tuple[str, str]] = []
    for name, value in values.items():
        full = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, Mapping):
            lines += flat(value, f"{full}, ")
        elif value is not None and not (name == "caveats" and not prefix):
            plain = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            lines.append((full, plain))
    return lines


def figure_lines(report: Report, only: Iterable[str] = tuple(SHORT_WORDS)) -> list[str]:
    """Returns a line for a terminal for each main measure: value, 95 % interval, chance, gender alone, ceiling.

    Args:
        report: what was found.
        only: names of measures, out of `SHORT_WORDS`; others are left out.
    """
    wanted = set(only) & set(SHORT_WORDS)
    tested = [m for m in report.measures if m.measure != "top_1" or m.group.split("_")[0] == "test"]
    named = [(name, b) for name in (GENDER_ALONE, CEILING) if (b := report.baseline(name)) is not None]
    rows = []
    for found in sorted((m for m in tested if m.measure in wanted), key=lambda m: m.measure != SHARE):
        name = ", ".join(
            [SHORT_WORDS[found.measure], *(part.replace("_", " ") for part in (found.direction, found.group))]
        )
        others = [(name, find_measure(b.measures, found.key)) for name, b in named if found.measure != SHARE]
        rows.append((f"{name}:", _figure_words(found, others)))
    width = max((len(name) for name, _ in rows), default=0)
    return [f"  {name:<{width}} {said}" for name, said in rows]


def knowable_summary(report: Report) -> list[str]:
    """Returns the sentences on what to remember as lines for a terminal: the share of the knowable and any warning.

    Of an identification it is how often the right one of the known people is named.
    """
    if report.knowable is None:
        return [*headline_lines(report), *drawing_lines(report)]
    return [*share_sentences(report.knowable), *(f"Warning: {said}" for said in report.knowable.warnings)]


def _figure_words(found: Measure, others: Iterable[tuple[str, Measure | None]]) -> str:
    value, interval = format_cell(found)
    if not math.isfinite(found.value):
        return f"{value} ({found.note})" if found.note else value
    bounds = f"({interval})" if interval else ""
    if found.measure == SHARE:  # whose chance level is 0 by its definition
        return f"{value:>7} {bounds}".rstrip()
    said = f"{value:>7} {bounds:<12} chance {format_number(found.measure, found.chance):>4}"
    for name, other in others:
        if other is not None and math.isfinite(other.value):
            said += f", {name} {format_number(other.measure, other.value):>4}"
    return said
