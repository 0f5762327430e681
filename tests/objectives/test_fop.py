"""FOP, against a slow loop, hand-computed fusion, and the published names and shapes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import TrainingFacts
from visavox.objectives.fop import FOP, orthogonal_projection_loss
from visavox.registry import OBJECTIVES

FACTS = TrainingFacts(n_people=4, dim=3, n_rows=8, n_steps=9)
LABELS = torch.tensor([2, 0, 2, 1, 0])


def unit(n: int, dim: int = 3, seed: int = 0) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return nn.functional.normalize(x)


def objective(facts: TrainingFacts = FACTS, **options: Any) -> FOP:
    chosen = FOP(**options)
    chosen.prepare(facts, torch.Generator().manual_seed(5))
    return chosen.double()


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def slow_gate(chosen: FOP, voice: Tensor, face: Tensor) -> list[list[float]]:
    """The fused vectors in evaluation, one number at a time, from the tensors by their published names."""
    t = {name: value.tolist() for name, value in chosen.state_dict().items()}
    fused = []
    for v, f in zip(voice.tolist(), face.tolist(), strict=True):
        joined = [*f, *v]
        hidden = []
        for k, row in enumerate(t["fusion_layer.attention.0.block.0.weight"]):
            x = sum(w * y for w, y in zip(row, joined, strict=True)) + t["fusion_layer.attention.0.block.0.bias"][k]
            norm = "fusion_layer.attention.0.block.1"
            x = (x - t[f"{norm}.running_mean"][k]) / math.sqrt(t[f"{norm}.running_var"][k] + 1e-5)
            hidden.append(max(0.0, x * t[f"{norm}.weight"][k] + t[f"{norm}.bias"][k]))
        row_out = []
        for k, row in enumerate(t["fusion_layer.attention.1.weight"]):
            x = sum(w * h for w, h in zip(row, hidden, strict=True)) + t["fusion_layer.attention.1.bias"][k]
            row_out.append(sigmoid(x) * math.tanh(f[k]) + (1 - sigmoid(x)) * math.tanh(v[k]))
        fused.append(row_out)
    return fused


def slow_projection(
    fused: list[list[float]], labels: list[int], weights: list[float], factor: float, mask: Tensor | None = None
) -> float:
    def cosine(a: list[float], b: list[float]) -> float:
        ab, aa, bb = (sum(x * y for x, y in zip(p, q, strict=True)) for p, q in ((a, b), (a, a), (b, b)))
        return ab / math.sqrt(aa * bb)

    near = far = near_weight = far_weight = 0.0
    for i in range(len(fused)):
        for j in range(len(fused)):
            weight = weights[i] * weights[j]
            if i != j and labels[i] == labels[j]:
                near, near_weight = near + weight * cosine(fused[i], fused[j]), near_weight + weight
            elif labels[i] != labels[j] and (mask is None or (mask[i, j] and mask[j, i])):
                far, far_weight = far + weight * abs(cosine(fused[i], fused[j])), far_weight + weight
    return 1 - (near / near_weight if near_weight else 0) + factor * (far / far_weight if far_weight else 0)


@pytest.mark.parametrize("fusion", ["gated", "linear"])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 0.0, 1.0]])
def test_it_equals_the_slow_loop(fusion: str, weights: list[float] | None) -> None:
    chosen = objective(fusion=fusion, alpha=0.6, negative_weight=0.4, gate_dim=4)
    voice, face = unit(5), unit(5, seed=1)
    chosen(unit(5, seed=2), unit(5, seed=3), LABELS)  # moves the running figures away from 0 and 1
    chosen.eval()
    given = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    found = chosen(voice, face, LABELS, given)
    state = chosen.state_dict()
    if fusion == "gated":
        fused = slow_gate(chosen, voice, face)
    else:
        one, two = state["fusion_layer.weight1"].item(), state["fusion_layer.weight2"].item()
        fused = (one * face + two * voice).tolist()
    each = weights or [1.0] * 5
    losses = []
    for row, label in zip(fused, LABELS.tolist(), strict=True):
        logits = (state["logits_layer.weight"] @ torch.tensor(row, dtype=torch.float64)).tolist()
        logits = [x + b for x, b in zip(logits, state["logits_layer.bias"].tolist(), strict=True)]
        losses.append(math.log(sum(math.exp(x) for x in logits)) - logits[label])
    identity = sum(w * x for w, x in zip(each, losses, strict=True)) / sum(each)
    orthogonal = slow_projection(fused, LABELS.tolist(), each, 0.4)
    assert found["identity_loss"].item() == pytest.approx(identity, abs=1e-9)
    assert found["orthogonal_loss"].item() == pytest.approx(orthogonal, abs=1e-9)
    assert found["loss"].item() == pytest.approx(identity + 0.6 * orthogonal, abs=1e-9)


def test_names_and_shapes_are_those_of_the_published_checkpoint() -> None:
    """Of the baseline of MAV-Celeb version 1: 128 numbers, 64 people."""
    chosen = objective(TrainingFacts(n_people=64, dim=128, n_rows=64, n_steps=1))
    block = "fusion_layer.attention.0.block"
    assert {name: tuple(value.shape) for name, value in chosen.state_dict().items()} == {
        f"{block}.0.weight": (128, 256),
        f"{block}.0.bias": (128,),
        f"{block}.1.weight": (128,),
        f"{block}.1.bias": (128,),
        f"{block}.1.running_mean": (128,),
        f"{block}.1.running_var": (128,),
        f"{block}.1.num_batches_tracked": (),
        "fusion_layer.attention.1.weight": (128, 128),
        "fusion_layer.attention.1.bias": (128,),
        "logits_layer.weight": (64, 128),
        "logits_layer.bias": (64,),
    }
    linear = objective(fusion="linear").state_dict()
    assert list(linear) == ["fusion_layer.weight1", "fusion_layer.weight2", "logits_layer.weight", "logits_layer.bias"]
    assert 0 < linear["fusion_layer.weight1"].item() < 1
    assert linear["fusion_layer.weight1"] != linear["fusion_layer.weight2"]


def test_every_bias_starts_at_a_hundredth() -> None:
    state = objective().state_dict()
    for name in ("fusion_layer.attention.0.block.0", "fusion_layer.attention.1", "logits_layer"):
        assert state[f"{name}.bias"].tolist() == pytest.approx([0.01] * len(state[f"{name}.bias"]))


@pytest.mark.parametrize("fusion", ["gated", "linear"])
def test_every_first_weight_follows_the_generator(fusion: str) -> None:
    one, other = objective(fusion=fusion).state_dict(), objective(fusion=fusion).state_dict()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_two_rows_are_enough_for_the_figures_of_a_batch() -> None:
    chosen = objective()
    chosen(unit(2), unit(2, seed=1), LABELS[:2])
    assert chosen.state_dict()["fusion_layer.attention.0.block.1.num_batches_tracked"].item() == 1


def test_small_weights_count_as_large_ones_do() -> None:
    weights = torch.tensor([1.0, 2.0, 0.5, 0.0, 1.0], dtype=torch.float64)
    chosen = objective().eval()
    one, other = (chosen(unit(5), unit(5, seed=1), LABELS, x)["loss"].item() for x in (weights, weights / 1000))
    assert one == pytest.approx(other, abs=1e-9)


def test_a_hand_made_projection() -> None:
    """Cosines 0.6 within person 0; 0.8 and 0 to person 1, of which one is negative but counts as 0.8."""
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, -2.0]])
    found = orthogonal_projection_loss(vectors, torch.tensor([0, 0, 1]), None, None, negative_weight=0.7)
    assert found.item() == pytest.approx(1 - 0.6 + 0.7 * (0.8 + 0.0) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "expected"), [([0, 1], 1 + 0.7 * 0.6), ([3, 3], 1 - 0.6)], ids=["no positive", "no negative"]
)
def test_what_is_missing_counts_as_zero(labels: list[int], expected: float) -> None:
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    found = orthogonal_projection_loss(vectors, torch.tensor(labels), None, None, negative_weight=0.7)
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_a_mask_of_one_direction_hides_both_rows_of_the_pair() -> None:
    """A fused vector holds both sides: voice 0 with face 1 forbids rows 0 and 1, whichever comes first."""
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], dtype=torch.float64)
    mask = torch.ones(3, 3, dtype=torch.bool)
    mask[0, 1] = False
    for given in (mask, mask.T):
        found = orthogonal_projection_loss(vectors, torch.arange(3), None, given, negative_weight=1.0)
        assert found.item() == pytest.approx(1 + (0.8 + 0.0) / 2, abs=1e-12)


def test_masked_pairs_are_not_pushed_apart() -> None:
    mask = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) < 0.6
    vectors = unit(5)
    found = orthogonal_projection_loss(vectors, LABELS, None, mask, negative_weight=0.7)
    expected = slow_projection(vectors.tolist(), LABELS.tolist(), [1.0] * 5, 0.7, mask)
    assert found.item() == pytest.approx(expected, abs=1e-9)
    chosen = objective().eval()
    with_mask = chosen(vectors, vectors, LABELS, mask=mask)["orthogonal_loss"].item()
    assert with_mask != chosen(vectors, vectors, LABELS)["orthogonal_loss"].item()


def test_blindness_costs_what_the_docstring_says() -> None:
    chosen = objective(alpha=0.5, negative_weight=0.7).eval()
    nn.init.zeros_(chosen.get_parameter("logits_layer.weight"))
    same = unit(1).expand(5, 3)
    assert chosen(same, same, LABELS)["loss"].item() == pytest.approx(math.log(4) + 0.5 * 0.7)
    assert chosen(same[:3], same[:3], torch.tensor([0, 1, 2]))["loss"].item() == pytest.approx(math.log(4) + 0.5 * 1.7)


@pytest.mark.parametrize("fusion", ["gated", "linear"])
def test_the_gradient_is_that_of_finite_differences(fusion: str) -> None:
    chosen = objective(fusion=fusion).eval()
    inputs = unit(5).requires_grad_(), unit(5, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, f: chosen(v, f, LABELS)["loss"], inputs)
    chosen(*inputs, LABELS)["loss"].backward()
    assert all(of.grad is not None and of.grad.abs().sum() > 0 for of in chosen.parameters())


def test_in_training_the_gate_normalises_by_the_batch_and_a_single_row_by_the_running_figures() -> None:
    chosen = objective()
    voice, face = unit(5), unit(5, seed=1)
    chosen(voice, face, LABELS)
    before = {name: value.clone() for name, value in chosen.state_dict().items()}
    assert before["fusion_layer.attention.0.block.1.num_batches_tracked"].item() == 1
    alone = chosen(voice[:1], face[:1], LABELS[:1])["loss"].item()
    assert all(torch.equal(value, before[name]) for name, value in chosen.state_dict().items())
    assert all(module.training for module in chosen.modules())
    chosen.eval()
    assert chosen(voice[:1], face[:1], LABELS[:1])["loss"].item() == pytest.approx(alone, abs=1e-12)
    assert not any(module.training for module in chosen.modules())


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ConfigError, match=r"`fusion` must be one of gated, linear. Got 'sum'"):
        FOP("sum")  # type: ignore[arg-type]
    for name, least in (("alpha", 0), ("negative_weight", 0), ("gate_dim", 1)):
        with pytest.raises(ConfigError, match=rf"`{name}` must be a number of at least {least}. Got -1"):
            FOP(**{name: -1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^fop needs labels, \(n,\) identities\. Got none\.$"):
        objective()(unit(5), unit(5))
    with pytest.raises(ValueError, match="one shape"):
        objective()(unit(5), unit(4), LABELS)


def test_the_registry_builds_it_with_the_published_defaults() -> None:
    chosen = OBJECTIVES.build({"name": "fop"})
    assert isinstance(chosen, FOP)
    assert (chosen.fusion, chosen.alpha, chosen.negative_weight, chosen.gate_dim) == ("gated", 1.0, 0.7, 128)
    assert (chosen.takes, chosen.needs_labels) == ("unit", True)
