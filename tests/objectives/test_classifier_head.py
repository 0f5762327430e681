"""The classifiers of objectives and their cross-entropy, against a slow loop."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from visavox.objectives.classifier_head import UNKNOWN, drawn_linear, mean_cross_entropy


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def referee(logits: Tensor, targets: list[int], weights: list[float]) -> float:
    """One exponential at a time."""
    total = weighed = 0.0
    for row, target, weight in zip(logits.tolist(), targets, weights, strict=True):
        if target != UNKNOWN:
            total += weight * (math.log(sum(math.exp(x) for x in row)) - row[target])
            weighed += weight
    return total / weighed if weighed else 0.0


@pytest.mark.parametrize("targets", [[0, 2, 1, 1], [0, -1, 1, -1], [-1, -1, -1, -1]])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 0.0], [1e-3, 2e-3, 0.0, 3e-3], [0.0] * 4])
def test_it_equals_the_slow_loop_with_unknown_targets_left_out(targets: list[int], weights: list[float] | None) -> None:
    logits = numbers(4, 3)
    given = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    found = mean_cross_entropy(logits, torch.tensor(targets), given)
    assert found.item() == pytest.approx(referee(logits, targets, weights or [1.0] * 4), abs=1e-12)


def test_blindness_costs_the_logarithm_of_the_classes() -> None:
    assert mean_cross_entropy(torch.zeros(5, 7), torch.arange(5)).item() == pytest.approx(math.log(7), abs=1e-6)


def test_an_unknown_row_has_no_gradient() -> None:
    logits = numbers(3, 4).requires_grad_()
    found = mean_cross_entropy(logits, torch.tensor([1, UNKNOWN, 0]))
    torch.autograd.backward(found)
    assert logits.grad is not None
    assert (logits.grad[1] == 0).all()
    assert logits.grad[0].abs().min() > 0


def test_nothing_known_has_a_gradient_of_zeros() -> None:
    logits = numbers(2, 3).requires_grad_()
    found = mean_cross_entropy(logits, torch.tensor([UNKNOWN, UNKNOWN]))
    torch.autograd.backward(found)
    assert found.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_the_weights_fill_the_range_of_xavier_and_follow_the_generator() -> None:
    before = torch.get_rng_state()
    layer = drawn_linear(30, 60, bias=True, generator=torch.Generator().manual_seed(3), initial_bias=0.25)
    assert torch.equal(torch.get_rng_state(), before)
    bound = math.sqrt(6 / 90)
    assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert layer.weight.abs().max().item() <= bound
    assert layer.bias.tolist() == [0.25] * 60
    assert drawn_linear(3, 2, bias=True, generator=torch.Generator()).bias.tolist() == [0.0, 0.0]
    again = drawn_linear(30, 60, bias=False, generator=torch.Generator().manual_seed(3))
    assert torch.equal(layer.weight, again.weight)
    assert again.bias is None
