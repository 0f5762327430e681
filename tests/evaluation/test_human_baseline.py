"""The figures of a made-up game."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest

from visavox.evaluation.human_baseline import GROUPS, game_figures, resampled_share
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


def test_resampled_shares_are_those_of_copied_players() -> None:
    rng = np.random.default_rng(0)
    right, players = rng.random(30) < 0.5, rng.integers(0, 4, 30)
    counts = rng.integers(0, 3, (6, 4))
    for share, copies in zip(resampled_share(right, players, counts), counts, strict=True):
        assert share == pytest.approx(np.repeat(right, copies[players]).mean())
    assert math.isnan(resampled_share(right, players, np.zeros((1, 4), dtype=int))[0])


def test_a_group_without_turns_is_undefined() -> None:
    found = {f.group: f for f in game_figures(game(("p", "male_male", 1, 1)), GENDERS, n_resamples=10, seed=0)}
    women = found["female_female"]
    assert (women.n_turns, women.n_players, women.table.p_value) == (0, 0, 1.0)
    for value in (women.people.value, women.model.wilson.low, women.difference, women.difference_p_value):
        assert math.isnan(value)


def test_the_same_seed_gives_the_same_intervals() -> None:
    turns = game(*[(f"p{i % 5}", "male_male", i % 3 > 0, i % 4 > 0) for i in range(40)])
    one, two, other = (game_figures(turns, GENDERS, n_resamples=50, seed=s)[0] for s in (1, 1, 2))
    assert one == two
    assert one.people.over_players != other.people.over_players
