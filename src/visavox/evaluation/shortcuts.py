"""Shortcut analysis: how far an attribute or the recording alone gets, and what is left when each is held fixed.

A model that hears "woman" and sees a woman is right three times in four between two faces without knowing anybody.
The first table asks how far each such shortcut gets on its own; the second lets probe and negatives share it, so that
it cannot help, and measures the model again.

Example:
    sections = shortcut_sections(voice, face, contest, bench, seed=0, recordings=None)
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.attributes import (
    AttributeAlone,
    attribute_words,
    label_notes,
    labelled_attributes,
    labels,
    same_label,
)
from visavox.evaluation.contest import Contest, sides
from visavox.evaluation.record import Cell, Section
from visavox.evaluation.recording_alone import Features, feature_matrix, recording_scores
from visavox.evaluation.scoring import Scorer, UndefinedScoresError, probe_scores
from visavox.evaluation.subset_accuracy import MAX_ROC_RESAMPLES, Bench
from visavox.evaluation.wording import direction_words

ALIKE_SHARE = 0.1  # of the negatives, those whose recording is most like the positive's
ALONE = (
    "How often a scorer that knows nothing but one shortcut picks the right one of two, over all pairs; ties count one "
    "half. 50 % means that it gives nothing away. Intervals: 95 %, people drawn with replacement."
)
FIXED = (
    "The model again, with negatives that share an attribute with the probe, so that the attribute cannot help. Probes "
    "without the label, or without such a negative, are left out. What is left: how far above chance it still is, as a "
    f"share of how far it is on all pairs. AUC intervals: {MAX_ROC_RESAMPLES} resamples."
)

Mask = NDArray[np.bool_]


def shortcut_sections(
    voice: EmbeddingTable,
    face: EmbeddingTable,
    contest: Contest,
    bench: Bench,
    *,
    seed: int,
    recordings: Features | None = None,
) -> tuple[Section, Section]:
    """Return "shortcuts alone" and "what is left when a shortcut is held fixed".

    Args:
        voice: voices in the common space.
        face: faces in the same space.
        contest: their contest, scored by the model.
        bench: measures it.
        seed: folds of people for the recording depend on this number alone.
        recordings: for each item key its recording figures by name; None: unknown.
    """
    names = labelled_attributes(voice, face)
    return (
        _alone_section(voice, face, contest, bench, names, seed=seed, recordings=recordings),
        _fixed_section(voice, face, contest, bench, names, recordings=recordings),
    )


def _alone_section(
    voice: EmbeddingTable,
    face: EmbeddingTable,
    contest: Contest,
    bench: Bench,
    names: tuple[str, ...],
    *,
    seed: int,
    recordings: Features | None,
) -> Section:
    negatives = contest.groups[0].negatives
    notes: list[str] = []
    rows: list[tuple[Cell, ...]] = []

    def add(name: str, scores: NDArray[np.floating], allowed: Mask) -> None:
        found = bench.accuracy(allowed, scores=scores)
        rows.append((name, found.cell, found.n_probes, found.n_people))

    known = []
    for name in names:
        scorer: Scorer = AttributeAlone((name,))
        try:
            scores = probe_scores(voice, face, direction=contest.direction, scorer=scorer)
        except UndefinedScoresError as reason:
            notes.append(f"{attribute_words(name).capitalize()} alone: {reason}.")
            continue
        known.append(name)
        add(f"{attribute_words(name)} alone", scores, negatives)
    if len(known) > 1:
        scores = probe_scores(voice, face, direction=contest.direction, scorer=AttributeAlone(tuple(known)))
        add("all of these together", scores, negatives)
    try:
        if recordings is None:
            raise UndefinedScoresError("no recording figures are known")
        scores, comparable = recording_scores(contest, recordings, seed=seed)
        add("the recording alone", scores, negatives & comparable)
        notes.append(
            "The recording alone: canonical correlation of recording figures, fitted on four fifths of the people and "
            "measured within the last fifth."
        )
    except UndefinedScoresError as reason:
        notes.append(f"The recording alone: {reason}.")
    found = bench.whole
    rows.append(("this model", found.cell, found.n_probes, found.n_people))
    notes += label_notes(voice, face)
    title = f"Shortcuts alone, {direction_words(contest.direction)}"
    return Section(title, ALONE, ("scorer", "1:2 accuracy %", "probes", "people"), tuple(rows), notes=tuple(notes))


def _fixed_section(
    voice: EmbeddingTable,
    face: EmbeddingTable,
    contest: Contest,
    bench: Bench,
    names: tuple[str, ...],
    *,
    recordings: Features | None,
) -> Section:
    probes, gallery = sides(voice, face, direction=contest.direction)
    negatives = contest.groups[0].negatives
    same = {name: same_label(labels(probes, gallery, name), labels(gallery, probes, name)) for name in names}
    asked: dict[str, Mask] = {"nothing": negatives}
    asked |= {attribute_words(name): negatives & same[name] for name in names}
    alike = None
    if recordings is not None:
        alike = _like_recordings(contest, negatives, recordings)
    if alike is not None:
        asked["the recording"] = alike
    if len(names) > 1:
        asked[", ".join(map(attribute_words, names))] = functools.reduce(np.logical_and, same.values(), negatives)
    whole = bench.whole
    rows: list[tuple[Cell, ...]] = []
    for held, allowed in asked.items():
        found = whole if allowed is negatives else bench.accuracy(allowed)
        auc, _ = bench.curve_figures(allowed)
        above = whole.value - 0.5
        left = (found.value - 0.5) / above if above > 0 else float("nan")
        rows.append((held, found.cell, left, auc.cell, found.n_probes, found.n_people))
    notes = []
    if alike is not None:
        notes.append(
            f"The recording held fixed: of the negatives of each probe the {100 * ALIKE_SHARE:.0f} % whose recording "
            "figures are most like those of the positive."
        )
    others = _other_video_row(contest, probes, gallery, bench, whole.value)
    if others is not None:
        rows.append(others)
        notes.append("Another recording: the positive is of the same person in another video than the probe's.")
    elif (contest.positives & _same(probes.clips, gallery.clips)).any():
        notes.append(
            "Every positive is of the probe's own clip, from one recording; nobody has a second video here, so what "
            "the recording gives away cannot be taken out entirely."
        )
    notes += label_notes(voice, face)
    title = f"What is left when a shortcut is held fixed, {direction_words(contest.direction)}"
    columns = ("held fixed", "1:2 accuracy %", "left %", "AUC %", "probes", "people")
    return Section(title, FIXED, columns, tuple(rows), notes=tuple(notes))


def _like_recordings(contest: Contest, negatives: Mask, recordings: Features) -> Mask | None:
    """The allowed negatives whose recording figures lie nearest those of the probe's first positive."""
    features = feature_matrix(contest.gallery_keys, recordings)
    if not features.shape[1]:
        return None
    own = features[contest.positives.argmax(axis=1)]
    square = (own**2).sum(axis=1)[:, np.newaxis] + (features**2).sum(axis=1) - 2 * own @ features.T
    distance = np.where(negatives, square, np.inf)
    wanted = np.ceil(ALIKE_SHARE * negatives.sum(axis=1)).astype(np.int64)
    sorted_distance = np.sort(distance, axis=1)
    reach = sorted_distance[np.arange(len(distance)), np.maximum(wanted - 1, 0)]
    return np.asarray(negatives & (distance <= reach[:, np.newaxis]) & contest.positives.any(axis=1, keepdims=True))


def _other_video_row(
    contest: Contest, probes: EmbeddingTable, gallery: EmbeddingTable, bench: Bench, whole: float
) -> tuple[Cell, ...] | None:
    """The model with positives of the same person from another, known video; None where nobody has one."""
    known = np.array([bool(v) for v in probes.videos])[:, np.newaxis] & [bool(v) for v in gallery.videos]
    same_person = contest.probe_people[:, np.newaxis] == contest.gallery_people
    positives = same_person & known & ~_same(probes.videos, gallery.videos)
    if not positives.any():
        return None
    found = bench.accuracy(contest.groups[0].negatives, positives=positives)
    left = (found.value - 0.5) / (whole - 0.5) if whole > 0.5 else float("nan")
    return ("another recording", found.cell, left, "", found.n_probes, found.n_people)


def _same(first: tuple[str | None, ...], second: tuple[str | None, ...]) -> Mask:
    return same_label(list(first), list(second))
