"""Exact search against a plain loop, whatever the blocks, and where scores tie."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.retrieval import exact_search
from visavox.retrieval.exact_search import exact_neighbours, exact_scores, sorted_neighbours


def unit_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slow_neighbours(
    vectors: np.ndarray, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
) -> list[list[tuple[int, float]]]:
    """Each query's rows and scores by a plain loop: the definition."""
    found = []
    for query in queries:
        scored = []
        for row, vector in enumerate(vectors):
            if allowed is None or allowed[row]:
                score = float(np.float32(sum(float(a) * float(b) for a, b in zip(vector, query, strict=True))))
                scored.append((-score, row))
        found.append([(row, -score) for score, row in sorted(scored)[:k]])
    return found


def as_pairs(found: exact_search.Neighbours) -> list[list[tuple[int, float]]]:
    return [
        [(int(row), float(score)) for row, score in zip(rows, scores, strict=True) if row >= 0]
        for rows, scores in zip(found.rows, found.scores, strict=True)
    ]


@pytest.mark.parametrize("k", [1, 3, 40, 500])
@pytest.mark.parametrize("block_rows", [0, 1, 7, 64, 1000])
def test_it_is_the_plain_loop_whatever_the_blocks(k: int, block_rows: int) -> None:
    vectors, queries = unit_rows(300, 5), unit_rows(4, 5, seed=1)
    found = as_pairs(exact_neighbours(vectors, queries, k, block_rows=block_rows))
    slow = slow_neighbours(vectors, queries, k)
    assert [[row for row, _ in rows] for rows in found] == [[row for row, _ in rows] for rows in slow]
    np.testing.assert_allclose(
        [[score for _, score in rows] for rows in found], [[score for _, score in rows] for rows in slow], atol=1e-7
    )


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_only_allowed_rows_are_found(share: float) -> None:
    vectors, queries = unit_rows(300, 5), unit_rows(4, 5, seed=1)
    allowed = np.random.default_rng(2).random(300) < share
    for block_rows in (0, 32):
        found = as_pairs(exact_neighbours(vectors, queries, 20, allowed=allowed, block_rows=block_rows))
        slow = slow_neighbours(vectors, queries, 20, allowed)
        assert [[row for row, _ in rows] for rows in found] == [[row for row, _ in rows] for rows in slow]


def test_of_equal_scores_the_smaller_row_comes_first_in_any_blocks() -> None:
    """Every vector five times, so that each score ties; and a k that ends within a tie."""
    vectors = np.tile(unit_rows(40, 8), (5, 1))
    queries = unit_rows(3, 8, seed=1)
    for k in (1, 2, 7, 13):
        slow = [[row for row, _ in rows] for rows in slow_neighbours(vectors, queries, k)]
        for block_rows in (0, 1, 3, 40, 41, 128):
            assert exact_neighbours(vectors, queries, k, block_rows=block_rows).rows.tolist() == slow


def test_scores_do_not_depend_on_how_many_ask_or_on_the_blocks() -> None:
    """Products of matrices are summed in another order for one query than for a hundred; these are not."""
    vectors, queries = unit_rows(5000, 128), unit_rows(40, 128, seed=1)
    together = exact_neighbours(vectors, queries, 10)
    for number in range(0, 40, 7):
        alone = exact_neighbours(vectors, queries[number : number + 1], 10, block_rows=333)
        assert alone.rows[0].tolist() == together.rows[number].tolist()
        assert alone.scores[0].tobytes() == together.scores[number].tobytes()


def test_near_ties_that_float32_cannot_tell_are_sorted_by_the_exact_score() -> None:
    """Rows whose scores differ by one step of float32: a product that is off by one would swap them."""
    queries = unit_rows(1, 128)
    steps = np.random.default_rng(3).permutation(400)
    other = np.zeros(128)
    other[:2] = queries[0, 1], -queries[0, 0]
    other /= np.linalg.norm(other)
    angles = 0.5 + steps * 1e-7
    vectors = (np.cos(angles)[:, None] * queries[0] + np.sin(angles)[:, None] * other).astype(np.float32)
    for block_rows in (0, 17):
        found = exact_neighbours(vectors, queries, 50, block_rows=block_rows)
        slow = slow_neighbours(vectors, queries, 50)[0]
        assert found.rows[0].tolist() == [row for row, _ in slow]


def test_vectors_sorted_from_worst_to_best_are_no_trap() -> None:
    """Every block is better than all before it, so that nothing can be left out early."""
    queries = unit_rows(2, 6)
    vectors = unit_rows(2000, 6, seed=1)
    vectors = np.ascontiguousarray(vectors[np.argsort(vectors @ queries[0])])
    found = exact_neighbours(vectors, queries, 5, block_rows=50)
    assert found.rows[0].tolist() == [1999, 1998, 1997, 1996, 1995]
    assert [row for row, _ in slow_neighbours(vectors, queries, 5)[1]] == found.rows[1].tolist()


def test_too_many_candidates_are_weighed_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal vectors all stay candidates; they are settled before they fill the memory, with the same result."""
    vectors = np.tile(unit_rows(1, 4), (3000, 1))
    vectors[1500] = unit_rows(1, 4, seed=5)
    expected = exact_neighbours(vectors, vectors[:1], 3).rows.tolist()
    settled = []
    settle = exact_search._Candidates.settle
    monkeypatch.setattr(
        exact_search._Candidates, "settle", lambda self, *a: (settled.append(self.n_kept), settle(self, *a))[1]
    )
    monkeypatch.setattr(exact_search, "MAX_CANDIDATES", 200)
    assert exact_neighbours(vectors, vectors[:1], 3, block_rows=100).rows.tolist() == expected == [[0, 1, 2]]
    assert len(settled) > 10
    assert max(settled) < 400


def test_more_queries_than_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, queries = unit_rows(100, 5), unit_rows(23, 5, seed=1)
    expected = exact_neighbours(vectors, queries, 4)
    monkeypatch.setattr(exact_search, "QUERIES_AT_ONCE", 5)
    found = exact_neighbours(vectors, queries, 4)
    assert found.rows.tolist() == expected.rows.tolist()
    assert found.scores.tobytes() == expected.scores.tobytes()


def test_exact_scores_are_those_of_float64_rounded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_search, "RESCORED_ROWS", 3)
    vectors, queries = unit_rows(10, 7), unit_rows(2, 7, seed=1)
    of_query, rows = np.array([0, 1, 1, 0, 1]), np.array([9, 0, 9, 3, 3])
    expected = [
        np.float32(vectors[r].astype(float) @ queries[q].astype(float)) for q, r in zip(of_query, rows, strict=True)
    ]
    np.testing.assert_allclose(exact_scores(vectors, queries, of_query, rows), expected, atol=1e-7)


def test_sorting_by_hand() -> None:
    found = sorted_neighbours(
        np.array([1, 0, 1, 1]), np.array([5, 2, 4, 9]), np.array([0.5, 0.1, 0.5, 0.9], dtype=np.float32), 3, 2
    )
    assert found.rows.tolist() == [[2, -1], [9, 4], [-1, -1]]
    np.testing.assert_array_equal(found.scores, np.array([[0.1, -np.inf], [0.9, 0.5], [-np.inf, -np.inf]], np.float32))
