"""Binary matching with both heads, against slow loops, closed forms and hand-made layers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import TrainingFacts
from visavox.objectives.binary_matching import BinaryMatching, Head
from visavox.registry import OBJECTIVES

FACTS = TrainingFacts(n_people=3, dim=5, n_rows=3, n_steps=1)


def unit(n: int, dim: int = 5, seed: int = 0) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x)


def objective(head: Head = "difference", temperature: float = 0.3, n_negatives: int | None = None) -> BinaryMatching:
    chosen = BinaryMatching(temperature, head=head, hidden=6, n_negatives=n_negatives)
    chosen.prepare(FACTS, torch.Generator().manual_seed(7))
    chosen = chosen.double()
    if head == "difference":
        with torch.no_grad():  # the parameter is born in float32
            chosen.log_temperature.fill_(math.log(temperature))
    return chosen


def by_hand(layers: nn.Sequential, probe: Tensor, first: Tensor, second: Tensor) -> float:
    """Logit of the first candidate minus that of the second, through the weights of the layers alone."""
    x = torch.cat([probe, first, second])
    weights = [parameter.detach() for parameter in layers.parameters()]
    for k in range(0, 6, 2):
        x = weights[k] @ x + weights[k + 1]
        x = x.clamp(min=0) if k < 4 else x
    return float(x[0] - x[1])


def referee(
    chosen: BinaryMatching,
    voice: Tensor,
    face: Tensor,
    labels: list[int],
    weights: list[float],
    mask: np.ndarray | None,
    n_negatives: int,
) -> list[float]:
    """Both directions, question by question."""
    n, directions = len(voice), []
    for probes, candidates, turned in ((voice, face, False), (face, voice, True)):
        total, weight = 0.0, 0.0
        for i in range(n):
            following = [(i + k) % n for k in range(1, min(n_negatives, n - 1) + 1)]
            negatives = [
                j
                for j in following
                if labels[j] != labels[i] and (mask is None or (mask[j, i] if turned else mask[i, j]))
            ]
            costs = []
            for j in negatives:
                if chosen.head == "difference":
                    wins = [float(probes[i] @ (candidates[i] - candidates[j])) / chosen.temperature]
                else:
                    layers = chosen.face_to_voice if turned else chosen.voice_to_face
                    wins = [
                        by_hand(layers, probes[i], candidates[i], candidates[j]),
                        -by_hand(layers, probes[i], candidates[j], candidates[i]),
                    ]
                costs.append(sum(math.log(1 + math.exp(-win)) for win in wins) / len(wins))
            if costs:
                total += weights[i] * sum(costs) / len(costs)
                weight += weights[i]
        directions.append(total / weight if weight else 0.0)
    return directions


@pytest.mark.parametrize("head", ["difference", "concatenation"])
@given(
    n=st.integers(1, 6),
    seed=st.integers(0, 1000),
    n_negatives=st.sampled_from([None, 1, 2, 5]),
    with_labels=st.booleans(),
    with_weights=st.booleans(),
    with_mask=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_every_combination_equals_the_slow_loop(
    head: Head, n: int, seed: int, n_negatives: int | None, with_labels: bool, with_weights: bool, with_mask: bool
) -> None:
    rng = np.random.default_rng(seed)
    voice, face = unit(n, seed=seed), unit(n, seed=seed + 1)
    labels = rng.integers(0, 3, size=n).tolist() if with_labels else None
    weights = rng.uniform(0.1, 2, size=n).tolist() if with_weights else None
    mask = rng.random((n, n)) < 0.6 if with_mask else None
    chosen = objective(head, n_negatives=n_negatives)
    found = chosen(
        voice,
        face,
        labels=None if labels is None else torch.tensor(labels),
        weights=None if weights is None else torch.tensor(weights, dtype=torch.float64),
        mask=None if mask is None else torch.from_numpy(mask),
    )
    asked = n_negatives or (n if head == "difference" else 4)
    expected = referee(chosen, voice, face, labels or list(range(n)), weights or [1.0] * n, mask, asked)
    assert found["voice_to_face_loss"].item() == pytest.approx(expected[0], abs=1e-9)
    assert found["face_to_voice_loss"].item() == pytest.approx(expected[1], abs=1e-9)
    assert found["loss"].item() == pytest.approx(sum(expected) / 2, abs=1e-9)


def test_a_hand_made_batch_of_two() -> None:
    voice = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    face = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # similarities [[1, 0], [0.6, 0.8]]
    found = BinaryMatching(1.0)(voice, face)
    rows = math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-0.2))
    columns = math.log(1 + math.exp(-0.4)) + math.log(1 + math.exp(-0.8))
    assert found["voice_to_face_loss"].item() == pytest.approx(rows / 2, abs=1e-6)
    assert found["face_to_voice_loss"].item() == pytest.approx(columns / 2, abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 30])
def test_blindness_costs_log_2_whatever_the_batch(n: int) -> None:
    same = torch.nn.functional.normalize(torch.ones(n, 5, dtype=torch.float64))
    assert objective()(same, same)["loss"].item() == pytest.approx(math.log(2), abs=1e-9)
    published = objective("concatenation")
    for layers in (published.voice_to_face, published.face_to_voice):
        nn.init.zeros_(list(layers.parameters())[-2])  # a head that looks at nothing
        nn.init.zeros_(list(layers.parameters())[-1])
    assert published(unit(n), unit(n, seed=1))["loss"].item() == pytest.approx(math.log(2), abs=1e-9)


def test_the_published_layers_have_the_published_sizes() -> None:
    chosen = BinaryMatching(head="concatenation")
    chosen.prepare(TrainingFacts(n_people=2, dim=1024, n_rows=2, n_steps=1), torch.Generator().manual_seed(0))
    shapes = [tuple(p.shape) for p in chosen.voice_to_face.parameters()]
    assert shapes == [(1024, 3072), (1024,), (512, 1024), (512,), (2, 512), (2,)]
    assert [type(layer).__name__ for layer in chosen.voice_to_face] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert len(list(chosen.parameters())) == 12  # a head a direction, and no temperature
    first = next(chosen.voice_to_face.parameters())
    bound = 1 / math.sqrt(3072)
    assert first.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert first.abs().max().item() <= bound
    assert first.mean().item() == pytest.approx(0, abs=bound / 100)


def test_the_weights_come_from_the_generator_alone() -> None:
    before = torch.get_rng_state()
    one, same, other = (BinaryMatching(head="concatenation", hidden=4) for _ in range(3))
    for chosen, seed in ((one, 1), (same, 1), (other, 2)):
        chosen.prepare(FACTS, torch.Generator().manual_seed(seed))
    assert torch.equal(torch.get_rng_state(), before)
    weights = [list(chosen.parameters()) for chosen in (one, same, other)]
    assert all(torch.equal(a, b) for a, b in zip(weights[0], weights[1], strict=True))
    assert not torch.equal(weights[0][0], weights[2][0])
    assert not torch.equal(weights[0][0], weights[0][6])  # the two directions differ


def test_choosing_by_difference_is_a_logistic_function_of_the_scores() -> None:
    chosen = objective(temperature=0.5)
    voice, face_1, face_2 = unit(4), unit(4, seed=1), unit(4, seed=2)
    expected = [1 / (1 + math.exp(-float(v @ (a - b)) / 0.5)) for v, a, b in zip(voice, face_1, face_2, strict=True)]
    found = chosen.choose(voice, face_1, face_2)
    assert found.tolist() == pytest.approx(expected, abs=1e-9)
    assert (found + chosen.choose(voice, face_2, face_1)).tolist() == pytest.approx([1.0] * 4, abs=1e-9)


def test_choosing_by_concatenation_passes_the_layers_of_voice_to_face() -> None:
    chosen = objective("concatenation")
    voice, face_1, face_2 = unit(4), unit(4, seed=1), unit(4, seed=2)
    expected = [
        1 / (1 + math.exp(-by_hand(chosen.voice_to_face, v, a, b)))
        for v, a, b in zip(voice, face_1, face_2, strict=True)
    ]
    assert chosen.choose(voice, face_1, face_2).tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("head", ["difference", "concatenation"])
def test_a_batch_without_negatives_costs_nothing(head: Head) -> None:
    voice, labels = unit(3).requires_grad_(), torch.zeros(3, dtype=torch.int64)
    found = objective(head)(voice, unit(3, seed=1), labels=labels)["loss"]
    found.backward()
    assert found.item() == 0
    assert voice.grad is not None
    assert (voice.grad == 0).all()


@pytest.mark.parametrize("head", ["difference", "concatenation"])
def test_the_gradient_is_that_of_finite_differences(head: Head) -> None:
    chosen, face = objective(head), unit(4, seed=1)
    assert torch.autograd.gradcheck(lambda x: chosen(x, face)["loss"], unit(4).requires_grad_())


@pytest.mark.slow
def test_the_layers_learn_the_decision() -> None:
    chosen = BinaryMatching(head="concatenation", hidden=32)
    chosen.prepare(FACTS, torch.Generator().manual_seed(0))
    voice, face = unit(40).float(), unit(40, seed=1).float()
    optimiser = torch.optim.Adam(chosen.parameters(), lr=0.01)
    for _ in range(300):
        optimiser.zero_grad()
        chosen(voice, face)["loss"].backward()
        optimiser.step()
    assert (chosen.choose(voice, face, face.roll(-1, dims=0)) > 0.5).float().mean() > 0.95
    assert (chosen.choose(voice, face.roll(-1, dims=0), face) < 0.5).float().mean() > 0.95


@pytest.mark.parametrize(("start", "bound"), [(math.log(50.0), 1.0), (math.log(1e-4), 0.01)])
def test_a_temperature_beyond_its_bound_comes_back_and_can_move_on(start: float, bound: float) -> None:
    chosen = BinaryMatching()
    with torch.no_grad():
        chosen.log_temperature.fill_(start)
    assert chosen.temperature == pytest.approx(bound)
    chosen(unit(6).float(), unit(6, seed=1).float())["loss"].backward()
    assert chosen.log_temperature.exp().item() == pytest.approx(bound)
    assert chosen.log_temperature.grad is not None
    assert chosen.log_temperature.grad.item() != 0


def test_the_temperature_belongs_to_the_difference() -> None:
    assert BinaryMatching().figures() == {"temperature": pytest.approx(0.2)}
    assert BinaryMatching().log_temperature.requires_grad
    assert not BinaryMatching(learn_temperature=False).log_temperature.requires_grad
    assert BinaryMatching(head="concatenation").figures() == {}
    assert math.isnan(BinaryMatching(head="concatenation").temperature)


@pytest.mark.parametrize("temperature", [0.0, 0.001, 1.5, math.nan])
def test_a_temperature_out_of_range_is_said(temperature: float) -> None:
    text = rf"^`initial_temperature` must be from 0\.01 to 1 \(above 0\)\. Got {temperature:g}\.$"
    with pytest.raises(ConfigError, match=text):
        BinaryMatching(temperature)
    with pytest.raises(ConfigError, match="must be from 0 to 1"):
        BinaryMatching(min_temperature=0.0)


@pytest.mark.parametrize("n_negatives", [0, -1, True, 2.0, "all"])
def test_a_number_of_negatives_that_is_none_is_said(n_negatives: object) -> None:
    text = rf"^`n_negatives` must be a whole number of at least 1, or none\. Got {n_negatives!r}\.$"
    with pytest.raises(ConfigError, match=text):
        OBJECTIVES.build({"name": "binary_matching", "n_negatives": n_negatives})


def test_other_bad_arguments_are_said() -> None:
    with pytest.raises(ConfigError, match=r"^`head` must be one of difference, concatenation\. Got 'cosine'\.$"):
        OBJECTIVES.build({"name": "binary_matching", "head": "cosine"})
    with pytest.raises(ConfigError, match=r"^`hidden` must be a whole number of at least 2\. Got 1\.$"):
        BinaryMatching(hidden=1)


def test_a_head_without_layers_is_said() -> None:
    chosen = BinaryMatching(head="concatenation", hidden=2)
    text = r"^The head concatenation has no layers yet\. Call `prepare` first\.$"
    with pytest.raises(ValueError, match=text):
        chosen(torch.eye(2), torch.eye(2))
    with pytest.raises(ValueError, match=text):
        chosen.choose(torch.eye(2), torch.eye(2), torch.eye(2))


def test_shapes_that_differ_are_said() -> None:
    text = r"must have one shape \(n, dim\). Got \(2, 3\), \(3, 3\)"
    with pytest.raises(ValueError, match=text):
        BinaryMatching()(torch.ones(2, 3), torch.ones(3, 3))
    with pytest.raises(ValueError, match=text):
        BinaryMatching().choose(torch.ones(2, 3), torch.ones(3, 3), torch.ones(2, 3))
    with pytest.raises(ValueError, match=text):
        BinaryMatching().choose(torch.ones(2, 3), torch.ones(2, 3), torch.ones(3, 3))


def test_the_registry_builds_it_and_it_keeps_its_arguments() -> None:
    chosen = OBJECTIVES.build({"name": "binary_matching", "head": "concatenation", "hidden": 8, "n_negatives": 2})
    assert (chosen.head, chosen.hidden, chosen.n_negatives) == ("concatenation", 8, 2)
    plain = OBJECTIVES.build("binary_matching")
    assert (plain.head, plain.hidden, plain.n_negatives, plain.initial_temperature) == ("difference", 1024, None, 0.2)
    assert (plain.min_temperature, plain.max_temperature, plain.learn_temperature) == (0.01, 1.0, True)


def test_the_bounds_of_the_temperature_are_within_them() -> None:
    assert BinaryMatching(0.01).temperature == pytest.approx(0.01)
    assert BinaryMatching(1.0).temperature == pytest.approx(1.0)


def test_biases_are_drawn_on_both_sides_of_0() -> None:
    chosen = BinaryMatching(head="concatenation", hidden=200)
    chosen.prepare(FACTS, torch.Generator().manual_seed(0))
    bias = list(chosen.parameters())[1]
    bound = 1 / math.sqrt(15)
    assert bias.min().item() == pytest.approx(-bound, rel=0.05)
    assert bias.max().item() == pytest.approx(bound, rel=0.05)


def test_small_weights_count_as_large_ones() -> None:
    voice, face = unit(4), unit(4, seed=1)
    weights = torch.tensor([1.0, 2, 3, 4], dtype=torch.float64)
    one = objective()(voice, face, weights=weights)["loss"].item()
    assert objective()(voice, face, weights=weights / 1000)["loss"].item() == pytest.approx(one, abs=1e-12)
