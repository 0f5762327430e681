r"""Lists of MAV-Celeb and the FAME challenges: rows of a voice and a face.

    id0001/English/VIDEO/00000.wav id0001/English/VIDEO/0010125.jpg               training lists, versions 1 to 3
    a1b2c3d4 voices/English/00000.wav faces/English/00000.jpg                     test lists; nobody says who it is
    d4c3b2a1 1 voices/English/id028/00000.wav faces/English/id028/00000.jpg id028 61     training list, version 4
    key,voices,faces  or  audio_path,face_path,identity                           the same as CSV with a header

Words are told apart by what they are: the sound, the image, an id, and before the two a key and a label (1: one person,
0: two). Versions 1 to 3 separate them by spaces, so that no name may hold one; CSV may.

Source: github.com/mavceleb/mavceleb_baseline (README), github.com/PunkMale/XM-ALIGN (dataLoader.py).

Example:
    >>> row = parse_line(1, "a1b2c3d4 voices/English/00000.wav faces/English/00000.jpg")
    >>> row.key, row.voice, row.person, row.is_one_person
    ('a1b2c3d4', 'voices/English/00000.wav', None, False)
    >>> parse_line(1, "id0001/English/v/00000.wav id0001/English/v/0010125.jpg").is_one_person
    True
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from visavox.corpus.sources.clips_table import ALIASES, read_cells, read_header
from visavox.corpus.sources.csv_lines import wrong_byte
from visavox.corpus.sources.media_trees import SOUNDS, STILLS
from visavox.errors import ConfigError, DataError

PERSON = re.compile(r"id\d{3,5}")
"""Ids of people; they are only unique within a version."""
LANGUAGES = {name.lower(): name for name in ("English", "Urdu", "Hindi", "German", "Bangla", "Bengali")}
"""Languages of versions 1 to 4, by their names in small letters."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "clip": ("key", "id", "pair_id", "clip"),
    "voice": ("voices", "voice", "voice_path", "audio_path", "audio", "wav_path"),
    "face": ("faces", "face", "face_path", "image_path", "image"),
    "label": ("label", "same"),
    **{name: ALIASES[name] for name in ("person", "language", "gender")},
}
"""Fields of a CSV list and their columns."""


@dataclass(frozen=True)
class Place:
    """What the path of a file says."""

    person: str | None
    """The id; None in test lists."""
    language: str | None
    """As in `LANGUAGES`."""
    video: str | None
    """The folder that holds it, where that is neither of the two."""


@dataclass(frozen=True)
class ListRow:
    """One row; with a problem only `line` and `key` mean anything."""

    line: int
    """Number of the line, from 1."""
    key: str = ""
    """Name of the row; "" where it has none."""
    voice: str = ""
    """Path of the sound."""
    face: str = ""
    """Path of the image."""
    label: str = ""
    """"1" one person, "0" two; "" where the list does not say."""
    person: str | None = None
    """The id, where the row or both paths name one."""
    language: str | None = None
    """Where a column says it."""
    problem: tuple[str, str] | None = None
    """(status, reason) of a row that cannot be used."""

    @property
    def is_one_person(self) -> bool:
        """Whether voice and face are known to be of one person."""
        return self.person is not None and self.label != "0"


def read_list(path: Path, columns: Mapping[str, str] | None = None) -> Iterator[ListRow]:
    """Iterate over the rows of a list in their order; blank lines are skipped.

    Args:
        path: the list.
        columns: from our field (clip, voice, face, label, person, language) to its column, for CSV with a header.

    Raises:
        ConfigError: a header without voices and faces.
        DataError: the list cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            first = next((line for line in file if line.strip()), "")
        if not _has_paths(first):
            yield from _read_csv(path, columns)
            return
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield parse_line(number, line)
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e}).") from e


def parse_line(number: int, line: str) -> ListRow:
    """Return what a line of a list without header says.

    Args:
        number: of the line.
        line: its text.
    """
    words = [word.strip() for word in line.split(",")] if "," in line else line.split()
    voices = [i for i, word in enumerate(words) if _ends(word, SOUNDS)]
    faces = [i for i, word in enumerate(words) if _ends(word, STILLS)]
    if len(voices) != 1 or len(faces) != 1 or wrong_byte(words):
        got = line.strip()[:80].encode("utf-8", "backslashreplace").decode("utf-8")
        return ListRow(number, problem=("malformed_row", f"must name one sound and one image. Got {got!r}"))
    before, after = words[: min(voices[0], faces[0])], words[max(voices[0], faces[0]) + 1 :]
    label = next((word for word in before[1:] if word in ("0", "1")), "")
    people = [word for word in after if PERSON.fullmatch(word)]
    return _row(
        number, before[0] if before else "", words[voices[0]], words[faces[0]], label, people[0] if people else ""
    )


def place_of(path: str) -> Place:
    """Return what a path says, wherever in it the id and the language stand.

    Example:
        >>> place_of("voices/id0001/Urdu/abcdEFGH123/00000.wav")
        Place(person='id0001', language='Urdu', video='abcdEFGH123')
        >>> place_of("English/00000.wav")
        Place(person=None, language='English', video=None)
    """
    folders = PurePosixPath(path.replace("\\", "/")).parts[:-1]
    person = next((part for part in folders if PERSON.fullmatch(part)), None)
    # v3 calls the folders of its test English_test.
    languages = [LANGUAGES.get(part.lower().split("_")[0]) for part in folders]
    language = next((name for name in languages if name), None)
    last = folders[-1] if folders else ""
    is_video = person is not None and last != person and LANGUAGES.get(last.lower()) is None
    return Place(person, language, last if is_video else None)


def _read_csv(path: Path, columns: Mapping[str, str] | None) -> Iterator[ListRow]:
    table = read_header(path, columns, aliases=COLUMNS)
    if not {"voice", "face"} <= table.column_of.keys():
        raise ConfigError(
            f"{path} must have a column of voices and one of faces, or rows VOICE FACE. It has: "
            f"{', '.join(table.header)}. Name them with columns={{voice: ..., face: ...}}."
        )
    for line, cells, reason in read_cells(table):
        voice, face, key = cells.get("voice", ""), cells.get("face", ""), cells.get("clip", "")
        if reason or not voice or not face:
            yield ListRow(line, problem=("malformed_row", reason or "must name one sound and one image"))
            continue
        row = _row(line, key, voice, face, cells.get("label", ""), cells.get("person", ""))
        yield replace(row, language=cells.get("language"))


def _row(number: int, key: str, voice: str, face: str, label: str, person: str) -> ListRow:
    if any(PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts for path in (voice, face)):
        return ListRow(
            number, key, problem=("malformed_row", f"must name files inside the folder. Got {voice!r}, {face!r}")
        )
    both = {place_of(voice).person, place_of(face).person}
    if not person and len(both) == 1:
        person = both.pop() or ""
    return ListRow(number, key, voice, face, label, person or None)


def _has_paths(line: str) -> bool:
    words = line.replace(",", " ").split()
    return any(_ends(word, SOUNDS) for word in words) or any(_ends(word, STILLS) for word in words)


def _ends(word: str, suffixes: tuple[str, ...]) -> bool:
    return word.lower().endswith(suffixes)
