"""Double clicks, groups and turn numbers."""

from __future__ import annotations

import datetime

from visavox.evaluation.human_turns import Turn, in_order, pair_group, turn_numbers, without_double_clicks

NOON = datetime.datetime(2024, 8, 16, 12)


def turn(second: float, player: str = "p", true: str = "a", false: str = "b", choice: str = "a") -> Turn:
    return Turn(player, true, false, "a", choice, NOON + datetime.timedelta(seconds=second))


def test_the_first_of_two_equal_questions_stands_whatever_the_second_answer() -> None:
    first, again = turn(0, choice="b"), turn(60, choice="a")
    assert without_double_clicks([again, first]) == [first]


def test_after_a_minute_or_another_question_or_player_it_is_no_double_click() -> None:
    for other in (turn(61), turn(1, player="q"), turn(1, true="b", false="a"), turn(1, false="c"), turn(1, true="c")):
        assert without_double_clicks([turn(0), other]) == [turn(0), other]
    between = [turn(0), turn(1, true="c"), turn(2)]
    assert without_double_clicks(between) == between


def test_the_minute_counts_from_the_answer_that_stands() -> None:
    assert without_double_clicks([turn(0), turn(50), turn(100)]) == [turn(0), turn(100)]


def test_turns_of_one_second_stay_in_the_order_of_the_log() -> None:
    rows = [turn(5, true="x"), turn(0), turn(5, true="w")]
    assert in_order(rows) == [rows[1], rows[0], rows[2]]


def test_groups_name_both_genders() -> None:
    genders = {"a": "f", "b": "f", "c": "m", "d": "m"}
    pairs = {("a", "b"): "female_female", ("c", "d"): "male_male", ("a", "c"): "different_gender"}
    for (true, false), group in pairs.items():
        assert pair_group(turn(0, true=true, false=false), genders) == group
    assert pair_group(turn(0, true="c", false="a"), genders) == "different_gender"


def test_turns_are_numbered_player_by_player() -> None:
    assert turn_numbers([turn(0), turn(1, player="q"), turn(2), turn(3), turn(4, player="q")]) == [1, 1, 2, 3, 2]


def test_right_is_the_one_who_speaks() -> None:
    assert (turn(0).player_is_right, turn(0, choice="b").player_is_right) == (True, False)
    assert (turn(0).model_is_right, turn(0, true="b", false="a").model_is_right) == (True, False)


def test_turns_of_a_study_are_never_double_clicks() -> None:
    import dataclasses

    turns = [dataclasses.replace(turn(second), planned=True) for second in (0, 1)]
    assert without_double_clicks(turns) == turns


def test_a_pair_of_unknown_gender_is_of_no_group() -> None:
    assert pair_group(turn(0), {"a": "f"}) == "unknown"
