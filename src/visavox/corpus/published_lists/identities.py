"""Who is who: the identity files that label published lists, and the people of a list as codes.

    VoxCeleb1_ID,VGGFace1_ID,Gender,Nationality,Set     vox1_train.csv, vox1_val.csv, vox1_test.csv (CSV)
    VoxCeleb1 ID  VGGFace1 ID  Gender  Nationality  Set vox1_meta.csv (separated by tabs)
    Some_Name 4                                        identity_splits.txt of Learnable PINs, without a header

A voice is named by its VoxCeleb1 id, a face by its VGGFace1 id; both are columns of one row, which is one person. Rows
whose Set is "none" are people of whom Seeking the Shape of Sound has no file; they are read like the others.

Example:
    >>> people = Identities(("id19003",), ("Some_Name",), {"gender": ("m",)})
    >>> people.row_of["id19003"], people.row_of["Some_Name"]
    (0, 0)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from visavox.corpus.published_lists.lines import Rows, read_rows, read_text
from visavox.corpus.published_lists.records import NOBODY, Codes, PublishedList
from visavox.errors import ConfigError, DataError

NAMES = ("vox1_meta.csv", "vox1_train.csv", "vox1_val.csv", "vox1_test.csv")
SPLITS = "identity_splits.txt"
BESIDE = ("list_wav", "Splits")
"""Folders beside the lists in which the publishers keep these files."""
SUBSETS = {"1": "train", "2": "validation", "3": "seen_heard", "4": "unseen_unheard"}
"""Sets of `identity_splits.txt`."""
HEADER = ("VoxCeleb1_ID", "VGGFace1_ID", "Gender", "Nationality", "Set")
NEEDED = {"voxceleb1id": "voice", "vggface1id": "face"}
KNOWN = {**NEEDED, "gender": "gender", "nationality": "nationality"}


@dataclass(frozen=True)
class Identities:
    """The people of the identity files."""

    voices: tuple[str, ...]
    """VoxCeleb1 id of each."""
    faces: tuple[str, ...]
    """VGGFace1 id of each."""
    attributes: Mapping[str, tuple[str | None, ...]]
    """"gender", "nationality" and, with `identity_splits.txt`, "subset"; None where unknown."""
    source: str = field(default="no identity file", compare=False)
    """The files they were read from, for messages."""

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """The row of each id of either kind."""
        return {name: row for names in (self.faces, self.voices) for row, name in enumerate(names)}

    def people_of(self, paths: Sequence[str]) -> tuple[Codes, int | None]:
        """Return the row of the person of each path, by its first folder, and the first path of nobody known.

        Args:
            paths: "id19003/abcdefghijk/00001.wav" or "Some_Name/00000819.jpg", n of them.
        """
        row_of = self.row_of
        rows = np.fromiter((row_of.get(path.partition("/")[0], NOBODY) for path in paths), np.int64, len(paths))
        missing = np.flatnonzero(rows == NOBODY)
        return rows, int(missing[0]) if missing.size else None


@dataclass(frozen=True)
class ListedPeople:
    """The people of one list: codes of probes and candidates in one numbering."""

    probes: Codes
    candidates: Codes
    names: tuple[str, ...]
    """VoxCeleb1 id of each."""
    attributes: Mapping[str, tuple[str | None, ...]]
    """With "face_id", the VGGFace1 id."""


def listed_people(identities: Identities, probes: Codes, candidates: Codes) -> ListedPeople:
    """Return the people that occur, renumbered from 0 in the order of their VoxCeleb1 ids.

    Args:
        identities: everybody.
        probes: rows of the probes' people.
        candidates: rows of the candidates' people.
    """
    present = np.unique(np.concatenate([probes, candidates])).tolist()
    kept = sorted(present, key=lambda row: identities.voices[row])
    code_of = np.full(len(identities.voices), NOBODY, dtype=np.int64)
    code_of[kept] = np.arange(len(kept))
    attributes = {
        name: tuple(values[row] for row in kept)
        for name, values in {"face_id": identities.faces, **identities.attributes}.items()
    }
    names = tuple(identities.voices[row] for row in kept)
    return ListedPeople(code_of[probes], code_of[candidates], names, attributes)


def identity_files(folder: Path, given: Path | None) -> list[Path]:
    """Return the files that label the lists of a folder: what is given, else what lies in it or near it.

    Args:
        folder: holds the lists.
        given: a file, or a folder of such files; None looks into `folder`, its sub-folders, the folder above,
            and what the publishers call theirs in it.

    Raises:
        ConfigError: what is given does not exist.
        DataError: nothing is found.
    """
    if given is not None and given.is_file():
        return [given]
    if given is not None and not given.exists():
        raise ConfigError(f"`identities` must be an identity file or the folder of one. There is no {given}.")
    beside = [folder.parent, *(folder.parent / name for name in BESIDE)]
    near = [given] if given else [folder, *_folders(folder), *beside]
    for place in near:
        found = [place / name for name in (*NAMES, SPLITS) if (place / name).is_file()]
        if any(path.name != SPLITS for path in found):
            splits = next((p / SPLITS for p in near if (p / SPLITS).is_file()), None)
            return found if splits is None or splits in found else [*found, splits]
    raise DataError(
        f"{given or folder} holds no identity file, so nobody knows which voices and faces are of one person. Give "
        f"--identities with {', '.join(NAMES)}, or the folder that holds them."
    )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def read_identities(paths: Iterable[Path]) -> Identities:
    """Return the people of identity files; somebody who is in several is one person.

    Raises:
        DataError: a file without the two columns of ids, a row that lacks an id, or an id that stands for two people.
    """
    paths = list(paths)
    rows: dict[tuple[str, str], dict[str, str | None]] = {}
    partner: dict[str, str] = {}
    for path in paths:
        if path.name == SPLITS:
            continue
        for line, cells in _read_table(path):
            voice, face = cells["voice"], cells["face"]
            if not voice or not face:
                raise DataError(f"{path} line {line}: a row must have both ids. Got {voice!r} and {face!r}. Mend it.")
            for own, other in ((voice, face), (face, voice)):
                if partner.setdefault(own, other) != other:
                    raise DataError(
                        f"{path} line {line}: {own!r} must be one person. It stands beside "
                        f"{partner[own]!r} and {other!r}. Mend the identity file."
                    )
            rows.setdefault((voice, face), {}).update({name: cell for name, cell in cells.items() if cell})
    named = {name: tuple(r.get(name) or None for r in rows.values()) for name in ("gender", "nationality")}
    for path in paths:
        if path.name == SPLITS:
            subset = _read_splits(path)
            named["subset"] = tuple(subset.get(face) for _, face in rows)
    source = ", ".join(str(path) for path in paths)
    return Identities(tuple(v for v, _ in rows), tuple(f for _, f in rows), named, source)


def identities_of(records: Iterable[PublishedList]) -> Identities:
    """Return the people of lists, each once, in the order of their ids.

    Args:
        records: lists with the attribute "face_id", the second id of each person; where it lacks the first is taken.
    """
    known: dict[str, dict[str, str | None]] = {}
    for record in records:
        for row, name in enumerate(record.people_names):
            known.setdefault(name, {}).update({key: values[row] for key, values in record.attributes.items()})
    voices = tuple(sorted(known))
    faces = tuple(known[name].get("face_id") or name for name in voices)
    names = ["gender", "nationality", *(["subset"] if any("subset" in found for found in known.values()) else [])]
    return Identities(voices, faces, {key: tuple(known[name].get(key) for name in voices) for key in names})


def identity_texts(identities: Identities, name: str) -> dict[str, str]:
    """Return the content of the identity file and, where subsets are known, of `identity_splits.txt`, by file name.

    Args:
        identities: the people.
        name: the file; "vox1_meta.csv" is separated by tabs, others by commas.
    """
    tabs = name == NAMES[0]
    n = len(identities.voices)
    gender, nationality = (identities.attributes.get(key, (None,) * n) for key in ("gender", "nationality"))
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t" if tabs else ",", lineterminator="\n")
    writer.writerow([column.replace("_ID", " ID") for column in HEADER] if tabs else HEADER)
    for row in zip(identities.voices, identities.faces, gender, nationality, strict=True):
        writer.writerow([*(cell or "" for cell in row), "test"])
    found = {name: out.getvalue()}
    if "subset" in identities.attributes:
        number = {subset: key for key, subset in SUBSETS.items()}
        pairs = zip(identities.faces, identities.attributes["subset"], strict=True)
        found[SPLITS] = "".join(f"{face} {number[subset]}\n" for face, subset in pairs if subset)
    return found


def _read_table(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (line, cells by our name) of each row."""
    text = read_text(path)
    separator = "\t" if "\t" in text.split("\n", 1)[0] else ","
    lines = text.split("\n")
    table = [(line, [cell.strip() for cell in row]) for line, row in _parsed(path, lines, separator) if any(row)]
    header = [KNOWN.get(cell.lower().replace("_", "").replace(" ", ""), "") for cell in table[0][1]]
    if not set(NEEDED.values()) <= set(header):
        raise DataError(
            f"{path} line 1: an identity file must have the columns {HEADER[0]} and {HEADER[1]}. Got "
            f"{', '.join(table[0][1])}. Give {', '.join(NAMES)}."
        )
    found = []
    for line, cells in table[1:]:
        if len(cells) != len(header):
            raise DataError(f"{path} line {line}: must have {len(header)} cells like the header. Got {len(cells)}.")
        found.append((line, {name: cell for name, cell in zip(header, cells, strict=True) if name}))
    return found


def _parsed(path: Path, lines: Iterable[str], separator: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator)
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as e:
        raise DataError(f"{path} line {reader.line_num}: {e}. Mend the identity file.") from e


def _read_splits(path: Path) -> dict[str, str]:
    rows: Rows = read_rows(path)
    rows.check_widths([2], "NAME SET")
    for row, (_, subset) in enumerate(rows.words):
        if subset not in SUBSETS:
            raise rows.error(row, f"the set must be 1, 2, 3 or 4. Got {subset!r}. Mend the line.")
    return {name: SUBSETS[subset] for name, subset in rows.words}
