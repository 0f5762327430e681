"""Tests of `corpus show`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MediaItem
from visavox.corpus_config import CorpusShowConfig
from visavox.errors import ConfigError
from visavox.pipeline.corpus_show import show_item

MakeCorpus = Callable[..., Path]


@pytest.fixture
def corpus(tmp_path: Path, make_corpus: MakeCorpus) -> Path:
    return make_corpus(tmp_path / "corpus", failed={"p0/b/voice": "network"}, n_faces=2)


def test_a_clip_shows_all_its_rows_with_files_and_attributes(corpus: Path) -> None:
    shown = show_item(CorpusShowConfig(corpus=corpus, key="p0/a"))
    assert [row.key for row in shown.rows] == ["p0/a/face", "p0/a/face/1", "p0/a/voice"]
    face = shown.rows[0]
    assert face.path is not None
    assert face.size_bytes == (corpus / face.path).stat().st_size
    assert [(a.name, a.value, a.origin) for a in face.attributes] == [
        ("age", "34", "face-net"),
        ("gender", "f", "given"),
    ]
    text = shown.describe()
    for words in (
        "person     p0",
        "age        34 (face-net)",
        "sharpness      20",
        "1 s to the end of the video",
        "bytes)",
    ):
        assert words in text
    assert not shown.is_to_redo


def test_a_key_shows_one_row(corpus: Path) -> None:
    shown = show_item(CorpusShowConfig(corpus=corpus, key="p0/a/voice"))
    assert [row.modality for row in shown.rows] == ["voice"]
    assert "SNR" not in shown.describe()
    assert "snr_db" in shown.describe()


def test_a_failure_shows_reason_meaning_remedy_and_that_it_is_tried_again(corpus: Path) -> None:
    shown = show_item(CorpusShowConfig(corpus=corpus, key="p0/b"))
    text = shown.describe()
    assert "p0/b/voice: network, the server was not reached, or failed" in text
    assert "reason     p0/b.mp4: something is wrong. Mend it." in text
    assert "remedy     run prepare again" in text
    assert shown.is_to_redo
    assert text.endswith("The next `prepare` tries this clip again.\n")


def test_a_file_that_is_gone_is_said(corpus: Path) -> None:
    row = show_item(CorpusShowConfig(corpus=corpus, key="p0/a/voice")).rows[0]
    (corpus / str(row.path)).unlink()
    shown = show_item(CorpusShowConfig(corpus=corpus, key="p0/a/voice"))
    assert shown.rows[0].size_bytes is None
    assert "is not there" in shown.describe()


def test_an_unknown_name_gives_the_nearest_in_one_line(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="is called 'p1/c_d'. Did you mean 'p1/c.d'") as caught:
        show_item(CorpusShowConfig(corpus=corpus, key="p1/c_d"))
    assert "\n" not in str(caught.value)


def test_a_name_like_no_other_gives_no_hint(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="is called 'zzzzzzzzzz'. `visavox corpus status`"):
        show_item(CorpusShowConfig(corpus=corpus, key="zzzzzzzzzz"))


def test_odd_text_stays_on_its_line(tmp_path: Path) -> None:
    item = MediaItem("c/face", "c", "face", status="no_face", reason="a\x1b[31m\nb", source="x\ny")
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        catalog.add_clip([item, replace(item, key="c/voice", modality="voice", start_s=2.0, end_s=3.5)])
    text = show_item(CorpusShowConfig(corpus=tmp_path, key="c")).describe()
    assert "\\x1b[31m\\nb" in text
    assert "2 s to 3.5 s of the video" in text
    assert all(line.isprintable() for line in text.splitlines())
