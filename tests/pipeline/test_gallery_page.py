"""Tests of the contact sheet in HTML: what it says, that it asks nothing of anybody, that data cannot break it."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from visavox.corpus.items import Attribute
from visavox.pipeline.gallery_page import (
    GallerySheet,
    face_words,
    gallery_page,
    short_reason,
    status_words,
    voice_words,
)
from visavox.pipeline.gallery_tiles import N_BARS, Problem, Tile


def tile(**values: Any) -> Tile:
    usual: dict[str, Any] = {
        "clip": "p0/a",
        "person": "p0",
        "faces": (np.full((40, 40, 3), 90, np.uint8),),
        "bars": np.full(N_BARS, 0.5, np.float32),
        "face_quality": {"face_width_px": 87.4, "sharpness": 25.2, "frontality": 0.8},
        "voice_quality": {"duration_s": 4.0, "speech_s": 1.0, "snr_db": 18.2},
        "attributes": {},
        "problems": (),
    }
    return Tile(**{**usual, **values})


def sheet(*tiles: Tile, status: str = "ok", **values: Any) -> GallerySheet:
    usual: dict[str, Any] = {"corpus": "talks", "n_clips": len(tiles), "n_people": 1, "counts": {status: len(tiles)}}
    return GallerySheet(**{**usual, **values}, groups=((status, tiles),))


class Elements(HTMLParser):
    """Collects tags with their attributes, and refuses what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(page)
    assert parser.open == []
    return parser.found


def test_a_tile_shows_face_wave_person_clip_and_figures() -> None:
    page = gallery_page(sheet(tile(attributes={"gender": Attribute("f"), "age": Attribute("34", "net")})))
    for words in ("87 px wide", "sharpness 25", "frontal 0.80", "speech 1.0 of 4.0 s", "SNR 18 dB", "p0/a", ">p0<"):
        assert words in page
    assert "gender f<" in page
    assert "age 34 (predicted)" in page
    assert 'style="width:25%"' in page
    (face,) = (attrs for tag, attrs in elements(page) if tag == "img")
    data = base64.b64decode(str(face["src"]).removeprefix("data:image/jpeg;base64,"))
    assert Image.open(io.BytesIO(data)).size == (40, 40)
    (wave,) = re.findall(r'<path d="([^"]*)"', page)
    assert wave.count("M") == N_BARS


def test_a_prediction_is_marked_once_and_its_origin_is_in_the_title() -> None:
    predicted = {"predicted_gender": Attribute("f", "face_attributes"), "predicted_age": Attribute("34", "heads")}
    page = gallery_page(sheet(tile(attributes=predicted)))
    assert "predicted_gender f" not in page
    assert '<b title="predicted_gender: face_attributes">gender f (predicted)</b>' in page
    assert '<b title="predicted_age: heads">age 34 (predicted)</b>' in page


def test_words_of_any_length_stay_in_their_tile() -> None:
    """Without a rule for line breaks they would run into the neighbour."""
    page = gallery_page(sheet(tile(attributes={"note": Attribute("x" * 200)})))
    rule = re.search(r"\.tile \.facts b \{([^}]*)\}", page)
    assert rule is not None
    assert "nowrap" not in rule[1]
    assert "max-width: 100%" in rule[1]


def test_further_faces_are_small_ones() -> None:
    faces = tuple(np.full((8, 8, 3), level, np.uint8) for level in (10, 20, 30))
    page = gallery_page(sheet(tile(faces=faces)))
    assert page.count("<img") == 3
    assert page.count('alt="another face"') == 2


def test_the_page_asks_nothing_of_anybody() -> None:
    page = gallery_page(sheet(tile()))
    assert "default-src 'none'" in page
    for tag, attributes in elements(page):
        assert tag not in ("script", "link", "iframe")
        for name in ("src", "href"):
            assert str(attributes.get(name, "#")).startswith(("data:", "#"))
    assert "url(" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_failure_shows_its_status_reason_and_remedy() -> None:
    problems = (Problem("face", "no_face", "a.mp4: no face in 9 frames."), Problem("voice", "silent", ""))
    page = gallery_page(sheet(tile(faces=(), bars=None, problems=problems), status="no_face"))
    assert '<div class="nothing">no face</div>' in page
    assert '<div class="mute">silent</div>' in page
    assert "a.mp4: no face in 9 frames." in page
    assert "No face was found." in page
    assert "<strong>0 of 1</strong>" in page


def test_a_reason_of_both_is_said_once_and_by_the_name_of_its_file() -> None:
    problems = tuple(Problem(modality, "empty_file", "/data/x/a b.mp4: it is empty.") for modality in ("face", "voice"))
    page = gallery_page(sheet(tile(faces=(), bars=None, problems=problems), status="empty_file"))
    assert page.count(">a b.mp4: it is empty.</p>") == 1
    assert 'title="/data/x/a b.mp4: it is empty."' in page


@pytest.mark.parametrize("reason", ["no path here", "a.mp4: none", "", "see http://x"])
def test_other_reasons_stay_as_they_are(reason: str) -> None:
    assert short_reason(reason) == reason


def test_a_clip_that_should_have_no_face_says_so() -> None:
    page = gallery_page(sheet(tile(faces=(), person="")))
    assert "no face expected" in page
    assert "nobody is named" in page
    assert "no voice expected" in gallery_page(sheet(tile(bars=None)))


def test_data_cannot_break_the_page() -> None:
    evil = '"><script>alert(1)</script>\n&amp;'
    odd = tile(
        clip=evil,
        person=evil,
        bars=None,
        attributes={evil: Attribute(evil, evil)},
        problems=(Problem("voice", evil, evil),),
    )
    page = gallery_page(sheet(odd, status=evil, corpus=evil, asked_for=evil))
    assert "<script" not in page
    assert not any(tag == "script" for tag, _ in elements(page))


def test_the_head_says_how_much_is_shown_and_that_it_stays_with_the_corpus() -> None:
    page = gallery_page(sheet(tile(), n_clips=12_345, n_people=99, counts={"ok": 12_000, "silent": 345}, asked_for="x"))
    for words in (
        "12,000 of 12,345",
        "99 people",
        "<b>1</b> are shown",
        "asked for: x",
        "1 of 12,000",
        "<b>345</b> silent",
    ):
        assert words in page
    assert "It is a part of the corpus" in page
    assert "All are shown" in gallery_page(sheet(tile()))


def test_links_of_the_head_lead_to_sections() -> None:
    page = gallery_page(sheet(tile(), status="no_face"))
    found = elements(page)
    targets = {str(attributes["id"]) for tag, attributes in found if tag == "section"}
    assert {str(attributes["href"])[1:] for tag, attributes in found if tag == "a"} == targets == {"no_face"}


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        ({}, []),
        ({"duration_s": 2.0}, ["sound 2.0 s"]),
        ({"duration_s": 2.0, "speech_s": 1.5, "loudness_db": -23.4}, ["speech 1.5 of 2.0 s", "−23 dB"]),
        ({"snr_db": 9.6, "loudness_db": -23.4}, ["SNR 10 dB"]),
    ],
)
def test_figures_of_voices_in_words(quality: dict[str, float], words: list[str]) -> None:
    assert voice_words(quality) == words


def test_figures_of_faces_in_words() -> None:
    assert face_words({"sharpness": 3.0, "brightness": 1.0}) == ["sharpness 3"]
    assert face_words({}) == []
    assert status_words("too_little_speech") == "too little speech"
