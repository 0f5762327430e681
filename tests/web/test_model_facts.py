"""What a service tells of its model."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.service_config import ServeConfig
from visavox.web.model_facts import model_card, model_facts
from visavox.web.schemas import ModelAnswer


def test_a_boxed_model_tells_where_it_comes_from() -> None:
    model = VoiceFaceModel.from_pretrained("world")
    installed = {"gallery": None, "people": None, "generator": None}
    told: Any = model_facts(model, ServeConfig(model="world", max_faces=3), installed)
    assert told["name"] == "world" and told["dim"] == model.associator.dim
    assert told["encoders"]["voice"]["licence"] and told["encoders"]["face"]["training_data"]
    assert told["calibration"]["match_scale"] == model.preprocess.match_scale
    assert told["limits"]["max_faces"] == 3
    assert told["card"] == model_card("world") != ""
    assert ModelAnswer.model_validate(told).installed.gallery is None
