"""Tiny identifiers for the tests of fusions, known to the registry while a test runs: one dense layer, or tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.models.identifiers.base import Identifier, check_modality
from visavox.registry import IDENTIFIERS

FACE_PX = 8


class StandIn(Identifier):
    """Features are a dense layer of an 8 x 8 picture, behind a dropout; logits a dense layer of those."""

    def __init__(self, *, n_people: int, modality: str, dim: int = 6, in_channels: int = 3) -> None:
        super().__init__(n_people=n_people)
        self.modality = check_modality(modality)
        self.modalities = (self.modality,)
        self.feature_dim = dim
        self.in_channels = in_channels
        self.face_px = FACE_PX if self.modality == "face" else None
        self.drop = nn.Dropout(0.5)
        self.first = nn.Linear((1 if self.modality == "voice" else in_channels) * FACE_PX**2, dim)
        self.last = nn.Linear(dim, n_people)

    def picture(self, voice: Tensor | None, face: Tensor | None) -> Tensor:
        (media,) = self.needed(voice, face)
        return functional.interpolate(media, size=(FACE_PX, FACE_PX), mode="bilinear").flatten(1)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        vectors: Tensor = self.first(self.drop(self.picture(voice, face)))
        return vectors

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        logits: Tensor = self.last(self.features(voice, face))
        return logits


class StandInTokens(StandIn):
    """The same with the features of each row of the picture as a token."""

    def __init__(self, *, n_people: int, modality: str, dim: int = 6) -> None:
        super().__init__(n_people=n_people, modality=modality, dim=dim)
        self.dim = dim
        self.first = nn.Linear((1 if self.modality == "voice" else 3) * FACE_PX, dim)

    def tokens(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        picture = self.picture(voice, face)
        found: Tensor = self.first(self.drop(picture).view(len(picture), FACE_PX, -1))
        return found

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.tokens(voice, face).mean(dim=1)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make them known as `dense` and `rows` for one test, and seed torch."""
    for name, kind in (("dense", StandIn), ("rows", StandInTokens)):
        monkeypatch.setitem(IDENTIFIERS._factories, name, kind)
    torch.manual_seed(0)


@pytest.fixture
def media() -> dict[str, Tensor]:
    """Voices and faces of three clips."""
    draws = torch.Generator().manual_seed(0)
    voice = torch.rand(3, 1, 128, 110, generator=draws)
    return {"voice": voice, "face": torch.rand(3, 3, FACE_PX, FACE_PX, generator=draws)}


@pytest.fixture
def moved_by_training(media: dict[str, Tensor]) -> Callable[[nn.Module], set[str]]:
    """Return the names of the parameters that a gradient other than zero reaches in training."""

    def moved(network: nn.Module) -> set[str]:
        network.train().zero_grad()
        torch.autograd.backward(network(**media).square().sum())
        return {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}

    return moved
