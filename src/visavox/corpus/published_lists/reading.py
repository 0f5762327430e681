"""A folder of published lists to records: which files are lists, and what they say.

Files are found by their names, in the folder and its sub-folders; a name may end in ".head" before its suffix, for the
first lines of a list. Pickles (vfal-eva, Self-Lifting) are not read, since a pickle may run code: convert them with the
program that wrote them.

Example:
    records = read_published("sss", Path("data/lists"), None)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from visavox.corpus.published_lists import fame, pins, sss
from visavox.corpus.published_lists.identities import NAMES, SPLITS, identity_files, read_identities
from visavox.corpus.published_lists.records import PROTOCOLS, AnyPublished, Protocol
from visavox.errors import ConfigError, DataError, UnknownNameError

logger = logging.getLogger(__name__)

PAIRED = ("verification", "matching")  # kinds of PINs lists that are one file each
SUFFIXES = (".txt", ".csv", ".pkl", ".pickle", ".tsv")  # other files are no business of ours
WANTED = {
    "sss": "match_v2f_2_test.txt, verify_v2f_test.txt, reterival_v2f_test.txt",
    "pins": "matching_v2f_U.csv, veriflist_test_random_unseenunheard.txt, wav_20k.csv with jpg_20k.csv",
    "fame": "English_test.txt, Urdu_test.txt",
}


@dataclass(frozen=True)
class ListFiles:
    """The files of a folder."""

    lists: tuple[Path, ...]
    """Those whose names are of the protocol."""
    skipped: tuple[tuple[Path, str], ...]
    """(file, reason) of the others."""


def list_files(protocol: Protocol, folder: Path) -> ListFiles:
    """Return which files of a folder are lists of a protocol, and why the others are not.

    Raises:
        ConfigError: an unknown protocol, or no such folder.
    """
    if protocol not in PROTOCOLS:
        raise UnknownNameError("protocol", protocol, PROTOCOLS)
    if not folder.is_dir():
        raise ConfigError(f"There is no folder of lists at {folder}. Give --lists with the folder that holds them.")
    is_list: dict[str, Callable[[str], bool]] = {
        "sss": lambda name: sss.parse_name(name) is not None,
        "pins": lambda name: pins.parse_name(name) is not None,
        "fame": fame.is_list,
    }
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    files = [path for place in places for path in sorted(place.iterdir()) if path.suffix.lower() in SUFFIXES]
    files = [path for path in files if path.name not in (*NAMES, SPLITS)]
    lists = [path for path in files if is_list[protocol](path.name)]
    galleries = [path for path in lists if protocol == "pins" and pins.RETRIEVAL.fullmatch(path.name)]
    pairs = gallery_pairs(galleries)
    alone = set(galleries) - {path for pair in pairs for path in pair}
    reasons = {path: _alone(path) if path in alone else _reason(path, protocol) for path in files}
    kept = tuple(path for path in lists if path not in alone)
    return ListFiles(kept, tuple((path, reasons[path]) for path in files if path not in set(kept)))


def gallery_pairs(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Return which galleries of PINs are searched with each other, (voices, faces), in the order of the voices.

    Partners have the same text behind `wav_` and `jpg_`. One in the same folder comes first; else one that is the only
    one of its name elsewhere. Galleries without a partner are in no pair.

    Args:
        paths: files that are called `wav_TEXT.csv` or `jpg_TEXT.csv`.

    Example:
        >>> [(a.name, b.name) for a, b in gallery_pairs([Path("wav_1.csv"), Path("jpg_1.csv"), Path("jpg_0.csv")])]
        [('wav_1.csv', 'jpg_1.csv')]
    """
    voices, faces = ([path for path in paths if path.name.startswith(kind)] for kind in ("wav_", "jpg_"))
    pairs = {path: path.with_name(_partner(path)) for path in voices if path.with_name(_partner(path)) in faces}
    left = [path for path in faces if path not in pairs.values()]
    for path in voices:
        away = [other for other in left if other.name == _partner(path)]
        rivals = [other for other in voices if other not in pairs and other.name == path.name]
        if path not in pairs and len(away) == len(rivals) == 1:
            pairs[path] = away[0]
    return [(path, pairs[path]) for path in voices if path in pairs]


def _partner(path: Path) -> str:
    return {"wav": "jpg", "jpg": "wav"}[path.name[:3]] + path.name[3:]


def _alone(path: Path) -> str:
    return f"it has no partner {_partner(path)}; voices are searched with faces"


def read_published(protocol: Protocol, folder: Path, identities: Path | None) -> tuple[AnyPublished, ...]:
    """Return every list of a folder; `list_files` says which files are left out, and so does the log.

    Args:
        protocol: "sss", "pins" or "fame".
        folder: holds the lists.
        identities: CSV or TSV of identities, or a folder of them; None looks beside the lists. FAME needs none.

    Raises:
        ConfigError: no such folder, or an unknown protocol.
        DataError: no list, no identity file, or what is wrong in a list, with its line.
    """
    files = list_files(protocol, folder)
    for path, reason in files.skipped:
        logger.info("%s is left out: %s", path, reason)
    if not files.lists:
        alone = next((f" ({path.name}: {why})" for path, why in files.skipped if "partner" in why), "")
        raise DataError(
            f"{folder} holds no list of the protocol {protocol!r}{alone}, which are called {WANTED[protocol]}. Give "
            "--lists with the folder that holds them, or another --protocol."
        )
    if protocol == "fame":
        return tuple(fame.read_file(path) for path in files.lists)
    people = read_identities(identity_files(folder, identities))
    if protocol == "sss":
        return tuple(sss.read_file(path, people) for path in files.lists)
    kinds = {path: named.kind for path in files.lists if (named := pins.parse_name(path.name))}
    records: list[AnyPublished] = [pins.read_file(p, people) for p, kind in kinds.items() if kind in PAIRED]
    for voices, faces in gallery_pairs([path for path, kind in kinds.items() if kind not in PAIRED]):
        records += pins.read_retrieval(voices, faces, people)
    return tuple(records)


def _reason(path: Path, protocol: str) -> str:
    if path.suffix.lower() in (".pkl", ".pickle"):
        return "it is a pickle, which may run code; convert it with the program that wrote it"
    return f"its name is of no list of the protocol {protocol!r}"
