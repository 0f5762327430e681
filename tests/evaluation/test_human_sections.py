"""Players and turns of a made-up game."""

from __future__ import annotations

import datetime
import math
from typing import cast

import numpy as np
import pytest

from visavox.evaluation.human_sections import learning_section, player_section
from visavox.evaluation.human_turns import Turn

GENDERS = {**{f"f{i}": "f" for i in range(6)}, **{f"m{i}": "m" for i in range(6)}}


def turn(second: int, player: str, true: str, person: bool, model: bool = True, false: str = "f0") -> Turn:
    time = datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=second)
    return Turn(player, true, false, true if model else false, true if person else false, time)


def test_players_of_ten_turns_or_more_have_quantiles() -> None:
    turns = [turn(i, "good", "f1", i > 0, i % 2 > 0) for i in range(10)]
    turns += [turn(i, "poor", "f2", i > 4, True) for i in range(10)] + [turn(0, "short", "f1", False)]
    section = player_section(turns, GENDERS)
    rows = {row[0]: row[1:] for row in section.rows}
    assert rows["50 % of players are at most"] == pytest.approx((0.7, 0.75))
    assert rows["10 % of players are at most"] == pytest.approx((0.54, 0.55))
    assert section.text == "The 2 players with 10 turns or more, and the model on the turns of each."
    assert section.notes[0] == "3 players, median 10 turns, at most 10."
    assert section.notes[2] == "1 of these 2 players were right more often than the model on their own turns."


def test_the_spread_of_equal_players_is_luck_and_of_unequal_ones_is_not() -> None:
    def skill(chances: np.ndarray) -> float:
        rng = np.random.default_rng(0)
        turns = [turn(i, f"p{k}", "m1", rng.random() < c) for k, c in enumerate(chances) for i in range(40)]
        said = player_section(turns, GENDERS).notes[1]
        return float(said.rsplit("skill is ", 1)[1].split()[0])

    assert skill(np.full(100, 0.7)) < 5
    assert skill(np.tile([0.4, 0.9], 50)) == pytest.approx(25, abs=2)


def test_learning_is_shown_by_turn_and_on_the_same_players() -> None:
    turns = [turn(i, f"p{k}", "m1" if i % 2 else "f1", i >= 5) for k in range(3) for i in range(12)]
    turns += [turn(i, "short", "f1", True) for i in range(3)]
    section = learning_section(turns, GENDERS, n_resamples=50, seed=0)
    assert [row[:3] for row in section.rows] == [("1–2", 8, 4), ("3–5", 10, 4), ("6–10", 15, 3), ("11–20", 6, 3)]
    assert section.rows[0][3][0] == pytest.approx(2 / 8)
    assert section.rows[0][4][0] == pytest.approx(2 / 5)  # f1 against f0; m1 against f0 is of two genders
    assert section.rows[2][3] == (1.0, 1.0, 1.0)
    assert section.notes[1] == (
        "The 3 players with 10 turns or more were right 0.0 % of the time in their first 5 turns and 100.0 % in the "
        "next 5: +100.0 points (95 % interval +100.0 to +100.0)."
    )


def test_one_player_has_no_interval_over_players() -> None:
    turns = [turn(i, "p", f"f{1 + i % 2}", i >= 5) for i in range(10)]
    section = learning_section(turns, GENDERS, n_resamples=200, seed=0)
    for row in section.rows:
        value, low, high = cast("tuple[float, float, float]", row[3])
        assert 0 <= value <= 1 and math.isnan(low) and math.isnan(high)
    assert section.notes[-1].startswith(
        "The 1 player with 10 turns or more was right 0.0 % of the time in their first 5"
    )
    assert section.notes[-1].endswith("+100.0 points.")
    players = player_section(turns, GENDERS)
    assert players.text.startswith("The 1 player with") and players.notes[0].startswith("1 player, median 10")


def test_when_nobody_plays_on_only_the_turns_are_shown() -> None:
    section = learning_section([turn(0, "p", "f1", True)], GENDERS, n_resamples=10, seed=0)
    assert len(section.rows) == 1
    assert len(section.notes) == 1
    assert player_section([turn(0, "p", "f1", True)], GENDERS).rows == ()
