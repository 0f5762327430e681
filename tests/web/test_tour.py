"""The pictures of the README's tour: all there, of the sizes of a desktop and a phone, and small.

They are made by the tests of the pages: VISAVOX_WRITE_TOUR=1 pytest tests/web/test_pages_in_browser.py
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

TOUR = Path(__file__).parents[2] / "docs" / "tour"
WIDTHS = {"match": 1280, "search": 1280, "report": 1280, "corpus": 1280, "game": 1280, "game-phone": 390}


@pytest.mark.parametrize("name, width_px", WIDTHS.items())
def test_a_picture_of_the_tour_is_there_and_small(name: str, width_px: int) -> None:
    path = TOUR / f"{name}.png"
    assert path.stat().st_size <= 150_000
    with Image.open(path) as picture:
        picture.load()
        assert picture.width == width_px and 300 <= picture.height <= 2400
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
    assert colours is not None and len(colours) > 20, "an empty page"


def test_there_is_no_picture_that_nobody_makes() -> None:
    assert {path.stem for path in TOUR.iterdir()} == set(WIDTHS)
