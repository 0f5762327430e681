"""The cells of a section of a report as text, and its table as HTML.

The record is `visavox.evaluation.record.Section`; its heading, text and figures are laid out in
`visavox.evaluation.page`, its Markdown in `visavox.evaluation.tables`. How a number is written follows from the name of
its column, so that programs read plain numbers and people read percent. Whatever comes from data is escaped.

Example:
    >>> section = Section("By gender", "Who is missed.", ("gender", "accuracy %"), (("f", 0.8),))
    >>> section_html(section).count("<td>80.0</td>")
    1
"""

from __future__ import annotations

import math

from visavox.evaluation.chart import escaped
from visavox.evaluation.measures import UNDEFINED
from visavox.evaluation.record import Cell, Section


def section_html(section: Section) -> str:
    """Returns the table of a section and its footnotes; the heading, the text and the figures are the page's."""
    body = ""
    if section.rows:
        wide = [any(isinstance(row[i], tuple) for row in section.rows) for i in range(len(section.columns))]
        head = "".join(
            f'<th scope="col"{" colspan=2" if double else ""}>{escaped(name)}</th>'
            for name, double in zip(section.columns, wide, strict=True)
        )
        rows = "".join(_html_row(row, section.columns, wide) for row in section.rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        body = f'<div class="scroll" tabindex="0">{table}</div>'
    notes = "".join(f"<li>{escaped(note)}</li>" for note in section.notes)
    return body + (f'<ul class="footnotes">{notes}</ul>' if notes else "")


def cell_texts(cell: Cell, column: str) -> tuple[str, str]:
    """Returns a cell as its value and its interval, "" where there is none.

    Args:
        cell: text, count, number or (value, low, high).
        column: name of its column; " %" or ", years" at its end, or "p" at its begin, says how numbers are written.

    Example:
        >>> cell_texts((0.8, 0.7, 0.9), "accuracy %"), cell_texts(0.0001, "p"), cell_texts(1234, "n")
        (('80.0', '70.0–90.0'), ('< 0.001', ''), ('1,234', ''))
    """
    if isinstance(cell, str):
        return cell, ""
    if isinstance(cell, tuple):
        value, low, high = cell
        known = not math.isnan(value) and not math.isnan(low) and not math.isnan(high)
        dash = " to " if low < 0 else "–"  # "−4.8–0.5" could be read as two numbers below 0
        return _number(value, column), f"{_number(low, column)}{dash}{_number(high, column)}" if known else ""
    return (f"{cell:,}" if isinstance(cell, int) else _number(cell, column)), ""


def _number(value: float, column: str) -> str:
    if math.isnan(value):
        return UNDEFINED
    if column == "p" or column.startswith("p "):
        return "< 0.001" if value < 0.001 else f"{value:.3f}"
    is_share = column.endswith(" %")
    digits = 1 if is_share or column.endswith(", years") else 3
    shown = f"{100 * value if is_share else value:.{digits}f}"
    return shown.removeprefix("-") if not float(shown) else shown.replace("-", "−")


def _html_row(row: tuple[Cell, ...], columns: tuple[str, ...], wide: list[bool]) -> str:
    cells = []
    for i, (cell, column, double) in enumerate(zip(row, columns, wide, strict=True)):
        value, interval = (escaped(text) for text in cell_texts(cell, column))
        span = ' colspan="2"' if double else ""
        if not i:
            cells.append(f'<th scope="row"{span}>{value}</th>')
        elif value == UNDEFINED:
            cells.append(f'<td class="undefined"{span}>{value}</td>')
        elif double and not isinstance(cell, str):
            cells.append(f'<td class="value">{value}</td><td class="ci">{interval}</td>')
        else:
            cells.append(f"<td{span}>{value}</td>")
    return f"<tr>{''.join(cells)}</tr>"
