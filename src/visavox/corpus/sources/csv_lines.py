r"""Rows of a CSV file of any dialect, of which no broken one hides those after it.

A quote that never ends, a byte that is no UTF-8, a field without end: each is one row, and the next is read as if
nothing had happened. What the cells mean is the affair of `visavox.corpus.sources.clips_table`.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text('clip,person\na,"Ann\nb,Bob\n')
    >>> [(line, cells, wrong) for line, cells, wrong in read_lines(path, ",", 2)][1:]
    [(2, ['a', 'Ann'], 'has a quote that never ends'), (3, ['b', 'Bob'], '')]
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from visavox.errors import DataError

DELIMITERS = ",;\t"
MAX_FIELD_CHARS = 1_000_000
UNENDING = "has a quote that never ends"


class _Tape:
    """The lines of a file, of which those that a row took can be given back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._given_back: deque[str] = deque()
        self.taken: list[str] = []
        """Lines read since the list was last emptied."""

    def __iter__(self) -> _Tape:
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else next(self._file)
        self.taken.append(line)
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        """Put lines before those that are still to come."""
        self._given_back.extendleft(reversed(lines))


def read_lines(path: Path, delimiter: str, n_cells: int | None = None) -> Iterator[tuple[int, list[str], str]]:
    """Iterate over (number of the first line, cells, what is wrong with the quotes or ""), skipping blank lines.

    With `n_cells` a row that should have so many cells, has not, and goes over several lines is taken for one whose
    quote never ends: its first line is a row by itself, and the lines after it are read anew.

    Raises:
        DataError: the file cannot be read; without `n_cells` also: no CSV.
    """
    csv.field_size_limit(MAX_FIELD_CHARS)
    line = 1
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            tape = _Tape(file)
            # Strict, since a quote that never ends otherwise swallows rows to the next quote, and fits them together.
            reader = csv.reader(tape, delimiter=delimiter, strict=True)
            while True:
                tape.taken, cells, wrong = [], [], ""
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as e:
                    wrong = f"is no CSV ({e})"
                if len(tape.taken) == 1 and wrong and tape.taken[0].count('"') % 2 == 0:
                    cells, wrong = _tolerant(tape.taken[0], delimiter)
                if len(tape.taken) > 1 and (wrong or (n_cells is not None and len(cells) != n_cells)):
                    wrong = UNENDING
                    tape.give_back(tape.taken[1:])
                    tape.taken = tape.taken[:1]
                if wrong and n_cells is None:
                    raise DataError(f"{path} line {line} is no CSV: it {wrong}. Check its quotes.")
                if wrong:
                    cells = tape.taken[0].rstrip("\r\n").replace('"', "").split(delimiter, n_cells or 0)
                if any(cell.strip() for cell in cells):
                    yield line, cells, wrong
                line += len(tape.taken)
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e}).") from e


def _tolerant(line: str, delimiter: str) -> tuple[list[str], str]:
    """Return the cells of a line as spreadsheets read it, and what is wrong with it."""
    try:
        return next(csv.reader([line], delimiter=delimiter), []), ""
    except csv.Error as e:
        return [], f"is no CSV ({e})"


def wrong_byte(cells: Sequence[str]) -> str:
    """Return the first byte that is no UTF-8, as in "0xfc"; "" where all is text."""
    wrong = next((char for cell in cells for char in cell if "\udc80" <= char <= "\udcff"), "")
    return f"0x{ord(wrong) - 0xDC00:02x}" if wrong else ""
