"""Sheets of drawn faces: every face is on them, the caption is readable, nothing runs over an edge."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.generation import contact_sheet
from visavox.generation.contact_sheet import (
    MARGIN_PX,
    SMALL,
    TEXT,
    TILE_PX,
    SheetHead,
    Tile,
    broken,
    contact_sheets,
    fitting_columns,
    plain,
)

HEAD = SheetHead(
    "Guesses from a voice, not pictures of a person", ("by decoder of portrait, seed 0", "told: voice (from voice)")
)


def tiles(n: int, px: int = TILE_PX) -> list[Tile]:
    """Faces of one colour each, whose red value is their number."""
    return [Tile(np.full((px, px, 3), (i, 200, 100), np.uint8), f"sample {i}") for i in range(n)]


def faces_on(sheets: list[np.ndarray]) -> list[int]:
    """Numbers of the faces that can be seen whole, in order of place."""
    seen = []
    for sheet in sheets:
        marked = (sheet[..., 1] == 200) & (sheet[..., 2] == 100)
        for y, x in np.argwhere(marked & ~np.roll(marked, 1, 0) & ~np.roll(marked, 1, 1)):
            assert (sheet[y : y + TILE_PX, x : x + TILE_PX] == (sheet[y, x, 0], 200, 100)).all()
            seen.append(int(sheet[y, x, 0]))
    return seen


@pytest.mark.parametrize("n", [1, 2, 3, 8, 13, 40, 41, 95])
def test_every_face_is_on_a_sheet_whole_and_in_order(n: int) -> None:
    sheets = list(contact_sheets(tiles(n), HEAD))
    assert faces_on(sheets) == list(range(n))
    assert len(sheets) == -(-n // 40)


@pytest.mark.parametrize("n", [1, 8, 95])
def test_the_edges_stay_empty(n: int) -> None:
    for sheet in contact_sheets(tiles(n), SheetHead("A very long caption " * 12, ("words " * 80, "x" * 400), "warned")):
        paper = sheet[0, 0]
        edge = MARGIN_PX - 4
        for border in (sheet[:edge], sheet[-edge:], sheet[:, :edge], sheet[:, -edge:]):
            assert (border == paper).all()


def test_small_and_large_faces_are_brought_to_one_size() -> None:
    for px in (16, 64, 512):
        (sheet,) = contact_sheets(tiles(2, px), HEAD)
        assert faces_on([sheet]) == [0, 1]


def test_the_caption_is_there_and_a_warning_is_red() -> None:
    (plain_sheet,) = contact_sheets(tiles(2), HEAD)
    (warned,) = contact_sheets(tiles(2), SheetHead(HEAD.title, HEAD.lines, "drawn with a look at the true face"))
    assert (plain_sheet[MARGIN_PX : MARGIN_PX + 30] < 60).all(axis=-1).sum() > 300  # ink of the title
    red = np.array([0xB3, 0x40, 0x0A])
    assert not (plain_sheet == red).all(axis=-1).any()
    assert (warned == red).all(axis=-1).sum() > 50


def test_each_sheet_of_many_says_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    original = contact_sheet._sheet

    def watched(part: list[Tile], head: SheetHead, n_columns: int, place: str) -> np.ndarray:
        titles.append(place)
        return original(part, head, n_columns, place)

    monkeypatch.setattr(contact_sheet, "_sheet", watched)
    list(contact_sheets(tiles(5), HEAD, columns=2, rows=1))
    assert titles == [" (1 of 3)", " (2 of 3)", " (3 of 3)"]


def test_a_sheet_without_faces_still_has_its_head() -> None:
    (sheet,) = contact_sheets([], HEAD)
    assert sheet.shape[1] > 4 * TILE_PX


def test_the_same_faces_give_the_same_sheet() -> None:
    (one,), (other,) = contact_sheets(tiles(3), HEAD), contact_sheets(tiles(3), HEAD)
    assert np.array_equal(one, other)


@pytest.mark.parametrize("n", range(1, 41))
def test_columns_fit(n: int) -> None:
    columns = fitting_columns(n)
    assert 1 <= columns <= min(8, n)
    assert -(-n // columns) <= 5


def test_lines_fit_and_lose_no_word() -> None:
    text = "told: voice (from voice), gender = female (given by the user), " * 3 + "x" * 200
    lines = broken(text, TEXT, 300)
    assert all(contact_sheet._font(TEXT).getlength(line) <= 300 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert broken("", TEXT, 300) == []
    assert "".join(broken("abc", TEXT, 1)) == "abc"


def test_captions_are_cut_to_their_face() -> None:
    short = contact_sheet._shortened("a caption that is much longer than its face is wide")
    assert short.endswith("...") and contact_sheet._font(SMALL).getlength(short) <= TILE_PX
    assert contact_sheet._shortened("sample 3") == "sample 3"


def test_letters_that_cannot_be_drawn_are_question_marks() -> None:
    assert plain("Zoë\n声") == "Zoe??"


def test_a_sheet_needs_a_column_and_a_row() -> None:
    for columns, rows in ((0, 1), (1, 0)):
        with pytest.raises(ConfigError, match="1 column and 1 row or more"):
            list(contact_sheets(tiles(1), HEAD, columns=columns, rows=rows))
