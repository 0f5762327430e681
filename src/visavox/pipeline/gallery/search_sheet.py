"""The contact sheet of a search as one picture: the query on the left, hits in rows, best first.

Example:
    write_sheet(Path("found.png"), sheet_content(outcome, gallery, query))
"""

from __future__ import annotations

import functools
import io
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from visavox.corpus.atomic_file import atomic_file
from visavox.pipeline.gallery.row_media import THUMBNAIL_PX
from visavox.pipeline.gallery.search_page import search_page
from visavox.pipeline.gallery.search_tiles import SearchTile, SheetContent, sound_bars
from visavox.pipeline.gallery_sheet import plain

COLUMNS = 6
GAP_PX = 18
TILE_PX = 160  # width of a tile
WAVE_PX = 34
TEXT_PX = 16  # height of a line
TILE_HEIGHT_PX = THUMBNAIL_PX + WAVE_PX + 3 * TEXT_PX + 22
HEAD_PX = 82
QUERY_PX = TILE_PX + 2 * GAP_PX  # width of the column of the query
WIDTH_PX = QUERY_PX + COLUMNS * (TILE_PX + GAP_PX) + GAP_PX

PAPER, CARD, INK, SOFT, HAIR = "#fdfcfa", "#ebe8e1", "#1d1c1a", "#5d5a54", "#dcd8cf"
BLUE = "#0b63a5"


def search_sheet(content: SheetContent) -> Image.Image:
    """Return the sheet as a picture, RGB, 1282 px wide and as high as it must be."""
    n_rows = max(1, math.ceil(len(content.tiles) / COLUMNS))
    image = Image.new("RGB", (WIDTH_PX, HEAD_PX + n_rows * (TILE_HEIGHT_PX + GAP_PX) + GAP_PX), PAPER)
    pen = ImageDraw.Draw(image)
    outcome = content.outcome
    title = f"{content.query.title} among {outcome.among}"
    _write(pen, (GAP_PX, 16), title, 22, max_px=WIDTH_PX - 2 * GAP_PX)
    rule = "A guess, never a proof. The rules of the gallery hold for this picture too."
    if outcome.p_nobody is not None:
        rule = f"Nobody here has {100 * outcome.prior_nobody:g} % beforehand. {rule}"
    _write(pen, (GAP_PX, 50), f"Model {outcome.model}. {rule}", 13, SOFT, max_px=WIDTH_PX - 2 * GAP_PX)
    _draw(image, pen, content.query, (GAP_PX, HEAD_PX))
    pen.line((QUERY_PX - 8, HEAD_PX, QUERY_PX - 8, image.height - GAP_PX), fill=HAIR, width=2)
    for place, tile in enumerate(content.tiles):
        row, column = divmod(place, COLUMNS)
        corner = (QUERY_PX + GAP_PX + column * (TILE_PX + GAP_PX), HEAD_PX + row * (TILE_HEIGHT_PX + GAP_PX))
        _draw(image, pen, tile, corner, is_best=place == 0)
    return image


def write_sheet(path: Path, content: SheetContent) -> None:
    """Write the sheet as HTML or PNG, by the end of its name, whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    with atomic_file(path, what="contact sheet") as temporary:
        if path.suffix.lower() == ".html":
            temporary.write_text(search_page(content), encoding="utf-8", errors="backslashreplace")
        else:
            search_sheet(content).save(temporary, format="PNG")


def _draw(
    image: Image.Image, pen: ImageDraw.ImageDraw, tile: SearchTile, corner: tuple[int, int], *, is_best: bool = False
) -> None:
    x, y = corner
    if is_best:
        pen.rectangle((x - 5, y - 5, x + TILE_PX + 4, y + TILE_HEIGHT_PX + 1), outline=BLUE, width=3)
    pen.rectangle((x, y, x + TILE_PX - 1, y + THUMBNAIL_PX - 1), fill=CARD)
    if tile.picture is not None:
        face = Image.open(io.BytesIO(tile.picture)).convert("RGB")
        image.paste(face, (x + (TILE_PX - face.width) // 2, y + (THUMBNAIL_PX - face.height) // 2))
    else:
        words = "nobody here" if tile.is_nobody else "a voice" if tile.sound is not None else "no picture kept"
        _write(pen, (x + 12, y + THUMBNAIL_PX // 2 - 9), words, 15, SOFT, max_px=TILE_PX - 20)
    y += THUMBNAIL_PX + 4
    if tile.sound is not None:
        bars = sound_bars(tile.sound)
        middle, step = y + WAVE_PX / 2, TILE_PX / len(bars)
        for place, half in enumerate(np.maximum(bars * (WAVE_PX / 2 - 1), 0.5).tolist()):
            pen.line((x + place * step, middle - half, x + place * step, middle + half), fill=BLUE, width=1)
    y += WAVE_PX + 2
    _write(pen, (x, y), tile.title, 13, max_px=TILE_PX)
    _write(pen, (x, y + TEXT_PX), tile.about, 11, SOFT, max_px=TILE_PX)
    y += 2 * TEXT_PX
    if tile.probability is not None:
        pen.rectangle((x, y + TEXT_PX + 2, x + TILE_PX - 1, y + TEXT_PX + 7), fill=HAIR)
        width = round((TILE_PX - 1) * tile.probability)
        if width:
            pen.rectangle((x, y + TEXT_PX + 2, x + width, y + TEXT_PX + 7), fill=BLUE)
    said = [] if tile.probability is None else [f"{100 * tile.probability:.1f} %"]
    said += [] if tile.similarity is None else [f"cosine {tile.similarity:.2f}"]
    _write(pen, (x, y), ", ".join(said), 12)


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, colour: str = INK, *, max_px: int = 0
) -> None:
    """Write one line in the letters that Pillow brings along; of a text that is too long the beginning is kept."""
    text, font = plain(text), _font(size)
    text = text[:max_px] if max_px else text  # no letter that is seen is narrower than a pixel; names may be endless
    if max_px and font.getlength(text) > max_px:
        fewest, most = 0, len(text)
        while most - fewest > 1:
            middle = (fewest + most) // 2
            if font.getlength(f"{text[:middle]}...") > max_px:
                most = middle
            else:
                fewest = middle
        text = f"{text[:fewest]}..."
    pen.text(place, text, fill=colour, font=font)
