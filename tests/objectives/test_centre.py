"""The centre loss, against a slow loop of the paper's equations."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import TrainingFacts
from visavox.objectives.centre import Centre
from visavox.registry import OBJECTIVES

FACTS = TrainingFacts(n_people=4, dim=3, n_rows=8, n_steps=9)
LABELS = torch.tensor([2, 0, 2, 1])


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def objective(**options: Any) -> Centre:
    chosen = Centre(**options)
    chosen.prepare(FACTS, torch.Generator().manual_seed(5))
    return chosen.double()


def half_squares(vectors: Tensor, centres: Tensor, weights: list[float]) -> float:
    each: list[float] = [
        weight * sum((x - c) ** 2 for x, c in zip(row.tolist(), centres[k].tolist(), strict=True)) / 2
        for row, k, weight in zip(vectors, LABELS.tolist(), weights, strict=True)
    ]
    total = math.fsum(each)
    return total / math.fsum(weights)


@pytest.mark.parametrize("vectors", ["raw", "unit"])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 0.0]])
def test_it_equals_the_slow_loop(vectors: str, weights: list[float] | None) -> None:
    chosen = objective(vectors=vectors)
    voice, face = numbers(4, 3), numbers(4, 3, seed=1)
    given = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    found = chosen(voice, face, LABELS, given)
    if vectors == "unit":
        voice, face = nn.functional.normalize(voice), nn.functional.normalize(face)
    expected = [half_squares(x, chosen.centres, weights or [1.0] * 4) for x in (voice, face)]
    assert found["voice_loss"].item() == pytest.approx(expected[0], abs=1e-9)
    assert found["face_loss"].item() == pytest.approx(expected[1], abs=1e-9)
    assert found["loss"].item() == pytest.approx(sum(expected) / 2, abs=1e-9)


def test_the_centres_move_by_equation_four_of_the_paper() -> None:
    chosen = objective(alpha=0.3)
    voice, face = numbers(4, 3), numbers(4, 3, seed=1)
    before = chosen.centres.clone()
    first = chosen(voice, face, LABELS)["loss"].item()
    assert torch.equal(chosen.centres, before)  # within the step they stay
    chosen.before_step(1)
    for k in range(4):
        items = [x for x, label in zip([*voice, *face], LABELS.tolist() * 2, strict=True) if label == k]
        change = sum((before[k] - x for x in items), torch.zeros(3, dtype=torch.float64)) / (1 + len(items))
        torch.testing.assert_close(chosen.centres[k], before[k] - 0.3 * change, atol=1e-9, rtol=0)
    assert torch.equal(chosen.centres[3], before[3])  # nobody of person 3 was there
    assert chosen(voice, face, LABELS)["loss"].item() < first


def test_a_step_uses_what_was_gathered_once() -> None:
    chosen = objective()
    chosen(numbers(4, 3), numbers(4, 3, seed=1), LABELS)
    chosen.before_step(1)
    moved = chosen.centres.clone()
    chosen.before_step(2)
    assert torch.equal(chosen.centres, moved)


def test_two_halves_of_a_batch_gather_what_the_whole_does() -> None:
    voice, face = numbers(4, 3), numbers(4, 3, seed=1)
    whole, halves = objective(), objective()
    whole(voice, face, LABELS)
    for part in (slice(0, 2), slice(2, 4)):
        halves(voice[part], face[part], LABELS[part])
    whole.before_step(1)
    halves.before_step(1)
    torch.testing.assert_close(whole.centres, halves.centres)


def test_it_gathers_in_training_only_and_the_state_holds_what_it_gathered() -> None:
    chosen = objective().eval()
    chosen(numbers(4, 3), numbers(4, 3, seed=1), LABELS)
    assert (chosen.counts == 0).all()
    chosen.train()
    chosen(numbers(4, 3), numbers(4, 3, seed=1), LABELS)
    assert chosen.counts.tolist() == [2, 2, 4, 0]
    again = objective()
    again.load_state_dict(chosen.state_dict())
    again.before_step(1)
    chosen.before_step(1)
    assert torch.equal(again.centres, chosen.centres)


def test_by_gradient_the_centres_are_parameters_and_nothing_else_moves_them() -> None:
    chosen = objective(update="gradient")
    assert [name for name, _ in chosen.named_parameters()] == ["centres"]
    assert list(chosen.state_dict()) == ["centres"]
    voice = numbers(4, 3)
    chosen(voice, voice, LABELS)["loss"].backward()
    grad = chosen.centres.grad
    assert grad is not None
    torch.testing.assert_close(grad[0], (chosen.centres[0] - voice[1]).detach() / 4)
    before = chosen.centres.detach().clone()
    chosen.before_step(1)
    assert torch.equal(chosen.centres, before)


def test_by_alpha_no_parameter_trains() -> None:
    assert list(objective().parameters()) == []


def test_the_gradient_is_that_of_finite_differences() -> None:
    chosen = objective(vectors="unit").eval()
    inputs = numbers(4, 3).requires_grad_(), numbers(4, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, f: chosen(v, f, LABELS)["loss"], inputs)


def test_one_point_for_everybody_costs_nothing() -> None:
    """The reason why it belongs into a mixture."""
    chosen = objective(update="gradient")
    with torch.no_grad():
        chosen.centres.fill_(0.5)
    point = torch.full((4, 3), 0.5, dtype=torch.float64)
    assert chosen(point, point, LABELS)["loss"].item() == 0


def test_the_first_centres_have_a_length_of_about_one() -> None:
    chosen = Centre()
    chosen.prepare(TrainingFacts(n_people=500, dim=64, n_rows=1, n_steps=1), torch.Generator().manual_seed(0))
    assert chosen.centres.square().sum(dim=1).mean().item() == pytest.approx(1, abs=0.05)
    assert math.isfinite(chosen.centres.sum().item())


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ConfigError, match=r"`alpha` must be a number of at least 1e-09 and at most 1. Got 0"):
        Centre(0.0)
    with pytest.raises(ConfigError, match=r"`update` must be one of alpha, gradient. Got 'sgd'"):
        Centre(update="sgd")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"`vectors` must be one of raw, unit. Got 'long'"):
        Centre(vectors="long")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^centre needs labels, \(n,\) identities\. Got none\.$"):
        objective()(numbers(4, 3), numbers(4, 3))
    with pytest.raises(ValueError, match="one shape"):
        objective()(numbers(4, 3), numbers(3, 3), LABELS)


def test_the_registry_builds_it_by_name() -> None:
    chosen = OBJECTIVES.build({"name": "centre", "alpha": 0.1, "vectors": "unit"})
    assert isinstance(chosen, Centre)
    assert (chosen.alpha, chosen.update, chosen.vectors) == (0.1, "alpha", "unit")
    assert (chosen.takes, chosen.needs_labels, Centre().alpha) == ("raw", True, 0.5)
