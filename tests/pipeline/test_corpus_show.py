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


@pytest.mark.parametrize(
    ("start_s", "end_s", "words"),
    [
        (None, None, ""),
        (1.5, None, "1.5 s to the end of the video"),
        (None, 2.25, "0 s to 2.25 s of the video"),
        (0.0, 3.0, "0 s to 3 s of the video"),
    ],
)
def test_times_are_said_where_the_clip_is_a_part(
    tmp_path: Path, start_s: float | None, end_s: float | None, words: str
) -> None:
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        catalog.add_clip([MediaItem("c/face", "c", "face", start_s=start_s, end_s=end_s)])
    times = [
        line for line in show_item(CorpusShowConfig(corpus=tmp_path, key="c")).describe().splitlines() if "s to" in line
    ]
    assert [line.split(maxsplit=1)[1] for line in times] == ([words] if words else [])


def test_a_clip_and_a_key_of_one_name_are_both_shown(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    """The face of the clip "p" has the name of another clip as its key."""
    corpus = make_corpus(tmp_path, ["p", "p/face"])
    shown = show_item(CorpusShowConfig(corpus=corpus, key="p/face"))
    assert {row.key for row in shown.rows} == {"p/face", "p/face/face", "p/face/voice"}


def test_a_status_of_another_version_is_shown(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/a"], {"p/a/face": "eclipse"})
    shown = show_item(CorpusShowConfig(corpus=corpus, key="p/a"))
    assert "p/a/face: eclipse, a status that this version does not know" in shown.describe()
    assert not shown.is_to_redo


def test_a_clip_that_was_asked_for_again_says_so(corpus: Path) -> None:
    config = CorpusShowConfig(corpus=corpus, key="p1/c.d/face")
    assert not show_item(config).is_to_redo
    with Catalog.open(corpus / CATALOG, readonly=False) as catalog:
        catalog.ask_again(["ok"])
    assert show_item(config).is_to_redo


def test_figures_stand_under_each_other_and_empty_facts_are_left_out(corpus: Path) -> None:
    lines = show_item(CorpusShowConfig(corpus=corpus, key="p0/a/voice")).describe().splitlines()
    assert not any(line.split()[0] == "session" for line in lines if line)
    figures = [line for line in lines if line.startswith("    ")]
    assert [line.split()[0] for line in figures] == ["duration_s", "snr_db", "speech_s"]
    assert len({line.index(line.split()[1]) for line in figures}) == 1


@pytest.mark.parametrize("name", ["", "'", '"; DROP TABLE items; --', "a\nb", "%", "声"])
def test_names_that_nothing_has_are_one_line(corpus: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="No clip and no item") as caught:
        show_item(CorpusShowConfig(corpus=corpus, key=name))
    assert "\n" not in str(caught.value)
