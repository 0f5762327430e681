"""FaceTones' clamped-margin loss, against a slow loop, closed forms and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.clamped_margin import ClampedMargin
from visavox.registry import OBJECTIVES


def unit(n: int, dim: int = 3, seed: int = 0) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x)


def objective(margin: float = 0.7) -> ClampedMargin:
    chosen = ClampedMargin(margin, min_margin=-1.0, max_margin=1.0).double()
    with torch.no_grad():  # the parameter is born in float32
        chosen.theta.fill_(margin)
    return chosen


def referee(
    voice: Tensor, face: Tensor, labels: list[int], weights: list[float], mask: np.ndarray | None, margin: float
) -> tuple[float, float]:
    """Entropy and positive part from the definition, one exponential at a time."""
    n, directions, near = len(voice), [], 0.0
    score = [[float(voice[i] @ face[j]) for j in range(n)] for i in range(n)]
    for turned in (False, True):
        total = 0.0
        for i in range(n):
            s = [score[j][i] if turned else score[i][j] for j in range(n)]
            positives = [j for j in range(n) if labels[j] == labels[i]]
            logits = {p: s[p] for p in positives}
            for j in range(n):
                if j not in positives and (mask is None or (mask[j, i] if turned else mask[i, j])):
                    logits[j] = max(s[j] - margin, 0.0)
            denominator = math.log(sum(math.exp(value) for value in logits.values()))
            total += weights[i] * sum(denominator - s[p] for p in positives) / len(positives)
            near += weights[i] * sum(s[p] for p in positives) / len(positives) / 2
        directions.append(total / sum(weights))
    return sum(directions) / 2, 1 - near / sum(weights)


@given(
    n=st.integers(1, 7),
    seed=st.integers(0, 1000),
    margin=st.floats(-0.5, 0.9),
    with_labels=st.booleans(),
    with_weights=st.booleans(),
    with_mask=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_combination_equals_the_slow_loop(
    n: int, seed: int, margin: float, with_labels: bool, with_weights: bool, with_mask: bool
) -> None:
    rng = np.random.default_rng(seed)
    voice, face = unit(n, seed=seed), unit(n, seed=seed + 1)
    labels = rng.integers(0, 3, size=n).tolist() if with_labels else None
    weights = rng.uniform(0.1, 2, size=n).tolist() if with_weights else None
    mask = rng.random((n, n)) < 0.6 if with_mask else None
    found = objective(margin)(
        voice,
        face,
        labels=None if labels is None else torch.tensor(labels),
        weights=None if weights is None else torch.tensor(weights, dtype=torch.float64),
        mask=None if mask is None else torch.from_numpy(mask),
    )
    entropy, positive = referee(voice, face, labels or list(range(n)), weights or [1.0] * n, mask, margin)
    assert found["entropy_loss"].item() == pytest.approx(entropy, abs=1e-9)
    assert found["positive_loss"].item() == pytest.approx(positive, abs=1e-9)
    assert found["loss"].item() == pytest.approx(entropy + positive, abs=1e-9)


def test_a_hand_made_batch_of_two() -> None:
    voice = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    face = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    found = ClampedMargin()(voice, face)  # similarities [[0.6, 1], [0.96, 0.8]], logits [[0.6, 0.3], [0.26, 0.8]]
    rows = math.log(1 + math.exp(0.3 - 0.6)) + math.log(1 + math.exp(0.26 - 0.8))
    columns = math.log(1 + math.exp(0.26 - 0.6)) + math.log(1 + math.exp(0.3 - 0.8))
    assert found["entropy_loss"].item() == pytest.approx((rows + columns) / 4, abs=1e-6)
    assert found["positive_loss"].item() == pytest.approx(1 - 0.7, abs=1e-6)


@pytest.mark.parametrize("n", [2, 16, 400])
@pytest.mark.parametrize("margin", [0.7, 0.9])
def test_blindness_has_a_closed_form(n: int, margin: float) -> None:
    same = torch.ones(n, 1)
    found = ClampedMargin(margin)(same, same)
    assert found["loss"].item() == pytest.approx(math.log(math.e + (n - 1) * math.exp(1 - margin)) - 1, abs=1e-5)
    assert found["positive_loss"].item() == pytest.approx(0, abs=1e-6)


def test_the_floor_is_far_from_0_and_opposite_vectors_are_no_better() -> None:
    """Below the margin a negative costs the same wherever it lies."""
    apart = torch.eye(4)
    floor = math.log(math.e + 3) - 1
    assert ClampedMargin()(apart, apart)["loss"].item() == pytest.approx(floor, abs=1e-6)
    pair = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    right = torch.eye(2)
    found = ClampedMargin()(pair, pair)["loss"].item()
    assert found == pytest.approx(ClampedMargin()(right, right)["loss"].item(), abs=1e-6)


def test_without_a_margin_and_with_similar_people_it_is_cross_entropy_of_the_cosines() -> None:
    voice, face = unit(5).abs(), unit(5, seed=1).abs()  # no similarity below 0
    logits, target = voice @ face.T, torch.arange(5)
    expected = torch.nn.functional.cross_entropy(logits, target) + torch.nn.functional.cross_entropy(logits.T, target)
    assert objective(0.0)(voice, face)["entropy_loss"].item() == pytest.approx(expected.item() / 2, abs=1e-9)


def test_a_negative_below_the_margin_is_not_pushed() -> None:
    scores = torch.tensor([[0.9, 0.5], [0.8, 0.9]], dtype=torch.float64, requires_grad=True)
    objective(0.7)(scores, torch.eye(2, dtype=torch.float64))["loss"].backward()
    assert scores.grad is not None
    assert scores.grad[0, 1] == 0
    assert scores.grad[1, 0] > 0
    assert scores.grad[0, 0] < 0


def test_negatives_above_the_margin_move_it_up() -> None:
    chosen = ClampedMargin()
    same = torch.ones(3, 1)
    chosen(same, same)["loss"].backward()
    assert chosen.theta.grad is not None
    assert chosen.theta.grad.item() < 0  # downhill is up


@pytest.mark.parametrize(("start", "held"), [(0.2, 0.7), (1.5, 0.9), (0.8, 0.8)])
def test_the_margin_is_held_to_its_bounds_and_can_leave_them_again(start: float, held: float) -> None:
    chosen = ClampedMargin()
    with torch.no_grad():
        chosen.theta.fill_(start)
    assert chosen.margin == pytest.approx(held)
    assert chosen.figures() == {"margin": pytest.approx(held)}
    same = torch.ones(3, 1)
    chosen(same, same)["loss"].backward()
    assert chosen.theta.item() == pytest.approx(held)
    assert chosen.theta.grad is not None
    assert chosen.theta.grad.item() != 0


def test_the_margin_starts_at_that_of_facetones_and_is_learned_unless_told() -> None:
    assert ClampedMargin().margin == pytest.approx(0.7)
    assert (ClampedMargin().min_margin, ClampedMargin().max_margin) == (0.7, 0.9)
    assert ClampedMargin().theta.requires_grad
    assert ClampedMargin().theta.ndim == 0
    assert not ClampedMargin(learn_margin=False).theta.requires_grad


@pytest.mark.parametrize("margin", [0.6, 0.95, math.nan])
def test_a_margin_out_of_its_bounds_is_said(margin: float) -> None:
    text = rf"^`initial_margin` must be from 0\.7 to 0\.9 \(within -1 to 1\)\. Got {margin:g}\.$"
    with pytest.raises(ConfigError, match=text):
        ClampedMargin(margin)


@pytest.mark.parametrize(("low", "high"), [(-1.1, 0.9), (0.7, 1.1), (0.7, 0.6)])
def test_bounds_that_no_cosine_has_are_said(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match=rf"`initial_margin` must be from {low:g} to {high:g}"):
        ClampedMargin(min_margin=low, max_margin=high)


def test_the_bounds_may_be_all_cosines() -> None:
    assert ClampedMargin(-1.0, min_margin=-1.0, max_margin=1.0).margin == -1
    assert ClampedMargin(1.0, min_margin=-1.0, max_margin=1.0).margin == 1


def test_the_registry_builds_it_and_it_keeps_its_arguments() -> None:
    chosen = OBJECTIVES.build({"name": "clamped_margin", "initial_margin": 0.8, "learn_margin": False})
    assert isinstance(chosen, ClampedMargin)
    assert (chosen.initial_margin, chosen.min_margin, chosen.max_margin, chosen.learn_margin) == (0.8, 0.7, 0.9, False)


def test_shapes_that_differ_are_said() -> None:
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\). Got \(2, 3\), \(3, 3\)"):
        ClampedMargin()(torch.ones(2, 3), torch.ones(3, 3))
