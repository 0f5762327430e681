"""What a search prints, and what it says as JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from visavox.pipeline.gallery.search_outcome import SearchHit, SearchOutcome


@pytest.fixture
def outcome() -> SearchOutcome:
    hits = (
        SearchHit(1, "a/face", "a", "Ann", 0.51, 0.42, {"gender": "f"}),
        SearchHit(2, "b/face", "b", "new\nline", 0.2, 0.08, {}),
    )
    return SearchOutcome(
        "v.wav", "voice", "face", "ok", "3.0 s of speech", hits, 0.3, 0.5, 31, "person", ("Mind.",), "base", "g", 0.2
    )


def test_nobody_stands_where_its_probability_puts_it(outcome: SearchOutcome) -> None:
    lines = str(outcome).splitlines()
    assert [line[:12].rstrip() for line in lines[:4]] == ["> Ann", "  nobody her", "  new\\nline", "  29 others"]
    assert " 42.0 %  cosine  0.51" in lines[0]
    assert lines[4] == (
        "A guess by base for this voice (3.0 s of speech) among 31 people with a face, given that nobody here has "
        "50 % beforehand."
    )
    assert lines[5] == "Note: Mind."
    assert (outcome.found, outcome.nobody) == (True, False)


def test_nobody_is_the_answer_where_it_is_the_most_probable(outcome: SearchOutcome) -> None:
    away = dataclasses.replace(outcome, p_nobody=0.42)
    assert (away.found, away.nobody) == (False, True)  # a tie is no answer
    assert str(dataclasses.replace(outcome, p_nobody=0.6)).startswith("> nobody here")


def test_without_calibration_there_are_ranks(outcome: SearchOutcome) -> None:
    hits = tuple(dataclasses.replace(hit, probability=None) for hit in outcome.hits)
    ranked = dataclasses.replace(outcome, hits=hits, p_nobody=None, p_others=None, by="clip")
    lines = str(ranked).splitlines()
    assert lines[:2] == ["> a  cosine  0.51", "  b  cosine  0.20"]
    assert "%" not in str(ranked)
    assert (ranked.found, ranked.nobody) == (True, False)


def test_a_query_of_no_use_is_one_line(outcome: SearchOutcome) -> None:
    failed = dataclasses.replace(outcome, status="silent", note="It is silent.", hits=(), p_nobody=None)
    assert str(failed) == "No answer: It is silent."
    assert not failed.found


def test_the_same_as_json(outcome: SearchOutcome) -> None:
    told = json.loads(json.dumps(outcome.to_dict()))
    assert told["hits"][0] == {
        "rank": 1,
        "key": "a/face",
        "clip": "a",
        "person": "Ann",
        "similarity": 0.51,
        "probability": 0.42,
        "attributes": {"gender": "f"},
    }
    assert (told["found"], told["nobody"], told["p_nobody"], told["n_candidates"]) == (True, False, 0.3, 31)
