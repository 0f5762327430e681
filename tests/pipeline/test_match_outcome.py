"""Outcomes of matching: the best face, ties, faces that take no part, JSON."""

from __future__ import annotations

import json

from visavox.pipeline.match_outcome import FaceOutcome, MatchOutcome


def outcome(*probabilities: float | None) -> MatchOutcome:
    faces = tuple(
        FaceOutcome(f"{i}.jpg", "ok" if p is not None else "no_face", p, p, 1, "") for i, p in enumerate(probabilities)
    )
    return MatchOutcome("v.wav", "ok", "", 2.0, faces, "base")


def test_best_is_the_most_probable_face() -> None:
    assert outcome(0.2, 0.7, 0.1).best == 1


def test_a_face_without_a_probability_takes_no_part() -> None:
    found = outcome(None, 0.4, 0.6)
    assert found.best == 2
    assert found.probabilities == (None, 0.4, 0.6)
    assert found.decided


def test_a_tie_has_no_best() -> None:
    assert outcome(0.5, 0.5).best is None


def test_nobody_usable_is_undecided() -> None:
    assert outcome(None, None).best is None
    assert not outcome(None, None).decided


def test_dictionary_goes_through_json() -> None:
    found = json.loads(json.dumps(outcome(0.25, 0.75).to_dict()))
    assert found["best"] == 1
    assert found["faces"][1]["probability"] == 0.75
    assert found["speech_s"] == 2.0
