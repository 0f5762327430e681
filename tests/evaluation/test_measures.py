from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.evaluation.measures import Curve, Measure, ProbeOutcome, ProtocolResult

DEFINED = Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", 0.81, 0.79, 0.83, 0.5, 968, 931)
UNDEFINED = Measure("matching", "voice_to_face", "same_gender", "accuracy_1_of_2", chance=0.5, note="no gender labels")


def result() -> ProtocolResult:
    return ProtocolResult(
        measures=(DEFINED, UNDEFINED),
        curves=(Curve("one_of_n", "voice_to_face", "all", (2.0, 3.0), (0.8, math.nan), "N", "accuracy"),),
        trials_table=(ProbeOutcome("a/voice", "a/face", "b/face", 0.4, 0.9, 0.25),),
        resamples={("all", "accuracy_1_of_2"): np.array([0.8, 0.82])},
    )


def test_a_defined_measure_prints_all_its_numbers() -> None:
    assert str(DEFINED) == (
        "matching voice_to_face all accuracy_1_of_2: 0.8100 [0.7900, 0.8300], chance 0.5000, count 968, people 931"
    )


def test_an_undefined_measure_prints_undefined_and_why() -> None:
    assert str(UNDEFINED) == "matching voice_to_face same_gender accuracy_1_of_2: undefined (no gender labels)"
    assert str(dataclasses.replace(UNDEFINED, note="")).endswith(": undefined")


def test_a_value_without_an_interval_says_so() -> None:
    assert "0.8100 undefined, chance" in str(dataclasses.replace(DEFINED, low=math.nan, high=math.nan))


def test_equal_undefined_measures_are_equal() -> None:
    assert dataclasses.replace(UNDEFINED, value=float("nan")) == dataclasses.replace(UNDEFINED, value=np.float64("nan"))
    assert dataclasses.replace(UNDEFINED, value=0.5) != UNDEFINED


def test_the_key_names_the_question() -> None:
    assert DEFINED.key == ("matching", "voice_to_face", "all", "accuracy_1_of_2")


def test_numpy_numbers_become_plain_ones() -> None:
    measure = Measure("p", "d", "g", "m", np.float32(0.5), None, np.float64(0.75))  # type: ignore[arg-type]
    assert type(measure.value) is float
    assert math.isnan(measure.low)
    curve = Curve("roc", "d", "g", np.array([0, 1]), np.array([0.0, 1.0]), "x", "y")  # type: ignore[arg-type]
    assert curve.x == (0.0, 1.0)
    assert type(curve.x[0]) is float


def test_a_curve_needs_as_many_x_as_y() -> None:
    with pytest.raises(DataError, match=r"as many x as y. Got 1 and 2 in 'roc'"):
        Curve("roc", "d", "g", (1.0,), (1.0, 2.0), "x", "y")


def test_json_and_back_is_the_same_result() -> None:
    text = json.dumps(result().to_json(), allow_nan=False)
    assert ProtocolResult.from_json(json.loads(text)) == result()


def test_json_writes_null_for_nan_and_leaves_resamples_out() -> None:
    values = result().to_json()
    assert values["measures"][1]["value"] is None
    assert values["curves"][0]["y"] == [0.8, None]
    assert set(values) == {"measures", "curves", "trials_table"}
    expected = {"protocol", "direction", "group", "measure", "value", "low", "high", "chance", "count"}
    assert expected <= set(values["measures"][0])


@pytest.mark.parametrize("part", ["measures", "curves", "trials_table"])
def test_a_missing_part_is_named(part: str) -> None:
    values = result().to_json()
    del values[part]
    with pytest.raises(DataError, match=part):
        ProtocolResult.from_json(values)


@pytest.mark.parametrize("part", ["measures", "curves", "trials_table"])
def test_a_column_too_many_is_named(part: str) -> None:
    values = result().to_json()
    values[part][0]["colour"] = "red"
    with pytest.raises(DataError, match="colour"):
        ProtocolResult.from_json(values)


def test_a_measure_is_found_by_its_name() -> None:
    assert result().find("accuracy_1_of_2") is DEFINED or result().find("accuracy_1_of_2") == DEFINED
    assert result().find("accuracy_1_of_2", group="same_gender") == UNDEFINED
    with pytest.raises(DataError, match=r"no measure all/auc. Known: all/accuracy_1_of_2, same_gender/"):
        result().find("auc")
    with pytest.raises(DataError, match="Known: none"):
        ProtocolResult(()).find("auc")


def test_the_margin_is_positive_where_the_probe_finds_its_own() -> None:
    outcome = result().trials_table[0]
    assert outcome.margin == pytest.approx(-0.5)
