"""Distances of features and the search by them, against loops over pairs and over orders of tied items."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.metrics.feature_distance import (
    KS,
    chance_ranking,
    feature_distances,
    rank_by_feature,
    shown_ks,
    unit_or_zero,
)
from visavox.metrics.gallery_ranking import ranking_measures


def vectors(n: int = 6, dim: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim))


def slow_distances(p: list[float], t: list[float]) -> dict[str, float]:
    """One pair, number by number."""
    lengths = [math.sqrt(sum(x * x for x in v)) for v in (p, t)]
    unit_p, unit_t = ([x / length for x in v] for v, length in zip((p, t), lengths, strict=True))
    cosine = sum(a * b for a, b in zip(unit_p, unit_t, strict=True))
    return {
        "l1": sum(abs(a - b) for a, b in zip(p, t, strict=True)),
        "l2": math.sqrt(sum((a - b) ** 2 for a, b in zip(p, t, strict=True))),
        "unit_l1": sum(abs(a - b) for a, b in zip(unit_p, unit_t, strict=True)),
        "unit_l2": math.sqrt(sum((a - b) ** 2 for a, b in zip(unit_p, unit_t, strict=True))),
        "angle_deg": math.degrees(math.acos(max(-1.0, min(1.0, cosine)))),
    }


def test_distances_are_those_of_a_loop() -> None:
    predicted, true = vectors(seed=1), vectors(seed=2)
    found = dict(feature_distances(predicted, true).items())
    for row in range(len(predicted)):
        for name, expected in slow_distances(predicted[row].tolist(), true[row].tolist()).items():
            assert found[name][row] == pytest.approx(expected, rel=1e-9), name


def test_values_one_can_check_by_hand() -> None:
    found = feature_distances(np.array([[1.0, 0], [2, 0], [1, 1]]), np.array([[0.0, 1], [4, 0], [-3, -3]]))
    np.testing.assert_allclose(found.angle_deg, [90, 0, 180])
    np.testing.assert_allclose(found.l1, [2, 2, 8])
    np.testing.assert_allclose(found.unit_l2, [math.sqrt(2), 0, 2])


def test_lengths_matter_to_raw_distances_alone() -> None:
    predicted, true = vectors(seed=1), vectors(seed=2)
    once, scaled = feature_distances(predicted, true), feature_distances(3 * predicted, 7 * true)
    for name in ("unit_l1", "unit_l2", "angle_deg"):
        np.testing.assert_allclose(getattr(once, name), getattr(scaled, name))
    assert not np.allclose(once.l2, scaled.l2) and not np.allclose(once.l1, scaled.l1)


def test_small_angles_are_not_lost_to_rounding() -> None:
    found = feature_distances(np.array([[1.0, 0.0]]), np.array([[1.0, 1e-9]]))
    assert found.angle_deg[0] == pytest.approx(math.degrees(1e-9), rel=1e-6)


def test_a_vector_of_zeros_has_no_direction() -> None:
    found = feature_distances(np.zeros((1, 3)), np.array([[0.0, 3.0, 4.0]]))
    assert found.unit_l2[0] == 1 and found.angle_deg[0] == pytest.approx(90) and found.l2[0] == 5
    assert not unit_or_zero(np.zeros((2, 3))).any()


def slow_recall(distances: np.ndarray, probe_people: list[int], gallery_people: list[int], k: int) -> float:
    """Share of probes with a clip of their person within k, over every order of the gallery that sorts it."""
    hits = []
    for row, person in zip(distances, probe_people, strict=True):
        orders = [
            o
            for o in itertools.permutations(range(len(row)))
            if all(row[a] <= row[b] for a, b in itertools.pairwise(o))
        ]
        hits.append(np.mean([any(gallery_people[i] == person for i in order[:k]) for order in orders]))
    return float(np.mean(hits))


@pytest.mark.parametrize("by", ["unit_l2", "l2", "l1", "unit_l1"])
def test_the_search_is_that_of_all_orders(by: str) -> None:
    rng = np.random.default_rng(4)
    predicted, gallery = rng.integers(-2, 3, (4, 3)).astype(float), rng.integers(-2, 3, (6, 3)).astype(float)
    predicted[0], gallery[1], gallery[2] = [1, 2, 2], [2, 4, 4], [2, 4, 4]  # ties in direction and in place
    probe_people, gallery_people = [0, 1, 2, 1], [0, 1, 1, 2, 3, 0]
    first, second = (unit_or_zero(predicted), unit_or_zero(gallery)) if by.startswith("unit") else (predicted, gallery)
    distances = np.zeros((4, 6))
    for i, j in itertools.product(range(4), range(6)):
        apart = first[i] - second[j]
        distances[i, j] = round(float(np.abs(apart).sum() if by.endswith("l1") else math.sqrt((apart**2).sum())), 12)
    ranking = rank_by_feature(
        predicted,
        gallery,
        probe_people=np.array(probe_people),
        gallery_people=np.array(gallery_people),
        by=by,  # type: ignore[arg-type]
    )
    for k in (1, 2, 5):
        found = ranking_measures(ranking, np.array(probe_people), ks=[k]).recall[0]
        assert found == pytest.approx(slow_recall(distances, probe_people, gallery_people, k)), k


def test_ranking_by_unit_l2_is_ranking_by_cosine() -> None:
    predicted, gallery, people = vectors(8, seed=1), vectors(8, seed=2) * [[3]] * 8, np.arange(8)
    ranking = rank_by_feature(predicted, gallery, probe_people=people, gallery_people=people)
    cosine = unit_or_zero(predicted) @ unit_or_zero(gallery).T
    expected = (cosine > np.diag(cosine)[:, None]).sum(axis=1) + 1
    np.testing.assert_array_equal(ranking.first_rank, expected)


def test_one_prediction_for_everybody_scores_exactly_chance() -> None:
    gallery, people = vectors(30), np.arange(30)
    same = rank_by_feature(np.ones((30, 5)), gallery, probe_people=people, gallery_people=people)
    chance = chance_ranking(people, people)
    for k in (1, 5, 10):
        found, expected = (ranking_measures(r, people, ks=[k]).recall[0] for r in (same, chance))
        assert found == pytest.approx(k / 30) == pytest.approx(expected)


def test_chance_with_several_clips_of_a_person_is_that_of_drawing_without_return() -> None:
    probe_people, gallery_people = np.array([0, 1]), np.array([0, 0, 0, 1, 2, 2])
    found = ranking_measures(chance_ranking(probe_people, gallery_people), probe_people, ks=[2]).recall[0]
    missed_0, missed_1 = math.comb(3, 2) / math.comb(6, 2), math.comb(5, 2) / math.comb(6, 2)
    assert found == pytest.approx(1 - (missed_0 + missed_1) / 2)


def test_true_features_find_themselves() -> None:
    gallery, people = vectors(20), np.arange(20)
    ranking = rank_by_feature(2 * gallery, gallery, probe_people=people, gallery_people=people)
    assert ranking_measures(ranking, people, ks=[1]).recall[0] == 1


def test_the_lists_that_leave_somebody_out() -> None:
    assert KS == (1, 2, 5, 10, 25, 50, 75, 100)
    assert shown_ks(101) == KS and shown_ks(100) == KS[:-1] and shown_ks(1) == ()


@pytest.mark.parametrize(
    ("predicted", "true", "words"),
    [
        (np.zeros((2, 3)), np.zeros((3, 3)), r"Every prediction needs its true feature. Got shapes \(2, 3\)"),
        (np.zeros(3), np.zeros(3), r"Features \(predicted\) must be \(n, dim\), one row or more. Got shape \(3,\)"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "one row or more"),
        (np.full((2, 3), np.nan), np.zeros((2, 3)), r"\(predicted\) must be finite. Got nan or infinity in row 0, and"),
        (np.zeros((1, 2)), np.array([[np.inf, 0]]), r"Features \(true\) must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(predicted: np.ndarray, true: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        feature_distances(predicted, true)


def test_a_search_that_cannot_be_made_is_refused() -> None:
    people = np.arange(2)
    with pytest.raises(ConfigError, match="`by` must be one of unit_l2, l2, l1, unit_l1. Got 'cosine'"):
        rank_by_feature(np.ones((2, 2)), np.ones((2, 2)), probe_people=people, gallery_people=people, by="cosine")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="must be of one encoder. Got features of 2 and 3"):
        rank_by_feature(np.ones((2, 2)), np.ones((2, 3)), probe_people=people, gallery_people=people)
    with pytest.raises(DataError, match="in the gallery"):
        rank_by_feature(np.ones((2, 2)), np.ones((2, 2)), probe_people=people, gallery_people=people + 1)
