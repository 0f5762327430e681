"""Lists of MAV-Celeb and the FAME challenges, and the file of scores that they want: read and written.

    a1b2c3d4 voices/English/00000.wav faces/English/00000.jpg                           nobody says who it is
    d4c3b2a1 1 voices/English/id028/00000.wav faces/English/id028/00000.jpg id028 61    the label; 1: one person

A file of scores has one line for each pair of the list, KEY SCORE, where the score is the distance between the two unit
vectors: small where they are of one person. That is the reverse of a similarity. Training lists of versions 1 to 3, two
paths a line and all of one person, are the affair of `visavox.corpus.sources.mavceleb_lists`.

Source: github.com/mavceleb/mavceleb_baseline (README, computeScore.py).

Example:
    >>> is_list("English_test.txt"), is_list("sub_score_v1_English_heard.txt")
    (True, False)
    >>> submission_name("v1", "English", heard=False)
    'sub_score_v1_English_unheard.txt'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.published_lists.checks import check_labels
from visavox.corpus.published_lists.lines import Rows, coded, read_rows
from visavox.corpus.published_lists.records import NOBODY, Codes, PublishedVerification
from visavox.corpus.sources.mavceleb_lists import LANGUAGES, place_of
from visavox.corpus.sources.media_trees import SOUNDS, STILLS
from visavox.corpus.trial_strata import ALL, ATTRIBUTES, group_name
from visavox.errors import ConfigError, DataError

LIST = re.compile(r"(?!sub_score)\w*(test|val|verification)\w*(?:\.head)?\.txt", re.IGNORECASE)
GROUP = re.compile(rf"same(?:_(?:{'|'.join(ATTRIBUTES)}))+")
UNLABELLED, LABELLED, LABELLED_WITH_PERSON = 3, 4, 6  # words of a line


def is_list(name: str) -> bool:
    """Return whether a file name is that of a test list."""
    return LIST.fullmatch(name) is not None


def read_file(path: Path) -> PublishedVerification:
    """Return one list.

    Raises:
        DataError: what is wrong, with the line.
    """
    rows = read_rows(path)
    form = "KEY [LABEL] VOICE FACE [PERSON AGE]"
    width = rows.check_widths([UNLABELLED, LABELLED, LABELLED_WITH_PERSON], form)
    first = 1 if width == UNLABELLED else 2
    for column, suffixes, what in ((first, SOUNDS, "a sound"), (first + 1, STILLS, "an image")):
        wrong = next((r for r, words in enumerate(rows.words) if not words[column].lower().endswith(suffixes)), None)
        if wrong is not None:
            raise rows.error(
                wrong, f"word {column + 1} of {form} must be {what}. Got {rows.words[wrong][column]!r}. Mend the line."
            )
    keys = tuple(words[0] for words in rows.words)
    _refuse_repeated(rows, keys)
    labels = None if width == UNLABELLED else _labels(rows)
    probe_names, probes = coded(words[first] for words in rows.words)
    candidate_names, candidates = coded(words[first + 1] for words in rows.words)
    people, probe_people, candidate_people = people_of_paths(probe_names, candidate_names)
    stem = path.stem.removesuffix(".head")
    language = next((word for word in stem.split("_") if word.lower() in LANGUAGES), "")
    return PublishedVerification(
        protocol="fame",
        name=path.stem,
        direction="voice_to_face",
        group=_group(stem),
        condition=language,
        people_names=people,
        path=path,
        probes=probes,
        candidates=candidates,
        labels=labels,
        probe_names=probe_names,
        candidate_names=candidate_names,
        probe_people=probe_people,
        candidate_people=candidate_people,
        keys=keys,
        lines=rows.lines,
    )


def text_of(record: PublishedVerification) -> str:
    """Return the content of the file of a list.

    Raises:
        ConfigError: a face is the probe.
    """
    if record.direction != "voice_to_face":
        raise ConfigError("A list of FAME pairs voices with faces. Got face_to_voice. Write the pairs voice first.")
    keys = record.keys or tuple(f"{row:08x}" for row in range(len(record)))
    labels = [""] * len(record) if record.labels is None else [f" {int(label)}" for label in record.labels]
    rows = zip(keys, labels, record.probes.tolist(), record.candidates.tolist(), strict=True)
    return "".join(
        f"{key}{label} {record.probe_names[probe]} {record.candidate_names[candidate]}\n"
        for key, label, probe, candidate in rows
    )


def submission_name(version: str, trained_on: str, *, heard: bool) -> str:
    """Return the name that the challenge gives a file of scores.

    Args:
        version: "v1", "v2" or "v3".
        trained_on: the language that the model was trained on.
        heard: whether the list is in that language.
    """
    return f"sub_score_{version}_{trained_on}_{'heard' if heard else 'unheard'}.txt"


def write_scores(path: str | Path, record: PublishedVerification, distances: ArrayLike) -> None:
    """Write the file of scores of a list: KEY DISTANCE with six digits, in the order of the list.

    Args:
        path: `submission_name` says what the challenge calls it.
        record: the list, with its keys.
        distances: (n,) L2 distance of voice and face of each pair, 0 or more: small where they are of one person.

    Raises:
        ConfigError: a list without keys.
        DataError: another number of distances, or one that is negative or not finite.
    """
    values = np.asarray(distances, dtype=np.float64)
    if len(record.keys) != len(record):
        raise ConfigError(f"A file of scores needs the key of each pair. {record.name} has none. Give a FAME list.")
    if values.shape != (len(record),):
        raise DataError(f"There must be one distance for each of {len(record)} pairs. Got the shape {values.shape}.")
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"A distance must be finite and 0 or more. Got {values[row]} for {record.keys[row]!r} and {wrong.size - 1} "
            "more. Give distances, not similarities."
        )
    lines = [f"{key} {value:.6f}\n" for key, value in zip(record.keys, values.tolist(), strict=True)]
    with atomic_file(Path(path), what="file of scores") as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def _refuse_repeated(rows: Rows, keys: tuple[str, ...]) -> None:
    if len(set(keys)) < len(keys):
        seen: set[str] = set()
        row = next(row for row, key in enumerate(keys) if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise rows.error(row, f"the key {keys[row]!r} is there twice, so its score would be lost. Mend the line.")


def _labels(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    wrong = next((row for row, words in enumerate(rows.words) if words[1] not in ("0", "1")), None)
    if wrong is not None:
        raise rows.error(wrong, f"the label must be 1 or 0. Got {rows.words[wrong][1]!r}. Mend or remove the line.")
    labels = np.array([words[1] == "1" for words in rows.words])
    check_labels(rows.path, labels)
    return labels


def people_of_paths(probes: Sequence[str], candidates: Sequence[str]) -> tuple[tuple[str, ...], Codes, Codes]:
    """Return the people that the paths name, and the code of each probe and candidate or `NOBODY`.

    Example:
        >>> people_of_paths(["voices/id028/0.wav"], ["faces/7.jpg"])
        (('id028',), array([0]), array([-1]))
    """
    folders = [path.rpartition("/")[0] for path in (*probes, *candidates)]
    person_of = {folder: place_of(f"{folder}/file").person for folder in set(folders)}
    named = [person_of[folder] for folder in folders]
    people = tuple(sorted({person for person in named if person}))
    row_of: dict[str | None, int] = {person: row for row, person in enumerate(people)}
    codes = np.array([row_of.get(person, NOBODY) for person in named], dtype=np.int64)
    return people, codes[: len(probes)], codes[len(probes) :]


def _group(stem: str) -> str:
    """Return the group that a name of ours ends in: "verification_voice_to_face_same_gender"."""
    found = GROUP.search(stem)
    return group_name(found[0].split("_")[1:]) if found else ALL
