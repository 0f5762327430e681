"""Names in lists and the rows of tables that they mean."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.listed_names import NamedRows, without_suffix


def table(keys, clips=None, attributes=None, modality="face") -> EmbeddingTable:
    n = len(keys)
    return EmbeddingTable(
        modality, "e", tuple(keys), tuple(clips or keys), ("x",) * n, (None,) * n, attributes or {}, np.eye(n)
    )


@pytest.mark.parametrize("name", ["Ann/7.jpg", "Ann/7", "Ann/7/face"])
def test_an_item_of_a_corpus_is_found_by_file_clip_and_key(name: str) -> None:
    rows = NamedRows(table(["Bob/1/face", "Ann/7/face"], ["Bob/1", "Ann/7"]))
    assert rows.row_of(name) == 1


def test_a_row_named_by_its_path_is_found() -> None:
    rows = NamedRows(table(["id1/vid/00001.wav", "id1/vid/00002.wav"], modality="voice"))
    assert [rows.row_of(f"id1/vid/0000{i}.wav") for i in (1, 2, 3)] == [0, 1, None]
    assert rows.row_of("id1/vid/00002") == 1


def test_the_file_an_item_came_from_finds_it_below_its_root() -> None:
    files = {"k0": ("VGG/Ann/7.jpg",), "k1": ("VGG/Bob/7.jpg", "faces/stored.jpg")}
    rows = NamedRows(table(["k0", "k1"]), files)
    assert [rows.row_of(name) for name in ("VGG/Ann/7.jpg", "Ann/7.jpg", "Ann/7", "Bob/7.png")] == [0, 0, 0, 1]
    assert rows.row_of("7.jpg") is None  # two files are called so, and a file alone names nobody


def test_an_end_that_two_files_share_means_neither() -> None:
    rows = NamedRows(table(["k0", "k1"]), {"k0": ("a/Ann/7.jpg",), "k1": ("b/Ann/7.jpg",)})
    assert rows.row_of("Ann/7.jpg") is None
    assert rows.row_of("a/Ann/7.jpg") == 0


@pytest.mark.parametrize("attribute", ["path", "file"])
def test_an_attribute_of_the_table_may_say_the_path(attribute: str) -> None:
    rows = NamedRows(table(["k0", "k1"], attributes={attribute: (None, "wav/id1/1.wav")}))
    assert rows.row_of("id1/1.wav") == 1


def test_of_several_rows_of_a_clip_the_first_key_counts() -> None:
    rows = NamedRows(table(["c/face/1", "c/face"], ["c", "c"]))
    assert rows.row_of("c.jpg") == 1


def test_keys_win_over_clips_and_clips_over_ends() -> None:
    rows = NamedRows(table(["x/a", "b/c"], ["b/c", "z/z"]), {"x/a": ("root/z/z",)})
    assert rows.row_of("b/c") == 1
    assert rows.row_of("z/z") == 1


def test_only_the_last_part_loses_its_suffix() -> None:
    assert without_suffix("A.B._Sample/0.jpg") == "A.B._Sample/0"
    assert without_suffix("A.B._Sample/0") == "A.B._Sample/0"
    assert without_suffix(".hidden") == ".hidden"
