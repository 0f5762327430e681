"""A voice and a face to the answer whether they are of one person: cosine, likelihood ratio, probability by a prior.

Example:
    >>> round(logit(0.5), 3), round(probability_of(0.0, prior=0.2), 3)
    (0.0, 0.2)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from visavox.errors import MediaError
from visavox.pipeline.matching import PlacedFace, PlacedVoice
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.web.answers import Verified

MOST_NATS = 700.0
"""Beyond this exp() of a float has no value; the probability is 0 or 1 long before."""


def verified(
    model: VoiceFaceModel,
    voice: PlacedVoice | MediaError,
    face: PlacedFace | MediaError,
    *,
    prior: float,
    names: Sequence[str],
) -> Verified:
    """Return how well a voice and a face fit; with one that cannot be used, why."""
    if isinstance(voice, MediaError) or isinstance(face, MediaError):
        return Verified.of_failure(names, voice, face, prior, model.name)
    notes = [f"{names[1]}: {face.note}"] if face.note else []
    similarity = float(voice.vector @ face.vector)
    found = model.pair_ratio(np.array(similarity))
    ratio = None if found is None else float(found)
    probability = None if ratio is None else probability_of(ratio, prior=prior)
    if ratio is None:
        notes.append(f"{model.name} was never calibrated for pairs: there is a similarity, and no probability.")
    return Verified(
        names[0], "ok", names[1], "ok", similarity, ratio, probability, prior, voice.speech_s, tuple(notes), model.name
    )


def logit(probability: float) -> float:
    """Return log(p / (1 - p)) of a probability between 0 and 1."""
    return math.log(probability) - math.log1p(-probability)


def probability_of(ratio: float, *, prior: float) -> float:
    """Return the probability of one person by Bayes' rule.

    Args:
        ratio: log likelihood ratio, nats.
        prior: probability before, above 0 and below 1.
    """
    return 1 / (1 + math.exp(-min(MOST_NATS, max(-MOST_NATS, ratio + logit(prior)))))
