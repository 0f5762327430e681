"""Ranking: means over seeds, intervals, paired differences, shares of the knowable, against plain arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from visavox.evaluation.knowable import Estimate
from visavox.evaluation.leaderboard import MAIN, ArenaFacts, Board, Key, MethodFacts, TrainedOnce, rank
from visavox.evaluation.measures import Measure
from visavox.metrics.bootstrap import paired_difference, percentile_interval

RNG = np.random.default_rng(0)
BACK: Key = ("matching", "face_to_voice", "all", "accuracy_1_of_2")
WORLD = {("voice_to_face", "all", "accuracy_1_of_2"): Estimate(0.9, 0.001)}


def once(seed: int, value: float, resampled: Sequence[float] | np.ndarray, key: Key = MAIN) -> TrainedOnce:
    found = Measure(*key, value, chance=0.5, count=20, n_people=10)
    return TrainedOnce(seed, (found,), {key: np.asarray(resampled, dtype=float)}, n_parameters=7, train_s=2.0 + seed)


def board(runs: dict[str, Sequence[TrainedOnce]], reference: str, **more: object) -> Board:
    facts = ArenaFacts("a", n_pairs=20, n_people=10, n_trained=16, how="5 folds", **more)  # type: ignore[arg-type]
    return rank(facts, {name: MethodFacts("two_tower", "info_nce") for name in runs}, runs, reference=reference)


def test_figures_are_means_over_seeds_with_the_interval_of_the_mean() -> None:
    draws = RNG.normal(0.8, 0.02, size=(2, 300))
    found = board({"m": [once(0, 0.78, draws[0]), once(1, 0.82, draws[1])]}, "m").rows[0]
    interval = percentile_interval(0.8, draws.mean(axis=0))
    measure = found.measures[MAIN]
    assert measure.value == pytest.approx(0.8)
    assert (measure.low, measure.high) == pytest.approx((interval.low, interval.high))
    assert found.spread[MAIN] == pytest.approx(0.04 / math.sqrt(2))
    assert (found.n_seeds, found.n_parameters, found.train_s) == (2, 7, 2.5)
    assert (measure.count, measure.n_people, measure.chance) == (20, 10, 0.5)


def test_one_seed_has_no_spread() -> None:
    assert math.isnan(board({"m": [once(0, 0.7, [0.6, 0.8])]}, "m").rows[0].spread[MAIN])


def test_differences_are_paired_and_narrower_than_their_parts() -> None:
    luck = RNG.normal(0, 0.05, size=500)
    ours, theirs = 0.75 + luck + RNG.normal(0, 0.001, 500), 0.73 + luck
    found = board({"a": [once(0, 0.75, ours)], "b": [once(0, 0.73, theirs)]}, "b")
    difference = found.rows[0].differences[MAIN]
    assert difference == paired_difference(0.75, 0.73, ours, theirs)
    assert difference.low > 0.015
    measure = found.rows[0].measures[MAIN]
    assert measure.high - measure.low > 10 * (difference.high - difference.low)
    assert found.rows[1].differences[MAIN].value == 0


def test_the_best_comes_first_and_failures_last() -> None:
    runs: dict[str, Sequence[TrainedOnce]] = {
        "low": [once(0, 0.6, [0.6, 0.6])],
        "broken": [once(0, 0.99, [0.9, 0.9]), TrainedOnce(1, problem="it burst")],
        "undefined": [once(0, math.nan, [math.nan, math.nan])],
        "high": [once(0, 0.8, [0.8, 0.8])],
    }
    found = board(runs, "low")
    assert [row.method for row in found.rows[:2]] == ["high", "low"]
    broken = next(row for row in found.rows if row.method == "broken")
    assert (broken.problem, dict(broken.measures), dict(broken.differences)) == ("it burst", {}, {})
    undefined = next(row for row in found.rows if row.method == "undefined")
    assert math.isnan(undefined.measures[MAIN].value)
    assert dict(undefined.differences) == {}


def test_a_failed_reference_leaves_the_others_without_differences() -> None:
    found = board({"a": [once(0, 0.7, [0.6, 0.8])], "b": [TrainedOnce(0, problem="no")]}, "b")
    assert dict(found.rows[0].differences) == {}
    assert found.rows[0].measures[MAIN].value == 0.7


def test_shares_of_the_knowable_map_the_value_and_both_ends() -> None:
    found = board({"m": [once(0, 0.8, RNG.normal(0.8, 0.01, 200))]}, "m", ceiling=WORLD).rows[0]
    share, measure = found.shares[MAIN], found.measures[MAIN]
    assert share.value == pytest.approx(0.75)
    assert share.low == pytest.approx((measure.low - 0.5) / 0.4)
    assert share.high == pytest.approx((measure.high - 0.5) / 0.4)
    assert (share.measure, share.chance) == ("share_of_knowable", 0.0)


def test_shares_are_given_for_what_has_a_ceiling_only() -> None:
    runs = {"m": [once(0, 0.8, [0.8, 0.8], BACK)]}
    assert dict(board(runs, "m", ceiling=WORLD).rows[0].shares) == {}
    nothing = {("voice_to_face", "all", "accuracy_1_of_2"): Estimate(0.5, 0.001)}
    assert dict(board({"m": [once(0, 0.5, [0.5, 0.5])]}, "m", ceiling=nothing).rows[0].shares) == {}
    other: Key = ("retrieval", "voice_to_face", "all", "accuracy_1_of_2")
    assert dict(board({"m": [once(0, 0.8, [0.8, 0.8], other)]}, "m", ceiling=WORLD).rows[0].shares) == {}


def test_measures_without_resamples_have_a_value_and_no_interval() -> None:
    bare = TrainedOnce(0, (Measure(*MAIN, 0.7, chance=0.5),))
    row = board({"m": [bare]}, "m").rows[0]
    assert row.measures[MAIN].value == 0.7
    assert math.isnan(row.measures[MAIN].low)
    assert dict(row.differences) == {}
