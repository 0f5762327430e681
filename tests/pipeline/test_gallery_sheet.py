"""Tests of the contact sheet as a picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageColor

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


def test_an_empty_sheet_has_a_head() -> None:
    assert drawn().shape[0] == HEAD_PX + GAP_PX
