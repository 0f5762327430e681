"""Errors by group: who is recognised worse, by gender, nationality, age band and language of the probe.

Every group is measured against the same negatives, everybody, and on the same resamples of people. The largest gap is
between the best and the worst group **as measured**: of many groups some two always differ, so a gap whose interval
holds 0 shows nothing, and one that does not shows little when there are many groups.

Example:
    section = bias_section(voice, face, contest, bench)
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.attributes import attribute_words, label_notes, labelled_attributes, labels
from visavox.evaluation.contest import Contest, sides
from visavox.evaluation.record import Cell, Section
from visavox.evaluation.subset_accuracy import MAX_ROC_RESAMPLES, Bench, Figure
from visavox.evaluation.wording import direction_words
from visavox.metrics.bootstrap import paired_difference

MIN_PEOPLE = 10
"""People from which a group is a row of its own; smaller ones are counted in a footnote."""
MAX_GROUPS = 12  # rows an attribute, the largest groups

TEXT = (
    "1:2 accuracy and equal error rate of the probes of each group against everybody. Intervals: 95 %, people drawn "
    f"with replacement; of the equal error rate {MAX_ROC_RESAMPLES} resamples. Gap: best group less worst, on the same "
    "resamples."
)


def bias_section(voice: EmbeddingTable, face: EmbeddingTable, contest: Contest, bench: Bench) -> Section:
    """Return the table of errors by group, with the largest gap of each attribute.

    Args:
        voice: voices in the common space.
        face: faces in the same space.
        contest: their contest.
        bench: measures it.
    """
    probes, gallery = sides(voice, face, direction=contest.direction)
    names = labelled_attributes(voice, face)
    negatives = contest.groups[0].negatives
    wanted: list[tuple[str, str, np.ndarray]] = []
    notes = label_notes(voice, face)
    for name in names:
        known = labels(probes, gallery, name)
        people = {(label, person) for label, person in zip(known, probes.identities, strict=True) if label}
        sizes = Counter(label for label, _ in people)
        large = [label for label, size in sizes.most_common() if size >= MIN_PEOPLE][:MAX_GROUPS]
        wanted += [(name, label, np.array([own == label for own in known])) for label in sorted(large)]
        left_out = len(sizes) - len(large)
        if left_out:
            n_people = sum(size for label, size in sizes.items() if label not in large)
            notes.append(
                f"{attribute_words(name).capitalize()}: {left_out} groups with {n_people} people are not shown, with "
                f"fewer than {MIN_PEOPLE} people each or beyond the {MAX_GROUPS} largest."
            )
    figures = bench.accuracies(negatives, [mask for _, _, mask in wanted])
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        found = []
        for (attribute, label, mask), figure in zip(wanted, figures, strict=True):
            if attribute == name and figure.n_probes:
                _, eer = bench.curve_figures(negatives, probes=mask)
                found.append((label, figure, eer))
                rows.append(
                    (f"{attribute_words(name)}: {label}", figure.cell, eer.cell, figure.n_probes, figure.n_people)
                )
        if len(found) > 1:
            rows.append(_gap(name, [figure for _, figure, _ in found], [eer for _, _, eer in found]))
    title = f"Errors by group, {direction_words(contest.direction)}"
    if not rows:
        reason = "no group is large enough" if names else "no labels of gender, nationality, age or language"
        return Section(title, f"Nothing can be said of groups: {reason}.", notes=tuple(notes))
    columns = ("probe", "1:2 accuracy %", "equal error rate %", "probes", "people")
    return Section(title, TEXT, columns, tuple(rows), notes=tuple(notes))


def _gap(name: str, accuracies: list[Figure], rates: list[Figure]) -> tuple[Cell, ...]:
    """Best less worst of each measure."""
    cells: list[Cell] = [f"{attribute_words(name)}: largest gap"]
    for figures in (accuracies, rates):
        values = np.array([figure.value for figure in figures])
        if np.isnan(values).all():
            cells.append((float("nan"),) * 3)
            continue
        best, worst = figures[int(np.nanargmax(values))], figures[int(np.nanargmin(values))]
        pair = paired_difference(best.value, worst.value, best.resampled, worst.resampled)
        cells.append((pair.value, pair.low, pair.high))
    return (*cells, "", "")
