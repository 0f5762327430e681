"""Connected components against a slow referee, and dealing by shares."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.corpus.items import ClipLink
from visavox.corpus.linked_groups import LinkedGroup, deal_groups, linked_groups

LINKS = st.lists(
    st.builds(
        lambda clip, person, video: ClipLink(f"c{clip}", f"p{person}", None if video == 0 else f"v{video}"),
        st.integers(0, 30),
        st.integers(0, 8),
        st.integers(0, 8),
    ),
    max_size=40,
)


def slow_groups(links: list[ClipLink]) -> set[frozenset[str]]:
    """Merge sets of clips that share a person or a video until nothing changes: the definition."""
    groups = [({link.clip}, {("p", link.identity)} | ({("v", link.video)} if link.video else set())) for link in links]
    changed = True
    while changed:
        changed = False
        for i in range(len(groups)):
            for j in range(i + 1, len(groups)):
                if groups[i][0] & groups[j][0] or groups[i][1] & groups[j][1]:
                    groups[i] = (groups[i][0] | groups[j][0], groups[i][1] | groups[j][1])
                    del groups[j]
                    changed = True
                    break
            if changed:
                break
    return {frozenset(clips) for clips, _ in groups}


@settings(max_examples=50, deadline=None)
@given(LINKS)
def test_groups_are_the_connected_components(links: list[ClipLink]) -> None:
    assert {frozenset(group.clips) for group in linked_groups(links)} == slow_groups(links)


@settings(max_examples=50, deadline=None)
@given(LINKS, st.randoms())
def test_groups_do_not_depend_on_the_order(links: list[ClipLink], rng: random.Random) -> None:
    expected = linked_groups(links)
    rng.shuffle(links)
    assert linked_groups(links) == expected


def test_chains_are_followed_to_the_end() -> None:
    links = [ClipLink(f"c{i}", f"p{i // 2}", f"v{(i + 1) // 2}") for i in range(200)]
    assert len(linked_groups(links)) == 1


def test_a_person_and_a_video_of_one_name_are_two_things() -> None:
    links = [ClipLink("a", "x", "y"), ClipLink("b", "y", "x")]
    assert [group.clips for group in linked_groups(links)] == [("a",), ("b",)]


def test_unknown_videos_link_nothing() -> None:
    assert len(linked_groups([ClipLink("a", "p", None), ClipLink("b", "q", None)])) == 2


def test_people_are_counted_once() -> None:
    links = [ClipLink("a", "Ann", "v"), ClipLink("a", "Ann", "v"), ClipLink("b", "Ann"), ClipLink("c", "Bob", "v")]
    assert linked_groups(links) == [LinkedGroup(("a", "b", "c"), 2)]


def test_no_clip_makes_no_group() -> None:
    assert linked_groups([]) == []
    assert deal_groups([], {"train": 1.0}, seed=0) == []


def groups_of(sizes: list[int]) -> list[LinkedGroup]:
    return [LinkedGroup(tuple(f"g{i:04d}-{j}" for j in range(size)), 1) for i, size in enumerate(sizes)]


@pytest.mark.parametrize("shares", [{"a": 0.5, "b": 0.5}, {"a": 0.8, "b": 0.1, "c": 0.1}, {"a": 0.7, "b": 0.3}])
def test_people_are_dealt_by_the_shares(shares: dict[str, float]) -> None:
    dealt = Counter(deal_groups(groups_of([1] * 100), shares, seed=0))
    assert dealt == {name: round(100 * share) for name, share in shares.items()}


def test_dealing_depends_on_the_seed_and_on_nothing_else() -> None:
    groups = groups_of([1] * 50)
    shares = {"a": 0.5, "b": 0.5}
    first = deal_groups(groups, shares, seed=1)
    assert deal_groups(groups, shares, seed=1) == first
    assert deal_groups(groups, shares, seed=2) != first


def test_dealing_is_the_same_for_ever() -> None:
    """A published split must be drawn again from its seed alone; this changes only on purpose."""
    assert "".join(deal_groups(groups_of([1] * 16), {"a": 0.5, "b": 0.5}, seed=0)) == "ababbaaaabbabbab"


def test_groups_of_many_people_are_dealt_first() -> None:
    groups = [*groups_of([1] * 6), LinkedGroup(("z1", "z2", "z3", "z4", "z5", "z6"), 6)]
    dealt = deal_groups(groups, {"a": 0.5, "b": 0.5}, seed=0)
    assert Counter(dealt[:6]) == {"b": 6}
    assert dealt[6] == "a"


def test_where_people_are_even_the_clips_decide() -> None:
    """4 clips go to a, 3 to b; then both lack one person, b lacks more clips and gets the 2."""
    assert deal_groups(groups_of([4, 3, 2, 1]), {"a": 0.5, "b": 0.5}, seed=0, n_sorted=4) == ["a", "b", "b", "a"]


def test_stretches_even_out_clips_and_still_follow_the_seed() -> None:
    rng = random.Random(0)
    groups = groups_of([rng.choice([1, 2, 5, 20]) for _ in range(60)])
    shares = dict.fromkeys("abcde", 0.2)

    def spread(dealt: list[str]) -> int:
        clips: Counter[str] = Counter()
        for group, name in zip(groups, dealt, strict=True):
            clips[name] += len(group.clips)
        return max(clips.values()) - min(clips.values())

    plain, even = (deal_groups(groups, shares, seed=3, n_sorted=n) for n in (1, 20))
    assert spread(even) < spread(plain)
    assert Counter(even) == Counter(plain) == dict.fromkeys("abcde", 12)
    assert deal_groups(groups, shares, seed=4, n_sorted=20) != even
