"""FaceTones' shifted contrastive loss, against a slow loop, closed forms and its neighbour."""

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
from visavox.objectives.shifted_contrastive import ShiftedContrastive
from visavox.registry import OBJECTIVES


def unit(n: int, dim: int = 5, seed: int = 0) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x)


def referee(
    voice: Tensor,
    face: Tensor,
    n_shifts: int,
    labels: list[int],
    weights: list[float],
    mask: np.ndarray | None,
) -> float:
    """The definition, one exponential at a time."""
    n, total = len(voice), 0.0
    for i in range(n):
        positives = [j for j in range(n) if labels[j] == labels[i]]
        following = [(i + k) % n for k in range(1, min(n_shifts, n - 1) + 1)]
        negatives = [j for j in following if j not in positives and (mask is None or mask[j, i])]
        costs = [math.exp(float(face[i] @ voice[j])) for j in [*positives, *negatives]]
        total += weights[i] * sum(math.log(sum(costs)) - float(face[i] @ voice[p]) for p in positives) / len(positives)
    return total / sum(weights)


@given(
    n=st.integers(1, 8),
    n_shifts=st.integers(1, 9),
    seed=st.integers(0, 1000),
    with_labels=st.booleans(),
    with_weights=st.booleans(),
    with_mask=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_every_combination_equals_the_slow_loop(
    n: int, n_shifts: int, seed: int, with_labels: bool, with_weights: bool, with_mask: bool
) -> None:
    rng = np.random.default_rng(seed)
    voice, face = unit(n, seed=seed), unit(n, seed=seed + 1)
    labels = rng.integers(0, 3, size=n).tolist() if with_labels else None
    weights = rng.uniform(0.1, 2, size=n).tolist() if with_weights else None
    mask = rng.random((n, n)) < 0.6 if with_mask else None
    found = ShiftedContrastive(n_shifts)(
        voice,
        face,
        labels=None if labels is None else torch.tensor(labels),
        weights=None if weights is None else torch.tensor(weights, dtype=torch.float64),
        mask=None if mask is None else torch.from_numpy(mask),
    )
    expected = referee(voice, face, n_shifts, labels or list(range(n)), weights or [1.0] * n, mask)
    assert found["loss"].item() == pytest.approx(expected, abs=1e-9)


def test_the_published_formula_with_rolled_rows_gives_the_same() -> None:
    voice, face = unit(30), unit(30, seed=1)
    own = (face * voice).sum(dim=1).exp()
    others = sum((face * voice.roll(-k, dims=0)).sum(dim=1).exp() for k in range(1, 21))
    expected = -torch.log(own / (own + others)).mean()
    assert ShiftedContrastive()(voice, face)["loss"].item() == pytest.approx(expected.item(), abs=1e-12)


def test_the_negatives_are_the_rows_after_not_before() -> None:
    """Face 0 meets voice 1, never voice 2, though the circle puts row 2 just before it."""
    face = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    weights = torch.tensor([1.0, 0.0, 0.0])
    near, far = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    chosen = ShiftedContrastive(1)
    after = chosen(torch.stack([near, near, far]), face, weights=weights)["loss"].item()
    before = chosen(torch.stack([near, far, near]), face, weights=weights)["loss"].item()
    assert after == pytest.approx(math.log(2), abs=1e-6)
    assert before == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-6)


@pytest.mark.parametrize(("n", "n_shifts", "n_used"), [(50, 20, 20), (5, 20, 4), (1, 20, 0), (6, 2, 2)])
def test_blindness_costs_the_logarithm_of_one_more_than_the_shifts(n: int, n_shifts: int, n_used: int) -> None:
    same = torch.ones(n, 1)
    found = ShiftedContrastive(n_shifts)(same, same)["loss"].item()
    assert found == pytest.approx(math.log(1 + n_used), abs=1e-5)


def test_perfect_pairs_of_orthogonal_people_have_a_closed_form() -> None:
    apart = torch.eye(9)
    found = ShiftedContrastive(4)(apart, apart)["loss"].item()
    assert found == pytest.approx(math.log(1 + 4 / math.e), abs=1e-6)


def test_with_all_shifts_it_is_half_of_info_nce_at_temperature_1() -> None:
    voice, face, labels = unit(9), unit(9, seed=1), torch.tensor([0, 0, 1, 2, 3, 3, 3, 4, 5])
    mask = torch.rand(9, 9, generator=torch.Generator().manual_seed(3)) < 0.7
    whole = InfoNCE(1.0)(voice, face, labels=labels, mask=mask)["face_to_voice_loss"]
    found = ShiftedContrastive(8)(voice, face, labels=labels, mask=mask)["loss"]
    assert found.item() == pytest.approx(whole.item(), abs=1e-9)


def test_fewer_shifts_look_at_fewer_negatives() -> None:
    voice, face = unit(9), unit(9, seed=1)
    costs = [ShiftedContrastive(k)(voice, face)["loss"].item() for k in range(1, 9)]
    assert costs == sorted(costs)
    assert len(set(costs)) == 8


@pytest.mark.parametrize("n_shifts", [0, -1])
def test_less_than_one_shift_is_said(n_shifts: int) -> None:
    text = rf"^`n_shifts` must be a whole number of at least 1\. Got {n_shifts}\.$"
    with pytest.raises(ConfigError, match=text):
        ShiftedContrastive(n_shifts)


def test_the_registry_builds_it_with_the_20_shifts_of_facetones() -> None:
    assert OBJECTIVES.build("shifted_contrastive").n_shifts == 20
    assert OBJECTIVES.build({"name": "shifted_contrastive", "n_shifts": 3}).n_shifts == 3


def test_it_has_nothing_to_train() -> None:
    assert list(ShiftedContrastive().parameters()) == []
    assert ShiftedContrastive().figures() == {}


def test_shapes_that_differ_are_said() -> None:
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\). Got \(2, 3\), \(3, 3\)"):
        ShiftedContrastive()(torch.ones(2, 3), torch.ones(3, 3))
