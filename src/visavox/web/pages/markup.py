"""Pieces of HTML that several pages show; all that comes from files or people is escaped.

Example:
    >>> notice("Give <two> faces.")
    '<div class="vx vx-notice" role="alert"><p>Give &lt;two&gt; faces.</p></div>'
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visavox.errors import one_line
from visavox.evaluation.chart import escaped

THUMB_PX = 176
"""Longer side of a picture in a list: twice its size on the page, for screens of fine dots."""
JPEG_QUALITY = 85
PAGES = (
    ("", "Visavox"),
    ("match", "Match"),
    ("search", "Search"),
    ("draw", "Draw"),
    ("report", "Reports"),
    ("corpus", "Corpus"),
)
"""Address and name of each page."""
GAME = ("game", "Game")


def head(page: str, title: str, lead: str) -> str:
    """Return the top of a page: links to all pages, a heading, a sentence.

    Args:
        page: address of this page, "match"; "" for the first.
        title: the heading.
        lead: what the page is for, as text.
    """
    links = "".join(
        f'<a href="/{address}"{" aria-current=page" if address == page else ""}>{name}</a>'
        for address, name in (*PAGES, GAME)
    )
    return (
        f'<div class="vx"><nav class="vx-nav" aria-label="Pages">{links}</nav>'
        f'<div class="vx-head"><h1>{escaped(title)}</h1><p>{escaped(lead)}</p></div></div>'
    )


def notice(text: str) -> str:
    """Return a message that screen readers say at once, on one line."""
    return f'<div class="vx vx-notice" role="alert"><p>{escaped(one_line(text))}</p></div>'


def advice(text: str, command: str = "") -> str:
    """Return a sentence, and the command that helps; for what a server was not started with."""
    told = f"<p><code>{escaped(command)}</code></p>" if command else ""
    return f'<div class="vx vx-notice"><p>{escaped(text)}</p>{told}</div>'


def picture_uri(pixels: NDArray[np.uint8], *, largest_px: int = THUMB_PX) -> str:
    """Return a picture as a data URI of a JPEG, made smaller where it is larger than `largest_px`.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        largest_px: longer side, 1 or more.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((largest_px, largest_px))
    return _uri(image, "JPEG", quality=JPEG_QUALITY)


def exact_uri(pixels: NDArray[np.uint8]) -> str:
    """Return a picture (height, width, 3) uint8 as a data URI of a PNG, pixel by pixel."""
    return _uri(Image.fromarray(pixels), "PNG")


def data_uri(data: bytes, kind: str) -> str:
    """Return bytes as a data URI; `kind` is their media type, as "image/jpeg"."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def sound_uri(data: bytes) -> str:
    """Return a sound as a data URI; Ogg, FLAC and WAV are told by their first bytes."""
    kinds = {b"OggS": "audio/ogg", b"fLaC": "audio/flac", b"RIFF": "audio/wav"}
    return data_uri(data, kinds.get(data[:4], "application/octet-stream"))


def percent(probability: float) -> str:
    """Return a probability for a reader, never rounded up to certainty.

    Example:
        >>> percent(0.7312), percent(0.9996), percent(0.0002), percent(0.0)
        ('73.1 %', '> 99.9 %', '< 0.1 %', '< 0.1 %')
    """
    if probability > 0.9995:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.0005 else f"{100 * probability:.1f} %"


def bar_row(
    name: str,
    probability: float | None,
    *,
    picture: str = "",
    notes: Sequence[str] = (),
    is_best: bool = False,
    extra: str = "",
    empty: str = "no picture",
) -> str:
    """Return one row of a list of bars.

    Args:
        name: what the row is about.
        probability: 0 to 1; None where there is none, and no bar.
        picture: its data URI; "" for an empty place.
        notes: lines for the reader.
        is_best: the row that is chosen.
        extra: HTML below the bar.
        empty: what stands in the place of a picture.
    """
    shown = f'<img src="{picture}" alt="{escaped(one_line(name))}">' if picture else _blank(empty)
    said = "".join(f'<p class="vx-note">{escaped(one_line(note))}</p>' for note in notes if note)
    value, bar = "not compared", ""
    if probability is not None:
        value = percent(probability)
        bar = (
            f'<div class="vx-bar" role="meter" aria-label="probability of {escaped(name)}" aria-valuemin="0" '
            f'aria-valuemax="100" aria-valuenow="{100 * probability:.1f}">'
            f'<span style="width:{100 * probability:.1f}%"></span></div>'
        )
    return (
        f'<li class="{"vx-best" if is_best else ""}">{shown}<div><div class="vx-line">'
        f'<span class="name">{escaped(one_line(name))}</span><span class="value">{value}</span></div>'
        f"{bar}{said}{extra}</div></li>"
    )


def _blank(empty: str) -> str:
    return f'<span class="vx-blank" aria-hidden="true">{empty}</span>'


def _uri(image: Image.Image, form: str, **options: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return data_uri(buffer.getvalue(), f"image/{form.lower()}")
