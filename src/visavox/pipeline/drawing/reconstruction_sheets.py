"""Contact sheets of a test: one row a person, with the true face, every drawing, and the nearest training face.

Each column says what it is and what it was drawn from, and every sheet that its faces are guesses.

Example:
    sheets = write_sheets(drawn, Path("report/sheets"))
    sheets[0].path              # 'report/sheets/people-1.jpg'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from visavox.errors import DataError
from visavox.evaluation.drawings import Sheet
from visavox.evaluation.reconstruction_record import DrawnFaces
from visavox.generation.contact_sheet import broken, plain
from visavox.generation.picture_files import DISCLAIMER
from visavox.metrics.memorisation import nearest_rows

ROWS = 10
"""People on a sheet."""
TILE_PX, GAP_PX, MARGIN_PX, NAME_PX = 120, 10, 24, 150
TITLE, TEXT, SMALL = 22, 13, 12  # sizes of letters, px
PAPER, INK, SOFT, WARNING = "#fdfcfa", "#1d1c1a", "#5d5a54", "#b3400a"
QUALITY = 88
TITLE_WORDS = "Guesses from a voice, and the true faces"


@dataclass(frozen=True, eq=False)
class Column:
    """One column of the sheets."""

    name: str
    told: str
    """Provenance of what it was drawn from."""
    pictures: NDArray[np.uint8]
    """(n_people, px, px, 3) RGB."""
    captions: tuple[str, ...] = ()
    """Below each picture; empty for none."""
    is_leak: bool = False
    """Whether the true face was looked at."""


def write_sheets(drawn: DrawnFaces, folder: Path) -> tuple[Sheet, ...]:
    """Write the sheets of everybody and return them for the report.

    Args:
        drawn: what was judged; of each person the first clip is shown.
        folder: made where it is missing; earlier sheets in it are replaced.

    Raises:
        DataError: the folder cannot be written.
    """
    true = drawn.true
    first: dict[str, int] = {}
    for row, person in enumerate(true.people):
        first.setdefault(person, row)
    people = sorted(first)
    rows = np.array([first[person] for person in people])
    columns = sheet_columns(drawn, rows)
    n_sheets = math.ceil(len(people) / ROWS)
    sheets = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("people-*.jpg"):
            old.unlink()
        for number in range(n_sheets):
            part = slice(number * ROWS, (number + 1) * ROWS)
            path = folder / f"people-{number + 1}.jpg"
            title = TITLE_WORDS + (f" ({number + 1} of {n_sheets})" if n_sheets > 1 else "")
            image = draw_sheet(title, people[part], columns, part)
            Image.fromarray(image).save(path, quality=QUALITY, subsampling=0)
            shown = f"{people[part][0]} to {people[part][-1]}".replace("_", " ")
            sheets.append(Sheet(shown, str(path), "Guesses, but for the true faces."))
    except OSError as error:
        raise DataError(
            f"Contact sheets must be written to {folder}, which failed: {error.strerror or error}. Name another --out."
        ) from error
    return tuple(sheets)


def sheet_columns(drawn: DrawnFaces, rows: NDArray[np.integer]) -> list[Column]:
    """Return the columns: true faces, everybody's drawings, and the training face nearest to the leader's.

    Args:
        drawn: what was judged.
        rows: clips that are shown, one a person.
    """
    columns = [Column("true face", "the photograph", drawn.true.pictures[rows])]
    for contestant in drawn.contestants:
        told = "given by others" if contestant.kind == "folder" else contestant.told
        columns.append(Column(contestant.name, told, contestant.pictures[rows], is_leak=contestant.leaks))
    leader, judge = drawn.contestants[0], drawn.judges[0].name
    if drawn.training is not None and leader.drawn[rows].all():
        nearest, distance = nearest_rows(np.asarray(leader.features[judge])[rows], drawn.training.features[judge])
        captions = tuple(f"{judge} {value:.2f}" for value in distance)
        told = f"a photograph, nearest to {leader.name}"
        columns.append(Column("nearest training face", told, drawn.training.pictures[nearest], captions))
    return columns


def draw_sheet(title: str, people: list[str], columns: list[Column], part: slice) -> NDArray[np.uint8]:
    """Return one sheet, (height, width, 3) uint8 RGB.

    Args:
        title: in large letters.
        people: names of its rows.
        columns: of all people.
        part: which rows of the columns are on this sheet.
    """
    step = TILE_PX + GAP_PX
    width = 2 * MARGIN_PX + NAME_PX + len(columns) * step - GAP_PX
    heads = [[*broken(column.name, TEXT, TILE_PX), *broken(column.told, SMALL, TILE_PX)] for column in columns]
    n_names = [len(broken(column.name, TEXT, TILE_PX)) for column in columns]
    line_px = round(1.35 * TEXT)
    head_px = line_px * max(map(len, heads)) + GAP_PX
    has_captions = any(column.captions for column in columns)
    row_px = TILE_PX + GAP_PX + (line_px if has_captions else 0)
    foot = broken(DISCLAIMER, SMALL, width - 2 * MARGIN_PX)
    top = MARGIN_PX + round(1.6 * TITLE) + head_px
    height = top + row_px * len(people) + line_px * len(foot) + MARGIN_PX
    image = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((MARGIN_PX, MARGIN_PX), plain(title), fill=INK, font=_font(TITLE))
    for place, (column, lines) in enumerate(zip(columns, heads, strict=True)):
        x = MARGIN_PX + NAME_PX + place * step
        y = top - GAP_PX - line_px * len(lines)
        for number, line in enumerate(lines):
            is_name = number < n_names[place]
            colour = INK if is_name else WARNING if column.is_leak else SOFT
            pen.text((x, y + number * line_px), line, fill=colour, font=_font(TEXT if is_name else SMALL))
        for row, picture in enumerate(column.pictures[part]):
            tile = Image.fromarray(picture).resize((TILE_PX, TILE_PX), Image.Resampling.LANCZOS)
            image.paste(tile, (x, top + row * row_px))
            if column.captions:
                caption = plain(column.captions[part][row])
                pen.text((x, top + row * row_px + TILE_PX + 2), caption, fill=SOFT, font=_font(SMALL))
    for row, person in enumerate(people):
        shown = broken(person.replace("_", " "), TEXT, NAME_PX - GAP_PX)[:4]
        for number, line in enumerate(shown):
            pen.text((MARGIN_PX, top + row * row_px + number * line_px), line, fill=INK, font=_font(TEXT))
    for number, line in enumerate(foot):
        pen.text((MARGIN_PX, height - MARGIN_PX - line_px * (len(foot) - number)), line, fill=SOFT, font=_font(SMALL))
    return np.asarray(image)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
