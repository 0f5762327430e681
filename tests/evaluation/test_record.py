"""The report as a value: JSON there and back, and what is no report."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.evaluation.drawings import Confusion
from visavox.evaluation.hard_clips import HardClip
from visavox.evaluation.history import history_from_rows
from visavox.evaluation.knowable import Knowable, KnowableRow
from visavox.evaluation.measures import Curve, Measure
from visavox.evaluation.record import FORMAT, Baseline, Report, Section, find_measure, report_from_json, report_to_json
from visavox.evaluation.strips import Strip

NAN = math.nan
COLUMNS = {"protocol", "direction", "group", "measure", "value", "low", "high", "chance", "count", "n_people"}


def row(measure: str = "accuracy_1_of_2", value: float = 0.8, **more: Any) -> Measure:
    return Measure("matching", "voice_to_face", "all", measure, value, 0.7, 0.9, 0.5, 90, 10, **more)


@pytest.fixture
def report() -> Report:
    """A report with one of everything, nan included."""
    return Report(
        title="Ä <test> & “more”",
        measures=(row(), row("auc", NAN, note="no probe has a positive")),
        curves=(Curve("roc", "voice_to_face", "all", (0.0, 0.5, NAN), (0.0, 1.0, 1.0), "x", "y"),),
        provenance={"seed": 3, "encoders": {"voice": {"name": "ge2e"}}, "caveats": ["one", "two"], "gone": None},
        baselines=(Baseline("gender alone", (row(value=0.75),), "given labels"), Baseline("random")),
        strips=(Strip("best", "a/voice", "a/face", "b/face", 0.9, 0.1, 1.0, "a.flac", None, "b.jpg"),),
        notes=("a note",),
        training=history_from_rows([{"epoch": 1, "loss": 2.0}], ceiling={"positive_similarity": 0.9}, best_epoch=1),
        knowable=Knowable("world.json", (known(),), ("a warning",), ("how",)),
        next_steps="visavox match\n  a b",
        sections=(section(),),
    )


def section() -> Section:
    """A section with every kind of cell."""
    return Section(
        "By group",
        "How it was computed.",
        ("group", "n", "accuracy %", "p"),
        (("all", np.int64(7), (0.8, 0.7, NAN), np.float64("nan")), ("women", 0, [NAN, None, 0.5], 0.25)),
        (Curve("reliability", "voice_to_face", "all", (0.5, 1.0), (0.6, NAN), "x", "y"),),
        ("a footnote",),
    )


def known() -> KnowableRow:
    return KnowableRow("voice_to_face", "all", 0.5, NAN, 0.8, 0.7, 0.9, 0.95, 0.001, NAN, 0.66, 0.4, 0.9, 90, 10)


def through_text(report: Report) -> Report:
    return report_from_json(json.loads(json.dumps(report_to_json(report), allow_nan=False)))


def test_json_there_and_back_is_the_same_report(report: Report) -> None:
    assert through_text(report) == report


def test_an_empty_report_goes_there_and_back() -> None:
    empty = Report("", (), (), {})
    assert through_text(empty) == empty


def test_measures_are_rows_with_the_columns_of_the_contract(report: Report) -> None:
    rows = report_to_json(report)["measures"]
    assert isinstance(rows, list)
    assert all(set(r) >= COLUMNS for r in rows)
    assert rows[0]["value"] == 0.8
    assert rows[1]["value"] is None


def test_the_provenance_stands_beside_the_measures(report: Report) -> None:
    values = report_to_json(report)
    assert values["provenance"]["seed"] == 3
    assert values["provenance"]["caveats"] == ["one", "two"]


def test_numpy_values_tuples_and_sets_become_json() -> None:
    provenance = {
        "seed": np.int64(3), "rate": np.float32(0.5), "array": np.arange(2), "pair": (1, 2),
        "set": {"b", "a"}, "nan": np.float64("nan"), "inf": math.inf, "yes": True, 7: "key",
    }  # fmt: skip
    values = report_to_json(Report("t", (), (), provenance))["provenance"]
    assert values == {
        "seed": 3, "rate": 0.5, "array": [0, 1], "pair": [1, 2], "set": ["a", "b"],
        "nan": None, "inf": "inf", "yes": True, "7": "key",
    }  # fmt: skip
    json.dumps(values, allow_nan=False)


def test_other_objects_become_text() -> None:
    class Version:
        def __str__(self) -> str:
            return "1.2"

    assert report_to_json(Report("t", (), (), {"version": Version()}))["provenance"] == {"version": "1.2"}


def test_a_training_figure_that_is_nan_is_absent_after_reading() -> None:
    report = Report("t", (), (), {}, training=history_from_rows([{"epoch": 1, "loss": NAN, "lr": 1.0}]))
    read = through_text(report).training
    assert read is not None
    assert read.rows == ({"epoch": 1.0, "lr": 1.0},)


def test_find_looks_at_all_four_names(report: Report) -> None:
    names = {"protocol": "matching", "direction": "voice_to_face", "group": "all", "measure": "accuracy_1_of_2"}
    assert report.find(**names) == row()
    for name in names:
        assert report.find(**{**names, name: "another"}) is None
    assert find_measure((), row().key) is None


def test_a_baseline_is_found_by_name(report: Report) -> None:
    found = report.baseline("gender alone")
    assert found is not None
    assert found.note == "given labels"
    assert report.baseline("telepathy") is None


@pytest.mark.parametrize("values", [None, [], 3, "text", {}, {"format": "visavox-report-0"}])
def test_what_is_no_report_is_refused(values: Any) -> None:
    with pytest.raises(DataError, match=f"must have the format '{FORMAT}'"):
        report_from_json(values)


def damaged(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    values = report_to_json(Report("t", (row(),), (Curve("c", "d", "g", (1.0,), (1.0,), "x", "y"),), {}))
    change(values)
    return values


LATER = {"knowable", "next_steps", "sections", "hard_clips"}  # reports of earlier versions do not have them


@pytest.mark.parametrize("key", [f.name for f in dataclasses.fields(Report) if f.name not in LATER])
def test_a_missing_part_is_named(key: str) -> None:
    with pytest.raises(DataError, match=f"lacks '{key}'"):
        report_from_json(damaged(lambda v: v.pop(key)))


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["measures"][0].update(surplus=1),
        lambda v: v["measures"][0].pop("protocol"),
        lambda v: v["measures"][0].update(value="high"),
        lambda v: v.update(measures=3),
        lambda v: v.update(measures=[3]),
        lambda v: v["curves"][0].update(x=None),
        lambda v: v.update(strips=[{"kind": "best"}]),
        lambda v: v.update(provenance=[1]),
        lambda v: v.update(training=[]),
        lambda v: v.update(baselines=["random"]),
        lambda v: v.update(knowable={"world": "w", "rows": [{"direction": "d"}], "warnings": [], "notes": []}),
        lambda v: v.update(knowable=[]),
    ],
)
def test_a_damaged_row_is_one_line_of_data_error(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(DataError, match="cannot be read") as caught:
        report_from_json(damaged(change))
    assert "\n" not in str(caught.value)


def test_a_report_of_an_earlier_version_reads_as_one_without_a_ceiling() -> None:
    def as_before(values: dict[str, Any]) -> None:
        for key in LATER:
            del values[key]

    read = report_from_json(damaged(as_before))
    assert (read.knowable, read.next_steps, read.sections, read.hard_clips) == (None, "", (), ())


def test_the_cells_of_a_section_become_plain_values_and_null_in_json() -> None:
    made = section()
    assert made.rows[0][:2] == ("all", 7)
    assert type(made.rows[0][1]) is int
    assert made.rows[1][2][1] is math.nan and made.rows[0][3] is math.nan
    values = report_to_json(Report("t", (), (), {}, sections=(made,)))["sections"]
    assert values[0]["rows"] == [["all", 7, [0.8, 0.7, None], None], ["women", 0, [None, None, 0.5], 0.25]]
    assert set(values[0]) == {"title", "text", "columns", "rows", "curves", "notes", "drawings"}


def test_a_row_of_a_section_has_one_cell_a_column() -> None:
    with pytest.raises(DataError, match=r"^A row .* Got 1 cells for 2 columns in 'By group'\.$"):
        Section("By group", columns=("a", "b"), rows=((1, 2), (1,)))


@pytest.mark.parametrize(
    "change", [lambda s: s.pop("rows"), lambda s: s.update(rows=[[1]]), lambda s: s.update(rows=3), lambda s: s.clear()]
)
def test_a_damaged_section_is_one_line_of_data_error(change: Callable[[dict[str, Any]], object]) -> None:
    values = report_to_json(Report("t", (), (), {}, sections=(section(),)))
    change(values["sections"][0])
    with pytest.raises(DataError) as caught:
        report_from_json(values)
    assert "\n" not in str(caught.value)


def test_curves_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="as many x as y"):
        report_from_json(damaged(lambda v: v["curves"][0].update(x=[1, 2])))


def test_a_report_shows_itself_on_one_line(report: Report) -> None:
    assert repr(report).startswith(f"Report({report.title!r}: {len(report.measures)} measures")
    assert len(repr(report)) < 200
    assert repr(Report("An empty test", (), (), {})) == "Report('An empty test': 0 measures, 0 curves, baselines none)"


def test_drawings_and_hard_clips_survive_json() -> None:
    drawing = Confusion("Who is who", ("ann", "ben"), ((1.0, 1.0), (0.0, 2.0)))
    report = Report(
        "Who",
        (),
        (),
        {},
        sections=(Section("A", drawings=(drawing,)),),
        hard_clips=(HardClip("c", "a", "b", 0.9, 0.1, 2),),
    )
    values = json.loads(json.dumps(report_to_json(report), allow_nan=False))
    assert report_from_json(values) == report
    del values["hard_clips"], values["sections"][0]["drawings"]  # as reports of version 0.5 were
    older = report_from_json(values)
    assert older.hard_clips == () and older.sections == (Section("A"),)
