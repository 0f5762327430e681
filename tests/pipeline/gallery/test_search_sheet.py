"""The contact sheet as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavox.errors import DataError
from visavox.pipeline.gallery.row_media import excerpt, thumbnail
from visavox.pipeline.gallery.search_outcome import SearchOutcome
from visavox.pipeline.gallery.search_sheet import COLUMNS, WIDTH_PX, search_sheet, write_sheet
from visavox.pipeline.gallery.search_tiles import SearchTile, SheetContent


def content(n_tiles: int) -> SheetContent:
    outcome = SearchOutcome("q", "voice", "face", "ok", "", (), 0.3, 0.5, 7, "person", (), "base", "g", 0.1)
    sound, picture = excerpt(np.full(1600, 0.5, np.float32)), thumbnail(np.full((64, 64, 3), (255, 0, 0), np.uint8))
    tile = SearchTile("Zoë " * 30, "about", 0.6, 0.5, picture, sound)
    nobody = SearchTile("nobody here", "", 0.3, None, is_nobody=True)
    return SheetContent(SearchTile("q", "", None, None, None, sound), (*[tile] * (n_tiles - 1), nobody), outcome)


def test_it_grows_by_rows() -> None:
    heights = [search_sheet(content(n)).height for n in (1, COLUMNS, COLUMNS + 1)]
    assert heights[0] == heights[1] < heights[2]


def test_pictures_are_on_it() -> None:
    pixels = np.asarray(search_sheet(content(3))).astype(int)
    assert pixels.shape[1] == WIDTH_PX
    is_red = (pixels[..., 0] > 200) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)
    assert is_red.sum() == pytest.approx(2 * 64 * 64, rel=0.05)


@pytest.mark.parametrize("name", ["sheet.png", "sheet.HTML"])
def test_it_is_written_by_the_end_of_its_name(tmp_path: Path, name: str) -> None:
    write_sheet(tmp_path / name, content(2))
    if name.endswith("png"):
        with Image.open(tmp_path / name) as image:
            assert image.width == WIDTH_PX
    else:
        assert (tmp_path / name).read_text(encoding="utf-8").startswith("<!")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="Cannot write the contact sheet"):
        write_sheet(tmp_path / "file" / "sheet.png", content(2))
