"""The contact sheet as one PNG: rows of tiles under the name of each status, drawn with Pillow.

Example:
    >>> from visavox.pipeline.gallery_page import GallerySheet
    >>> gallery_sheet(GallerySheet("corpus", 0, 0, {}, ())).size[0]
    1848
"""

from __future__ import annotations

import functools
import math
import textwrap
import unicodedata

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from visavox.corpus.items import OK
from visavox.pipeline.gallery_page import GallerySheet, face_words, short_reason, status_words, voice_words
from visavox.pipeline.gallery_tiles import FACE_PX, N_BARS, Tile

COLUMNS = 10
GAP_PX = 20
WAVE_PX = 34  # height of a sound wave
LINE_PX = 15
LINE_LETTERS = 29  # of a reason, on one line
N_LINES = 5
TILE_PX = FACE_PX + WAVE_PX + N_LINES * LINE_PX + 10  # height of a tile
HEAD_PX, TITLE_PX = 92, 44  # height of the head, and of the name of a group
WIDTH_PX = GAP_PX * 2 + COLUMNS * (FACE_PX + GAP_PX) + 8

PAPER, CARD, INK, SOFT = "#fdfcfa", "#ebe8e1", "#1d1c1a", "#5d5a54"
BLUE, BAD = "#0b63a5", "#b3400a"


def gallery_sheet(sheet: GallerySheet) -> Image.Image:
    """Return the sheet as a picture, RGB, 1848 px wide and as high as it must be."""
    height = HEAD_PX + sum(TITLE_PX + _n_rows(len(tiles)) * (TILE_PX + GAP_PX) for _, tiles in sheet.groups) + GAP_PX
    image = Image.new("RGB", (WIDTH_PX, height), PAPER)
    pen = ImageDraw.Draw(image)
    n_ok, n_shown = sheet.counts.get(OK, 0), sum(len(tiles) for _, tiles in sheet.groups)
    clips = "clip" if sheet.n_clips == 1 else "clips"
    _write(pen, (GAP_PX, 18), f"{sheet.corpus}: {n_ok:,} of {sheet.n_clips:,} {clips} came out whole", 24)
    rule = "These are people's faces: the rules of the corpus hold for this picture too."
    asked = f"{sheet.asked_for}. " if sheet.asked_for else ""
    _write(pen, (GAP_PX, 54), f"{asked}{n_shown:,} shown, {sheet.n_people:,} people. {rule}", 14, SOFT)
    top = HEAD_PX
    for status, tiles in sheet.groups:
        count = f"{len(tiles):,} of {sheet.counts[status]:,}"
        _write(pen, (GAP_PX, top + 8), f"{status_words(status).capitalize()} ({count})", 18)
        top += TITLE_PX
        for place, tile in enumerate(tiles):
            row, column = divmod(place, COLUMNS)
            _draw_tile(image, pen, tile, (GAP_PX + column * (FACE_PX + GAP_PX), top + row * (TILE_PX + GAP_PX)))
        top += _n_rows(len(tiles)) * (TILE_PX + GAP_PX)
    return image


def _n_rows(n_tiles: int) -> int:
    return math.ceil(n_tiles / COLUMNS)


def _draw_tile(image: Image.Image, pen: ImageDraw.ImageDraw, tile: Tile, corner: tuple[int, int]) -> None:
    x, y = corner
    pen.rectangle((x, y, x + FACE_PX - 1, y + FACE_PX - 1), fill=CARD)
    problems = {problem.modality: status_words(problem.status) for problem in reversed(tile.problems)}
    if tile.faces:
        face = tile.faces[0]
        image.paste(Image.fromarray(face), (x + (FACE_PX - face.shape[1]) // 2, y + (FACE_PX - face.shape[0]) // 2))
    else:
        _write(pen, (x + 10, y + FACE_PX // 2 - 8), problems.get("face", "no face expected"), 14, BAD)
    y += FACE_PX + 3
    if tile.bars is None:
        _write(pen, (x + 10, y + 8), problems.get("voice", "no voice expected"), 14, BAD)
    else:
        middle, step = y + WAVE_PX / 2, FACE_PX / N_BARS
        for place, half in enumerate(np.maximum(tile.bars * (WAVE_PX / 2 - 1), 0.5).tolist()):
            pen.line((x + place * step, middle - half, x + place * step, middle + half), fill=BLUE, width=1)
    y += WAVE_PX
    lines = [(tile.person or "nobody is named", INK), (tile.clip, SOFT)]
    if tile.problems:
        reason = " ".join(dict.fromkeys(short_reason(problem.reason) for problem in tile.problems))
        lines += [(line, BAD) for line in textwrap.wrap(reason, LINE_LETTERS, max_lines=3, placeholder=" ...")]
    else:
        figures = (face_words(tile.face_quality)[:2], voice_words(tile.voice_quality))
        lines += [(", ".join(words), SOFT) for words in figures]
    for place, (text, colour) in enumerate(lines):
        _write(pen, (x, y + place * LINE_PX), text, 12 if place == 0 else 11, colour, max_px=FACE_PX + GAP_PX // 2)


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
    parts = unicodedata.normalize("NFKD", text)
    kept = "".join(char for char in parts if not unicodedata.combining(char))
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in kept)


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, colour: str = INK, *, max_px: int = 0
) -> None:
    """Write one line; of a text that is too long the end is kept, where names differ."""
    text = plain(text)
    font = _font(size)
    if max_px and font.getlength(text) > max_px:
        while text and font.getlength(f"...{text}") > max_px:
            text = text[1:]
        text = f"...{text}"
    pen.text(place, text, fill=colour, font=font)
