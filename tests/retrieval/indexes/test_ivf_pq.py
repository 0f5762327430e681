"""Inverted lists: near enough to the truth, exact scores, filters, files and their damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.registry import INDEXES
from visavox.retrieval.base import VECTORS_FILE, Neighbours, load_index
from visavox.retrieval.exact_search import exact_neighbours
from visavox.retrieval.faiss_files import FAISS_FILE
from visavox.retrieval.indexes import ivf_pq
from visavox.retrieval.indexes.ivf_pq import MIN_ROWS, IvfPqIndex


def unit_rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


VECTORS = unit_rows(4000, 12)
QUERIES = unit_rows(40, 12, seed=1)


@pytest.fixture(scope="module")
def index() -> IvfPqIndex:
    return IvfPqIndex(n_lists=40, n_bytes=6, effort=12).build(VECTORS)


def recall(found: Neighbours, truth: Neighbours) -> float:
    """Share of the true neighbours that were found, by a plain loop."""
    hits = [len(set(a) & set(b)) for a, b in zip(found.rows.tolist(), truth.rows.tolist(), strict=True)]
    return sum(hits) / truth.rows.size


def test_it_finds_more_the_more_lists_it_visits(index: IvfPqIndex) -> None:
    truth = exact_neighbours(VECTORS, QUERIES, 5)
    recalls = [recall(index.search(QUERIES, 5, effort=effort), truth) for effort in (1, 6, 40)]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.7
    assert recalls[-1] > 0.99
    assert recall(index.search(QUERIES, 5), truth) > 0.9


def test_scores_are_exact_and_not_those_of_the_codes(index: IvfPqIndex) -> None:
    found = index.search(QUERIES, 10)
    for query, rows, scores in zip(QUERIES, found.rows, found.scores, strict=True):
        exact = [float(VECTORS[row].astype(float) @ query.astype(float)) for row in rows]
        np.testing.assert_allclose(scores, exact, atol=1e-7)
        assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.98])
def test_a_filter_holds(index: IvfPqIndex, share: float) -> None:
    allowed = np.random.default_rng(2).random(4000) < share
    found = index.search(QUERIES, 5, allowed=allowed)
    assert allowed[found.rows].all()
    assert recall(found, exact_neighbours(VECTORS, QUERIES, 5, allowed=allowed)) > 0.9


def test_more_than_the_visited_lists_hold(index: IvfPqIndex) -> None:
    found = index.search(QUERIES[:2], 4003, effort=1)
    assert (found.rows[:, 4000:] == -1).all()
    assert sorted(found.rows[0, :4000]) == list(range(4000))


def test_few_rows_are_searched_exactly_and_need_no_lists(tmp_path: Path) -> None:
    few = VECTORS[: MIN_ROWS - 1]
    index = IvfPqIndex().build(few)
    index.save(tmp_path)
    assert not (tmp_path / FAISS_FILE).exists()
    for one in (index, load_index(tmp_path)):
        assert one.search(QUERIES, 4).rows.tolist() == exact_neighbours(few, QUERIES, 4).rows.tolist()


def test_few_rows_in_place_of_many_leave_no_lists(index: IvfPqIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    IvfPqIndex().build(VECTORS[:9]).save(tmp_path)
    assert len(load_index(tmp_path)) == 9
    assert not (tmp_path / FAISS_FILE).exists()


def test_saved_and_loaded_it_answers_the_same_from_mapped_memory(index: IvfPqIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    loaded = load_index(tmp_path)
    assert isinstance(loaded, IvfPqIndex)
    assert (loaded.n_lists, loaded.n_bytes, loaded.effort) == (40, 6, 12)
    assert isinstance(loaded.vectors, np.memmap)
    assert type(ivf_pq.faiss.downcast_InvertedLists(loaded._lists.invlists)).__name__ == "OnDiskInvertedLists"
    for allowed in (None, np.arange(4000) % 2 == 0):
        ours, theirs = index.search(QUERIES, 6, allowed=allowed), loaded.search(QUERIES, 6, allowed=allowed)
        assert ours.rows.tolist() == theirs.rows.tolist()
        assert ours.scores.tobytes() == theirs.scores.tobytes()


def test_the_same_is_built_twice(index: IvfPqIndex, tmp_path: Path) -> None:
    again = IvfPqIndex(n_lists=40, n_bytes=6, effort=12).build(VECTORS)
    index.save(tmp_path / "a")
    again.save(tmp_path / "b")
    assert (tmp_path / "a" / FAISS_FILE).read_bytes() == (tmp_path / "b" / FAISS_FILE).read_bytes()


def test_lists_and_bytes_follow_the_rows_where_nothing_is_asked() -> None:
    built = IvfPqIndex().build(VECTORS[:2000])
    assert built._lists.nlist == 50  # 4 * sqrt(2000) is 179, but each needs 40 rows
    assert built._lists.pq.M == 3
    assert IvfPqIndex(n_lists=7).build(VECTORS[:2000])._lists.nlist == 7


@pytest.mark.parametrize(("dim", "most", "divisor"), [(128, 32, 32), (12, 3, 3), (7, 1, 1), (10, 4, 2)])
def test_the_largest_divisor_is_that_of_a_plain_loop(dim: int, most: int, divisor: int) -> None:
    assert ivf_pq._largest_divisor(dim, most) == divisor
    assert dim % divisor == 0
    assert all(dim % larger for larger in range(divisor + 1, most + 1))


@pytest.mark.parametrize("damage", ["cut", "missing", "of others"])
def test_damaged_lists_are_one_line(index: IvfPqIndex, tmp_path: Path, damage: str) -> None:
    index.save(tmp_path)
    if damage == "cut":
        whole = (tmp_path / FAISS_FILE).read_bytes()
        (tmp_path / FAISS_FILE).write_bytes(whole[: len(whole) // 2])
    elif damage == "missing":
        (tmp_path / FAISS_FILE).unlink()
    else:
        IvfPqIndex(n_lists=4).build(VECTORS[:1500]).save(tmp_path / "other")
        (tmp_path / "other" / FAISS_FILE).replace(tmp_path / FAISS_FILE)
    with pytest.raises(DataError, match="damaged or not whole") as caught:
        load_index(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_vectors_are_one_line(index: IvfPqIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    (tmp_path / VECTORS_FILE).unlink()
    with pytest.raises(DataError, match="damaged or not whole"):
        load_index(tmp_path)


@pytest.mark.parametrize("settings", [{"n_lists": -1}, {"n_bytes": -1}, {"effort": 0}, {"n_lists": 2_000_000}])
def test_settings_out_of_range_are_one_line(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=f"`{next(iter(settings))}` of the index 'ivf_pq' must be"):
        INDEXES.build({"name": "ivf_pq", **settings})


def test_a_code_must_divide_the_vector() -> None:
    with pytest.raises(ConfigError, match="must divide the length of a vector, 12. Got 5"):
        IvfPqIndex(n_bytes=5).build(VECTORS)
