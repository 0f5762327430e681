"""The sections of a report on robustness: a summary, and a table with curves for each degradation.

Example:
    summary_section([(find("blur"), levels)]).rows[0][0]        # "Blur"
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from visavox.evaluation.measures import Curve
from visavox.evaluation.record import Cell, Section
from visavox.evaluation.wording import direction_words, group_words, measure_words
from visavox.media.degrading.base import Degradation
from visavox.pipeline.robustness.losses import AUC, PAIR, QUESTIONS, LevelLosses, Question, half_words

SUMMARY = "At which level half of the lead over chance is lost"
SUMMARY_TEXT = (
    "Lead: the figure of the untouched clips less one half. The level at which half of it is left is read off a "
    "straight line between two measured levels, the first time it is crossed; with few people it is a rough figure. "
    "“not at” and “before”: half is not lost at the worst level, or lost already at the mildest one. “undefined”: the "
    "untouched clips are not clearly better than chance."
)
TABLE_TEXT = (
    "Degraded and clean are of the same clips, people and resamples; the difference, degraded less clean, has its own "
    "95 % interval from them."
)
COLUMNS = ("question", "level", "degraded %", "clean %", "difference %", "clips", "left out")

Measured = Sequence[tuple[Degradation, Sequence[LevelLosses]]]


def question_words(question: Question) -> str:
    """Return a question as people read it.

    Example:
        >>> question_words(("voice_to_face", "all", "accuracy_1_of_2")), question_words(("both_directions", "all", "auc"))
        ('1:2 accuracy, voice → face, all pairs', 'AUC, all pairs')
    """  # noqa: E501
    direction, group, measure = question
    where = "" if measure == AUC else f", {direction_words(direction)}"
    return f"{measure_words(measure)}{where}, {group_words(group)}"


def robustness_sections(measured: Measured) -> tuple[Section, ...]:
    """Return the summary and one section a degradation.

    Args:
        measured: each degradation with its levels, from mild to severe.
    """
    return (summary_section(measured), *(degradation_section(row, levels) for row, levels in measured))


def summary_section(measured: Measured) -> Section:
    """Return the table of the levels at which half of the lead is lost, one row a degradation."""
    asked = [q for q in QUESTIONS if q[2] == PAIR]
    heads = [f"{direction_words(q[0])}, {group_words(q[1])}" for q in asked]
    rows = [
        (f"{row.title}, {row.quantity}", *(half_words(row, levels, question) for question in asked))
        for row, levels in measured
    ]
    return Section(SUMMARY, SUMMARY_TEXT, ("what gets worse", *heads), tuple(rows))


def degradation_section(row: Degradation, levels: Sequence[LevelLosses]) -> Section:
    """Return the table of one degradation and, where its levels are numbers, its curves."""
    rows: list[tuple[Cell, ...]] = []
    for question in QUESTIONS:
        if all(math.isnan(at.losses[question].degraded.value) for at in levels if question in at.losses):
            continue
        rows += [_row(question, row, at) for at in levels]
    title = f"{row.title} ({row.condition})" if row.condition != row.name else row.title
    curves = _curves(row, levels) if row.is_ordered else ()
    modality = f"Only the {row.modality}s get worse. "
    return Section(title, f"{row.about} {modality}{TABLE_TEXT}", COLUMNS, tuple(rows), curves, _notes(row, levels))


def _row(question: Question, row: Degradation, at: LevelLosses) -> tuple[Cell, ...]:
    undefined = (math.nan, math.nan, math.nan)
    left_out = sum(at.reasons.values())
    found = at.losses.get(question)
    level = row.label(at.level)
    if found is None:
        return (question_words(question), level, undefined, math.nan, undefined, at.n_clips, left_out)
    ours, lost = found.degraded, found.difference
    difference = undefined if lost is None else (lost.value, lost.low, lost.high)
    value = (ours.value, ours.low, ours.high)
    return (question_words(question), level, value, found.clean.value, difference, at.n_clips, left_out)


def _notes(row: Degradation, levels: Sequence[LevelLosses]) -> tuple[str, ...]:
    notes = []
    for at in levels:
        for reason, count in sorted(at.reasons.items()):
            notes.append(f"{row.label(at.level)}: {count:,} of {at.n_clips + sum(at.reasons.values()):,}: {reason}.")
    undefined = [
        q for q in QUESTIONS if all(math.isnan(at.losses[q].degraded.value) for at in levels if q in at.losses)
    ]
    reasons = {at.losses[q].degraded.note for q in undefined for at in levels if q in at.losses}
    if undefined and reasons - {""}:
        names = "; ".join(question_words(q) for q in undefined)
        notes.append(f"Undefined ({', '.join(sorted(reasons - {''}))}): {names}.")
    return tuple(notes)


def _curves(row: Degradation, levels: Sequence[LevelLosses]) -> tuple[Curve, ...]:
    """1:2 accuracy by level, one figure a direction, and beside each line what the same clips reach untouched."""
    curves = []
    for question in (q for q in QUESTIONS if q[2] == PAIR):
        direction, group, measure = question
        known = [(float(at.level), at.losses[question]) for at in levels if question in at.losses]
        lines = {group: [(x, loss.degraded.value) for x, loss in known]}
        if row.clean is not None and known:
            lines[group].insert(0, (row.clean, known[0][1].clean.value))
        lines[f"clean, {group_words(group)}"] = [(x, loss.clean.value) for x, loss in known]
        for name, points in lines.items():
            x, y = ([point[i] for point in points] for i in (0, 1))
            label = measure_words(measure)
            curves.append(Curve(f"{label} by {row.axis}", direction, name, tuple(x), tuple(y), row.axis, label))
    # The two groups before the two clean lines, so that colours are the same in every figure.
    return tuple(sorted(curves, key=lambda curve: curve.group.startswith("clean")))
