"""Lists of Seeking the Shape of Sound (and of those who follow its split 924 / 112 / 189): read and written.

    match[_g]_{v2f,f2v}_N_{val,test}.txt    probe positive negative [negative ...]       one trial a line
    verify[_g]_{v2f,f2v}_test.txt           probe candidate                              no label: see below
    reterival_{v2f,f2v}_test.txt            queries on the first line, the gallery on the second (spelt like this)

Words are separated by blanks and are paths below the root of their modality: id19003/abcdefghijk/00001.wav and
Some_Name/00000819.jpg. Two paths are of one person if a row of the identity file holds both first folders. "_g": the
negatives are of the probe's gender. Lists that we draw may also have "_n", "_a", "_l" for nationality, age and
language, and several letters, as in "_gn".

Source: Wen et al., "Seeking the Shape of Sound", CVPR 2021, github.com/KID-7391/seeking-the-shape-of-sound.

Example:
    >>> parse_name("match_g_v2f_2_val.head.txt")
    ListName(kind='match', direction='voice_to_face', group='same_gender')
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.corpus.published_lists.checks import (
    check_choices,
    check_findable,
    check_labels,
    people_of_names,
    unknown_person,
)
from visavox.corpus.published_lists.identities import Identities, listed_people
from visavox.corpus.published_lists.lines import Rows, coded, read_rows
from visavox.corpus.published_lists.records import (
    AnyPublished,
    PublishedMatching,
    PublishedRetrieval,
    PublishedVerification,
)
from visavox.corpus.trial_strata import group_name
from visavox.corpus.trials import Direction
from visavox.errors import DataError

NAME = re.compile(r"(match|verify|reterival|retrieval)(?:_([gnal]+))?_(v2f|f2v)(?:_(\d+))?(?:_\w+)?(?:\.head)?\.txt")
DIRECTIONS: dict[str, Direction] = {"v2f": "voice_to_face", "f2v": "face_to_voice"}
LETTERS = {"g": "gender", "n": "nationality", "a": "age", "l": "language"}


@dataclass(frozen=True)
class ListName:
    """What the name of a file says."""

    kind: str
    """"match", "verify" or "retrieval"."""
    direction: Direction
    group: str


def parse_name(name: str) -> ListName | None:
    """Return what a file name says, None where it is not of these lists."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    kind, letters, direction, _ = found.groups()
    group = group_name([LETTERS[letter] for letter in letters or ""])
    return ListName("retrieval" if kind.startswith("ret") else kind, DIRECTIONS[direction], group)


def file_name(kind: str, direction: Direction, group: str, n_candidates: int = 0, subset: str = "test") -> str:
    """Return the name of a file; the inverse of `parse_name`.

    Example:
        >>> file_name("match", "face_to_voice", "same_gender_nationality", 4)
        'match_gn_f2v_4_test.txt'
    """
    letters = "".join(letter for letter, name in LETTERS.items() if name in group.split("_"))
    short = next(key for key, value in DIRECTIONS.items() if value == direction)
    parts = ["reterival" if kind == "retrieval" else kind, letters, short, str(n_candidates or ""), subset]
    return "_".join(part for part in parts if part) + ".txt"


def read_file(path: Path, identities: Identities) -> AnyPublished:
    """Return one list.

    Raises:
        DataError: what is wrong, with the line.
    """
    named = parse_name(path.name)
    if named is None:
        raise DataError(f"{path} has no name of these lists. Use for instance match_v2f_2_test.txt.")
    rows = read_rows(path)
    if named.kind == "match":
        return _read_matching(rows, named, identities)
    return (_read_verification if named.kind == "verify" else _read_retrieval)(rows, named, identities)


def text_of(record: AnyPublished) -> str:
    """Return the content of the file of a list."""
    if isinstance(record, PublishedRetrieval):
        return f"{' '.join(record.probe_names)}\n{' '.join(record.gallery_names)}\n"
    names = record.candidate_names
    table = record.candidates.reshape(len(record), -1).tolist()
    probes = [record.probe_names[row] for row in record.probes.tolist()]
    return "".join(
        f"{probe} {' '.join([names[row] for row in row_of])}\n" for probe, row_of in zip(probes, table, strict=True)
    )


def _read_matching(rows: Rows, named: ListName, identities: Identities) -> PublishedMatching:
    width = rows.check_widths(range(3, 102), "PROBE POSITIVE NEGATIVE ...")
    return matching_of(rows, width, "sss", named.direction, named.group, identities)


def matching_of(
    rows: Rows, width: int, protocol: str, direction: Direction, group: str, identities: Identities
) -> PublishedMatching:
    """Return the matching list of rows PROBE POSITIVE NEGATIVE ..., checked.

    Args:
        rows: the lines, of `width` words each.
        width: 1 + the number of candidates.
        protocol: "sss" or "pins".
        direction: the probe's modality first.
        group: what probe and negatives share.
        identities: who is who.
    """
    probe_names, probes = coded(words[0] for words in rows.words)
    candidate_names, flat = coded(word for words in rows.words for word in words[1:])
    candidates = flat.reshape(len(rows), width - 1)  # (n, n_candidates)
    found = people_of_names(rows, identities, (probe_names, candidate_names), (probes, candidates))
    check_choices(rows, found[0][probes], found[1][candidates])
    people = listed_people(identities, *found)
    return PublishedMatching(
        protocol="pins" if protocol == "pins" else "sss",
        name=rows.path.stem,
        direction=direction,
        group=group,
        people_names=people.names,
        attributes=people.attributes,
        path=rows.path,
        probes=probes,
        candidates=candidates,
        probe_names=probe_names,
        candidate_names=candidate_names,
        probe_people=people.probes,
        candidate_people=people.candidates,
        lines=rows.lines,
    )


def _read_verification(rows: Rows, named: ListName, identities: Identities) -> PublishedVerification:
    rows.check_widths([2], "PROBE CANDIDATE")
    probe_names, probes = coded(words[0] for words in rows.words)
    candidate_names, candidates = coded(words[1] for words in rows.words)
    found = people_of_names(rows, identities, (probe_names, candidate_names), (probes, candidates))
    labels = found[0][probes] == found[1][candidates]
    check_labels(rows.path, labels)
    people = listed_people(identities, *found)
    return PublishedVerification(
        protocol="sss",
        name=rows.path.stem,
        direction=named.direction,
        group=named.group,
        people_names=people.names,
        attributes=people.attributes,
        path=rows.path,
        probes=probes,
        candidates=candidates,
        labels=np.asarray(labels),
        probe_names=probe_names,
        candidate_names=candidate_names,
        probe_people=people.probes,
        candidate_people=people.candidates,
        lines=rows.lines,
    )


def _read_retrieval(rows: Rows, named: ListName, identities: Identities) -> PublishedRetrieval:
    if len(rows) != 2:
        raise rows.error(
            min(len(rows) - 1, 2), f"a retrieval list must have two lines, queries and gallery. Got {len(rows)}."
        )
    found = []
    for row, names in enumerate(rows.words):
        people, missing = identities.people_of(names)
        if missing is not None:
            raise rows.error(row, unknown_person(names[missing], identities))
        found.append(people)
    queries, gallery = tuple(rows.words[0]), tuple(rows.words[1])
    check_findable(f"{rows.path} line {rows.lines[0]}", queries, found[0], found[1])
    listed = listed_people(identities, found[0], found[1])
    return PublishedRetrieval(
        protocol="sss",
        name=rows.path.stem,
        direction=named.direction,
        group=named.group,
        people_names=listed.names,
        attributes=listed.attributes,
        path=rows.path,
        probe_names=queries,
        gallery_names=gallery,
        probe_people=listed.probes,
        gallery_people=listed.candidates,
    )
