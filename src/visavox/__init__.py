"""Visavox: voice-face association. Whose voice is this, among these faces?

The public names below are loaded when they are first used, so that `import visavox` costs nothing.

Example:
    from visavox import VoiceFaceModel
    model = VoiceFaceModel.from_pretrained("base")
    model.match("voice.wav", ["a.jpg", "b.jpg"])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavox.corpus.catalog import Catalog
    from visavox.corpus.embeddings import EmbeddingTable
    from visavox.errors import VisavoxError
    from visavox.evaluation.report import Report
    from visavox.pipeline.drawing.voice_to_face import VoiceToFacePipeline
    from visavox.pipeline.match_outcome import MatchOutcome
    from visavox.pipeline.voice_face_model import VoiceFaceModel
    from visavox.registry import ASSOCIATORS, DETECTORS, ENCODERS, OBJECTIVES, PROTOCOLS, SOURCES

_HOMES = {
    "ASSOCIATORS": "visavox.registry",
    "Catalog": "visavox.corpus.catalog",
    "DETECTORS": "visavox.registry",
    "ENCODERS": "visavox.registry",
    "EmbeddingTable": "visavox.corpus.embeddings",
    "MatchOutcome": "visavox.pipeline.match_outcome",
    "OBJECTIVES": "visavox.registry",
    "PROTOCOLS": "visavox.registry",
    "Report": "visavox.evaluation.report",
    "SOURCES": "visavox.registry",
    "VisavoxError": "visavox.errors",
    "VoiceFaceModel": "visavox.pipeline.voice_face_model",
    "VoiceToFacePipeline": "visavox.pipeline.drawing.voice_to_face",
}

__all__ = [
    "ASSOCIATORS",
    "DETECTORS",
    "ENCODERS",
    "OBJECTIVES",
    "PROTOCOLS",
    "SOURCES",
    "Catalog",
    "EmbeddingTable",
    "MatchOutcome",
    "Report",
    "VisavoxError",
    "VoiceFaceModel",
    "VoiceToFacePipeline",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'visavox' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
