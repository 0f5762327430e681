r"""The source "videos": a folder of talking-head videos, each a clip with one face and one voice.

Who speaks stands in a table (`people.csv` in the folder, where there is one) or in the name of a folder. Finding and
reading the table is the affair of `visavox.corpus.sources.clips_table`; no video is opened here.

    root/people.csv                      video,person,gender          a table names the people ...
    root/videos/ann/1.mp4                videos/ann/1.mp4,Ann,f
    root/ann/1.mp4                                                    ... or the first folder does (person_part=1)
    root/ann_01.mp4                                                   ... or a pattern: '(?P<person>[^_/]+)_'

A table may also hold segments of long videos (file,start,end), each a clip, or people alone (person,gender).

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "ann").mkdir()
    >>> _ = (folder / "ann" / "1.mp4").write_bytes(b"")
    >>> [(r.clip, r.person, r.video, r.problem) for r in VideosSource(folder)]
    [('ann/1', 'ann', 'ann/1.mp4', None)]
    >>> _ = (folder / "people.csv").write_text("file,person,sex\nann/1,Ann,F\n")
    >>> [(r.clip, r.person, r.attributes["gender"].value) for r in VideosSource(folder)]
    [('ann/1', 'Ann', 'f')]
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from visavox.corpus.items import GIVEN, Attribute
from visavox.corpus.sources.base import ClipRecord, Source
from visavox.corpus.sources.clips_table import (
    ALIASES,
    ClipRow,
    ClipsTable,
    count_rows,
    read_header,
    read_rows,
    read_table,
)
from visavox.corpus.sources.file_index import FileIndex, readable_name
from visavox.corpus.sources.metadata import Metadata
from visavox.corpus.sources.video_names import NamedVideos, is_video_name
from visavox.errors import ConfigError, DataError
from visavox.registry import SOURCES

logger = logging.getLogger(__name__)

DEFAULT_TABLE = "people.csv"
VIDEO_COLUMNS = (
    *("file", "path", "file_path", "filename", "file_name", "video_file", "video_path"),
    *ALIASES["clip"],
    *("video", "video_id"),
)
"""Columns that may name the video of a row; "video" last, since beside another one it is the video it was cut from."""
FOLDERS = {0: "nothing", 1: "the first folder below the root", -1: "the folder that holds the video"}
"""What names the people, in words."""
TIMES = ("", "file", "source")
"""What the times of a row may be: to be found out, places in the file, or where the file was cut from its source."""
N_EXTRA_NAMED = 5  # videos that no row names: how many of them stats give as examples


@SOURCES.register("videos")
class VideosSource(Source):
    """Clips of a folder of videos, searched to its depth; hidden files and folders are left out.

    Args:
        root: the folder.
        columns: from our field (clip: the video's path, person, session, gender, ...) to the column of the table that
            holds it; fields not given are found under their usual names, other columns become attributes.
        table: name of the table, in `root` or as a path of its own; "" takes `people.csv` where `root` holds one. Its
            rows name a video by the path inside `root`, with or without extension, or by its bare name where that is
            unique. Videos that no row names are left out, and counted. A table of people without videos gives every
            video of a person their attributes.
        person_part: without a table (or a column of people) the folder that names the person: 1 the first below
            `root`, 2 the second, -1 the one that holds the video, -2 the one above; 0: nobody is known.
        person_pattern: in place of `person_part` a regular expression with a group `person`, looked for in the path
            inside `root`: '(?P<person>[^_/]+)_' finds ann in x/ann_01.mp4.
        times: what start and end of a row are: "file", places in the file, of which the row is that part; "source",
            where the file, already cut, was in its source; "" takes "source" where the table names the source beside
            the file and no file twice, else "file".

    Iterating raises:
        ConfigError: the folder, the table or a column is missing; the pattern is none.
        DataError: there is no video; the table cannot be read.
    """

    def __init__(
        self,
        root: str | Path,
        columns: Mapping[str, str] | None = None,
        table: str = "",
        person_part: int = 1,
        person_pattern: str = "",
        times: str = "",
    ) -> None:
        """Store the arguments; the folder is searched when iterating."""
        self.root = root
        self.columns = columns
        self.table = table
        self.person_part = person_part
        self.person_pattern = person_pattern
        self.times = times
        self._stats: dict[str, object] = {}

    def __iter__(self) -> Iterator[ClipRecord]:
        """Iterate over the clips: rows in their order, or videos by name where there is no table."""
        index, videos, table = self._read()
        n_records, problems, people, used = 0, Counter[str](), set[str](), set[str]()
        for record in self._records(videos, table):
            n_records += 1
            problems.update([record.problem[0]] if record.problem else [])
            people.update([record.person] if record.person else [])
            used.add(record.face_source)
            yield record
        links = _links(videos) if table is None or _is_of_people(table) else set()
        extra = [name for name in videos.names if readable_name(name) not in used and name not in links]
        self._stats = {
            "n_records": n_records,
            "n_problems": dict(sorted(problems.items())),
            "n_people": len(people),
            "people_from": self._people_from(table),
            "n_extra_videos": len(extra),
            "extra_examples": [readable_name(name) for name in extra[:N_EXTRA_NAMED]],
            "n_links_left_out": len(links),
            "unreadable_folders": index.unreadable,
        }
        if index.unreadable:
            logger.warning("%d folders could not be read, for example %s", len(index.unreadable), index.unreadable[0])

    def __len__(self) -> int:
        """Return the number of records: rows of the table, or videos."""
        _, videos, table = self._read()
        if table is None or _is_of_people(table):
            return len(videos.names) - len(_links(videos))
        return count_rows(table)

    def settings(self) -> dict[str, object]:
        """Return the arguments as JSON values; the folder by its name alone, so that a corpus may be moved."""
        kept: dict[str, object] = {
            "name": "videos",
            "folder": Path(self.root).resolve().name,
            "columns": dict(self.columns or {}),
            "table": Path(self.table).name if Path(self.table).is_absolute() else self.table,
            "person_part": self.person_part,
        }
        # Only what was asked for, so that a corpus of an earlier version can be continued.
        return kept | {name: getattr(self, name) for name in ("person_pattern", "times") if getattr(self, name)}

    def stats(self) -> dict[str, object]:
        """Return figures of the last complete iteration; empty before it.

        Returns:
            `n_records`, `n_problems` by status, `n_people` and `people_from` (what named them), `n_extra_videos`
            (videos that no row names) and `extra_examples`, some of their paths, `n_links_left_out` (links to a file
            that is there under its own name) and `unreadable_folders`.
        """
        return dict(self._stats)

    def _read(self) -> tuple[FileIndex, NamedVideos, ClipsTable | None]:
        folder = Path(self.root)
        if not folder.is_dir():
            problem = "is no folder but a file" if folder.exists() else "does not exist"
            raise ConfigError(f"The source folder {folder} {problem}. Give a folder with videos.")
        if self.times not in TIMES:
            raise ConfigError(f"`times` must be 'file', 'source' or ''. Got {self.times!r}.")
        self._pattern()
        index = FileIndex(folder)
        names = [path.relative_to(folder).as_posix() for path in index.paths()]
        names = [name for name in names if is_video_name(name)]
        if not names:
            raise DataError(
                f"{folder} holds no clips: no file in it is named like a video (.mp4, .mov, .mkv, .webm, .avi, .mpg "
                "...). Give a folder with videos, or another --source."
            )
        return index, NamedVideos(folder, names), self._read_table()

    def _read_table(self) -> ClipsTable | None:
        root = Path(self.root)
        path = root / (self.table or DEFAULT_TABLE)
        if self.table and not path.is_file():
            path = Path(self.table)
        if not path.is_file():
            if self.table:
                raise ConfigError(f"There is no table {self.table} in {root} or here. Correct `table`.")
            return None
        aliases = {**ALIASES, "clip": VIDEO_COLUMNS}
        table = read_header(path, self.columns, aliases=aliases)
        return table if _is_of_people(table) else read_table(path, self.columns, aliases=aliases)

    def _people_from(self, table: ClipsTable | None) -> str:
        if table is not None and {"person", "clip"} <= table.column_of.keys():
            return table.path.name
        if self.person_pattern:
            return f"the pattern {self.person_pattern}"
        return FOLDERS.get(self.person_part, f"folder {self.person_part} of each path")

    def _records(self, videos: NamedVideos, table: ClipsTable | None) -> Iterator[ClipRecord]:
        if table is None or _is_of_people(table):
            return self._unlisted(videos, table)
        return self._listed(videos, table)

    def _unlisted(self, videos: NamedVideos, table: ClipsTable | None) -> Iterator[ClipRecord]:
        metadata = Metadata.read([] if table is None else [table.path], self.columns)
        links = _links(videos)
        for name in videos.names:
            if name not in links:
                person = self._person(name)
                known = metadata.attributes_of(person=person, video=None, clip=None)
                yield self._record(videos, name, ClipRow(0, name, person=person), known)

    def _listed(self, videos: NamedVideos, table: ClipsTable) -> Iterator[ClipRecord]:
        line_of: dict[str, int] = {}
        has_people = "person" in table.column_of
        are_segments = self._are_segments(table, videos)
        for row in read_rows(table):
            at = f"{table.path.name} line {row.line}"
            found = [] if row.problem else videos.find(row.clip)
            problem = row.problem
            clip = ""
            if problem is None and not found:
                problem = ("missing_file", f"{at}: no video {row.clip!r} in {Path(self.root).name}/")
            elif problem is None and len(found) > 1:
                names = ", ".join(readable_name(name) for name in found)
                problem = ("ambiguous_file", f"{at}: several videos for {row.clip!r}: {names}")
            elif problem is None:
                clip = _clip_name(videos.clip_of[found[0]], row, is_segment=are_segments)
                if clip in line_of:
                    same = "segment of the video" if are_segments else "video"
                    problem = ("duplicate_key", f"{at}: the {same} {row.clip!r} is in line {line_of[clip]} too")
                elif are_segments and row.start_s is not None and row.start_s == row.end_s:
                    problem = ("invalid_time", f"{at}: the segment of {row.clip!r} has no length")
            if problem is None:
                line_of[clip] = row.line
                person = row.person if has_people else self._person(found[0])
                known = {key: Attribute(value, GIVEN) for key, value in row.attributes.items()}
                yield self._record(videos, found[0], row, known, person=person, clip=clip, is_segment=are_segments)
            else:
                yield _failed(_free_name(row, videos, line_of), row, problem)

    def _are_segments(self, table: ClipsTable, videos: NamedVideos) -> bool:
        """Return whether the times of the rows are places in their files."""
        if not {"start_s", "end_s"} & table.column_of.keys():
            return False
        if self.times or "video" not in table.column_of:
            return self.times != "source"
        named = Counter(row.clip for row in read_rows(table) if not row.problem)
        return any(count > 1 and len(videos.find(clip)) == 1 for clip, count in named.items())

    def _record(
        self,
        videos: NamedVideos,
        name: str,
        row: ClipRow,
        attributes: Mapping[str, Attribute],
        *,
        person: str | None = None,
        clip: str = "",
        is_segment: bool = False,
    ) -> ClipRecord:
        path, source = videos.folder / name, readable_name(name)
        return ClipRecord(
            clip or videos.clip_of[name],
            face_path=path,
            voice_path=path,
            person=person or row.person,
            video=row.video or source,
            session=row.session,
            start_s=row.start_s,
            end_s=row.end_s,
            is_whole_video=is_segment and (row.start_s, row.end_s) != (None, None),
            attributes=attributes,
            face_source=source,
            voice_source=source,
        )

    def _person(self, name: str) -> str | None:
        """Return whom the path of a video names; None where it does not lie so deep, or the pattern is not in it."""
        if self.person_pattern:
            found = self._pattern().search(readable_name(name))
            return (found["person"] or None) if found else None
        folders = PurePosixPath(name).parts[:-1]
        place = self.person_part - 1 if self.person_part > 0 else self.person_part
        if self.person_part == 0 or not -len(folders) <= place < len(folders):
            return None
        return readable_name(folders[place])

    def _pattern(self) -> re.Pattern[str]:
        """Return the pattern of people.

        Raises:
            ConfigError: it is no regular expression, or has no group `person`.
        """
        try:
            pattern = re.compile(self.person_pattern)
        except re.error as e:
            raise ConfigError(
                f"`person_pattern` must be a regular expression. Got {self.person_pattern!r}: {e}."
            ) from e
        if self.person_pattern and "person" not in pattern.groupindex:
            raise ConfigError(
                f"`person_pattern` must have a group `person`, as in '(?P<person>[^_/]+)_'. "
                f"Got {self.person_pattern!r}."
            )
        return pattern


def _is_of_people(table: ClipsTable) -> bool:
    """Whether the table tells of people and its rows name no videos."""
    return "clip" not in table.column_of and "person" in table.column_of


def _links(videos: NamedVideos) -> set[str]:
    """Return the videos that are links to another of them, so that no clip is there twice."""
    links = [name for name in videos.names if (videos.folder / name).is_symlink()]
    if not links:
        return set()
    linked, seen = set(links), set()
    left_out = set()
    for name in [name for name in videos.names if name not in linked] + links:
        try:
            status = (videos.folder / name).stat()
        except OSError:
            continue  # a link that leads nowhere stays, and fails as a missing file
        file = (status.st_dev, status.st_ino)
        if name in linked and file in seen:
            left_out.add(name)
        seen.add(file)
    return left_out


def _clip_name(clip: str, row: ClipRow, *, is_segment: bool) -> str:
    """Return the name of a row's clip: that of its video, with begin and end in milliseconds where it is a part."""
    if not is_segment or (row.start_s, row.end_s) == (None, None):
        return clip
    end = "end" if row.end_s is None else str(round(row.end_s * 1000))
    return f"{clip}_{round((row.start_s or 0.0) * 1000)}_{end}"


def _failed(name: str, row: ClipRow, problem: tuple[str, str]) -> ClipRecord:
    return ClipRecord(
        name,
        person=row.person,
        video=row.video,
        session=row.session,
        attributes={key: Attribute(value, GIVEN) for key, value in row.attributes.items()},
        problem=problem,
    )


def _free_name(row: ClipRow, videos: NamedVideos, line_of: dict[str, int]) -> str:
    """Return a clip name that no video and no row before has, and take it."""
    stem = PurePosixPath(row.clip).with_suffix("").as_posix() if is_video_name(row.clip) else row.clip
    name = stem if stem and stem not in line_of and stem not in videos.clips else f"{stem}#line{row.line}"
    while name in line_of or name in videos.clips:
        name += "#"
    line_of[name] = row.line
    return name
