"""Tests of `corpus gallery`: which clips are drawn, where, and what is refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visavox.corpus_config import CorpusGalleryConfig
from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.pipeline import corpus_gallery
from visavox.pipeline.corpus_gallery import draw_gallery

MakeCorpus = Callable[..., Path]
FAILED = {"p0/b/face": "no_face", "p0/b/voice": "silent", "p1/c/voice": "silent"}
CLIPS = ("p0/a", "p0/b", "p1/c", "p1/d", "p2/e")


@pytest.fixture
def corpus(tmp_path: Path, make_corpus: MakeCorpus) -> Path:
    return make_corpus(tmp_path / "corpus", CLIPS, FAILED)


def draw(corpus: Path, **values: Any) -> tuple[corpus_gallery.GalleryDrawn, list[str]]:
    """What was drawn, and the clips of the page in their order."""
    drawn = draw_gallery(CorpusGalleryConfig(corpus=corpus, **values))
    return drawn, re.findall(r'<p class="clip">([^<]*)', Path(drawn.out).read_text(encoding="utf-8"))


def test_all_clips_are_drawn_by_status_and_person(corpus: Path) -> None:
    drawn, clips = draw(corpus)
    assert drawn.out == str(corpus / "gallery.html")
    assert clips == ["p0/a", "p1/d", "p2/e", "p0/b", "p1/c"]
    assert drawn.counts == {"ok": 3, "no_face": 1, "silent": 1}
    assert "5 clips (3 ok, 1 no_face, 1 silent)" in drawn.describe()


@pytest.mark.parametrize(
    ("values", "clips"),
    [
        ({"person": "p1"}, ["p1/d", "p1/c"]),
        ({"status": ("silent",)}, ["p0/b", "p1/c"]),
        ({"status": ("no_face",)}, ["p0/b"]),
        ({"status": ("ok",)}, ["p0/a", "p1/d", "p2/e"]),
        ({"status": ("silent",), "person": "p1"}, ["p1/c"]),
        ({"limit": 2}, ["p0/a", "p1/c"]),
        ({"limit": 0}, ["p0/a", "p1/d", "p2/e", "p0/b", "p1/c"]),
    ],
)
def test_clips_are_chosen(corpus: Path, values: dict[str, Any], clips: list[str]) -> None:
    drawn, found = draw(corpus, **values)
    assert found == clips
    assert drawn.n_shown == len(clips)


def test_a_limit_says_so(corpus: Path) -> None:
    drawn, _ = draw(corpus, limit=2)
    assert "2 clips of 5, spread over them" in drawn.describe()


def test_the_ending_decides_the_form_and_progress_is_told(corpus: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    config = CorpusGalleryConfig(corpus=corpus, out=tmp_path / "new" / "sheet.PNG")
    draw_gallery(config, lambda done, total: steps.append((done, total)))
    assert steps == [(n, 5) for n in range(1, 6)]
    with Image.open(tmp_path / "new" / "sheet.PNG") as image:
        assert image.format == "PNG"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["sheet.PNG"]


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"out": Path("x.pdf")}, ConfigError, "must end in .html or .png"),
        ({"limit": -1}, ConfigError, "`limit` must be at least 0"),
        ({"status": ("no-face",)}, UnknownNameError, "Did you mean 'no_face'"),
        ({"status": ("network",)}, ConfigError, "holds no clip of status network"),
        ({"person": "nobody"}, ConfigError, "holds no clip of person nobody"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(corpus: Path, values: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        draw(corpus, **values)
    assert "\n" not in str(caught.value)
    assert not (corpus / "gallery.html").exists()


def test_too_many_clips_for_a_png(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_gallery, "MAX_PNG_TILES", 4)
    with pytest.raises(ConfigError, match="Give --limit, or a name that ends in .html"):
        draw(corpus, out=corpus / "x.png")


def test_a_folder_in_the_place_of_the_sheet_is_refused(corpus: Path) -> None:
    (corpus / "x.html").mkdir()
    with pytest.raises(ConfigError, match=r"`out` must be a file. .*x.html is a folder"):
        draw(corpus, out=corpus / "x.html")


def test_one_clip_is_one_clip(corpus: Path) -> None:
    assert "gallery.html: 1 clip (1 no_face)\n" in draw(corpus, status=("no_face",))[0].describe()


def test_a_folder_without_a_catalog_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no catalog"):
        draw(tmp_path)


def test_a_hundred_clips_take_a_moment(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, [f"p/{number:03}" for number in range(100)])
    started = time.perf_counter()
    assert draw(corpus)[0].n_shown == 100
    assert time.perf_counter() - started < 2
