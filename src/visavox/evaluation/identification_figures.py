"""The sections of a report on identification that are mostly figures: fronts, confusion, over-fitting, open set.

The tables are in `visavox.evaluation.identification_sections`.

Example:
    sections = (pareto_section(result), confusion_section(result), *overfitting_sections(result))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visavox.evaluation.drawings import Confusion, CostPoint, Pareto
from visavox.evaluation.identification_record import STRANGERS, Contender
from visavox.evaluation.identification_sections import NONE, cell, cost_front, shown
from visavox.evaluation.measures import Curve
from visavox.evaluation.protocols.identification import IdentificationResult, asked_rows
from visavox.evaluation.record import Cell, Section
from visavox.metrics.identification import confusion_matrix, most_confused_pairs

COSTS = (
    ("n_parameters", "Accuracy and size", "parameters"),
    ("macs", "Accuracy and arithmetic", "MACs, multiply-accumulates of a clip"),
    ("latency_ms", "Accuracy and time", "ms a clip, on this machine"),
    ("file_bytes", "Accuracy and file size", "bytes, of weights"),
)
RATE = "dir_at_far_"
N_PAIRS = 12  # most confused pairs in the table
N_LINES = 6  # lines that one figure can tell apart
N_TRIALS = 5  # best trials of a search in the table


def pareto_section(result: IdentificationResult) -> Section | None:
    """Return accuracy against each cost, a drawing each; None with fewer than two costs."""
    contenders = [c for c in result.experiment.contenders if result.find(c.name, "top_1") is not None]
    drawings, shares = [], []
    for field, heading, label in COSTS:
        on_front, share = cost_front(result, contenders, field)
        points = []
        for contender, front in zip(contenders, on_front, strict=True):
            found = result.find(contender.name, "top_1")
            cost = float(getattr(contender.cost, field))
            if found is not None and cost > 0:
                name, ends = contender.name, (found.value, found.low, found.high)
                points.append(CostPoint(name, shown(contender), cost, *ends, on_front=bool(front)))
        if len(points) > 1:
            drawings.append(Pareto(heading, label, "top-1 accuracy", tuple(points)))
            shares.append(share)
    if not drawings:
        return None
    text = (
        "Top-1 on the test clips against what it takes to name one clip. Dashed: the front, the rows that no other "
        "beats in both; their names are bold. Vertical lines: 95 % intervals over people. In the table: in how many "
        "resamples of people a row is on the front."
    )
    columns = ("network", *(f"front, {drawing.x_label.split(',')[0]} %" for drawing in drawings))
    rows: list[tuple[Cell, ...]] = [
        (contender.name, *(float(share[i]) for share in shares)) for i, contender in enumerate(contenders)
    ]
    return Section("Accuracy against cost", text, columns, tuple(rows), drawings=tuple(drawings))


def confusion_section(result: IdentificationResult) -> Section | None:
    """Return who is taken for whom by the best contender, as a drawing and the most confused pairs; None without."""
    best = result.contender(result.best)
    if "test" not in best.probabilities:
        return None
    probabilities, labels = asked_rows(result.experiment, best, "test")
    matrix = confusion_matrix(probabilities, labels)
    people = result.experiment.people
    rows: list[tuple[Cell, ...]] = [
        (
            people[pair.first],
            people[pair.second],
            f"{pair.first_as_second:g}",
            f"{pair.second_as_first:g}",
            pair.share,
            pair.expected,
        )
        for pair in most_confused_pairs(matrix, n_pairs=N_PAIRS)
    ]
    n_wrong = float(matrix.sum() - np.trace(matrix))
    text = (
        f"Whom {result.best} takes for whom on the {len(labels):,} test clips, {n_wrong:g} of them wrong. Expected: "
        "the share of confused clips if each person's errors fell on everybody else alike."
    )
    cells = tuple(tuple(row) for row in matrix.tolist())
    drawing = Confusion(f"Who is named as whom, {result.best}", people, cells)
    columns = ("person", "and", "first as second", "second as first", "confused %", "expected %")
    return Section("Confusion between people", text, columns, tuple(rows), drawings=(drawing,))


def overfitting_section(result: IdentificationResult) -> Section | None:
    """Return training and validation accuracy by epoch, a figure a network; None where no course is known."""
    curves = []
    for contender in result.experiment.contenders:
        for name, group in (("train_top_1", "training"), ("validation_top_1", "validation")):
            points = _series(contender, name)
            if points:
                x, y = zip(*points, strict=True)
                curves.append(Curve("learning", contender.name, group, x, y, "epoch", "top-1 accuracy"))
    if not curves:
        return None
    text = (
        "Top-1 after each epoch on validation clips, and in each epoch on training clips while they are learned, with "
        "augmentation and dropout: early on validation may lie above. Where the lines part later, what is learned is "
        "learned by heart."
    )
    return Section("Over-fitting", text, curves=tuple(curves))


def open_set_section(result: IdentificationResult, *, score: str = "the largest probability") -> Section | None:
    """Return detection and identification rates at false alarm rates, and the curve; None without strangers.

    Args:
        result: of the protocol.
        score: what was held against the threshold, in words.
    """
    names = list(dict.fromkeys(m.measure for m in result.measures if m.measure.startswith(RATE)))
    if not names:
        return None
    rows: list[tuple[Cell, ...]] = []
    for name in result.ranked():
        found = [result.find(name, measure) for measure in names]
        if any(m is not None for m in found):
            closed = result.find(name, "top_1")
            rows.append((name, *(cell(m) for m in found), math.nan if closed is None else closed.value))
    known = next(m for m in result.measures if m.measure == names[0])
    n_strangers = len(result.experiment.clips.get(STRANGERS, ()))
    text = (
        f"{n_strangers:,} clips of strangers, who were never met, ask as well. The score is {score}; "
        "the threshold lets in the share of strangers' clips at the head of the column, the false alarm rate (FAR). "
        "In the cells the share of known people's clips that pass it and are named rightly; closed set: without a "
        "threshold."
    )
    notes = [
        f"Guessing gives the false alarm rate over {len(result.experiment.people)}, "
        f"{100 * known.chance:.2g} % in the first column.",
        _drawn_words(result),
    ]
    columns = ("network", *(f"FAR {measure.removeprefix(RATE)} %" for measure in names), "closed set %")
    lines = [curve for name in result.ranked()[:N_LINES] for curve in result.curves if curve.direction == name]
    if len(result.ranked()) > N_LINES and lines:
        notes.append(f"Drawn are the {N_LINES} most accurate.")
    curves = tuple(
        Curve("open set", "test", c.direction, c.x, c.y, "false alarm rate, share of strangers", c.y_label)
        for c in lines
    )
    return Section("Open set: strangers ask too", text, columns, tuple(rows), curves, tuple(notes))


def _drawn_words(result: IdentificationResult) -> str:
    """How the intervals of an open set come about."""
    people = result.experiment.stranger_people
    if people:
        return f"Intervals: known people and the {len(set(people))} strangers drawn with replacement."
    return (
        "Intervals: known people drawn with replacement, and strangers clip by clip, since who they are is not "
        "recorded: they are too narrow where a stranger has several clips."
    )


def search_sections(result: IdentificationResult) -> tuple[Section, ...]:
    """Return the best trials of each search of settings, a section a network that was searched for."""
    found = []
    for contender in result.experiment.contenders:
        search = contender.about.get("search") or ()
        told = search.get("trials", ()) if isinstance(search, Mapping) else search
        by_loss = isinstance(search, Mapping) and search.get("measure", "top_1") != "top_1"
        trials = [trial for trial in told if isinstance(trial, Mapping)]
        done = [t for t in trials if math.isfinite(_value(t)) and t.get("state", "complete") == "complete"]
        if not done:
            continue
        done.sort(key=_value, reverse=not by_loss)
        names = list(dict.fromkeys(name for trial in done for name in _options(trial)))
        rows: list[tuple[Cell, ...]] = [
            (
                str(trial.get("number", place)),
                _value(trial),
                *(str(_options(trial).get(name, NONE)) for name in names),
            )
            for place, trial in enumerate(done[:N_TRIALS])
        ]
        text = (
            f"The {len(rows)} best of {len(trials)} trials by {'loss' if by_loss else 'top-1'} on the validation "
            "clips; the test clips were not looked at. The best of many trials looks better there than it is."
        )
        columns = (
            "trial",
            "validation loss" if by_loss else "validation top-1 %",
            *(name.replace("_", " ") for name in names),
        )
        found.append(Section(f"The search of {contender.name}", text, columns, tuple(rows)))
    return tuple(found)


def _series(contender: Contender, name: str) -> list[tuple[float, float]]:
    """(epoch, figure) of every epoch that has a finite figure of this name."""
    rows: Sequence[Mapping[str, Any]] = contender.history
    found = [(float(row["epoch"]), row.get(name)) for row in rows if "epoch" in row]
    return [(epoch, float(value)) for epoch, value in found if isinstance(value, int | float) and math.isfinite(value)]


def _value(trial: Mapping[str, Any]) -> float:
    value = trial.get("validation_top_1", trial.get("value"))
    return float(value) if isinstance(value, int | float) else math.nan


def _options(trial: Mapping[str, Any]) -> Mapping[str, Any]:
    options = trial.get("options", trial.get("params"))
    return options if isinstance(options, Mapping) else {}
