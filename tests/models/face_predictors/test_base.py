"""What every face-feature predictor has."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.models.face_predictors.base import FacePredictor


class Nobody(FacePredictor):
    takes = "embedding"

    def forward(self, voice: Tensor) -> Tensor:
        return self.centre.expand(len(voice), -1)


def test_an_untrained_one_knows_no_centre_and_no_spread() -> None:
    predictor = Nobody(feature_dim=3, spread_rank=2)
    assert predictor.centre.tolist() == [0, 0, 0]
    assert predictor.spread.shape == (3, 2)
    assert not predictor.spread.any()


def test_centre_and_spread_are_saved_with_the_weights() -> None:
    assert {name: tuple(t.shape) for name, t in Nobody(feature_dim=3, spread_rank=2).state_dict().items()} == {
        "centre": (3,),
        "spread": (3, 2),
    }


def test_where_no_spread_was_measured_its_rank_is_0() -> None:
    assert Nobody(feature_dim=3).spread.shape == (3, 0)


def test_it_gives_a_feature_a_voice() -> None:
    predictor = Nobody(feature_dim=3)
    predictor.centre.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert predictor(torch.zeros(2, 7)).tolist() == [[1, 2, 3], [1, 2, 3]]


def test_a_feature_of_no_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="`feature_dim` must be at least 1. Got 0."):
        Nobody(feature_dim=0)
