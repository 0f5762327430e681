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
