"""Conformal p-values and thresholds against a count, their promise in a simulation, and the record of strangers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.identification.strangers import StrangerScores, acceptance_threshold, conformal_p_value, least_rate


def counted_p_value(score: float, strangers: list[float]) -> float:
    return (1 + sum(stranger >= score for stranger in strangers)) / (len(strangers) + 1)


@pytest.mark.parametrize(
    ("score", "expected"), [(5.0, 1 / 6), (4.0, 2 / 6), (2.5, 3 / 6), (2.0, 5 / 6), (1.0, 6 / 6), (-9.0, 6 / 6)]
)
def test_p_values_by_hand_with_a_tie_counted_against_the_probe(score: float, expected: float) -> None:
    strangers = np.array([1.0, 2.0, 2.0, 3.0, 4.0])
    assert conformal_p_value(score, strangers) == pytest.approx(expected)


def test_p_values_equal_a_count_on_many_ties() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        strangers = np.sort(rng.integers(0, 6, size=rng.integers(1, 30)).astype(float))
        for score in (-1.0, 0.0, 2.0, 2.5, 5.0, 6.0):
            assert conformal_p_value(score, strangers) == counted_p_value(score, strangers.tolist())


def test_without_strangers_there_is_no_p_value() -> None:
    assert math.isnan(conformal_p_value(1.0, np.empty(0)))


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.2, 0.29, 1 / 3, 0.5, 0.99, 1.0])
def test_a_score_reaches_the_threshold_exactly_when_its_p_value_is_low_enough(rate: float) -> None:
    rng = np.random.default_rng(1)
    n_accepted = 0
    for n in (1, 2, 3, 9, 29, 100):
        strangers = np.sort(rng.integers(0, 12, size=n).astype(float))  # ties throughout
        threshold = acceptance_threshold(strangers, rate)
        for score in [*strangers.tolist(), -1.0, 0.5, 7.5, 99.0, *np.nextafter(strangers, np.inf).tolist()]:
            allowed = math.floor(rate * (n + 1) + 1e-9)
            accepted = 1 + int((strangers >= score).sum()) <= allowed
            assert (score >= threshold) == accepted, (n, score)
            n_accepted += accepted
    assert n_accepted > (0 if rate > 0.01 else -1)


def test_thresholds_by_hand() -> None:
    strangers = np.array([1.0, 2.0, 3.0, 4.0])
    assert acceptance_threshold(strangers, 0.2) == np.nextafter(4.0, np.inf)
    assert acceptance_threshold(strangers, 0.39) == np.nextafter(4.0, np.inf)
    assert acceptance_threshold(strangers, 0.4) == np.nextafter(3.0, np.inf)
    assert acceptance_threshold(strangers, 0.8) == np.nextafter(1.0, np.inf)
    assert acceptance_threshold(strangers, 1.0) == -math.inf
    assert acceptance_threshold(strangers, 0.19) == math.inf
    assert acceptance_threshold(np.empty(0), 0.5) == math.inf
    assert acceptance_threshold(np.empty(0), 1.0) == -math.inf


def test_a_rate_that_rounding_puts_below_a_whole_number_still_counts() -> None:
    strangers = np.arange(29.0)
    assert 0.29 * 100 < 29  # as computers multiply
    assert acceptance_threshold(np.arange(99.0), 0.29) == np.nextafter(99 - 1 - 28.0, np.inf)
    assert acceptance_threshold(strangers, 0.1) == np.nextafter(26.0, np.inf)


def test_the_least_rate_is_the_first_that_lets_anybody_in() -> None:
    for n in (1, 7, 30, 99, 1000):
        strangers = np.arange(float(n))
        rate = least_rate(strangers)
        assert rate == 1 / (n + 1)
        assert acceptance_threshold(strangers, rate) == np.nextafter(n - 1.0, np.inf)
        assert acceptance_threshold(strangers, rate * 0.99) == math.inf


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.01, math.nan])
def test_a_rate_that_is_no_share_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match=rf"^`false_accept` must be above 0 and at most 1\. Got {rate}\.$"):
        acceptance_threshold(np.arange(3.0), rate)


def test_exchangeable_strangers_are_accepted_as_often_as_was_asked() -> None:
    rng = np.random.default_rng(7)
    n_trials, asked = 8000, 0.1
    draws = rng.standard_normal((n_trials, 20))  # nineteen simulated strangers and a real one
    p_values = np.array([conformal_p_value(row[0], np.sort(row[1:])) for row in draws])
    accepted = np.array([row[0] >= acceptance_threshold(np.sort(row[1:]), asked) for row in draws[:2000]])
    assert (accepted == (p_values[:2000] <= asked)).all()
    error = 4 * math.sqrt(asked * (1 - asked) / n_trials)  # four standard deviations of a binomial share
    assert abs((p_values <= asked).mean() - asked) < error
    # Uniform on 1/20, 2/20, ..., 1: every value about equally often.
    counts = np.bincount((p_values * 20).round().astype(int), minlength=21)[1:]
    assert np.abs(counts / n_trials - 0.05).max() < 4 * math.sqrt(0.05 * 0.95 / n_trials)


def test_with_ties_no_more_are_accepted_than_asked() -> None:
    rng = np.random.default_rng(8)
    draws = rng.integers(0, 5, size=(5000, 20)).astype(float)
    p_values = np.array([conformal_p_value(row[0], np.sort(row[1:])) for row in draws])
    for asked in (0.1, 0.2, 0.5):
        assert (p_values <= asked).mean() <= asked


def made() -> StrangerScores:
    return StrangerScores.of(np.array([3.0, 1.0, 2.0, 1.0]), ["Ann", "Bob", "Cid", "Ann"], ["a", "b", "c", "d"])


def test_strangers_are_kept_in_rising_order_with_their_owners() -> None:
    found = made()
    assert found.scores.tolist() == [1, 1, 2, 3]
    assert (found.owners, found.clips, len(found)) == (("Bob", "Ann", "Cid", "Ann"), ("b", "d", "c", "a"), 4)
    assert found.scores.dtype == np.float64


def test_joined_strangers_are_all_of_both_in_order() -> None:
    joined = made().joined(StrangerScores.of(np.array([1.5]), ["Dan"], ["e"]))
    assert joined.scores.tolist() == [1, 1, 1.5, 2, 3]
    assert joined.owners[2] == "Dan"
    assert joined.clips == ("b", "d", "e", "c", "a")


def test_raised_strangers_are_as_convincing_as_the_greater_of_both_scores() -> None:
    raised = made().raised(np.array([9.0, -9.0, 2.5, -np.inf]))
    assert raised.scores.tolist() == [1, 2.5, 3, 9]
    assert raised.owners == ("Ann", "Cid", "Ann", "Bob")


def test_without_leaves_no_clip_of_the_people_named() -> None:
    left = made().without(frozenset({"Ann"}))
    assert (left.scores.tolist(), left.owners, left.clips) == ([1, 2], ("Bob", "Cid"), ("b", "c"))
    assert len(left.without(frozenset({"Bob", "Cid"}))) == 0


def test_renamed_strangers_keep_their_scores() -> None:
    found = made().renamed({"Ann": "Bob", "Bob": "Ann"})
    assert (found.owners, found.scores.tolist()) == (("Ann", "Bob", "Cid", "Bob"), [1, 1, 2, 3])
