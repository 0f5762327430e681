"""The exact index: the plain loop behind the interface of indexes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visavox.registry import INDEXES
from visavox.retrieval.indexes.exact import ExactIndex


def unit_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_it_is_registered_under_its_file_name() -> None:
    assert INDEXES.get("exact") is ExactIndex


def test_a_row_finds_itself_first() -> None:
    vectors = unit_rows(200, 8)
    found = ExactIndex().build(vectors).search(vectors, 1)
    assert found.rows[:, 0].tolist() == list(range(200))
    np.testing.assert_allclose(found.scores, 1, atol=1e-6)


def test_effort_changes_nothing() -> None:
    index = ExactIndex().build(unit_rows(200, 8))
    queries = unit_rows(3, 8, seed=1)
    assert index.search(queries, 9).rows.tolist() == index.search(queries, 9, effort=1).rows.tolist()


def test_save_load_search_is_the_same_with_and_without_a_filter(tmp_path: Path) -> None:
    index = ExactIndex().build(unit_rows(200, 8))
    index.save(tmp_path)
    loaded = ExactIndex.load(tmp_path)
    queries = unit_rows(3, 8, seed=1)
    for allowed in (None, np.arange(200) % 3 == 0):
        ours, theirs = index.search(queries, 9, allowed=allowed), loaded.search(queries, 9, allowed=allowed)
        assert ours.rows.tolist() == theirs.rows.tolist()
        assert ours.scores.tobytes() == theirs.scores.tobytes()
        assert allowed is None or (ours.rows % 3 == 0).all()
