r"""Reading `clips.csv`: which column is which field, and the rows with their problems.

A missing column is an error of the whole table; a bad row is a row with a status and a reason.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "clips.csv"
    >>> _ = path.write_text("key;Speaker;shoe_size\na;Ann;38\n", encoding="utf-8-sig")
    >>> [(row.clip, row.person, row.attributes) for row in read_rows(read_table(path))]
    [('a', 'Ann', {'shoe_size': '38'})]
"""

from __future__ import annotations

import csv
import difflib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from visavox.errors import ConfigError, DataError

ALIASES: dict[str, tuple[str, ...]] = {
    "clip": ("clip", "clip_id", "key"),
    "person": ("person", "person_id", "speaker", "speaker_id", "identity"),
    "video": ("video", "video_id", "youtube_id"),
    "session": ("session", "session_id"),
    "start_s": ("start_s", "start", "start_time"),
    "end_s": ("end_s", "end", "end_time"),
    "gender": ("gender", "sex"),
    "nationality": ("nationality", "country"),
    "language": ("language", "lang"),
    "age": ("age", "age_years"),
}
"""Our fields and the columns that hold them in known tables, capitals ignored; the first that is there counts."""

NOT_ATTRIBUTES = frozenset({"clip", "person", "video", "session", "start_s", "end_s"})
GENDERS = {"m": "m", "male": "m", "man": "m", "f": "f", "female": "f", "woman": "f"}
DELIMITERS = ",;\t"
MAX_FIELD_CHARS = 1_000_000


@dataclass(frozen=True)
class ClipsTable:
    """What the header of a table says."""

    path: Path
    """The file."""
    header: tuple[str, ...]
    """Column names as they stand, without surrounding spaces."""
    delimiter: str
    """Comma, semicolon or tab."""
    column_of: Mapping[str, int]
    """From field or attribute name to the number of its column."""


@dataclass(frozen=True)
class ClipRow:
    """One row of the table; with a problem, only `clip` and `line` mean anything."""

    line: int
    """Number of its first line in the file, from 1."""
    clip: str
    """Name of the clip; empty only together with a problem."""
    person: str | None = None
    """Who it is; None where the cell is empty."""
    video: str | None = None
    """The video it was cut from."""
    session: str | None = None
    """The recording session."""
    start_s: float | None = None
    """Begin of the clip in its video, seconds."""
    end_s: float | None = None
    """End of the clip in its video, seconds."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attributes whose cells are not empty; gender is "m" or "f" where it was written in a known way."""
    problem: tuple[str, str] | None = None
    """(status, reason) of a row that cannot be used."""


def read_table(
    path: Path, columns: Mapping[str, str] | None = None, *, aliases: Mapping[str, tuple[str, ...]] = ALIASES
) -> ClipsTable:
    """Read the header of a table: UTF-8 with or without BOM, any line ends, comma, semicolon or tab.

    Args:
        path: the CSV file.
        columns: from our field to its column, for tables that name it otherwise.
        aliases: from our fields to their usual columns; the first of "clip" is the one that messages name.

    Raises:
        ConfigError: `columns` names an unknown field or a column that is not there; there is no column for the clip;
            two columns have one name; the file is empty.
        DataError: the file is not UTF-8 or no CSV.
    """
    first = next(_lines(path, DELIMITERS[0]), None)
    if first is None:
        raise ConfigError(f"{path} is empty. Its first line must name the columns, 'clip' among them.")
    # A header is plain: the delimiter is the one of the three that it holds most often.
    text = DELIMITERS[0].join(first[1])
    delimiter = max(DELIMITERS, key=text.count)
    header = tuple(name.strip() for name in next(_lines(path, delimiter))[1])
    doubled = sorted(name for name, count in Counter(header).items() if count > 1 and name)
    if doubled:
        raise ConfigError(f"{path} has the column {doubled[0]!r} twice. Rename one. It has: {', '.join(header)}.")
    column_of = _columns_of(path, header, columns or {}, aliases)
    named = set(column_of.values())
    own = {name: i for i, name in enumerate(header) if i not in named and name and name not in column_of}
    return ClipsTable(path, header, delimiter, {**column_of, **own})


def read_rows(table: ClipsTable) -> Iterator[ClipRow]:
    """Iterate over the rows in their order; blank lines are skipped.

    A row with too few or too many cells, without a clip name or with a time that is no number is a row with a
    problem: `malformed_row`, `empty_clip_name` or `invalid_time`.

    Raises:
        DataError: the file is not UTF-8 or no CSV.
    """
    lines = _lines(table.path, table.delimiter)
    next(lines, None)
    for line, cells in lines:
        where = f"{table.path.name} line {line}"
        if len(cells) != len(table.header):
            clip = cells[table.column_of["clip"]].strip() if len(cells) > table.column_of["clip"] else ""
            reason = f"{where}: has {len(cells)} cells, the header has {len(table.header)} columns"
            yield ClipRow(line, clip, problem=("malformed_row", reason))
            continue
        yield _row(table, line, cells, where)


def count_rows(table: ClipsTable) -> int:
    """Return the number of rows that `read_rows` gives."""
    return sum(1 for _ in _lines(table.path, table.delimiter)) - 1


def _row(table: ClipsTable, line: int, cells: list[str], where: str) -> ClipRow:
    values = {name: cells[column].strip() for name, column in table.column_of.items()}
    values = {name: value for name, value in values.items() if value}
    clip = values.get("clip", "")
    if not clip:
        return ClipRow(line, "", problem=("empty_clip_name", f"{where}: the cell of the clip name is empty"))
    times: dict[str, float | None] = {}
    for name in ("start_s", "end_s"):
        times[name] = _number(values[name]) if name in values else None
        if name in values and times[name] is None:
            reason = f"{where}: {name} of {clip!r} must be a number of seconds. Got {values[name]!r}"
            return ClipRow(line, clip, problem=("invalid_time", reason))
    start_s, end_s = times["start_s"], times["end_s"]
    if start_s is not None and end_s is not None and end_s < start_s:
        reason = f"{where}: {clip!r} ends before it starts ({start_s:g} s to {end_s:g} s)"
        return ClipRow(line, clip, problem=("invalid_time", reason))
    attributes = {name: value for name, value in values.items() if name not in NOT_ATTRIBUTES}
    if "gender" in attributes:
        attributes["gender"] = GENDERS.get(attributes["gender"].lower(), attributes["gender"])
    return ClipRow(
        line,
        clip,
        person=values.get("person"),
        video=values.get("video"),
        session=values.get("session"),
        start_s=start_s,
        end_s=end_s,
        attributes=attributes,
    )


def _columns_of(
    path: Path, header: tuple[str, ...], columns: Mapping[str, str], aliases: Mapping[str, tuple[str, ...]]
) -> dict[str, int]:
    """Return the column number of each field that the table has."""
    position = {name: i for i, name in reversed(list(enumerate(header)))}
    lowered = {name.lower(): i for name, i in position.items()}
    has = f"It has: {', '.join(header)}"
    found: dict[str, int] = {}
    for name, column in columns.items():
        if name not in aliases:
            near = difflib.get_close_matches(name, aliases, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"`columns` knows no field {name!r}.{hint} Fields: {', '.join(aliases)}.")
        if column not in position:
            raise ConfigError(f"{path} has no column {column!r}, which `columns` gives for {name!r}. {has}.")
        found[name] = position[column]
    for name, usual in aliases.items():
        free = [lowered[alias] for alias in usual if alias in lowered and lowered[alias] not in found.values()]
        if name not in found and free:
            found[name] = free[0]
    if "clip" not in found:
        wanted = aliases["clip"][0]
        raise ConfigError(
            f"{path} has no column {wanted!r}, which names the files of each row. {has}. Rename a column to "
            f"{wanted!r}, or say which one it is with columns={{'clip': ...}}."
        )
    return found


def _lines(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Iterate over (number of the first line, cells), skipping blank lines.

    Raises:
        DataError: not UTF-8, or no CSV.
    """
    csv.field_size_limit(MAX_FIELD_CHARS)
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, cells
                line = reader.line_num + 1
    except UnicodeDecodeError as e:
        raise DataError(f"{path} must be UTF-8 text. Got byte 0x{e.object[e.start]:02x}. Save it as UTF-8.") from e
    except csv.Error as e:
        raise DataError(f"{path} line {line} is no CSV ({e}). Check its quotes.") from e
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e}).") from e


def _number(text: str) -> float | None:
    """Return a finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
