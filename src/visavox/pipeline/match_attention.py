"""What one match attends to: a map over each face and one over the voice, in log odds.

Faces are covered one at a time, the others stay as they are; the voice is silenced block by block (how, and what the
maps mean, is `visavox.pipeline.occlusion`). Log odds of a face: log(p / (1 - p)) of its probability in the match. A map
of 0.7 means that covering the place halves the odds.

Example:
    attention = match_attention(model, samples, [pixels, other_pixels])
    attention.faces[0].effect.shape      # (256, 256)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from visavox.errors import ConfigError
from visavox.generation.heard_voice import most_speech
from visavox.media.audio import SAMPLE_RATE
from visavox.media.speech import SpeechDetector
from visavox.pipeline.media_vectors import CutFace, CutVoice
from visavox.pipeline.occlusion import Progress, VoiceEffect, face_effect, voice_effect
from visavox.pipeline.voice_face_model import VoiceFaceModel

Array = NDArray[np.float32]

LONGEST_S = 6.0
"""Seconds of a longer voice that are looked into: those with the most speech."""


@dataclass(frozen=True, eq=False)
class FaceAttention:
    """What of one face the match attends to."""

    crop: NDArray[np.uint8]
    """(256, 256, 3), the aligned face that the model sees."""
    effect: Array
    """(256, 256): fall of the face's log odds, in nats, where a place is covered."""


@dataclass(frozen=True, eq=False)
class MatchAttention:
    """What a match attends to."""

    faces: tuple[FaceAttention, ...]
    """One a face, in order."""
    voice: VoiceEffect
    """Its effect is the fall of the log odds of the face that was chosen, in nats."""
    chosen: int
    """The most probable face; 0 is the first."""
    begin_s: float
    """Where in the voice the part that was looked into begins; 0 where it is the whole."""

    @property
    def largest(self) -> float:
        """The largest change in any map, in nats; one scale for all of them."""
        maps = [self.voice.effect, *(face.effect for face in self.faces)]
        return max(float(np.abs(effect).max()) for effect in maps)


def match_attention(
    model: VoiceFaceModel,
    voice: Array,
    faces: Sequence[NDArray[np.uint8]],
    *,
    progress: Progress | None = None,
) -> MatchAttention:
    """Return what a match of a voice with faces attends to.

    Args:
        model: brings both into one space.
        voice: (samples,) float32, 16 kHz, half a second or more.
        faces: two pictures or more, (height, width, 3) uint8 RGB.
        progress: called as progress(done, total), in covered copies.

    Raises:
        ConfigError: fewer than two faces, or a voice shorter than 0.5 s.
        MediaError: a picture without a face.
    """
    if len(faces) < 2:
        raise ConfigError(f"`faces` must hold at least 2 candidates. Got {len(faces)}. Give two faces or more.")
    crops = [model.media.cut_face(face).crops[0] for face in faces]
    part, begin_s = spoken_part(voice)
    scale = model.preprocess.match_scale
    heard, seen = _voice_vectors(model, [part])[0], _face_vectors(model, crops)  # (dim,), (faces, dim)
    scores = scale * (seen @ heard)  # (faces,)

    def odds_with_copies(place: int, copies: Sequence[np.ndarray]) -> np.ndarray:
        changed = np.repeat(scores[None], len(copies), axis=0)  # (copies, faces)
        changed[:, place] = scale * (_face_vectors(model, copies) @ heard)
        return log_odds(changed, place)

    def part_of(place: int) -> Progress | None:
        if progress is None:
            return None
        return lambda done, total: progress(place * total + done, (len(faces) + 1) * total)

    maps = [
        FaceAttention(crop, face_effect(partial(odds_with_copies, place), crop, progress=part_of(place)))
        for place, crop in enumerate(crops)
    ]
    chosen = int(scores.argmax())
    found = voice_effect(
        lambda copies: log_odds(scale * (_voice_vectors(model, copies) @ seen.T), chosen),
        part,
        progress=part_of(len(faces)),
    )
    return MatchAttention(tuple(maps), found, chosen, begin_s)


def log_odds(scores: np.ndarray, place: int) -> np.ndarray:
    """Return log(p / (1 - p)) of one candidate, with p the softmax of the scores.

    Args:
        scores: (n, candidates) float, two candidates or more.
        place: the candidate; 0 is the first.

    Returns:
        (n,) float64, nats.

    Example:
        >>> log_odds(np.log([[0.75, 0.25], [0.5, 0.5]]), 0).round(4).tolist()
        [1.0986, 0.0]
    """
    others = np.delete(scores, place, axis=1).astype(np.float64)
    odds: np.ndarray = scores[:, place] - logsumexp(others, axis=1)
    return odds


def spoken_part(voice: Array) -> tuple[Array, float]:
    """Return the 6 s of a voice that hold most speech, and where they begin in seconds; a shorter voice is whole.

    Args:
        voice: (samples,) float32, 16 kHz.
    """
    duration_s = len(voice) / SAMPLE_RATE
    if duration_s <= LONGEST_S:
        return voice, 0.0
    begin_s, _ = most_speech(SpeechDetector().segments(voice), duration_s=duration_s, length_s=LONGEST_S)
    first = round(begin_s * SAMPLE_RATE)
    return voice[first : first + round(LONGEST_S * SAMPLE_RATE)], begin_s


def _voice_vectors(model: VoiceFaceModel, voices: Sequence[np.ndarray]) -> np.ndarray:
    """Return (n, dim): whole voices, whether speech is found in them or not, since some of it is covered."""
    heard = model.media.voices([CutVoice([voice], 1.0) for voice in voices])
    return np.stack([model.place_voice(each).vector for each in heard])


def _face_vectors(model: VoiceFaceModel, crops: Sequence[np.ndarray]) -> np.ndarray:
    """Return (n, dim) of crops that are not searched for a face again."""
    seen = model.media.faces([CutFace([crop], 1, "") for crop in crops])
    return np.stack([model.place_face(each).vector for each in seen])
