"""The command `match`: which of these faces belongs to this voice?

Example:
    visavox match voice.wav a.jpg b.jpg
"""

from __future__ import annotations

import json
import sys

from visavox.config import MatchConfig
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.voice_face_model import VoiceFaceModel


def run(config: MatchConfig) -> int:
    """Match and print a probability for each face. Returns 1 if there is no answer, else 0."""
    model = VoiceFaceModel.from_pretrained(config.model, compute=Compute.of(config))
    outcome = model.match(config.voice, config.faces)
    if config.json:
        sys.stdout.write(json.dumps(outcome.to_dict(), indent=2) + "\n")
    else:
        sys.stdout.write(f"{outcome}\n")
    return 0 if outcome.decided else 1
