"""Scores of listed pairs, and means of lists on resamples of people."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.listed_scores import CHUNK_ROWS, pair_scores, refuse_non_finite, resampled_mean, unit_rows


def slow_cosine(a, b) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5)


def test_scores_of_pairs_are_the_cosines_of_a_slow_loop() -> None:
    rng = np.random.default_rng(0)
    voices, faces = rng.normal(size=(7, 5)), rng.normal(size=(6, 5))
    first, second = rng.integers(0, 7, 40), rng.integers(0, 6, 40)
    found = pair_scores(unit_rows(voices), unit_rows(faces), first, second)
    slow = [slow_cosine(voices[a], faces[b]) for a, b in zip(first, second, strict=True)]
    assert found == pytest.approx(slow, abs=1e-12)


def test_scores_of_choices_have_one_column_a_candidate() -> None:
    voices, faces = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]])
    found = pair_scores(voices, faces, np.array([0, 1]), np.array([[0, 1, 2], [2, 0, 1]]))
    assert found.tolist() == [[0.6, 1.0, 0.0], [1.0, 0.8, 0.0]]


def test_a_list_longer_than_a_chunk_is_scored_whole() -> None:
    rng = np.random.default_rng(1)
    n = 2 * CHUNK_ROWS + 3
    voices, faces = rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
    first, second = rng.integers(0, 9, n), rng.integers(0, 9, (n, 2))
    found = pair_scores(voices, faces, first, second)
    for place in (0, CHUNK_ROWS - 1, CHUNK_ROWS, n - 1):
        assert found[place] == pytest.approx(faces[second[place]] @ voices[first[place]], abs=1e-12)


def test_equal_vectors_tie_to_the_last_bit() -> None:
    rng = np.random.default_rng(2)
    faces = np.repeat(rng.normal(size=(1, 128)), 300, axis=0)
    voices = rng.normal(size=(3, 128))
    found = pair_scores(voices, faces, np.arange(300) % 3, np.arange(300))
    assert len(set(found.tolist())) == 3


def test_float32_vectors_are_scored_in_float64() -> None:
    rng = np.random.default_rng(3)
    voices, faces = rng.normal(size=(2, 64)).astype(np.float32), rng.normal(size=(2, 64)).astype(np.float32)
    found = pair_scores(voices, faces, np.array([0]), np.array([1]))
    assert found.dtype == np.float64
    assert found[0] == float(np.einsum("i,i", voices[0].astype(float), faces[1].astype(float)))


def test_unit_rows_have_length_one_and_keep_their_direction() -> None:
    found = unit_rows(np.array([[3.0, 4.0], [0.0, -2.0]], dtype=np.float32))
    assert found.tolist() == [[0.6, 0.8], [0.0, -1.0]]
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("vector", "what"),
    [
        ([0.0, 0.0], "only zeros"),
        ([np.nan, 1.0], "NaN, infinity or numbers too large to square"),
        ([np.inf, 1.0], "NaN, infinity or numbers too large to square"),
        ([1e200, 0.0], "NaN, infinity or numbers too large to square"),
    ],
)
def test_a_vector_without_a_direction_is_named(vector: list[float], what: str) -> None:
    vectors = np.array([[1.0, 0.0], vector, vector])
    message = f"The vector of 'b' holds {what}, and 1 more of 3 have no direction either. Embed these items again"
    with pytest.raises(DataError, match=message):
        unit_rows(vectors, names=("a", "b", "c"))
    with pytest.raises(DataError, match="The vector of 1 holds"):
        unit_rows(vectors)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"`vectors` must have the shape \(n, dim\). Got \(3,\)"):
        unit_rows(np.ones(3))
    with pytest.raises(DataError, match=r"must lie in one space. Got vectors of the shapes \(2, 3\) and \(2, 4\)"):
        pair_scores(np.ones((2, 3)), np.ones((2, 4)), np.array([0]), np.array([0]))
    with pytest.raises(DataError, match=r"Every trial needs a probe and its candidates. Got shapes \(2,\) and \(1,\)"):
        pair_scores(np.ones((2, 3)), np.ones((2, 3)), np.array([0, 1]), np.array([0]))
    with pytest.raises(DataError, match="must lie in one space"):
        pair_scores(np.ones(3), np.ones((2, 3)), np.array([0]), np.array([0]))


def test_scores_that_are_not_finite_are_named() -> None:
    names = ("a.wav", "b.wav", "c.wav")
    refuse_non_finite(np.zeros(3), names)
    with pytest.raises(DataError, match="NaN or infinity for the pair 'b.wav', and for 1 more of 3. Remove them"):
        refuse_non_finite(np.array([0.0, np.nan, np.inf]), names, what="pair")
    with pytest.raises(DataError, match="for the trial 'c.wav', and for 0 more of 3"):
        refuse_non_finite(np.array([[0.0, 1.0], [1.0, 1.0], [0.0, -np.inf]]), names)
    with pytest.raises(DataError, match="for the trial 0, and"):
        refuse_non_finite(np.array([np.nan]), ())


def slow_mean(values, people, rivals, row) -> float:
    weights = [row[p] * (1 if rivals is None else row[rivals[i]]) for i, p in enumerate(people)]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights) if sum(weights) else float("nan")


@pytest.mark.parametrize("with_rivals", [True, False])
def test_resampled_means_are_those_of_a_slow_loop(with_rivals: bool) -> None:
    rng = np.random.default_rng(4)
    values, people = rng.random(60), rng.integers(0, 6, 60)
    rivals = (people + rng.integers(1, 6, 60)) % 6 if with_rivals else None
    counts = resample_people(6, n_resamples=30, rng=rng)
    found = resampled_mean(values, people, rivals=rivals, counts=counts)
    assert found == pytest.approx([slow_mean(values, people, rivals, row) for row in counts], abs=1e-12, nan_ok=True)


def test_everybody_once_gives_the_plain_mean() -> None:
    values, people, rivals = np.array([1.0, 0.0, 0.5, 1.0]), np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])
    once = np.ones((1, 2), dtype=int)
    assert resampled_mean(values, people, rivals=rivals, counts=once).tolist() == [0.625]
    assert resampled_mean(values, people, counts=once).tolist() == [0.625]
    assert resampled_mean(values, people, counts=np.array([[2, 0], [0, 2]])).tolist() == [0.5, 0.75]


def test_a_resample_without_any_trial_is_nan() -> None:
    found = resampled_mean(np.ones(2), np.array([0, 0]), rivals=np.array([1, 1]), counts=np.array([[2, 0], [1, 1]]))
    assert np.isnan(found[0])
    assert found[1] == 1.0


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="Every trial needs its people. Got the shapes"):
        resampled_mean(np.ones(2), np.array([0]), counts=np.ones((1, 2), dtype=int))


def test_the_first_vector_without_a_direction_says_what_it_holds() -> None:
    with pytest.raises(DataError, match="^The vector of 1 holds only zeros, and 1 more of 3 have no"):
        unit_rows(np.array([[1.0, 0.0], [0.0, 0.0], [np.nan, 1.0]]))
    with pytest.raises(DataError, match=r"^The vector of 0 holds NaN.*, and 0 more of 1 have no direction either\. E"):
        unit_rows(np.array([[np.inf, 0.0]]))


def test_candidates_are_at_most_a_table() -> None:
    with pytest.raises(DataError, match=r"^Every trial needs a probe and its candidates. Got shapes \(1,\) and"):
        pair_scores(np.ones((1, 2)), np.ones((1, 2)), np.array([0]), np.zeros((1, 1, 1), dtype=int))


@pytest.mark.filterwarnings("error")
def test_people_without_a_trial_and_trials_of_weight_one() -> None:
    counts = np.array([[1, 0, 0, 0], [0, 1, 0, 3], [0, 0, 0, 4]], dtype=np.int8)
    values, people, rivals = np.array([1.0, 0.25]), np.array([0, 1]), np.array([1, 0])
    np.testing.assert_array_equal(resampled_mean(values, people, counts=counts), [1.0, 0.25, np.nan])
    np.testing.assert_array_equal(resampled_mean(values, people, rivals=rivals, counts=counts), [np.nan] * 3)
    many = np.full((1, 4), 20, dtype=np.int8)  # 20 * 20 is more than int8 holds
    assert resampled_mean(values, people, rivals=rivals, counts=many).tolist() == [0.625]
    assert resampled_mean(values, people, rivals=rivals, counts=np.ones((1, 4))).tolist() == [0.625]
    assert resampled_mean(values == 1.0, people, counts=many).tolist() == [0.5]
    with pytest.raises(DataError, match=r"^Every trial needs its people. Got the shapes \[\(1,\), \(2,\)\]\.$"):
        resampled_mean(values, people, rivals=np.array([0]), counts=counts)
