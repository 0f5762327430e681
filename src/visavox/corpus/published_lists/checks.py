"""What every published list must fulfil, whoever published it; the messages name the file, the line and the remedy.

Example:
    >>> one_class = np.array([True, True])
    >>> check_labels(Path("verify.txt"), one_class)
    Traceback (most recent call last):
    ...
    visavox.errors.DataError: verify.txt: all 2 pairs are of one person, so nothing can be measured. Add pairs of two.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.published_lists.identities import Identities
from visavox.corpus.published_lists.lines import Rows
from visavox.corpus.published_lists.records import Codes
from visavox.errors import DataError


def people_of_names(
    rows: Rows, identities: Identities, sides: tuple[tuple[str, ...], tuple[str, ...]], tables: tuple[Codes, Codes]
) -> tuple[Codes, Codes]:
    """Return the rows in `identities` of the people of probes and candidates.

    Args:
        rows: the lines, for the message.
        identities: everybody.
        sides: the names of the probes and of the candidates, each once.
        tables: (n,) and (n, k) rows in them, line by line.

    Raises:
        DataError: somebody is in no identity file; the message names the first line that names him.
    """
    found = []
    for names, table in zip(sides, tables, strict=True):
        people, missing = identities.people_of(names)
        if missing is not None:
            line = int(np.flatnonzero((table.reshape(len(rows), -1) == missing).any(axis=1))[0])
            raise rows.error(line, unknown_person(names[missing], identities))
        found.append(people)
    return found[0], found[1]


def unknown_person(name: str, identities: Identities) -> str:
    """Return what is wrong with a path whose first folder is nobody."""
    return (
        f"{name.partition('/')[0]!r} ({name!r}) is in no identity file ({identities.source}). Give the identity file "
        "of this list with --identities, or remove the line."
    )


def check_choices(rows: Rows, probes: Codes, candidates: Codes) -> None:
    """Check that the first candidate is of the probe's person and no other is.

    Args:
        rows: the lines, for the message.
        probes: (n,) person of each probe.
        candidates: (n, n_candidates) person of each candidate.

    Raises:
        DataError: the message names the first line that breaks the rule.
    """
    same = candidates == probes[:, None]  # (n, n_candidates)
    wrong = np.flatnonzero(~same[:, 0] | same[:, 1:].any(axis=1))
    if not wrong.size:
        return
    row = int(wrong[0])
    words = rows.words[row]
    if not same[row, 0]:
        raise rows.error(
            row,
            f"the first candidate {words[1]!r} must be of the probe's person. It is of another than {words[0]!r}. "
            "Put the positive first, or remove the line.",
        )
    which = int(np.flatnonzero(same[row, 1:])[0]) + 2
    raise rows.error(
        row, f"the negative {words[which]!r} must not be of the person of the positive {words[1]!r}. Remove the line."
    )


def check_labels(path: Path, labels: NDArray[np.bool_]) -> None:
    """Check that there are pairs of one person and pairs of two.

    Raises:
        DataError: there is one class only.
    """
    if labels.all() or not labels.any():
        one, other = ("one person", "two") if labels.all() else ("two people", "one")
        raise DataError(
            f"{path}: all {labels.size} pairs are of {one}, so nothing can be measured. Add pairs of {other}."
        )


def check_findable(where: str, names: tuple[str, ...], probes: Codes, gallery: Codes) -> None:
    """Check that the gallery holds somebody to find for each probe.

    Args:
        where: the file and line of the probes.
        names: the probes.
        probes: (n,) person of each probe.
        gallery: (m,) person of each of the gallery.

    Raises:
        DataError: the message names the first probe that has nobody to find.
    """
    lost = np.flatnonzero(~np.isin(probes, gallery))
    if lost.size:
        _refuse_lost(where, names[int(lost[0])], lost.size, len(names))


def _refuse_lost(where: str, name: str, n_lost: int, n_probes: int) -> NoReturn:
    raise DataError(
        f"{where}: the query {name!r} must have somebody of its person in the gallery. {n_lost} of {n_probes} queries "
        "have nobody. Remove them, or add their people to the gallery."
    )
