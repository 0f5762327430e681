"""Drawn faces side by side on one sheet, under a caption that nobody can miss: these are guesses.

The head says by what and from what they were drawn, with the provenance of every condition; each face has its number
or name below. Many faces fill several sheets, so that every one can still be seen.

Example:
    >>> tiles = [Tile(np.zeros((64, 64, 3), np.uint8), f"sample {i}") for i in range(50)]
    >>> [sheet.shape for sheet in contact_sheets(tiles, SheetHead("Guesses from a voice", ("by decoder",)))]
    [(1159, 1452, 3), (547, 1452, 3)]
"""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from visavox.errors import ConfigError
from visavox.generation.picture_files import DISCLAIMER

COLUMNS = 8
ROWS = 5
LEAST_COLUMNS = 4
"""A sheet of few faces is so many tiles wide at least, or the caption would not fit."""
TILE_PX = 160
"""Side of a face on the sheet; smaller ones are enlarged, larger ones reduced."""
GAP_PX, MARGIN_PX = 18, 23
TITLE, TEXT, SMALL = 26, 15, 13  # sizes of letters, px
PAPER, INK, SOFT, WARNING = "#fdfcfa", "#1d1c1a", "#5d5a54", "#b3400a"


@dataclass(frozen=True, eq=False)
class Tile:
    """One face on a sheet."""

    picture: NDArray[np.uint8]
    """(height, width, 3) uint8 RGB, square."""
    caption: str
    """A few words below it."""


@dataclass(frozen=True)
class SheetHead:
    """What stands above the faces."""

    title: str
    """The caption in large letters: that these are guesses."""
    lines: tuple[str, ...] = ()
    """Method, seed, guidance, provenance ... a line each; long ones are broken."""
    warning: str = ""
    """In red: that the true face was looked at."""
    foot: str = DISCLAIMER
    """Below the faces."""


def contact_sheets(
    tiles: Sequence[Tile], head: SheetHead, *, columns: int = COLUMNS, rows: int = ROWS
) -> Iterator[NDArray[np.uint8]]:
    """Yield one sheet for every `columns * rows` faces, each with the whole head; one sheet at least.

    Args:
        tiles: the faces in order, row by row.
        head: what stands above and below them.
        columns: most faces in a row, 1 or more; fewer are used where that shows them as near to a square.
        rows: most rows of a sheet, 1 or more.

    Yields:
        (height, width, 3) uint8 RGB.

    Raises:
        ConfigError: no column or no row.
    """
    if columns < 1 or rows < 1:
        raise ConfigError(f"A contact sheet must have 1 column and 1 row or more. Got {columns} and {rows}.")
    n_sheets = max(1, math.ceil(len(tiles) / (columns * rows)))
    n_columns = columns if n_sheets > 1 else fitting_columns(len(tiles), columns)
    for number in range(n_sheets):
        part = tiles[number * columns * rows : (number + 1) * columns * rows]
        place = f" ({number + 1} of {n_sheets})" if n_sheets > 1 else ""
        yield _sheet(part, head, n_columns, place)


def fitting_columns(n_tiles: int, columns: int = COLUMNS) -> int:
    """Return how many faces stand in a row: all of a few, else about twice as many as there are rows.

    Example:
        >>> [fitting_columns(n) for n in (1, 4, 5, 8, 12, 40)]
        [1, 4, 4, 4, 5, 8]
    """
    return min(columns, n_tiles, max(LEAST_COLUMNS, math.ceil(math.sqrt(2 * n_tiles)))) or 1


def _sheet(tiles: Sequence[Tile], head: SheetHead, n_columns: int, place: str) -> NDArray[np.uint8]:
    inner = max(n_columns, LEAST_COLUMNS) * (TILE_PX + GAP_PX) - GAP_PX
    width = inner + 2 * MARGIN_PX
    above = [(line, TITLE, INK) for line in broken(head.title + place, TITLE, inner)]
    if head.warning:
        above += [(line, TEXT, WARNING) for line in broken(head.warning, TEXT, inner)]
    above += [(line, TEXT, SOFT) for text in head.lines for line in broken(text, TEXT, inner)]
    below = [(line, SMALL, SOFT) for line in broken(head.foot, SMALL, inner)] if head.foot else []
    cell = TILE_PX + 2 * SMALL + GAP_PX  # height of a face with its caption
    first = MARGIN_PX + sum(map(_line_px, above)) + GAP_PX
    foot = first + math.ceil(len(tiles) / n_columns) * cell
    image = Image.new("RGB", (width, foot + sum(map(_line_px, below)) + MARGIN_PX), PAPER)
    pen = ImageDraw.Draw(image)
    _write(pen, MARGIN_PX, above)
    _write(pen, foot, below)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, n_columns)
        x, y = MARGIN_PX + column * (TILE_PX + GAP_PX), first + row * cell
        face = Image.fromarray(tile.picture)
        if face.size != (TILE_PX, TILE_PX):
            face = face.resize((TILE_PX, TILE_PX), Image.Resampling.LANCZOS)
        image.paste(face, (x, y))
        pen.text((x, y + TILE_PX + 5), _shortened(plain(tile.caption)), fill=INK, font=_font(SMALL))
    return np.asarray(image)


def _write(pen: ImageDraw.ImageDraw, top: int, lines: Iterable[tuple[str, int, str]]) -> None:
    for line in lines:
        text, size, colour = line
        pen.text((MARGIN_PX, top), text, fill=colour, font=_font(size))
        top += _line_px(line)


def _line_px(line: tuple[str, int, str]) -> int:
    return round(1.4 * line[1])


def broken(text: str, size: int, width_px: int) -> list[str]:
    """Return a text as lines that fit a width, broken between words, and within one that is too long.

    Args:
        text: of any letters; those that cannot be drawn become question marks.
        size: of the letters in pixels.
        width_px: of a line; as wide as a letter at least.
    """
    font = _font(size)
    lines: list[str] = []
    line = ""
    for word in plain(text).split():
        joined = f"{line} {word}".lstrip()
        if font.getlength(joined) <= width_px:
            line = joined
            continue
        lines += [line] if line else []
        while font.getlength(word) > width_px and len(word) > 1:
            n = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or font.getlength(word[:n]) <= width_px)
            lines.append(word[:n])
            word = word[n:]
        line = word
    return [*lines, line] if line else lines


def _shortened(text: str) -> str:
    """Return a caption that fits under its face."""
    font = _font(SMALL)
    if font.getlength(text) <= TILE_PX:
        return text
    while text and font.getlength(f"{text}...") > TILE_PX:
        text = text[:-1]
    return f"{text}..."


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own letters, read once for each size."""
    return ImageFont.load_default(size)


def plain(text: str) -> str:
    """Return a text in the letters that Pillow brings along: accents go, and other letters become question marks.

    Example:
        >>> plain("Zoë Müller 声")
        'Zoe Muller ?'
    """
    kept = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in kept)
