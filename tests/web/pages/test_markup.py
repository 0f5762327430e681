"""Pieces of HTML: everything from outside is escaped, nothing is fetched."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from visavox.web.pages.markup import (
    PAGES,
    advice,
    bar_row,
    data_uri,
    exact_uri,
    head,
    notice,
    percent,
    picture_uri,
    sound_uri,
)

EVIL = "<script>alert('x')</script>\n\"&"


def decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


@pytest.mark.parametrize(
    "html", [notice(EVIL), advice(EVIL, EVIL), head("match", EVIL, EVIL), bar_row(EVIL, 0.5, notes=[EVIL])]
)
def test_nothing_from_outside_becomes_markup(html: str) -> None:
    assert "<script" not in html and "alert(" in html


def test_the_page_itself_is_marked_among_the_links() -> None:
    html = head("search", "Who is it?", "Lead")
    assert html.count("aria-current=page") == 1 and '<a href="/search" aria-current=page>Search</a>' in html
    assert all(f'href="/{address}"' in html for address, _ in PAGES) and 'href="/game"' in html
    assert "<h1>Who is it?</h1>" in html


def test_a_notice_is_said_at_once_and_is_one_line() -> None:
    assert 'role="alert"' in notice("a\nb") and "a\\nb" in notice("a\nb")
    assert "<code>" not in advice("Text") and "<code>visavox x</code>" in advice("Text", "visavox x")


def test_a_picture_is_made_small_and_keeps_its_shape() -> None:
    pixels = np.full((300, 600, 3), (200, 10, 10), np.uint8)
    picture = decoded(picture_uri(pixels, largest_px=100))
    assert picture.format == "JPEG" and picture.size == (100, 50)
    assert decoded(picture_uri(pixels[:20, :20])).size == (20, 20)


def test_an_exact_picture_is_the_same_pixel_by_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    picture = decoded(exact_uri(pixels))
    assert picture.format == "PNG"
    np.testing.assert_array_equal(np.asarray(picture), pixels)


@pytest.mark.parametrize(
    "data, kind",
    [(b"OggS1", "audio/ogg"), (b"fLaC1", "audio/flac"), (b"RIFF1", "audio/wav"), (b"?", "application/octet-stream")],
)
def test_sounds_are_told_by_their_first_bytes(data: bytes, kind: str) -> None:
    assert sound_uri(data) == data_uri(data, kind) and f"data:{kind};base64," in sound_uri(data)


def test_no_probability_is_rounded_to_certainty() -> None:
    assert [percent(p) for p in (1.0, 0.9994, 0.5, 0.0006, 0.0)] == ["> 99.9 %", "99.9 %", "50.0 %", "0.1 %", "< 0.1 %"]


def test_a_bar_is_as_long_as_its_probability_and_says_so_to_screen_readers() -> None:
    html = bar_row("a.jpg", 0.713, picture="data:x", is_best=True, extra="<i></i>")
    assert 'aria-valuenow="71.3"' in html and 'style="width:71.3%"' in html and 'role="meter"' in html
    assert 'class="vx-best"' in html and 'alt="a.jpg"' in html and "<i></i>" in html and "71.3 %" in html


def test_a_row_without_probability_has_no_bar() -> None:
    html = bar_row("a.jpg", None, notes=["No face found.", ""], empty="nobody")
    assert "meter" not in html and "not compared" in html and ">nobody<" in html
    assert html.count("vx-note") == 1
