"""The first page says what the tool is for and not for, and what this server has."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")
import gradio as gr

from visavox.service_config import ServeConfig
from visavox.web.pages.home import add_home


def shown(settings: ServeConfig) -> str:
    engine: Any = SimpleNamespace(model_facts=lambda: {"name": "<base>"}, model=SimpleNamespace(name="base"))
    with gr.Blocks() as blocks:
        add_home(engine, settings)
    return "\n".join(str(block.value) for block in blocks.blocks.values() if isinstance(block, gr.HTML))


def test_what_is_not_set_up_is_said_on_its_card() -> None:
    html = shown(ServeConfig())
    assert html.count("Not set up on this server.") == 4  # all but match and the game
    assert html.count('class="vx-card off"') == 4


def test_everything_is_there_on_a_full_server() -> None:
    full = ServeConfig(gallery=Path("g"), generator="portrait", runs=(Path("r"),), corpora=(Path("c"),))
    assert "Not set up" not in shown(full)


def test_what_it_is_not_for_is_said() -> None:
    html = shown(ServeConfig())
    assert "consented" in html and "not for naming strangers" in html and "no evidence" in html
    assert "&lt;base&gt;" in html and "<base>" not in html


def test_whether_uploads_are_kept_is_said_truly() -> None:
    assert "Nothing that you give is kept" in shown(ServeConfig())
    assert "This server keeps what you give" in shown(ServeConfig(keep_uploads=Path("kept")))
