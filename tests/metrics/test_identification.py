"""Closed-set identification against slow loops, closed forms and tables made by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from visavox.errors import DataError, UndefinedMetricWarning
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.identification import (
    chance_top_k,
    confusion_matrix,
    log_loss_cost,
    log_loss_of_clips,
    mean_credit,
    most_confused_pairs,
    top_k_accuracy_score,
    top_k_credit,
)
from visavox.metrics.weighting import mean_over_people, mean_over_probes


def slow_credit(row: list[float], own: int, k: int) -> float:
    """Share of all orders that respect the probabilities in which the own person is among the first k."""
    found = []
    for order in itertools.permutations(range(len(row))):
        if all(row[a] >= row[b] for a, b in itertools.pairwise(order)):
            found.append(own in order[:k])
    return sum(found) / len(found)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7])
def test_the_credit_is_the_share_of_orders_of_ties(k: int) -> None:
    rng = np.random.default_rng(k)
    scores = rng.integers(0, 3, size=(40, 5)).astype(float)
    labels = rng.integers(5, size=40)
    wanted = [slow_credit(row.tolist(), own, k) for row, own in zip(scores, labels, strict=True)]
    np.testing.assert_allclose(top_k_credit(scores, labels, k=k), wanted, atol=1e-12)


def test_a_table_made_by_hand() -> None:
    scores = np.array([[0.6, 0.3, 0.1], [0.1, 0.6, 0.3], [0.4, 0.4, 0.2], [0.2, 0.5, 0.3]])
    labels = np.array([0, 2, 1, 0])
    assert top_k_credit(scores, labels, k=1).tolist() == [1.0, 0.0, 0.5, 0.0]
    assert top_k_credit(scores, labels, k=2).tolist() == [1.0, 1.0, 1.0, 0.0]
    assert top_k_credit(scores, labels, k=3).tolist() == [1.0, 1.0, 1.0, 1.0]
    assert top_k_accuracy_score(scores, labels, k=1) == 0.375
    assert top_k_accuracy_score(scores, labels, k=1, weighting="person") == pytest.approx((0.5 + 0.5 + 0.0) / 3)


@pytest.mark.parametrize(("n", "k"), [(49, 1), (49, 5), (3, 2), (4, 9), (1, 1)])
def test_a_constant_model_scores_chance_exactly(n: int, k: int) -> None:
    labels = np.arange(12) % n
    for weighting in ("clip", "person"):
        value = top_k_accuracy_score(np.full((12, n), 1 / n), labels, k=k, weighting=weighting)
        assert value == pytest.approx(chance_top_k(n, k), abs=1e-15)
    assert chance_top_k(n, k) == min(1, k / n)


def test_more_places_never_cost_credit_and_order_alone_counts() -> None:
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=(60, 8)), rng.integers(8, size=60)
    values = [top_k_credit(scores, labels, k=k) for k in range(1, 9)]
    assert all((b >= a).all() for a, b in itertools.pairwise(values))
    assert (values[-1] == 1).all()
    np.testing.assert_array_equal(top_k_credit(np.exp(3 * scores), labels, k=3), values[2])
    turned = rng.permutation(8)
    places = np.argsort(turned)
    np.testing.assert_array_equal(top_k_credit(scores[:, turned], places[labels], k=3), values[2])


@pytest.mark.parametrize("weighting", ["clip", "person"])
def test_means_are_those_of_the_projects_weighting_on_every_resample(weighting: str) -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(7, size=30)  # of 9 people two have no clip
    credit = rng.random(30)
    counts = resample_people(9, n_resamples=20, rng=rng)
    slow = mean_over_probes if weighting == "clip" else mean_over_people
    np.testing.assert_allclose(
        mean_credit(credit, labels, weighting=weighting, counts=counts), slow(credit, labels, counts=counts)
    )
    assert float(mean_credit(credit, labels, weighting=weighting)) == pytest.approx(float(slow(credit, labels)))


def test_a_resample_weighs_clips_as_if_they_were_copied() -> None:
    credit, labels = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 2])
    counts = np.array([[2, 0, 1], [0, 3, 0], [1, 1, 1]])
    assert mean_credit(credit, labels, counts=counts).tolist() == pytest.approx([3 / 5, 1.0, 3 / 4])
    people = mean_credit(credit, labels, weighting="person", counts=counts)
    assert people.tolist() == pytest.approx([(2 * 0.5 + 1) / 3, 1.0, 2.5 / 3])


def test_without_clips_a_mean_is_nan_and_the_score_warns() -> None:
    empty, none = np.empty((0, 4)), np.empty(0, dtype=int)
    with pytest.warns(UndefinedMetricWarning, match=r"Top-k accuracy is undefined without clips. nan is returned."):
        assert math.isnan(top_k_accuracy_score(empty, none))
    with pytest.warns(UndefinedMetricWarning, match="The log loss is undefined"):
        assert math.isnan(log_loss_cost(empty, none))
    drawn = mean_credit(np.array([1.0]), np.array([0]), counts=np.array([[0, 2], [1, 1]]))
    assert math.isnan(drawn[0]) and drawn[1] == 1
    assert confusion_matrix(empty, none).tolist() == np.zeros((4, 4)).tolist()


def test_the_log_loss_is_that_of_the_own_probability() -> None:
    scores = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    labels = np.array([0, 1, 1])
    np.testing.assert_allclose(log_loss_of_clips(scores, labels)[:2], [math.log(2), -math.log(0.1)])
    assert log_loss_of_clips(scores, labels)[2] == pytest.approx(87.3365, abs=1e-3)
    assert log_loss_cost(scores[:2], labels[:2]) == pytest.approx((math.log(2) - math.log(0.1)) / 2)
    assert log_loss_cost(np.full((5, 49), 1 / 49), np.arange(5)) == pytest.approx(math.log(49))
    assert log_loss_cost(np.eye(3), np.arange(3)) == 0


def test_the_confusion_matrix_counts_named_people_and_shares_ties() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2], [0.1, 0.8, 0.1], [0.3, 0.3, 0.3], [0.0, 0.1, 0.9]])
    labels = np.array([0, 0, 1, 2, 1])
    found = confusion_matrix(scores, labels)
    third = 1 / 3
    np.testing.assert_allclose(found, [[1.5, 0.5, 0.0], [0.0, 1.0, 1.0], [third, third, third]])
    assert np.trace(found) / found.sum() == pytest.approx(top_k_accuracy_score(scores, labels))
    np.testing.assert_allclose(found.sum(axis=1), np.bincount(labels))


def test_the_most_confused_pairs_come_worst_first_with_what_chance_lets_expect() -> None:
    matrix = np.array([[6.0, 3.0, 1.0, 0.0], [1.0, 9.0, 0.0, 0.0], [0.0, 0.0, 5.0, 5.0], [0.0, 0.0, 0.0, 2.0]])
    pairs = most_confused_pairs(matrix, n_pairs=9)
    assert [(p.first, p.second) for p in pairs] == [(2, 3), (0, 1), (0, 2)]
    worst = pairs[0]
    assert (worst.first_as_second, worst.second_as_first, worst.share) == (5.0, 0.0, 5 / 12)
    assert worst.expected == pytest.approx((5 / 3 + 0) / 12)
    assert (pairs[1].first_as_second, pairs[1].second_as_first) == (3.0, 1.0)
    assert pairs[1].expected == pytest.approx((4 / 3 + 1 / 3) / 20)
    assert [p.share for p in pairs] == [5 / 12, 4 / 20, 1 / 20]
    assert most_confused_pairs(matrix, n_pairs=1) == pairs[:1]
    assert most_confused_pairs(matrix, n_pairs=0) == ()


def test_pairs_of_one_share_go_by_clips_then_by_place() -> None:
    matrix = np.array([[1.0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 2, 1], [0, 0, 1, 2]], dtype=float)
    matrix[0, 0] = 2  # pairs (0, 1): 1 of 4; (2, 3): 2 of 6
    assert [(p.first, p.second) for p in most_confused_pairs(matrix, n_pairs=3)] == [(2, 3), (0, 1)]
    even = np.array([[2.0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 6, 2], [0, 0, 0, 0]])
    assert [(p.first, p.second) for p in most_confused_pairs(even, n_pairs=3)] == [(2, 3), (0, 1)]
    same = np.array([[1.0, 1, 1], [1, 1, 1], [1, 1, 1]])
    assert [(p.first, p.second) for p in most_confused_pairs(same, n_pairs=3)] == [(0, 1), (0, 2), (1, 2)]
    assert {round(p.share - p.expected, 12) for p in most_confused_pairs(same, n_pairs=3)} == {0.0}
    assert most_confused_pairs(np.array([[4.0]]), n_pairs=3) == ()


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        (np.ones(3), np.zeros(3, int), r"must be \(n_clips, n_people\) with one label a clip. Got shapes \(3,\)"),
        (np.ones((3, 2)), np.zeros(2, int), r"Got shapes \(3, 2\) and \(2,\)"),
        (np.array([[1.0, np.nan], [0.5, 0.5]]), np.zeros(2, int), "must hold no NaN. Got 1 rows with one"),
        (np.ones((2, 3)), np.array([0, 3]), "`labels` must name columns 0 to 2. Got 3"),
        (np.ones((2, 3)), np.array([-1, 0]), "Got -1"),
    ],
)
def test_what_does_not_fit_is_refused(scores: np.ndarray, labels: np.ndarray, said: str) -> None:
    for measure in (lambda a, b: top_k_credit(a, b, k=1), log_loss_of_clips, confusion_matrix):
        with pytest.raises(DataError, match=said):
            measure(scores, labels)


def test_a_list_of_no_place_is_refused() -> None:
    with pytest.raises(DataError, match="`k` must be at least 1. Got 0"):
        top_k_credit(np.ones((1, 2)), np.array([0]), k=0)
