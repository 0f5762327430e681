"""Handing out candidates: evenly, by chance among equals, and among the nearest."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from visavox.corpus.items import ClipLink
from visavox.corpus.trial_pools import MIN_NEAREST, Pool


def links(n_people: int = 5, n_clips: int = 2) -> list[ClipLink]:
    return [ClipLink(f"p{i:02d}-{j}", f"p{i:02d}", f"v{i:02d}-{j}") for i in range(n_people) for j in range(n_clips)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


PROBE = ClipLink("x", "p00", "v00-0")


def test_nobody_is_used_twice_before_all_others_are_used_once() -> None:
    pool = Pool(links(7, 1), rng())
    first = [pool.negatives(PROBE, 2) for _ in range(3)]
    assert sorted(clip for pair in first for clip in pair) == [f"p{i:02d}-0" for i in range(1, 7)]
    for _ in range(20):
        counts = Counter(clip for _ in range(3) for clip in pool.negatives(PROBE, 2))
        assert set(counts.values()) == {1}


def test_clips_of_a_person_take_turns() -> None:
    pool = Pool(links(2, 4), rng())
    for _ in range(5):
        assert sorted(pool.negatives(PROBE, 1)[0] for _ in range(4)) == [f"p01-{j}" for j in range(4)]
        assert sorted(pool.positive(PROBE) or "" for _ in range(4)) == [f"p00-{j}" for j in range(4)]


def test_positives_do_not_count_as_negatives() -> None:
    pool = Pool(links(3, 1), rng())
    for _ in range(10):
        pool.positive(ClipLink("x", "p01"))
    counts = Counter(pool.negatives(PROBE, 1)[0] for _ in range(10))
    assert counts == {"p01-0": 5, "p02-0": 5}


def test_too_few_people_use_nobody() -> None:
    pool = Pool(links(3, 1), rng())
    assert pool.negatives(PROBE, 3) == []
    assert sorted(pool.negatives(PROBE, 2)) == ["p01-0", "p02-0"]
    assert pool.negatives(PROBE, 3) == []
    assert sorted(pool.negatives(PROBE, 2)) == ["p01-0", "p02-0"]


def test_clips_of_the_probes_video_are_left_out() -> None:
    pool = Pool([ClipLink("a", "A", "v"), ClipLink("b", "B", "v"), ClipLink("b2", "B", "w"), ClipLink("c", "C")], rng())
    probe = ClipLink("x", "A", "v")
    assert {pool.negatives(probe, 2)[0] for _ in range(9)} | {"b2", "c"} == {"b2", "c"}
    alone = Pool([ClipLink("b", "B", "v")], rng())
    assert alone.negatives(probe, 1) == []
    assert alone.negatives(ClipLink("x", "A", "w"), 1) == ["b"]


def test_somebody_without_clips_has_no_positive() -> None:
    pool = Pool(links(2), rng())
    assert pool.positive(ClipLink("x", "stranger")) is None
    assert (pool.has("p00"), pool.has("stranger")) == (True, False)


def test_the_seed_decides_among_equals() -> None:
    drawn = [[Pool(links(9), rng(seed)).negatives(PROBE, 3) for _ in range(2)] for seed in range(6)]
    assert all(first == second for first, second in drawn)
    assert len({tuple(first) for first, _ in drawn}) > 3


def test_hard_negatives_are_of_the_nearest_people() -> None:
    order = {"p00": [f"p{i:02d}" for i in range(1, 40)]}
    pool = Pool(links(40, 1), rng(), order)
    met = Counter(pool.negatives(PROBE, 1)[0] for _ in range(5 * MIN_NEAREST))
    assert met == {f"p{i:02d}-0": 5 for i in range(1, MIN_NEAREST + 1)}
    wide = Pool(links(40, 1), rng(), order)
    met = Counter(clip for _ in range(10) for clip in wide.negatives(PROBE, 9))
    assert met == {f"p{i:02d}-0": 5 for i in range(1, 19)}


def test_hard_negatives_skip_people_who_are_no_candidates() -> None:
    pool = Pool(links(4, 1), rng(), {"p00": ["stranger", "p00", "p03"]})
    assert pool.negatives(PROBE, 1) == ["p03-0"]
    assert pool.negatives(PROBE, 2) == []
    assert pool.negatives(ClipLink("y", "p01"), 1) == []


@pytest.mark.parametrize("n_wanted", [1, 3])
def test_negatives_are_of_different_people(n_wanted: int) -> None:
    pool = Pool(links(6, 3), rng())
    for _ in range(50):
        drawn = pool.negatives(PROBE, n_wanted)
        assert len({clip[:3] for clip in drawn}) == n_wanted
        assert not any(clip.startswith("p00") for clip in drawn)
