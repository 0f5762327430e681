r"""The source "pairs": a folder with `faces/`, `voices/` and `clips.csv`, one row a clip.

The files of a clip are those whose name without extension is the clip's name. Without `clips.csv`, the folder may be
unpaired: `faces/PERSON/...` and `voices/PERSON/...`, joined by person only, where each file is a clip of its own.
Reading the table is the affair of `visavox.corpus.sources.clips_table`, finding files of `file_index`.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("faces/a.jpg", "voices/a.wav"):
    ...     (folder / name).parent.mkdir()
    ...     _ = (folder / name).write_bytes(b"")
    >>> _ = (folder / "clips.csv").write_text("clip,youtube_id,sex\na,v1,F\n")
    >>> [(r.clip, r.video, r.attributes["gender"].value, r.problem) for r in PairsSource(folder)]
    [('a', 'v1', 'f', None)]
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from visavox.corpus.items import GIVEN, Attribute, Modality
from visavox.corpus.sources.base import ClipRecord, Source
from visavox.corpus.sources.clips_table import ClipRow, ClipsTable, count_rows, read_rows, read_table
from visavox.corpus.sources.file_index import FileIndex, readable_name
from visavox.errors import ConfigError
from visavox.registry import SOURCES

logger = logging.getLogger(__name__)

N_EXTRA_NAMED = 5  # files that no row names: how many of them stats and log give as examples


@SOURCES.register("pairs")
class PairsSource(Source):
    """Clips of a folder of faces and voices.

    Args:
        root: the folder; holds `faces/` and `voices/`, and `clips.csv` unless it is unpaired.
        columns: from our field (clip, person, video, session, start_s, end_s, gender, nationality, language, age) to
            the column of `clips.csv` that holds it; fields not given are found under their usual names. Columns that
            are no field become attributes under their own names.
        faces: name of the folder of faces inside `root`.
        voices: name of the folder of voices inside `root`.
        table: name of the table inside `root`.

    Iterating raises:
        ConfigError: a folder, the table or a column is missing.
        DataError: the table is no UTF-8 CSV file.
    """

    def __init__(
        self,
        root: str | Path,
        columns: Mapping[str, str] | None = None,
        faces: str = "faces",
        voices: str = "voices",
        table: str = "clips.csv",
    ) -> None:
        """Store the arguments; the folder is read when iterating."""
        self.root = root
        self.columns = columns
        self.faces = faces
        self.voices = voices
        self.table = table
        self._stats: dict[str, object] = {}

    def __iter__(self) -> Iterator[ClipRecord]:
        """Iterate over the clips: rows in their order, or files by name in an unpaired folder."""
        self._check_folder()
        indices: dict[Modality, FileIndex] = {
            "face": FileIndex(Path(self.root) / self.faces),
            "voice": FileIndex(Path(self.root) / self.voices),
        }
        problems: Counter[str] = Counter()
        n_records = 0
        for record in self._paired(indices) if self._table_path.is_file() else self._unpaired(indices):
            n_records += 1
            if record.problem:
                problems[record.problem[0]] += 1
            yield record
        extra = {modality: index.unused() for modality, index in indices.items()}
        self._stats = {
            "n_records": n_records,
            "n_problems": dict(sorted(problems.items())),
            "n_extra_faces": len(extra["face"]),
            "n_extra_voices": len(extra["voice"]),
            "extra_examples": (extra["face"] + extra["voice"])[:N_EXTRA_NAMED],
        }
        if extra["face"] or extra["voice"]:
            logger.info(
                "%s holds %d faces and %d voices that no clip names, for example %s",
                self.root,
                len(extra["face"]),
                len(extra["voice"]),
                ", ".join((extra["face"] + extra["voice"])[:N_EXTRA_NAMED]),
            )

    def __len__(self) -> int:
        """Return the number of records: rows of the table, or files of an unpaired folder."""
        self._check_folder()
        if self._table_path.is_file():
            return count_rows(read_table(self._table_path, self.columns))
        return sum(len(_files_of_people(FileIndex(Path(self.root) / name))) for name in (self.faces, self.voices))

    def settings(self) -> dict[str, object]:
        """Return the arguments as JSON values; the folder by its name alone, so that a corpus may be moved."""
        return {
            "name": "pairs",
            "folder": Path(self.root).resolve().name,
            "columns": dict(self.columns or {}),
            "faces": self.faces,
            "voices": self.voices,
            "table": self.table,
        }

    def stats(self) -> dict[str, object]:
        """Return figures of the last complete iteration; empty before it.

        Returns:
            `n_records`, `n_problems` by status, `n_extra_faces` and `n_extra_voices` (files that no row names) and
            `extra_examples`, some of their names.
        """
        return dict(self._stats)

    @property
    def _table_path(self) -> Path:
        return Path(self.root) / self.table

    def _check_folder(self) -> None:
        folder = Path(self.root)
        if not folder.is_dir():
            raise ConfigError(f"The source folder {folder} does not exist. Give a folder with faces/ and voices/.")
        has_table = self._table_path.is_file()
        media = [name for name in (self.faces, self.voices) if (folder / name).is_dir()]
        if len(media) < 2:
            missing = sorted({self.faces, self.voices} - set(media))
            raise ConfigError(
                f"{folder} must hold {self.faces}/, {self.voices}/ and {self.table}. There is no "
                f"{' and no '.join(f'{name}/' for name in missing)}. Create it, or name it with faces= or voices=."
            )
        if not has_table and not any(entry.is_dir() for name in media for entry in (folder / name).iterdir()):
            raise ConfigError(
                f"{folder} has no {self.table}, which says which face goes with which voice. Write one with a column "
                f"'clip', or sort the files into {self.faces}/PERSON/ and {self.voices}/PERSON/."
            )

    def _paired(self, indices: Mapping[Modality, FileIndex]) -> Iterator[ClipRecord]:
        table = read_table(self._table_path, self.columns)
        line_of: dict[str, int] = {}
        for row in read_rows(table):
            problem = row.problem
            if problem is None and row.clip in line_of:
                problem = ("duplicate_key", f"{_at(table, row)}: clip {row.clip!r} is in line {line_of[row.clip]} too")
            if problem is not None:
                # Its own name, so that neither the first clip of this name nor its rows are touched.
                name = _free_name(row, line_of)
                line_of[name] = row.line
                yield ClipRecord(name, problem=problem)
                continue
            line_of[row.clip] = row.line
            yield self._record(row, table, indices)

    def _record(self, row: ClipRow, table: ClipsTable, indices: Mapping[Modality, FileIndex]) -> ClipRecord:
        folders: dict[Modality, str] = {"face": self.faces, "voice": self.voices}
        paths: dict[Modality, Path | None] = {}
        reasons: list[tuple[str, str]] = []
        for modality, index in indices.items():
            found = index.find(row.clip)
            paths[modality] = found[0] if len(found) == 1 else None
            if not found:
                reasons.append(("missing_file", f"no file {row.clip!r}.* in {folders[modality]}/"))
            elif len(found) > 1:
                names = ", ".join(readable_name(path.name) for path in found)
                reasons.append(("ambiguous_file", f"several files for {row.clip!r} in {folders[modality]}/: {names}"))
        problem = (reasons[0][0], f"{_at(table, row)}: {'; '.join(text for _, text in reasons)}") if reasons else None
        return ClipRecord(
            row.clip,
            face_path=paths["face"],
            voice_path=paths["voice"],
            person=row.person,
            video=row.video,
            session=row.session,
            start_s=row.start_s,
            end_s=row.end_s,
            attributes={name: Attribute(value, GIVEN) for name, value in row.attributes.items()},
            problem=problem,
            face_source=indices["face"].source(paths["face"]),
            voice_source=indices["voice"].source(paths["voice"]),
        )

    def _unpaired(self, indices: Mapping[Modality, FileIndex]) -> Iterator[ClipRecord]:
        folders: dict[Modality, str] = {"face": self.faces, "voice": self.voices}
        for modality, index in indices.items():
            for name, path in _files_of_people(index).items():
                index.find(name)
                person = readable_name(path.relative_to(index.folder).parts[0])
                # The clip is the file's whole path: a face and a voice of equal names are no pair.
                clip = f"{folders[modality]}/{readable_name(path.relative_to(index.folder).as_posix())}"
                if modality == "face":
                    yield ClipRecord(clip, face_path=path, person=person, face_source=index.source(path))
                else:
                    yield ClipRecord(clip, voice_path=path, person=person, voice_source=index.source(path))


def _files_of_people(index: FileIndex) -> dict[str, Path]:
    """Return the files that lie in a person's folder, by their paths inside the index, hidden files left out."""
    return {
        path.relative_to(index.folder).as_posix(): path
        for path in index.paths()
        if len(path.relative_to(index.folder).parts) > 1 and not path.name.startswith(".")
    }


def _at(table: ClipsTable, row: ClipRow) -> str:
    return f"{table.path.name} line {row.line}"


def _free_name(row: ClipRow, taken: Mapping[str, int]) -> str:
    """Return a clip name for a row that cannot have its own: its line number makes it unique and repeatable."""
    name = f"{row.clip}#line{row.line}"
    while name in taken:
        name += "#"
    return name
