"""The supervised contrastive loss, against a slow loop, closed forms and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.supervised_contrastive import SupervisedContrastive
from visavox.registry import OBJECTIVES


def unit(n: int, dim: int = 5, seed: int = 0) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x)


def objective(temperature: float = 0.3) -> SupervisedContrastive:
    chosen = SupervisedContrastive(temperature).double()
    with torch.no_grad():  # the parameter is born in float32
        chosen.log_temperature.fill_(math.log(temperature))
    return chosen


def referee(vectors: Tensor, labels: list[int], temperature: float, mask: np.ndarray | None = None) -> float:
    """Equation 2 of the paper, one exponential at a time."""
    n, rows = len(vectors), []
    for i in range(n):
        score = [float(vectors[i] @ vectors[j]) / temperature for j in range(n)]
        positives = [j for j in range(n) if j != i and labels[j] == labels[i]]
        others = [j for j in range(n) if j != i and (j in positives or mask is None or mask[i, j])]
        if positives:
            denominator = math.log(sum(math.exp(score[j]) for j in others))
            rows.append(sum(denominator - score[p] for p in positives) / len(positives))
    return sum(rows) / len(rows) if rows else 0.0


@given(
    n=st.integers(1, 8),
    n_labels=st.integers(1, 4),
    seed=st.integers(0, 1000),
    temperature=st.floats(0.05, 1.0),
    with_mask=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_every_combination_equals_the_slow_loop(
    n: int, n_labels: int, seed: int, temperature: float, with_mask: bool
) -> None:
    rng = np.random.default_rng(seed)
    vectors, labels = unit(n, seed=seed), rng.integers(0, n_labels, size=n).tolist()
    mask = rng.random((n, n)) < 0.6 if with_mask else None
    found = objective(temperature)(vectors, torch.tensor(labels), None if mask is None else torch.from_numpy(mask))
    assert found["loss"].item() == pytest.approx(referee(vectors, labels, temperature, mask), abs=1e-9)


def test_blindness_costs_the_logarithm_of_the_other_items() -> None:
    same = torch.ones(6, 1)
    found = SupervisedContrastive()(same, torch.tensor([0, 0, 1, 1, 2, 2]))
    assert found["loss"].item() == pytest.approx(math.log(5), abs=1e-6)


def test_perfect_pairs_cost_nothing_in_the_limit() -> None:
    vectors = torch.eye(3).repeat_interleave(2, dim=0)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    assert SupervisedContrastive(0.01)(vectors, labels)["loss"].item() == pytest.approx(0, abs=1e-6)


def test_with_two_views_of_each_item_it_is_the_loss_of_simclr() -> None:
    """NT-Xent is cross-entropy over the 2n - 1 other views, the target being the other view."""
    first, second = unit(4, seed=1), unit(4, seed=2)
    both = torch.cat([first, second])
    logits = (both @ both.T / 0.3).fill_diagonal_(float("-inf"))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([4, 5, 6, 7, 0, 1, 2, 3]))
    found = objective()(both, torch.arange(4).repeat(2))["loss"]
    assert found.item() == pytest.approx(expected.item(), abs=1e-12)


def test_a_step_downhill_brings_people_together() -> None:
    vectors = unit(6).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    objective()(vectors, labels)["loss"].backward()
    assert vectors.grad is not None and vectors.grad.abs().sum() > 0
    moved = torch.nn.functional.normalize(vectors.detach() - 0.1 * vectors.grad)
    assert objective()(moved, labels)["loss"] < objective()(vectors.detach(), labels)["loss"]


def test_the_gradient_is_that_of_finite_differences() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2])
    mask = torch.ones(5, 5, dtype=torch.bool)
    mask[0, 4] = mask[4, 0] = False
    chosen = objective()
    assert torch.autograd.gradcheck(lambda x: chosen(x, labels, mask)["loss"], unit(5).requires_grad_())


def test_nobody_with_two_items_costs_nothing_and_pulls_nothing() -> None:
    vectors = unit(3).requires_grad_()
    found = objective()(vectors, torch.tensor([0, 1, 2]))["loss"]
    found.backward()
    assert found.item() == 0
    assert vectors.grad is not None and (vectors.grad == 0).all()


def test_a_masked_pair_neither_costs_nor_pulls() -> None:
    """Items 0 and 2 were in one video: moving item 2 must not change what item 0 costs."""
    vectors, labels = unit(4), torch.tensor([0, 0, 1, 1])
    mask = torch.tensor([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
    assert objective()(vectors, labels, mask)["loss"].item() == pytest.approx(0, abs=1e-12)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[0, 2] = mask[2, 0] = False
    free = objective()(vectors, labels)["loss"]
    assert objective()(vectors, labels, mask)["loss"] < free


def test_the_order_of_the_items_does_not_matter() -> None:
    vectors, labels = unit(6), torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    one, other = objective()(vectors, labels)["loss"], objective()(vectors[order], labels[order])["loss"]
    assert one.item() == pytest.approx(other.item(), abs=1e-12)


def test_the_temperature_is_learned_within_its_bounds() -> None:
    chosen = SupervisedContrastive(0.01)
    with torch.no_grad():
        chosen.log_temperature.fill_(-20)
    chosen(unit(4).float(), torch.tensor([0, 0, 1, 1]))["loss"].backward()
    assert chosen.temperature == pytest.approx(0.01)
    assert chosen.log_temperature.grad is not None and chosen.log_temperature.grad.item() != 0
    assert not SupervisedContrastive(learn_temperature=False).log_temperature.requires_grad


@pytest.mark.parametrize("temperature", [0.0, 1.5, math.nan])
def test_a_temperature_out_of_range_is_refused(temperature: float) -> None:
    with pytest.raises(ConfigError, match="`initial_temperature` must be from"):
        SupervisedContrastive(temperature)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels \(n,\)"):
        SupervisedContrastive()(torch.eye(3), torch.tensor([0, 1]))


def test_it_is_in_the_registry() -> None:
    chosen = OBJECTIVES.build({"name": "supervised_contrastive", "initial_temperature": 0.2})
    assert chosen.temperature == pytest.approx(0.2)
