"""Two names for one person are said, different people are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from visavox.identification.held_out import HeldOut, held_out_scores, plan
from visavox.identification.likeness import (
    LEAST_OWN_QUANTILE,
    LEAST_PEOPLE,
    alike_names,
    alike_sentence,
    held_out_ratios,
)
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import Fusion

MakeSamples = Callable[..., Samples]
NAMES = ("Ann", "Bob", "Cid", "Dan", "Eve")
OWNERS = np.repeat(np.arange(5), 2)


def ratios(own: float = 4.0, other: float = -5.0) -> np.ndarray:
    """Two clips each of five people, all alike and all different."""
    return np.where(np.eye(5)[OWNERS] > 0, own, other)


def test_two_names_as_like_each_other_as_people_are_like_themselves_are_said() -> None:
    found = ratios()
    found[np.ix_(OWNERS == 1, [3])] = found[np.ix_(OWNERS == 3, [1])] = 4.0
    assert alike_names(found, OWNERS, NAMES) == (("Bob", "Dan"),)


def test_different_people_are_not_said_however_one_of_them_comes_nearest() -> None:
    found = ratios()
    found[np.ix_(OWNERS == 1, [3])] = found[np.ix_(OWNERS == 3, [1])] = -1.0
    assert alike_names(found, OWNERS, NAMES) == ()


def test_likeness_is_the_mean_of_both_ways_and_of_all_clips() -> None:
    found = ratios()
    found[np.ix_(OWNERS == 1, [3])] = [[10.0], [4.0]]
    found[np.ix_(OWNERS == 3, [1])] = [[2.0], [0.5]]
    assert (10 + 4 + 2 + 0.5) / 4 > 4
    assert alike_names(found, OWNERS, NAMES) == (("Bob", "Dan"),)
    found[2, 3] = 9.0  # now the mean is 3.875, less than people are like themselves
    assert alike_names(found, OWNERS, NAMES) == ()


def test_a_pair_must_be_most_alike_from_both_sides() -> None:
    found = ratios()
    for a, b, value in ((0, 1, 5.0), (1, 2, 6.0)):
        found[np.ix_(a == OWNERS, [b])] = found[np.ix_(b == OWNERS, [a])] = value
    # Bob is like Ann too, but more like Cid.
    assert alike_names(found, OWNERS, NAMES) == (("Bob", "Cid"),)


@pytest.mark.parametrize("own", [[4.0, 3, 5, 2, 6], [0.2, 0.3, 0.1, 0.25, 0.4], [-1.0, 9, 9, 9, 9]])
def test_the_least_likeness_is_that_of_nearly_all_people_with_themselves_and_outweighs_chance(own: list[float]) -> None:
    found = np.where(np.eye(5)[OWNERS] > 0, np.array(own)[OWNERS][:, None], -5.0)
    chance = min(np.log(5), np.median(own))
    expected = max(np.quantile(own, LEAST_OWN_QUANTILE), chance)
    assert alike_names(found, OWNERS, NAMES) == ()
    for value, pairs in ((expected + 0.01, (("Bob", "Dan"),)), (expected - 0.01, ())):
        found[np.ix_(OWNERS == 1, [3])] = found[np.ix_(OWNERS == 3, [1])] = value
        assert alike_names(found, OWNERS, NAMES) == pairs


def test_people_in_another_order_are_the_same_pairs() -> None:
    found = ratios() + np.random.default_rng(0).normal(size=(10, 5))
    found[np.ix_(OWNERS == 1, [3])] = found[np.ix_(OWNERS == 3, [1])] = 7.0
    turn = np.array([2, 4, 0, 1, 3])  # person i is column turn[i]
    turned = np.empty_like(found)
    turned[:, turn] = found
    names = tuple(NAMES[i] for i in np.argsort(turn))
    assert alike_names(found, OWNERS, NAMES) == (("Bob", "Dan"),)
    assert set(alike_names(turned, turn[OWNERS], names)[0]) == {"Bob", "Dan"}


def test_missing_ratios_are_left_out_of_the_means() -> None:
    found = ratios()
    found[np.ix_(OWNERS == 1, [3])] = found[np.ix_(OWNERS == 3, [1])] = 4.0
    found[2, 3] = found[0, 0] = np.nan
    found[:, 4] = np.nan
    found[OWNERS == 4] = np.nan
    assert alike_names(found, OWNERS, NAMES) == (("Bob", "Dan"),)


def test_too_few_people_or_nobody_with_clips_to_spare_say_nothing() -> None:
    few = LEAST_PEOPLE - 1
    rows = few * 2
    assert alike_names(np.ones((rows, few)), OWNERS[:rows], NAMES[:few]) == ()
    alone = np.where(np.eye(5)[OWNERS] > 0, np.nan, 3.0)
    assert alike_names(alone, OWNERS, NAMES) == ()


@pytest.mark.parametrize(
    ("modalities", "verb"), [(("voice",), "sound"), (("face",), "look"), (("voice", "face"), "look or sound")]
)
def test_the_sentence_names_what_was_compared(modalities: tuple[str, ...], verb: str) -> None:
    assert alike_sentence("A", "B", modalities) == (  # type: ignore[arg-type]
        f"A and B {verb} like one person: give both one name with --rename, if they are."
    )


def test_ratios_take_a_stranger_first_and_one_of_the_enrolled_where_both_were_left_out() -> None:
    nan = np.nan
    known = np.array([[1, 2, 3]], dtype=np.float32)
    unknown = np.array([[nan, 5, nan]], dtype=np.float32)
    held = {"face": HeldOut(("c",), np.array([2]), known, unknown)}
    dealt = plan([], seed=0)
    dealt = type(dealt)(("a", "b", "c"), {}, np.zeros(3, dtype=np.intp), 2)
    found, owners = held_out_ratios(held, {("face",): Fusion({"face": 2.0}, 1.0)}, dealt)  # type: ignore[arg-type]
    assert (found.tolist(), owners.tolist()) == ([[3, 11, 7]], [2])


def test_clips_of_either_modality_stand_in_one_table() -> None:
    one = HeldOut(("x", "y"), np.array([0, 1]), np.full((2, 2), 1, np.float32), np.full((2, 2), np.nan, np.float32))
    two = HeldOut(("y", "z"), np.array([1, 0]), np.full((2, 2), 2, np.float32), np.full((2, 2), np.nan, np.float32))
    fusions = {
        ("voice",): Fusion({"voice": 1.0}, 0.0),
        ("face",): Fusion({"face": 10.0}, 0.0),
        ("voice", "face"): Fusion({"voice": 100.0, "face": 1000.0}, 0.0),
    }
    dealt = type(plan([], seed=0))(("a", "b"), {}, np.zeros(2, dtype=np.intp), 2)
    found, owners = held_out_ratios({"voice": one, "face": two}, fusions, dealt)  # type: ignore[arg-type]
    assert found[:, 0].tolist() == [1, 2100, 20]
    assert owners.tolist() == [0, 1, 0]


def test_one_person_under_two_names_is_found_among_made_up_people(make_samples: MakeSamples) -> None:
    samples = make_samples(12, 6, noise=0.3)
    people = list(samples.people)
    for i, (person, clip) in enumerate(zip(samples.people, samples.clips, strict=True)):
        if person == "p4" and clip.endswith(("0", "2", "4")):
            people[i] = "again"
    for names, expected in ((list(samples.people), ()), (people, (("again", "p4"),))):
        renamed = samples.renamed(names)
        dealt = plan([renamed], seed=0)
        held = {"voice": held_out_scores(renamed, dealt, {"name": "cosine"})}
        fusions = {("voice",): Fusion({"voice": 20.0}, -12.0)}
        assert alike_names(*held_out_ratios(held, fusions, dealt), dealt.names) == expected  # type: ignore[arg-type]
