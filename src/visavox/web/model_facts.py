"""What a service is made of, as `GET /v1/model` tells it.

Example:
    facts = model_facts(VoiceFaceModel.from_pretrained("world"), ServeConfig(model="world"), {})
    facts["name"], facts["dim"]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from visavox.errors import DataError
from visavox.generation.picture_files import software
from visavox.persistence import resolve_model
from visavox.pipeline.frozen_encoder import build_encoder
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.service_config import ServeConfig


def model_facts(model: VoiceFaceModel, settings: ServeConfig, installed: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, sizes, encoders with their provenance, calibration and the text of the card.

    Paths of this machine are not among them: of a folder its name alone is told.
    """
    preprocess = model.preprocess
    encoders = {}
    for modality, spec in (("voice", preprocess.voice_encoder), ("face", preprocess.face_encoder)):
        encoder = build_encoder(spec, modality)
        encoders[modality] = {
            "name": encoder.name,
            "identifier": encoder.identifier if isinstance(spec, str) or "weights" not in spec else encoder.name,
            "dim": encoder.dim,
            **dataclasses.asdict(encoder.provenance),
        }
    return {
        "name": model.name,
        "associator": model.associator.name,
        "dim": model.associator.dim,
        "n_people_trained_on": len(model.people),
        "detector": preprocess.detector,
        "min_speech_s": preprocess.min_speech_s,
        "encoders": encoders,
        "calibration": {
            "match_scale": preprocess.match_scale,
            "pair_slope": preprocess.pair_slope,
            "pair_intercept": preprocess.pair_intercept,
        },
        "card": model_card(settings.model),
        "installed": dict(installed),
        "limits": {
            name: getattr(settings, name)
            for name in ("max_upload_mb", "max_voice_s", "max_pixels", "max_faces", "timeout_s")
        },
        "version": software().removeprefix("visavox").strip(),
    }


def model_card(name: str) -> str:
    """Return the text of a model's card; empty where it has none."""
    try:
        folder = resolve_model(name)
    except DataError:
        return ""
    for inner in (folder / "best", folder):
        if (inner / "README.md").is_file():
            return (inner / "README.md").read_text(encoding="utf-8", errors="replace")
    return ""
