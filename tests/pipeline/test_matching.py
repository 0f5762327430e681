"""The answer of a match from vectors, against a slow softmax."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import MediaError
from visavox.pipeline.matching import PlacedFace, PlacedVoice, match_placed

NO_FACE = MediaError("No face found.", status="no_face")


def unit(*numbers: float) -> np.ndarray:
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


def test_probabilities_are_a_softmax_of_scaled_cosines() -> None:
    voice, vectors = unit(1, 2, 3), [unit(1, 0, 0), unit(0, 1, 1), unit(3, 2, 1)]
    faces = [(f"{i}.jpg", PlacedFace(vector, 1, "")) for i, vector in enumerate(vectors)]
    outcome = match_placed("v", PlacedVoice(voice, 2.5), faces, scale=7.0, model="m")
    cosines = [sum(float(a) * float(b) for a, b in zip(voice, vector, strict=True)) for vector in vectors]
    total = sum(math.exp(7 * cosine) for cosine in cosines)
    assert outcome.probabilities == pytest.approx([math.exp(7 * cosine) / total for cosine in cosines], abs=1e-5)
    assert [face.similarity for face in outcome.faces] == pytest.approx(cosines, abs=1e-6)
    assert (outcome.best, outcome.speech_s, outcome.model, outcome.voice_status) == (1, 2.5, "m", "ok")


def test_what_cannot_be_used_takes_no_part() -> None:
    good = PlacedFace(unit(1, 0), 2, "2 faces found; the largest was taken")
    faces = [("a", good), ("b", NO_FACE), ("c", PlacedFace(unit(0, 1), 1, ""))]
    outcome = match_placed("v", PlacedVoice(unit(1, 0), 1.0), faces, scale=1.0, model="m")
    assert [face.status for face in outcome.faces] == ["ok", "no_face", "ok"]
    assert (outcome.faces[0].n_faces, outcome.faces[0].note) == (2, good.note)
    assert (outcome.faces[1].probability, outcome.faces[1].similarity) == (None, None)
    assert outcome.best == 0


def test_one_usable_face_has_a_similarity_and_no_probability() -> None:
    faces = [("a", PlacedFace(unit(1, 0), 1, "")), ("b", NO_FACE)]
    outcome = match_placed("v", PlacedVoice(unit(1, 0), 1.0), faces, scale=1.0, model="m")
    assert outcome.faces[0].similarity == pytest.approx(1.0)
    assert (outcome.probabilities, outcome.decided, outcome.best) == ((None, None), False, None)


def test_without_a_voice_nothing_is_compared() -> None:
    silent = MediaError("v: silent.", status="silent")
    faces = [(name, PlacedFace(unit(1, 0), 1, "")) for name in "ab"]
    outcome = match_placed("v", silent, faces, scale=1.0, model="m")
    assert (outcome.voice_status, outcome.voice_note, outcome.speech_s) == ("silent", "v: silent.", 0.0)
    assert [face.similarity for face in outcome.faces] == [None, None]
    assert [face.status for face in outcome.faces] == ["ok", "ok"]


def test_large_scales_do_not_overflow() -> None:
    faces = [("a", PlacedFace(unit(1, 0), 1, "")), ("b", PlacedFace(unit(-1, 0), 1, ""))]
    outcome = match_placed("v", PlacedVoice(unit(1, 0), 1.0), faces, scale=1e4, model="m")
    assert outcome.probabilities == (1.0, 0.0)
