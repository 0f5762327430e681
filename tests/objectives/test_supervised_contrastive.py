"""The supervised contrastive loss, pooled and within one modality, against slow loops, closed forms and gradients."""

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


def referee(
    vectors: Tensor,
    labels: list[int],
    temperature: float,
    weights: list[float] | None = None,
    mask: np.ndarray | None = None,
) -> float:
    """Equation 2 of the paper, one exponential at a time."""
    n, total, weight = len(vectors), 0.0, 0.0
    weights = weights or [1.0] * n
    for i in range(n):
        score = [float(vectors[i] @ vectors[j]) / temperature for j in range(n)]
        positives = [j for j in range(n) if j != i and labels[j] == labels[i]]
        others = [j for j in range(n) if j != i and (j in positives or mask is None or mask[i, j])]
        if positives:
            denominator = math.log(sum(math.exp(score[j]) for j in others))
            total += weights[i] * sum(denominator - score[p] for p in positives) / len(positives)
            weight += weights[i]
    return total / weight if weight else 0.0


@given(
    n=st.integers(1, 7),
    n_labels=st.integers(1, 4),
    seed=st.integers(0, 1000),
    temperature=st.floats(0.05, 1.0),
    with_weights=st.booleans(),
    with_mask=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_combination_within_a_modality_equals_the_slow_loop(
    n: int, n_labels: int, seed: int, temperature: float, with_weights: bool, with_mask: bool
) -> None:
    rng = np.random.default_rng(seed)
    vectors, labels = unit(n, seed=seed), rng.integers(0, n_labels, size=n).tolist()
    weights = rng.uniform(0.1, 2, size=n).tolist() if with_weights else None
    mask = rng.random((n, n)) < 0.6 if with_mask else None
    found = objective(temperature).contrast(
        vectors,
        torch.tensor(labels),
        None if mask is None else torch.from_numpy(mask),
        None if weights is None else torch.tensor(weights, dtype=torch.float64),
    )
    assert found["loss"].item() == pytest.approx(referee(vectors, labels, temperature, weights, mask), abs=1e-9)


@given(
    n=st.integers(1, 5),
    seed=st.integers(0, 1000),
    temperature=st.floats(0.05, 1.0),
    with_labels=st.booleans(),
    with_weights=st.booleans(),
    with_mask=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_combination_of_both_modalities_equals_the_slow_loop(
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
    people = (labels or list(range(n))) * 2
    pooled = None if mask is None else np.block([[mask & mask.T, mask], [mask.T, mask & mask.T]])
    expected = referee(torch.cat([voice, face]), people, temperature, None if weights is None else weights * 2, pooled)
    assert found["loss"].item() == pytest.approx(expected, abs=1e-9)


def test_a_mask_of_one_direction_hides_the_pair_it_names_and_the_rows_of_it_within_a_modality() -> None:
    """Voice 0 and face 1 come from one video: voice 1 and face 0 do not, and are still pushed apart."""
    mask = torch.tensor([[True, False], [True, True]])
    voice = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64).requires_grad_()
    face = torch.tensor([[0.6, 0.8], [0.8, 0.6]], dtype=torch.float64)
    found = objective(1.0)(voice, face, mask=mask)["loss"]
    # Voice 0 and face 1 see their own other side alone; voice 1 and face 0 their own at 0.6 and each other at 0.8.
    each = math.log(math.exp(0.6) + math.exp(0.8)) - 0.6
    assert found.item() == pytest.approx(2 * each / 4, abs=1e-12)
    assert objective(1.0)(face, voice, mask=mask.T)["loss"].item() == pytest.approx(found.item(), abs=1e-12)


def test_a_hand_made_batch_of_two_people() -> None:
    """Voices at right angles, faces equal to them: each item has one equal item and two at right angles."""
    x = torch.eye(2)
    found = SupervisedContrastive(0.5)(x, x)["loss"].item()
    assert found == pytest.approx(math.log(1 + 2 * math.exp(-2)), abs=1e-6)


def test_blindness_costs_the_logarithm_of_the_other_items() -> None:
    same = torch.ones(6, 1)
    found = SupervisedContrastive().contrast(same, torch.tensor([0, 0, 1, 1, 2, 2]))
    assert found["loss"].item() == pytest.approx(math.log(5), abs=1e-6)
    assert SupervisedContrastive()(same, same)["loss"].item() == pytest.approx(math.log(11), abs=1e-6)


def test_perfect_pairs_cost_nothing_in_the_limit() -> None:
    vectors = torch.eye(3).repeat_interleave(2, dim=0)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    assert SupervisedContrastive(0.01).contrast(vectors, labels)["loss"].item() == pytest.approx(0, abs=1e-6)
    assert SupervisedContrastive(0.01)(torch.eye(3), torch.eye(3))["loss"].item() == pytest.approx(0, abs=1e-6)


def test_without_labels_it_is_the_loss_of_simclr_with_voice_and_face_for_views() -> None:
    """NT-Xent is cross-entropy over the 2n - 1 other views, the target being the other view."""
    voice, face = unit(4, seed=1), unit(4, seed=2)
    both = torch.cat([voice, face])
    logits = (both @ both.T / 0.3).fill_diagonal_(float("-inf"))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([4, 5, 6, 7, 0, 1, 2, 3])).item()
    assert objective()(voice, face)["loss"].item() == pytest.approx(expected, abs=1e-12)
    found = objective().contrast(both, torch.arange(4).repeat(2))["loss"].item()
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_step_downhill_brings_people_together() -> None:
    vectors = unit(6).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    start = objective().contrast(vectors, labels)["loss"]
    start.backward()
    assert vectors.grad is not None
    assert vectors.grad.abs().sum() > 0
    moved = torch.nn.functional.normalize(vectors.detach() - 0.1 * vectors.grad)
    assert objective().contrast(moved, labels)["loss"].item() < start.item()


def test_the_gradient_is_that_of_finite_differences() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2])
    mask = torch.ones(5, 5, dtype=torch.bool)
    mask[0, 4] = mask[4, 0] = False
    chosen, face = objective(), unit(5, seed=1)
    assert torch.autograd.gradcheck(lambda x: chosen.contrast(x, labels, mask)["loss"], unit(5).requires_grad_())
    assert torch.autograd.gradcheck(lambda x: chosen(x, face, labels, None, mask)["loss"], unit(5).requires_grad_())


def test_nobody_with_two_items_costs_nothing_and_pulls_nothing() -> None:
    vectors = unit(3).requires_grad_()
    found = objective().contrast(vectors, torch.tensor([0, 1, 2]))["loss"]
    found.backward()
    assert found.item() == 0
    assert vectors.grad is not None
    assert (vectors.grad == 0).all()


def test_items_that_count_nothing_leave_nothing_to_pay() -> None:
    """The only people with two items have weight 0: the mean over nobody is 0, not nan."""
    weights = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    found = objective().contrast(unit(3), torch.tensor([0, 0, 1]), weights=weights)["loss"]
    assert found.item() == 0


def test_a_weight_of_two_is_a_row_counted_twice() -> None:
    voice, face = unit(3), unit(3, seed=1)
    rows = [objective()(voice, face, weights=torch.eye(3, dtype=torch.float64)[i])["loss"].item() for i in range(3)]
    weighted = objective()(voice, face, weights=torch.tensor([2.0, 1, 1], dtype=torch.float64))["loss"].item()
    assert weighted == pytest.approx((2 * rows[0] + rows[1] + rows[2]) / 4, abs=1e-12)


def test_a_masked_pair_neither_costs_nor_pulls() -> None:
    """Items 0 and 2 were in one video: moving item 2 must not change what item 0 costs."""
    vectors, labels = unit(4), torch.tensor([0, 0, 1, 1])
    nothing = torch.zeros(4, 4, dtype=torch.bool)
    assert objective().contrast(vectors, labels, nothing)["loss"].item() == pytest.approx(0, abs=1e-12)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[0, 2] = mask[2, 0] = False
    first = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)
    moved = vectors.clone()
    moved[2] = unit(1, seed=9)[0]
    one = objective().contrast(vectors, labels, mask, first)["loss"].item()
    assert objective().contrast(moved, labels, mask, first)["loss"].item() == one
    assert one < objective().contrast(vectors, labels, None, first)["loss"].item()


def test_the_order_of_the_items_and_the_sides_do_not_matter() -> None:
    vectors, labels = unit(6), torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    one = objective().contrast(vectors, labels)["loss"].item()
    assert objective().contrast(vectors[order], labels[order])["loss"].item() == pytest.approx(one, abs=1e-12)
    voice, face = unit(6), unit(6, seed=1)
    pooled = objective()(voice, face, labels)["loss"].item()
    assert objective()(face, voice, labels)["loss"].item() == pytest.approx(pooled, abs=1e-12)


@pytest.mark.parametrize(("start", "bound"), [(math.log(50.0), 1.0), (-20.0, 0.01)])
def test_the_temperature_is_learned_within_its_bounds(start: float, bound: float) -> None:
    chosen = SupervisedContrastive()
    with torch.no_grad():
        chosen.log_temperature.fill_(start)
    assert chosen.temperature == pytest.approx(bound)
    assert chosen.figures() == {"temperature": pytest.approx(bound)}
    chosen.contrast(unit(4).float(), torch.tensor([0, 0, 1, 1]))["loss"].backward()
    assert chosen.log_temperature.exp().item() == pytest.approx(bound)
    assert chosen.log_temperature.grad is not None
    assert chosen.log_temperature.grad.item() != 0


def test_the_arguments_are_kept() -> None:
    chosen = SupervisedContrastive(0.2, min_temperature=0.1, max_temperature=0.5, learn_temperature=False)
    assert (chosen.initial_temperature, chosen.min_temperature, chosen.max_temperature) == (0.2, 0.1, 0.5)
    assert chosen.learn_temperature is False
    assert not chosen.log_temperature.requires_grad
    plain = SupervisedContrastive()
    assert plain.temperature == pytest.approx(0.1)
    assert (plain.min_temperature, plain.max_temperature) == (0.01, 1.0)
    assert plain.log_temperature.requires_grad


@pytest.mark.parametrize("temperature", [0.0, 1.5, math.nan])
def test_a_temperature_out_of_range_is_refused(temperature: float) -> None:
    text = rf"^`initial_temperature` must be from 0\.01 to 1 \(above 0\)\. Got {temperature:g}\.$"
    with pytest.raises(ConfigError, match=text):
        SupervisedContrastive(temperature)
    with pytest.raises(ConfigError, match="must be from 0 to 1"):
        SupervisedContrastive(min_temperature=0.0)


def test_shapes_that_do_not_fit_are_refused() -> None:
    text = r"^vectors must be \(n, dim\) and labels \(n,\)\. Got \(3, 3\), \(2,\)\.$"
    with pytest.raises(ValueError, match=text):
        SupervisedContrastive().contrast(torch.eye(3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"Got \(3,\), \(3,\)"):
        SupervisedContrastive().contrast(torch.ones(3), torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\). Got \(2, 3\), \(3, 3\)"):
        SupervisedContrastive()(torch.ones(2, 3), torch.ones(3, 3))


def test_it_is_in_the_registry() -> None:
    chosen = OBJECTIVES.build({"name": "supervised_contrastive", "initial_temperature": 0.2})
    assert isinstance(chosen, SupervisedContrastive)
    assert chosen.temperature == pytest.approx(0.2)
