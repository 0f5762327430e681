r"""The source "avspeech": the lists of AVSpeech, one segment of a YouTube video and a speaker's place a row.

Read as they are: the official files without header (YouTube id, start, end, x, y), files with a header (any order,
other columns become attributes), and files with a column of row numbers before the id, with or without header. Nothing
is fetched here: a record names an address, or a file of a folder of videos.

Source: Ephrat et al., "Looking to Listen at the Cocktail Party" (2018); x and y are the centre of the speaker's face at
the beginning of the segment, as parts of the width and the height, from the upper left corner.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "avspeech_test.csv"
    >>> _ = path.write_text("-abcdEFGH12,30.03,36.745,0.744531,0.211111\n")
    >>> [(r.clip, r.address, r.start_s, r.end_s) for r in AvspeechSource(path)]
    [('-abcdEFGH12_30030_36745', 'youtube:-abcdEFGH12', 30.03, 36.745)]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from visavox.corpus.items import GIVEN, Attribute
from visavox.corpus.sources.avspeech_rows import Segment, count_rows, find_layout, read_segments
from visavox.corpus.sources.base import ClipRecord, Source
from visavox.corpus.sources.seen_names import SeenNames
from visavox.corpus.sources.speaker_path import SpeakerPath
from visavox.corpus.sources.video_places import VideoPlaces
from visavox.errors import ConfigError
from visavox.registry import SOURCES

FIRST_BATCH, BATCH = 16, 512  # rows at once: few at first, so that the first clip comes soon
AT_START = (0.0,)
NO_ATTRIBUTES: Mapping[str, Attribute] = {}
NO_FIELDS: Mapping[str, str] = {}


@SOURCES.register("avspeech")
class AvspeechSource(Source):
    """Clips of a list of AVSpeech.

    A clip is named `ID_START_END`, both in milliseconds, wherever its row stands. A row that says the same segment
    again is a `duplicate_key` of a name of its own.

    Args:
        root: the list, or a folder that holds one whose name begins with "avspeech".
        columns: from our field (video, start_s, end_s, x, y, person, session, gender, ...) to its column, for a list
            with a header that names it otherwise.
        table: name of the list inside `root`, or its path, where `root` is a folder with several.
        media: where the videos are: "" at YouTube; a folder with files named by id; or an address with `{video}`.

    Iterating raises:
        ConfigError: the list, a column or the folder of videos is missing.
        DataError: the list cannot be read.
    """

    def __init__(
        self,
        root: str | Path,
        columns: Mapping[str, str] | None = None,
        table: str = "",
        media: str = "",
    ) -> None:
        """Store the arguments; the list is read when iterating."""
        self.root = root
        self.columns = columns
        self.table = table
        self.media = media
        self._stats: dict[str, object] = {}

    def __iter__(self) -> Iterator[ClipRecord]:
        """Iterate over the clips, in the order of the list."""
        return self.fresh(())

    def fresh(self, done: Container[str]) -> Iterator[ClipRecord]:
        """Iterate over the clips that are not done, in the order of the list; most of the work is left out for others.

        Args:
            done: names of clips.
        """
        path = self._path()
        layout = find_layout(path, self.columns or {})
        places = VideoPlaces(self.media, Path(self.root))
        places.check()
        rows, seen, problems = read_segments(path, layout), SeenNames(), Counter[str]()
        n_records, size = 0, FIRST_BATCH
        while batch := [(row, _clip_name(row, path)) for row in islice(rows, size)]:
            size = min(4 * size, BATCH)
            n_records += len(batch)
            for (row, clip), is_new in zip(batch, seen.are_new([name for _, name in batch]), strict=True):
                if is_new and clip in done:
                    if row.problem is not None:
                        problems[row.problem[0]] += 1
                    continue
                record = self._record(row, clip, places, path)
                if not is_new:
                    record = _doubled(record, row.line, path)
                if record.problem is not None:
                    problems[record.problem[0]] += 1
                if is_new or record.clip not in done:
                    yield record
        self._stats = {
            "n_records": n_records,
            "n_problems": dict(sorted(problems.items())),
            "list": path.name,
            "layout": layout.words(),
        }

    def __len__(self) -> int:
        """Return the number of records: rows of the list."""
        path = self._path()
        return count_rows(path, find_layout(path, self.columns or {}))

    def settings(self) -> dict[str, object]:
        """Return the arguments as JSON values; files and folders by their names alone, so that they may be moved."""
        return {
            "name": "avspeech",
            "folder": Path(self.root).resolve().name,
            "columns": dict(self.columns or {}),
            "table": Path(self.table).name,
            "media": VideoPlaces(self.media).setting(),
        }

    def stats(self) -> dict[str, object]:
        """Return figures of the last complete iteration; empty before it.

        Returns:
            `n_records`, `n_problems` by status, `list` (its name) and `layout`, how the list was understood.
        """
        return dict(self._stats)

    def _path(self) -> Path:
        """Return the list.

        Raises:
            ConfigError: there is none, or several.
        """
        root = Path(self.root)
        if self.table:
            found = next((path for path in (root / self.table, Path(self.table)) if path.is_file()), None)
            if found is None:
                raise ConfigError(f"There is no list {self.table} in {root} or here. Correct `table`.")
            return found
        if root.is_file():
            return root
        if not root.is_dir():
            raise ConfigError(f"There is no list {root}. Give the CSV file of AVSpeech, or a folder that holds it.")
        lists = sorted(path for path in root.glob("*.csv") if path.name.lower().startswith("avspeech"))
        if len(lists) != 1:
            names = ", ".join(path.name for path in lists) or "none"
            raise ConfigError(
                f"{root} must hold one list avspeech*.csv. It holds: {names}. Give the file itself, or its name as "
                "`table`."
            )
        return lists[0]

    def _record(self, row: Segment, clip: str, places: VideoPlaces, path: Path) -> ClipRecord:
        if row.problem is not None:
            reason = f"{path.name} line {row.line}: {row.problem[1]}"
            return ClipRecord(clip, video=row.video or None, problem=(row.problem[0], reason))
        address = places.address(row.video)
        problem, file = None, None
        source = address
        if not address:
            _, file, source, problem = places.place(row.video)
            if problem is not None:
                problem = (problem[0], f"{path.name} line {row.line}: {problem[1]}")
        fields = row.fields or NO_FIELDS
        return ClipRecord(
            clip,
            file,
            file,
            fields.get("person"),
            row.video,
            fields.get("session"),
            row.start_s,
            row.end_s,
            True,  # is_whole_video; by position, since a list has millions of rows
            address,
            None if row.x is None or row.y is None else SpeakerPath(AT_START, ((row.x, row.y),)),
            NO_ATTRIBUTES if not row.attributes else {k: Attribute(v, GIVEN) for k, v in row.attributes.items()},
            problem,
            source,
            source,
        )


def _clip_name(row: Segment, path: Path) -> str:
    if row.problem is not None:
        return f"{row.video or path.name}#line{row.line}"
    # round() and not a cut: 1.001 * 1000 is 1000.9999999999999
    return f"{row.video}_{round(row.start_s * 1000)}_{round(row.end_s * 1000)}"


def _doubled(record: ClipRecord, line: int, path: Path) -> ClipRecord:
    """Return the record of a row whose segment an earlier one has."""
    reason = f"{path.name} line {line}: the segment {record.clip!r} is in an earlier line too"
    return replace(
        record,
        clip=f"{record.clip}#line{line}",
        face_path=None,
        voice_path=None,
        address="",
        problem=("duplicate_key", reason),
    )
