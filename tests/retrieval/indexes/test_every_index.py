"""What holds for every index: exact cosines, bounds on k, ties, filters, odd queries, threads, and damaged files."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.registry import INDEXES
from visavox.retrieval.base import INDEX_FILE, VECTORS_FILE, VectorIndex, load_index
from visavox.retrieval.faiss_files import FAISS_FILE

DIM = 8
KINDS: list[dict[str, Any]] = [
    {"name": "exact"},
    {"name": "hnsw", "links": 8, "effort": 2000},
    {"name": "ivf_pq", "n_lists": 8, "n_bytes": 4, "effort": 8},
]
NAMES = [kind["name"] for kind in KINDS]
N_ROWS = 1200


def unit_rows(n: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


VECTORS, QUERIES = unit_rows(N_ROWS), unit_rows(6, seed=1)


@pytest.fixture(scope="module")
def made() -> dict[str, VectorIndex]:
    return {kind["name"]: INDEXES.build(kind).build(VECTORS) for kind in KINDS}  # type: ignore[attr-defined]


@pytest.fixture(params=NAMES)
def index(request: pytest.FixtureRequest, made: dict[str, VectorIndex]) -> VectorIndex:
    return made[request.param]


def slow_cosines(query: np.ndarray, rows: np.ndarray) -> list[float]:
    return [sum(float(a) * float(b) for a, b in zip(query, row, strict=True)) for row in rows]


def test_scores_are_cosines_falling_and_no_row_comes_twice(index: VectorIndex) -> None:
    found = index.search(QUERIES, 20)
    assert (found.rows.dtype, found.scores.dtype) == (np.int64, np.float32)
    for query, rows, scores in zip(QUERIES, found.rows, found.scores, strict=True):
        np.testing.assert_allclose(scores, slow_cosines(query, VECTORS[rows]), atol=2e-7)
        assert (np.diff(scores) <= 0).all()
        assert len(set(rows.tolist())) == 20


def test_more_than_there_are_gives_all_and_then_nothing(index: VectorIndex) -> None:
    found = index.search(QUERIES[:2], N_ROWS + 5)
    assert found.rows.shape == found.scores.shape == (2, N_ROWS + 5)
    for rows, scores in zip(found.rows, found.scores, strict=True):
        assert sorted(rows[:N_ROWS].tolist()) == list(range(N_ROWS))
        assert rows[N_ROWS:].tolist() == [-1] * 5
        assert np.isneginf(scores[N_ROWS:]).all()


@pytest.mark.parametrize("k", [0, -1])
def test_none_at_all_cannot_be_asked_for(index: VectorIndex, k: int) -> None:
    with pytest.raises(ConfigError, match=f"`k` must be at least 1. Got {k}"):
        index.search(QUERIES, k)
    with pytest.raises(ConfigError, match="`effort` must be at least 0"):
        index.search(QUERIES, 1, effort=-1)


def test_a_filter_that_lets_nobody_through_finds_nobody(index: VectorIndex) -> None:
    found = index.search(QUERIES, 3, allowed=np.zeros(N_ROWS, dtype=bool))
    assert found.rows.tolist() == [[-1] * 3] * len(QUERIES)
    assert np.isneginf(found.scores).all()
    assert index.search(QUERIES[:0], 3).rows.shape == (0, 3)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 1.0])
def test_what_a_filter_lets_through_is_all_that_is_found(index: VectorIndex, share: float) -> None:
    allowed = np.random.default_rng(3).random(N_ROWS) < share
    allowed[7] = True
    found = index.search(QUERIES, 4, allowed=allowed)
    n_allowed = int(allowed.sum())
    for query, rows in zip(QUERIES, found.rows, strict=True):
        there = rows[rows >= 0]
        assert len(there) == min(4, n_allowed)
        assert allowed[there].all()
        if n_allowed <= 60:  # so few are searched exactly, whatever the index
            best = sorted(np.flatnonzero(allowed), key=lambda row: -slow_cosines(query, VECTORS[[row]])[0])
            assert there.tolist() == [int(row) for row in best[: len(there)]]


@pytest.mark.parametrize("name", NAMES)
def test_equal_rows_come_by_their_numbers(name: str) -> None:
    kind = next(kind for kind in KINDS if kind["name"] == name)
    vectors = np.repeat(unit_rows(3, seed=5), 4, axis=0)
    index = INDEXES.build(kind).build(vectors)  # type: ignore[attr-defined]
    found = index.search(vectors[4:5], 12)
    assert found.rows[0, :4].tolist() == [4, 5, 6, 7]
    np.testing.assert_allclose(found.scores[0, :4], 1, atol=1e-6)
    for begin in (4, 8):
        rows = found.rows[0, begin : begin + 4].tolist()
        assert rows == sorted(rows)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_one_row_is_a_whole_index(kind: dict[str, Any], tmp_path: Path) -> None:
    vectors = unit_rows(1, seed=6)
    INDEXES.build(kind).build(vectors).save(tmp_path / "i")  # type: ignore[attr-defined]
    index = load_index(tmp_path / "i")
    assert (len(index), index.dim) == (1, DIM)
    found = index.search(-vectors, 2)
    assert found.rows.tolist() == [[0, -1]]
    assert found.scores[0, 0] == pytest.approx(-1, abs=1e-6)


def test_queries_of_double_precision_and_any_stride_are_the_same_queries(index: VectorIndex) -> None:
    expected = index.search(QUERIES, 5)
    for queries in (QUERIES.astype(np.float64), np.asfortranarray(QUERIES), np.repeat(QUERIES, 2, axis=0)[::2]):
        found = index.search(queries, 5)
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_a_query_of_another_length_ranks_the_same(index: VectorIndex) -> None:
    """The caller owes unit queries; a longer one scales the scores and shuffles nothing."""
    once, twice = index.search(QUERIES, 5), index.search(2 * QUERIES, 5)
    np.testing.assert_array_equal(once.rows, twice.rows)
    np.testing.assert_allclose(2 * once.scores, twice.scores, rtol=1e-6)


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        (np.ones((2, DIM + 1), np.float32), r"of the shape \(q, 8\). Got \(2, 9\). Is the model another"),
        (np.ones(DIM, np.float32), r"Got \(8,\)"),
        (np.full((1, DIM), np.nan, np.float32), "must be finite. Got nan or infinity"),
        (np.full((1, DIM), np.inf), "must be finite"),
    ],
)
def test_queries_that_are_none_are_one_line(index: VectorIndex, queries: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        index.search(queries, 1)
    assert "\n" not in str(caught.value)


def test_a_mask_of_another_length_is_one_line(index: VectorIndex) -> None:
    with pytest.raises(DataError, match=r"one entry a row, 1200. Got the shape \(1199,\)"):
        index.search(QUERIES, 1, allowed=np.ones(N_ROWS - 1, dtype=bool))


def test_eight_threads_find_what_one_does(index: VectorIndex) -> None:
    expected, found = index.search(QUERIES, 5), []
    allowed = np.arange(N_ROWS) % 2 == 0
    filtered = index.search(QUERIES, 5, allowed=allowed)

    def look(number: int) -> None:
        mine = [index.search(QUERIES, 5, allowed=allowed if number % 2 else None) for _ in range(5)]
        found.extend((number, one) for one in mine)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    for number, one in found:
        np.testing.assert_array_equal(one.rows, (filtered if number % 2 else expected).rows)


def test_what_was_saved_answers_alike_and_is_saved_over(index: VectorIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "i")
    loaded = load_index(tmp_path / "i")
    for queries, k in ((QUERIES, 7), (QUERIES[:1], N_ROWS)):
        np.testing.assert_array_equal(loaded.search(queries, k).rows, index.search(queries, k).rows)
    np.testing.assert_array_equal(loaded.vectors, VECTORS)
    with pytest.raises(ValueError, match="read-only"):
        loaded.vectors[0, 0] = 7
    other = next(kind for kind in KINDS if kind["name"] != index.name)
    with pytest.raises(DataError, match=f"must hold an index {other['name']!r}. Got {index.name!r}"):
        type(INDEXES.build(other)).load(tmp_path / "i")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["gone", "empty", "half", "zeros", "text"])
def test_every_file_of_every_index_may_be_damaged(
    made: dict[str, VectorIndex], name: str, damage: str, tmp_path: Path
) -> None:
    made[name].save(tmp_path / "i")
    for path in sorted((tmp_path / "i").iterdir()):
        whole = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            bad = {"empty": b"", "half": whole[: len(whole) // 2], "zeros": bytes(len(whole)), "text": b"hello\n"}
            path.write_bytes(bad[damage])
        with pytest.raises(DataError) as caught:
            load_index(tmp_path / "i")
        said = str(caught.value)
        assert str(tmp_path / "i") in said
        assert "Build " in said
        assert "\n" not in said
        path.write_bytes(whole)
    assert len(load_index(tmp_path / "i")) == N_ROWS


def test_an_index_file_that_lies_about_its_size_is_one_line(index: VectorIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "i")
    about = json.loads((tmp_path / "i" / INDEX_FILE).read_text(encoding="utf-8"))
    (tmp_path / "i" / INDEX_FILE).write_text(json.dumps({**about, "n": N_ROWS + 1}), encoding="utf-8")
    with pytest.raises(DataError, match=r"must have the shape \(1201, 8\). Got \(1200, 8\)"):
        load_index(tmp_path / "i")
    (tmp_path / "i" / INDEX_FILE).write_text(json.dumps({**about, "settings": {"links": "x", "y": 1}}))
    with pytest.raises(DataError, match="is damaged or not whole"):
        load_index(tmp_path / "i")


def test_vectors_of_another_kind_under_the_same_name_are_one_line(tmp_path: Path) -> None:
    INDEXES.build("exact").build(VECTORS).save(tmp_path / "i")  # type: ignore[attr-defined]
    np.save(tmp_path / "i" / VECTORS_FILE, VECTORS.astype(np.float64))
    with pytest.raises(DataError, match="must hold float32 of two axes, not float64"):
        load_index(tmp_path / "i")
    np.save(tmp_path / "i" / VECTORS_FILE, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="is damaged or not whole"):  # nothing pickled is ever read
        load_index(tmp_path / "i")
    assert not (tmp_path / "i" / FAISS_FILE).exists()


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.empty((0, DIM), np.float32), "at least one. Got float32"),
        (VECTORS.astype(np.float64), "needs float32 vectors"),
        (2 * VECTORS, "must have length 1. Got 2 in row 0"),
        (np.full((3, DIM), np.nan, np.float32), "must have length 1. Got nan"),
        (VECTORS[0], "of the shape"),
    ],
)
def test_vectors_that_are_none_build_nothing(kind: dict[str, Any], vectors: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        INDEXES.build(kind).build(vectors)  # type: ignore[attr-defined]
