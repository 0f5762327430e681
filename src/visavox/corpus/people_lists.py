"""Lists of people and videos, in whatever form they come, and what a corpus shares with them.

A test list, the people an encoder was trained on, another corpus: each row of such a list is one person or video under
one or several names ("id10001" and "A.B._Sample"). Names are compared without capitals, accents, spaces and marks;
videos and digests letter by letter. A name of digits alone says nothing outside its own corpus and is not compared.

Example:
    >>> row = ListRow(people=("id10002", "C.D._Sample"))
    >>> found = PeopleList("a.csv", (row,)).shared_with({"c d sample", "Ann"}, videos=())
    >>> [(match.name, match.listed) for match in found.people]
    [('c d sample', 'C.D._Sample')]
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from visavox.corpus.catalog import Catalog
from visavox.errors import DataError, one_line

PERSON_COLUMN = re.compile(r"(person|speaker|identity|celebrity|name|fullname|voxceleb\d?|vgg(face)?\d?)(\d?|id|name)")
VIDEO_COLUMN = re.compile(r"(video|youtube|yt)(id|name)?|url|address")
TIME_COLUMNS = frozenset({"start", "end", "starts", "ends", "starttime", "endtime"})  # beside them, "id" is a video's
SEVERAL = ("\t", ",", ";")
YOUTUBE_ID = re.compile(r"[\w-]{11}")
NUMBER = re.compile(r"\d+(\.\d+)?")
# Letters that Unicode does not take apart into a plain letter and its mark.
PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


@dataclass(frozen=True, slots=True)
class ListRow:
    """One person or video of a list, under every name that the row gives."""

    people: tuple[str, ...] = ()
    """Names and ids of one person."""
    videos: tuple[str, ...] = ()
    """Names of videos."""
    digests: tuple[str, ...] = ()
    """SHA-256 of stored media, where the list is a catalog."""


@dataclass(frozen=True, slots=True)
class Match:
    """A name of the corpus that stands in a list too."""

    name: str
    """As the corpus writes it."""
    listed: str
    """As the list writes it."""
    row: ListRow
    """The row of the list, with the other names of the same person."""


@dataclass(frozen=True)
class Shared:
    """What a corpus and a list have in common."""

    people: tuple[Match, ...]
    """In the order of the corpus's names."""
    videos: tuple[Match, ...]
    digests: tuple[str, ...]
    """Of identical stored files."""
    n_numbers: int
    """People of the corpus who were not compared, because their names are numbers."""


@dataclass(frozen=True)
class PeopleList:
    """The rows of a list."""

    name: str
    """What to call the list."""
    rows: tuple[ListRow, ...]

    @property
    def n_people(self) -> int:
        """People that the list names, each once."""
        return len({name_key(row.people[0]) or row.people[0] for row in self.rows if row.people})

    @property
    def n_videos(self) -> int:
        """Videos that the list names, each once."""
        return len({video for row in self.rows for video in row.videos})

    def shared_with(self, people: Iterable[str], videos: Iterable[str], digests: Iterable[str] = ()) -> Shared:
        """Return what stands in the list too.

        Args:
            people: names of people of a corpus.
            videos: its videos; of a path like "id10001/AbCdEfGhIjK/00001.wav" each part is compared as well.
            digests: of its stored media.
        """
        by_person = {key: (row, name) for row in self.rows for name in row.people if (key := name_key(name))}
        by_video = {video: row for row in self.rows for video in row.videos}
        by_digest = {digest for row in self.rows for digest in row.digests}
        people, n_numbers, found = sorted(set(people)), 0, []
        for name in people:
            key = name_key(name)
            n_numbers += not key
            if key in by_person:
                row, listed = by_person[key]
                found.append(Match(name, listed, row))
        seen = []
        for video in sorted(set(videos)):
            known = [part for part in video_names(video) if part in by_video]
            seen += [Match(video, part, by_video[part]) for part in known[:1]]
        return Shared(tuple(found), tuple(seen), tuple(sorted(by_digest.intersection(digests))), n_numbers)


def name_key(name: str) -> str:
    """Return what two spellings of a name have in common; "" for a name of digits or marks alone.

    Example:
        >>> name_key("Beyoncé_Knowles-Carter") == name_key("beyonce knowles carter"), name_key("017")
        (True, '')
    """
    plain = unicodedata.normalize("NFKD", name).casefold().translate(PLAIN)
    key = "".join(char for char in plain if char.isalnum())
    return "" if key.isdigit() else key


def video_names(video: str) -> tuple[str, ...]:
    """Return the names under which a video may stand in a list: itself, then the parts of its path without suffix.

    Example:
        >>> video_names("id10001/AbCdEfGhIjK.mp4")
        ('id10001/AbCdEfGhIjK.mp4', 'AbCdEfGhIjK')
    """
    parts = video.replace("\\", "/").split("/")
    stems = [re.sub(r"\.\w{1,5}$", "", part) for part in parts]
    # The folders of a path may be people: a part counts where it looks like a YouTube id, the file's own name always.
    inner = [stem for stem in stems[:-1] if YOUTUBE_ID.fullmatch(stem)]
    return tuple(dict.fromkeys([video, stems[-1], *inner]))


def read_people_list(path: Path) -> PeopleList:
    """Read a list: CSV or TSV, lines of text, lists of trials, the catalog of a corpus, or its folder.

    A table needs a column of people or of videos, whatever its other columns; the usual names are known. A table
    without a header is taken for the official list of AVSpeech where it looks like it. In a text each line is a name;
    lines of paths, as trial lists have, name people by their first part and videos by their second. Empty lines and
    those that begin with # do not count.

    Raises:
        DataError: no such file, no text, or a table without a known column.
    """
    if path.is_dir():
        path = path / "catalog.sqlite"
    if not path.is_file():
        raise DataError(f"There is no list {path}. Give a CSV, TSV or text file, or the catalog.sqlite of a corpus.")
    try:
        with path.open("rb") as file:
            is_catalog = file.read(15) == b"SQLite format 3"
        text = "" if is_catalog else path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no list that can be read ({error}). Save it as text in UTF-8.") from error
    if is_catalog:
        return PeopleList(f"{path.parent.name}/{path.name}", tuple(_catalog_rows(path)))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    separator = next((mark for mark in SEVERAL if lines and mark in lines[0]), None)
    if separator is None and not (lines and _is_column(_plain(lines[0]))):
        return PeopleList(path.name, tuple(_line_rows(lines)))
    try:
        cells = list(csv.reader(lines, delimiter=separator or ",", strict=True))
    except csv.Error as error:
        raise DataError(f"{path} is no table that can be read ({error}). Check its quotes.") from error
    return PeopleList(path.name, tuple(_table_rows(cells, path)))


def _line_rows(lines: Sequence[str]) -> Iterable[ListRow]:
    for line in lines:
        paths = [word.split("/") for word in line.split() if "/" in word]
        if not paths:
            yield ListRow(people=(line.strip(),))
        for parts in paths:
            yield ListRow(people=(parts[0],), videos=(parts[1],) if len(parts) > 2 else ())


def _table_rows(cells: Sequence[Sequence[str]], path: Path) -> Iterable[ListRow]:
    header = [_plain(cell) for cell in cells[0]]
    people = [place for place, name in enumerate(header) if PERSON_COLUMN.fullmatch(name)]
    videos = [place for place, name in enumerate(header) if VIDEO_COLUMN.fullmatch(name)]
    if "id" in header and not (people and videos):
        (videos if TIME_COLUMNS & set(header) else people).append(header.index("id"))
    first = 1
    if not people and not videos:
        first, videos = 0, _video_columns(cells[0])
    if not people and not videos:
        named = one_line(", ".join(cells[0][:8]))
        raise DataError(
            f"{path} has no column of people or videos. Its first row is {named}. Name one of its columns person, "
            "name, id, video or youtube_id."
        )
    for row in cells[first:]:
        yield ListRow(people=_cells(row, people), videos=_cells(row, videos))


def _plain(cell: str) -> str:
    return "".join(char for char in cell.casefold() if char.isalnum())


def _is_column(header: str) -> bool:
    return bool(PERSON_COLUMN.fullmatch(header) or VIDEO_COLUMN.fullmatch(header))


def _video_columns(row: Sequence[str]) -> list[int]:
    """Return the column of videos of a table without header: a YouTube id followed by two times."""
    for place in range(len(row) - 2):
        times = row[place + 1 : place + 3]
        if YOUTUBE_ID.fullmatch(row[place]) and all(NUMBER.fullmatch(cell.strip()) for cell in times):
            return [place]
    return []


def _cells(row: Sequence[str], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(row[place].strip() for place in places if place < len(row) and row[place].strip())


def _catalog_rows(path: Path) -> Iterable[ListRow]:
    """One row a person, with the videos and files that are that person's."""
    with Catalog.open(path) as catalog:
        videos: dict[str, set[str]] = {}
        digests: dict[str, set[str]] = {}
        for item in catalog.items():
            person = item.person or ""
            videos.setdefault(person, set()).update([item.video] if item.video else [])
            digests.setdefault(person, set()).update([item.digest] if item.digest else [])
    for person, names in videos.items():
        yield ListRow((person,) if person else (), tuple(sorted(names)), tuple(sorted(digests[person])))
