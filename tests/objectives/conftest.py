"""One small batch, and every objective made ready for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from visavox.objectives.base import Objective, TrainingFacts
from visavox.registry import OBJECTIVES

DIM, N_PEOPLE, N_ROWS = 6, 5, 12
PARTS = [{"name": "info_nce"}, {"name": "barlow_twins", "weight": 0.1}]
REQUIRED: Mapping[str, Mapping[str, Any]] = {"mixture": {"parts": PARTS}}  # arguments without a default


@dataclass(frozen=True)
class Batch:
    """What `forward` is given; rows of every field belong together."""

    voice: Tensor
    face: Tensor
    labels: Tensor | None
    weights: Tensor | None
    mask: Tensor | None
    rows: Tensor
    covariates: Mapping[str, Tensor]

    def taken(self, rows: Tensor) -> Batch:
        """Return some rows, in the order that is given."""
        return Batch(
            self.voice[rows],
            self.face[rows],
            None if self.labels is None else self.labels[rows],
            None if self.weights is None else self.weights[rows],
            None if self.mask is None else self.mask[rows][:, rows],
            self.rows[rows],
            {name: values[rows] for name, values in self.covariates.items()},
        )

    def cost(self, objective: Objective) -> dict[str, Tensor]:
        """Return what an objective says of the batch, with unit vectors where it takes them."""
        unit = objective.takes == "unit"
        sides = (torch.nn.functional.normalize(x) if unit else x for x in (self.voice, self.face))
        extras = {name: getattr(self, name) for name in objective.extras}
        found: dict[str, Tensor] = objective(*sides, self.labels, self.weights, self.mask, **extras)
        return found


@pytest.fixture
def batch() -> Batch:
    """Eight rows of five people in float64, with weights, a mask, and what else an objective may want."""
    generator = torch.Generator().manual_seed(5)
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 1, 0])
    mask = torch.rand(8, 8, generator=generator) < 0.8
    voice = torch.randn(8, DIM, generator=generator, dtype=torch.float64)
    return Batch(
        voice=voice,
        face=voice + torch.randn(8, DIM, generator=generator, dtype=torch.float64),
        labels=labels,
        weights=0.5 + torch.rand(8, generator=generator, dtype=torch.float64),
        mask=(mask & mask.T) | torch.eye(8, dtype=torch.bool),
        rows=torch.tensor([3, 1, 4, 0, 5, 9, 2, 6]),
        covariates={"gender": labels % 2, "nationality": torch.tensor([0, 1, 2, -1, 1, 0, 1, 0])},
    )


@pytest.fixture
def plain(batch: Batch) -> Batch:
    """The first five rows, each a person of its own, without weights and mask."""
    return replace(batch.taken(torch.arange(5)), weights=None, mask=None)


@pytest.fixture
def ready() -> Callable[..., Objective]:
    """Return a function that builds an objective by name and prepares it as the trainer does."""

    def make(name: str, *, seed: int = 0, double: bool = True, **arguments: Any) -> Objective:
        objective: Objective = OBJECTIVES.build({"name": name, **REQUIRED.get(name, {}), **arguments})
        generator = torch.Generator().manual_seed(seed)
        facts = TrainingFacts(
            n_people=N_PEOPLE, dim=DIM, n_rows=N_ROWS, n_steps=20, n_values={"gender": 2, "nationality": 3}
        )
        objective.prepare(facts, generator)
        objective = objective.double() if double else objective
        if objective.wants_all_vectors:
            kind = torch.float64 if double else torch.float32
            people = torch.randn(N_ROWS, DIM, generator=generator, dtype=torch.float64).to(kind)
            voice = torch.nn.functional.normalize(people)
            face = torch.nn.functional.normalize(people + 0.5)
            for epoch in range(6):  # past any warm-up
                objective.before_epoch(voice, face, torch.Generator().manual_seed(epoch))
        objective.before_step(0)
        return objective

    return make
