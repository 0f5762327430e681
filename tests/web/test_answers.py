"""What the service answers that no command does."""

from __future__ import annotations

import numpy as np

from visavox.errors import MediaError
from visavox.pipeline.matching import PlacedFace, PlacedVoice
from visavox.web.answers import Embedded, Verified

NOTHING = MediaError("f: no face.", status="no_face")


def test_a_vector_with_its_name() -> None:
    voice = Embedded.of("voice", "v", PlacedVoice(np.array([0.6, 0.8], np.float32), 3.0))
    assert np.allclose(voice.to_dict()["vector"], [0.6, 0.8])
    assert (voice.status, voice.speech_s) == ("ok", 3.0)
    face = Embedded.of("face", "f", PlacedFace(np.array([1.0, 0.0], np.float32), 2, "2 faces"))
    assert (face.note, face.speech_s) == ("2 faces", 0.0)


def test_no_vector_has_a_reason() -> None:
    told = Embedded.of("face", "f", NOTHING).to_dict()
    assert (told["vector"], told["status"], told["note"]) == (None, "no_face", "f: no face.")


def test_a_pair_of_which_one_cannot_be_used() -> None:
    voice = PlacedVoice(np.array([1.0], np.float32), 3.0)
    told = Verified.of_failure(["v", "f"], voice, NOTHING, 0.5, "m").to_dict()
    assert (told["voice_status"], told["face_status"], told["decided"]) == ("ok", "no_face", False)
    assert (told["similarity"], told["speech_s"], told["notes"]) == (None, 3.0, ("f: no face.",))
