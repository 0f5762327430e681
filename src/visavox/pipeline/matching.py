"""A voice and several faces, already brought into one space, to the answer which of them belongs to it.

Reading and encoding are not its affair: `visavox.pipeline.voice_face_model` does that for files one after another, the
service for uploads of many askers at once. Both answer by this, and so alike.

Example:
    >>> ann, bob = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    >>> faces = [("a.jpg", PlacedFace(ann, 1, "")), ("b.jpg", PlacedFace(bob, 1, ""))]
    >>> match_placed("v.wav", PlacedVoice(ann, 3.0), faces, scale=10.0, model="base").best
    0
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visavox.errors import MediaError
from visavox.pipeline.match_outcome import FaceOutcome, MatchOutcome


@dataclass(frozen=True, eq=False)
class PlacedVoice:
    """A voice in the common space."""

    vector: np.ndarray
    """(dim,) float32, unit length."""
    speech_s: float
    """Seconds of speech that were heard."""


@dataclass(frozen=True, eq=False)
class PlacedFace:
    """A face in the common space."""

    vector: np.ndarray
    """(dim,) float32, unit length."""
    n_faces: int
    """Faces found in the picture, 1 or more; of several the largest was taken."""
    note: str
    """One line for the reader; empty where there is nothing to say."""


def match_placed(
    voice_name: str,
    voice: PlacedVoice | MediaError,
    faces: Sequence[tuple[str, PlacedFace | MediaError]],
    *,
    scale: float,
    model: str,
) -> MatchOutcome:
    """Return which of several faces belongs to a voice.

    Args:
        voice_name: how the outcome names the voice.
        voice: the voice, or why it cannot be used.
        faces: name and face, or why it cannot be used; those take no part, and with fewer than two of the others
            there are no probabilities.
        scale: probabilities are softmax(scale * cosine); above 0.
        model: name of the model, for the outcome.
    """
    outcomes = [_about(name, face) for name, face in faces]
    if isinstance(voice, MediaError):
        return MatchOutcome(voice_name, voice.status, str(voice), 0.0, tuple(outcomes), model)
    usable = [(i, face.vector) for i, (_, face) in enumerate(faces) if isinstance(face, PlacedFace)]
    similarities = [float(voice.vector @ vector) for _, vector in usable]
    probabilities: list[float | None] = [None] * len(usable)
    if len(usable) > 1:
        scaled = scale * np.array(similarities)
        odds = np.exp(scaled - scaled.max())
        probabilities = [float(p) for p in odds / odds.sum()]
    for (i, _), similarity, probability in zip(usable, similarities, probabilities, strict=True):
        outcomes[i] = dataclasses.replace(outcomes[i], similarity=similarity, probability=probability)
    return MatchOutcome(voice_name, "ok", "", voice.speech_s, tuple(outcomes), model)


def _about(name: str, face: PlacedFace | MediaError) -> FaceOutcome:
    if isinstance(face, MediaError):
        return FaceOutcome(name, face.status, None, None, 0, str(face))
    return FaceOutcome(name, "ok", None, None, face.n_faces, face.note)
