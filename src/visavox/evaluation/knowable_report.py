"""A report and the ceiling of the world it was measured in, brought together.

The report gets the share of the knowable as measures (protocol "knowable"), for every baseline as well; a baseline
"ceiling" with the best possible answers; and the block `knowable` that the first figure of the page draws.

Example:
    report = with_knowable(report, read_ceiling(Path("world")), same_gender_shares(voice, face))
    report.find(protocol="knowable", direction="voice_to_face", group="all", measure="share_of_knowable").value
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import DIRECTIONS, Direction
from visavox.evaluation.contest import build_contest
from visavox.evaluation.knowable import (
    NORMAL_95,
    PAIR,
    Estimate,
    Knowable,
    KnowableRow,
    pair_measures,
    share_measure,
    share_measures,
)
from visavox.evaluation.knowable_ceiling import Table, WorldCeiling
from visavox.evaluation.measures import Measure
from visavox.evaluation.record import CEILING, GENDER_ALONE, Baseline, Report, find_measure
from visavox.evaluation.wording import direction_words, format_interval, format_value, group_words
from visavox.metrics.weighting import mean_over_people

Pair = tuple[str, str]  # direction, group


def same_gender_shares(voice: EmbeddingTable, face: EmbeddingTable) -> dict[str, float]:
    """Return, by direction, the share of a probe's wrong candidates that have its gender, as 1:2 accuracy weights them.

    Among so many women as men it is a little below one half, since nobody is a wrong candidate for himself. nan where
    somebody's gender is not given.
    """
    return {direction: _same_gender_share(voice, face, direction) for direction in DIRECTIONS}


def _same_gender_share(voice: EmbeddingTable, face: EmbeddingTable, direction: Direction) -> float:
    if not all((*voice.attribute("gender"), *face.attribute("gender"))):
        return math.nan
    contest = build_contest(voice, face, direction=direction, scorer=_no_scores)
    everybody, same = (group.negatives.sum(axis=1) for group in contest.groups[:2])
    able = contest.positives.any(axis=1) & (everybody > 0)
    if not able.any():
        return math.nan
    return float(mean_over_people(same[able] / everybody[able], contest.probe_people[able]))


def _no_scores(voice: EmbeddingTable, face: EmbeddingTable) -> NDArray[np.float64]:
    return np.zeros((len(voice), len(face)))


def with_knowable(report: Report, ceiling: WorldCeiling, same_gender: Mapping[str, float]) -> Report:
    """Return the report with the share of the knowable in it.

    Args:
        report: measured on people of this world.
        ceiling: of the world.
        same_gender: what `same_gender_shares` returned for the people.
    """
    honest = ceilings_here(ceiling.honest, same_gender)
    leaky = ceilings_here(ceiling.with_shortcuts, same_gender) if ceiling.with_shortcuts is not None else {}
    knowable = Knowable(
        world=str(ceiling.source),
        rows=tuple(_row(report, m, honest, leaky) for m in pair_measures(report.measures, honest)),
        warnings=_warnings(report, ceiling, honest),
        notes=_notes(report, ceiling, same_gender),
    )
    best = _ceiling_baseline(report, ceiling, honest)
    baselines = [
        dataclasses.replace(b, measures=(*b.measures, *share_measures(b.measures, honest)))
        for b in (*report.baselines, best)
    ]
    return dataclasses.replace(
        report,
        measures=(*report.measures, *share_measures(report.measures, honest)),
        baselines=tuple(baselines),
        knowable=knowable,
    )


def ceilings_here(table: Table, same_gender: Mapping[str, float]) -> dict[Pair, Estimate]:
    """Return the 1:2 ceilings of all pairs and of one gender, by direction and group, for these people.

    All pairs are so many pairs of one gender and so many of two; their ceiling is that of both, weighted alike. Where
    a share is nan (genders unknown) the file's own figure for half and half stands.
    """
    found: dict[Pair, Estimate] = {}
    for direction in DIRECTIONS:
        everybody, same, opposite = (
            table[direction, group, PAIR] for group in ("all", "same_gender", "opposite_gender")
        )
        weight = same_gender.get(direction, math.nan)
        if math.isfinite(weight):
            everybody = Estimate(
                weight * same.value + (1 - weight) * opposite.value,
                weight * same.standard_error + (1 - weight) * opposite.standard_error,  # at most: of the same people
            )
        found |= {(direction, "all"): everybody, (direction, "same_gender"): same}
    return found


def _row(
    report: Report, found: Measure, honest: Mapping[Pair, Estimate], leaky: Mapping[Pair, Estimate]
) -> KnowableRow:
    pair = (found.direction, found.group)
    gender = report.baseline(GENDER_ALONE)
    alone = find_measure(gender.measures, found.key) if gender is not None else None
    share = share_measure(found, honest[pair])
    return KnowableRow(
        direction=found.direction,
        group=found.group,
        chance=found.chance,
        gender_alone=alone.value if alone is not None else math.nan,
        reached=found.value,
        low=found.low,
        high=found.high,
        ceiling=honest[pair].value,
        ceiling_error=honest[pair].standard_error,
        shortcut_ceiling=leaky[pair].value if pair in leaky else math.nan,
        share=share.value,
        share_low=share.low,
        share_high=share.high,
        count=found.count,
        n_people=found.n_people,
    )


def _ceiling_baseline(report: Report, ceiling: WorldCeiling, honest: Mapping[Pair, Estimate]) -> Baseline:
    """The best possible answers as a column of the tables, where the file has them."""
    rows = []
    for found in report.measures:
        best = ceiling.honest.get((found.direction, found.group, found.measure))
        if found.measure == PAIR:
            best = honest.get((found.direction, found.group))
        if best is not None and found.protocol in ("matching", "verification"):
            rows.append(dataclasses.replace(found, value=best.value, low=math.nan, high=math.nan, note=""))
    note = "the best possible answers, from the world's likelihood ratio; empty where the world says nothing"
    return Baseline(CEILING, tuple(rows), note)


def _warnings(report: Report, ceiling: WorldCeiling, honest: Mapping[Pair, Estimate]) -> tuple[str, ...]:
    """A sentence on every accuracy whose whole interval lies above what can be known without shortcuts."""
    above = []
    for found in pair_measures(report.measures, honest):
        best = honest[found.direction, found.group]
        told = ceiling.honest.get((found.direction, f"{found.group}_told", PAIR), best)
        best = max(best, told, key=lambda estimate: estimate.value)
        if found.low > best.value + NORMAL_95 * best.standard_error:
            reached = f"{format_value(PAIR, found.value)} ({format_interval(found)})"
            above.append(
                f"{direction_words(found.direction)}, {group_words(found.group)}: "
                f"{reached} against {format_value(PAIR, best.value)}"
            )
    if not above:
        return ()
    planted = ", ".join(f"{name} {strength:g}" for name, strength in (ceiling.leaks or {}).items())
    if ceiling.with_shortcuts is not None:
        why = f"it uses shortcuts that are planted in this world{f' ({planted})' if planted else ''}"
    else:
        why = "nothing is planted in this world, so look for what the test people share with those trained on"
    return (f"The model lies above what a voice and a face can tell of each other: {'; '.join(above)}. Hence {why}.",)


def _notes(report: Report, ceiling: WorldCeiling, same_gender: Mapping[str, float]) -> tuple[str, ...]:
    notes = [
        "The ceiling is what the likelihood ratio of the world's own model reaches: it knows exactly what each face "
        "and each voice shows. Same gender goes by the people's own gender, as in the tables."
    ]
    weight = same_gender.get("voice_to_face", math.nan)
    if math.isfinite(weight):
        notes.append(
            f"Of the wrong candidates of a probe {format_value('share', weight)} have its gender; the ceiling of all "
            "pairs is that of both kinds in this proportion."
        )
    elif any(m.group == "same_gender" and math.isfinite(m.value) for m in report.measures):
        notes.append("Some genders are not given here: the groups may differ from those of the ceiling.")
    if ceiling.reliabilities is not None and min(ceiling.reliabilities) < 1:
        face, voice = (format_value("share", value) for value in ceiling.reliabilities)
        notes.append(
            f"Gender alone knows the people's own gender, which their faces show in {face} and their voices in "
            f"{voice} of cases: it knows a little more than can be seen and heard."
        )
    return tuple(notes)
