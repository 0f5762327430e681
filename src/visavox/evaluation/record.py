"""What one evaluation found, as a value that goes to JSON and back: measures, curves, baselines, provenance.

It is not the page (`visavox.evaluation.page`) and writes no file (`visavox.evaluation.report`). JSON knows no nan,
so an undefined value, an undefined end of an interval and an undefined chance level are `null` there.

Example:
    >>> from visavox.evaluation.measures import Measure
    >>> found = Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", 0.8, 0.7, 0.9, 0.5, 90, 10)
    >>> report = Report("A test", (found,), (), {"seed": 1})
    >>> report_from_json(report_to_json(report)) == report
    True
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from visavox.errors import DataError
from visavox.evaluation.drawings import Drawing, drawing_from_json
from visavox.evaluation.hard_clips import HardClip
from visavox.evaluation.history import TrainingHistory, history_from_rows
from visavox.evaluation.knowable import Knowable, knowable_from_json
from visavox.evaluation.measures import Curve, Measure, plain_float
from visavox.evaluation.strips import Strip

FORMAT = "visavox-report-1"
GENDER_ALONE = "gender alone"  # name of the baseline that knows genders and nothing else
CEILING = "ceiling"  # name of the "baseline" that answers as well as can be, in a world where that is known


@dataclass(frozen=True)
class Baseline:
    """The same measures of something to compare the model with: gender alone, chance drawn at random, the ceiling."""

    name: str
    """What the tables call it: "gender alone", "random"."""
    measures: tuple[Measure, ...] = ()
    """Rows with the protocol, direction, group and measure of the model's rows; any may be absent."""
    note: str = ""
    """Where it comes from (who gave the labels, how often a predictor is right), or why it is undefined."""


Cell = str | int | float | tuple[float, float, float]


@dataclass(frozen=True)
class Section:
    """A table with its text and curves, beside the protocols: shortcuts, errors by group, calibration, comparisons."""

    title: str
    """Heading of the section."""
    text: str = ""
    """What is shown and how it was computed, one or more sentences."""
    columns: tuple[str, ...] = ()
    """Heads of the columns. Their names say how numbers are written: one that ends in " %" holds shares, written in
    percent, one that is "p" or begins with "p " holds p-values, any other is written with three decimals."""
    rows: tuple[tuple[Cell, ...], ...] = ()
    """Rows of one cell a column: text, a count (int), a number, or (value, low, high); nan is written "undefined"."""
    curves: tuple[Curve, ...] = ()
    """Lines to draw below the table; those of one name and direction share a figure."""
    notes: tuple[str, ...] = ()
    """Footnotes: why something is undefined, what was left out."""
    drawings: tuple[Drawing, ...] = ()
    """Figures that are no lines, drawn before the curves."""

    def __post_init__(self) -> None:
        """Check the width of the rows and make every nan the same object, so that equal sections compare equal."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise DataError(
                    f"A row of a section must have one cell a column. Got {len(row)} cells for {len(self.columns)} "
                    f"columns in {self.title!r}."
                )
        object.__setattr__(self, "rows", tuple(tuple(_cell(cell) for cell in row) for row in self.rows))


@dataclass(frozen=True)
class Report:
    """Everything a report shows. Order is kept: measures and strips appear as they are given."""

    title: str
    """What was measured, on what: "base on voxceleb"."""
    measures: tuple[Measure, ...]
    """The model's measures."""
    curves: tuple[Curve, ...]
    """ROC, DET, 1:N and histogram curves; a curve of an unknown name is drawn with its own axis titles."""
    provenance: Mapping[str, Any]
    """Where the figures come from, JSON values only: version, command, date, seed, model, encoders (a mapping of
    modality to name, weights, training_data, licence), corpus, catalog_hash, trial_hash, counts, caveats (a list
    of sentences)."""
    baselines: tuple[Baseline, ...] = ()
    """What the model is compared with."""
    strips: tuple[Strip, ...] = ()
    """Best and worst matches, from `visavox.evaluation.strips.pick_strips`."""
    notes: tuple[str, ...] = ()
    """Sentences on single results: why a measure is undefined, what was left out."""
    training: TrainingHistory | None = field(default=None)
    """The course of the training, where it is known."""
    knowable: Knowable | None = None
    """How much of what could be known was learned, in a made-up world."""
    next_steps: str = ""
    """Lines on what to type next, for the end of the page."""
    sections: tuple[Section, ...] = ()
    """Further tables: paired comparisons, shortcuts, errors by group, calibration."""
    hard_clips: tuple[HardClip, ...] = ()
    """Clips that were named most wrongly, from `visavox.evaluation.hard_clips.pick_hard_clips`."""

    def __repr__(self) -> str:
        """Return the title and how much there is; the rows themselves would fill pages."""
        baselines = ", ".join(b.name for b in self.baselines) or "none"
        return (
            f"Report({self.title!r}: {len(self.measures)} measures, {len(self.curves)} curves, baselines {baselines})"
        )

    def find(self, *, protocol: str, direction: str, group: str, measure: str) -> Measure | None:
        """The model's measure of these names, or None."""
        return find_measure(self.measures, (protocol, direction, group, measure))

    def baseline(self, name: str) -> Baseline | None:
        """The baseline of this name, or None."""
        return next((b for b in self.baselines if b.name == name), None)


Key = tuple[str, str, str, str]


def find_measure(measures: tuple[Measure, ...], key: Key) -> Measure | None:
    """The first of `measures` with this key (`Measure.key`), or None."""
    return next((m for m in measures if m.key == key), None)


def report_to_json(report: Report) -> dict[str, Any]:
    """Returns the report as JSON values: `measures` is a list of rows, nan is null, infinity a string."""
    return {
        "format": FORMAT,
        "title": report.title,
        "measures": [json_values(dataclasses.asdict(m)) for m in report.measures],
        "baselines": [json_values(dataclasses.asdict(b)) for b in report.baselines],
        "provenance": json_values(report.provenance),
        "notes": list(report.notes),
        "curves": [json_values(dataclasses.asdict(c)) for c in report.curves],
        "strips": [json_values(dataclasses.asdict(s)) for s in report.strips],
        "training": None if report.training is None else json_values(dataclasses.asdict(report.training)),
        "knowable": None if report.knowable is None else json_values(dataclasses.asdict(report.knowable)),
        "next_steps": report.next_steps,
        "sections": [json_values(dataclasses.asdict(s)) for s in report.sections],
        "hard_clips": [json_values(dataclasses.asdict(c)) for c in report.hard_clips],
    }


def report_from_json(values: Any) -> Report:
    """Builds the report from what `report_to_json` returned.

    Raises:
        DataError: not a report, another format, a missing key, or a row that lacks a column or has one too many.
    """
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else type(values).__name__
        raise DataError(f"A report must have the format {FORMAT!r}. Got {found!r}. Evaluate again to write it anew.")
    try:
        training = values["training"]
        return Report(
            title=str(values["title"]),
            measures=tuple(Measure(**row) for row in values["measures"]),
            curves=tuple(Curve(**row) for row in values["curves"]),
            provenance=dict(values["provenance"]),
            baselines=tuple(
                Baseline(str(b["name"]), tuple(Measure(**row) for row in b["measures"]), str(b["note"]))
                for b in values["baselines"]
            ),
            strips=tuple(Strip(**row) for row in values["strips"]),
            notes=tuple(str(note) for note in values["notes"]),
            training=None if training is None else history_from_rows(**training),
            knowable=knowable_from_json(values.get("knowable")),  # reports of version 0.1 have neither
            next_steps=str(values.get("next_steps", "")),
            sections=tuple(_section(row) for row in values.get("sections", ())),
            hard_clips=tuple(HardClip(**row) for row in values.get("hard_clips", ())),
        )
    except KeyError as error:
        raise DataError(f"The report lacks {error}. Evaluate again to write it anew.") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"The report has a row that cannot be read: {error}. Evaluate again.") from error


def _section(values: Mapping[str, Any]) -> Section:
    """A section from its JSON values; raises whatever a part that is missing or wrong leads to."""
    return Section(
        **{
            **values,
            "columns": tuple(map(str, values["columns"])),
            "rows": tuple(tuple(row) for row in values["rows"]),
            "curves": tuple(Curve(**row) for row in values["curves"]),
            "notes": tuple(map(str, values["notes"])),
            "drawings": tuple(drawing_from_json(row) for row in values.get("drawings", ())),
        }
    )


def _cell(value: Any) -> Cell:
    """A cell as plain Python values; in JSON null is nan, and a list is (value, low, high)."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        number, low, high = (plain_float(part) for part in value)
        return (number, low, high)
    return plain_float(value) if value is None or isinstance(value, float) else value


def json_values(value: Any) -> Any:
    """Returns JSON values only: arrays and tuples to lists, numpy's numbers plain, nan to null, the rest to text."""
    if hasattr(value, "tolist"):  # numpy arrays and numbers
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(k): json_values(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_values(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
