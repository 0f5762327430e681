"""Symmetric InfoNCE, against slow loops, closed forms and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.info_nce import InfoNCE
from visavox.registry import OBJECTIVES


def unit(n: int, dim: int = 5, seed: int = 0) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x)


def referee(
    voice: Tensor,
    face: Tensor,
    temperature: float,
    labels: list[int] | None = None,
    weights: list[float] | None = None,
    mask: np.ndarray | None = None,
) -> tuple[float, float]:
    """The two directions, from the definition, one exponential at a time."""
    n = len(voice)
    labels = labels or list(range(n))
    weights = weights or [1.0] * n
    directions = []
    for probes, candidates, turned in ((voice, face, False), (face, voice, True)):
        total = 0.0
        for i in range(n):
            score = [float(probes[i] @ candidates[j]) / temperature for j in range(n)]
            positives = [j for j in range(n) if labels[j] == labels[i]]

            def allowed(j: int, i: int = i, turned: bool = turned) -> bool:
                return mask is None or bool(mask[j, i] if turned else mask[i, j])

            taking_part = [j for j in range(n) if j in positives or allowed(j)]
            denominator = math.log(sum(math.exp(score[j]) for j in taking_part))
            total += weights[i] * sum(denominator - score[p] for p in positives) / len(positives)
        directions.append(total / sum(weights))
    return directions[0], directions[1]


def objective(temperature: float = 0.3) -> InfoNCE:
    chosen = InfoNCE(temperature).double()
    with torch.no_grad():  # the parameter is born in float32
        chosen.log_temperature.fill_(math.log(temperature))
    return chosen


@given(
    n=st.integers(1, 7),
    seed=st.integers(0, 1000),
    temperature=st.floats(0.05, 1.0),
    with_labels=st.booleans(),
    with_weights=st.booleans(),
    with_mask=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_every_combination_equals_the_slow_loop(
    n: int, seed: int, temperature: float, with_labels: bool, with_weights: bool, with_mask: bool
) -> None:
    rng = np.random.default_rng(seed)
    voice, face = unit(n, seed=seed), unit(n, seed=seed + 1)
    labels = rng.integers(0, 3, size=n).tolist() if with_labels else None
    weights = rng.uniform(0.1, 2, size=n).tolist() if with_weights else None
    mask = rng.random((n, n)) < 0.6 if with_mask else None
    found = objective(temperature)(
        voice,
        face,
        labels=None if labels is None else torch.tensor(labels),
        weights=None if weights is None else torch.tensor(weights, dtype=torch.float64),
        mask=None if mask is None else torch.from_numpy(mask),
    )
    voice_to_face, face_to_voice = referee(voice, face, temperature, labels, weights, mask)
    assert found["voice_to_face_loss"].item() == pytest.approx(voice_to_face, abs=1e-9)
    assert found["face_to_voice_loss"].item() == pytest.approx(face_to_voice, abs=1e-9)
    assert found["loss"].item() == pytest.approx((voice_to_face + face_to_voice) / 2, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 10, 400])
def test_constant_embeddings_cost_log_n(n: int) -> None:
    x = torch.nn.functional.normalize(torch.ones(n, 3))
    assert InfoNCE()(x, x)["loss"].item() == pytest.approx(math.log(n), abs=1e-5)


def test_a_perfect_match_of_orthogonal_vectors_has_a_closed_form() -> None:
    x = torch.eye(6)
    for temperature in (0.1, 0.5, 1.0):
        expected = math.log(1 + 5 * math.exp(-1 / temperature))
        assert InfoNCE(temperature)(x, x)["loss"].item() == pytest.approx(expected, abs=1e-5)


def test_a_hand_made_batch_of_two() -> None:
    voice = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    face = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = InfoNCE(1.0)(voice, face)  # similarities [[1, 0], [0.6, 0.8]]
    rows = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-0.2))) / 2
    columns = (math.log(1 + math.exp(-0.4)) + math.log(1 + math.exp(-0.8))) / 2
    assert found["voice_to_face_loss"].item() == pytest.approx(rows, abs=1e-6)
    assert found["face_to_voice_loss"].item() == pytest.approx(columns, abs=1e-6)


def test_without_labels_it_is_the_cross_entropy_of_clip() -> None:
    voice, face = unit(9), unit(9, seed=1)
    logits, target = voice @ face.T / 0.3, torch.arange(9)
    expected = torch.nn.functional.cross_entropy(logits, target) + torch.nn.functional.cross_entropy(logits.T, target)
    assert objective()(voice, face)["loss"].item() == pytest.approx(expected.item() / 2, abs=1e-9)


def test_all_different_labels_change_nothing() -> None:
    voice, face = unit(6), unit(6, seed=1)
    plain = objective()(voice, face)["loss"].item()
    assert objective()(voice, face, labels=torch.arange(6))["loss"].item() == pytest.approx(plain, abs=1e-12)
    everything = torch.ones(6, 6, dtype=torch.bool)
    assert objective()(voice, face, mask=everything)["loss"].item() == pytest.approx(plain, abs=1e-12)


def test_the_order_of_the_rows_does_not_matter() -> None:
    voice, face, labels = unit(7), unit(7, seed=1), torch.tensor([0, 0, 1, 2, 2, 3, 4])
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    one = objective()(voice, face, labels)["loss"].item()
    assert objective()(voice[order], face[order], labels[order])["loss"].item() == pytest.approx(one, abs=1e-12)


def test_swapping_the_sides_swaps_the_directions() -> None:
    voice, face, labels = unit(7), unit(7, seed=1), torch.tensor([0, 0, 1, 2, 2, 3, 4])
    one, other = objective()(voice, face, labels), objective()(face, voice, labels)
    assert one["voice_to_face_loss"].item() == pytest.approx(other["face_to_voice_loss"].item(), abs=1e-12)
    assert one["loss"].item() == pytest.approx(other["loss"].item(), abs=1e-12)


def test_gradients_equal_finite_differences() -> None:
    labels, mask = torch.tensor([0, 0, 1, 2]), torch.ones(4, 4, dtype=torch.bool)
    mask[2, 3] = mask[3, 2] = False
    weights = torch.tensor([1.0, 0.5, 2.0, 1.0], dtype=torch.float64)
    voice, face = unit(4).requires_grad_(), unit(4, seed=1).requires_grad_()
    chosen = objective()

    def loss(v: Tensor, f: Tensor) -> Tensor:
        found: Tensor = chosen(v, f, labels, weights, mask)["loss"]
        return found

    assert torch.autograd.gradcheck(loss, (voice, face))
    loss(voice, face).backward()
    assert voice.grad is not None
    assert voice.grad.abs().min() > 0


def test_the_gradient_of_the_temperature_equals_finite_differences() -> None:
    voice, face = unit(5), unit(5, seed=1)
    chosen = objective(0.3)
    chosen(voice, face)["loss"].backward()
    step = 1e-6
    above = objective(math.exp(math.log(0.3) + step))(voice, face)["loss"].item()
    below = objective(math.exp(math.log(0.3) - step))(voice, face)["loss"].item()
    assert chosen.log_temperature.grad is not None
    assert chosen.log_temperature.grad.item() == pytest.approx((above - below) / (2 * step), rel=1e-4)


@pytest.mark.parametrize("by", ["mask", "labels"])
def test_a_masked_pair_has_no_influence_as_a_negative(by: str) -> None:
    """Voice 0 is a candidate of face 1 only through the pair (0, 1): masked, its own terms alone move it."""
    mask = torch.ones(3, 3, dtype=torch.bool)
    mask[0, 1] = mask[1, 0] = False
    voice, face = unit(3), unit(3, seed=1)

    def gradient_of_score(i: int, j: int) -> float:
        """Derivative of the loss by the similarity of voice i and face j alone, by way of one-hot vectors."""
        scores = (voice @ face.T).clone().requires_grad_()
        identity = torch.eye(3, dtype=torch.float64)
        labels = torch.tensor([0, 0, 1]) if by == "labels" else None
        loss = objective()(scores, identity, labels=labels, mask=mask if by == "mask" else None)["loss"]
        loss.backward()
        assert scores.grad is not None
        return float(scores.grad[i, j])

    if by == "mask":
        assert gradient_of_score(0, 1) == 0.0
        assert gradient_of_score(1, 0) == 0.0
    else:
        # Positives that share the target: pulled together until each has half of the probability.
        assert gradient_of_score(0, 1) != 0.0
    assert gradient_of_score(0, 2) > 0  # an ordinary negative is pushed away
    assert gradient_of_score(2, 2) < 0  # an ordinary positive is pulled in


def test_moving_a_face_that_is_masked_for_a_voice_does_not_change_that_row() -> None:
    voice, face = unit(4), unit(4, seed=1)
    mask = ~torch.eye(4, dtype=torch.bool)
    mask[0, 1] = mask[1, 0] = False
    weights = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)  # the row of voice 0 alone
    moved = face.clone()
    moved[1] = unit(1, seed=9)[0]
    one = objective()(voice, face, weights=weights, mask=mask)["voice_to_face_loss"].item()
    assert objective()(voice, moved, weights=weights, mask=mask)["voice_to_face_loss"].item() == one
    moved[2] = unit(1, seed=9)[0]
    assert objective()(voice, moved, weights=weights, mask=mask)["voice_to_face_loss"].item() != one


def test_a_mask_that_hides_everything_costs_nothing() -> None:
    hidden = torch.zeros(5, 5, dtype=torch.bool)
    voice, face = unit(5).requires_grad_(), unit(5, seed=1)
    loss = objective()(voice, face, mask=hidden)["loss"]
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert voice.grad is not None
    assert torch.isfinite(voice.grad).all()


def test_shared_targets_are_reached_at_equal_similarity() -> None:
    """Two clips of one person among two: the floor is log 2, when both faces fit both voices equally."""
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert InfoNCE()(x, x, labels=torch.tensor([7, 7]))["loss"].item() == pytest.approx(math.log(2), abs=1e-6)


def test_a_weight_of_two_is_a_row_counted_twice() -> None:
    voice, face = unit(3), unit(3, seed=1)
    rows = [
        objective()(voice, face, weights=torch.eye(3, dtype=torch.float64)[i])["voice_to_face_loss"].item()
        for i in range(3)
    ]
    weighted = objective()(voice, face, weights=torch.tensor([2.0, 1, 1], dtype=torch.float64))
    assert weighted["voice_to_face_loss"].item() == pytest.approx((2 * rows[0] + rows[1] + rows[2]) / 4, abs=1e-12)


@pytest.mark.parametrize("temperature", [0.01, 0.011])
def test_the_coldest_temperature_stays_finite_in_float32(temperature: float) -> None:
    x = torch.eye(50)
    found = InfoNCE(temperature)(x, x.roll(1, dims=0))["loss"]
    assert found.item() == pytest.approx(1 / temperature, rel=1e-3)


@pytest.mark.parametrize(("start", "bound"), [(math.log(50.0), 1.0), (math.log(1e-4), 0.01)])
def test_a_temperature_beyond_its_bound_comes_back_and_can_move_on(start: float, bound: float) -> None:
    """A clamp inside the graph has no gradient outside its range: the temperature would be stuck for ever."""
    chosen = InfoNCE()
    with torch.no_grad():
        chosen.log_temperature.fill_(start)
    assert chosen.temperature == pytest.approx(bound)
    chosen(unit(6).float(), unit(6, seed=1).float())["loss"].backward()
    assert chosen.log_temperature.exp().item() == pytest.approx(bound)
    assert chosen.log_temperature.grad is not None
    assert chosen.log_temperature.grad.item() != 0


def test_a_fixed_temperature_has_no_gradient() -> None:
    chosen = InfoNCE(0.2, learn_temperature=False)
    voice = unit(4).float().requires_grad_()
    chosen(voice, unit(4, seed=1).float())["loss"].backward()
    assert chosen.log_temperature.grad is None
    assert chosen.temperature == pytest.approx(0.2)


def test_training_on_it_brings_pairs_together() -> None:
    voice = unit(12).float().requires_grad_()
    face = unit(12, seed=1).float()
    chosen = InfoNCE(0.2)
    losses = []
    for _ in range(50):
        found = chosen(torch.nn.functional.normalize(voice), face)["loss"]
        (gradient,) = torch.autograd.grad(found, voice)
        voice = (voice - gradient).detach().requires_grad_()
        losses.append(found.item())
    assert losses[-1] < 0.5 * losses[0]


def test_the_registry_builds_it_by_name() -> None:
    chosen = OBJECTIVES.build({"name": "info_nce", "initial_temperature": 0.1})
    assert isinstance(chosen, InfoNCE)
    assert chosen.temperature == pytest.approx(0.1)


@pytest.mark.parametrize("temperature", [0.0, 0.001, 1.5, float("nan")])
def test_a_temperature_out_of_range_is_said(temperature: float) -> None:
    with pytest.raises(ConfigError, match=r"`initial_temperature` must be from 0\.01 to 1"):
        InfoNCE(temperature)


def test_shapes_that_differ_are_said() -> None:
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\). Got \(2, 3\), \(3, 3\)"):
        InfoNCE()(torch.ones(2, 3), torch.ones(3, 3))


def test_it_logs_its_temperature_and_refuses_a_bound_of_0() -> None:
    assert InfoNCE(0.25).figures() == {"temperature": pytest.approx(0.25)}
    with pytest.raises(ConfigError, match=r"must be from 0 to 1 \(above 0\)\. Got 0\.2\.$"):
        InfoNCE(min_temperature=0.0)
