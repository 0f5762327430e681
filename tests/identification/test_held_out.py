"""Held-out scores: nobody's own clip is in what it is scored against, and strangers are left out of everything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from visavox.identification.held_out import MAX_FOLDS, HeldOut, Plan, clip_rows, held_out_scores, plan
from visavox.identification.samples import Samples

MakeSamples = Callable[..., Samples]


def sampled(rows: list[tuple[str, str, str]]) -> Samples:
    """Samples of (clip, person, session) rows with vectors all of their own."""
    clips, people, sessions = zip(*rows, strict=True)
    keys = tuple(f"k{i}" for i in range(len(rows)))
    return Samples("face", keys, clips, people, sessions, np.ones(len(rows)), np.eye(len(rows)))


def test_shared_sessions_are_folds_as_they_are() -> None:
    samples = sampled([("a1", "Ann", "x"), ("b2", "Bob", "y"), ("a2", "Ann", "y"), ("b1", "Bob", "x")])
    dealt = plan([samples], seed=0)
    assert (dealt.folds, dealt.n_folds) == ({"a1": 0, "b1": 0, "a2": 1, "b2": 1}, 2)
    assert (dealt.names, dealt.probing) == (("Ann", "Bob"), None)


def test_sessions_of_each_persons_own_are_dealt_out_in_order() -> None:
    rows = [
        ("a1", "Ann", "mon"),
        ("a2", "Ann", "mon"),
        ("a3", "Ann", "tue"),
        ("b1", "Bob", "wed"),
        ("b2", "Bob", "sun"),
    ]
    dealt = plan([sampled(rows)], seed=0)
    assert dealt.folds == {"a1": 0, "a2": 0, "a3": 1, "b1": 0, "b2": 1}


def test_clips_of_one_session_never_part_where_anybody_has_two() -> None:
    rows = [(f"a{i}", "Ann", f"s{i // 3}") for i in range(30)] + [(f"b{i}", "Bob", "s0") for i in range(4)]
    dealt = plan([sampled(rows)], seed=0)
    assert dealt.n_folds == MAX_FOLDS
    for session in range(10):
        assert len({dealt.folds[f"a{i}"] for i in range(3 * session, 3 * session + 3)}) == 1
    assert len({dealt.folds[f"b{i}"] for i in range(4)}) == 1
    assert set(dealt.folds.values()) == set(range(MAX_FOLDS))


def test_clips_of_unknown_session_are_each_their_own() -> None:
    dealt = plan([sampled([("a1", "Ann", ""), ("a2", "Ann", ""), ("a3", "Ann", "x"), ("b1", "Bob", "")])], seed=0)
    assert dealt.folds == {"a1": 0, "a2": 1, "a3": 2, "b1": 0}


def test_where_nobody_has_two_sessions_every_clip_is_its_own() -> None:
    dealt = plan([sampled([("a1", "Ann", "x"), ("a2", "Ann", "x"), ("b1", "Bob", "x"), ("b2", "Bob", "x")])], seed=0)
    assert dealt.folds == {"a1": 0, "a2": 1, "b1": 0, "b2": 1}


def test_a_voice_and_a_face_of_one_clip_share_its_fold() -> None:
    rows = [("a1", "Ann", "x"), ("a2", "Ann", "y"), ("b1", "Bob", "x"), ("b2", "Bob", "y")]
    voices = sampled([rows[0], rows[2]])
    dealt = plan([voices, sampled(rows[::-1])], seed=0)
    assert dealt.folds == {"a1": 0, "b1": 0, "a2": 1, "b2": 1}
    # A session that only one of both knows holds for both.
    unknown = sampled([("a1", "Ann", ""), ("b1", "Bob", "")])
    assert plan([unknown, sampled(rows)], seed=0).folds == dealt.folds


@pytest.mark.parametrize(("n_people", "n_groups"), [(2, 2), (5, 5), (8, 8), (30, 8)])
def test_people_are_dealt_into_even_groups_by_the_seed_alone(
    n_people: int, n_groups: int, make_samples: MakeSamples
) -> None:
    samples = make_samples(n_people, 2)
    dealt = plan([samples], seed=3)
    sizes = np.bincount(dealt.groups)
    assert (len(sizes), sizes.max() - sizes.min() <= 1) == (n_groups, True)
    np.testing.assert_array_equal(plan([samples], seed=3).groups, dealt.groups)
    if n_people == 30:
        assert (plan([samples], seed=4).groups != dealt.groups).any()


def test_at_most_so_many_clips_probe(make_samples: MakeSamples) -> None:
    samples = make_samples(10, 4)
    dealt = plan([samples], seed=0, max_probes=7)
    assert dealt.probing is not None
    assert len(dealt.probing) == 7
    assert dealt.probing < set(samples.clips)
    assert plan([samples], seed=0, max_probes=40).probing is None
    found = held_out_scores(samples, dealt, {"name": "cosine"})
    assert set(found.clips) == dealt.probing
    full = held_out_scores(samples, plan([samples], seed=0), {"name": "cosine"})
    rows = [full.clips.index(clip) for clip in found.clips]
    np.testing.assert_array_equal(found.owners, full.owners[rows])


def test_rows_of_clips_by_hand() -> None:
    samples = sampled([("b", "Bob", ""), ("a", "Ann", ""), ("b", "Bob", "")])
    rows = clip_rows(samples, ("Ann", "Bob"))
    assert (rows.clips, rows.of_row.tolist(), rows.owners.tolist()) == (("b", "a"), [0, 1, 0], [1, 0])
    assert rows.weights.tolist() == [0.5, 1, 0.5]


def held_vectors(rows: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in rows}


def test_no_clip_is_in_what_it_is_scored_against_and_no_stranger_in_what_was_learned(
    make_samples: MakeSamples, spy: type
) -> None:
    samples = make_samples(6, 3)
    dealt = plan([samples], seed=0, n_groups=3)
    held_out_scores(samples, dealt, {"name": "spy"})
    assert len(spy.seen) == 3  # type: ignore[attr-defined] # once a group
    person = dict(zip((row.tobytes() for row in samples.vectors), samples.people, strict=True))
    session = dict(zip((row.tobytes() for row in samples.vectors), samples.sessions, strict=True))
    n_asked = 0
    for seen in spy.seen:  # type: ignore[attr-defined]
        learned = {person[row] for row in held_vectors(seen.learned)}
        assert len(seen.enrolled) == len(seen.asked) == 6  # three folds, known and unknown in turn
        for i, ((enrolled, _), asked) in enumerate(zip(seen.enrolled, seen.asked, strict=True)):
            asking = {person[row] for row in held_vectors(asked)}
            assert not asking & learned
            assert not {session[row] for row in held_vectors(asked)} & {session[row] for row in held_vectors(enrolled)}
            n_asked += len(asked)
            if i % 2 == 0:
                assert {person[row] for row in held_vectors(enrolled)} == set(samples.names)
            else:
                assert {person[row] for row in held_vectors(enrolled)} == set(samples.names) - asking
    assert n_asked == 2 * len(samples)  # each clip once as one of the enrolled and once as a stranger


def by_loop(samples: Samples, dealt: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Products of each clip with the means of people's clips outside its fold; unknown leaves its group out too."""
    n_people = len(dealt.names)
    known, unknown = (np.full((len(samples), n_people), np.nan) for _ in range(2))
    for i, clip in enumerate(samples.clips):
        own = dealt.names.index(samples.people[i])
        for p, name in enumerate(dealt.names):
            theirs = [j for j in range(len(samples)) if samples.people[j] == name]
            others = [j for j in theirs if dealt.folds[samples.clips[j]] != dealt.folds[clip]]
            if others:
                known[i, p] = samples.vectors[i] @ samples.vectors[others].mean(axis=0)
            if len({dealt.folds[samples.clips[j]] for j in theirs}) == 1:
                others = theirs
            if others and dealt.groups[p] != dealt.groups[own]:
                unknown[i, p] = samples.vectors[i] @ samples.vectors[others].mean(axis=0)
    return known, unknown


@pytest.mark.parametrize("sessions", [True, False])
def test_scores_equal_a_loop(sessions: bool, make_samples: MakeSamples, spy: type) -> None:
    samples = make_samples(5, 3, sessions=sessions)
    # Uneven people: one with two clips, one with a single one.
    samples = samples.select([i for i in range(15) if i not in (2, 4, 5)])
    dealt = plan([samples], seed=1)
    found = held_out_scores(samples, dealt, {"name": "spy"})
    known, unknown = by_loop(samples, dealt)
    np.testing.assert_allclose(found.known, known, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.unknown, unknown, rtol=1e-4, atol=1e-5)
    assert np.isnan(known).any()
    assert found.known.dtype == np.float32


def test_people_of_one_clip_ask_as_strangers_of_each_other(make_samples: MakeSamples) -> None:
    """With one clip each, all clips were in one fold, nobody was enrolled from another, and no stranger ever asked."""
    for sessions in (True, False):
        samples = make_samples(6, 1, sessions=sessions)
        found = held_out_scores(samples, plan([samples], seed=0), {"name": "cosine"})
        assert np.isnan(found.known).all()
        assert (np.isfinite(found.unknown) == ~np.eye(6, dtype=bool)).all()
        assert found.right().tolist() == []


def test_one_person_alone_has_nobody_to_be_told_from(make_samples: MakeSamples) -> None:
    samples = make_samples(1, 3)
    found = held_out_scores(samples, plan([samples], seed=0), {"name": "cosine"})
    assert np.isnan(found.known).all()
    assert np.isnan(found.unknown).all()


def test_several_rows_of_a_clip_ask_as_their_weighted_mean(make_samples: MakeSamples, spy: type) -> None:
    samples = make_samples(3, 2, n_rows=2)
    qualities = np.tile([3.0, 1.0], 6)
    samples = Samples(
        "voice", samples.keys, samples.clips, samples.people, samples.sessions, qualities, samples.vectors
    )
    held_out_scores(samples, plan([samples], seed=0), {"name": "spy"})
    means = (3 * samples.vectors[::2] + samples.vectors[1::2]) / 4
    asked = np.unique(np.concatenate([rows for seen in spy.seen for rows in seen.asked]), axis=0)  # type: ignore[attr-defined]
    np.testing.assert_allclose(asked, np.unique(means, axis=0), rtol=1e-5)


def test_right_counts_clips_whose_person_has_others() -> None:
    nan = np.nan
    known = np.array([[3, 1, 2], [5, 4, nan], [1, 1, 0], [nan, 1, 2], [nan, 1, nan]], dtype=np.float32)
    found = HeldOut(tuple("abcde"), np.array([0, 1, 0, 0, 1]), known, known)
    # a rightly, b not, c ties with another, d has no clip to be matched to, e has nobody else to be told from.
    assert found.right().tolist() == [True, False, True, True]
