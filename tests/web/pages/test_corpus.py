"""Choosing a corpus, a filter and a page."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio")
import gradio as gr

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MediaItem
from visavox.errors import ConfigError
from visavox.service_config import ServeConfig
from visavox.web.pages.corpus import add_corpus, corpus_names, listed, named_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 clips: every tenth has no face."""
    folder = tmp_path_factory.mktemp("corpus")
    with Catalog.create(folder / CATALOG, {}) as catalog:
        for number in range(60):
            clip, person = f"clip-{number:03d}", f"p{number % 3}"
            failed = number % 10 == 0
            status, path = ("no_face", None) if failed else ("ok", f"faces/{clip}.jpg")
            face = MediaItem(
                f"{clip}/face", clip, "face", person=person, status=status, path=path, reason="none seen" * failed
            )
            voice = MediaItem(f"{clip}/voice", clip, "voice", person=person, path=f"voices/{clip}.flac")
            catalog.add_clip([face, voice])
    return folder


def test_pages_have_25_clips_and_the_last_has_the_rest(corpus: Path) -> None:
    words, rows = listed(corpus, "all", "", 1)
    assert "1 to 25 of 60 clips; page 1 of 3." in words and len(rows) == 25 and rows[1] == ["clip-001", "p1", "ok"]
    words, rows = listed(corpus, "all", "", 3)
    assert "51 to 60 of 60 clips; page 3 of 3." in words and len(rows) == 10


@pytest.mark.parametrize("page", [4, 1000])
def test_a_page_behind_the_last_shows_the_last(page: int, corpus: Path) -> None:
    words, rows = listed(corpus, "all", "", page)
    assert "page 3 of 3" in words and rows[-1][0] == "clip-059"


@pytest.mark.parametrize("page", [0, -5])
def test_a_page_before_the_first_shows_the_first(page: int, corpus: Path) -> None:
    assert "page 1 of 3" in listed(corpus, "all", "", page)[0]


def test_filters_go_together(corpus: Path) -> None:
    words, rows = listed(corpus, "no_face", " p0 ", 1)
    assert [row[0] for row in rows] == ["clip-000", "clip-030"] and "of 2 clips" in words
    assert rows[0][2] == "no face was found (no_face)"
    assert "of 54 clips" in listed(corpus, "ok", "", 1)[0]


def test_nothing_of_a_kind_is_said(corpus: Path) -> None:
    words, rows = listed(corpus, "silent", "", 1)
    assert rows == [] and "No clip is of this kind." in words


def test_two_corpora_of_one_name_are_told_apart(tmp_path: Path) -> None:
    names = corpus_names((tmp_path / "a" / "c", tmp_path / "b" / "c", tmp_path / "d"))
    assert list(names) == ["c", "c (2)", "d"] and named_corpus(names, "c (2)") == tmp_path / "b" / "c"
    with pytest.raises(ConfigError, match=r"This server has no corpus '/etc'. It has: c, c \(2\), d."):
        named_corpus(names, "/etc")


def test_without_a_corpus_the_page_says_how_to_make_one() -> None:
    with gr.Blocks() as blocks:
        add_corpus(blocks, ServeConfig())
    html = "\n".join(str(block.value) for block in blocks.blocks.values() if isinstance(block, gr.HTML))
    assert "visavox prepare" in html and "--corpora corpus" in html
