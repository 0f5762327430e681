"""The sigmoid loss, against a slow loop, closed forms and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.siglip import SigLIP
from visavox.registry import OBJECTIVES


def unit(n: int, dim: int = 5, seed: int = 0) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x)


def objective(scale: float = 7.0, bias: float = -2.0) -> SigLIP:
    chosen = SigLIP(scale, initial_bias=bias).double()
    with torch.no_grad():  # the parameter is born in float32
        chosen.log_scale.fill_(math.log(scale))
        chosen.bias.fill_(bias)
    return chosen


def referee(
    voice: Tensor,
    face: Tensor,
    labels: list[int],
    weights: list[float],
    mask: np.ndarray | None,
    scale: float,
    bias: float,
) -> tuple[float, float]:
    """Algorithm 1 of the paper, one pair at a time: what positive and what negative pairs cost."""
    n, positive, negative = len(voice), 0.0, 0.0
    for i in range(n):
        for j in range(n):
            logit = scale * float(voice[i] @ face[j]) + bias
            weight = (weights[i] + weights[j]) / 2
            if labels[i] == labels[j]:
                positive += weight * math.log(1 + math.exp(-logit))
            elif mask is None or mask[i, j]:
                negative += weight * math.log(1 + math.exp(logit))
    return positive / sum(weights), negative / sum(weights)


@given(
    n=st.integers(1, 7),
    seed=st.integers(0, 1000),
    scale=st.floats(0.5, 20),
    bias=st.floats(-10, 3),
    with_labels=st.booleans(),
    with_weights=st.booleans(),
    with_mask=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_combination_equals_the_slow_loop(
    n: int, seed: int, scale: float, bias: float, with_labels: bool, with_weights: bool, with_mask: bool
) -> None:
    rng = np.random.default_rng(seed)
    voice, face = unit(n, seed=seed), unit(n, seed=seed + 1)
    labels = rng.integers(0, 3, size=n).tolist() if with_labels else None
    weights = rng.uniform(0.1, 2, size=n).tolist() if with_weights else None
    mask = rng.random((n, n)) < 0.6 if with_mask else None
    found = objective(scale, bias)(
        voice,
        face,
        labels=None if labels is None else torch.tensor(labels),
        weights=None if weights is None else torch.tensor(weights, dtype=torch.float64),
        mask=None if mask is None else torch.from_numpy(mask),
    )
    positive, negative = referee(voice, face, labels or list(range(n)), weights or [1.0] * n, mask, scale, bias)
    assert found["positive_loss"].item() == pytest.approx(positive, abs=1e-9)
    assert found["negative_loss"].item() == pytest.approx(negative, abs=1e-9)
    assert found["loss"].item() == pytest.approx(positive + negative, abs=1e-9)


def test_a_hand_made_batch_of_two() -> None:
    voice = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    face = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = SigLIP(1.0, initial_bias=0.0)(voice, face)  # similarities [[1, 0], [0.6, 0.8]]
    yes = math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-0.8))
    no = math.log(2) + math.log(1 + math.exp(0.6))
    assert found["positive_loss"].item() == pytest.approx(yes / 2, abs=1e-6)
    assert found["negative_loss"].item() == pytest.approx(no / 2, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 50])
def test_blindness_costs_n_log_2_at_the_start(n: int) -> None:
    same = torch.ones(n, 1)
    assert SigLIP()(same, same)["loss"].item() == pytest.approx(n * math.log(2), rel=1e-5)


@pytest.mark.parametrize("n", [2, 10, 400])
def test_blindness_with_its_best_bias_costs_n_entropies_of_a_coin(n: int) -> None:
    same = torch.ones(n, 1)
    chosen = SigLIP(1.0, initial_bias=-math.log(n - 1) - 1)  # the logit of 1 in n
    expected = math.log(n) + (n - 1) * math.log(n / (n - 1))
    assert chosen(same, same)["loss"].item() == pytest.approx(expected, rel=1e-5)
    assert expected < math.log(n) + 1


def test_the_start_is_that_of_the_paper() -> None:
    chosen = SigLIP()
    assert chosen.figures() == {"scale": pytest.approx(10.0, rel=1e-6), "bias": -10.0}
    assert chosen.log_scale.item() == pytest.approx(2.302585, abs=1e-6)
    assert (chosen.log_scale.ndim, chosen.bias.ndim) == (0, 0)  # so that the trainer does not let them decay
    assert chosen.log_scale.requires_grad
    assert chosen.bias.requires_grad
    assert sorted(dict(chosen.named_parameters())) == ["bias", "log_scale"]


def test_more_people_in_the_batch_do_not_change_what_a_pair_costs() -> None:
    """Pairs do not compete: the loss times n of two halves and their cross terms is that of the whole."""
    voice, face = unit(6), unit(6, seed=1)
    chosen, mask = objective(), torch.zeros(6, 6, dtype=torch.bool)
    mask[:3, :3] = mask[3:, 3:] = True
    halves = (chosen(voice[:3], face[:3])["loss"] + chosen(voice[3:], face[3:])["loss"]).item() / 2
    assert chosen(voice, face, mask=mask)["loss"].item() == pytest.approx(halves, abs=1e-12)


def test_scale_and_bias_can_stay_where_they_are() -> None:
    chosen = SigLIP(5.0, initial_bias=-1.0, learn_scale=False, learn_bias=False)
    voice = unit(3).float().requires_grad_()
    chosen(voice, unit(3, seed=1).float())["loss"].backward()
    assert chosen.log_scale.grad is None
    assert chosen.bias.grad is None
    assert voice.grad is not None
    assert voice.grad.abs().sum() > 0
    assert not SigLIP(learn_scale=False).log_scale.requires_grad
    assert SigLIP(learn_scale=False).bias.requires_grad


def test_the_bias_falls_where_every_logit_is_too_high() -> None:
    chosen = SigLIP(1.0, initial_bias=3.0)
    chosen(unit(8).float(), unit(8, seed=1).float())["loss"].backward()
    assert chosen.bias.grad is not None
    assert chosen.bias.grad.item() > 0


def test_large_logits_stay_finite() -> None:
    x = torch.eye(4)
    found = SigLIP(1e4, initial_bias=0.0)(x, x.roll(1, dims=0))["loss"]
    assert found.item() == pytest.approx(1e4 + math.log(2) * 3, rel=1e-4)  # a wrong pair a row, the others at logit 0


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_is_not_above_0_is_said(scale: float) -> None:
    with pytest.raises(ConfigError, match=rf"^`initial_scale` must be a number above 0\. Got {scale:g}\.$"):
        SigLIP(scale)


@pytest.mark.parametrize("bias", [math.nan, math.inf])
def test_a_bias_that_is_not_finite_is_said(bias: float) -> None:
    with pytest.raises(ConfigError, match=rf"^`initial_bias` must be a finite number\. Got {bias:g}\.$"):
        SigLIP(initial_bias=bias)


def test_the_registry_builds_it_and_it_keeps_its_arguments() -> None:
    chosen = OBJECTIVES.build({"name": "siglip", "initial_scale": 4.0, "initial_bias": -3.0, "learn_bias": False})
    assert isinstance(chosen, SigLIP)
    assert (chosen.initial_scale, chosen.initial_bias) == (4.0, -3.0)
    assert (chosen.learn_scale, chosen.learn_bias) == (True, False)
    assert chosen.figures() == {"scale": pytest.approx(4.0), "bias": -3.0}


def test_shapes_that_differ_are_said() -> None:
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\). Got \(2, 3\), \(3, 3\)"):
        SigLIP()(torch.ones(2, 3), torch.ones(3, 3))
