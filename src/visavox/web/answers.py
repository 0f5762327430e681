"""What the service answers that no command does: a pair of a voice and a face, and vectors.

Example:
    >>> Embedded("face", "a.jpg", "no_face", "No face found.", (), 0.0).to_dict()["vector"] is None
    True
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visavox.errors import MediaError

if TYPE_CHECKING:  # the client reads these records without the networks
    from visavox.pipeline.matching import PlacedFace, PlacedVoice


@dataclass(frozen=True)
class Verified:
    """A voice and a face: are they of one person?"""

    voice: str
    """How the voice was called."""
    voice_status: str
    """"ok", or why there is no answer: "silent", "too_little_speech", "unreadable_audio" ..."""
    face: str
    """How the face was called."""
    face_status: str
    """"ok", or why there is no answer: "no_face", "unreadable_image" ..."""
    similarity: float | None
    """Cosine in the common space, -1 to 1; None without an answer."""
    log_likelihood_ratio: float | None
    """How much better one person explains both than two people do, nats; None also of a model never calibrated."""
    probability: float | None
    """That both are of one person, by the ratio and the prior; 0 to 1."""
    prior: float
    """How often pairs that are asked about are of one person, above 0 and below 1."""
    speech_s: float
    """Seconds of speech that were heard."""
    notes: tuple[str, ...]
    """Lines for the reader."""
    model: str
    """Name of the model."""

    @property
    def decided(self) -> bool:
        """Whether voice and face could both be used."""
        return self.similarity is not None

    @classmethod
    def of_failure(
        cls,
        names: Sequence[str],
        voice: PlacedVoice | MediaError,
        face: PlacedFace | MediaError,
        prior: float,
        model: str,
    ) -> Verified:
        """Return the answer where a voice, a face or both cannot be used."""
        problems = tuple(str(one) for one in (voice, face) if isinstance(one, MediaError))
        statuses = [one.status if isinstance(one, MediaError) else "ok" for one in (voice, face)]
        speech_s = 0.0 if isinstance(voice, MediaError) else voice.speech_s
        return cls(names[0], statuses[0], names[1], statuses[1], None, None, None, prior, speech_s, problems, model)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as a mapping that JSON can hold."""
        return {**dataclasses.asdict(self), "decided": self.decided}


@dataclass(frozen=True)
class Embedded:
    """A voice or a face as a vector of the common space."""

    modality: str
    """"voice" or "face"."""
    name: str
    """How it was called."""
    status: str
    """"ok", or why there is no vector."""
    note: str
    """One line for the reader."""
    vector: tuple[float, ...]
    """(dim,) of unit length; empty where there is none."""
    speech_s: float
    """Seconds of speech of a voice; 0 of a face."""

    @classmethod
    def of(cls, modality: str, name: str, placed: PlacedVoice | PlacedFace | MediaError) -> Embedded:
        """Return a vector with its name, or why there is none."""
        if isinstance(placed, MediaError):
            return cls(modality, name, placed.status, str(placed), (), 0.0)
        vector = tuple(float(x) for x in placed.vector)
        note, speech_s = getattr(placed, "note", ""), getattr(placed, "speech_s", 0.0)
        return cls(modality, name, "ok", note, vector, speech_s)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as a mapping that JSON can hold."""
        return {**dataclasses.asdict(self), "vector": list(self.vector) or None}
