"""The interface of indexes: what every kind refuses, fills up and writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.registry import INDEXES
from visavox.retrieval.base import (
    INDEX_FILE,
    VECTORS_FILE,
    Neighbours,
    VectorIndex,
    check_unit_rows,
    load_index,
    padded,
    read_about,
)


def unit_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def index() -> VectorIndex:
    return INDEXES.build("exact").build(unit_rows(30, 6))


def test_a_new_index_is_empty_and_keeps_its_settings_alone() -> None:
    empty = INDEXES.build("exact")
    assert len(empty) == 0
    assert empty.settings == ()


def test_build_leaves_the_index_that_it_is_asked_of_alone() -> None:
    empty = INDEXES.build("exact")
    built = empty.build(unit_rows(3, 2))
    assert (len(empty), len(built), built.dim) == (0, 3, 2)


def test_k_above_what_there_is_fills_up_with_minus_one_and_minus_infinity(index: VectorIndex) -> None:
    found = index.search(unit_rows(2, 6, seed=1), 40)
    assert found.rows.shape == found.scores.shape == (2, 40)
    assert found.rows.dtype == np.int64
    assert found.scores.dtype == np.float32
    assert sorted(found.rows[0, :30]) == list(range(30))
    assert (found.rows[:, 30:] == -1).all()
    assert np.isneginf(found.scores[:, 30:]).all()


def test_nobody_allowed_finds_nobody(index: VectorIndex) -> None:
    found = index.search(unit_rows(2, 6), 3, allowed=np.zeros(30, dtype=bool))
    assert (found.rows == -1).all()
    assert np.isneginf(found.scores).all()


def test_no_queries_find_nothing(index: VectorIndex) -> None:
    assert index.search(np.empty((0, 6), dtype=np.float32), 3).rows.shape == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"k": 0}, ConfigError, "`k` must be at least 1. Got 0"),
        ({"effort": -1}, ConfigError, "`effort` must be at least 0. Got -1"),
        ({"queries": unit_rows(1, 5)}, DataError, r"shape \(q, 6\). Got \(1, 5\)"),
        ({"queries": unit_rows(1, 6)[0]}, DataError, r"shape \(q, 6\). Got \(6,\)"),
        ({"queries": np.full((1, 6), np.nan, dtype=np.float32)}, DataError, "must be finite"),
        ({"allowed": np.ones(29, dtype=bool)}, DataError, r"one entry a row, 30. Got the shape \(29,\)"),
    ],
)
def test_bad_questions_are_one_line(
    index: VectorIndex, arguments: dict[str, object], error: type[Exception], words: str
) -> None:
    given = {"queries": unit_rows(1, 6), "k": 3, **arguments}
    with pytest.raises(error, match=words) as caught:
        index.search(given.pop("queries"), given.pop("k"), **given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.eye(3), "Got float64"),
        (np.ones(3, dtype=np.float32), r"shape \(n, dim\), at least one. Got float32 \(3,\)"),
        (np.empty((0, 3), dtype=np.float32), r"at least one. Got float32 \(0, 3\)"),
        (np.full((2, 4), 1, dtype=np.float32), "Got 2 in row 0, and 2 of 2 such rows"),
        (np.array([[1, 0], [np.nan, 0]], dtype=np.float32), "Got nan in row 1, and 1 of 2"),
        (np.array([[1, 0], [np.inf, 0]], dtype=np.float32), "Got inf in row 1"),
    ],
)
def test_vectors_that_are_no_unit_rows_are_refused(vectors: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        check_unit_rows(vectors)
    with pytest.raises(DataError, match=words):
        INDEXES.build("exact").build(vectors)


def test_rows_as_float32_normalises_them_are_taken() -> None:
    check_unit_rows(unit_rows(1000, 128))


def test_padding_keeps_what_there_is() -> None:
    found = padded(np.array([[4]]), np.array([[0.5]], dtype=np.float32), 2)
    assert isinstance(found, Neighbours)
    assert found.rows.tolist() == [[4, -1]]
    assert found.scores.tolist() == [[0.5, -np.inf]]


def test_saved_and_loaded_it_answers_the_same_from_mapped_memory(index: VectorIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "new" / "index")
    loaded = load_index(tmp_path / "new" / "index")
    queries = unit_rows(4, 6, seed=2)
    assert loaded.search(queries, 5).rows.tolist() == index.search(queries, 5).rows.tolist()
    assert isinstance(loaded.vectors, np.memmap)
    assert not loaded.vectors.flags.writeable
    assert dict(read_about(tmp_path / "new" / "index"))["n"] == 30


def test_a_folder_without_an_index_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no index"):
        load_index(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": "other", "name": "exact", "n": 1, "dim": 1}'])
def test_a_damaged_description_is_one_line(index: VectorIndex, tmp_path: Path, text: str) -> None:
    index.save(tmp_path)
    (tmp_path / INDEX_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="Build the index again"):
        load_index(tmp_path)


def test_an_unknown_kind_gives_the_list(index: VectorIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    about = json.loads((tmp_path / INDEX_FILE).read_text(encoding="utf-8"))
    (tmp_path / INDEX_FILE).write_text(json.dumps(about | {"name": "exat"}), encoding="utf-8")
    with pytest.raises(UnknownNameError, match="Did you mean 'exact'"):
        load_index(tmp_path)


def test_a_cut_or_missing_file_of_vectors_is_one_line(index: VectorIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    whole = (tmp_path / VECTORS_FILE).read_bytes()
    for damaged in (whole[:-100], whole[:20], b""):
        (tmp_path / VECTORS_FILE).write_bytes(damaged)
        with pytest.raises(DataError, match="damaged or not whole") as caught:
            load_index(tmp_path)
        assert "\n" not in str(caught.value)
    (tmp_path / VECTORS_FILE).unlink()
    with pytest.raises(DataError, match="damaged or not whole"):
        load_index(tmp_path)


def test_vectors_of_another_index_in_the_folder_are_noticed(index: VectorIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    np.save(tmp_path / VECTORS_FILE, unit_rows(29, 6))
    with pytest.raises(DataError, match=r"must have the shape \(30, 6\). Got \(29, 6\)"):
        load_index(tmp_path)
    np.save(tmp_path / VECTORS_FILE, unit_rows(30, 6).astype(np.float64))
    with pytest.raises(DataError, match="must hold float32"):
        load_index(tmp_path)


def test_a_pickle_in_place_of_the_vectors_is_not_opened(index: VectorIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    np.save(tmp_path / VECTORS_FILE, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="damaged or not whole"):
        load_index(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(index: VectorIndex, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(DataError, match="Cannot write the index"):
        index.save(tmp_path / "file")
