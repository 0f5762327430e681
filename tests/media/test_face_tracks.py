"""Faces over time: links, tracks, people."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.media.detectors.base import DetectedFace
from visavox.media.face_tracks import (
    MAX_DISTANCE,
    MAX_MISSED,
    FaceTracker,
    Track,
    are_together,
    box_distance,
    dominant,
    group_people,
    link,
    most_at_once,
)


def face(x: float, y: float = 50, side: float = 40, height: float | None = None) -> DetectedFace:
    """A face by its centre."""
    height = side if height is None else height
    return DetectedFace(x - side / 2, y - height / 2, x + side / 2, y + height / 2, score=0.9)


def tracked(*frames: list[DetectedFace], cuts: tuple[int, ...] = ()) -> FaceTracker:
    tracker = FaceTracker()
    for index, faces in enumerate(frames):
        tracker.add(index, faces, after_cut=index in cuts)
    return tracker


def slow_distance(a: DetectedFace, b: DetectedFace) -> float:
    side_a, side_b = (math.sqrt((f.x1_px - f.x0_px) * (f.y1_px - f.y0_px)) for f in (a, b))
    if max(side_a, side_b) > 1.6 * min(side_a, side_b):
        return math.inf
    dx = (a.x0_px + a.x1_px - b.x0_px - b.x1_px) / 2
    dy = (a.y0_px + a.y1_px - b.y0_px - b.y1_px) / 2
    return math.sqrt(dx * dx + dy * dy) / ((side_a + side_b) / 2)


def slow_link(before: list[DetectedFace], now: list[DetectedFace]) -> dict[int, int]:
    """By the definition: again and again the nearest pair of those that are left."""
    left, right = set(range(len(before))), set(range(len(now)))
    linked = {}
    while left and right:
        distance, i, j = min((slow_distance(before[i], now[j]), i, j) for i in left for j in right)
        if distance > MAX_DISTANCE:
            break
        linked[j] = i
        left.discard(i)
        right.discard(j)
    return linked


def slow_tracks(frames: list[list[DetectedFace]], cuts: set[int]) -> list[list[tuple[int, int]]]:
    """Each track as a list of (frame, row), from all the frames at once."""
    tracks: list[list[tuple[int, int]]] = []
    for index, faces in enumerate(frames):
        open_tracks = [t for t in tracks if not any(t[-1][0] < cut <= index for cut in cuts)]
        open_tracks = [t for t in open_tracks if index - t[-1][0] - 1 <= MAX_MISSED]
        linked = slow_link([frames[t[-1][0]][t[-1][1]] for t in open_tracks], faces)
        for row in range(len(faces)):
            if row in linked:
                open_tracks[linked[row]].append((index, row))
            else:
                tracks.append([(index, row)])
    return tracks


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n_before=st.integers(0, 5), n_now=st.integers(0, 5))
def test_links_equal_those_of_the_slow_loop(seed: int, n_before: int, n_now: int) -> None:
    rng = np.random.default_rng(seed)
    before, now = (
        [face(*rng.uniform(0, 90, 2), side=rng.uniform(20, 45), height=rng.uniform(20, 45)) for _ in range(n)]
        for n in (n_before, n_now)
    )
    assert link(before, now) == slow_link(before, now)
    for a in before:
        for b in now:
            assert box_distance(a, b) == pytest.approx(slow_distance(a, b))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_tracks_equal_those_of_the_slow_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = [[face(*rng.integers(0, 4, 2) * 25.0) for _ in range(rng.integers(0, 3))] for _ in range(14)]
    cuts = set(rng.integers(1, 14, 2).tolist())
    wanted = [t for t in slow_tracks(frames, cuts) if len(t) > 1]
    found = tracked(*frames, cuts=tuple(cuts)).plausible()
    assert sorted((t.first_index, t.last_index, t.n_seen) for t in found) == sorted(
        (t[0][0], t[-1][0], len(t)) for t in wanted
    )
    assert sum(t.strength_px2 for t in found) == pytest.approx(1600 * sum(len(t) for t in wanted))


def test_a_face_that_moves_a_little_is_one_track() -> None:
    (track,) = tracked(*([face(50 + 15 * i)] for i in range(6))).plausible()
    assert (track.n_seen, track.first_index, track.last_index) == (6, 0, 5)
    np.testing.assert_allclose(track.place, [87.5, 50, 40])


def test_two_faces_that_lean_towards_each_other_keep_their_tracks() -> None:
    tracker = FaceTracker()
    left, right = tracker.add(0, [face(50), face(110)])
    assert tracker.add(1, [face(95), face(62)]) == [right, left]


@pytest.mark.parametrize(("n_missed", "n_tracks"), [(1, 1), (MAX_MISSED, 1), (MAX_MISSED + 1, 2)])
def test_a_face_may_be_overlooked_for_a_few_frames(n_missed: int, n_tracks: int) -> None:
    seen = [[face(50)]] * 3
    assert len(tracked(*seen, *[[]] * n_missed, *seen).plausible()) == n_tracks


def test_no_track_runs_on_over_a_cut() -> None:
    tracker = tracked(*[[face(50)]] * 6, cuts=(3,))
    assert [(t.first_index, t.n_seen) for t in tracker.plausible()] == [(0, 3), (3, 3)]


def test_a_face_of_another_size_is_another_track() -> None:
    tracker = tracked(*[[face(50, side=20)]] * 2, *[[face(50, side=60)]] * 2)
    assert [t.n_seen for t in tracker.plausible()] == [2, 2]


def test_a_face_seen_once_among_many_frames_is_none_but_among_three_it_is() -> None:
    many = tracked([face(50)], [face(50), face(300)], [face(50)], [face(50)])
    assert [t.n_seen for t in many.plausible()] == [4]
    assert [t.n_seen for t in tracked([], [face(50)], []).plausible()] == [1]
    assert tracked([], [], []).plausible() == []


def test_slips_are_forgotten_but_not_where_the_speaker_is_said_to_be() -> None:
    tracker = FaceTracker()
    for index in range(500):
        (track,) = tracker.add(index, [face(1000.0 * (index % 50))])
        if index == 100:
            track.n_near = 1
    kept = tracker.tracks()
    assert len(kept) <= 3 + MAX_MISSED + 3
    assert [t.first_index for t in kept if t.n_near] == [100]
    assert (tracker.n_frames, tracker.n_with_face) == (500, 500)


def a_track(first: int, last: int, x: float = 50, side: float = 40) -> Track:
    track = Track(face(x, side=side), first_index=first, last_index=last)
    for index in range(first, last + 1):
        track.see(face(x, side=side), index)
    return track


def test_tracks_in_one_place_one_after_the_other_are_one_person() -> None:
    before, after = a_track(0, 9), a_track(10, 15, x=60)
    (person,) = group_people([after, before])
    assert person.tracks == (before, after)
    assert person.strength_px2 == 16 * 1600
    assert dominant([person]) is person


def test_tracks_at_one_time_are_two_people_though_in_one_place() -> None:
    assert len(group_people([a_track(0, 9), a_track(5, 15, x=60)])) == 2


def test_tracks_elsewhere_or_of_another_size_are_other_people() -> None:
    assert len(group_people([a_track(0, 9), a_track(10, 15, x=200), a_track(16, 20, side=90)])) == 3


def test_what_fills_less_than_a_hundredth_is_no_person() -> None:
    assert len(group_people([a_track(0, 99), a_track(0, 98, x=300, side=3)])) == 1
    assert group_people([]) == []


@pytest.mark.parametrize(("side", "is_clear"), [(40, False), (29, False), (28, True), (10, True)])
def test_one_dominates_with_twice_the_area(side: float, is_clear: bool) -> None:
    people = group_people([a_track(0, 9), a_track(0, 9, x=300, side=side)])
    assert (dominant(people) is people[0]) == is_clear


@pytest.mark.parametrize(("n_frames", "is_clear"), [(6, False), (5, True)])
def test_one_dominates_with_twice_the_time_also_in_turns(n_frames: int, is_clear: bool) -> None:
    people = group_people([a_track(0, 9), a_track(10, 9 + n_frames, x=300)])
    assert (dominant(people) is not None) == is_clear


def test_nobody_dominates_among_nobody() -> None:
    assert dominant([]) is None
    assert most_at_once([]) == 0


@pytest.mark.parametrize("seed", range(5))
def test_most_at_once_counts_every_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spans = [sorted(rng.integers(0, 20, 2).tolist()) for _ in range(6)]
    tracks = [a_track(first, last) for first, last in spans]
    assert most_at_once(tracks) == max(sum(a <= i <= b for a, b in spans) for i in range(20))
    for one, other in itertools.pairwise(tracks):
        shared = set(range(one.first_index, one.last_index + 1)) & set(range(other.first_index, other.last_index + 1))
        assert are_together(one, other) == bool(shared)
