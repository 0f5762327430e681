"""Barlow Twins across modalities, against a slow loop, closed forms and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.barlow_twins import BarlowTwins
from visavox.registry import OBJECTIVES


def rows(n: int, dim: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def referee(voice: Tensor, face: Tensor, weights: list[float], redundancy: float, eps: float) -> tuple[float, float]:
    """Equations 1 and 2 of the paper with weighted means, one number at a time."""
    n, dim = voice.shape
    total = sum(weights)

    def mean(values: list[float]) -> float:
        return sum(w * value for w, value in zip(weights, values, strict=True)) / total

    def standardised(x: Tensor, i: int) -> list[float]:
        column = [float(x[b, i]) for b in range(n)]
        centre = mean(column)
        scale = math.sqrt(mean([(value - centre) ** 2 for value in column]) + eps)
        return [(value - centre) / scale for value in column]

    on, off = 0.0, 0.0
    for i in range(dim):
        for j in range(dim):
            a, b = standardised(voice, i), standardised(face, j)
            c = mean([p * q for p, q in zip(a, b, strict=True)])
            on += (1 - c) ** 2 if i == j else 0
            off += c**2 if i != j else 0
    return on, redundancy * off


@given(
    n=st.integers(1, 8),
    dim=st.integers(1, 4),
    seed=st.integers(0, 1000),
    redundancy=st.floats(0, 2),
    eps=st.sampled_from([1e-5, 1e-3, 0.1]),
    with_weights=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_every_combination_equals_the_slow_loop(
    n: int, dim: int, seed: int, redundancy: float, eps: float, with_weights: bool
) -> None:
    voice, face = rows(n, dim, seed), rows(n, dim, seed + 1)
    weights = (0.1 + rows(n, 1, seed + 2)[:, 0].abs()) if with_weights else None
    found = BarlowTwins(redundancy, eps=eps)(voice, face, weights=weights)
    given_weights = [1.0] * n if weights is None else weights.tolist()
    on, off = referee(voice, face, given_weights, redundancy, eps)
    assert found["invariance_loss"].item() == pytest.approx(on, abs=1e-9)
    assert found["redundancy_loss"].item() == pytest.approx(off, abs=1e-9)
    assert found["loss"].item() == pytest.approx(on + off, abs=1e-9)


def test_without_eps_it_is_the_correlation_matrix_of_numpy() -> None:
    voice, face = rows(20, 3), rows(20, 3, seed=1)
    c = torch.corrcoef(torch.cat([voice, face], dim=1).T)[:3, 3:]
    expected = (1 - c.diagonal()).square().sum() + 5e-3 * (c.square().sum() - c.diagonal().square().sum())
    assert BarlowTwins(eps=0.0)(voice, face)["loss"].item() == pytest.approx(expected.item(), abs=1e-12)


def test_a_hand_made_batch_where_two_numbers_are_exchanged() -> None:
    voice = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    found = BarlowTwins(0.5, eps=0.0)(voice, voice.flip(1))  # correlation [[0, 1], [1, 0]]
    assert found["invariance_loss"].item() == pytest.approx(2)
    assert found["redundancy_loss"].item() == pytest.approx(1)
    against = BarlowTwins(0.5, eps=0.0)(voice, -voice)  # correlation [[-1, 0], [0, -1]]
    assert against["loss"].item() == pytest.approx(8)


@pytest.mark.parametrize("dim", [1, 3, 16])
def test_blindness_costs_the_length_of_the_vectors_and_has_no_nan(dim: int) -> None:
    voice = torch.ones(6, dim).requires_grad_()
    found = BarlowTwins()(voice, torch.ones(6, dim))["loss"]
    found.backward()
    assert found.item() == dim
    assert voice.grad is not None
    assert torch.isfinite(voice.grad).all()


def test_a_batch_of_one_costs_the_length_of_the_vectors() -> None:
    assert BarlowTwins()(rows(1), rows(1, seed=1))["loss"].item() == 4


def test_scale_and_offset_of_a_number_do_not_matter() -> None:
    voice, face = rows(9), rows(9, seed=1)
    one = BarlowTwins(eps=0.0)(voice, face)["loss"].item()
    moved = face * torch.tensor([1.0, 5.0, 0.2, 3.0]) + torch.tensor([4.0, 0.0, -9.0, 1.0])
    assert BarlowTwins(eps=0.0)(voice, moved)["loss"].item() == pytest.approx(one, abs=1e-9)


def test_labels_and_mask_are_not_looked_at() -> None:
    voice, face = rows(5), rows(5, seed=1)
    one = BarlowTwins()(voice, face)["loss"].item()
    nobody = torch.zeros(5, 5, dtype=torch.bool)
    assert BarlowTwins()(voice, face, labels=torch.zeros(5, dtype=torch.int64), mask=nobody)["loss"].item() == one


def test_a_weight_of_2_is_a_row_counted_twice_and_of_0_a_row_left_out() -> None:
    voice, face = rows(6), rows(6, seed=1)
    weights = torch.tensor([2.0, 1, 1, 0, 1, 1], dtype=torch.float64)
    kept = torch.tensor([0, 0, 1, 2, 4, 5])
    expected = BarlowTwins()(voice[kept], face[kept])["loss"].item()
    assert BarlowTwins()(voice, face, weights=weights)["loss"].item() == pytest.approx(expected, abs=1e-12)


def test_swapping_the_sides_changes_nothing() -> None:
    voice, face = rows(6), rows(6, seed=1)
    one = BarlowTwins()(voice, face)["loss"].item()
    assert BarlowTwins()(face, voice)["loss"].item() == pytest.approx(one, abs=1e-12)


def test_the_gradient_is_that_of_finite_differences() -> None:
    chosen, face = BarlowTwins(0.3), rows(5, 2, seed=1)
    assert torch.autograd.gradcheck(lambda x: chosen(x, face)["loss"], rows(5, 2).requires_grad_())


def test_training_on_it_correlates_the_sides() -> None:
    voice, face = rows(12).requires_grad_(), rows(12, seed=1)
    chosen = BarlowTwins(0.1)
    start = chosen(voice, face)["loss"].item()
    for _ in range(100):
        (gradient,) = torch.autograd.grad(chosen(voice, face)["loss"], voice)
        voice = (voice - 0.5 * gradient).detach().requires_grad_()
    assert chosen(voice, face)["loss"].item() < 0.3 * start


def test_it_takes_vectors_of_any_length_and_has_nothing_to_train() -> None:
    assert BarlowTwins.takes == "raw"
    assert list(BarlowTwins().parameters()) == []


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_numbers_below_0_are_said(value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^`redundancy_weight` must be a number of at least 0\. Got {value:g}\.$"):
        BarlowTwins(value)
    with pytest.raises(ConfigError, match=rf"^`eps` must be a number of at least 0\. Got {value:g}\.$"):
        BarlowTwins(eps=value)


def test_the_registry_builds_it_with_the_lambda_of_the_paper() -> None:
    chosen = OBJECTIVES.build("barlow_twins")
    assert (chosen.redundancy_weight, chosen.eps) == (5e-3, 1e-5)
    assert OBJECTIVES.build({"name": "barlow_twins", "redundancy_weight": 0.0}).redundancy_weight == 0


def test_shapes_that_differ_are_said() -> None:
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\). Got \(2, 3\), \(3, 3\)"):
        BarlowTwins()(torch.ones(2, 3), torch.ones(3, 3))
