"""Searches over segments against slow loops over all rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.retrieval.gallery_manifest import Manifest
from visavox.retrieval.gallery_rows import By, GalleryRows
from visavox.retrieval.gallery_snapshot import Snapshot
from visavox.retrieval.local_gallery import LocalGallery

MakeRows = Callable[..., GalleryRows]
WAYS: tuple[By, ...] = ("person", "clip")
FILTERS: list[dict[str, tuple[str, ...]]] = [{}, {"gender": ("f",)}, {"gender": ("m",), "age": ("21", "25", "99")}]


@pytest.fixture
def many(gallery: LocalGallery, rows: MakeRows) -> LocalGallery:
    """Faces in four segments, some of them dead."""
    gallery.add(rows(7, seed=2, prefix="d", per_person=3))
    gallery.add(rows(9, seed=3))  # takes the place of the first nine
    gallery.add(rows(4, seed=4, prefix="e"))
    return gallery


def all_rows(gallery: LocalGallery) -> list[dict[str, Any]]:
    found = []
    for part in gallery.tables("face"):
        for i, key in enumerate(part.keys):
            known = {name: values[i] for name, values in part.attributes.items()}
            found.append({"key": key, "person": part.people[i], "vector": part.vectors[i], **known})
    return found


def slow_search(
    gallery: LocalGallery, query: np.ndarray, k: int, wanted: dict[str, tuple[str, ...]], by: By
) -> list[tuple[str, float]]:
    rows = [row for row in all_rows(gallery) if all(row[name] in values for name, values in wanted.items())]
    scored = sorted(((row["key"], row["person"], float(row["vector"] @ query)) for row in rows), key=lambda r: -r[2])
    if by == "person":
        seen: set[str] = set()
        scored = [row for row in scored if not (row[1] in seen or seen.add(row[1]))]  # type: ignore[func-returns-value]
    return [(key, score) for key, _, score in scored[:k]]


def test_the_nearest_are_those_of_a_slow_loop(many: LocalGallery, rows: MakeRows) -> None:
    queries = rows(3, seed=9).vectors
    for by, wanted, k in itertools.product(WAYS, FILTERS, (1, 3, 100)):
        found = many.search(queries, "face", k, where=dict(wanted), by=by)
        for query, hits in zip(queries, found, strict=True):
            expected = slow_search(many, query, k, wanted, by)
            assert [hit.key for hit in hits] == [key for key, _ in expected]
            np.testing.assert_allclose([hit.similarity for hit in hits], [score for _, score in expected], rtol=1e-5)
        n_all = len(slow_search(many, queries[0], 1000, wanted, by))
        assert many.count("face", where=dict(wanted), by=by) == n_all


def test_nobody_has_no_mass(many: LocalGallery, rows: MakeRows) -> None:
    for by in WAYS:
        found = many.evidence(rows(2).vectors[0], "face", 7.0, 3, where={"age": "99"}, by=by)
        assert (found.hits, len(found.logs), found.log_mass, found.n_candidates) == ((), 0, -math.inf, 0)
    assert many.search(rows(2).vectors, "face", 3, where={"age": "99"}) == [[], []]
    assert many.search(rows(2).vectors[:0], "face", 3) == []


def test_one_that_is_replaced_while_it_is_opened_is_opened_anew(
    gallery: LocalGallery, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale, read, n_read = Manifest.read(gallery.folder), Manifest.read, []
    gallery.remove(people=["p0"])  # the segments of the stale state are gone

    def first_stale(folder: Path) -> Manifest:
        n_read.append(folder)
        return stale if len(n_read) == 1 else read(folder)

    monkeypatch.setattr(Manifest, "read", first_stale)
    assert Snapshot.open(gallery.folder).count("face", {}, by="clip") == 38
    monkeypatch.setattr(Manifest, "read", lambda _folder: stale)
    with pytest.raises(DataError, match="is missing, so the gallery is not whole"):
        Snapshot.open(gallery.folder)


def test_a_gallery_that_never_holds_still_is_one_line(gallery: LocalGallery, monkeypatch: pytest.MonkeyPatch) -> None:
    stale, n_read = Manifest.read(gallery.folder), []
    gallery.remove(people=["p0"])

    def ever_newer(_folder: Path) -> Manifest:
        n_read.append(0)
        return Manifest(len(n_read), stale.about, stale.segments)

    monkeypatch.setattr(Manifest, "read", ever_newer)
    with pytest.raises(DataError, match="is changed faster than it can be read"):
        Snapshot.open(gallery.folder)
