"""A corpus and its clips as HTML, each failure with its reason in words."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MediaItem
from visavox.errors import ConfigError, DataError
from visavox.web.pages import corpus_view
from visavox.web.pages.corpus_view import clip_html, clip_rows, counts_html, meaning, statuses_of, with_meaning


@pytest.fixture(scope="module")
def corpus(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small corpus and three clips more: one without a face, one whose files are gone, one of a strange name."""
    folder = tmp_path_factory.mktemp("view") / "corpus"
    shutil.copytree(small_corpus, folder)
    failed = MediaItem("bad/face", "bad", "face", person="<p>", status="no_face", reason="No face in\n<bad>.jpg.")
    gone = MediaItem("gone/voice", "gone", "voice", path="voices/gone.flac")
    transient = MediaItem("later/face", "later", "face", status="network", reason="The server was away.")
    with Catalog.open(folder / CATALOG, readonly=False) as catalog:
        for item in (failed, gone, transient):
            catalog.add_clip([item])
    return folder


def a_clip(corpus: Path) -> str:
    return next(o.clip for o in clip_rows(corpus, status="ok", person="", page=1)[1] if o.person)


def test_a_good_clip_is_seen_and_heard_and_fully_known(corpus: Path) -> None:
    html = clip_html(corpus, a_clip(corpus))
    assert html.count('<img src="data:image/jpeg') == 1 and html.count("data:audio/flac") == 1
    assert html.count("<rect") == 64 and "SHA-256" in html and "gender" in html and "(given)" in html
    assert "vx-notice" not in html


def test_a_failed_clip_says_why_in_words(corpus: Path) -> None:
    html = clip_html(corpus, "bad")
    assert "face: no face was found" in html and "No face in\\n&lt;bad&gt;.jpg." in html
    assert "There is no voice to be heard." in html and "<details open>" in html
    assert "<p>:" not in html and "&lt;p&gt;" in html


def test_a_file_that_is_gone_is_said(corpus: Path) -> None:
    html = clip_html(corpus, "gone")
    assert "The file of the voice cannot be read." in html and "the file does not exist" in html


def test_what_is_tried_again_is_said(corpus: Path) -> None:
    assert "tries this clip again" in clip_html(corpus, "later")
    assert "run prepare again" in clip_html(corpus, "later")


def test_an_unknown_clip_is_one_line_with_the_nearest(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="is called 'bat'. Did you mean 'bad'"):
        clip_html(corpus, "bat")


@pytest.mark.parametrize("name", ["../catalog.sqlite", "' OR 1=1 --", "%"])
def test_a_name_is_a_name_and_no_path_or_query(name: str, corpus: Path) -> None:
    with pytest.raises(ConfigError, match="No clip and no item"):
        clip_html(corpus, name)


def test_counts_are_those_of_the_corpus(corpus: Path) -> None:
    html = counts_html(corpus)
    assert "19 clips of 9 people" in html and "minutes of voices" in html
    assert "<code>no_face</code>" in html and "no face was found" in html
    assert statuses_of(corpus) == ["ok", "network", "no_face"] or statuses_of(corpus) == ["ok", "no_face", "network"]


def test_videos_are_told_where_they_are_known_and_one_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    status = SimpleNamespace(
        n_clips=1, n_people=1, n_videos=1, hours_are_estimated=False, voice_hours=0.5, counts=()
    )  # fmt: skip
    monkeypatch.setattr(corpus_view, "corpus_status", lambda _: status)
    assert "<p>1 clip of 1 person from 1 video; 30.0 minutes of voices" in counts_html(Path("x"))
    status.n_videos = 0
    assert "<p>1 clip of 1 person; 30.0 minutes" in counts_html(Path("x"))


def test_a_folder_without_a_corpus_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="catalog.sqlite"):
        counts_html(tmp_path)


def test_every_status_has_words() -> None:
    assert meaning("silent") == "silence" and with_meaning("silent") == "silence (silent)"
    assert meaning("of the future") == "a status that this version does not know"
