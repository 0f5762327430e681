"""Who is most like whom: against a slow loop, and whatever the order of rows."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.corpus import trial_neighbours
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trial_neighbours import nearest_people


def table(people: list[str], vectors: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> EmbeddingTable:
    keys = tuple(f"k{row:03d}" for row in range(len(people)))
    return EmbeddingTable("face", "e", keys, keys, tuple(people), (None,) * len(people), {}, vectors)


def slow(people: list[str], vectors: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> dict[str, tuple[str, ...]]:
    means = {}
    for person in sorted(set(people)):
        own = [vector / np.linalg.norm(vector) for name, vector in zip(people, vectors, strict=True) if name == person]
        mean = np.sum(own, axis=0)
        means[person] = mean / np.linalg.norm(mean)
    return {
        person: tuple(sorted((p for p in means if p != person), key=lambda p, v=vector: -float(means[p] @ v)))
        for person, vector in means.items()
    }


def test_a_slow_loop_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    people = [f"p{i}" for i in rng.integers(12, size=40)]
    vectors = rng.normal(size=(40, 5)).astype(np.float32).astype(np.float64)
    found = nearest_people(table(people, vectors))
    assert found == slow(people, vectors)
    monkeypatch.setattr(trial_neighbours, "BLOCK_CELLS", 40)
    assert nearest_people(table(people, vectors)) == found


def test_the_order_of_rows_makes_no_difference() -> None:
    rng = np.random.default_rng(1)
    one = table([f"p{i % 7}" for i in range(30)], rng.normal(size=(30, 4)))
    assert nearest_people(one.select(rng.permutation(30))) == nearest_people(one)


def test_each_row_counts_alike_however_long_its_vector() -> None:
    """Ann's two rows point along both axes; the long one must not win."""
    found = nearest_people(table(["Ann", "Ann", "Bob", "Cy"], np.array([[100.0, 0], [0, 1], [1, 1], [1, 0]])))
    assert found["Ann"] == ("Bob", "Cy")


def test_only_so_many_are_kept() -> None:
    found = nearest_people(table(list("ABCD"), np.array([[1.0, 0], [0.9, 0.1], [0.5, 0.5], [0, 1]])), 2)
    assert found == {"A": ("B", "C"), "B": ("A", "C"), "C": ("B", "A"), "D": ("C", "B")}


def test_equals_are_in_the_order_of_their_names_and_zeros_are_like_nobody() -> None:
    found = nearest_people(table(list("CBA"), np.array([[1.0, 0], [1, 0], [1, 0]])))
    assert found == {"A": ("B", "C"), "B": ("A", "C"), "C": ("A", "B")}
    assert nearest_people(table(["A", "Z"], np.array([[1.0, 0], [0, 0]]))) == {"A": ("Z",), "Z": ("A",)}


def test_ties_for_the_last_place_go_to_the_first_names() -> None:
    """A partition alone takes any of the equals; a full stable sort takes the first."""
    rng = np.random.default_rng(3)
    vectors = rng.choice([-1.0, 0.0, 1.0], (90, 3)) + np.array([0.0, 0.0, 1.5])
    people = [f"p{i:02d}" for i in range(90)]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (unit @ unit.T).round(9)
    for n in (1, 4, 30, 89, 500):
        found = nearest_people(table(people, vectors), n)
        for row, values in enumerate(cosines):
            ranked = [people[i] for i in np.argsort(-values, kind="stable") if i != row]
            assert found[people[row]] == tuple(ranked[:n])


def test_names_are_looked_up_and_nobody_else_is_known() -> None:
    found = nearest_people(table(list("ABC"), np.array([[1.0, 0], [0.9, 0.1], [0, 1]])))
    assert (len(found), list(found)) == (3, ["A", "B", "C"])
    assert found.get("Z", ()) == ()
    assert len(nearest_people(table(["A"], np.ones((1, 2))))["A"]) == 0


def test_only_the_nearest_are_sorted_and_blocks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    crowd = table([f"p{i:04d}" for i in range(700)], rng.normal(size=(700, 8)))
    expected = dict(nearest_people(crowd, 20))
    sizes, sort = [], np.argsort

    def spy(values, **more):
        sizes.append(values.size if values.dtype == np.float64 else 0)
        return sort(values, **more)

    monkeypatch.setattr(np, "argsort", spy)
    monkeypatch.setattr(trial_neighbours, "BLOCK_CELLS", 7000)
    assert dict(nearest_people(crowd, 20)) == expected
    assert max(sizes) == 20  # not all 700
    assert nearest_people(crowd, 20)._rows.shape == (700, 20)
