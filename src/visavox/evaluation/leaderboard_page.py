"""A leaderboard as `leaderboard.json`, `leaderboard.md` and `leaderboard.html`: a table and dots for each arena.

Example:
    write_leaderboard(board, Path("runs/compare-small"))
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visavox.errors import DataError
from visavox.evaluation.chart import escaped
from visavox.evaluation.leaderboard import MAIN, Board, Key, Leaderboard, Row
from visavox.evaluation.measures import Measure
from visavox.evaluation.page import figure_grid, page
from visavox.evaluation.plots import Figure, dot_figure
from visavox.evaluation.tables import markdown_escaped, markdown_table
from visavox.evaluation.wording import direction_words, format_cell, group_words, measure_words
from visavox.metrics.bootstrap import PairedDifference

FORMAT = "visavox-leaderboard-1"
LEAD = (
    "Every method was trained on the same pairs under the same budget, unless its settings say otherwise, and tested "
    "on people whom it never met. After each figure its 95 % bootstrap interval over people, of the mean over seeds. "
    "The difference is to {reference}, on the same resamples of people: where its interval leaves out 0, the two "
    "differ. "
    "Intervals and differences are of the people who were met, not of the seeds, whose deviation stands in the second "
    "table. With so many methods some differ by luck: at 20 comparisons one is to be expected."
)


def write_leaderboard(board: Leaderboard, folder: Path) -> None:
    """Write the three files, replacing older ones.

    Raises:
        DataError: the folder cannot be written.
    """
    texts = {
        "leaderboard.json": json.dumps(leaderboard_json(board), indent=1, allow_nan=False) + "\n",
        "leaderboard.md": leaderboard_markdown(board),
        "leaderboard.html": leaderboard_html(board),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            whole = folder / f".{name}.part"
            whole.write_text(text, encoding="utf-8")
            whole.replace(folder / name)
    except OSError as error:
        raise DataError(
            f"The leaderboard must be written to {folder}, which failed: {error.strerror or error}. "
            "Name another folder."
        ) from error


def leaderboard_json(board: Leaderboard) -> dict[str, Any]:
    """Return the leaderboard as JSON values; nan is null."""
    return {
        "format": FORMAT,
        "name": board.name,
        "about": board.about,
        "reference": board.reference,
        "made": _plain(board.made),
        "boards": [
            {
                "arena": {k: v for k, v in _plain(dataclasses.asdict(b.arena)).items() if k != "ceiling"},
                "rows": [_row_json(row) for row in b.rows],
            }
            for b in board.boards
        ],
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "method": row.method,
        "associator": row.facts.associator,
        "objective": row.facts.objective,
        "own": _plain(row.facts.own),
        "n_seeds": row.n_seeds,
        "n_parameters": row.n_parameters,
        "train_s": _plain(row.train_s),
        "problem": row.problem,
        "measures": [
            {
                **_plain(dataclasses.asdict(found)),
                "spread_over_seeds": _plain(row.spread[key]),
                "difference": _plain(dataclasses.asdict(row.differences[key])) if key in row.differences else None,
            }
            for key, found in row.measures.items()
        ],
        "shares_of_knowable": [_plain(dataclasses.asdict(found)) for found in row.shares.values()],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def leaderboard_markdown(board: Leaderboard) -> str:
    """Return the leaderboard as Markdown."""
    lines = [f"# {markdown_escaped(board.name)}", ""]
    lines += [markdown_escaped(board.about), ""] if board.about else []
    for one in board.boards:
        lines += [f"## {markdown_escaped(one.arena.name)}", "", markdown_escaped(arena_words(one)), ""]
        for header, rows in (main_cells(one, board.reference), more_cells(one)):
            lines += [*markdown_table(map(markdown_escaped, header), (map(markdown_escaped, row) for row in rows)), ""]
        lines += [
            f"- {markdown_escaped(row.method)} has no figures: {markdown_escaped(row.problem)}" for row in _failed(one)
        ]
        lines += [""] if _failed(one) else []
    return "\n".join([*lines, LEAD.format(reference=markdown_escaped(board.reference)), ""])


def leaderboard_html(board: Leaderboard) -> str:
    """Return the leaderboard as a page."""
    sections = []
    for one in board.boards:
        tables = _html_table(*main_cells(one, board.reference))
        tables += f"<details><summary>Other measures, settings, cost</summary>{_html_table(*more_cells(one))}</details>"
        failed = "".join(
            f"<li>{escaped(row.method)} has no figures: {escaped(row.problem)}</li>" for row in _failed(one)
        )
        sections.append(
            f'<section><h2>{escaped(one.arena.name)}</h2><p class="about">{escaped(arena_words(one))}</p>'
            f"{figure_grid(_dots(one))}{tables}{f'<ul>{failed}</ul>' if failed else ''}</section>"
        )
    about = f'<p class="lead">{escaped(board.about)}</p>' if board.about else ""
    lead = f'<p class="lead">{escaped(LEAD.format(reference=board.reference))}</p>'
    n_methods = len(board.boards[0].rows) if board.boards else 0
    sets = f"{len(board.boards)} set{'s' if len(board.boards) > 1 else ''} of people"
    kicker = f'<p class="kicker">{n_methods} methods, {sets}</p>'
    top = f"{kicker}<h1>{escaped(board.name)}</h1>{about}{lead}"
    made = f"Made by Visavox {escaped(board.made.get('version'))}."
    return page(board.name, header=top, body="\n".join(sections), made=made)


def _html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escaped(row[0])}</th>{"".join(f"<td>{escaped(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>'


def arena_words(board: Board) -> str:
    """Return a sentence on whom the methods met."""
    arena = board.arena
    people = "people" if arena.people_known else "videos, each counted as one person"
    ceiling = (arena.ceiling or {}).get((MAIN[1], MAIN[2], MAIN[3]))
    known = f" The best possible 1:2 accuracy, voice to face, is {100 * ceiling.value:.1f} %." if ceiling else ""
    return (
        f"{arena.n_pairs} pairs; {arena.n_people} {people} tested, {arena.how}; {arena.n_trained} pairs or more to "
        f"train on. Protocol: all pairs, of each probe's own person against everybody else's."
        f"{' Genders are predicted.' if arena.predicted_genders else ''}{known}"
    )


def main_cells(board: Board, reference: str) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the first table: 1:2 accuracies, the difference to the reference, what is known."""
    keys = [key for key in _keys(board) if key[3] == MAIN[3]]
    share_keys = [key for key in keys if any(key in row.shares for row in board.rows)]
    header = ["method", f"difference to {reference}", *(_heading(key) for key in keys)]
    header += [f"share of the knowable, {direction_words(key[1])}, {group_words(key[2])}" for key in share_keys]
    rows = []
    for row in (row for row in board.rows if not row.problem):
        cells = [row.method, _difference(row, reference), *(_cell(row.measures.get(key)) for key in keys)]
        rows.append([*cells, *(_cell(row.shares.get(key)) for key in share_keys)])
    return header, rows


def more_cells(board: Board) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the second table: other measures, what the methods are, and what they cost."""
    keys = [key for key in _keys(board) if key[3] != MAIN[3]]
    header = ["method", "associator", "objective", *(_heading(key) for key in keys)]
    header += ["seeds", "deviation over seeds", "numbers learned", "seconds", "own settings"]
    rows = []
    for row in (row for row in board.rows if not row.problem):
        cells = [row.method, row.facts.associator, row.facts.objective or "none"]
        cells += [_cell(row.measures.get(key)) for key in keys]
        cells += [str(row.n_seeds), _points(row.spread.get(MAIN, math.nan))]
        cells += [f"{row.n_parameters:,}", f"{row.train_s:.1f}"]
        rows.append([*cells, ", ".join(f"{name} {value}" for name, value in row.facts.own.items())])
    return header, rows


def _keys(board: Board) -> list[Key]:
    """The measures that any method has a figure for."""
    found = [key for row in board.rows for key, measure in row.measures.items() if not math.isnan(measure.value)]
    return [key for key in dict.fromkeys(found) if _shown(key)]


def _shown(key: Key) -> bool:
    return key[2] in ("all", "same_gender") and key[3] in ("accuracy_1_of_2", "map", "recall_at_10", "auc", "eer")


def _heading(key: Key) -> str:
    return f"{measure_words(key[3])}, {direction_words(key[1])}, {group_words(key[2])}"


def _cell(found: Measure | None) -> str:
    value, interval = format_cell(found)
    return f"{value} ({interval})" if interval else value


def _difference(row: Row, reference: str) -> str:
    found: PairedDifference | None = row.differences.get(MAIN)
    if row.method == reference or found is None:
        return "reference" if row.method == reference else ""
    value, low, high = (100 * v for v in (found.value, found.low, found.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _points(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f}"


def _failed(board: Board) -> Sequence[Row]:
    return [row for row in board.rows if row.problem]


def _dots(board: Board) -> list[Figure]:
    """One dot plot for each 1:2 accuracy, without chance, which is far to the left of them all."""
    return [
        dot_figure(
            _heading(key),
            [(row.method, row.measures.get(key)) for row in board.rows if not row.problem],
            chance=math.nan,
        )
        for key in _keys(board)
        if key[3] == MAIN[3]
    ]
