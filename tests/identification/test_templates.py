"""Templates against a loop over people, and the one vector of a probe."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.identification.templates import probe_vector, row_weights, unit_rows, weighted_means


def means_by_loop(vectors: np.ndarray, owners: np.ndarray, weights: np.ndarray, n_people: int) -> np.ndarray:
    result = np.zeros((n_people, vectors.shape[1]))
    for person in range(n_people):
        total = 0.0
        for row in range(len(vectors)):
            if owners[row] == person:
                result[person] += weights[row] * vectors[row].astype(np.float64)
                total += weights[row]
        result[person] /= total
    return result


def made(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(7), [1, 2, 3, 1, 5, 2, 4]))
    return rng.normal(size=(18, 5)).astype(np.float32), owners, rng.uniform(0.1, 3, 18)


def test_weighted_means_equal_a_loop_in_any_order_of_rows() -> None:
    vectors, owners, weights = made()
    found = weighted_means(vectors, owners, weights, n_people=7)
    np.testing.assert_allclose(found, means_by_loop(vectors, owners, weights, 7), rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32
    order = np.random.default_rng(1).permutation(18)
    shuffled = weighted_means(vectors[order], owners[order], weights[order], n_people=7)
    np.testing.assert_allclose(shuffled, found, rtol=1e-5, atol=1e-6)


def test_weighted_means_by_hand() -> None:
    vectors = np.array([[0, 8], [4, 0], [1, 1]], dtype=np.float32)
    found = weighted_means(vectors, np.array([1, 1, 0]), np.array([1.0, 3.0, 9.0]), n_people=2)
    assert found.tolist() == [[1, 1], [3, 2]]


def test_only_the_ratios_of_weights_inside_a_person_count() -> None:
    vectors, owners, weights = made()
    scaled = weights * np.array([1, 10, 0.01, 7, 2, 3, 0.5])[owners]
    np.testing.assert_allclose(
        weighted_means(vectors, owners, scaled, n_people=7),
        weighted_means(vectors, owners, weights, n_people=7),
        rtol=1e-5,
        atol=1e-6,
    )


def test_somebody_without_a_row_is_named_by_number() -> None:
    with pytest.raises(DataError, match=r"^Everybody needs a vector\. Got none for person 1 of 3\.$"):
        weighted_means(np.ones((2, 4)), np.array([0, 2]), np.ones(2), n_people=3)
    with pytest.raises(DataError, match="Got none for person 2 of 3"):
        weighted_means(np.ones((2, 4)), np.array([0, 1]), np.ones(2), n_people=3)


def test_nobody_has_no_means() -> None:
    found = weighted_means(np.empty((0, 4)), np.empty(0, dtype=np.intp), np.empty(0), n_people=0)
    assert (found.shape, found.dtype) == ((0, 4), np.float32)


def test_unit_rows_have_length_1_and_keep_their_direction() -> None:
    assert unit_rows(np.array([[3, 4], [0, -2]])).astype(float).round(6).tolist() == [[0.6, 0.8], [0, -1]]
    vectors = np.random.default_rng(0).normal(size=(3, 4, 5))
    found = unit_rows(vectors)
    assert (found.shape, found.dtype) == ((3, 4, 5), np.float32)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(unit_rows(vectors * 1e3), found, rtol=1e-5)


def test_a_row_of_zeros_stays_one() -> None:
    assert unit_rows(np.array([[0.0, 0.0], [0.0, 5.0]])).tolist() == [[0, 0], [0, 1]]


def test_a_probe_is_the_mean_of_its_rows() -> None:
    rows = np.array([[1, 2], [3, 6]])
    assert probe_vector(rows).tolist() == [2, 4]
    assert probe_vector(rows, np.array([3.0, 1.0])).tolist() == [1.5, 3]
    assert probe_vector(np.array([5.0, 6.0])).tolist() == [5, 6]
    assert probe_vector(rows).dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.empty((0, 3)), r"A probe must have the shape \(n, dim\), one row or more\. Got \(0, 3\)\."),
        (np.empty(0), r"Got \(1, 0\)\."),
        (np.ones((2, 2, 2)), r"Got \(2, 2, 2\)\."),
        (np.array([[1, np.nan], [np.inf, 2]]), r"A probe must be finite\. Got nan or infinity in 2 places\."),
        (np.zeros((2, 3)), r"A probe must not be all zeros\. Embed the file again\."),
        (np.array([[1.0, -1.0], [-1.0, 1.0]]), "must not be all zeros"),
    ],
)
def test_what_is_no_probe_is_one_line(rows: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        probe_vector(rows)
    assert "\n" not in str(caught.value)


def test_a_clip_weighs_its_mean_quality_however_many_rows_it_has() -> None:
    clips, qualities = np.array([1, 0, 1, 1, 2]), np.array([3.0, 2.0, 6.0, 3.0, 5.0])
    weights = row_weights(clips, qualities)
    assert weights.tolist() == [1, 2, 2, 1, 5]
    for clip in range(3):
        assert weights[clips == clip].sum() == pytest.approx(qualities[clips == clip].mean())
    doubled = row_weights(np.repeat(clips, 2), np.repeat(qualities, 2))
    assert np.bincount(np.repeat(clips, 2), doubled).tolist() == np.bincount(clips, weights).tolist()
