"""Every promise of a plan, counted slowly, over many sizes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.errors import ConfigError
from visavox.pipeline.study_plan import PlannedTurn, plan_study

Plan = tuple[tuple[PlannedTurn, ...], ...]


def people(n_women: int, n_men: int) -> dict[str, str | None]:
    return {f"f{i}": "f" for i in range(n_women)} | {f"m{i}": "m" for i in range(n_men)}


def study_turns(plan: Plan) -> list[list[PlannedTurn]]:
    return [[turn for turn in turns if turn.kind == "study"] for turns in plan]


def spread(counts: Sequence[int]) -> int:
    return max(counts) - min(counts)


def check(
    plan: Plan, genders: dict[str, str | None], *, participants: int, trials: int, share: float | None, attention: int
) -> None:
    """Count everything that the module promises."""
    mine = study_turns(plan)
    turns = [turn for own in mine for turn in own]
    assert [len(own) for own in mine] == [trials] * participants
    assert all(turn.true_item != turn.false_item and turn.left_item in turn.pair for own in plan for turn in own)

    pairs = Counter(turn.pair for turn in turns)
    assert spread(list(pairs.values())) <= (0 if len(turns) % len(pairs) == 0 else 1)
    assert spread([Counter(turn.true_item for turn in turns)[name] for name in genders]) <= 1
    for pair, n in pairs.items():
        left = sum(turn.left_item == turn.true_item for turn in turns if turn.pair == pair)
        assert abs(left - (n - left)) <= 1, pair
    for own in mine:
        left = sum(turn.left_item == turn.true_item for turn in own)
        assert abs(left - (trials - left)) <= 1
        assert len({turn.pair for turn in own}) == trials
    if share is not None:
        same = [sum(genders[turn.true_item] == genders[turn.false_item] for turn in own) for own in mine]
        assert all(abs(n - share * trials) < 1 for n in same)
        assert spread(same) <= 1
    for own in plan:
        places = [i for i, turn in enumerate(own) if turn.kind == "attention"]
        assert len(places) == attention and 0 not in places


SIZES = st.tuples(
    st.integers(2, 7), st.integers(2, 7), st.integers(1, 9), st.integers(1, 12),
    st.sampled_from([0.0, 0.25, 0.4, 0.5, 1.0]), st.integers(0, 3), st.integers(0, 5),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(SIZES)
def test_whatever_the_sizes_a_plan_is_balanced_or_refused(sizes: tuple[int, int, int, int, float, int, int]) -> None:
    n_women, n_men, participants, trials, share, attention, seed = sizes
    genders, attention = people(n_women, n_men), min(attention, trials)
    wanted = {"participants": participants, "trials": trials, "attention": attention}
    try:
        plan = plan_study(genders, same_gender=share, seed=seed, **wanted)
    except ConfigError as error:
        assert "No balanced plan" in str(error) and "\n" not in str(error)
        return
    check(plan, genders, share=share, **wanted)


@pytest.mark.parametrize(
    ("n_women", "n_men", "participants", "trials", "share"),
    [
        (30, 30, 20, 40, 0.5), (30, 30, 20, 20, 0.5), (30, 30, 13, 37, 0.5), (8, 8, 12, 8, 0.5), (4, 4, 5, 10, 0.5),
        (2, 2, 4, 4, 0.5), (30, 30, 90, 30, 1.0), (30, 30, 20, 40, 0.0), (10, 4, 6, 6, 0.5), (10, 4, 6, 20, 0.5),
        (20, 20, 7, 40, 0.3), (60, 55, 23, 50, 0.5), (6, 6, 1, 5, 0.5),
    ],
)  # fmt: skip
def test_ordinary_sizes_have_a_plan(n_women: int, n_men: int, participants: int, trials: int, share: float) -> None:
    genders = people(n_women, n_men)
    wanted = {"participants": participants, "trials": trials, "attention": 2}
    plan = plan_study(genders, same_gender=share, seed=1, **wanted)
    check(plan, genders, share=share, **wanted)
    if 2 * trials <= len(genders):
        for own in study_turns(plan):
            assert len({person for turn in own for person in turn.pair}) == 2 * trials


def test_who_must_come_again_comes_late() -> None:
    """12 people and 18 turns: everybody appears three times, and hardly ever within four turns."""
    plan = plan_study(people(6, 6), participants=8, trials=18, same_gender=0.5, attention=0, seed=0)
    gaps = []
    for own in plan:
        last: dict[str, int] = {}
        for place, turn in enumerate(own):
            gaps += [place - last[person] for person in turn.pair if person in last]
            last.update(dict.fromkeys(turn.pair, place))
    assert min(gaps) >= 2
    assert sum(gap < 4 for gap in gaps) < 0.1 * len(gaps)


def test_as_many_uses_as_turns_bring_every_pair_to_every_place() -> None:
    plan = plan_study(people(6, 6), participants=12, trials=4, same_gender=0.5, attention=0, seed=0)
    lists: dict[frozenset[tuple[str, str]], list[tuple[PlannedTurn, ...]]] = {}
    for own in plan:
        lists.setdefault(frozenset(turn.pair for turn in own), []).append(own)
    assert sorted(map(len, lists.values())) == [4, 4, 4]
    for uses in lists.values():
        for place in range(4):
            assert len({own[place].pair for own in uses}) == 4
    plan = plan_study(people(3, 3), participants=6, trials=6, same_gender=0.5, attention=0, seed=0)
    firsts = Counter(own[0].pair for own in plan)
    assert max(firsts.values()) == 1


def test_attention_checks_are_spread_and_their_sides_alternate() -> None:
    plan = plan_study(people(20, 20), participants=10, trials=16, same_gender=0.5, attention=3, seed=0)
    for own in plan:
        places = [i for i, turn in enumerate(own) if turn.kind == "attention"]
        assert min(b - a for a, b in itertools.pairwise(places)) >= 4 and places[0] >= 3
        checks = [turn for turn in own if turn.kind == "attention"]
        shown = {person for turn in own if turn.kind == "study" for person in turn.pair}
        assert all(person not in shown for turn in checks for person in turn.pair)  # there are enough others
    sides = Counter(turn.left_item == turn.true_item for own in plan for turn in own if turn.kind == "attention")
    assert sides[True] == sides[False] == 15


def test_a_plan_depends_on_its_seed_alone() -> None:
    options = {"participants": 5, "trials": 6, "same_gender": 0.5, "attention": 1}
    pool = people(8, 8)
    assert plan_study(pool, seed=3, **options) == plan_study(dict(reversed(pool.items())), seed=3, **options)
    assert plan_study(pool, seed=3, **options) != plan_study(pool, seed=4, **options)


def test_without_genders_any_two_may_stand_together() -> None:
    pool: dict[str, str | None] = {**people(4, 4), "who": None, "what": None}
    plan = plan_study(pool, participants=10, trials=5, same_gender=0.5, attention=0, seed=0)
    check(plan, pool, participants=10, trials=5, share=None, attention=0)


def test_sizes_without_a_plan_are_refused_with_what_would_work() -> None:
    with pytest.raises(
        ConfigError, match=r"^No balanced plan of 8 turns, 50 % of them of one gender, is found among 4 "
    ) as e:
        plan_study(people(2, 2), participants=4, trials=8, same_gender=0.5, attention=1, seed=0)
    assert str(e.value).endswith("It works with --trials 4, or with more people.")
    plan_study(people(2, 2), participants=4, trials=4, same_gender=0.5, attention=1, seed=0)
    with pytest.raises(
        ConfigError, match=r"among 2 people \(1 of them women\)\. Take more people, or another --same-g"
    ):
        plan_study(people(1, 1), participants=2, trials=1, same_gender=1.0, attention=0, seed=0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"participants": 0}, r"^`participants` must be 1 or more\. Got 0\.$"),
        ({"trials": 0}, r"^`trials` must be 1 or more"),
        ({"attention": -1}, r"^`attention` must be 0 or more"),
        ({"attention": 7}, r"^`attention` must be at most `trials`, 6\. Got 7\.$"),
        ({"same_gender": 1.5}, r"^`same_gender` must be a share from 0 to 1\. Got 1\.5\.$"),
        ({"participants": 1_000_000}, r"^A study has at most 1,000,000 turns"),
    ],
)
def test_numbers_out_of_range_are_refused(changed: dict[str, float], said: str) -> None:
    wanted = {"participants": 2, "trials": 6, "attention": 1, "same_gender": 0.5, "seed": 0, **changed}
    with pytest.raises(ConfigError, match=said):
        plan_study(people(4, 4), **wanted)
    with pytest.raises(ConfigError, match="needs 2 people or more"):
        plan_study({"a": "f"}, participants=1, trials=1, same_gender=0, attention=0, seed=0)
