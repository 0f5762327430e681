"""Lists of Learnable PINs as CMPC published them (split 901 / 100 / 250): read and written.

    veriflist/veriflist_test_{random,G,N,A,GNA}_{seenheard,unseenunheard}.txt
        id,voice-speaker-id,face-speaker-id,label,voice-path,face-path        with this header; voice to face only
    matching/matching_{v2f,f2v}_{U,G,N,GN}.csv      probe positive negative   separated by blanks, no header
    retrieval/wav_20k.csv, retrieval/jpg_20k.csv    VoxCeleb1 ID TAB path     with a header; voices seek faces, and back

The paths of a veriflist are not those of the files; all other lists name files:

    voice  Some_Name/abcdefghijk_0000001.wav    id19002/abcdefghijk/00001.wav     name to id by vox1_meta.csv
    face   Some_Name/lmnopqrstuv/0007400.jpg    Some_Name/1.6/lmnopqrstuv/0007400.jpg

Reading gives the names of the files everywhere, so that one set of embeddings serves all lists.

Source: Nagrani et al., "Learnable PINs", ECCV 2018; Zhu et al., "Unsupervised Voice-Face Representation Learning by
Cross-Modal Prototype Contrast", IJCAI 2022, github.com/Cocoxili/CMPC.

Example:
    >>> parse_name("veriflist_test_GNA_unseenunheard.txt").group
    'same_gender_nationality_age'
    >>> file_of_face("Some_Name/lmnopqrstuv/0007400.jpg")
    'Some_Name/1.6/lmnopqrstuv/0007400.jpg'
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from visavox.corpus.published_lists.checks import check_findable, check_labels, people_of_names, unknown_person
from visavox.corpus.published_lists.identities import Identities, listed_people
from visavox.corpus.published_lists.lines import Rows, coded, read_rows
from visavox.corpus.published_lists.records import (
    Codes,
    PublishedMatching,
    PublishedRetrieval,
    PublishedVerification,
)
from visavox.corpus.published_lists.sss import DIRECTIONS, matching_of
from visavox.corpus.trial_strata import ALL, group_name
from visavox.corpus.trials import Direction
from visavox.errors import ConfigError, one_line

VERIFICATION = re.compile(r"veriflist_test_(random|[GNAL]+)_(seenheard|unseenunheard)(?:\.head)?\.txt")
MATCHING = re.compile(r"matching_(v2f|f2v)_(U|[GNAL]+)(?:_\d+)?(?:\.head)?\.csv")
RETRIEVAL = re.compile(r"(wav|jpg)_(\w+(?:\.head)?)\.csv")
HEADER = ["id", "voice-speaker-id", "face-speaker-id", "label", "voice-path", "face-path"]
GALLERY_ID = "VoxCeleb1 ID"  # first cell of a gallery
LETTERS = {"G": "gender", "N": "nationality", "A": "age", "L": "language"}
CONDITIONS = {"seenheard": "seen_heard", "unseenunheard": "unseen_unheard"}
UNSEEN = "unseen_unheard"
LISTED_VOICE = re.compile(r"([^/]+)/([^/]{11})_00(\d+)(\.\w+)")
VOICE_FILE = re.compile(r"([^/]+)/([^/]{11})/(\d+)(\.\w+)")
FACE_SCALE = "1.6"  # the folder of crops that are 1.6 times as wide as the detected face


@dataclass(frozen=True)
class ListName:
    """What the name of a file says."""

    kind: str
    """"verification", "matching", "voices" or "faces"."""
    direction: Direction
    group: str
    condition: str


def parse_name(name: str) -> ListName | None:
    """Return what a file name says, None where it is not of these lists."""
    if found := VERIFICATION.fullmatch(name):
        return ListName("verification", "voice_to_face", _group(found[1]), CONDITIONS[found[2]])
    if found := MATCHING.fullmatch(name):
        return ListName("matching", DIRECTIONS[found[1]], _group(found[2]), UNSEEN)
    if found := RETRIEVAL.fullmatch(name):
        return ListName("voices" if found[1] == "wav" else "faces", "voice_to_face", ALL, UNSEEN)
    return None


def letters_of(group: str) -> str:
    """Return how file names write a group: "GN" for "same_gender_nationality", "" for "all"."""
    return "".join(letter for letter, name in LETTERS.items() if name in group.split("_"))


def list_name(kind: str, direction: Direction, group: str, n_candidates: int = 2) -> str:
    """Return the name of a list without its ending; with another number of candidates than 2 it ends in that.

    Args:
        kind: "match", "verify" or "retrieval".
        direction: the probe's modality first.
        group: what probe and negatives share.
        n_candidates: of a matching list.

    Example:
        >>> list_name("match", "face_to_voice", "all", 4), list_name("verify", "voice_to_face", "same_age")
        ('matching_f2v_U_4', 'veriflist_test_A_unseenunheard')
    """
    if kind == "retrieval":
        return "wav_all_to_jpg_all" if direction == "voice_to_face" else "jpg_all_to_wav_all"
    if kind == "verify":
        return f"veriflist_test_{letters_of(group) or 'random'}_unseenunheard"
    short = next(key for key, value in DIRECTIONS.items() if value == direction)
    return f"matching_{short}_{letters_of(group) or 'U'}" + (f"_{n_candidates}" if n_candidates != 2 else "")


def file_of_voice(path: str, id_of_name: Mapping[str, str]) -> str | None:
    """Return the file that a voice path of a veriflist means; None where the path is not of that form.

    Args:
        path: NAME/VIDEO_00NNNNN.wav with a video of 11 characters.
        id_of_name: from VGGFace1 id to VoxCeleb1 id.

    Example:
        >>> file_of_voice("Some_Name/abcdefghijk_0000001.wav", {"Some_Name": "id19002"})
        'id19002/abcdefghijk/00001.wav'
    """
    found = LISTED_VOICE.fullmatch(path)
    return f"{id_of_name.get(found[1], found[1])}/{found[2]}/{found[3]}{found[4]}" if found else None


def voice_of_file(path: str, name_of_id: Mapping[str, str]) -> str | None:
    """Return how a veriflist writes a voice file, None where it cannot; the inverse of `file_of_voice`."""
    found = VOICE_FILE.fullmatch(path)
    return f"{name_of_id.get(found[1], found[1])}/{found[2]}_00{found[3]}{found[4]}" if found else None


def file_of_face(path: str) -> str:
    """Return the file that a face path of a veriflist means."""
    name, _, rest = path.partition("/")
    return f"{name}/{FACE_SCALE}/{rest}"


def face_of_file(path: str) -> str | None:
    """Return how a veriflist writes a face file, None where it cannot; the inverse of `file_of_face`."""
    parts = path.split("/")
    return "/".join([parts[0], *parts[2:]]) if len(parts) > 2 and parts[1] == FACE_SCALE else None


def read_file(path: Path, identities: Identities) -> PublishedMatching | PublishedVerification:
    """Return one list of verification or matching.

    Raises:
        DataError: what is wrong, with the line.
    """
    named = parse_name(path.name)
    if named is None or named.kind in ("voices", "faces"):
        raise ConfigError(f"{path} has no name of these lists. Use for instance matching_v2f_U.csv.")
    if named.kind == "verification":
        return _read_verification(path, named, identities)
    rows = read_rows(path)
    width = rows.check_widths(range(3, 102), "PROBE POSITIVE NEGATIVE ...")
    record = matching_of(rows, width, "pins", named.direction, named.group, identities)
    return replace(record, condition=named.condition)


def read_retrieval(voices: Path, faces: Path, identities: Identities) -> tuple[PublishedRetrieval, ...]:
    """Return the search for faces with voices and the reverse.

    Raises:
        DataError: what is wrong, with the line.
    """
    sides = [_read_gallery(path, identities) for path in (voices, faces)]
    found = []
    for direction, (own, other) in (("v2f", (0, 1)), ("f2v", (1, 0))):
        (names, people, path), (gallery, gallery_people, gallery_path) = sides[own], sides[other]
        check_findable(f"{path}", names, people, gallery_people)
        listed = listed_people(identities, people, gallery_people)
        found.append(
            PublishedRetrieval(
                protocol="pins",
                name=f"{path.stem}_to_{gallery_path.stem}",
                direction=DIRECTIONS[direction],
                group=ALL,
                condition=UNSEEN,
                people_names=listed.names,
                attributes=listed.attributes,
                path=path,
                gallery_path=gallery_path,
                probe_names=names,
                gallery_names=gallery,
                probe_people=listed.probes,
                gallery_people=listed.candidates,
            )
        )
    return tuple(found)


def verification_text(record: PublishedVerification) -> str:
    """Return the content of a veriflist.

    Raises:
        ConfigError: a face is the probe, or a file name that this format cannot hold.
    """
    if record.direction != "voice_to_face":
        raise ConfigError("A list of PINs pairs voices with faces. Got face_to_voice. Write the pairs voice first.")
    assert record.labels is not None
    face_ids = record.attributes.get("face_id", record.people_names)
    name_of_id = {i: face_id or i for i, face_id in zip(record.people_names, face_ids, strict=True)}
    voices = [voice_of_file(name, name_of_id) for name in record.probe_names]
    faces = [face_of_file(name) for name in record.candidate_names]
    for written, names, form in (
        (voices, record.probe_names, "ID/VIDEO/NNNNN.wav with a video of 11 characters"),
        (faces, record.candidate_names, f"NAME/{FACE_SCALE}/..."),
    ):
        if None in written:
            raise ConfigError(
                f"A verification list of PINs can only name files {form}. Got {names[written.index(None)]!r}. "
                "Give another --format."
            )
    numbers = [_number(name, row) for row, name in enumerate(record.people_names)]
    lines = [",".join(HEADER)]
    columns = (record.probes.tolist(), record.candidates.tolist(), record.labels.tolist())
    for row, (probe, candidate, label) in enumerate(zip(*columns, strict=True), start=1):
        speakers = (numbers[record.probe_people[probe]], numbers[record.candidate_people[candidate]])
        lines.append(f"{row},{speakers[0]},{speakers[1]},{int(label)},{voices[probe]},{faces[candidate]}")
    return "\n".join(lines) + "\n"


def gallery_text(names: Sequence[str], people: Codes, people_names: Sequence[str], column: str) -> str:
    """Return the content of wav_20k.csv or jpg_20k.csv.

    Args:
        names: n files.
        people: (n,) codes of their people.
        people_names: what the codes mean.
        column: "wav" or "jpg".
    """
    lines = [f"{people_names[person]}\t{name}" for name, person in zip(names, people.tolist(), strict=True)]
    return "\n".join([f"{GALLERY_ID}\t{column}", *lines]) + "\n"


def _group(letters: str) -> str:
    return group_name([LETTERS[letter] for letter in letters if letter in LETTERS] if letters != "random" else [])


def _number(name: str, row: int) -> int:
    """Return the number of a person: 9002 for id19002."""
    return int(name[2:]) - 10000 if re.fullmatch(r"id1\d{4}", name) else row + 1


def _read_verification(path: Path, named: ListName, identities: Identities) -> PublishedVerification:
    rows = read_rows(path, ",")
    if rows.words[0] != HEADER:
        raise rows.error(0, f"the header must be {','.join(HEADER)}. Got {','.join(rows.words[0])[:80]}. Mend it.")
    rows = Rows(path, rows.words[1:], rows.lines[1:])
    if not len(rows):
        check_labels(path, np.empty(0, dtype=bool))
    rows.check_widths([len(HEADER)], ",".join(HEADER))
    id_of_name = dict(zip(identities.faces, identities.voices, strict=True))
    listed_voices, probes = coded(words[4] for words in rows.words)
    listed_faces, candidates = coded(words[5] for words in rows.words)
    voices = [file_of_voice(name, id_of_name) for name in listed_voices]
    if None in voices:
        row = int(np.flatnonzero(probes == voices.index(None))[0])
        raise rows.error(
            row, f"the voice must be NAME/VIDEO_00NNNNN.wav. Got {rows.words[row][4]!r}. Mend or remove the line."
        )
    wrong = next((row for row, words in enumerate(rows.words) if words[3] not in ("0", "1")), None)
    if wrong is not None:
        raise rows.error(wrong, f"the label must be 1 or 0. Got {rows.words[wrong][3]!r}. Mend or remove the line.")
    found = people_of_names(rows, identities, (listed_voices, listed_faces), (probes, candidates))
    labels = np.array([words[3] == "1" for words in rows.words])
    unlike = np.flatnonzero(labels != (found[0][probes] == found[1][candidates]))
    if unlike.size:
        row = int(unlike[0])
        raise rows.error(
            row,
            f"the label is {int(labels[row])}, but {rows.words[row][4]!r} and {rows.words[row][5]!r} are "
            f"{'not ' if labels[row] else ''}of one person. Mend or remove the line.",
        )
    check_labels(path, labels)
    people = listed_people(identities, *found)
    return PublishedVerification(
        protocol="pins",
        name=path.stem,
        direction=named.direction,
        group=named.group,
        condition=named.condition,
        people_names=people.names,
        attributes=people.attributes,
        path=path,
        probes=probes,
        candidates=candidates,
        labels=labels,
        probe_names=tuple(str(name) for name in voices),
        candidate_names=tuple(file_of_face(name) for name in listed_faces),
        probe_people=people.probes,
        candidate_people=people.candidates,
        lines=rows.lines,
    )


def _read_gallery(path: Path, identities: Identities) -> tuple[tuple[str, ...], Codes, Path]:
    rows = read_rows(path, "\t")
    rows.check_widths([2], "VoxCeleb1 ID, a tab, PATH")
    if rows.words[0][0] != GALLERY_ID:  # a list without a header would lose its first item
        shown = one_line(rows.words[0][0])[:60]
        raise rows.error(0, f"the header must be {GALLERY_ID}, a tab, and a name. Got {shown!r}. Add the header.")
    rows = Rows(path, rows.words[1:], rows.lines[1:])
    names = tuple(words[1] for words in rows.words)
    people, missing = identities.people_of(names)
    given = np.array([identities.row_of.get(words[0], -1) for words in rows.words], dtype=np.int64)
    if missing is not None:
        raise rows.error(missing, unknown_person(names[missing], identities))
    unlike = np.flatnonzero(given != people)
    if unlike.size:
        row = int(unlike[0])
        raise rows.error(row, f"{names[row]!r} is not of {rows.words[row][0]!r}. Mend or remove the line.")
    return names, people, path
