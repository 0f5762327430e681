"""The graph: near enough to the truth, exact scores, filters, files and their damage."""

from __future__ import annotations

import gc
from pathlib import Path

import faiss
import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.registry import INDEXES
from visavox.retrieval.base import Neighbours, load_index
from visavox.retrieval.exact_search import exact_neighbours
from visavox.retrieval.faiss_files import FAISS_FILE
from visavox.retrieval.indexes import hnsw
from visavox.retrieval.indexes.hnsw import HnswIndex


def unit_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


VECTORS = unit_rows(3000, 12)
QUERIES = unit_rows(50, 12, seed=1)


@pytest.fixture(scope="module")
def index() -> HnswIndex:
    return HnswIndex(links=12, build_effort=40).build(VECTORS)


def recall(found: Neighbours, truth: Neighbours) -> float:
    """Share of the true neighbours that were found, by a plain loop."""
    hits = [len(set(a) & set(b)) for a, b in zip(found.rows.tolist(), truth.rows.tolist(), strict=True)]
    return sum(hits) / truth.rows.size


def test_it_finds_nearly_all_and_more_with_more_effort(index: HnswIndex) -> None:
    truth = exact_neighbours(VECTORS, QUERIES, 10)
    recalls = [recall(index.search(QUERIES, 10, effort=effort), truth) for effort in (10, 40, 400)]
    assert recalls == sorted(recalls)
    assert recalls[0] < 1
    assert recalls[-1] > 0.99
    assert recall(index.search(QUERIES, 10), truth) > 0.97


def test_scores_are_exact_and_sorted(index: HnswIndex) -> None:
    found = index.search(QUERIES, 10)
    for query, rows, scores in zip(QUERIES, found.rows, found.scores, strict=True):
        exact = [float(VECTORS[row].astype(float) @ query.astype(float)) for row in rows]
        np.testing.assert_allclose(scores, exact, atol=1e-7)
        assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("share", [0.002, 0.1, 0.6, 0.98])
@pytest.mark.parametrize("rows_per_step", [0, 32])
def test_a_filter_holds_whether_the_graph_is_walked_or_not(
    index: HnswIndex, monkeypatch: pytest.MonkeyPatch, share: float, rows_per_step: int
) -> None:
    """With 0 the graph is always walked, longer the fewer are allowed."""
    monkeypatch.setattr(hnsw, "ROWS_PER_STEP", rows_per_step)
    allowed = np.random.default_rng(2).random(3000) < share
    found = index.search(QUERIES, 5, allowed=allowed)
    assert allowed[found.rows[found.rows >= 0]].all()
    assert recall(found, exact_neighbours(VECTORS, QUERIES, 5, allowed=allowed)) > 0.95


def test_few_allowed_are_searched_exactly(index: HnswIndex) -> None:
    allowed = np.arange(3000) % 100 == 0
    found, truth = index.search(QUERIES, 9, allowed=allowed), exact_neighbours(VECTORS, QUERIES, 9, allowed=allowed)
    assert found.rows.tolist() == truth.rows.tolist()
    assert found.scores.tobytes() == truth.scores.tobytes()


def test_more_than_there_are_and_all_that_there_are(index: HnswIndex) -> None:
    found = index.search(QUERIES[:2], 3005)
    assert (found.rows[:, 3000:] == -1).all()
    assert sorted(found.rows[0, :3000]) == list(range(3000))


def test_equal_vectors_all_come_and_in_order() -> None:
    """A graph of equal vectors may fall apart; none that is allowed may be missing."""
    vectors = np.tile(unit_rows(1, 4), (200, 1))
    found = HnswIndex(links=2, build_effort=1).build(vectors).search(vectors[:1], 200)
    assert found.rows[0].tolist() == list(range(200))


def test_saved_and_loaded_it_answers_the_same(index: HnswIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    loaded = load_index(tmp_path)
    assert isinstance(loaded, HnswIndex)
    assert (loaded.links, loaded.build_effort, loaded.effort) == (12, 40, 64)
    ours, theirs = index.search(QUERIES, 10), loaded.search(QUERIES, 10)
    assert ours.rows.tolist() == theirs.rows.tolist()
    assert ours.scores.tobytes() == theirs.scores.tobytes()
    np.testing.assert_array_equal(loaded.vectors, VECTORS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [FAISS_FILE, "index.json"]


def test_its_vectors_cannot_be_written_and_outlive_it(index: HnswIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    loaded = HnswIndex.load(tmp_path)
    vectors = loaded.vectors
    with pytest.raises(ValueError, match="read-only"):
        vectors[0, 0] = 1
    del loaded
    gc.collect()
    np.testing.assert_array_equal(vectors, VECTORS)


def test_one_thread_builds_the_same_file_twice(tmp_path: Path) -> None:
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        for name in ("a", "b"):
            HnswIndex(links=4).build(VECTORS[:500]).save(tmp_path / name)
    finally:
        faiss.omp_set_num_threads(threads)
    assert (tmp_path / "a" / FAISS_FILE).read_bytes() == (tmp_path / "b" / FAISS_FILE).read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7, 0.99])
def test_a_cut_file_is_one_line(index: HnswIndex, tmp_path: Path, share: float) -> None:
    index.save(tmp_path)
    whole = (tmp_path / FAISS_FILE).read_bytes()
    (tmp_path / FAISS_FILE).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="damaged or not whole") as caught:
        load_index(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_one_line(index: HnswIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    flat = faiss.IndexFlatL2(12)
    flat.add(VECTORS)
    faiss.write_index(flat, str(tmp_path / FAISS_FILE))
    with pytest.raises(DataError, match="holds IndexFlatL2, not a graph"):
        load_index(tmp_path)
    (tmp_path / FAISS_FILE).unlink()
    with pytest.raises(DataError, match="is missing"):
        load_index(tmp_path)


@pytest.mark.parametrize("settings", [{"links": 1}, {"links": 257}, {"build_effort": 0}, {"effort": 0}])
def test_settings_out_of_range_are_one_line(settings: dict[str, int]) -> None:
    name = next(iter(settings))
    with pytest.raises(ConfigError, match=f"`{name}` of the index 'hnsw' must be"):
        INDEXES.build({"name": "hnsw", **settings})
