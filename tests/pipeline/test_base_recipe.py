"""The recipe of the boxed model can be built as it stands."""

from __future__ import annotations

from visavox.config import FACE_ENCODER, VOICE_ENCODER
from visavox.pipeline.base_recipe import ASSOCIATOR
from visavox.pipeline.fitting import plan_networks
from visavox.pipeline.frozen_encoder import build_encoder


def test_the_encoders_exist() -> None:
    assert build_encoder(VOICE_ENCODER, "voice").modality == "voice"
    assert build_encoder(FACE_ENCODER, "face").modality == "face"


def test_the_associator_is_a_valid_specification() -> None:
    assert isinstance(plan_networks(ASSOCIATOR), list)
