"""What the page Search asks the engine for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")
import gradio as gr

from visavox.errors import ConfigError
from visavox.pipeline.gallery.search_outcome import SearchOutcome
from visavox.pipeline.gallery.searching import SearchOptions
from visavox.retrieval.gallery_rows import AttributeInfo
from visavox.web.pages.search import FACE, MOST_VALUES, VOICE, add_search, filters, found, gallery_info, where_of
from visavox.web.pages.uploads import Visits
from visavox.web.service_errors import RefusalError

pytestmark = pytest.mark.usefixtures("own_uploads")


class StandInEngine:
    """Finds nobody, and remembers what it was asked."""

    def __init__(self) -> None:
        gallery = SimpleNamespace(info=lambda: "info")
        self.gallery: Any = SimpleNamespace(searcher=lambda: SimpleNamespace(gallery=gallery))
        self.asked: list[Any] = []
        self.settings = SimpleNamespace(keep_uploads=None)

    def search(self, voice: Any = None, face: Any = None, options: Any = None, *, name: str = "") -> SearchOutcome:
        self.asked.append((voice, face, options, name))
        return SearchOutcome(name, "voice", "face", "ok", "", (), 1.0, 0.5, 0, "person", (), "base", "g")


@pytest.fixture
def given(tmp_path: Path) -> str:
    (tmp_path / "x.bin").write_bytes(b"bytes")
    return str(tmp_path / "x.bin")


def test_a_voice_or_a_face_is_asked_for_and_never_both(given: str) -> None:
    engine: Any = StandInEngine()
    options = SearchOptions(k=3)
    assert "Nobody here" in found(engine, VOICE, given, None, options)
    found(engine, FACE, None, given, options)
    assert engine.asked == [(b"bytes", None, options, "x.bin"), (None, b"bytes", options, "x.bin")]


def test_what_is_asked_is_kept_with_its_answer_where_that_was_asked_for(given: str, tmp_path: Path) -> None:
    engine: Any = StandInEngine()
    found(engine, VOICE, given, None, SearchOptions())
    assert not (tmp_path / "kept").exists()
    engine.settings.keep_uploads = tmp_path / "kept"
    found(engine, FACE, None, given, SearchOptions())
    (folder,) = (tmp_path / "kept").iterdir()
    assert (folder / "upload-0").read_bytes() == b"bytes"
    about = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    assert (about["request"], about["uploads"][0]["sent_as"], about["answer"]["status"]) == ("search", "x.bin", "ok")


@pytest.mark.parametrize("kind, words", [(VOICE, "There is no voice yet"), (FACE, "There is no face yet")])
def test_what_is_missing_is_named(kind: str, words: str, given: str) -> None:
    others = (None, given) if kind == VOICE else (given, None)
    with pytest.raises(ConfigError, match=words):
        found(StandInEngine(), kind, *others, SearchOptions())  # type: ignore[arg-type]


def test_filters_are_the_values_there_are_and_never_endless() -> None:
    few = AttributeInfo(3, {"m": 2, "f": 1}, 2)
    many = AttributeInfo(99, {str(i): 1 for i in range(MOST_VALUES + 1)}, 99)
    info: Any = SimpleNamespace(attributes={"gender": few, "town": many, "age": AttributeInfo(1, {"30": 1}, 1)})
    assert filters(info) == ["age: 30", "gender: f", "gender: m"]


def test_values_of_one_attribute_are_alternatives() -> None:
    assert where_of([]) is None
    assert where_of(["a: x: y", "a: z", "b: w"]) == {"a": ["x: y", "z"], "b": ["w"]}
    with pytest.raises(ConfigError, match="Got 'gender'"):
        where_of(["gender"])


def test_without_a_gallery_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    engine: Any = SimpleNamespace(gallery=None)
    with gr.Blocks() as blocks:
        add_search(blocks, engine, Visits(tmp_path))
    html = "\n".join(str(block.value) for block in blocks.blocks.values() if isinstance(block, gr.HTML))
    assert "visavox gallery build" in html and "--gallery gallery" in html
    assert not any(isinstance(block, gr.Button) for block in blocks.blocks.values())
    with pytest.raises(RefusalError, match="This service has no gallery."):
        gallery_info(engine)


def test_every_input_has_a_label(tmp_path: Path) -> None:
    with gr.Blocks() as blocks:
        add_search(blocks, StandInEngine(), Visits(tmp_path))  # type: ignore[arg-type]
    inputs = [
        b for b in blocks.blocks.values() if isinstance(b, gr.Audio | gr.Image | gr.Radio | gr.Slider | gr.Dropdown)
    ]
    assert len(inputs) == 7 and all(block.label for block in inputs)
