"""Who competes with whom: the scores of two tables with their positives, allowed negatives and groups.

A positive is the same clip where the tables share clips, else everything of the same person. A negative is of another
person **and** another video, and of the same fold where the tables name folds; the rest is neither. A group narrows
the negatives: "same_gender" to those of the probe's gender. Protocols measure contests; nothing is measured here.

Example:
    >>> def table(modality):
    ...     keys = tuple(f"{clip}/{modality}" for clip in "abc")
    ...     return EmbeddingTable(modality, "e", keys, tuple("abc"), tuple("AAB"), (None,) * 3, {}, np.eye(3))
    >>> contest = build_contest(table("voice"), table("face"), direction="voice_to_face")
    >>> contest.groups[0].negatives.astype(int).tolist()
    [[0, 0, 1], [0, 0, 1], [1, 1, 0]]
    >>> contest.groups[1].name, contest.groups[1].note
    ('same_gender', 'no gender labels')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import Direction
from visavox.errors import DataError
from visavox.evaluation.scoring import Scorer, UndefinedScoresError, dot_product, probe_scores

PREDICTED = "predicted_"  # attribute "predicted_gender": the guess of a predictor beside the given "gender"
FOLD = "fold"  # attribute of held-out tables: rows of different folds come from different models
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """The negatives that count, under a name.

    Attributes:
        name: "all", "same_gender" or "same_nationality".
        negatives: (n_probes, n_gallery) bool.
        note: why nothing can be measured; "" when it can.
    """

    name: str
    negatives: Mask
    note: str = ""


@dataclass(frozen=True)
class Contest:
    """Scores and relations of all probes and the whole gallery.

    Attributes:
        direction: the probes' modality first.
        probe_keys: n_probes item keys.
        gallery_keys: n_gallery item keys.
        scores: (n_probes, n_gallery) float; zeros where the scorer has nothing to say.
        positives: (n_probes, n_gallery) bool.
        probe_people: (n_probes,) int64 from 0, person of each probe.
        gallery_people: (n_gallery,) int64 from 0, in the same numbering.
        n_people: people in both tables together.
        groups: "all" first.
    """

    direction: Direction
    probe_keys: tuple[str, ...]
    gallery_keys: tuple[str, ...]
    scores: NDArray[np.floating]
    positives: Mask
    probe_people: NDArray[np.int64]
    gallery_people: NDArray[np.int64]
    n_people: int
    groups: tuple[Group, ...]


def build_contest(
    voice: EmbeddingTable,
    face: EmbeddingTable,
    *,
    direction: Direction,
    scorer: Scorer = dot_product,
    by_person: bool = False,
) -> Contest:
    """Return the contest of two tables.

    Args:
        voice: the voices.
        face: the faces.
        direction: "voice_to_face": voices are the probes and faces the gallery; "face_to_voice": the reverse.
        scorer: makes the scores from the tables.
        by_person: whether everything of the probe's person is positive even where the tables share clips.

    Raises:
        DataError: an empty table, a wrong modality, an unknown direction, a NaN score, or what the scorer refuses.
    """
    probes, gallery = sides(voice, face, direction=direction)
    for table in (voice, face):
        if not len(table):
            raise DataError(f"The {table.modality} table holds no row. Prepare and embed some {table.modality}s.")
    probe_people, gallery_people, n_people = people_codes(probes.identities, gallery.identities)
    other_person = probe_people[:, np.newaxis] != gallery_people
    positives = ~other_person
    if not by_person and set(probes.clips) & set(gallery.clips):
        positives = positives & _equal(probes.clips, gallery.clips)
    negatives = other_person & ~_equal(probes.videos, gallery.videos)
    if FOLD in probes.attributes and FOLD in gallery.attributes:  # scores of two folds come from two models
        negatives = negatives & _equal(probes.attribute(FOLD), gallery.attribute(FOLD))
    groups = [Group("all", negatives), _group("gender", probes, gallery, negatives)]
    if any(label is not None for label in known_labels(probes, gallery, "nationality")):
        groups.append(_group("nationality", probes, gallery, negatives))
    try:
        scores = probe_scores(voice, face, direction=direction, scorer=scorer)
    except UndefinedScoresError as reason:
        scores = np.zeros(positives.shape)
        groups = [replace(group, note=str(reason)) for group in groups]
    n_nan = int(np.isnan(scores).sum())
    if n_nan:
        raise DataError(f"Scores must not be NaN. Got {n_nan} of {scores.size}. Remove the broken embeddings.")
    groups = [_with_reason(group, positives) for group in groups]
    return Contest(
        direction, probes.keys, gallery.keys, scores, positives, probe_people, gallery_people, n_people, tuple(groups)
    )


def sides(
    voice: EmbeddingTable, face: EmbeddingTable, *, direction: Direction
) -> tuple[EmbeddingTable, EmbeddingTable]:
    """Return the table of the probes and the table of the gallery.

    Raises:
        DataError: a wrong modality, or an unknown direction.
    """
    for table, modality in ((voice, "voice"), (face, "face")):
        if table.modality != modality:
            raise DataError(f"The {modality} table must hold {modality}s. Got a table of {table.modality}s. Swap them.")
    if direction not in ("voice_to_face", "face_to_voice"):
        raise DataError(f"`direction` must be 'voice_to_face' or 'face_to_voice'. Got {direction!r}.")
    return (voice, face) if direction == "voice_to_face" else (face, voice)


def people_codes(probes: Sequence[str], gallery: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the people of probes and gallery as numbers, and how many people there are.

    Returns:
        (n_probes,) int64 and (n_gallery,) int64 in one numbering, by sorted name, so that two models evaluated on
        the same tables number the same people alike; and the number of people.
    """
    names, codes = np.unique(np.array([*probes, *gallery], dtype=object), return_inverse=True)
    numbered = codes.astype(np.int64)
    return numbered[: len(probes)], numbered[len(probes) :], len(names)


def known_labels(table: EmbeddingTable, other: EmbeddingTable, name: str) -> list[str | None]:
    """Return an attribute for each row, taken from elsewhere of the same person where the row has none.

    Given labels come first; when neither table has any, the predicted ones (`predicted_gender`) are taken.

    Args:
        table: the table whose rows are labelled.
        other: the table of the other modality.
        name: "gender" for instance.

    Returns:
        One value a row, None where unknown.
    """
    for attribute in (name, PREDICTED + name):
        own, others = table.attribute(attribute), other.attribute(attribute)
        of_person = {
            person: label
            for person, label in zip((*other.identities, *table.identities), (*others, *own), strict=True)
            if label
        }
        if of_person:
            return [label or of_person.get(person) for label, person in zip(own, table.identities, strict=True)]
    return [None] * len(table)


def _group(attribute: str, probes: EmbeddingTable, gallery: EmbeddingTable, negatives: Mask) -> Group:
    labels = known_labels(probes, gallery, attribute), known_labels(gallery, probes, attribute)
    name = f"same_{attribute}"
    if not any(labels[0]) or not any(labels[1]):
        return Group(name, np.zeros_like(negatives), f"no {attribute} labels")
    return Group(name, negatives & _equal(*labels))


def _with_reason(group: Group, positives: Mask) -> Group:
    if group.note:
        return group
    if not positives.any():
        return replace(group, note="no probe has a positive")
    if not (positives.any(axis=1) & group.negatives.any(axis=1)).any():
        return replace(group, note="no probe has an allowed negative")
    return group


def _equal(probes: Sequence[str | None], gallery: Sequence[str | None]) -> Mask:
    """(n_probes, n_gallery) bool: the two names are known and the same."""
    names = {name: code for code, name in enumerate(dict.fromkeys((*probes, *gallery)))}
    first, second = (np.array([names[name] if name else -1 for name in side]) for side in (probes, gallery))
    return np.asarray((first[:, np.newaxis] == second) & (first[:, np.newaxis] >= 0))
