"""Words and figures: percent, costs, ranks, undefined."""

from __future__ import annotations

import math

import pytest

from visavox.evaluation.measures import Measure
from visavox.evaluation.wording import (
    direction_words,
    format_cell,
    format_interval,
    format_value,
    group_words,
    is_share,
    measure_words,
    n_faces,
    n_first,
    protocol_words,
)

NAN = math.nan


def made(measure: str = "accuracy_1_of_2", value: float = 0.8, low: float = 0.7, high: float = 0.9) -> Measure:
    return Measure("matching", "voice_to_face", "all", measure, value, low, high, 0.5, 10, 5)


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("accuracy_1_of_2", "1:2 accuracy"),
        ("accuracy_1_of_10", "1:10 accuracy"),
        ("accuracy_1_of_2_by_trial", "1:2 accuracy, mean over trials"),
        ("recall_at_5", "recall at 5"),
        ("auc", "AUC"),
        ("eer", "equal error rate"),
        ("map", "mean average precision"),
        ("min_dcf_0.01", "minDCF at prior 0.01"),
        ("median_rank", "median rank"),
        ("something_of_tomorrow", "something of tomorrow"),
    ],
)
def test_measures_are_named_as_people_say_them(measure: str, words: str) -> None:
    assert measure_words(measure) == words


def test_only_an_exact_name_has_a_number_of_faces() -> None:
    assert n_faces("accuracy_1_of_20") == 20
    assert n_faces("accuracy_1_of_2_by_trial") is None
    assert n_faces("my_accuracy_1_of_2") is None
    assert n_faces("recall_at_2") is None
    assert n_first("recall_at_20") == 20
    assert n_first("accuracy_1_of_2") is None


def test_directions_and_groups_have_words() -> None:
    assert direction_words("voice_to_face") == "voice → face"
    assert direction_words("face_to_voice") == "face → voice"
    assert direction_words("left_to_right") == "left to right"
    assert group_words("all") == "all pairs"
    assert group_words("same_nationality") == "same nationality"


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("accuracy_1_of_2", 0.87249, "87.2 %"),
        ("accuracy_1_of_2", 1.0, "100.0 %"),
        ("auc", 0.0, "0.0 %"),
        ("min_dcf_0.01", 0.95349, "0.953"),
        ("median_rank", 12.5, "12.5"),
        ("eer", NAN, "undefined"),
        ("median_rank", math.inf, "undefined"),
    ],
)
def test_values_are_written_with_their_unit(measure: str, value: float, text: str) -> None:
    assert format_value(measure, value) == text


def test_costs_and_ranks_are_no_shares() -> None:
    assert is_share("eer")
    assert is_share("recall_at_1")
    assert not is_share("min_dcf_0.05")
    assert not is_share("median_rank")
    assert not is_share("detection_cost")


def test_an_interval_needs_both_ends() -> None:
    assert format_interval(made()) == "70.0–90.0"
    assert format_interval(made(low=NAN)) == ""
    assert format_interval(made("median_rank", 12, 8, 17.5)) == "8.0–17.5"


def test_a_cell_is_value_and_interval() -> None:
    assert format_cell(made()) == ("80.0 %", "70.0–90.0")
    assert format_cell(made(low=NAN, high=NAN)) == ("80.0 %", "")


def test_a_missing_and_an_undefined_measure_look_alike() -> None:
    assert format_cell(None) == ("undefined", "")
    assert format_cell(made(value=NAN)) == ("undefined", "")


def test_measures_and_groups_of_an_identification_in_words() -> None:
    assert measure_words("top_1") == "top-1 accuracy"
    assert measure_words("top_1_by_person") == "top-1 accuracy, mean over people"
    assert measure_words("log_loss_cost") == "log loss, nats"
    assert measure_words("dir_at_far_10") == "identified at 10 % false alarms"
    assert group_words("validation_by_clip") == "validation, split by clip"
    assert group_words("test_by_session") == "test, split by session"
    assert group_words("test_by_hand") == "test by hand"
    assert group_words("dlib_all") == "all pairs, by dlib"
    assert group_words("face_look_same_gender") == "same gender, by face_look"
    assert group_words("dlib_people") == "among people, by dlib"
    assert group_words("same_gender") == "same gender"
    assert protocol_words("identification") == "Who is it"
    assert format_value("log_loss_cost", 1.5) == "1.500"
