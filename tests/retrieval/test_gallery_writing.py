"""Changes of a gallery: what is rewritten, what is not, and what is left over."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from visavox.errors import ConfigError, DataError
from visavox.retrieval import gallery_writing
from visavox.retrieval.gallery_manifest import Manifest, SegmentEntry
from visavox.retrieval.gallery_rows import GalleryRows
from visavox.retrieval.gallery_writing import (
    _worth_merging,
    check_index,
    chosen_index,
    compacted,
    new_segments,
    remove_leftovers,
    with_added,
)
from visavox.retrieval.local_gallery import LocalGallery

MakeRows = Callable[..., GalleryRows]


def entry(name: str, n_rows: int, n_dead: int = 0, modality: Any = "face") -> SegmentEntry:
    return SegmentEntry(name, modality, n_rows, "exact", {}, tuple(range(n_dead)))


@pytest.mark.parametrize(
    ("spec", "n_rows", "expected"),
    [
        ("auto", 10, "exact"),
        ("auto", 1_000_000, "exact"),
        ("auto", 1_000_001, "hnsw"),
        ("hnsw", 9_999, "exact"),
        ("hnsw", 10_000, "hnsw"),
        ({"name": "ivf_pq", "n_lists": 4}, 20_000, {"name": "ivf_pq", "n_lists": 4}),
    ],
)
def test_small_segments_are_looked_through_whole(spec: Any, n_rows: int, expected: str | Mapping[str, Any]) -> None:
    assert chosen_index(spec, n_rows) == expected


def test_an_index_that_nobody_knows_is_refused_before_anything_is_done() -> None:
    check_index("auto")
    check_index("exact")
    with pytest.raises(ConfigError, match="Unknown index 'hsnw'. Did you mean 'hnsw'"):
        check_index("hsnw")


def test_adding_a_few_does_not_rewrite_the_many(gallery: LocalGallery, rows: MakeRows) -> None:
    before = Manifest.read(gallery.folder)
    times = {path: path.stat().st_mtime_ns for path in gallery.folder.rglob("segments/*/*")}
    gallery.add(rows(3, prefix="new"))
    after = Manifest.read(gallery.folder)
    assert after.segments[:2] == before.segments
    assert after.segments[2].n_rows == 3
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_the_written_state_holds_only_when_the_manifest_says_so(gallery: LocalGallery, rows: MakeRows) -> None:
    manifest, added = with_added(gallery.folder, Manifest.read(gallery.folder), [rows(5), rows(2, prefix="n")])
    assert (added.n_new, added.n_replaced) == (2, 5)
    assert Manifest.read(gallery.folder).generation == 1
    manifest.write(gallery.folder)
    assert Manifest.read(gallery.folder).segments[1].dead == (0, 1, 2, 3, 4)


def test_vectors_of_another_length_are_one_line(gallery: LocalGallery, rows: MakeRows) -> None:
    with pytest.raises(DataError, match="have 8 numbers. Got 9. Use the model of the gallery"):
        new_segments(gallery.folder, Manifest.read(gallery.folder), [rows(3, dim=9)])


def test_segments_of_one_size_are_merged_when_they_are_many() -> None:
    few = [entry(f"s{i}", 10 + i) for i in range(7)]
    large, voice = entry("large", 500), entry("voice", 12, modality="voice")
    assert _worth_merging([*few, large, voice]) == []
    eighth = entry("s7", 99)
    assert _worth_merging([*few, large, voice, eighth]) == [[*few, eighth]]
    assert _worth_merging([entry(f"m{i}", 1_000_000) for i in range(20)]) == []


def test_a_segment_with_many_dead_rows_is_written_anew() -> None:
    assert _worth_merging([entry("a", 10, 2)]) == []
    assert [[e.name for e in group] for group in _worth_merging([entry("a", 10, 3), entry("b", 10)])] == [["a"]]


def test_merging_keeps_every_row(gallery: LocalGallery, rows: MakeRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery_writing, "MANY_OF_A_SIZE", 99)
    for i in range(4):
        gallery.add(rows(6, seed=i, prefix=f"n{i}-"))
    gallery.add(rows(6, seed=7, prefix="n0-"))
    before = {key: part.media[i] for part in gallery.tables("face") for i, key in enumerate(part.keys)}
    monkeypatch.setattr(gallery_writing, "MANY_OF_A_SIZE", 3)
    fewer = compacted(gallery.folder, Manifest.read(gallery.folder))
    assert fewer is not None
    fewer.write(gallery.folder)
    remove_leftovers(gallery.folder, fewer)
    gallery.refresh()
    after = {key: part.media[i] for part in gallery.tables("face") for i, key in enumerate(part.keys)}
    assert after == before
    assert len(after) == 64
    assert sorted(e.n_rows for e in fewer.segments) == [10, 24, 40]
    assert len(list((gallery.folder / "segments").iterdir())) == 3
    gallery.info(verify=True)


def test_left_overs_of_a_killed_writer_go(gallery: LocalGallery, rows: MakeRows) -> None:
    manifest = Manifest.read(gallery.folder)
    new_segments(gallery.folder, manifest, [rows(3, prefix="n")])
    (gallery.folder / f".manifest.json.{os.getpid()}.part").write_bytes(b"half")
    remove_leftovers(gallery.folder, manifest)
    assert sorted(p.name for p in (gallery.folder / "segments").iterdir()) == sorted(s.name for s in manifest.segments)
    assert not list(gallery.folder.glob(".*.part"))


def test_larger_segments_get_the_index_that_was_asked_for(
    gallery: LocalGallery, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_writing, "LEAST_INDEXED", 50)
    about = dataclasses.replace(gallery.about, index="hnsw")
    with LocalGallery.create(gallery.folder, about, [rows(60)]) as made:
        made.add(rows(5, prefix="n"))
        assert made.info().modalities["face"].indexes == {"hnsw": 60, "exact": 5}
        query = rows(60).vectors[7:8]
        assert made.search(query, "face", 1, by="clip")[0][0].key == "c7/face"
        assert made._evidence_of_all(query[0], "face", 5.0, 1, where=None, by="clip") is None
