"""Resampled shares are those of copied persons and items."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from visavox.metrics.bootstrap import resample_people
from visavox.metrics.crossed_bootstrap import pigeonhole_share, resampled_share, two_way_difference


def test_resampled_shares_are_those_of_copied_people() -> None:
    rng = np.random.default_rng(0)
    right, players = rng.random(30) < 0.5, rng.integers(0, 4, 30)
    counts = rng.integers(0, 3, (6, 4))
    for share, copies in zip(resampled_share(right, players, counts), counts, strict=True):
        assert share == pytest.approx(np.repeat(right, copies[players]).mean())
    assert math.isnan(resampled_share(right, players, np.zeros((1, 4), dtype=int))[0])


def test_an_answer_counts_as_its_person_times_its_item() -> None:
    rng = np.random.default_rng(1)
    right, persons, items = rng.random(50) < 0.7, rng.integers(0, 5, 50), rng.integers(0, 4, 50)
    one, two = rng.integers(0, 3, (8, 5)), rng.integers(1, 3, (8, 4))
    for share, a, b in zip(pigeonhole_share(right, persons, items, one, two), one, two, strict=True):
        copied = [r for r, p, i in zip(right, persons, items, strict=True) for _ in range(a[p] * b[i])]
        assert share == pytest.approx(np.mean(copied))


def test_with_everything_once_it_is_the_share_and_with_nothing_it_is_undefined() -> None:
    right, codes = np.array([True, False, True, True]), np.array([0, 1, 0, 1])
    ones = np.ones((1, 2), dtype=int)
    assert pigeonhole_share(right, codes, codes, ones, ones)[0] == 0.75
    assert math.isnan(pigeonhole_share(right, codes, codes, ones * 0, ones)[0])
    assert len(pigeonhole_share(right[:0], codes[:0], codes[:0], ones, ones)) == 1


def test_when_both_persons_and_items_differ_it_is_wider_than_either() -> None:
    """Everybody answers everything; half the persons and half the items are bad."""
    able, easy = np.arange(20) % 2, np.arange(16) % 2
    persons, items = np.repeat(np.arange(20), 16), np.tile(np.arange(16), 20)
    right = np.random.default_rng(2).random(320) < 0.3 + 0.3 * able[persons] + 0.3 * easy[items]
    counts = [resample_people(n, n_resamples=800, rng=np.random.default_rng(n)) for n in (20, 16)]
    both = pigeonhole_share(right, persons, items, *counts).var()
    alone = [resampled_share(right, codes, c).var() for codes, c in zip((persons, items), counts, strict=True)]
    assert both > max(alone)
    assert both == pytest.approx(sum(alone), rel=0.4)


def test_two_ways_add_up_and_single_answers_count_once() -> None:
    rng = np.random.default_rng(3)
    persons, items, each = rng.normal(0.2, 0.03, 4000), rng.normal(0.2, 0.04, 4000), np.tile([0.0, 1.0], 2500)
    found = two_way_difference(0.2, persons, items, each)
    error = math.sqrt(0.03**2 + 0.04**2 - 0.25 / 5000)
    assert (found.low, found.high) == pytest.approx((0.2 - 1.96 * error, 0.2 + 1.96 * error), abs=0.005)
    assert found.p_value == pytest.approx(2 * norm.sf(0.2 / error), rel=0.2)
    clipped = two_way_difference(0.99, persons, items, each, bounds=(0, 1))
    assert clipped.high == 1.0


def test_the_sum_is_never_below_its_parts_and_edges_are_named() -> None:
    shares = np.random.default_rng(4).normal(0.5, 0.01, 1000)
    noisy = two_way_difference(0.5, shares, shares, np.array([0.0, 1.0] * 10))  # single answers would explain more
    assert noisy.high - noisy.low == pytest.approx(2 * 1.96 * 0.01, rel=0.1)
    assert math.isnan(two_way_difference(math.nan, shares, shares, np.ones(3)).p_value)
    assert math.isnan(two_way_difference(0.5, shares[:1], shares, np.ones(3)).low)
    assert two_way_difference(0.0, shares, shares, np.zeros(3)).p_value == 1.0
    assert two_way_difference(0.5, np.full(5, 0.5), np.full(5, 0.5), np.full(3, 0.5)).p_value == 0.0
