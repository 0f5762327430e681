r"""The source "videos": a folder of talking-head videos, each a clip with one face and one voice.

Who speaks stands in a table (`people.csv` in the folder, where there is one) or in the name of a folder. Finding and
reading the table is the affair of `visavox.corpus.sources.clips_table`; no video is opened here.

    root/people.csv                      video,person,gender          a table names the people ...
    root/videos/ann/1.mp4                videos/ann/1.mp4,Ann,f
    root/ann/1.mp4                                                    ... or the first folder does (person_part=1)

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

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from visavox.corpus.items import GIVEN, Attribute
from visavox.corpus.sources.base import ClipRecord, Source
from visavox.corpus.sources.clips_table import ALIASES, ClipRow, ClipsTable, count_rows, read_rows, read_table
from visavox.corpus.sources.file_index import FileIndex, readable_name
from visavox.errors import ConfigError, DataError
from visavox.registry import SOURCES

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "m2v", "ogv", "3gp", "flv", "wmv", "asf", "vob"),
        *("ts", "mts", "m2ts", "mxf"),
    )
)
"""Names of videos end so, capitals ignored."""
DEFAULT_TABLE = "people.csv"
VIDEO_COLUMNS = (
    *("file", "path", "file_path", "filename", "file_name", "video_file", "video_path"),
    *ALIASES["clip"],
    *("video", "video_id"),
)
"""Columns that may name the video of a row; "video" last, since beside another one it is the video it was cut from."""
FOLDERS = {0: "nothing", 1: "the first folder below the root", -1: "the folder that holds the video"}
"""What names the people, in words."""
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
            unique. Videos that no row names are left out, and counted.
        person_part: without a table (or a column of people) the folder that names the person: 1 the first below
            `root`, 2 the second, -1 the one that holds the video, -2 the one above; 0: nobody is known.

    Iterating raises:
        ConfigError: the folder, the table or a column is missing.
        DataError: there is no video; the table is no UTF-8 CSV file.
    """

    def __init__(
        self,
        root: str | Path,
        columns: Mapping[str, str] | None = None,
        table: str = "",
        person_part: int = 1,
    ) -> None:
        """Store the arguments; the folder is searched when iterating."""
        self.root = root
        self.columns = columns
        self.table = table
        self.person_part = person_part
        self._stats: dict[str, object] = {}

    def __iter__(self) -> Iterator[ClipRecord]:
        """Iterate over the clips: rows in their order, or videos by name where there is no table."""
        videos = self._videos()
        table = self._read_table()
        n_records, problems, people, used = 0, Counter[str](), set[str](), set[str]()
        for record in self._unlisted(videos) if table is None else self._listed(videos, table):
            n_records += 1
            problems.update([record.problem[0]] if record.problem else [])
            people.update([record.person] if record.person else [])
            used.add(record.face_source)
            yield record
        extra = [] if table is None else [name for name in videos.names if readable_name(name) not in used]
        self._stats = {
            "n_records": n_records,
            "n_problems": dict(sorted(problems.items())),
            "n_people": len(people),
            "people_from": self._people_from(table),
            "n_extra_videos": len(extra),
            "extra_examples": [readable_name(name) for name in extra[:N_EXTRA_NAMED]],
        }

    def __len__(self) -> int:
        """Return the number of records: rows of the table, or videos."""
        table = self._read_table()
        return len(self._videos().names) if table is None else count_rows(table)

    def settings(self) -> dict[str, object]:
        """Return the arguments as JSON values; the folder by its name alone, so that a corpus may be moved."""
        return {
            "name": "videos",
            "folder": Path(self.root).resolve().name,
            "columns": dict(self.columns or {}),
            "table": self.table,
            "person_part": self.person_part,
        }

    def stats(self) -> dict[str, object]:
        """Return figures of the last complete iteration; empty before it.

        Returns:
            `n_records`, `n_problems` by status, `n_people` and `people_from` (what named them), `n_extra_videos`
            (videos that no row names) and `extra_examples`, some of their paths.
        """
        return dict(self._stats)

    def _videos(self) -> _Videos:
        folder = Path(self.root)
        if not folder.is_dir():
            raise ConfigError(f"The source folder {folder} does not exist. Give a folder with videos.")
        names = [path.relative_to(folder).as_posix() for path in FileIndex(folder).paths()]
        names = [name for name in names if _is_video_name(name)]
        if not names:
            raise DataError(
                f"{folder} holds no clips: no file in it is named like a video (.mp4, .mov, .mkv, .webm, .avi, .mpg "
                "...). Give a folder with videos, or another --source."
            )
        return _Videos(folder, names)

    def _read_table(self) -> ClipsTable | None:
        root = Path(self.root)
        path = root / (self.table or DEFAULT_TABLE)
        if self.table and not path.is_file():
            path = Path(self.table)
        if not path.is_file():
            if self.table:
                raise ConfigError(f"There is no table {self.table} in {root} or here. Correct `table`.")
            return None
        return read_table(path, self.columns, aliases={**ALIASES, "clip": VIDEO_COLUMNS})

    def _people_from(self, table: ClipsTable | None) -> str:
        if table is not None and "person" in table.column_of:
            return table.path.name
        return FOLDERS.get(self.person_part, f"folder {self.person_part} of each path")

    def _unlisted(self, videos: _Videos) -> Iterator[ClipRecord]:
        for name in videos.names:
            yield self._record(videos, name, ClipRow(0, name, person=self._person(name)))

    def _listed(self, videos: _Videos, table: ClipsTable) -> Iterator[ClipRecord]:
        line_of: dict[str, int] = {}
        has_people = "person" in table.column_of
        for row in read_rows(table):
            at = f"{table.path.name} line {row.line}"
            found = [] if row.problem else videos.find(row.clip)
            problem = row.problem
            if problem is None and not found:
                problem = ("missing_file", f"{at}: no video {row.clip!r} in {Path(self.root).name}/")
            elif problem is None and len(found) > 1:
                names = ", ".join(readable_name(name) for name in found)
                problem = ("ambiguous_file", f"{at}: several videos for {row.clip!r}: {names}")
            elif problem is None and videos.clip_of[found[0]] in line_of:
                before = line_of[videos.clip_of[found[0]]]
                problem = ("duplicate_key", f"{at}: the video {row.clip!r} is in line {before} too")
            if problem is None:
                line_of[videos.clip_of[found[0]]] = row.line
                person = row.person if has_people else self._person(found[0])
                yield self._record(videos, found[0], row, person=person)
            else:
                yield _failed(_free_name(row, videos, line_of), row, problem)

    def _record(self, videos: _Videos, name: str, row: ClipRow, *, person: str | None = None) -> ClipRecord:
        path, source = videos.folder / name, readable_name(name)
        return ClipRecord(
            videos.clip_of[name],
            face_path=path,
            voice_path=path,
            person=person or row.person,
            video=row.video or source,
            session=row.session,
            start_s=row.start_s,
            end_s=row.end_s,
            attributes={key: Attribute(value, GIVEN) for key, value in row.attributes.items()},
            face_source=source,
            voice_source=source,
        )

    def _person(self, name: str) -> str | None:
        """Return the folder that names the person of a video; None where it does not lie so deep."""
        folders = PurePosixPath(name).parts[:-1]
        place = self.person_part - 1 if self.person_part > 0 else self.person_part
        if self.person_part == 0 or not -len(folders) <= place < len(folders):
            return None
        return readable_name(folders[place])


class _Videos:
    """The videos of a folder and the ways to name them."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.names = list(names)
        """Paths inside the folder, sorted."""
        self.clip_of = clip_names(self.names)
        self._by_path = {_normal(name): name for name in self.names}
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_bare_name: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            path = PurePosixPath(name)
            self._by_stem[_normal(path.with_suffix("").as_posix())].append(name)
            for bare in (path.name, path.stem):
                self._by_bare_name[_normal(bare)].append(name)

    def find(self, given: str) -> list[str]:
        """Return the videos that a row may mean: none, one, or several when it cannot be decided."""
        wanted = _normal(given).replace("\\", "/").removeprefix("./")
        for name in (wanted, wanted.removeprefix(f"{_normal(self.folder.resolve().name)}/")):
            if name in self._by_path:
                return [self._by_path[name]]
            if name in self._by_stem:
                return list(self._by_stem[name])
        return list(self._by_bare_name.get(wanted, []))


def clip_names(names: Sequence[str]) -> dict[str, str]:
    """Return a unique clip name for each video: its path without the extension, with it where two would be equal.

    Args:
        names: different paths.

    Example:
        >>> clip_names(["ann/1.mp4", "bob/1.mp4", "bob/1.mov"])
        {'ann/1.mp4': 'ann/1', 'bob/1.mp4': 'bob/1.mp4', 'bob/1.mov': 'bob/1.mov'}
    """
    stems = {name: PurePosixPath(name).with_suffix("").as_posix() for name in names}
    count = Counter(stems.values())
    whole = set(names)
    return {
        name: readable_name(stem if count[stem] == 1 and stem not in whole else name) for name, stem in stems.items()
    }


def _is_video_name(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _failed(name: str, row: ClipRow, problem: tuple[str, str]) -> ClipRecord:
    return ClipRecord(
        name,
        person=row.person,
        video=row.video,
        session=row.session,
        attributes={key: Attribute(value, GIVEN) for key, value in row.attributes.items()},
        problem=problem,
    )


def _free_name(row: ClipRow, videos: _Videos, line_of: dict[str, int]) -> str:
    """Return a clip name that no video and no row before has, and take it."""
    stem = PurePosixPath(row.clip).with_suffix("").as_posix() if _is_video_name(row.clip) else row.clip
    taken = line_of.keys() | videos.clip_of.values()
    name = stem if stem and stem not in taken else f"{stem}#line{row.line}"
    while name in taken:
        name += "#"
    line_of[name] = row.line
    return name


def _normal(name: str) -> str:
    """Return the composed form: some file systems decompose accents, tables rarely do."""
    return unicodedata.normalize("NFC", name)
