"""A contact sheet in a page: its picture inside it, or the reason why not."""

from __future__ import annotations

import base64
from pathlib import Path

from visavox.evaluation.drawings import Sheet
from visavox.evaluation.sheet_figure import sheet_html


def test_the_file_is_inside_the_page(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    path.write_bytes(b"bytes of a picture")
    html = sheet_html(Sheet("Ann to <Ben>", str(path), "Guesses & faces"))
    assert base64.b64encode(b"bytes of a picture").decode() in html and "data:image/png" in html
    assert "Ann to &lt;Ben&gt;" in html and "<figcaption>Guesses &amp; faces</figcaption>" in html


def test_without_a_caption_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "sheet.jpg"
    path.write_bytes(b"x")
    assert "figcaption" not in sheet_html(Sheet("a", str(path)))


def test_what_cannot_be_shown_has_its_reason(tmp_path: Path) -> None:
    assert "No sheet: No such file" in sheet_html(Sheet("a", str(tmp_path / "gone.jpg")))
    assert "neither JPEG nor PNG" in sheet_html(Sheet("a", "report.exe"))
