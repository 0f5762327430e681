"""What every identifier shares: which media it needs, pictures of one size, checks of what a recipe says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.identifiers.base import Identifier, as_picture, check_modality, count_parameters


class Both(Identifier):
    modalities = ("voice", "face")

    def __init__(self, *, n_people: int) -> None:
        super().__init__(n_people=n_people)
        self.layer = nn.Linear(2, n_people)
        self.layer.bias.requires_grad_(False)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        heard, seen = self.needed(voice, face)
        return torch.stack([heard.mean((1, 2, 3)), seen.mean((1, 2, 3))], dim=1)

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        logits: Tensor = self.layer(self.features(voice, face))
        return logits


VOICE, FACE = torch.full((2, 1, 4, 3), 0.25), torch.full((2, 3, 4, 4), 0.75)


def test_media_come_in_the_order_of_the_modalities() -> None:
    assert Both(n_people=3).features(face=FACE, voice=VOICE).tolist() == [[0.25, 0.75]] * 2


@pytest.mark.parametrize(("given", "missing"), [({"voice": VOICE}, "face"), ({"face": FACE}, "voice"), ({}, "voice")])
def test_a_missing_modality_is_one_line(given: dict[str, Tensor], missing: str) -> None:
    with pytest.raises(ConfigError, match=f"needs a {missing}, which is missing. Give it, or take a network"):
        Both(n_people=3)(**given)


def test_one_person_alone_cannot_be_told_apart() -> None:
    with pytest.raises(ConfigError, match="`n_people` must be at least 2. Got 1."):
        Both(n_people=1)


def test_parameters_are_counted_frozen_ones_included_or_not() -> None:
    network = Both(n_people=5)
    assert network.n_parameters == count_parameters(network) == 15
    assert count_parameters(network, trainable_only=True) == 10


def test_one_channel_becomes_three_equal_ones_and_sizes_change() -> None:
    picture = as_picture(torch.arange(4.0).reshape(1, 1, 2, 2), height_px=2, width_px=2)
    assert picture.shape == (1, 3, 2, 2)
    assert all(torch.equal(picture[0, i], picture[0, 0]) for i in range(3))
    assert as_picture(FACE, height_px=2, width_px=6).shape == (2, 3, 2, 6)
    assert torch.allclose(as_picture(FACE, height_px=2, width_px=6), torch.tensor(0.75))


def test_a_modality_is_voice_or_face() -> None:
    assert (check_modality("voice"), check_modality("face")) == ("voice", "face")
    with pytest.raises(ConfigError, match="must be voice or face. Got 'hand'"):
        check_modality("hand")
