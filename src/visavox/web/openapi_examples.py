"""An example of every answer, for the page /docs and for whoever reads the schema.

Example:
    >>> EXAMPLES["/v1/match"]["best"]
    0
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FACES = [
    {"name": "a.jpg", "status": "ok", "probability": 0.84, "similarity": 0.31, "n_faces": 1, "note": ""},
    {"name": "b.jpg", "status": "ok", "probability": 0.16, "similarity": 0.11, "n_faces": 1, "note": ""},
]

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "/v1/match": {
        "voice": "v.wav",
        "voice_status": "ok",
        "voice_note": "",
        "speech_s": 3.4,
        "faces": _FACES,
        "model": "base",
        "best": 0,
        "decided": True,
    },
    "/v1/verify": {
        "voice": "v.wav",
        "voice_status": "ok",
        "face": "a.jpg",
        "face_status": "ok",
        "similarity": 0.31,
        "log_likelihood_ratio": 1.09,
        "probability": 0.75,
        "prior": 0.5,
        "speech_s": 3.4,
        "notes": [],
        "model": "base",
        "decided": True,
    },
    "/v1/embed": {
        "model": "base",
        "dim": 64,
        "items": [
            {"modality": "face", "name": "a.jpg", "status": "ok", "note": "", "vector": [0.6, 0.8], "speech_s": 0.0}
        ],
    },
    "/v1/search": {
        "query": "v.wav",
        "query_modality": "voice",
        "against": "face",
        "status": "ok",
        "note": "3.4 s of speech",
        "hits": [
            {
                "rank": 1,
                "key": "c1/face",
                "clip": "c1",
                "person": "Ann",
                "similarity": 0.42,
                "probability": 0.3,
                "attributes": {"gender": "f"},
                "thumbnail": None,
            }
        ],
        "p_nobody": 0.4,
        "prior_nobody": 0.5,
        "n_candidates": 31,
        "by": "person",
        "notes": [],
        "model": "base",
        "gallery": "gallery",
        "p_others": 0.3,
        "nobody": True,
        "found": False,
    },
    "/v1/identify": {
        "people": "people",
        "n_people": 31,
        "asked": [
            {
                "modality": "face",
                "file": "a.jpg",
                "status": "ok",
                "note": "",
                "name": "Ann",
                "probability": 0.97,
                "is_stranger": False,
                "speech_s": None,
                "log_likelihood_ratio": 6.1,
                "p_value": 0.01,
                "threshold": 4.2,
            }
        ],
        "ranked": [{"name": "Ann", "probability": 0.97, "log_likelihood_ratio": 6.1, "by_modality": {"face": 6.1}}],
        "is_stranger": False,
        "p_stranger": 0.02,
        "p_value": 0.01,
        "false_accept": 0.05,
        "notes": [],
        "threshold": 4.2,
        "asked_false_accept": None,
        "name": "Ann",
        "decided": True,
    },
    "/v1/generate": {
        "label": "guess from a voice, not a picture of a person",
        "disclaimer": "Drawn by a computer. A guess from a voice, which shows no real person.",
        "model": "portrait",
        "method": "decoder",
        "seed": 0,
        "guidance": 3.0,
        "options": {},
        "n_samples": 1,
        "image_px": 64,
        "voice": {"file": "v.wav", "begin_s": 0.0, "end_s": 4.0, "speech_s": 3.4},
        "told": [{"condition": "voice", "provenance": "from voice"}],
        "provenance": "voice (from voice)",
        "may_leak": False,
        "licence": "cc-by-nc-4.0",
        "software": "visavox",
        "notes": [],
        "pictures": [{"sample": 0, "png": "iVBORw0KGgo="}],
    },
    "/healthz": {"status": "ok", "model": "base", "decoders": 2, "requests_running": 0, "requests_waiting": 0},
}
"""Path -> what a good answer looks like."""
