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


class SearchHitAnswer(Answer):
    """A person or a clip of the gallery that may be the one asked for."""

    rank: int
    """1 for the most similar."""
    key: str
    """Row of the gallery."""
    clip: str
    """The clip; of a person, the one most similar to the query."""
    person: str
    """The person."""
    similarity: float
    """Cosine with the query, -1 to 1."""
    probability: float | None
    """That this is the one, among all who could be found and nobody here; null where nothing is calibrated."""
    attributes: dict[str, str]
    """What is known of the clip."""
    thumbnail: str | None
    """The face as JPEG in base64; null where none is kept or none was asked for."""


class SearchAnswer(Answer):
    """Who of the gallery it may be."""

    query: str
    """Name of the file as it was sent."""
    query_modality: Literal["voice", "face"]
    """What the query is."""
    against: Literal["voice", "face"]
    """What was looked through."""
    status: str
    """"ok"; what cannot be used is a problem."""
    note: str
    """One line about the query."""
    hits: list[SearchHitAnswer]
    """Best first."""
    p_nobody: float | None
    """Probability that the one asked for is not in the gallery; null where nothing is calibrated."""
    prior_nobody: float
    """As asked: the same before the query was looked at."""
    n_candidates: int
    """People or clips that could be found."""
    by: Literal["person", "clip"]
    """What a hit is."""
    notes: list[str]
    """Sentences to be read beside the answer."""
    model: str
    """Name of the model."""
    gallery: str
    """Name of the gallery."""
    p_others: float | None
    """Probability that it is one of those who are not shown."""
    nobody: bool
    """Whether "nobody here" is more probable than anybody."""
    found: bool
    """Whether there is an answer other than nobody here."""


class CandidateAnswer(Answer):
    """One person who may be the one asked about."""

    name: str
    """As enrolled."""
    probability: float
    """Among the enrolled and a stranger."""
    log_likelihood_ratio: float | None
    """How much better this person explains what was given than somebody unknown, nats."""
    by_modality: dict[str, float]
    """The same of the face and of the voice alone."""


class AskedWithAnswer(Answer):
    """A file that was given, and what it says alone."""

    modality: Literal["voice", "face"]
    """What it is."""
    file: str
    """Its name as it was sent."""
    status: str
    """"ok", or why it takes no part."""
    note: str
    """One line for the reader."""
    name: str | None
    """Whom this file alone is most like."""
    probability: float | None
    """Of that person, by this file alone."""
    is_stranger: bool | None
    """Whether this file alone would be refused."""
    speech_s: float | None
    """Seconds of speech of a voice."""
    log_likelihood_ratio: float | None
    """Of that person, by this file alone, nats."""
    p_value: float | None
    """Share of simulated strangers that are as convincing with such a file alone."""
    threshold: float | None
    """Least ratio that is accepted of such a file alone, nats."""


class IdentifyAnswer(Answer):
    """Who of the enrolled it is."""

    people: str
    """Name of the folder of people."""
    n_people: int
    """How many people could have been named."""
    asked: list[AskedWithAnswer]
    """The files, the face first."""
    ranked: list[CandidateAnswer]
    """The most probable people, best first."""
    is_stranger: bool | None
    """Whether it is taken for nobody enrolled."""
    p_stranger: float | None
    """Probability that it is nobody enrolled."""
    p_value: float | None
    """Share of simulated strangers that are at least as convincing."""
    false_accept: float | None
    """Largest p-value that is accepted."""
    notes: list[str]
    """Sentences to be read beside the answer."""
    threshold: float | None
    """Least ratio of the best person that is accepted, nats."""
    asked_false_accept: float | None
    """The rate that was asked for, where it is less than the enrolled can promise."""
    name: str | None
    """Who it is; null for a stranger."""
    decided: bool
    """Whether somebody was named."""


class DrawnPicture(Answer):
    """A guess of a face."""

    sample: int
    """Its number among those of one voice, from 0."""
    png: str
    """The picture in base64; its label is inside it too."""


class GenerateAnswer(Answer):
    """Guesses of what a speaker may look like. They show no real person."""

    label: str
    """That these are guesses."""
    disclaimer: str
    """What they are not for."""
    model: str
    """Name of the generator."""
    method: str
    """"decoder" or "diffusion"."""
    seed: int
    """As asked."""
    guidance: float
    """How far the voice was followed."""
    options: dict[str, Any]
    """More settings of the method."""
    n_samples: int
    """How many pictures."""
    image_px: int
    """Their side in pixels."""
    voice: dict[str, Any]
    """Which stretch was listened to, and the digest of the file."""
    told: list[dict[str, Any]]
    """Everything that the drawer was told, each with its provenance."""
    provenance: str
    """The same as a line."""
    may_leak: bool
    """Whether anything comes from the true face; here never."""
    licence: str
    """Under which the pictures may be used."""
    software: str
    """Name and version of this package."""
    notes: list[str]
    """What a user must be told."""
    pictures: list[DrawnPicture]
    """The guesses."""
