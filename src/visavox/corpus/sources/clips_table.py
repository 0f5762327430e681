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

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from visavox.corpus.sources.csv_lines import DELIMITERS, read_lines, wrong_byte
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
MAX_TIME_S = 1e9  # thirty years; beyond it milliseconds are no number, and nothing can be sought
MAX_NAME_CHARS = 200  # of a broken row: the name that is guessed from it


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
    """Read the header of a table of clips: as `read_header`, with a column for the clip.

    Args:
        path: the CSV file.
        columns: from our field to its column, for tables that name it otherwise.
        aliases: from our fields to their usual columns; the first of "clip" is the one that messages name.

    Raises:
        ConfigError: as `read_header`; there is no column for the clip.
        DataError: as `read_header`.
    """
    table = read_header(path, columns, aliases=aliases)
    if "clip" not in table.column_of:
        wanted = aliases["clip"][0]
        raise ConfigError(
            f"{path} has no column {wanted!r}, which names the files of each row. It has: {', '.join(table.header)}. "
            f"Rename a column to {wanted!r}, or say which one it is with columns={{'clip': ...}}."
        )
    return table


def read_header(
    path: Path, columns: Mapping[str, str] | None = None, *, aliases: Mapping[str, tuple[str, ...]] = ALIASES
) -> ClipsTable:
    """Read the header of a table: UTF-8 with or without BOM, any line ends, comma, semicolon or tab.

    Args:
        path: the CSV file.
        columns: from our field to its column, for tables that name it otherwise.
        aliases: from our fields to their usual columns.

    Raises:
        ConfigError: `columns` names an unknown field or a column that is not there; two columns have one name; the
            file is empty.
        DataError: the header is not UTF-8, or the file cannot be read.
    """
    first = next(read_lines(path, DELIMITERS[0]), None)
    if first is None:
        raise ConfigError(f"{path} is empty. Its first line must name the columns, 'clip' among them.")
    if wrong_byte(first[1]):
        raise DataError(f"{path} must be UTF-8 text. Got byte {wrong_byte(first[1])}. Save it as UTF-8.")
    # A header is plain: the delimiter is the one of the three that it holds most often.
    text = DELIMITERS[0].join(first[1])
    delimiter = max(DELIMITERS, key=text.count)
    header = tuple(name.strip() for name in next(read_lines(path, delimiter))[1])
    doubled = sorted(name for name, count in Counter(header).items() if count > 1 and name)
    if doubled:
        raise ConfigError(f"{path} has the column {doubled[0]!r} twice. Rename one. It has: {', '.join(header)}.")
    column_of = _columns_of(path, header, columns or {}, aliases)
    named = set(column_of.values())
    own = {name: i for i, name in enumerate(header) if i not in named and name and name not in column_of}
    return ClipsTable(path, header, delimiter, {**column_of, **own})


def read_cells(table: ClipsTable) -> Iterator[tuple[int, dict[str, str], str]]:
    """Iterate over (line, cells that are not empty by field or attribute, what is wrong with the row or "").

    Blank lines are skipped. A row with too few or too many cells, with a quote that never ends, or with bytes that
    are no UTF-8 comes with a sentence of what is wrong; its cells may then mean anything.

    Raises:
        DataError: the file cannot be read.
    """
    lines = read_lines(table.path, table.delimiter, len(table.header))
    next(lines, None)
    for line, cells, wrong in lines:
        reason = wrong
        if not reason and len(cells) != len(table.header):
            reason = f"has {len(cells)} cells, the header has {len(table.header)} columns"
        if not reason and wrong_byte(cells):
            reason = f"is no UTF-8 text (byte {wrong_byte(cells)})"
        values = {name: cells[i].strip() for name, i in table.column_of.items() if i < len(cells)}
        yield line, {name: value for name, value in values.items() if value}, reason


def read_rows(table: ClipsTable) -> Iterator[ClipRow]:
    """Iterate over the rows in their order; blank lines are skipped.

    A broken row, one without a clip name, or with a time that is no number is a row with a problem: `malformed_row`,
    `empty_clip_name` or `invalid_time`.

    Raises:
        DataError: the file cannot be read.
    """
    for line, values, reason in read_cells(table):
        where = f"{table.path.name} line {line}"
        if reason:
            clip = values.get("clip", "").encode("utf-8", "backslashreplace").decode("utf-8")
            yield ClipRow(line, clip[:MAX_NAME_CHARS], problem=("malformed_row", f"{where}: {reason}"))
        else:
            yield _row(line, values, where)


def count_rows(table: ClipsTable) -> int:
    """Return the number of rows that `read_rows` gives."""
    return sum(1 for _ in read_lines(table.path, table.delimiter, len(table.header))) - 1


def clean_attributes(values: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes among the cells of a row; gender is "m" or "f" where it is written in a known way.

    Example:
        >>> clean_attributes({"clip": "a", "start_s": "3", "gender": "Female", "shoe_size": "38"})
        {'gender': 'f', 'shoe_size': '38'}
    """
    attributes = {name: value for name, value in values.items() if name not in NOT_ATTRIBUTES}
    if "gender" in attributes:
        attributes["gender"] = GENDERS.get(attributes["gender"].lower(), attributes["gender"])
    return attributes


def _row(line: int, values: Mapping[str, str], where: str) -> ClipRow:
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
    return ClipRow(
        line,
        clip,
        person=values.get("person"),
        video=values.get("video"),
        session=values.get("session"),
        start_s=start_s,
        end_s=end_s,
        attributes=clean_attributes(values),
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
    return found


def _number(text: str) -> float | None:
    """Return a number of seconds that a video can have, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < MAX_TIME_S else None
