"""The words and the numbers of an answer."""

from __future__ import annotations

import dataclasses
import json

import pytest

from visavox.pipeline.identification_outcome import AskedWith, Candidate, IdentificationOutcome

FACE = AskedWith("face", "a.jpg", "ok", "", name="Ann", probability=0.6, is_stranger=False)
VOICE = AskedWith("voice", "a.wav", "ok", "3.1 s of speech", name="Bob", probability=0.5, is_stranger=True)
RANKED = (Candidate("Ann", 0.75, 3.0, {"face": 2.0, "voice": 1.0}), Candidate("Bob", 0.05, -1.0))
BOTH = IdentificationOutcome("people", 31, (FACE, VOICE), RANKED, False, 0.2, 0.008, 0.01, ("Bob has faces only.",))


def test_somebody_is_named_with_a_bar_for_each_and_what_each_file_says_alone() -> None:
    assert str(BOTH).splitlines() == [
        "Ann, by face and voice (p = 0.008 <= 0.01).",
        "> Ann         ###############       75.0 %",
        "  Bob         #                      5.0 %",
        "  a stranger  ####                  20.0 %",
        "Face alone: Ann 60.0 %.",
        "Voice alone (3.1 s of speech): Bob 50.0 %, but would be taken for a stranger.",
        "Note: Bob has faces only.",
    ]
    assert BOTH.name == "Ann"
    assert BOTH.decided


def test_a_stranger_is_said_and_marked() -> None:
    stranger = dataclasses.replace(BOTH, is_stranger=True, p_value=0.25, notes=())
    lines = str(stranger).splitlines()
    assert lines[0] == "A stranger, by face and voice: nobody of the 31 enrolled is convincing (p = 0.25 > 0.01)."
    assert [line[0] for line in lines[1:4]] == [" ", " ", ">"]
    assert stranger.name is None
    assert not stranger.decided


def test_one_file_says_nothing_twice() -> None:
    lines = str(dataclasses.replace(BOTH, asked=(VOICE,), notes=())).splitlines()
    assert lines[0].startswith("Ann, by voice (")
    assert lines[-1] == "Voice: 3.1 s of speech."
    assert len(str(dataclasses.replace(BOTH, asked=(FACE,), notes=())).splitlines()) == 4


def test_a_file_that_cannot_be_used_is_said_and_the_other_answers() -> None:
    silent = AskedWith("voice", "a.wav", "silent", "The voice is silent.")
    lines = str(dataclasses.replace(BOTH, asked=(FACE, silent), notes=())).splitlines()
    assert lines[0].startswith("Ann, by face (")
    assert lines[-1] == "Not used: The voice is silent."


@pytest.mark.parametrize(("n_files", "said"), [(1, "the file could not be used"), (2, "the files could not be used")])
def test_no_answer_is_said(n_files: int, said: str) -> None:
    asked = tuple(AskedWith("face", "a.jpg", "no_face", "No face found.") for _ in range(n_files))
    none = IdentificationOutcome("people", 3, asked, (), None, None, None, None, ())
    assert str(none).splitlines() == [f"No answer: {said}.", *["Not used: No face found."] * n_files]
    assert not none.decided
    assert none.name is None


def test_a_network_gives_no_stranger_and_no_p_value() -> None:
    network = IdentificationOutcome("run", 2, (FACE,), (Candidate("Ann", 0.9),), None, None, None, None, ("closed",))
    assert str(network).splitlines() == ["Ann, by face.", "> Ann  ##################    90.0 %", "Note: closed"]
    assert network.decided


def test_without_strangers_no_limit_is_invented() -> None:
    stranger = dataclasses.replace(BOTH, is_stranger=True, p_value=None)
    assert "(strangers could not be simulated)" in str(stranger)


def test_names_that_no_terminal_can_show_stay_on_their_line() -> None:
    odd = dataclasses.replace(BOTH, ranked=(Candidate("An\nn", 0.9),), notes=("two\nlines",))
    assert "An\\nn" in str(odd)
    assert "two\\nlines" in str(odd)
    assert len(str(odd).splitlines()) == 6


def test_json_holds_everything() -> None:
    told = json.loads(json.dumps(BOTH.to_dict(), allow_nan=False))
    assert told["name"] == "Ann"
    assert told["decided"] is True
    assert told["ranked"][0]["by_modality"] == {"face": 2.0, "voice": 1.0}
    assert told["asked"][1]["is_stranger"] is True
    assert told["p_value"] == 0.008


def test_a_p_value_at_the_limit_is_still_let_in_and_bars_fill_twenty_places() -> None:
    edge = dataclasses.replace(
        BOTH, p_value=0.01, ranked=(Candidate("Ann", 1.0), Candidate("Bob", 0.024)), p_stranger=0.026, notes=()
    )
    lines = str(edge).splitlines()
    assert lines[0].endswith("(p = 0.01 <= 0.01).")
    assert lines[1] == f"> Ann         {'#' * 20} 100.0 %"
    assert lines[2] == f"  Bob         {' ' * 20}   2.4 %"  # less than half a place
    assert lines[3] == f"  a stranger  {'#':<20}   2.6 %"


def test_a_rate_that_was_raised_is_shown_beside_what_was_asked() -> None:
    raised = dataclasses.replace(BOTH, p_value=1 / 98, false_accept=1 / 98, asked_false_accept=0.01)
    assert str(raised).splitlines()[0] == "Ann, by face and voice (p = 0.0102; asked 0.01, 0.0102 used)."


def test_two_numbers_that_differ_are_never_shown_alike() -> None:
    above = dataclasses.replace(BOTH, p_value=0.01004, is_stranger=True)
    assert "(p = 0.01004 > 0.01)" in str(above)
