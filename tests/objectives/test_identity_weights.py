"""Weights of identities: the schedule of the published run, step by step, and what a file may hold."""

from __future__ import annotations

import hashlib

import pytest
import torch

from visavox.errors import DataError
from visavox.objectives.identity_weights import GIVEN, IdentityWeights, person_numbers


def slow_schedule(n_people: int, hardness: list[float], *, share: float, n_updates: int) -> list[float]:
    """Weights after some updates, from the rule and a sorted list."""
    weight = [0.0] * n_people
    order = sorted(range(n_people), key=lambda k: hardness[k])
    for k in order[: int(share * n_people)]:
        weight[k] = 1.0
    for _ in range(n_updates - 1):
        if sum(w > 0 for w in weight) / n_people >= 0.9:
            break
        weight = [0.99 * w for w in weight]
        for k in [k for k in order if weight[k] == 0][: int(0.024 * n_people)]:
            weight[k] = 1.0
    return weight


@pytest.mark.parametrize(("share", "n_updates"), [(0.5, 1), (0.5, 2), (0.5, 9), (0.5, 40), (0.3, 5), (0.3, 60)])
def test_the_weights_are_those_of_the_rule(share: float, n_updates: int) -> None:
    state = IdentityWeights(250, first_share=share)
    state.loss_mean.copy_(torch.rand(250, generator=torch.Generator().manual_seed(1)))
    for _ in range(n_updates):
        state.update()
    expected = slow_schedule(250, state.loss_mean.tolist(), share=share, n_updates=n_updates)
    assert state.weight.tolist() == pytest.approx(expected, abs=1e-6)


def test_the_published_run_ends_with_836_of_924_people_after_seventeen_increments() -> None:
    """462 first, 22 more each time until 90 % are in use: 836; the oldest weigh 0.99 ** 17, 88 were never used."""
    state = IdentityWeights(924, first_share=0.5)
    state.loss_mean.copy_(torch.rand(924, generator=torch.Generator().manual_seed(0)))
    state.update()
    assert int((state.weight > 0).sum()) == 462
    for increment in range(1, 17):
        state.update()
        assert int((state.weight > 0).sum()) == 462 + 22 * increment
        assert state.active_share < 0.9
    state.update()
    assert state.active_share == pytest.approx(836 / 924)
    oldest = state.weight[state.weight > 0].min().item()
    assert oldest == pytest.approx(0.99**17, abs=1e-6)
    assert oldest == pytest.approx(0.843, abs=5e-4)
    assert int((state.weight == 0).sum()) == 88
    hardest_used, easiest_unused = state.loss_mean[state.weight > 0].max(), state.loss_mean[state.weight == 0].min()
    assert hardest_used < easiest_unused
    done = state.weight.clone()
    state.update()
    assert torch.equal(state.weight, done)
    assert int(state.n_updates) == 18


def test_a_start_with_thirty_percent_takes_twenty_six_increments() -> None:
    state = IdentityWeights(924, first_share=0.3)
    state.loss_mean.copy_(torch.arange(924.0))
    state.update()
    assert int((state.weight > 0).sum()) == 277
    while state.active_share < 0.9:
        state.update()
    assert int(state.n_updates) == 27
    assert state.weight[0].item() == pytest.approx(0.99**26, abs=1e-6)


def test_hardness_moves_a_tenth_of_the_way() -> None:
    state = IdentityWeights(3, first_share=0.5)
    state.observe(torch.tensor([0, 2]), torch.tensor([4.0, 24.0]))
    assert state.loss_mean.tolist() == pytest.approx([13.0, 14.0, 15.0])
    state.observe(torch.tensor([0]), torch.tensor([3.0]))
    assert state.loss_mean.tolist() == pytest.approx([12.0, 14.0, 15.0])


def test_a_person_who_occurs_twice_moves_once_to_the_mean() -> None:
    state = IdentityWeights(2, first_share=0.5)
    state.observe(torch.tensor([1, 1]), torch.tensor([2.0, 6.0], dtype=torch.float64))
    assert state.loss_mean.tolist() == pytest.approx([14.0, 0.9 * 14 + 0.1 * 4])


def test_before_the_first_update_all_count_alike() -> None:
    state = IdentityWeights(5, first_share=0.5)
    assert state.weight.tolist() == [1.0] * 5
    assert state.of(torch.tensor([0, 4])).tolist() == pytest.approx([1.0, 1.0])
    assert state.active_share == 1


def test_the_used_weights_average_one_over_all_identities() -> None:
    state = IdentityWeights(5, first_share=0.5)
    state.weight.copy_(torch.tensor([0.0, 0.5, 1.0, 0.0, 1.0]))
    found = state.of(torch.arange(5))
    assert found.tolist() == pytest.approx([0, 1, 2, 0, 2])
    assert found.mean().item() == pytest.approx(1)


def test_a_batch_of_people_out_of_use_counts_every_row_once() -> None:
    state = IdentityWeights(4, first_share=0.5)
    state.weight.copy_(torch.tensor([0.0, 1.0, 0.0, 1.0]))
    assert state.of(torch.tensor([0, 2, 2])).tolist() == [1.0, 1.0, 1.0]
    assert state.of(torch.tensor([0, 1])).tolist() == [0.0, 2.0]


def test_a_tiny_data_set_grows_by_one_and_never_takes_back_who_is_in_use() -> None:
    state = IdentityWeights(10, first_share=0.05)
    state.loss_mean.copy_(torch.arange(10.0))
    for n_used in range(1, 10):
        state.update()
        assert int((state.weight > 0).sum()) == n_used
    state.update()
    assert int((state.weight > 0).sum()) == 9
    assert state.weight[:9].tolist() == pytest.approx([0.99**k for k in range(8, -1, -1)], abs=1e-6)


def test_the_easiest_come_first_and_ties_in_their_order() -> None:
    state = IdentityWeights(4, first_share=0.5)
    state.update()
    assert state.weight.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_weights_from_a_file_stay() -> None:
    state = IdentityWeights(3, first_share=0.5)
    state.load(torch.tensor([0.0, 1.0, 0.5]))
    assert int(state.n_updates) == GIVEN == -1
    state.update()
    assert state.weight.tolist() == [0.0, 1.0, 0.5]
    again = IdentityWeights(3, first_share=0.5)
    assert [again.is_given, state.is_given] == [False, True]
    again.load_state_dict(state.state_dict())
    assert [again.is_given] == [True]
    assert list(again.state_dict()) == ["weight", "loss_mean", "n_updates", "people"]
    assert again.people.tolist() == [0, 0, 0]


def test_a_name_has_the_same_number_in_every_run() -> None:
    """The first 8 bytes of SHA-256, signed, the highest first."""
    found = person_numbers(["ann", "bob", "ann", "Zoë \udcff"])
    assert found.dtype == torch.int64
    for name, number in zip(["ann", "bob", "ann", "Zoë \udcff"], found.tolist(), strict=True):
        whole = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        assert number % 2**64 == int(whole[:16], 16)


def test_each_person_takes_the_own_weight_in_whatever_order_they_come() -> None:
    state = IdentityWeights(3, first_share=0.5, people=["ann", "bob", "cat"])
    state.load(torch.tensor([0.1, 0.2, 0.3]), person_numbers(["cat", "ann", "bob"]))
    assert state.weight.tolist() == pytest.approx([0.2, 0.3, 0.1])
    assert state.is_given
    both = torch.stack([person_numbers(pair) for pair in (("id2", "cat"), ("bob", "x"), ("id1", "ann"))])
    state.load(torch.tensor([0.1, 0.2, 0.3]), both)  # either name of a person will do
    assert state.weight.tolist() == pytest.approx([0.3, 0.2, 0.1])


def test_weights_of_people_who_are_not_in_training_are_refused() -> None:
    state = IdentityWeights(3, first_share=0.5, people=["ann", "bob", "cat"])
    with pytest.raises(DataError, match=r"must be of the people in training. Got none for 1 of 3. Make them with a fi"):
        state.load(torch.ones(3), person_numbers(["ann", "bob", "dan"]))
    with pytest.raises(DataError, match=r"Got none for 1 of 3"):
        state.load(torch.ones(3), person_numbers(["ann", "bob", "bob"]))
    twice = torch.stack([person_numbers(pair) for pair in (("ann", "bob"), ("cat", "x"), ("y", "z"))])
    with pytest.raises(DataError, match="must be of the people in training. Got none for 0 of 3"):  # one weight for two
        state.load(torch.ones(3), twice)
    with pytest.raises(DataError, match=r"one for each person of their order. Got 3 weights and 2 people. Give the or"):
        state.load(torch.ones(3), person_numbers(["ann", "bob"]))
    with pytest.raises(DataError, match=r"no names to find their weights by. Train on named people"):
        IdentityWeights(3, first_share=0.5).load(torch.ones(3), person_numbers(["ann", "bob", "cat"]))
    assert state.weight.tolist() == [1, 1, 1] and not state.is_given


@pytest.mark.parametrize("weight", [[1.0, -1.0, 1.0], [0.0, 0.0, 0.0], [1.0, float("nan"), 0.0]])
def test_weights_that_cannot_be_are_refused(weight: list[float]) -> None:
    with pytest.raises(DataError, match="Identity weights must be finite, 0 or more, and not all 0"):
        IdentityWeights(3, first_share=0.5).load(torch.tensor(weight))


def test_weights_of_other_people_are_refused() -> None:
    with pytest.raises(DataError, match=r"one for each of the 3 training identities. Got shape \(4,\). Make them"):
        IdentityWeights(3, first_share=0.5).load(torch.ones(4))
