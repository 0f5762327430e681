"""The shared classifier with covariates, against a slow loop and hand-computed values."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import TrainingFacts
from visavox.objectives.shared_classifier import SharedClassifier
from visavox.registry import OBJECTIVES

FACTS = TrainingFacts(
    n_people=3, dim=2, n_rows=6, n_steps=9, n_values={"gender": 2, "nationality": 4, "age": 1, "language": 0}
)
LABELS = torch.tensor([2, 0, 1, 0])
COVARIATES = {"gender": torch.tensor([1, 0, -1, 0]), "nationality": torch.tensor([3, -1, 0, 1])}


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def objective(facts: TrainingFacts = FACTS, **options: Any) -> SharedClassifier:
    chosen = SharedClassifier(**options)
    chosen.prepare(facts, torch.Generator().manual_seed(5))
    return chosen.double()


def side(head: nn.Module, vectors: Tensor, classes: Tensor, weights: list[float]) -> float:
    """Mean cross-entropy of one side, one row at a time."""
    assert isinstance(head, nn.Linear)
    total = weighed = 0.0
    for row, target, weight in zip(vectors, classes.tolist(), weights, strict=True):
        if target >= 0:
            logits = (head.weight @ row).tolist()
            if head.bias is not None:
                logits = [x + b for x, b in zip(logits, head.bias.tolist(), strict=True)]
            total += weight * (math.log(sum(math.exp(x) for x in logits)) - logits[target])
            weighed += weight
    return total / weighed


@pytest.mark.parametrize("name", [1, None, True, 2.5])
def test_a_covariate_without_a_name_is_one_line(name: object) -> None:
    with pytest.raises(
        ConfigError, match=rf"^`covariates` must map names to weights, as in .* Got the name {name!r}\.$"
    ):
        SharedClassifier(covariates={name: 0.5})  # type: ignore[dict-item]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 3.0]])
def test_it_equals_the_slow_loop(bias: bool, weights: list[float] | None) -> None:
    chosen = objective(identity_weight=2.0, covariates={"gender": 0.5, "nationality": 0.25}, bias=bias)
    for head in (chosen.identity_head, *chosen.covariate_heads.values()):
        assert isinstance(head, nn.Linear)
        assert (head.bias is not None) == bias
        if head.bias is not None:
            nn.init.constant_(head.bias[:1], 0.7)
    voice, face = numbers(4, 2), numbers(4, 2, seed=1)
    each = weights or [1.0] * 4
    given = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    found = chosen(voice, face, LABELS, given, covariates=COVARIATES)
    heads = {"identity": chosen.identity_head, **dict(chosen.covariate_heads.items())}
    classes = {"identity": LABELS, **COVARIATES}
    parts = {
        name: side(head, voice, classes[name], each) + side(head, face, classes[name], each)
        for name, head in heads.items()
        if head is not None
    }
    assert list(found) == ["loss", "identity_loss", "gender_loss", "nationality_loss"]
    for name, value in parts.items():
        assert found[f"{name}_loss"].item() == pytest.approx(value, abs=1e-9)
    expected = 2 * parts["identity"] + 0.5 * parts["gender"] + 0.25 * parts["nationality"]
    assert found["loss"].item() == pytest.approx(expected, abs=1e-9)


def test_each_covariate_has_a_classifier_of_its_own_with_its_own_values() -> None:
    """A public re-implementation sends the gender through the classifier of identities; then both fight over it."""
    chosen = objective(covariates={"gender": 1.0, "nationality": 1.0})
    assert isinstance(chosen.identity_head, nn.Linear)
    assert chosen.identity_head.weight.shape == (3, 2)
    shapes = {
        name: tuple(value.shape) for name, value in chosen.covariate_heads.state_dict().items() if "weight" in name
    }
    assert shapes == {"gender.weight": (2, 2), "nationality.weight": (4, 2)}
    found = chosen(numbers(4, 2), numbers(4, 2, seed=1), LABELS, covariates=COVARIATES)
    found["gender_loss"].backward()
    assert chosen.identity_head.weight.grad is None
    grad = next(chosen.covariate_heads["gender"].parameters()).grad
    assert grad is not None
    assert grad.abs().min() > 0


def test_without_identity_it_is_dimnet_of_the_covariate_alone() -> None:
    chosen = objective(identity_weight=0.0, covariates={"gender": 2.0})
    found = chosen(numbers(4, 2), numbers(4, 2, seed=1), LABELS, covariates=COVARIATES)
    assert list(found) == ["loss", "gender_loss"]
    assert found["loss"].item() == pytest.approx(2 * found["gender_loss"].item(), abs=1e-12)
    assert chosen.identity_head is None


def test_blindness_costs_the_logarithms_of_the_classes_twice() -> None:
    chosen = objective(covariates={"nationality": 0.5})
    found = chosen(*(torch.zeros(4, 2, dtype=torch.float64),) * 2, LABELS, covariates=COVARIATES)
    assert found["loss"].item() == pytest.approx(2 * math.log(3) + 0.5 * 2 * math.log(4), abs=1e-12)


def test_lengths_count_since_the_vectors_come_raw() -> None:
    chosen = objective()
    assert (chosen.takes, chosen.needs_labels, chosen.extras) == ("raw", True, ("covariates",))
    voice, face = numbers(4, 2), numbers(4, 2, seed=1)
    assert chosen(voice, face, LABELS)["loss"].item() != chosen(3 * voice, face, LABELS)["loss"].item()


def test_the_gradient_is_that_of_finite_differences() -> None:
    chosen = objective(covariates={"gender": 0.5})
    inputs = numbers(4, 2).requires_grad_(), numbers(4, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, f: chosen(v, f, LABELS, covariates=COVARIATES)["loss"], inputs)


@pytest.mark.parametrize("name", ["age", "language", "height"])
def test_a_covariate_that_the_data_lack_is_named_with_those_they_have(name: str) -> None:
    known = FACTS.n_values.get(name, 0)
    words = (
        rf"asks for '{name}', of which the training data know {known} values.* gender \(2\), nationality \(4\)\. Add"
    )
    with pytest.raises(ConfigError, match=words):
        objective(covariates={name: 1.0})
    with pytest.raises(ConfigError, match="With several values: none"):
        objective(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=1), covariates={name: 1.0})


def test_requests_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="^`identity_weight` is 0 and `covariates` is empty. Give one of them.$"):
        SharedClassifier(0.0)
    with pytest.raises(ConfigError, match=r"`identity_weight` must be a number of at least 0. Got -1"):
        SharedClassifier(-1.0)
    with pytest.raises(ConfigError, match=r"`covariates.gender` must be a number of at least 1e-09. Got 0"):
        SharedClassifier(covariates={"gender": 0.0})
    with pytest.raises(ConfigError, match=r"`covariates` must map names to weights.* Got \['gender'\]"):
        SharedClassifier(covariates=["gender"])  # type: ignore[arg-type]


def test_what_a_batch_lacks_is_named() -> None:
    chosen = objective(covariates={"gender": 1.0, "nationality": 1.0})
    with pytest.raises(ValueError, match=r"^shared_classifier needs labels, \(n,\) identities\. Got none\.$"):
        chosen(numbers(4, 2), numbers(4, 2))
    with pytest.raises(ValueError, match=r"needs the covariates nationality. Got \['gender'\]"):
        chosen(numbers(4, 2), numbers(4, 2), LABELS, covariates={"gender": COVARIATES["gender"]})
    with pytest.raises(ValueError, match=r"needs the covariates gender, nationality. Got \[\]"):
        chosen(numbers(4, 2), numbers(4, 2), LABELS)
    with pytest.raises(ValueError, match="one shape"):
        chosen(numbers(4, 2), numbers(3, 2), LABELS)


def test_the_registry_builds_it_by_name() -> None:
    chosen = OBJECTIVES.build({"name": "shared_classifier", "covariates": {"gender": 0.5}, "bias": False})
    assert isinstance(chosen, SharedClassifier)
    assert (chosen.identity_weight, chosen.covariates, chosen.bias) == (1.0, {"gender": 0.5}, False)
    assert SharedClassifier().bias is True
