"""The figures of a made-up game."""

from __future__ import annotations

import datetime
import math

import pytest

from visavox.evaluation.human_baseline import (
    GROUPS,
    accuracy_of,
    game_figures,
    item_codes,
    player_codes,
    resampled,
    rights_of,
)
from visavox.evaluation.human_turns import Turn
from visavox.metrics.mcnemar import sign_test
from visavox.metrics.proportions import wilson_interval

GENDERS = {"f1": "f", "f2": "f", "m1": "m", "m2": "m"}
PAIRS = {"female_female": ("f1", "f2"), "male_male": ("m1", "m2"), "different_gender": ("f1", "m1")}


def game(*rows: tuple[str, str, int, int]) -> list[Turn]:
    """Turns of (player, group, person right, model right)."""
    turns = []
    for second, (player, group, person, model) in enumerate(rows):
        true, false = PAIRS[group]
        time = datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=second)
        turns.append(Turn(player, true, false, true if model else false, true if person else false, time))
    return turns


def test_every_group_counts_its_turns() -> None:
    turns = game(
        ("p", "female_female", 1, 0), ("p", "female_female", 0, 1), ("q", "female_female", 0, 1),
        ("q", "male_male", 1, 1), ("r", "different_gender", 0, 0), ("r", "different_gender", 1, 1),
    )  # fmt: skip
    found = {f.group: f for f in game_figures(turns, GENDERS, n_resamples=200, seed=0)}
    assert list(found) == list(GROUPS)
    assert {g: (f.n_turns, f.n_players) for g, f in found.items()} == {
        "all": (6, 3), "same_gender": (4, 2), "female_female": (3, 2), "male_male": (1, 1), "different_gender": (2, 1),
    }  # fmt: skip
    women = found["female_female"]
    assert (women.people.value, women.model.value) == pytest.approx((1 / 3, 2 / 3))
    assert women.difference == pytest.approx(1 / 3)
    assert (women.table.both, women.table.only_a, women.table.only_b, women.table.neither) == (0, 2, 1, 0)
    assert (women.table.exact_p_value, women.table.p_value) == sign_test(2, 1)
    assert women.people.wilson == wilson_interval(1, 3)
    assert found["all"].table.agreement == pytest.approx(0.5)


def test_players_are_resampled_and_not_turns() -> None:
    """Two players, one always right, one always wrong: 40 turns, but only two people to draw from."""
    turns = game(*[("p", "male_male", 1, 1)] * 20, *[("q", "male_male", 0, 1)] * 20)
    found = game_figures(turns, GENDERS, n_resamples=500, seed=0)[0]
    assert (found.people.over_players.low, found.people.over_players.high) == pytest.approx((0.0, 1.0), abs=0.05)
    assert found.people.wilson.low > 0.3
    assert (found.difference_interval.low, found.difference_interval.high) == pytest.approx((0.0, 1.0), abs=0.05)


def test_one_player_says_nothing_of_other_players_nor_one_voice_of_other_voices() -> None:
    """A study of one participant said 80 % with an interval over players of 80 to 80."""
    for turns, is_known in (
        (game(("p", "male_male", 1, 1), ("p", "female_female", 0, 1), ("p", "male_male", 0, 0)), "over_items"),
        (game(("p", "male_male", 1, 1), ("q", "male_male", 0, 1), ("q", "male_male", 0, 0)), "over_players"),
    ):
        people = game_figures(turns, GENDERS, n_resamples=200, seed=0)[0].people
        for name in ("over_players", "over_items", "over_both", "cautious"):
            interval = getattr(people, name)
            assert math.isnan(interval.low) == math.isnan(interval.high) == (name != is_known), name
        assert people.wilson == wilson_interval(1, 3)


def test_voices_are_resampled_too_and_both_at_once_is_the_widest() -> None:
    """Many players, all alike; of six voices everybody gets three right and three wrong."""
    genders = {f"v{i}": "m" for i in range(6)} | {"x": "m"}
    turns = [
        Turn(f"p{k}", f"v{i}", "x", f"v{i}", f"v{i}" if i % 2 else "x", datetime.datetime(2024, 1, 1))
        for k in range(12)
        for i in range(6)
    ]
    found = game_figures(turns, genders, n_resamples=400, seed=0)[0]
    assert (found.n_players, found.n_items) == (12, 6)
    assert found.people.over_players.high - found.people.over_players.low == pytest.approx(0, abs=1e-9)
    assert found.people.over_items.high - found.people.over_items.low > 0.5
    assert found.people.over_both.low <= found.people.over_items.low + 0.05
    assert found.difference_over_items.low < found.difference < found.difference_over_items.high
    assert found.difference_over_both.p_value < 0.1


def test_who_speaks_is_the_item() -> None:
    turns = game(("p", "female_female", 1, 1), ("p", "male_male", 0, 1), ("q", "different_gender", 1, 0))
    assert item_codes(turns).tolist() == [0, 1, 0]
    drawn = resampled(player_codes(turns), item_codes(turns), n_resamples=7, seed=3)
    assert (drawn.players.shape, drawn.items.shape) == ((7, 2), (7, 2))
    right, _ = rights_of(turns)
    shares = drawn.shares(right, player_codes(turns), item_codes(turns))
    assert [share.shape for share in shares] == [(7,)] * 3
    assert accuracy_of(right, shares).value == pytest.approx(2 / 3)


def test_a_turn_of_unknown_gender_counts_among_all_alone() -> None:
    turns = [Turn("p", "f1", "who", "f1", "f1", datetime.datetime(2024, 1, 1))]
    assert [f.n_turns for f in game_figures(turns, GENDERS, n_resamples=5, seed=0)] == [1, 0, 0, 0, 0]


def test_a_group_without_turns_is_undefined() -> None:
    found = {f.group: f for f in game_figures(game(("p", "male_male", 1, 1)), GENDERS, n_resamples=10, seed=0)}
    women = found["female_female"]
    assert (women.n_turns, women.n_players, women.table.p_value) == (0, 0, 1.0)
    for value in (women.people.value, women.model.wilson.low, women.difference, women.difference_p_value):
        assert math.isnan(value)


def test_the_same_seed_gives_the_same_intervals() -> None:
    groups = ("male_male", "female_female")
    turns = game(*[(f"p{i % 5}", groups[i % 2], i % 3 > 0, i % 4 > 0) for i in range(40)])
    one, two, other = (game_figures(turns, GENDERS, n_resamples=50, seed=s)[0] for s in (1, 1, 2))
    assert one == two
    assert one.people.over_players != other.people.over_players
