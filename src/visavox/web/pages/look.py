"""How the pages look: a Gradio theme of system fonts and the colours of the reports, and a style sheet of our own.

Nothing is fetched from another machine: no font, no script, no picture.

Example:
    >>> "system-ui" in look().theme.font
    True
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import gradio as gr

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"
MONO = "ui-monospace, 'Liberation Mono', Consolas, monospace"
INK, SOFT, PAPER, CARD, HAIR, BLUE = "#1d1c1a", "#5d5a54", "#fdfcfa", "#f5f3ee", "#dedad2", "#0b63a5"
ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%230b63a5'/%3E%3Cpath d='M4 8h1.4l1.2-3.4 2 6.8L10 8h2' fill='none' stroke='white' stroke-width='1.3'/%3E%3C/svg%3E"  # noqa: E501
HEAD = f'<link rel="icon" href="{ICON}">'


@dataclass(frozen=True, eq=False)
class Look:
    """What Gradio is told at the mount."""

    theme: Any
    """Colours, fonts and sizes."""
    css: str
    """Rules that come after Gradio's own."""
    head: str
    """Elements of the page's head: the icon."""


def look() -> Look:
    """Return theme, style sheet and head."""
    sheet = (resources.files("visavox.web.pages") / "static" / "pages.css").read_text(encoding="utf-8")
    return Look(_theme(), sheet, HEAD)


def _theme() -> Any:
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_sm,
        font=(FONT,),
        font_mono=(MONO,),
    )
    theme.set(
        body_background_fill=PAPER,
        body_text_color=INK,
        body_text_color_subdued=SOFT,
        background_fill_primary="#ffffff",
        background_fill_secondary=CARD,
        block_background_fill="#ffffff",
        block_border_color=HAIR,
        block_border_width="1px",
        block_label_text_color=SOFT,
        block_title_text_color=INK,
        block_title_text_weight="600",
        border_color_primary=HAIR,
        input_border_color=HAIR,
        button_primary_background_fill=BLUE,
        button_primary_background_fill_hover="#094f85",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill=CARD,
        button_secondary_text_color=INK,
        color_accent=BLUE,
        link_text_color=BLUE,
    )
    for name in dir(theme):  # one look, by day and by night: pictures and sheets are drawn for light paper
        if name.endswith("_dark") and hasattr(theme, name.removesuffix("_dark")):
            setattr(theme, name, getattr(theme, name.removesuffix("_dark")))
    return theme
