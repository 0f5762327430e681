"""Tests of figures about a catalog: each query against plain Python over the items, and the speed over many rows."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from visavox.corpus import catalog_figures
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.catalog_figures import CatalogFigures, ClipOutline, SoundSeconds, Totals, item_index
from visavox.corpus.items import Attribute, MediaItem, Modality, item_key
from visavox.errors import DataError


def item(clip: str, modality: Modality, index: int = 0, **values: object) -> MediaItem:
    return MediaItem(item_key(clip, modality, index), clip, modality, **values)  # type: ignore[arg-type]


CLIPS = [
    [item("a", "face", person="p", video="v1", quality={"sharpness": 2.0}), item("a", "face", 1, person="p")],
    [item("a/g", "face", status="no_face"), item("a/g", "voice", person="q", status="network")],
    [item("b", "voice", person="p", video="v1", quality={"duration_s": 4.0, "speech_s": 3.0})],
    [item("c", "voice", video="v2", quality={"duration_s": 2.0, "speech_s": 0.5, "snr_db": math.nan})],
    [item("d", "voice", status="silent", quality={"duration_s": 9.0}), item("d", "face", attributes={})],
    [item("e", "voice", quality={"duration_s": 1.0}, attributes={"sex": Attribute("f", "net"), "x": Attribute("1")})],
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        for clip in CLIPS:
            catalog.add_clip(clip)
    return tmp_path / CATALOG


@pytest.fixture
def figures(path: Path) -> Iterator[CatalogFigures]:
    with CatalogFigures(path) as figures:
        yield figures


def test_totals_count_names_once_and_not_what_is_unknown(figures: CatalogFigures) -> None:
    assert figures.totals() == Totals(n_clips=6, n_people=2, n_videos=2, n_to_redo=1)


def test_totals_count_a_clip_that_is_marked_and_passing_once(path: Path, figures: CatalogFigures) -> None:
    with Catalog.open(path, readonly=False) as catalog:
        catalog.ask_again(["no_face", "silent"])
        n_wanted = len(catalog.clips_to_redo())
    assert figures.totals().n_to_redo == n_wanted == 2


def test_sound_is_that_of_usable_voices_and_odd_figures_do_not_stop_it(figures: CatalogFigures) -> None:
    # The voice of c has a figure that is no number, which older SQLites cannot read: it may be left out.
    found = figures.sound_seconds()
    assert not found.is_estimate
    assert found in (SoundSeconds(7.0, 3.5, 3, False), SoundSeconds(5.0, 3.0, 2, False))


def test_the_estimate_of_a_large_catalog_is_near_the_sum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        for number in range(400):
            quality = {"duration_s": 3.0 + number % 7, "speech_s": 1.0}
            status = "silent" if number % 10 == 9 else "ok"
            catalog.add_clip(
                [item(f"{number:03}", "face"), item(f"{number:03}", "voice", status=status, quality=quality)]
            )
    with CatalogFigures(tmp_path / CATALOG) as figures:
        exact = figures.sound_seconds()
        monkeypatch.setattr(catalog_figures, "MAX_EXACT_ITEMS", 100)
        monkeypatch.setattr(catalog_figures, "N_BLOCKS", 40)
        monkeypatch.setattr(catalog_figures, "BLOCK_ROWS", 6)
        estimate = figures.sound_seconds()
    assert (exact.is_estimate, estimate.is_estimate) == (False, True)
    assert exact.n_counted == 360
    assert 80 < estimate.n_counted < 360
    assert estimate.speech_s == pytest.approx(exact.speech_s)
    assert estimate.voice_s == pytest.approx(exact.voice_s, rel=0.05)


def test_a_catalog_of_failures_has_no_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_figures, "MAX_EXACT_ITEMS", 0)
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        catalog.add_clip([item("a", "voice", status="silent")])
    with CatalogFigures(tmp_path / CATALOG) as figures:
        assert figures.sound_seconds().voice_s == 0


def test_an_empty_catalog_has_figures(tmp_path: Path) -> None:
    Catalog.create(tmp_path / CATALOG, {}).close()
    with CatalogFigures(tmp_path / CATALOG) as figures:
        assert figures.totals() == Totals(0, 0, 0, 0)
        assert figures.sound_seconds() == SoundSeconds(0, 0, 0, False)
        assert list(figures.outlines()) == list(figures.usable_clips()) == figures.nearest("x") == []
        assert figures.columns().n_items == {}


def test_examples_are_the_first_keys(figures: CatalogFigures) -> None:
    assert figures.example_keys("face", "ok", 2) == ("a/face", "a/face/1")
    assert figures.example_keys("voice", "silent") == ("d/voice",)
    assert figures.example_keys("voice", "no_face") == ()


def test_outlines_keep_clips_apart_whose_keys_are_mixed(figures: CatalogFigures) -> None:
    # The key a/g/face stands between a/face and a/voice.
    assert list(figures.outlines()) == [
        ClipOutline("a", "p", ()),
        ClipOutline("a/g", "q", ("no_face", "network")),
        ClipOutline("b", "p", ()),
        ClipOutline("c", "", ()),
        ClipOutline("d", "", ("silent",)),
        ClipOutline("e", "", ()),
    ]
    assert [outline.status for outline in figures.outlines()] == ["ok", "no_face", "ok", "ok", "silent", "ok"]


def test_outlines_of_one_person(figures: CatalogFigures) -> None:
    assert [outline.clip for outline in figures.outlines("p")] == ["a", "b"]
    assert list(figures.outlines("nobody")) == []


def test_usable_clips_have_one_usable_item(figures: CatalogFigures) -> None:
    assert list(figures.usable_clips()) == ["a", "b", "c", "d", "e"]


def test_columns_name_what_usable_items_hold(figures: CatalogFigures) -> None:
    found = figures.columns()
    assert found.attributes == ("sex", "x")
    assert found.predicted == (("voice", "sex"),)
    assert {("face", "sharpness"), ("voice", "duration_s"), ("voice", "speech_s")} <= set(found.quality)
    assert found.n_items == {"face": 2, "voice": 1}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("p0007/take 14", "p0007/take 0014"), ("P0007/take 0013", "p0007/take 0013"), ("take 0012", "p0007/take 0012")],
)
def test_the_nearest_name_is_found(tmp_path: Path, name: str, nearest: str) -> None:
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        for person in (6, 7, 8):
            for take in range(10, 20):
                if (person, take) in ((7, 12), (7, 13), (7, 14), (6, 11), (8, 19)):
                    catalog.add_clip([item(f"p{person:04}/take {take:04}", "voice")])
    with CatalogFigures(tmp_path / CATALOG) as figures:
        assert figures.nearest(name)[0] == nearest
        assert figures.nearest(f"{name}/voice")[0] == nearest


def test_names_with_the_signs_of_patterns_are_taken_as_they_are(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        for clip in ("100%_sure\\x", "abcdefghijk", "öäü ß"):
            catalog.add_clip([item(clip, "face")])
    with CatalogFigures(tmp_path / CATALOG) as figures:
        assert figures.nearest("100%_sure\\y") == ["100%_sure\\x"]
        assert figures.nearest("%%%%%%%%%%%%") == []
        assert figures.nearest("öäü s") == ["öäü ß"]


@pytest.mark.parametrize(("key", "index"), [("c/face", 0), ("c/face/1", 1), ("c/face/12", 12), ("c/face/x", 0)])
def test_the_index_is_the_end_of_the_key(key: str, index: int) -> None:
    assert item_index(MediaItem(key, "c", "face")) == index


def test_a_catalog_that_is_not_there_or_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no catalog at"):
        CatalogFigures(tmp_path / "x.sqlite")
    (tmp_path / "y.sqlite").write_bytes(b"no database at all" * 99)
    with pytest.raises(DataError, match="damaged"):
        CatalogFigures(tmp_path / "y.sqlite")


def test_figures_of_many_rows_take_a_moment(tmp_path: Path) -> None:
    """Twenty thousand items; the million of the specification is measured by benchmarks."""
    rows = [
        (f"p{n // 20}/{n}/{m}", f"p{n // 20}/{n}", m, f"p{n // 20}", "ok", '{"duration_s": 2.0, "speech_s": 1.0}')
        for n in range(10_000)
        for m in ("face", "voice")
    ]
    with Catalog.create(tmp_path / CATALOG, {}) as catalog:
        names = "key, clip, modality, person, status, quality, source, reason"
        query = f"INSERT INTO items ({names}) VALUES (?, ?, ?, ?, ?, ?, '', '')"
        catalog._connection.executemany(query, rows)
    started = time.perf_counter()
    with CatalogFigures(tmp_path / CATALOG) as figures:
        assert figures.totals().n_clips == 10_000
        assert figures.sound_seconds().voice_s == 20_000
        assert len(figures.nearest("p77/15")) == 3
    assert time.perf_counter() - started < 1


def test_a_page_of_clips_is_a_part_of_all_of_them(tmp_path: Path) -> None:
    """Held against the list of all outlines, filtered and cut one by one."""
    path = tmp_path / "catalog.sqlite"
    with Catalog.create(path, {}) as catalog:
        for number in range(23):
            clip, person = f"c{number:02d}", f"p{number % 3}" if number % 4 else None
            statuses = ("ok", "no_face", "silent")[number % 3], ("ok", "silent")[number % 2]
            catalog.add_clip(
                MediaItem(f"{clip}/{m}", clip, m, person=person, status=s)
                for m, s in zip(("face", "voice"), statuses, strict=True)
            )
    with CatalogFigures(path) as figures:
        everything = list(figures.outlines())
        for status in ("", "ok", "no_face", "silent", "removed"):
            for person in ("", "p1", "nobody"):
                wanted = [
                    outline
                    for outline in everything
                    if (not status or status in (outline.statuses or ("ok",))) and person in ("", outline.person)
                ]
                for first, n in ((0, 5), (3, 100), (50, 5)):
                    n_all, page = figures.clip_page(status=status, person=person, first=first, n=n)
                    assert n_all == len(wanted) and page == wanted[first : first + n]
