"""The shape of every answer of the interface for programs, as the page /docs shows it.

The figures are those of the records of `visavox.pipeline`; a test holds the names of both together.

Example:
    >>> sorted(MatchAnswer.model_fields)
    ['best', 'decided', 'faces', 'model', 'speech_s', 'voice', 'voice_note', 'voice_status']
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """An answer; the texts under its fields are their descriptions."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid", protected_namespaces=())


class MatchedFace(Answer):
    """One candidate face."""

    name: str
    """Name of the file as it was sent."""
    status: str
    """"ok", or why it takes no part: "no_face", "unreadable_image" ..."""
    probability: float | None
    """That this face belongs to the voice, given that one of the usable candidates does."""
    similarity: float | None
    """Cosine of voice and face in the common space, -1 to 1."""
    n_faces: int
    """Faces found in the picture; of several the largest is taken."""
    note: str
    """One line for the reader."""


class MatchAnswer(Answer):
    """Which of several faces belongs to a voice."""

    voice: str
    """Name of the file as it was sent."""
    voice_status: str
    """"ok", or why there is no answer: "silent", "too_little_speech" ..."""
    voice_note: str
    """One line for the reader."""
    speech_s: float
    """Seconds of speech that were heard."""
    faces: list[MatchedFace]
    """One for each face, in the order sent."""
    model: str
    """Name of the model."""
    best: int | None
    """Index of the most probable face; null without an answer, or where two are equally probable."""
    decided: bool
    """Whether there was a usable voice and at least two usable faces."""


class VerifyAnswer(Answer):
    """Whether a voice and a face are of one person."""

    voice: str
    """Name of the file as it was sent."""
    voice_status: str
    """"ok", or why there is no answer."""
    face: str
    """Name of the file as it was sent."""
    face_status: str
    """"ok", or why there is no answer."""
    similarity: float | None
    """Cosine in the common space, -1 to 1."""
    log_likelihood_ratio: float | None
    """How much better one person explains both than two people do, nats; null of a model never calibrated."""
    probability: float | None
    """That both are of one person, by the ratio and the prior."""
    prior: float
    """As asked: how often such pairs are of one person."""
    speech_s: float
    """Seconds of speech that were heard."""
    notes: list[str]
    """Lines for the reader."""
    model: str
    """Name of the model."""
    decided: bool
    """Whether both could be used."""


class EmbeddedItem(Answer):
    """A voice or a face as a vector."""

    modality: Literal["voice", "face"]
    """What it is."""
    name: str
    """Name of the file as it was sent."""
    status: str
    """"ok", or why there is no vector."""
    note: str
    """One line for the reader."""
    vector: list[float] | None
    """Unit length, of the model's common space: cosines of voices and faces are their dot products."""
    speech_s: float
    """Seconds of speech of a voice; 0 of a face."""


class EmbedAnswer(Answer):
    """Voices and faces as vectors of one space."""

    model: str
    """Name of the model."""
    dim: int
    """Length of the vectors."""
    items: list[EmbeddedItem]
    """The voices in the order sent, then the faces."""


class EncoderFacts(Answer):
    """A frozen encoder."""

    name: str
    """Its registered name."""
    identifier: str
    """Equal texts promise equal vectors."""
    dim: int
    """Length of its vectors."""
    weights: str
    """What its weights are."""
    training_data: str
    """What they were trained on."""
    licence: str
    """Of the weights."""


class Calibration(Answer):
    """How similarities become probabilities."""

    match_scale: float
    """Choice among faces: softmax(match_scale * similarity)."""
    pair_slope: float | None
    """With the intercept: pair_slope * similarity + pair_intercept is the log likelihood ratio of a pair."""
    pair_intercept: float | None
    """See `pair_slope`."""


class Installed(Answer):
    """What the service has beside its model."""

    gallery: dict[str, Any] | None
    """Counts of the gallery that is searched; null where none is."""
    people: int | None
    """How many people are enrolled; null where nobody can be named."""
    generator: dict[str, Any] | None
    """Name, methods and size of what draws faces; null where nothing does."""


class LimitFacts(Answer):
    """What a request may be."""

    max_upload_mb: float
    """Largest body, megabytes."""
    max_voice_s: float
    """Longest voice, seconds."""
    max_pixels: int
    """Largest picture, pixels."""
    max_faces: int
    """Most files of a field."""
    timeout_s: float
    """Seconds of a request."""


class ModelAnswer(Answer):
    """What answers here."""

    name: str
    """Name of the model."""
    associator: str
    """What brings voices and faces into one space."""
    dim: int
    """Dimensions of that space."""
    n_people_trained_on: int
    """People or videos that the model was trained on."""
    detector: str
    """Finds the faces."""
    min_speech_s: float
    """Seconds of speech that a voice must hold."""
    encoders: dict[str, EncoderFacts]
    """Of the voice and of the face."""
    calibration: Calibration
    """How similarities become probabilities."""
    card: str
    """The text of the model's card, Markdown."""
    installed: Installed
    """What the service has beside the model."""
    limits: LimitFacts
    """What a request may be."""
    version: str
    """Of this package."""


class Health(Answer):
    """Whether the service can answer."""

    status: Literal["ok", "starting", "stopping"]
    """"ok" where requests are answered."""
    model: str
    """Name of the model."""
    decoders: int
    """Processes that decode uploads and are alive."""
    requests_running: int
    """Requests that are worked on."""
    requests_waiting: int
    """Requests that wait."""
