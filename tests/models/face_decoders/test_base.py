"""What every face decoder has."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.models.face_decoders.base import FaceDecoder


class Plain(FaceDecoder):
    def first_layer(self, features: Tensor) -> Tensor:
        return self.standardised(features)

    def forward(self, features: Tensor) -> Tensor:
        shade = torch.sigmoid(self.standardised(features).mean(dim=1))
        return shade[:, None, None, None].expand(-1, 3, self.image_px, self.image_px)


def test_features_are_standardised_by_what_was_learned_from() -> None:
    decoder = Plain(feature_dim=2, image_px=4)
    decoder.mean.copy_(torch.tensor([1.0, 2.0]))
    decoder.deviation.copy_(torch.tensor([2.0, 4.0]))
    assert decoder.standardised(torch.tensor([[3.0, 2.0]])).tolist() == [[1.0, 0.0]]


def test_an_untrained_decoder_changes_nothing() -> None:
    features = torch.randn(3, 5)
    assert torch.equal(Plain(feature_dim=5, image_px=4).standardised(features), features)


def test_statistics_are_saved_with_the_weights() -> None:
    assert set(Plain(feature_dim=2, image_px=4).state_dict()) == {"mean", "deviation"}


def test_pictures_have_the_size_that_was_asked_for() -> None:
    pictures = Plain(feature_dim=2, image_px=4)(torch.zeros(3, 2))
    assert pictures.shape == (3, 3, 4, 4)
    assert (pictures == 0.5).all()


def test_a_feature_of_no_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="`feature_dim` must be at least 1. Got 0."):
        Plain(feature_dim=0, image_px=4)
