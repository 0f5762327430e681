"""A published split of people: who trains, who validates, who is tested.

    vox1_train.csv  vox1_val.csv  vox1_test.csv   Seeking the Shape of Sound; rows whose Set is "none" are left out
    identity_splits.txt                           Learnable PINs: "Name set", set 1 train, 2 validation, 4 test

A person goes by either id, so that a corpus of voices, of faces, or of both finds its people. Learnable PINs name
people by VGGFace1 id alone; where `vox1_meta.csv` lies beside their file, or in the folder above a folder `Splits`,
its VoxCeleb1 ids are added. A folder with both splits is refused: name the file itself.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "identity_splits.txt").write_text("Ann_Lee 1")
    >>> read_people_split(folder)
    {'Ann_Lee': 'train'}
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from visavox.corpus.published_lists.identities import BESIDE, NAMES, read_identities
from visavox.corpus.published_lists.lines import read_text
from visavox.errors import DataError

SSS_FILES = {"vox1_train.csv": "train", "vox1_val.csv": "validation", "vox1_test.csv": "test"}
PINS_FILE = "identity_splits.txt"
META = NAMES[0]  # vox1_meta.csv
PINS_SETS = {"1": "train", "2": "validation", "4": "test"}
PINS_SEEN = "3"  # seen-heard test samples of people who train: not a person of their own
IDS = ("VoxCeleb1_ID", "VGGFace1_ID", "VoxCeleb1 ID", "VGGFace1 ID")
UNUSED = "none"


def read_people_split(path: Path) -> dict[str, str]:
    """Return the subset of each person, "train", "validation" or "test", by either id.

    Args:
        path: a folder that holds one split, or a file of the split: `identity_splits.txt`, or any of the three CSV.

    Raises:
        DataError: no split, or two; a row without an id or of an unknown set, or a person in two subsets; names the
            line.
    """
    if path.is_file():
        return _sss(path.parent) if path.name in SSS_FILES else _pins(path)
    if not (path / PINS_FILE).is_file():
        return _sss(path)
    both = [name for name in SSS_FILES if (path / name).is_file()]
    if both:
        raise DataError(
            f"{path} holds two published splits, {', '.join(both)} (Seeking the Shape of Sound) and {PINS_FILE} "
            f"(Learnable PINs). Name a file of the one you want: {path / both[0]} or {path / PINS_FILE}."
        )
    return _pins(path / PINS_FILE)


def _sss(path: Path) -> dict[str, str]:
    files = [path / name for name in SSS_FILES]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        beside = "" if (path / PINS_FILE).is_file() else f", and no {PINS_FILE}"
        raise DataError(
            f"{path} holds no published split of people: {', '.join(missing)} missing{beside}. "
            "Name the folder that holds them."
        )
    subset_of: dict[str, str] = {}
    for file in files:
        for line, row in enumerate(csv.DictReader(io.StringIO(read_text(file))), start=2):
            names = [row[name] for name in IDS if row.get(name)]
            if not names:
                raise DataError(f"{file} line {line}: must name a person in {IDS[0]} or {IDS[1]}. Mend the line.")
            if (row.get("Set") or "").strip() == UNUSED:
                continue
            for name in names:
                _put(subset_of, name, SSS_FILES[file.name], f"{file} line {line}")
    return subset_of


def _pins(path: Path) -> dict[str, str]:
    subset_of: dict[str, str] = {}
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        cells = text.split()
        if not cells:
            continue
        if len(cells) != 2 or cells[1] not in (*PINS_SETS, PINS_SEEN):
            raise DataError(
                f"{path} line {line}: must be a name and a set, {', '.join(PINS_SETS)} or {PINS_SEEN}. Got {text!r}."
            )
        if cells[1] != PINS_SEEN:
            _put(subset_of, cells[0], PINS_SETS[cells[1]], f"{path} line {line}")
    return {**subset_of, **_by_voice(path, subset_of)}


def _by_voice(path: Path, subset_of: Mapping[str, str]) -> dict[str, str]:
    """Return the subset of each VoxCeleb1 id, where `vox1_meta.csv` tells whose name it is."""
    places = [path.parent, path.parent.parent] if path.parent.name in BESIDE else [path.parent]
    meta = next((place / META for place in places if (place / META).is_file()), None)
    if meta is None:
        return {}
    people = read_identities([meta])
    pairs = zip(people.voices, people.faces, strict=True)
    return {voice: subset_of[face] for voice, face in pairs if face in subset_of}


def _put(subset_of: dict[str, str], name: str, subset: str, where: str) -> None:
    if subset_of.setdefault(name, subset) != subset:
        raise DataError(
            f"{where}: {name!r} is in {subset_of[name]!r} and in {subset!r}; nobody may be in two. Mend it."
        )
