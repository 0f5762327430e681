from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics import roc_resampling
from visavox.metrics.roc import roc_from_scores
from visavox.metrics.roc_resampling import bins_of, resampled_roc, resampled_roc_of_list

FIGURES = ("auc_score", "equal_error_rate", "min_detection_cost")


def case(seed: int, n: int = 14, levels: int = 9):
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 6, n)
    similarity = rng.integers(0, levels, (n, n)) + 3.0 * np.eye(n)
    return similarity, np.eye(n, dtype=bool), people[:, None] != people, people, rng.integers(0, 3, (8, 6))


def slow_curve(similarity, positives, negatives, people, copies):
    """Every pair repeated: a true pair as its person, a false pair as the product of its two people."""
    scores, labels = [], []
    for i in range(len(similarity)):
        for j in range(len(similarity)):
            if positives[i, j]:
                scores += [similarity[i, j]] * copies[people[i]]
                labels += [1] * copies[people[i]]
            elif negatives[i, j]:
                scores += [similarity[i, j]] * (copies[people[i]] * copies[people[j]])
                labels += [0] * (copies[people[i]] * copies[people[j]])
    return roc_from_scores(np.array(scores), np.array(labels, dtype=int))


@pytest.mark.parametrize("seed", range(6))
def test_each_resample_is_the_curve_of_the_repeated_pairs(seed: int) -> None:
    similarity, positives, negatives, people, counts = case(seed)
    found = resampled_roc(similarity, positives, negatives, probe_people=people, gallery_people=people, counts=counts)
    for row, copies in enumerate(counts):
        expected = slow_curve(similarity, positives, negatives, people, copies)
        for figure in FIGURES:
            np.testing.assert_allclose(getattr(found, figure)()[row], getattr(expected, figure)(), atol=1e-12)


def test_false_pairs_counted_together_lose_nothing() -> None:
    rng = np.random.default_rng(1)
    similarity, people = rng.random((30, 30)), np.arange(30)
    own = np.eye(30, dtype=bool)
    ones = np.ones((1, 30), dtype=int)
    found = resampled_roc(similarity, own, ~own, probe_people=people, gallery_people=people, counts=ones)
    full = roc_from_scores(similarity.ravel(), own.ravel())
    assert found.false_match_rate.shape[-1] < full.false_match_rate.shape[-1]
    for figure in FIGURES:
        np.testing.assert_allclose(getattr(found, figure)()[0], getattr(full, figure)(), atol=1e-12)


def test_the_matrix_and_the_list_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity, positives, negatives, people, counts = case(2)
    arguments = {"probe_people": people, "gallery_people": people, "counts": counts}
    as_matrix = resampled_roc(similarity, positives, negatives, **arguments)
    monkeypatch.setattr(roc_resampling, "LISTED_BELOW", 2.0)
    as_list = resampled_roc(similarity, positives, negatives, **arguments)
    np.testing.assert_allclose(as_matrix.false_match_rate, as_list.false_match_rate, atol=1e-12)
    np.testing.assert_allclose(as_matrix.miss_rate, as_list.miss_rate, atol=1e-12)


def test_listed_pairs_are_the_pairs_of_the_matrix() -> None:
    similarity, positives, negatives, people, counts = case(3)
    rows, columns = np.nonzero(positives | negatives)
    listed = resampled_roc_of_list(
        similarity[rows, columns],
        positives[rows, columns],
        probe_people=people[rows],
        candidate_people=people[columns],
        counts=counts,
    )
    whole = resampled_roc(similarity, positives, negatives, probe_people=people, gallery_people=people, counts=counts)
    np.testing.assert_allclose(listed.auc_score(), whole.auc_score(), atol=1e-12)
    np.testing.assert_allclose(listed.equal_error_rate(), whole.equal_error_rate(), atol=1e-12)
    np.testing.assert_allclose(listed.thresholds, whole.thresholds)


def test_constant_scores_give_chance_in_every_resample() -> None:
    _, positives, negatives, people, counts = case(4)
    flat = resampled_roc(
        np.zeros((14, 14)), positives, negatives, probe_people=people, gallery_people=people, counts=counts + 1
    )
    np.testing.assert_allclose(flat.auc_score(), 0.5)
    np.testing.assert_allclose(flat.equal_error_rate(), 0.5)
    np.testing.assert_allclose(flat.min_detection_cost(), 1.0)


def test_a_resample_without_false_pairs_is_nan() -> None:
    own, people = np.eye(2, dtype=bool), np.array([0, 1])
    roc = resampled_roc(
        np.eye(2), own, ~own, probe_people=people, gallery_people=people, counts=np.array([[2, 0], [1, 1]])
    )
    assert np.isnan(roc.auc_score()).tolist() == [True, False]


def test_bins_tell_below_at_and_above() -> None:
    values = np.array([1.0, 2.0, 5.0])
    for score in (0.0, 1.0, 1.5, 2.0, 3.0, 5.0, 6.0):
        expected = 2 * sum(value < score for value in values) + (score in values)
        assert bins_of(np.array([score]), values).tolist() == [expected]


def test_people_must_fit_the_matrix() -> None:
    own = np.eye(2, dtype=bool)
    with pytest.raises(DataError, match=r"needs its person. Got 2 and 1"):
        resampled_roc(
            np.eye(2), own, ~own, probe_people=np.arange(2), gallery_people=np.arange(1), counts=np.ones((1, 2))
        )


def test_faces_and_voices_of_different_people_keep_their_own_counts() -> None:
    rng = np.random.default_rng(7)
    voices, faces, counts = np.array([0, 1, 1, 2]), np.array([2, 0, 0, 3, 1]), rng.integers(1, 4, (3, 4))
    similarity, positives = rng.integers(0, 6, (4, 5)).astype(float), voices[:, None] == faces
    found = resampled_roc(similarity, positives, ~positives, probe_people=voices, gallery_people=faces, counts=counts)
    for row, copies in enumerate(counts):
        weights = copies[voices][:, None] * np.where(positives, 1, copies[faces])
        slow = roc_from_scores(similarity.ravel(), positives.ravel(), weights=weights.ravel())
        for figure in FIGURES:
            np.testing.assert_allclose(getattr(found, figure)()[row], getattr(slow, figure)(), atol=1e-12)


def test_more_bins_than_a_small_number_holds() -> None:
    rng = np.random.default_rng(8)
    similarity = rng.random((2, 17_000))
    positives = np.array([[True], [False]]) & np.ones((2, 17_000), dtype=bool)
    people = {"probe_people": np.array([0, 1]), "gallery_people": np.zeros(17_000, dtype=int)}
    found = resampled_roc(similarity, positives, ~positives, **people, counts=np.ones((1, 2)))
    full = roc_from_scores(similarity.ravel(), positives.ravel())
    for figure in FIGURES:
        np.testing.assert_allclose(getattr(found, figure)()[0], getattr(full, figure)(), atol=1e-12)


def test_thresholds_fall_from_over_each_true_score_to_it() -> None:
    similarity, own = np.array([[0.1, 0.0], [0.2, 0.7]], dtype=np.float32), np.eye(2, dtype=bool)
    people = {"probe_people": np.arange(2), "gallery_people": np.arange(2)}
    found = resampled_roc(similarity, own, ~own, **people, counts=np.ones((1, 2)))
    low, high = float(np.float32(0.1)), float(np.float32(0.7))
    expected = [np.inf, np.nextafter(high, 1), high, np.nextafter(low, 1), low, -np.inf]
    assert found.thresholds.tolist() == expected
    assert found.false_match_rate.tolist() == [[0.0, 0.0, 0.0, 0.5, 0.5, 1.0]]
    assert found.miss_rate.tolist() == [[1.0, 1.0, 0.5, 0.5, 0.0, 0.0]]


@pytest.mark.filterwarnings("error")
def test_resamples_that_reach_the_lowest_bins_only_and_empty_matrices() -> None:
    similarity = np.array([[0.8, 0.9], [0.1, 0.2]])
    positives = np.array([[True, True], [False, False]])
    people = {"probe_people": np.array([0, 1]), "gallery_people": np.array([1, 1])}
    counts = np.array([[0, 20], [20, 20]], dtype=np.int8)
    found = resampled_roc(similarity, positives, ~positives, **people, counts=counts)
    np.testing.assert_array_equal(found.auc_score(), [np.nan, 1.0])
    nobody = np.empty(0, dtype=int)
    empty = np.zeros((0, 0), dtype=bool)
    nothing = resampled_roc(
        np.zeros((0, 0)), empty, empty, probe_people=nobody, gallery_people=nobody, counts=np.ones((2, 1))
    )
    assert np.isnan(nothing.auc_score()).tolist() == [True, True]
