"""The contact sheet as a page."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from visavox.pipeline.gallery.row_media import excerpt, thumbnail
from visavox.pipeline.gallery.search_outcome import SearchHit, SearchOutcome
from visavox.pipeline.gallery.search_page import search_page
from visavox.pipeline.gallery.search_tiles import SearchTile, SheetContent


@pytest.fixture
def content() -> SheetContent:
    hit = SearchHit(1, "a/face", "a", "<script>alert(1)</script>", 0.5, 0.6, {})
    outcome = SearchOutcome(
        "q.wav", "voice", "face", "ok", "", (hit,), 0.3, 0.5, 7, "person", ("Mind & body.",), "base", "g<i>", 0.1
    )
    sound, picture = excerpt(np.full(1600, 0.1, np.float32)), thumbnail(np.zeros((9, 9, 3), np.uint8))
    tiles = (
        SearchTile(hit.person, 'a"b', 0.6, 0.5, picture, sound),
        SearchTile("nobody here", "", 0.3, None, is_nobody=True),
    )
    return SheetContent(SearchTile("<q>.wav", "", None, None, None, sound), tiles, outcome)


def test_it_shows_plays_and_asks_nothing_of_the_network(content: SheetContent) -> None:
    text = search_page(content)
    assert text.count("<audio controls") == 2
    assert text.count('src="data:audio/ogg;base64,') == 2
    assert text.count('src="data:image/jpeg;base64,') == 1
    assert "http://" not in text
    assert "https://" not in text
    assert "media-src data:" in text
    assert "60.0 %" in text
    assert "cosine 0.50" in text


def test_names_are_escaped(content: SheetContent) -> None:
    text = search_page(content)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<q>" not in text
    assert "g<i>" not in text
    assert "Mind &amp; body." in text


def test_the_verdict_is_the_headline(content: SheetContent) -> None:
    outcome = content.outcome
    assert "</strong>, 60.0 %" in search_page(content)
    away = dataclasses.replace(content, outcome=dataclasses.replace(outcome, p_nobody=0.7))
    assert "<strong>Nobody here</strong>, 70.0 %" in search_page(away)
    hits = (dataclasses.replace(outcome.hits[0], probability=None),)
    ranked = dataclasses.replace(content, outcome=dataclasses.replace(outcome, hits=hits, p_nobody=None))
    assert "is the most similar" in search_page(ranked)
    failed = dataclasses.replace(content, outcome=dataclasses.replace(outcome, status="silent", note="Silent."))
    assert "No answer: Silent." in search_page(failed)
    nothing = dataclasses.replace(content, outcome=dataclasses.replace(outcome, hits=(), p_nobody=None))
    assert "Nothing to compare with" in search_page(nothing)
