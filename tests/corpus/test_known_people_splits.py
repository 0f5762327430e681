"""Splits inside people: everybody everywhere, sessions apart, strangers kept out."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.corpus.known_people_splits import STRANGERS, KnownClip, split_known_people
from visavox.corpus.splits import Splits
from visavox.errors import ConfigError, DataError

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


def clips_of(n_people: int, n_clips: int, *, a_session: int = 2) -> list[KnownClip]:
    return [
        KnownClip(f"p{person:02d}-{i:03d}", f"p{person:02d}", f"p{person:02d}-s{i // a_session}")
        for person in range(n_people)
        for i in range(n_clips)
    ]


def by_person(clips: list[KnownClip], splits: Splits) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in clips:
        if row.clip in splits.subsets:
            found[row.person][splits.subsets[row.clip]] += 1
    return found


def test_by_session_no_session_is_in_two_subsets_and_everybody_is_in_all() -> None:
    clips = clips_of(7, 20)
    splits = split_known_people(clips, SHARES, by="session", seed=3)
    sides: dict[str | None, set[str]] = defaultdict(set)
    for row in clips:
        sides[row.session].add(splits.subsets[row.clip])
    assert all(len(side) == 1 for side in sides.values())
    assert all(counts == {"train": 12, "validation": 4, "test": 4} for counts in by_person(clips, splits).values())
    assert splits.by == "session"


def test_by_clip_sessions_are_torn_apart_which_is_the_leak_of_the_original() -> None:
    clips = clips_of(5, 20, a_session=10)
    splits = split_known_people(clips, SHARES, by="clip", seed=3)
    sides: dict[str | None, set[str]] = defaultdict(set)
    for row in clips:
        sides[row.session].add(splits.subsets[row.clip])
    assert all(len(side) > 1 for side in sides.values())
    assert splits.counts() == {"train": 60, "validation": 20, "test": 20}


def test_the_original_counts_come_out_exactly_and_nearly_even() -> None:
    clips = clips_of(49, 100, a_session=10)
    for by in ("clip", "session"):
        splits = split_known_people(clips, SHARES, by=by, seed=0, counts=(2850, 950, 950))  # type: ignore[arg-type]
        assert splits.counts() == {"train": 2850, "validation": 950, "test": 950}
        people = by_person(clips, splits)
        assert len(people) == 49
        for subset in SHARES:
            of_everybody = [counts[subset] for counts in people.values()]
            assert max(of_everybody) - min(of_everybody) <= 1


def test_counts_above_what_there_is_leave_everything() -> None:
    clips = clips_of(3, 10)
    wide = split_known_people(clips, SHARES, by="session", seed=0, counts=(1000, 1000, 1000))
    assert wide.subsets == split_known_people(clips, SHARES, by="session", seed=0).subsets


def test_strangers_bring_all_their_clips_and_are_the_same_by_session_and_by_clip() -> None:
    clips = clips_of(9, 12)
    splits = {by: split_known_people(clips, SHARES, by=by, seed=5, n_strangers=4) for by in ("session", "clip")}  # type: ignore[arg-type]
    strange = {by: {c for c, subset in split.subsets.items() if subset == STRANGERS} for by, split in splits.items()}
    assert strange["session"] == strange["clip"]
    people = {clip.split("-")[0] for clip in strange["clip"]}
    assert (len(people), len(strange["clip"])) == (4, 48)
    assert all(set(counts) == {STRANGERS} for p, counts in by_person(clips, splits["clip"]).items() if p in people)


def test_known_people_are_drawn_and_the_rest_is_in_none() -> None:
    clips = clips_of(9, 6)
    splits = split_known_people(clips, SHARES, by="clip", seed=0, n_people=4, n_strangers=2)
    people = by_person(clips, splits)
    assert len(people) == 6
    assert sum(set(counts) == set(SHARES) for counts in people.values()) == 4


def test_who_has_too_few_sessions_is_in_none() -> None:
    clips = [*clips_of(3, 6), KnownClip("x-0", "x", "x-s0"), KnownClip("x-1", "x", "x-s0")]
    splits = split_known_people(clips, SHARES, by="session", seed=0)
    assert splits.subset_of("x-0") is None
    assert splits.counts() == {"train": 6, "validation": 6, "test": 6}


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 6), st.integers(3, 15), st.integers(1, 4), st.integers(0, 99), st.randoms())
def test_the_order_of_the_clips_does_not_matter_and_everybody_is_everywhere(
    n_people: int, n_sessions: int, a_session: int, seed: int, random: object
) -> None:
    clips = clips_of(n_people, n_sessions * a_session, a_session=a_session)
    shuffled = sorted(clips, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, other = (split_known_people(rows, SHARES, by="session", seed=seed) for rows in (clips, shuffled))
    assert one == other
    assert all(set(counts) == set(SHARES) for counts in by_person(clips, one).values())


def test_another_seed_deals_otherwise() -> None:
    clips = clips_of(4, 20)
    assert split_known_people(clips, SHARES, by="clip", seed=0) != split_known_people(clips, SHARES, by="clip", seed=1)


def test_shares_are_met_up_to_one_unit() -> None:
    clips = clips_of(3, 37)
    for counts in by_person(clips, split_known_people(clips, SHARES, by="clip", seed=2)).values():
        assert all(abs(counts[name] - share * 37) <= 1 for name, share in SHARES.items())


def test_a_clip_without_session_is_refused_by_session_alone() -> None:
    clips = [*clips_of(3, 6), KnownClip("lost", "p00", None)]
    assert split_known_people(clips, SHARES, by="clip", seed=0).subset_of("lost") in SHARES
    with pytest.raises(
        DataError, match=r"1 say neither, 'lost' for one. Add a column `session`, or split with --by clip"
    ):
        split_known_people(clips, SHARES, by="session", seed=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_strangers": 3}, "2 known people or more.*beside the 3 strangers. Got 4 such people of 4"),
        ({"n_strangers": -1}, "`strangers` must be 0 or more. Got -1"),
        ({"n_people": -2}, "`known` must be 0 or more. Got -2"),
        ({"counts": (1, 2)}, r"`counts` must be 3 numbers from 1, for train, validation, test. Got \[1, 2\]"),
        ({"counts": (1, 0, 2)}, r"`counts` must be 3 numbers from 1"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        split_known_people(clips_of(4, 6), SHARES, by="clip", seed=0, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("shares", [{}, {"train": 0.5}, {"train": 1.0, "test": 0.0}])
def test_shares_must_be_above_zero_and_add_up(shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="above 0 and add up to 1"):
        split_known_people(clips_of(4, 6), shares, by="clip", seed=0)


def test_a_split_of_known_people_says_so_on_disk(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "splits.json"
    splits = split_known_people(clips_of(3, 6), SHARES, by="clip", seed=0, catalog_hash="h")
    splits.save(path)
    assert Splits.load(path) == splits
    assert Splits.load(path).by == "clip"
