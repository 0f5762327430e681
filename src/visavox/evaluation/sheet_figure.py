"""A contact sheet inside a page: its file as a data URI, or the reason why it cannot be shown.

Example:
    >>> from visavox.evaluation.drawings import Sheet
    >>> "No sheet" in sheet_html(Sheet("Everybody", "nowhere.jpg"))
    True
"""

from __future__ import annotations

import base64
from pathlib import Path

from visavox.evaluation.chart import escaped
from visavox.evaluation.drawings import Sheet

TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}


def sheet_html(sheet: Sheet) -> str:
    """Returns a figure as wide as the page, with its heading above and its caption below."""
    caption = f"<figcaption>{escaped(sheet.caption)}</figcaption>" if sheet.caption else ""
    return f'<figure class="sheet"><b>{escaped(sheet.heading)}</b>{_image(sheet)}{caption}</figure>'


def _image(sheet: Sheet) -> str:
    path = Path(sheet.path)
    kind = TYPES.get(path.suffix.lower())
    if kind is None:
        return f'<div class="missing voice">No sheet: {escaped(path.name)} is neither JPEG nor PNG</div>'
    try:
        data = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError as error:
        return f'<div class="missing voice">No sheet: {escaped(error.strerror or error)}</div>'
    return f'<img src="data:{kind};base64,{data}" alt="{escaped(sheet.heading)}">'
