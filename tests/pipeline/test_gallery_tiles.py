"""Tests of what a contact sheet shows: outlines of voices, small faces, which clips get a place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import Attribute, MediaItem
from visavox.pipeline.gallery_tiles import FACE_PX, MAX_FACES, N_BARS, outline, read_tile, shown_counts, small, spread

MakeCorpus = Callable[..., Path]


def slow_outline(voice: np.ndarray) -> list[float]:
    """Bar by bar: the peak of all samples that the bar touches, in decibels."""
    bars = []
    for bar in range(N_BARS):
        begin, end = math.floor(bar * len(voice) / N_BARS), math.ceil((bar + 1) * len(voice) / N_BARS)
        peak = max(abs(float(sample)) for sample in voice[begin : max(end, begin + 1)])
        decibels = 20 * math.log10(max(peak, 1e-6))
        bars.append(min(1.0, max(0.0, 1 + decibels / 60)))
    return bars


@pytest.mark.parametrize("n_samples", [1, 3, 63, 64, 65, 1000])
def test_the_outline_equals_the_slow_loop(n_samples: int) -> None:
    voice = np.random.default_rng(n_samples).uniform(-1, 1, n_samples).astype(np.float32) ** 5
    found = outline(voice)
    assert found.dtype == np.float32
    assert np.allclose(found, slow_outline(voice), atol=1e-6)


@pytest.mark.parametrize(("level", "height"), [(0.0, 0.0), (1e-3, 0.0), (10**-1.5, 0.5), (0.1, 2 / 3), (1.0, 1.0)])
def test_heights_are_decibels(level: float, height: float) -> None:
    assert np.allclose(outline(np.full(640, level, np.float32)), height, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "wanted"), [((256, 256), (160, 160)), ((80, 320), (40, 160)), ((9, 7), (9, 7)), ((1, 5000), (1, 160))]
)
def test_faces_are_made_small_in_their_shape(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    found = small(np.full((*size, 3), 77, np.uint8))
    assert found.shape == (*wanted, 3)
    assert found.dtype == np.uint8
    assert (found == 77).all()


def test_a_tile_holds_faces_voice_figures_and_attributes(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p0/a"], n_faces=7)
    with Catalog.open(corpus / CATALOG) as catalog:
        tile = read_tile(corpus, catalog.find("p0/a"))
    assert (tile.clip, tile.person, tile.problems) == ("p0/a", "p0", ())
    assert len(tile.faces) == MAX_FACES
    assert max(tile.faces[0].shape) <= FACE_PX
    assert tile.bars is not None
    assert tile.bars.max() > 0.5
    assert tile.face_quality["face_width_px"] == 80
    assert tile.voice_quality["snr_db"] == 20
    assert tile.attributes == {"gender": Attribute("f"), "age": Attribute("34", "face-net")}


def test_what_failed_and_what_cannot_be_read_are_problems(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p0/a"], {"p0/a/face": "no_face"})
    next((corpus / "voices").iterdir()).write_bytes(b"no sound")
    with Catalog.open(corpus / CATALOG) as catalog:
        tile = read_tile(corpus, catalog.find("p0/a"))
    assert [(problem.modality, problem.status) for problem in tile.problems] == [
        ("face", "no_face"),
        ("voice", "unreadable_audio"),
    ]
    assert tile.faces == ()
    assert tile.bars is None


def test_a_row_without_a_file_is_a_problem(tmp_path: Path) -> None:
    tile = read_tile(tmp_path, [MediaItem("c/face", "c", "face")])
    assert [problem.status for problem in tile.problems] == ["missing_file"]
    assert tile.person == ""


@pytest.mark.parametrize(
    ("counts", "limit", "shown"),
    [
        ({"ok": 5, "no_face": 5}, 0, {"ok": 5, "no_face": 5}),
        ({"ok": 5, "no_face": 5}, 10, {"ok": 5, "no_face": 5}),
        ({"ok": 90, "no_face": 10}, 20, {"ok": 10, "no_face": 10}),
        ({"ok": 90, "no_face": 4}, 20, {"ok": 16, "no_face": 4}),
        ({"ok": 2, "no_face": 90}, 20, {"ok": 2, "no_face": 18}),
        ({"no_face": 90, "silent": 1, "network": 30}, 11, {"no_face": 5, "silent": 1, "network": 5}),
        ({"ok": 9, "no_face": 9}, 1, {"ok": 1, "no_face": 0}),
    ],
)
def test_places_are_shared_by_hand(counts: dict[str, int], limit: int, shown: dict[str, int]) -> None:
    assert shown_counts(counts, limit=limit) == shown


@given(
    st.dictionaries(st.sampled_from(["ok", "a", "b", "c", "d"]), st.integers(1, 99), min_size=1), st.integers(1, 120)
)
def test_every_place_is_taken_and_none_twice(counts: dict[str, int], limit: int) -> None:
    shown = shown_counts(counts, limit=limit)
    assert sum(shown.values()) == min(limit, sum(counts.values()))
    assert list(shown) == list(counts)
    assert all(0 <= shown[status] <= counts[status] for status in counts)


@given(st.integers(0, 200), st.integers(0, 200))
def test_spread_places_are_different_and_in_order(n_all: int, n_shown: int) -> None:
    found = spread(n_all, min(n_all, n_shown))
    assert len(found) == min(n_all, n_shown)
    assert found == sorted(set(found))
    assert all(0 <= place < n_all for place in found)


def test_a_tile_of_several_faces_has_the_figures_of_the_best(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/a"], n_faces=3)
    with Catalog.open(corpus / CATALOG) as catalog:
        first, *others = catalog.find("p/a")
    tile = read_tile(corpus, [replace(first, quality={"sharpness": 99.0}), *others])
    assert len(tile.faces) == 3
    assert tile.face_quality == {"sharpness": 99.0}
    assert tile.problems == ()


def test_one_bad_face_of_several_is_a_problem_and_the_others_are_shown(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/a"], {"p/a/face/1": "blurred_face"}, n_faces=3)
    with Catalog.open(corpus / CATALOG) as catalog:
        items = catalog.find("p/a")
    (corpus / str(items[2].path)).write_bytes(b"no picture")
    tile = read_tile(corpus, items)
    assert len(tile.faces) == 1
    assert [(problem.modality, problem.status) for problem in tile.problems] == [
        ("face", "blurred_face"),
        ("face", "unreadable_image"),
    ]
    assert tile.bars is not None


@pytest.mark.parametrize("path", ["../../secret.jpg", "/etc/passwd", None])
def test_a_row_that_points_outside_the_corpus_is_a_problem_and_is_not_opened(tmp_path: Path, path: str | None) -> None:
    tile = read_tile(tmp_path, [MediaItem("c/face", "c", "face", path=path)])
    assert tile.faces == ()
    assert [problem.status for problem in tile.problems] == ["missing_file"]
    assert "inside the corpus" in tile.problems[0].reason
