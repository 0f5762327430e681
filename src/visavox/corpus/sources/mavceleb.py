r"""The source "mavceleb": MAV-Celeb, versions 1 to 4, as the FAME challenges use it.

    voices/id0001/English/VIDEO/00000.wav        everything there is, by person, language and video ...
    faces/id0001/English/VIDEO/0010125.jpg
    voices/English/00000.wav                     ... the files of a test, of people who are not told ...
    English_train.txt, Urdu_test.txt             ... or what a list names (`table`); its formats: `mavceleb_lists`
    v1_meta.csv                                  ids,name,gender

Without a list every file is a clip of one item, joined by person. A row of a training list is a clip of both; a row of
a test list is a question, not a pair, so that its voice and its face are two clips of nobody known.

Source: Saeed et al., "Face-voice Association in Multilingual Environments" (FAME), 2024 and 2026; layouts as in
github.com/mavceleb/mavceleb_baseline and github.com/Huby98/Emo-MAVCeleb.

Example:
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("voices/id0001/Urdu/v/00000.wav", "faces/id0001/Urdu/v/0010125.jpg"):
    ...     (root / name).parent.mkdir(parents=True)
    ...     _ = (root / name).write_bytes(b"")
    >>> [(r.clip, r.person, r.attributes["language"].value) for r in MavcelebSource(root)]
    [('voices/id0001/Urdu/v/00000.wav', 'id0001', 'Urdu'), ('faces/id0001/Urdu/v/0010125.jpg', 'id0001', 'Urdu')]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from visavox.corpus.items import GIVEN, Attribute, Modality
from visavox.corpus.sources.base import ClipRecord, Source
from visavox.corpus.sources.celebrity_tables import Celebrities
from visavox.corpus.sources.mavceleb_lists import ListRow, place_of, read_list
from visavox.corpus.sources.media_trees import SOUNDS, STILLS, Tree, inside, named_folder, walk_together
from visavox.corpus.sources.still_choice import spread
from visavox.errors import ConfigError, DataError
from visavox.registry import SOURCES


@SOURCES.register("mavceleb")
class MavcelebSource(Source):
    """Clips of MAV-Celeb.

    Args:
        root: the folder of one version; holds `voices/` and `faces/`. Or a list, beside the two.
        columns: from our field (clip, voice, face, label, person, language) to its column, for a list with a header.
        table: the list, inside `root` or a path of its own; "" takes every file.
        voices: name of the folder of voices inside `root`.
        faces: name of the folder of faces.
        metadata: table of people (ids,name,gender); "" finds v1_meta.csv, v2_meta.csv, ...
        version: put before the ids, which each version counts anew: "v1" makes id0001 v1/id0001.
        pair: without a list, give each voice a face of its video, where there is one, and leave out the other faces.

    Iterating raises:
        ConfigError: a folder, the list or a column is missing.
        DataError: there is no file; a table cannot be read.
    """

    def __init__(
        self,
        root: str | Path,
        columns: Mapping[str, str] | None = None,
        table: str = "",
        voices: str = "voices",
        faces: str = "faces",
        metadata: str = "",
        version: str = "",
        pair: bool = False,
    ) -> None:
        """Store the arguments; folders and lists are read when iterating."""
        self.root = root
        self.columns = columns
        self.table = table
        self.voices = voices
        self.faces = faces
        self.metadata = metadata
        self.version = version
        self.pair = pair
        self._stats: dict[str, object] = {}

    def __iter__(self) -> Iterator[ClipRecord]:
        """Iterate over the clips: rows in their order, or voices and then faces by name."""
        path, people = self._list(), Celebrities.read(self._tables())
        counts, problems, seen = Counter[str](), Counter[str](), set[str]()
        records = self._from_files(people, counts) if path is None else self._from_list(path, people, counts)
        for record in records:
            counts["n_records"] += 1
            problems.update([record.problem[0]] if record.problem else [])
            seen.update([record.person] if record.person else [])
            yield record
        self._stats = {
            "n_records": 0,
            **counts,
            "n_problems": dict(sorted(problems.items())),
            "n_people": len(seen),
            "n_people_without_files": len({self._named(person) for person in people.by_id} - seen),
            "n_bad_metadata_rows": people.n_bad_rows,
        }

    def __len__(self) -> int:
        """Return the number of records."""
        path = self._list()
        if path is not None:
            return sum(1 for _ in self._from_list(path, Celebrities(), Counter()))
        trees = self._trees()[:1] if self.pair else self._trees()
        return sum(len(paths) for tree in trees for _, paths in walk_together([tree]))

    def settings(self) -> dict[str, object]:
        """Return the arguments as JSON values; files and folders by their names alone."""
        named = ("table", "voices", "faces", "metadata")
        kept = {name: getattr(self, name) for name in named}
        return {
            "name": "mavceleb",
            "folder": Path(self.root).resolve().name,
            "columns": dict(self.columns or {}),
            **{name: Path(value).name if Path(value).is_absolute() else value for name, value in kept.items()},
            "version": self.version,
            "pair": self.pair,
        }

    def stats(self) -> dict[str, object]:
        """Return figures of the last complete iteration; empty before it.

        Returns:
            `n_records`, `n_problems` by status, `n_people`, `n_people_without_files` (ids of the table),
            `n_pairs`, and of a list `n_questions` (rows that do not say that voice and face are of one person) and
            `n_repeated` (their files that an earlier row named).
        """
        return dict(self._stats)

    @property
    def _folder(self) -> Path:
        return Path(self.root).parent if Path(self.root).is_file() else Path(self.root)

    def _list(self) -> Path | None:
        if not Path(self.root).exists():
            raise ConfigError(f"The source folder {self.root} does not exist. Give a folder with voices/ and faces/.")
        if Path(self.root).is_file():
            return Path(self.root)
        if not self.table:
            return None
        found = next((path for path in (self._folder / self.table, Path(self.table)) if path.is_file()), None)
        if found is None:
            raise ConfigError(f"There is no list {self.table} in {self.root} or here. Correct `table`.")
        return found

    def _tables(self) -> list[Path]:
        if not self.metadata:
            return sorted(self._folder.glob("v[0-9]_meta.csv"))
        found = next((path for path in (self._folder / self.metadata, Path(self.metadata)) if path.is_file()), None)
        if found is None:
            raise ConfigError(f"There is no table {self.metadata} in {self.root} or here. Correct `metadata`.")
        return [found]

    def _trees(self) -> list[Tree]:
        trees = [
            Tree(named_folder(self._folder, self.voices, "voices"), SOUNDS),
            Tree(named_folder(self._folder, self.faces, "faces"), STILLS),
        ]
        if all(next(tree.walk(), None) is None for tree in trees):
            raise DataError(f"{self.root} holds no clips: {self.voices}/ and {self.faces}/ hold no sound and no image.")
        return trees

    def _from_files(self, people: Celebrities, counts: Counter[str]) -> Iterator[ClipRecord]:
        voices, faces = self._trees()
        for key, files in groupby(walk_together([voices]), key=lambda file: file[0][:-1]):
            paths = [path for _, found in files for path in found]
            stills: list[Path] = []
            if self.pair and place_of(f"{'/'.join(key)}/x").video:
                folder = faces.folder.joinpath(*key)
                stills = [path for _, path in Tree(folder, STILLS).walk()] if folder.is_dir() else []
            chosen = spread(stills, len(paths))
            counts["n_pairs"] += len(chosen)
            for i, path in enumerate(paths):
                yield self._item(path, "voice", people, partner=chosen[i] if chosen else None)
        for _, found in walk_together([] if self.pair else [faces]):
            for path in found:
                yield self._item(path, "face", people)

    def _item(self, path: Path, modality: Modality, people: Celebrities, partner: Path | None = None) -> ClipRecord:
        """Return the clip of one file, or of a voice and its partner."""
        source = inside(path, self._folder)
        known = self._known(source, people)
        if modality == "face":
            return ClipRecord(source, face_path=path, face_source=source, **known)
        face_source = inside(partner, self._folder) if partner else ""
        return ClipRecord(
            source, face_path=partner, voice_path=path, face_source=face_source, voice_source=source, **known
        )

    def _from_list(self, path: Path, people: Celebrities, counts: Counter[str]) -> Iterator[ClipRecord]:
        line_of: dict[str, int] = {}
        for row in read_list(path, self.columns):
            at = f"{path.name} line {row.line}"
            if row.problem is not None:
                yield ClipRecord(f"{path.name}#line{row.line}", problem=(row.problem[0], f"{at}: {row.problem[1]}"))
            elif row.is_one_person:
                clip = row.key or f"{row.voice}+{row.face}"
                if clip in line_of:
                    reason = f"{at}: the clip {clip!r} is in line {line_of[clip]} too"
                    yield ClipRecord(f"{clip}#line{row.line}", problem=("duplicate_key", reason))
                    continue
                line_of[clip] = row.line
                counts["n_pairs"] += 1
                yield self._pair(row, clip, at, path, people)
            else:
                counts["n_questions"] += 1
                for modality, name in (("voice", row.voice), ("face", row.face)):
                    counts["n_repeated"] += name in line_of
                    if name not in line_of:
                        line_of[name] = row.line
                        yield self._question(row, "voice" if modality == "voice" else "face", name, at, path, people)

    def _pair(self, row: ListRow, clip: str, at: str, path: Path, people: Celebrities) -> ClipRecord:
        voice, face = self._find(row.voice, self.voices, path), self._find(row.face, self.faces, path)
        missing = [name for name, found in ((row.voice, voice), (row.face, face)) if found is None]
        known = self._known(row.voice, people, row)
        if place_of(row.face).video != known["video"]:
            known["video"] = None  # the two are of different videos
        return ClipRecord(
            clip,
            face_path=face,
            voice_path=voice,
            **known,
            problem=("missing_file", f"{at}: no file {' and no file '.join(map(repr, missing))}") if missing else None,
            face_source=row.face if face else "",
            voice_source=row.voice if voice else "",
        )

    def _question(
        self, row: ListRow, modality: Modality, name: str, at: str, path: Path, people: Celebrities
    ) -> ClipRecord:
        found = self._find(name, self.voices if modality == "voice" else self.faces, path)
        known = self._known(name, people, ListRow(row.line, language=row.language))
        if found is None:
            return ClipRecord(name, **known, problem=("missing_file", f"{at}: no file {name!r}"))
        if modality == "voice":
            return ClipRecord(name, voice_path=found, voice_source=name, **known)
        return ClipRecord(name, face_path=found, face_source=name, **known)

    def _known(self, source: str, people: Celebrities, row: ListRow | None = None) -> dict[str, Any]:
        """Return person, video and attributes of a file."""
        place = place_of(source)
        person = (row.person if row else None) or place.person
        language = (row.language if row else None) or place.language
        own = {"language": Attribute(language, GIVEN)} if language else {}
        return {
            "person": self._named(person) if person else None,
            "video": place.video,
            "attributes": {**(people.attributes_of(person) if person else {}), **own},
        }

    def _named(self, person: str) -> str:
        return f"{self.version}/{person}" if self.version else person

    def _find(self, name: str, folder: str, path: Path) -> Path | None:
        """Return the file that a row names, from the root, the folder of its kind, or the list on."""
        test = self._folder / path.stem  # version 3 keeps the files of English_test.txt in English_test/
        bases = (self._folder, self._folder / folder, path.parent, test, test / folder)
        try:
            return next((base / name for base in bases if (base / name).is_file()), None)
        except OSError:  # a name longer than any file's
            return None
