"""Ensembles of probabilities against loops, hand-made rows and the properties of both rules."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.metrics.ensembles import Rule, combine

RULES: tuple[Rule, ...] = ("sum", "max")


def members(n_members: int = 3, n: int = 7, k: int = 4, seed: int = 0) -> list[NDArray[np.float64]]:
    return list(np.random.default_rng(seed).dirichlet(np.ones(k), size=(n_members, n)))


def loops(given: list[NDArray[np.float64]], how: str) -> list[list[float]]:
    """Each number by itself."""
    rows = []
    for sample in range(len(given[0])):
        row = []
        for person in range(given[0].shape[1]):
            found = [float(member[sample, person]) for member in given]
            row.append(sum(found) if how == "sum" else max(found))
        rows.append([number / sum(row) for number in row])
    return rows


@pytest.mark.parametrize("how", RULES)
@pytest.mark.parametrize("n_members", [1, 2, 5])
def test_both_rules_are_what_a_loop_gives(how: Rule, n_members: int) -> None:
    given = members(n_members)
    np.testing.assert_allclose(combine(given, how), loops(given, how), rtol=1e-12)


def test_three_hand_made_rows() -> None:
    one = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    two = np.array([[0.1, 0.1, 0.8], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5]])
    np.testing.assert_allclose(combine([one, two]), [[0.3, 0.3, 0.4], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    greatest = [[0.5 / 1.8, 0.5 / 1.8, 0.8 / 1.8], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]
    np.testing.assert_allclose(combine([one, two], "max"), greatest)


def test_the_rules_can_disagree_on_who_it_is() -> None:
    """Two members that are fairly sure against one that is surer: the sum follows the two, the max the one."""
    given = [np.array([[0.55, 0.45]]), np.array([[0.55, 0.45]]), np.array([[0.4, 0.6]])]
    assert combine(given, "max").argmax() == 1
    assert combine(given[:1] + given, "sum").argmax() == 0


@pytest.mark.parametrize("how", RULES)
def test_rows_are_probabilities_again_and_the_order_of_members_does_not_matter(how: Rule) -> None:
    given = members(4)
    joined = combine(given, how)
    assert joined.dtype == np.float64 and joined.shape == (7, 4)
    np.testing.assert_allclose(joined.sum(axis=1), 1, rtol=1e-12)
    assert (joined >= 0).all()
    np.testing.assert_allclose(combine(given[::-1], how), joined, rtol=1e-12)


@pytest.mark.parametrize("how", RULES)
def test_people_and_samples_in_another_order_give_the_same_numbers_in_that_order(how: Rule) -> None:
    given = members()
    rows, columns = np.random.default_rng(1).permutation(7), np.array([2, 0, 3, 1])
    moved = combine([member[rows][:, columns] for member in given], how)
    np.testing.assert_allclose(moved, combine(given, how)[rows][:, columns], rtol=1e-12)


@pytest.mark.parametrize("how", RULES)
def test_members_that_agree_are_returned_and_arguments_are_left_alone(how: Rule) -> None:
    (one,) = members(1)
    before = one.copy()
    np.testing.assert_allclose(combine([one, one, one], how), one, rtol=1e-12)
    np.testing.assert_array_equal(one, before)


@pytest.mark.parametrize("how", RULES)
def test_float32_rows_count_as_probabilities_and_no_samples_give_no_rows(how: Rule) -> None:
    rough = [member.astype(np.float32) for member in members()]
    np.testing.assert_allclose(combine(rough, how), combine(members(), how), atol=1e-6)
    assert combine([np.empty((0, 4)), np.empty((0, 4))], how).shape == (0, 4)


def test_a_row_that_is_out_by_rounding_weighs_no_more_than_the_others() -> None:
    given = [np.array([[0.5004, 0.5004]]), np.array([[0.1, 0.9]])]
    np.testing.assert_allclose(combine(given), [[0.3, 0.7]], rtol=1e-12)


@pytest.mark.parametrize("how", RULES)
def test_logits_are_refused_with_the_row_and_the_remedy(how: Rule) -> None:
    """The original summed logits on its test data and probabilities on its training data."""
    logits = np.array([[0.5, 0.5], [4.0, -3.0]])
    with pytest.raises(DataError) as caught:
        combine([np.full((2, 2), 0.5), logits], how)
    assert str(caught.value) == (
        "An ensemble is made of probabilities, 0 to 1 with rows summing to 1. Row 1 of member 1 sums to 1, from -3 to "
        "4. Take the softmax of logits first."
    )


@pytest.mark.parametrize("row", [[0.5, 0.4], [0.0, 0.0], [np.nan, 1.0], [1.1, -0.1], [np.inf, 0.0]])
def test_a_row_that_is_no_row_of_probabilities_is_refused(row: list[float]) -> None:
    with pytest.raises(DataError, match="Row 0 of member 0"):
        combine([np.array([row])])


def test_members_of_other_samples_or_people_and_no_members_are_refused() -> None:
    for other in (np.full((3, 2), 0.5), np.full((2, 4), 0.25), np.full(2, 0.5)):
        with pytest.raises(DataError, match=r"must have one shape, \(samples, people\)\. Member 1"):
            combine([np.full((2, 2), 0.5), other])
    with pytest.raises(DataError, match="must have one shape"):
        combine([np.empty((2, 0))])
    with pytest.raises(DataError, match="one network or more. Got none"):
        combine([])
    with pytest.raises(ConfigError, match="must be sum or max. Got 'mean'"):
        combine(members(), "mean")  # type: ignore[arg-type]
