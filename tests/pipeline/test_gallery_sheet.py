"""Tests of the contact sheet as a picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageColor, ImageFont

from visavox.pipeline.gallery_page import GallerySheet
from visavox.pipeline.gallery_sheet import (
    BAD,
    BLUE,
    CARD,
    COLUMNS,
    GAP_PX,
    HEAD_PX,
    TILE_PX,
    TITLE_PX,
    WIDTH_PX,
    gallery_sheet,
    plain,
)
from visavox.pipeline.gallery_tiles import FACE_PX, N_BARS, Problem, Tile

LEVEL = 77


def tile(n_faces: int = 1, loud: float = 0.9, problems: tuple[Problem, ...] = (), name: str = "c") -> Tile:
    faces = (np.full((FACE_PX, FACE_PX, 3), LEVEL, np.uint8),) * n_faces
    bars = np.full(N_BARS, loud, np.float32) if loud else None
    return Tile(name, name, faces, bars, {"face_width_px": 50.0}, {"duration_s": 2.0}, {}, problems)


def sheet(*groups: tuple[str, list[Tile]]) -> GallerySheet:
    counts = {status: len(tiles) for status, tiles in groups}
    return GallerySheet("talks", sum(counts.values()), 1, counts, groups)


def drawn(*groups: tuple[str, list[Tile]]) -> np.ndarray:
    return np.asarray(gallery_sheet(sheet(*groups)))


def n_pixels(image: np.ndarray, colour: str) -> int:
    return int((image == ImageColor.getrgb(colour)).all(axis=-1).sum())


@pytest.mark.parametrize(("n_tiles", "n_rows"), [(1, 1), (COLUMNS, 1), (COLUMNS + 1, 2)])
def test_the_height_follows_from_the_tiles(n_tiles: int, n_rows: int) -> None:
    image = drawn(("ok", [tile()] * n_tiles))
    assert image.shape == (HEAD_PX + TITLE_PX + n_rows * (TILE_PX + GAP_PX) + GAP_PX, WIDTH_PX, 3)


def test_every_face_stands_in_its_place() -> None:
    image = drawn(("ok", [tile()] * (COLUMNS + 2)), ("silent", [tile(loud=0)]))
    assert (image == LEVEL).all(axis=-1).sum() == (COLUMNS + 3) * FACE_PX**2
    top = HEAD_PX + TITLE_PX
    assert (image[top : top + FACE_PX, GAP_PX : GAP_PX + FACE_PX] == LEVEL).all()
    second = GAP_PX + FACE_PX + GAP_PX
    below = top + TILE_PX + GAP_PX
    assert (image[below : below + FACE_PX, second : second + FACE_PX] == LEVEL).all()


def test_louder_voices_have_more_blue_and_missing_ones_none() -> None:
    loud, quiet, none = (n_pixels(drawn(("ok", [tile(loud=level)])), BLUE) for level in (0.9, 0.3, 0))
    assert loud > quiet > none == 0


def test_a_missing_face_is_a_card_with_its_status_in_red() -> None:
    problem = Problem("face", "no_face", "a.mp4: " + "no face was found anywhere " * 9)
    image = drawn(("no_face", [tile(n_faces=0, problems=(problem,))]))
    assert n_pixels(image, CARD) > 0.9 * FACE_PX**2
    assert n_pixels(image, BAD) > 20
    assert n_pixels(drawn(("ok", [tile()])), BAD) == 0


def test_long_and_foreign_names_stay_in_their_column() -> None:
    image = drawn(("ok", [tile(name="声" * 99 + "\n\x00" + "abc/" * 60)]))
    assert (image[HEAD_PX + TITLE_PX + FACE_PX :, 2 * GAP_PX + FACE_PX :] == image[-1, -1]).all()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë Müller", "Zoe Muller"),
        ("声 x", "? x"),
        ("a\nb\x00c", "a?b?c"),
        ("ﬁ Ⅳ", "fi IV"),
        ("e\u0301", "e"),
        ("", ""),
    ],
)
def test_names_are_written_in_letters_that_the_font_has(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_every_letter_of_the_font_is_drawn_and_none_is_an_empty_box() -> None:
    font = ImageFont.load_default(12)
    box = np.asarray(font.getmask("\uffff"))
    for letter in map(chr, range(33, 127)):
        mask = np.asarray(font.getmask(letter))
        assert mask.any()
        assert mask.shape != box.shape or (mask != box).any()


def test_accents_cost_a_name_its_accents_only() -> None:
    assert (drawn(("ok", [tile(name="Zoë")])) == drawn(("ok", [tile(name="Zoe")]))).all()


def test_one_clip_is_one_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("visavox.pipeline.gallery_sheet._write", lambda _pen, _at, text, *_, **__: said.append(text))
    drawn(("ok", [tile()]))
    assert said[0] == "talks: 1 of 1 clip came out whole"
    drawn(("ok", [tile()] * 2))
    assert "talks: 2 of 2 clips came out whole" in said


def test_an_empty_sheet_has_a_head() -> None:
    assert drawn().shape[0] == HEAD_PX + GAP_PX
