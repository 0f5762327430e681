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


def test_printing_an_outcome_draws_bars_and_says_that_it_is_a_guess() -> None:
    said = str(outcome(0.25, None, 0.75)).splitlines()
    assert said[0] == "  0.jpg  #####                 25.0 %"
    assert said[1] == "  1.jpg  not compared"
    assert said[2] == "> 2.jpg  ###############       75.0 %"
    assert said[3] == "A guess by base from 2.0 s of speech, given that one of these faces is the speaker's."


def test_printing_an_undecided_outcome_says_why() -> None:
    assert str(outcome(None, None)).endswith("No answer: at least two usable faces are needed.")
    silent = MatchOutcome("v.wav", "silent", "v.wav is\nsilent.", 0.0, outcome(None, None).faces, "base")
    assert str(silent).splitlines()[-1].startswith("No answer: v.wav is")
    assert len(str(silent).splitlines()) == 3
