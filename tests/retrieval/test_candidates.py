"""Candidates to neighbours: exact scores, ties, and nobody missing."""

from __future__ import annotations

import numpy as np

from visavox.retrieval.candidates import weighed
from visavox.retrieval.exact_search import exact_neighbours


def unit_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_all_rows_as_candidates_are_exact_search() -> None:
    vectors, queries = unit_rows(50, 6), unit_rows(4, 6, seed=1)
    shuffled = np.stack([np.random.default_rng(q).permutation(50) for q in range(4)])
    found = weighed(vectors, queries, shuffled, 7, allowed=None)
    expected = exact_neighbours(vectors, queries, 7)
    assert found.rows.tolist() == expected.rows.tolist()
    assert found.scores.tobytes() == expected.scores.tobytes()


def test_only_candidates_are_found_where_they_are_enough() -> None:
    vectors, queries = unit_rows(50, 6), unit_rows(2, 6, seed=1)
    candidates = np.array([[9, 3, 7], [4, -1, 8]])
    found = weighed(vectors, queries, candidates, 2, allowed=None)
    for query, row_numbers, best in zip(queries, candidates, found.rows, strict=True):
        scored = sorted((-float(vectors[r].astype(float) @ query.astype(float)), r) for r in row_numbers if r >= 0)
        assert best.tolist() == [r for _, r in scored[:2]]


def test_a_query_with_too_few_candidates_is_searched_exactly() -> None:
    vectors, queries = unit_rows(50, 6), unit_rows(2, 6, seed=1)
    allowed = np.arange(50) % 2 == 0
    found = weighed(vectors, queries, np.array([[9, 3, 7], [4, -1, -1]]), 3, allowed=allowed)
    assert set(found.rows[0]) == {9, 3, 7}
    assert found.rows[1].tolist() == exact_neighbours(vectors, queries[1:], 3, allowed=allowed).rows[0].tolist()
    assert (found.rows[1] % 2 == 0).all()
