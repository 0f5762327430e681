"""Every guess is labelled as one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")
import gradio as gr

from visavox.web.drawing import Drawn
from visavox.web.pages.draw import LABEL, add_draw, drawn_html
from visavox.web.pages.uploads import Visits

FACTS: dict[str, Any] = {
    "voice": {"speech_s": 3.14}, "disclaimer": "Shows <nobody>.", "notes": ["Two voices\nare heard."],
    "model": "portrait",
    "method": "decoder", "seed": 7, "guidance": 1.5, "provenance": "voice (from voice)", "licence": "CC-BY-NC-4.0",
}  # fmt: skip


def pages(engine: Any, folder: Path) -> Any:
    with gr.Blocks() as blocks:
        add_draw(engine, Visits(folder))
    return blocks.blocks.values()


def test_each_picture_is_labelled_and_saved_as_it_is() -> None:
    html = drawn_html(Drawn(FACTS, (b"\x89PNG1", b"\x89PNG2")))
    assert html.count(f"<figcaption>{LABEL}") == 2 and f'alt="Guess 2: {LABEL}"' in html
    assert 'download="guess-1.png"' in html and html.count("data:image/png;base64,") == 4
    assert LABEL == "a guess from the voice, not a photograph"


def test_where_it_comes_from_is_said() -> None:
    html = drawn_html(Drawn(FACTS, (b"1",)))
    assert "1 guess from 3.1 s of speech" in html and "seed 7, guidance 1.5" in html
    assert "Told: voice (from voice)" in html and "Licence: CC-BY-NC-4.0" in html
    assert "Shows &lt;nobody&gt;." in html and "Two voices\\nare heard." in html


def test_without_a_generator_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    blocks = pages(SimpleNamespace(generator=None), tmp_path)
    html = "\n".join(str(block.value) for block in blocks if isinstance(block, gr.HTML))
    assert "visavox serve --generator portrait" in html
    assert not any(isinstance(block, gr.Button) for block in blocks)


def test_methods_are_those_of_the_generator_and_inputs_have_labels(tmp_path: Path) -> None:
    generator = SimpleNamespace(generator=SimpleNamespace(methods=("decoder", "diffusion")))
    blocks = list(pages(SimpleNamespace(generator=generator), tmp_path))
    (method,) = [block for block in blocks if isinstance(block, gr.Dropdown)]
    assert [value for _, value in method.choices] == ["decoder", "diffusion"] and method.value == "decoder"
    assert all(b.label for b in blocks if isinstance(b, gr.Audio | gr.Slider | gr.Number | gr.Checkbox | gr.Dropdown))
