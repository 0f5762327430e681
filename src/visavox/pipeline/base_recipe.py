"""The recipe of the model in the box: which encoders, and which associator over them.

It was chosen by cross-validation inside the training people alone; docs/choosing-the-base-model.md tells how, and
what else was tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VOICE_ENCODER: Mapping[str, Any] = {"name": "ge2e"}
FACE_ENCODER: Mapping[str, Any] = {"name": "dlib", "output": "pooled", "flip": True}

ASSOCIATOR: Mapping[str, Any] = {
    "name": "ensemble",
    "members": [
        {"name": "cca", "n_components": 64, "ridge_voice": 10.0, "ridge_face": 10.0},
        {"name": "two_tower", "n_members": 4},
    ],
    "weights": [1.0, 1.0],
}
