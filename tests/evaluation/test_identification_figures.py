"""The sections of a report on identification that are mostly figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from visavox.evaluation.identification_figures import (
    N_TRIALS,
    confusion_section,
    open_set_section,
    overfitting_section,
    pareto_section,
    search_sections,
)
from visavox.evaluation.identification_record import Cost, Experiment
from visavox.evaluation.identification_sections import cost_front
from visavox.evaluation.protocols.identification import Identification, IdentificationResult
from visavox.metrics.identification import confusion_matrix, most_confused_pairs

Build = Callable[..., Experiment]


def evaluated(experiment: Experiment) -> IdentificationResult:
    return Identification(n_resamples=100).evaluate(experiment, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def found(made_up_experiment: Build) -> IdentificationResult:
    return evaluated(made_up_experiment())


def with_about(experiment: Experiment, name: str, **about: Any) -> Experiment:
    contenders = [
        dataclasses.replace(c, about={**c.about, **about}) if c.name == name else c for c in experiment.contenders
    ]
    return dataclasses.replace(experiment, contenders=tuple(contenders))


def test_accuracy_is_drawn_against_every_cost(found: IdentificationResult) -> None:
    section = pareto_section(found)
    assert section is not None
    assert [d.heading for d in section.drawings] == [
        "Accuracy and size", "Accuracy and arithmetic", "Accuracy and time", "Accuracy and file size",
    ]  # fmt: skip
    drawing = section.drawings[0]
    assert drawing.kind == "pareto"
    points = {p.name: p for p in drawing.points}
    measure = found.find("fused", "top_1")
    assert measure is not None
    assert (points["fused"].cost, points["fused"].value, points["fused"].low) == (5.5e6, measure.value, measure.low)
    assert points["net-face"].on_front and points["net-face"].shown == "face"
    assert section.columns[1] == "front, parameters %" and len(section.columns) == 5
    assert {row[0] for row in section.rows} == set(points)


def test_costs_that_nobody_knows_are_not_drawn(made_up_experiment: Build) -> None:
    experiment = made_up_experiment()
    free = tuple(dataclasses.replace(c, cost=Cost(0, 0.0, float("nan"), 0)) for c in experiment.contenders)
    assert pareto_section(evaluated(dataclasses.replace(experiment, contenders=free))) is None
    assert pareto_section(evaluated(made_up_experiment(rows=("sum",)))) is None


def test_the_confusion_is_that_of_the_best(found: IdentificationResult) -> None:
    section = confusion_section(found)
    assert section is not None
    labels = found.experiment.labels["test"]
    matrix = confusion_matrix(found.contender(found.best).probabilities["test"], labels)
    (drawing,) = section.drawings
    assert drawing.kind == "confusion"
    assert np.array(drawing.cells).tolist() == matrix.tolist()
    assert drawing.names == found.experiment.people
    worst = most_confused_pairs(matrix, n_pairs=1)
    assert len(section.rows) >= len(worst)
    if worst:
        people = found.experiment.people
        assert section.rows[0][:2] == (people[worst[0].first], people[worst[0].second])
        assert section.rows[0][4:] == (worst[0].share, worst[0].expected)
    assert f"{found.best} takes for whom on the 21 test clips" in section.text


def test_the_course_of_every_network_is_drawn(found: IdentificationResult) -> None:
    section = overfitting_section(found)
    assert section is not None
    assert [(c.direction, c.group) for c in section.curves] == [
        (name, group) for name in ("net-voice", "net-face", "fused") for group in ("training", "validation")
    ]
    line = section.curves[0]
    assert line.x == tuple(range(1, 9)) and line.y == pytest.approx([1 - 0.8 / e for e in range(1, 9)])
    assert "accuracy" in line.y_label  # which makes its axis percent


def test_without_a_course_nothing_is_drawn(made_up_experiment: Build) -> None:
    assert overfitting_section(evaluated(made_up_experiment(rows=("sum",)))) is None
    experiment = made_up_experiment(rows=("net-face",))
    odd = ({"epoch": 1, "train_top_1": None}, {"epoch": 2, "train_top_1": float("nan")}, {"train_top_1": 0.5})
    (row,) = experiment.contenders
    broken = dataclasses.replace(experiment, contenders=(dataclasses.replace(row, history=odd),))
    assert overfitting_section(evaluated(broken)) is None


def test_open_set_rates_stand_beside_the_closed_set(found: IdentificationResult) -> None:
    section = open_set_section(found)
    assert section is not None
    assert section.columns == ("network", "FAR 1 %", "FAR 5 %", "FAR 10 %", "closed set %")
    rows = {row[0]: row for row in section.rows}
    measure, closed = found.find("sum", "dir_at_far_5"), found.find("sum", "top_1")
    assert measure is not None and closed is not None
    assert rows["sum"][2] == (measure.value, measure.low, measure.high)
    assert rows["sum"][4] == closed.value
    assert section.text.startswith("12 clips of strangers") and "the largest probability" in section.text
    assert "over 7, 0.14 % in the first column" in section.notes[0]
    assert {curve.group for curve in section.curves} == {"net-voice", "net-face", "fused", "sum"}
    assert {curve.direction for curve in section.curves} == {"test"}
    told = open_set_section(found, score="how it sounds")
    assert told is not None and "The score is how it sounds" in told.text


def test_without_strangers_there_is_no_open_set(made_up_experiment: Build) -> None:
    assert open_set_section(evaluated(made_up_experiment(strangers=0))) is None


def test_many_rows_are_drawn_up_to_six(made_up_experiment: Build) -> None:
    experiment = made_up_experiment()
    many = tuple(dataclasses.replace(c, name=f"{c.name}-{i}") for i in range(2) for c in experiment.contenders)
    section = open_set_section(evaluated(dataclasses.replace(experiment, contenders=many)))
    assert section is not None
    assert (len(section.rows), len(section.curves)) == (8, 6)
    assert section.notes[-1] == "Drawn are the 6 most accurate."


def test_the_best_trials_of_a_search_come_first(found: IdentificationResult) -> None:
    (section,) = search_sections(found)
    assert section.title == "The search of net-face"
    assert section.columns == ("trial", "validation top-1 %", "dim")
    assert section.rows == (("1", 0.6, "64"), ("0", 0.5, "32"), ("2", 0.5, "96"))
    assert "The 3 best of 3 trials by top-1" in section.text


def test_a_search_may_be_a_list_with_failed_trials_or_go_by_loss(made_up_experiment: Build) -> None:
    trials = [
        {"number": 0, "options": {"dim": 32, "n_heads": 2}, "state": "complete", "value": 2.0},
        {"number": 1, "options": {"dim": 64}, "state": "complete", "value": 1.0},
        {"number": 2, "options": {"dim": 96}, "state": "fail", "value": None, "reason": "too large"},
        {"number": 3, "options": {"dim": 96}, "state": "pruned", "value": 0.1},
    ]
    experiment = made_up_experiment()
    (section,) = search_sections(evaluated(with_about(experiment, "net-face", search=trials)))
    assert section.rows == (("0", 2.0, "32", "2"), ("1", 1.0, "64", "–"))
    assert "of 4 trials" in section.text
    told = {"trials": trials, "measure": "loss"}
    (section,) = search_sections(evaluated(with_about(experiment, "net-face", search=told)))
    assert [row[0] for row in section.rows] == ["1", "0"]
    assert section.columns[1] == "validation loss" and "by loss" in section.text
    many = [{"number": i, "params": {"dim": i}, "value": i / 10} for i in range(9)]
    (section,) = search_sections(evaluated(with_about(experiment, "net-face", search=many)))
    assert [row[0] for row in section.rows] == [str(i) for i in range(8, 8 - N_TRIALS, -1)]


@pytest.mark.parametrize("search", [None, {}, {"trials": []}, {"trials": [{"number": 0, "value": None}]}])
def test_without_a_finished_trial_there_is_no_section(made_up_experiment: Build, search: Any) -> None:
    assert search_sections(evaluated(with_about(made_up_experiment(), "net-face", search=search))) == ()


def test_the_table_says_how_often_a_row_is_on_each_front(found: IdentificationResult) -> None:
    section = pareto_section(found)
    assert section is not None
    contenders = found.experiment.contenders
    for column, field in enumerate(("n_parameters", "macs", "latency_ms", "file_bytes"), start=1):
        on_front, shares = cost_front(found, contenders, field)
        assert [row[column] for row in section.rows] == shares.tolist()
        points = section.drawings[column - 1].points  # type: ignore[union-attr]
        assert [point.on_front for point in points] == on_front.tolist()
        assert [point.cost for point in points] == [getattr(c.cost, field) for c in contenders]


def test_how_strangers_were_drawn_is_said(made_up_experiment: Build) -> None:
    experiment = made_up_experiment()
    unknown = open_set_section(evaluated(experiment))
    assert unknown is not None and "strangers clip by clip, since who they are is not recorded" in unknown.notes[1]
    people = tuple(f"s{i % 3}" for i in range(12))
    known = open_set_section(evaluated(dataclasses.replace(experiment, stranger_people=people)))
    assert known is not None
    assert known.notes[1] == "Intervals: known people and the 3 strangers drawn with replacement."
