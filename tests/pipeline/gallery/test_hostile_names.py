"""Contact sheets, pages and lines of people whose names try to be something else."""

from __future__ import annotations

import dataclasses
import html.parser
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavox.pipeline.gallery.changing import GalleryOutcome
from visavox.pipeline.gallery.gathering import BadClip
from visavox.pipeline.gallery.row_media import excerpt, media_type, thumbnail
from visavox.pipeline.gallery.search_outcome import SearchHit, SearchOutcome
from visavox.pipeline.gallery.search_page import search_page
from visavox.pipeline.gallery.search_sheet import WIDTH_PX, search_sheet, write_sheet
from visavox.pipeline.gallery.search_tiles import MOST_TILES, SearchTile, SheetContent, sheet_content
from visavox.pipeline.gallery.telling import GalleryTold, counted
from visavox.retrieval.gallery_rows import AttributeInfo, GalleryAbout, GalleryInfo, ModalityInfo
from visavox.retrieval.local_gallery import LocalGallery

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><style>*{display:none}",
    "</title><h1>",
    "javascript:alert(1)",
    "http://evil.example/?q=",
    "&lt;b&gt;",
    "\u202egnp.exe",
    "\x1b[31mred\x1b[0m",
    "a\r\nSet-Cookie: x",
    "\ud800 alone",
    "\x00nul",
    "W" * 300,
    "",
)
ALLOWED = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "ul", "li", "p"}
ALLOWED |= {"h1", "h2", "small", "div", "i", "b", "img", "audio", "span", "strong", "code", "svg", "path", "article"}


class Tags(html.parser.HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def content(name: str) -> SheetContent:
    """A sheet on which everything that can be a name is this one."""
    hit = SearchHit(1, f"{name}/face", name, name, 0.5, 0.6, {name: name})
    outcome = SearchOutcome(name, "voice", "face", "ok", name, (hit,), 0.3, 0.5, 7, "person", (name,), name, name, 0.1)
    sound, picture = excerpt(np.full(1600, 0.1, np.float32)), thumbnail(np.zeros((9, 9, 3), np.uint8))
    tiles = (SearchTile(name, name, 0.6, 0.5, picture, sound), SearchTile("nobody here", "", 0.3, None, is_nobody=True))
    return SheetContent(SearchTile(name, name, None, None, None, sound), tiles, outcome)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name])  # a tile without a name has no line for it
@pytest.mark.parametrize("by", ["person", "clip"])
def test_a_page_has_no_element_and_no_handler_of_a_name(name: str, by: str) -> None:
    made = content(name)
    tags, plain = Tags(), Tags()
    tags.feed(search_page(dataclasses.replace(made, outcome=dataclasses.replace(made.outcome, by=by))))  # type: ignore[arg-type]
    plain.feed(search_page(content("Ann")))
    assert [tag for tag, _ in tags.found] == [tag for tag, _ in plain.found]
    assert "script" not in {tag for tag, _ in tags.found}
    for _, attributes in tags.found:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "href"):
            assert (attributes.get(key) or "data:").startswith("data:")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("suffix", [".png", ".html"])
def test_a_sheet_is_written_whatever_the_names(name: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"sheet{suffix}"
    write_sheet(path, content(name))
    if suffix == ".png":
        with Image.open(path) as image:
            assert image.width == WIDTH_PX
    else:
        assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_name_is_cut_where_its_tile_ends() -> None:
    """Nothing of a long name is drawn beyond its tile: the column of the next one stays paper."""
    short, long = (np.asarray(search_sheet(content(name))).astype(int) for name in ("W", "W" * 5000))
    assert short.shape == long.shape
    columns = np.flatnonzero((short[90:] != long[90:]).any(axis=(0, 2)))
    assert columns.size
    gaps = np.diff(columns)
    assert gaps.max() > 10  # between the query's tile and the first hit nothing was drawn


@pytest.mark.parametrize("name", HOSTILE)
def test_no_line_for_the_terminal_has_a_control_character(name: str) -> None:
    outcome = content(name).outcome
    about = GalleryAbout(name, "ab" * 32, 4)
    info = GalleryInfo(
        Path("g"),
        "local",
        dataclasses.replace(about, model="m"),
        {"face": ModalityInfo(1, 1, 1, {"exact": 1})},
        {name: AttributeInfo(1, {name: 1}, 1)},
        10,
        2,
    )
    changed = GalleryOutcome(Path("g"), "m", {"face": 1}, {"face": 1}, bad_clips=(BadClip(name, "face", "x", name),))
    for said in (str(outcome), GalleryTold(info).describe(), changed.describe()):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", said)
        said.encode("utf-8", "backslashreplace")


def test_a_gallery_of_many_gives_a_sheet_of_some(tiny_gallery: LocalGallery, tmp_path: Path) -> None:
    hits = tuple(SearchHit(i, "c0/face", "c0", f"p{i}", 0.5, 0.001, {}) for i in range(MOST_TILES + 50))
    outcome = dataclasses.replace(content("Ann").outcome, hits=hits, p_nobody=0.5)
    made = sheet_content(outcome, tiny_gallery, tmp_path / "absent.wav")
    assert len(made.tiles) == MOST_TILES + 1
    assert made.tiles[0].is_nobody
    assert made.tiles[1].picture == tiny_gallery.thumbnail("c0/face")
    assert made.tiles[1].sound == tiny_gallery.excerpt("c0/voice")
    assert media_type(made.tiles[1].sound or b"") == "audio/ogg"
    assert (made.query.picture, made.query.sound) == (None, None)


@pytest.mark.parametrize(
    ("n", "by", "words"),
    [(1, "person", "1 person"), (2, "person", "2 people"), (1, "clip", "1 clip"), (1_000, "clip", "1,000 clips")],
)
def test_one_is_singular_everywhere(n: int, by: str, words: str) -> None:
    made = content("Ann")
    outcome = dataclasses.replace(made.outcome, n_candidates=n, by=by, hits=())  # type: ignore[arg-type]
    assert f"among {words} with a face" in str(outcome)
    assert f"among {words} with a face" in search_page(dataclasses.replace(made, outcome=outcome))
    others = "1 other " if n == 1 else f"{n:,} others together"
    assert others in str(outcome)


@pytest.mark.parametrize(
    ("n", "what", "many", "said"),
    [
        (0, "face", "", "0 faces"),
        (1, "face", "", "1 face"),
        (2, "face", "", "2 faces"),
        (1, "person", "people", "1 person"),
        (3_000, "person", "people", "3,000 people"),
    ],
)
def test_numbers_agree_with_what_they_count(n: int, what: str, many: str, said: str) -> None:
    assert counted(n, what, many) == said
    if what == "face":
        outcome = GalleryOutcome(Path("g"), "m", {"face": n}, {"face": n})
        people = "1 person" if n == 1 else f"{n} people"
        assert outcome.describe().startswith(f"g: {said} of {people}, model m")


def test_a_gallery_in_milvus_says_where_and_no_state() -> None:
    info = GalleryInfo(
        Path("g"),
        "milvus",
        GalleryAbout("m", "ab" * 32, 1),
        {"voice": ModalityInfo(2, 1, 0, {"FLAT": 2})},
        {},
        0,
        is_verified=True,
        place="http://host:19530, collections visavox_*",
    )
    lines = GalleryTold(info).describe().splitlines()
    assert lines[0] == "g: a gallery in Milvus, http://host:19530, collections visavox_*"
    assert lines[1].endswith("1 number a vector")
    assert lines[4].split(maxsplit=1) == ["size", "known to the server alone"]
    assert lines[-1].strip() == "Everything was read and is whole."
    embedded = GalleryTold(dataclasses.replace(info, n_bytes=1_500)).describe().splitlines()
    assert embedded[4].split(maxsplit=1) == ["size", "1.5 kB"]
    local = GalleryTold(dataclasses.replace(info, backend="local", place="", n_bytes=9, generation=1_234)).describe()
    assert "9 B, state 1,234" in local
    assert "fits its checksums" in local
