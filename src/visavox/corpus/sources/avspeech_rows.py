"""Rows of the lists of AVSpeech: how a list is laid out, and the segments in it.

Lines are split at commas and nothing else, so that no stray quote joins two rows; a line that holds quotes is read as
CSV by itself.

Example:
    >>> layout = Layout({"video": 0, "start_s": 1, "end_s": 2, "x": 3, "y": 4}, n_cells=5, has_header=False)
    >>> row = segment_of(7, "-abcdEFGH12,30.03,36.745,0.744531,0.211111", layout)
    >>> row.video, row.end_s, row.problem
    ('-abcdEFGH12', 36.745, None)
    >>> segment_of(8, "-abcdEFGH12,30.03,6.7,0.744531,0.211111", layout).problem
    ('invalid_time', "'-abcdEFGH12' must end after it starts. Got 30.03 to 6.7")
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from visavox.corpus.sources.clips_table import ALIASES, MAX_TIME_S, clean_attributes
from visavox.corpus.sources.csv_lines import wrong_byte
from visavox.errors import ConfigError, DataError

SEGMENT_COLUMNS: dict[str, tuple[str, ...]] = {
    "video": ("youtubeid", "ytid", "id", "videoid", "video", "clip"),
    "start_s": ("start", "starts", "startsegment", "starttime", "startseconds"),
    "end_s": ("end", "ends", "endsegment", "endtime", "endseconds"),
    "x": ("x", "xcoordinate", "xcoord", "facex", "centerx"),
    "y": ("y", "ycoordinate", "ycoord", "facey", "centery"),
}
"""Usual columns of each field, in small letters and digits alone; the first that is there counts."""
INDEX_COLUMNS = frozenset({"", "index", "unnamed0", "row"})
NEEDED = ("video", "start_s", "end_s")
OFFICIAL = dict(zip(("video", "start_s", "end_s", "x", "y"), range(5), strict=True))
N_LINES_LOOKED_AT = 100  # for one that tells how the list is laid out
MAX_NAME_CHARS = 200  # of a broken row: the id that is taken from it


@dataclass(frozen=True)
class Layout:
    """Which column holds what."""

    column_of: Mapping[str, int]
    """From field to number of its column: those of `SEGMENT_COLUMNS`, person, session and attributes."""
    n_cells: int
    """Cells of each row."""
    has_header: bool
    """Whether the first line names the columns."""
    others: tuple[str, ...] = field(init=False)
    """Fields beside those of `SEGMENT_COLUMNS`."""
    pick: Callable[[Sequence[str]], tuple[str, ...]] | None = field(init=False, repr=False, compare=False)
    """Takes the cells of `SEGMENT_COLUMNS` out of a row; None where a row has more, or less."""

    def __post_init__(self) -> None:
        """Note what is rare, so that most rows need not look for it."""
        object.__setattr__(self, "others", tuple(name for name in self.column_of if name not in SEGMENT_COLUMNS))
        plain = not self.others and all(name in self.column_of for name in SEGMENT_COLUMNS)
        pick = itemgetter(*(self.column_of[name] for name in SEGMENT_COLUMNS)) if plain else None
        object.__setattr__(self, "pick", pick)

    def words(self) -> str:
        """Return the layout in words."""
        names = sorted(self.column_of, key=lambda name: self.column_of[name])
        return f"{'a header' if self.has_header else 'no header'}, columns {', '.join(names)} of {self.n_cells}"


class Segment(NamedTuple):
    """One row; with a problem, only `line` and `video` mean anything."""

    line: int
    """Number of the line, from 1."""
    video: str
    """YouTube id; "" only together with a problem."""
    start_s: float = 0.0
    """Begin of the segment in its video."""
    end_s: float = 0.0
    """End of the segment."""
    x: float | None = None
    """Place of the speaker's face, 0 to 1 from left to right; None where the list says nothing."""
    y: float | None = None
    """The same from top to bottom."""
    fields: Mapping[str, str] | None = None
    """Cells of person and session."""
    attributes: Mapping[str, str] | None = None
    """Cells of other columns."""
    problem: tuple[str, str] | None = None
    """(status, reason) of a row that cannot be used."""


def find_layout(path: Path, columns: Mapping[str, str]) -> Layout:
    """Return how a list is laid out, from its first lines.

    Args:
        path: the list.
        columns: from our field to its column, for a list with a header.

    Raises:
        ConfigError: no line tells; `columns` names an unknown field, a missing column, or there is no header.
        DataError: the list cannot be read, or is no text.
    """
    for n_lines, (_, line) in enumerate(_lines(path)):
        cells = _quoted(line)
        if n_lines == 0 and (layout := _header(path, cells, columns)) is not None:
            return layout
        if columns:
            raise ConfigError(f"`columns` needs a list with a header. The first line of {path} is none.")
        if n_lines == N_LINES_LOOKED_AT:
            break
        for n_before in (0, 1):
            # One more cell at the front is a row number: FaceTones and others save their data frames so.
            layout = Layout({name: i + n_before for name, i in OFFICIAL.items()}, 5 + n_before, has_header=False)
            if segment_of(0, line, layout).problem is None and (not n_before or cells[0].isdecimal()):
                return layout
    raise ConfigError(
        f"{path} is no list of AVSpeech: none of its first lines is ID,START,END,X,Y, and the first names no columns. "
        "Give another file, or a header."
    )


def read_segments(path: Path, layout: Layout) -> Iterator[Segment]:
    """Iterate over the rows in their order; blank lines are skipped.

    Raises:
        DataError: the list cannot be read.
    """
    lines = _lines(path)
    if layout.has_header:
        next(lines, None)
    for number, line in lines:
        yield segment_of(number, line, layout)


def count_rows(path: Path, layout: Layout) -> int:
    """Return the number of rows that `read_segments` gives."""
    return sum(1 for _ in _lines(path)) - layout.has_header


def segment_of(number: int, line: str, layout: Layout) -> Segment:
    """Return what a line says.

    Args:
        number: of the line, from 1.
        line: its text.
        layout: of the list.
    """
    cells = line.split(",") if '"' not in line else _quoted(line)
    if layout.pick is not None and len(cells) == layout.n_cells:
        # Nearly every row; a list has millions.
        video, *texts = layout.pick(cells)
        try:
            start_s, end_s, x, y = map(float, texts)
        except ValueError:
            pass
        else:
            if 0 <= start_s < end_s < MAX_TIME_S and 0 <= x <= 1 and 0 <= y <= 1 and video.isascii() and video.strip():
                return Segment(number, video.strip(), start_s, end_s, x, y)
    return _careful_segment(number, line, cells, layout)


def _careful_segment(number: int, line: str, cells: list[str], layout: Layout) -> Segment:
    """Return what a row says that may be bad or hold more than a segment and a place."""
    column_of = layout.column_of
    if len(cells) != layout.n_cells:
        at = column_of["video"]
        video = _guess(cells[at]) if at < len(cells) else ""
        return Segment(number, video, problem=("malformed_row", f"has {len(cells)} cells, not {layout.n_cells}"))
    video = cells[column_of["video"]].strip()
    if not video:
        return Segment(number, "", problem=("empty_clip_name", "the cell of the id is empty"))
    if not line.isascii() and wrong_byte(cells):
        reason = f"is no UTF-8 text (byte {wrong_byte(cells)})"
        return Segment(number, _guess(video), problem=("malformed_row", reason))
    try:
        start_s, end_s = float(cells[column_of["start_s"]]), float(cells[column_of["end_s"]])
    except ValueError:
        got = " and ".join(repr(cells[column_of[name]]) for name in ("start_s", "end_s"))
        return Segment(number, video, problem=("invalid_time", f"start and end must be seconds. Got {got}"))
    if not 0 <= start_s < end_s < MAX_TIME_S:
        rule = "must end after it starts" if end_s <= start_s else "must start at 0 s or later and end some time"
        reason = f"{video!r} {rule}. Got {start_s:g} to {end_s:g}"
        return Segment(number, video, problem=("invalid_time", reason))
    texts = [cells[column_of[name]] for name in ("x", "y") if name in column_of]
    x = y = None
    if len(texts) == 2 and any(text.strip() for text in texts):
        x, y = (_number(text) for text in texts)
        if x is None or y is None or not (0 <= x <= 1 and 0 <= y <= 1):
            reason = f"x and y must be parts of the picture, 0 to 1. Got {texts[0]!r} and {texts[1]!r}"
            return Segment(number, video, problem=("invalid_place", reason))
    if not layout.others:
        return Segment(number, video, start_s, end_s, x, y)
    others = {name: cells[column_of[name]].strip() for name in layout.others}
    others = {name: value for name, value in others.items() if value}
    return Segment(number, video, start_s, end_s, x, y, others, clean_attributes(others))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _guess(video: str) -> str:
    """Return the id of a broken row as text that can be stored."""
    return video.strip().encode("utf-8", "backslashreplace").decode("utf-8")[:MAX_NAME_CHARS]


def _header(path: Path, cells: list[str], columns: Mapping[str, str]) -> Layout | None:
    """Return the layout that a first line names, or None where it names none."""
    names = [cell.strip() for cell in cells]
    plain = ["".join(char for char in name.lower() if char.isalnum()) for name in names]
    column_of: dict[str, int] = {}
    for name, column in columns.items():
        if name not in SEGMENT_COLUMNS and name not in ALIASES:
            raise ConfigError(
                f"`columns` knows no field {name!r}. Fields: {', '.join({**SEGMENT_COLUMNS, **ALIASES})}."
            )
        if column in names:
            column_of[name] = names.index(column)
        elif any(text in plain for usual in SEGMENT_COLUMNS.values() for text in usual) or not _is_row(cells):
            raise ConfigError(
                f"{path} has no column {column!r}, which `columns` gives for {name!r}. It has: {', '.join(names)}."
            )
    for name, usual in {**SEGMENT_COLUMNS, **_plain(ALIASES)}.items():
        free = [plain.index(text) for text in usual if text in plain and plain.index(text) not in column_of.values()]
        if name not in column_of and free:
            column_of[name] = free[0]
    if any(name not in column_of for name in NEEDED):
        if not columns and names[-5:] == list("01234") and names[:-5] in ([], [""]):
            # A data frame without names was saved.
            return Layout({name: i + len(names) - 5 for name, i in OFFICIAL.items()}, len(names), has_header=True)
        return None
    taken = set(column_of.values())
    own = {name: i for i, name in enumerate(names) if i not in taken and plain[i] not in INDEX_COLUMNS}
    return Layout({**own, **column_of}, len(cells), has_header=True)


def _is_row(cells: list[str]) -> bool:
    """Whether a line without header could be a row: it ends in four numbers."""
    try:
        return all(math.isfinite(float(cell)) for cell in cells[-4:])
    except ValueError:
        return False


def _plain(aliases: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the usual columns of people and attributes in small letters and digits alone."""
    fields = (name for name in aliases if name not in ("clip", "video", "start_s", "end_s"))
    return {name: tuple(text.replace("_", "") for text in aliases[name]) for name in fields}


def _quoted(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return line.split(",")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Iterate over (number, line without its end), skipping blank lines.

    Raises:
        DataError: the file cannot be read, or is no text.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for number, line in enumerate(file, start=1):
                if number == 1 and "\x00" in line:
                    raise DataError(f"{path} must be UTF-8 text. It holds zero bytes. Save it as UTF-8.")
                text = line.rstrip("\n")
                if text.strip(" \t,"):
                    yield number, text
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e}).") from e
