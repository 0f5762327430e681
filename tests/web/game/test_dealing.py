"""Who is dealt: levels of difficulty, sides, and rounds without repeats."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.web.game.dealing import DealtTurn, deal, same_gender_probability

POOL = {**{f"f{i}": "f" for i in range(5)}, **{f"m{i}": "m" for i in range(4)}}


def played(
    genders: Mapping[str, str | None], n_turns: int, *, difficulty: int | None, seed: int = 0
) -> list[DealtTurn]:
    rng, turns = random.Random(seed), list[DealtTurn]()
    for _ in range(n_turns):
        shown = [(turn.true_item, turn.false_item) for turn in turns]
        turns.append(deal(genders, shown, difficulty=difficulty, rng=rng))
    return turns


def share_of_same_gender(turns: list[DealtTurn]) -> float:
    return sum(POOL[turn.true_item] == POOL[turn.false_item] for turn in turns) / len(turns)


@pytest.mark.parametrize("difficulty", [1, 2, 3, 4, 5])
def test_a_level_makes_pairs_of_one_gender_as_often_as_is_said(difficulty: int) -> None:
    rng, n_turns = random.Random(difficulty), 4000
    turns = [deal(POOL, [], difficulty=difficulty, rng=rng) for _ in range(n_turns)]
    wanted = (difficulty - 1) / 4
    assert same_gender_probability(difficulty) == wanted
    assert share_of_same_gender(turns) == pytest.approx(wanted, abs=4 * (wanted * (1 - wanted) / n_turns) ** 0.5)


def test_women_and_men_meet_their_own_equally_often() -> None:
    rng = random.Random(0)
    turns = [deal(POOL, [], difficulty=5, rng=rng) for _ in range(4000)]
    assert sum(POOL[turn.true_item] == "f" for turn in turns) / 4000 == pytest.approx(0.5, abs=0.04)


def test_side_and_speaker_and_person_are_left_to_chance() -> None:
    rng = random.Random(1)
    turns = [deal(POOL, [], difficulty=3, rng=rng) for _ in range(4000)]
    assert sum(turn.left_item == turn.true_item for turn in turns) / 4000 == pytest.approx(0.5, abs=0.04)
    mixed = [turn for turn in turns if POOL[turn.true_item] != POOL[turn.false_item]]
    assert sum(POOL[turn.true_item] == "f" for turn in mixed) / len(mixed) == pytest.approx(0.5, abs=0.05)
    speakers = Counter(turn.true_item for turn in turns)
    assert min(speakers.values()) > 4000 / 9 * 0.75
    assert max(speakers.values()) < 4000 / 9 * 1.35


def appearances(turns: list[DealtTurn], genders: Mapping[str, str | None], gender: str | None) -> list[list[str]]:
    """Who of a gender came, turn by turn."""
    kept = [[i for i in (turn.true_item, turn.false_item) if gender in (None, genders[i])] for turn in turns]
    return [people for people in kept if people]


def assert_rounds(turns: list[DealtTurn], genders: Mapping[str, str | None], gender: str | None) -> None:
    """At every moment nobody of a gender is more than one round ahead of anybody else of it."""
    counts = Counter({item: 0 for item, known in genders.items() if gender in (None, known)})
    for people in appearances(turns, genders, gender):
        least = min(counts.values())
        n_fresh = sum(count == least for count in counts.values())
        n_old = sum(counts[item] > least for item in people)
        assert n_old == max(0, len(people) - n_fresh), "somebody came again while others had not come"
        counts.update(people)
        assert max(counts.values()) - min(counts.values()) <= 1


@given(
    n_women=st.integers(2, 7),
    n_men=st.integers(2, 7),
    levels=st.lists(st.integers(1, 5), min_size=1, max_size=60),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_nobody_comes_twice_before_everybody_of_the_gender_has_come(
    n_women: int, n_men: int, levels: list[int], seed: int
) -> None:
    genders = {**{f"f{i}": "f" for i in range(n_women)}, **{f"m{i}": "m" for i in range(n_men)}}
    rng, turns = random.Random(seed), list[DealtTurn]()
    for level in levels:
        shown = [(turn.true_item, turn.false_item) for turn in turns]
        turns.append(deal(genders, shown, difficulty=level, rng=rng))
    for turn in turns:
        assert turn.true_item != turn.false_item
        assert {turn.left_item, turn.right_item} == {turn.true_item, turn.false_item}
    for gender in "fm":
        assert_rounds(turns, genders, gender)


def test_the_referee_of_rounds_can_fail() -> None:
    twice = [DealtTurn("f0", "m0", "f0"), DealtTurn("f0", "m1", "f0")]
    with pytest.raises(AssertionError, match="came again"):
        assert_rounds(twice, POOL, "f")


def test_nobody_comes_in_two_turns_running_where_others_are_left() -> None:
    turns = played(POOL, 300, difficulty=1)
    for before, after in itertools.pairwise(turns):
        assert not {before.true_item, before.false_item} & {after.true_item, after.false_item}


def test_without_levels_anybody_may_meet_anybody() -> None:
    genders: dict[str, str | None] = {"a": None, "b": "f", "c": None, "d": None, "e": "m"}
    turns = played(genders, 200, difficulty=None)
    assert_rounds(turns, genders, None)
    assert len({frozenset((turn.true_item, turn.false_item)) for turn in turns}) == 10


def test_two_people_meet_again_and_again() -> None:
    turns = played({"a": None, "b": None}, 20, difficulty=None)
    assert {turn.true_item for turn in turns} == {"a", "b"}


def test_who_left_the_pool_is_passed_over() -> None:
    dealt = deal({"a": "f", "b": "m"}, [("gone", "a")], difficulty=1, rng=random.Random(0))
    assert {dealt.true_item, dealt.false_item} == {"a", "b"}


def test_the_same_chance_deals_the_same_turns() -> None:
    assert played(POOL, 30, difficulty=3, seed=5) == played(POOL, 30, difficulty=3, seed=5)
    assert played(POOL, 30, difficulty=3, seed=5) != played(POOL, 30, difficulty=3, seed=6)
