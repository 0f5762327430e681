from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from visavox.errors import DataError, UndefinedMetricWarning
from visavox.metrics.matching import (
    all_pairs_accuracy_score,
    expected_accuracy,
    listed_accuracy,
    listed_accuracy_score,
    matching_accuracy,
    matching_curve,
)
from visavox.metrics.standings import Totals, find_standings


def slow_all_pairs(similarity, positives, negatives, people) -> float:
    """By the definition: a win 1, a tie 1/2; then positives, probes of a person, people."""
    of_person: dict[int, list[float]] = {}
    for i in range(len(similarity)):
        outcomes = []
        for j in np.flatnonzero(positives[i]):
            wins = [
                1.0 if similarity[i, j] > similarity[i, k] else 0.5 if similarity[i, j] == similarity[i, k] else 0.0
                for k in np.flatnonzero(negatives[i])
            ]
            if wins:
                outcomes.append(sum(wins) / len(wins))
        if outcomes:
            of_person.setdefault(people[i], []).append(sum(outcomes) / len(outcomes))
    return sum(sum(own) / len(own) for own in of_person.values()) / len(of_person)


def slow_one_of_n(positive: float, negatives: list[float], n_candidates: int) -> Fraction:
    """The mean over every set of N - 1 negatives of the chance to win it."""
    total, n_sets = Fraction(0), 0
    for drawn in itertools.combinations(negatives, n_candidates - 1):
        n_sets += 1
        if max(drawn) <= positive:
            total += Fraction(1, 1 + sum(score == positive for score in drawn))
    return total / n_sets


def case(seed: int, n: int = 8, levels: int = 6):
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 5, n)
    people[0], people[1] = 0, 1
    similarity = rng.integers(0, levels, (n, n)).astype(float)
    return similarity, np.eye(n, dtype=bool), people[:, None] != people, people


def totals(beaten: int, tied: int, above: int) -> Totals:
    b, t, a = (np.array([float(x)]) for x in (beaten, tied, above))
    return Totals(above=a, tied=t, below=b, has_ties=tied > 0)


@pytest.mark.parametrize("seed", range(20))
def test_all_pairs_accuracy_is_that_of_a_slow_loop(seed: int) -> None:
    similarity, positives, negatives, people = case(seed)
    found = all_pairs_accuracy_score(similarity, positives, negatives, people=people)
    assert found == pytest.approx(slow_all_pairs(similarity, positives, negatives, people), abs=1e-12)


def test_all_pairs_accuracy_on_five_numbers() -> None:
    similarity = np.array([[0.5, 0.9, 0.5, 0.1, 0.2]])  # above, tied, below, below
    own = np.array([[True, False, False, False, False]])
    assert all_pairs_accuracy_score(similarity, own, ~own) == (0 + 0.5 + 1 + 1) / 4


def test_several_positives_of_a_probe_are_averaged_first() -> None:
    similarity = np.array([[0.9, 0.1, 0.5], [0.9, 0.1, 0.5]])
    positives = np.array([[True, True, False], [True, False, False]])
    negatives = np.array([[False, False, True], [False, True, True]])
    found = all_pairs_accuracy_score(similarity, positives, negatives, people=np.array([7, 3]))
    assert found == pytest.approx((0.5 + 1.0) / 2)


def test_the_clips_of_a_person_are_averaged_before_the_people() -> None:
    similarity = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    positives = np.array([0, 0, 0, 1])
    negatives = np.array([[False, True]] * 3 + [[True, False]])
    assert all_pairs_accuracy_score(similarity, positives, negatives, people=np.array([0, 0, 0, 1])) == 0.5
    assert all_pairs_accuracy_score(similarity, positives, negatives) == 0.75


@pytest.mark.parametrize("seed", range(8))
def test_the_curve_is_the_mean_over_every_set_of_negatives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, 8).astype(float)
    own = np.zeros((1, 8), dtype=bool)
    own[0, 0] = True
    found = matching_curve(scores[None], own, ~own, n_candidates=range(2, 9))
    expected = [float(slow_one_of_n(scores[0], scores[1:].tolist(), n)) for n in range(2, 9)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(("beaten", "tied", "above"), [(5, 0, 2), (5, 3, 2), (0, 4, 0), (0, 0, 6), (900, 60, 7)])
def test_the_closed_form_is_the_hypergeometric_sum(beaten: int, tied: int, above: int) -> None:
    m = beaten + tied + above
    for k, value in enumerate(expected_accuracy(totals(beaten, tied, above), 6), start=1):
        if k > m:
            assert np.isnan(value[0])
            continue
        ways = sum(Fraction(comb(tied, j) * comb(beaten, k - j), j + 1) for j in range(k + 1))
        assert value[0] == pytest.approx(float(ways / comb(m, k)), abs=1e-12)


def test_at_two_candidates_the_curve_is_the_all_pairs_figure() -> None:
    for seed in range(10):
        similarity, positives, negatives, people = case(seed, n=30, levels=12)
        curve = matching_curve(similarity, positives, negatives, people=people)
        pairs = slow_all_pairs(similarity, positives, negatives, people)
        assert curve[0] == pytest.approx(pairs, abs=1e-12)


def test_the_curve_agrees_with_sampling() -> None:
    rng = np.random.default_rng(0)
    similarity = rng.integers(0, 30, (1, 40)).astype(float)
    similarity[0, 0] = 24
    own = np.zeros((1, 40), dtype=bool)
    own[0, 0] = True
    exact = matching_curve(similarity, own, ~own, n_candidates=[5])[0]
    wins = 0.0
    for _ in range(4000):
        drawn = similarity[0, rng.choice(np.arange(1, 40), 4, replace=False)]
        wins += 0 if (drawn > 24).any() else 1 / (1 + (drawn == 24).sum())
    assert exact == pytest.approx(wins / 4000, abs=0.025)


def test_the_way_without_ties_is_the_way_with_ties() -> None:
    rng = np.random.default_rng(1)
    beaten, above = rng.integers(0, 50, 200).astype(float), rng.integers(1, 50, 200).astype(float)
    short = expected_accuracy(Totals(above, np.zeros(200), beaten, has_ties=False), 10)
    long = expected_accuracy(Totals(above, np.zeros(200), beaten, has_ties=True), 10)
    np.testing.assert_allclose(short, long, atol=1e-12)


def test_constant_scores_give_chance_at_every_n() -> None:
    _, positives, negatives, people = case(0, n=40)
    curve = matching_curve(np.ones((40, 40)), positives, negatives, people=people, n_candidates=range(2, 11))
    np.testing.assert_allclose(curve, 1 / np.arange(2, 11), atol=1e-12)


def test_perfect_scores_give_one_and_reversed_scores_zero() -> None:
    own = np.eye(12, dtype=bool)
    np.testing.assert_array_equal(matching_curve(own.astype(float), own, ~own), np.ones(9))
    np.testing.assert_array_equal(matching_curve(-own.astype(float), own, ~own), np.zeros(9))


def test_the_curve_falls_with_n() -> None:
    similarity, positives, negatives, people = case(3, n=40, levels=1000)
    curve = matching_curve(similarity, positives, negatives, people=people)
    assert (np.diff(curve) < 0).all()


def test_probes_with_too_few_negatives_are_left_out_at_large_n() -> None:
    similarity = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 2.0]])
    positives = np.array([0, 1])
    negatives = np.array([[False, True, False, False], [True, False, True, True]])
    curve = matching_curve(similarity, positives, negatives, n_candidates=[2, 3])
    np.testing.assert_allclose(curve, [(1 + 1 / 3) / 2, 0.0], atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_resampled_accuracy_is_that_of_the_explicitly_repeated_people(seed: int) -> None:
    """The slow referee: write out every copy of every clip; copies of one person never compete."""
    similarity, positives, negatives, people = case(seed)
    counts = np.random.default_rng(seed).integers(0, 3, (6, 5))
    standings = find_standings(similarity, positives, negatives, gallery_people=people, n_people=5)
    found = matching_accuracy(standings, people, n_candidates=(2, 3), counts=counts)
    for row, copies in enumerate(counts):
        columns = [j for j in range(8) for _ in range(copies[people[j]])]
        per_copy: dict[int, list[list[float]]] = {2: [], 3: []}
        for person in range(5):
            for n, people_means in per_copy.items():
                outcomes = []
                for i in np.flatnonzero(people == person):
                    rivals = [similarity[i, j] for j in columns if negatives[i, j]]
                    if len(rivals) >= n - 1:
                        outcomes.append(float(slow_one_of_n(similarity[i, i], rivals, n)))
                if outcomes:
                    people_means += [np.mean(outcomes)] * copies[person]
        for place, n in enumerate((2, 3)):
            expected = np.mean(per_copy[n]) if per_copy[n] else np.nan
            np.testing.assert_allclose(found[place, row], expected, atol=1e-12)


def test_a_row_of_ones_is_the_figure_itself() -> None:
    similarity, positives, negatives, people = case(2)
    standings = find_standings(similarity, positives, negatives, gallery_people=people, n_people=5)
    once = matching_accuracy(standings, people, n_candidates=(2, 3), counts=np.ones((1, 5), dtype=int))
    np.testing.assert_allclose(once[:, 0], matching_accuracy(standings, people, n_candidates=(2, 3)), atol=1e-12)


def test_nobody_to_compare_with_is_nan_with_a_warning() -> None:
    own = np.eye(2, dtype=bool)
    with pytest.warns(
        UndefinedMetricWarning,
        match=r"^1:N matching is undefined where no probe has a positive and N-1 negatives: nan is returned\.$",
    ):
        assert np.isnan(all_pairs_accuracy_score(np.eye(2), own, np.zeros((2, 2), dtype=bool)))
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(all_pairs_accuracy_score(np.zeros((0, 2)), np.zeros((0, 2), bool), np.zeros((0, 2), bool)))


@pytest.mark.parametrize("n_candidates", [[1], [], [3, 0]])
def test_one_candidate_is_no_choice(n_candidates: list[int]) -> None:
    own = np.eye(2, dtype=bool)
    with pytest.raises(
        DataError, match=r"^`n_candidates` must be at least 2\. Got \[.*\]\. One candidate is no choice\.$"
    ):
        matching_curve(np.eye(2), own, ~own, n_candidates=n_candidates)


def test_people_must_be_one_a_probe() -> None:
    own = np.eye(2, dtype=bool)
    with pytest.raises(DataError, match=r"^`people` must name one person for each of 2 probes\. Got shape \(1,\)\.$"):
        all_pairs_accuracy_score(np.eye(2), own, ~own, people=np.array([0]))


def test_listed_trials_are_those_of_a_slow_loop() -> None:
    scores = np.random.default_rng(0).integers(0, 4, (200, 5)).astype(float)
    for row, found in zip(scores, listed_accuracy(scores), strict=True):
        winners = np.flatnonzero(row == row.max())
        assert found == (1 / len(winners) if 0 in winners else 0)


def test_a_list_of_every_pair_is_the_all_pairs_figure() -> None:
    similarity, positives, negatives, _ = case(5)
    rows, owners = [], []
    for i in range(8):
        for k in np.flatnonzero(negatives[i]):
            rows.append([similarity[i, i], similarity[i, k]])
            owners.append(i)
    by_probe = [listed_accuracy_score(np.array(rows)[np.array(owners) == i]) for i in range(8)]
    expected = all_pairs_accuracy_score(similarity, positives, negatives)
    assert np.mean(by_probe) == pytest.approx(expected, abs=1e-12)
    assert 0 < expected < 1


def test_listed_people_are_averaged_first() -> None:
    scores = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert listed_accuracy_score(scores) == 0.75
    assert listed_accuracy_score(scores, people=np.array([5, 5, 5, 9])) == 0.5


def test_listed_edges() -> None:
    assert listed_accuracy_score(np.ones((3, 4))) == 0.25
    with pytest.warns(UndefinedMetricWarning, match=r"^The accuracy of an empty list of trials is nan\.$"):
        assert np.isnan(listed_accuracy_score(np.zeros((0, 2))))
    with pytest.raises(
        DataError, match=r"^`scores` must be \(n_trials, n_candidates\) with at least 2 candidates\. Got \(3, 1\)\.$"
    ):
        listed_accuracy(np.ones((3, 1)))
    with pytest.raises(DataError, match=r"at least 2 candidates\. Got \(3,\)\.$"):
        listed_accuracy(np.ones(3))
    with pytest.raises(DataError, match="at least 2 candidates"):
        listed_accuracy(np.ones((3, 2, 2)))
    with pytest.raises(DataError, match=r"^`scores` must hold no NaN\. Got 1 among 2\. Remove the broken items\.$"):
        listed_accuracy(np.array([[np.nan, 1.0]]))


@pytest.mark.parametrize("seed", range(4))
def test_resampled_accuracy_of_unpaired_items_is_that_of_the_repeated_people(seed: int) -> None:
    """Several faces and voices a person: every face of the person is a positive of each of his voices."""
    rng = np.random.default_rng(seed)
    voices, faces = np.array([0, 0, 1, 2, 2, 3]), np.array([0, 1, 1, 2, 3, 3, 3])
    similarity = rng.integers(0, 6, (6, 7)).astype(float)
    positives = voices[:, None] == faces
    counts = rng.integers(0, 3, (5, 4))
    standings = find_standings(similarity, positives, ~positives, gallery_people=faces, n_people=4)
    found = matching_accuracy(standings, voices, counts=counts)[0]
    for row, copies in enumerate(counts):
        means: list[float] = []
        for person in range(4):
            of_probes = []
            for i in np.flatnonzero(voices == person):
                rivals = [similarity[i, j] for j in range(7) if not positives[i, j] for _ in range(copies[faces[j]])]
                own = similarity[i, positives[i]]
                if rivals:
                    of_probes.append(np.mean([np.mean([(s > r) + (s == r) / 2 for r in rivals]) for s in own]))
            if of_probes:
                means += [float(np.mean(of_probes))] * copies[person]
        np.testing.assert_allclose(found[row], np.mean(means) if means else np.nan, atol=1e-12)


def test_the_curve_is_from_2_to_10_candidates_unless_told() -> None:
    similarity, positives, negatives, people = case(3, n=40, levels=1000)
    curve = matching_curve(similarity, positives, negatives, people=people)
    assert curve.shape == (9,)
    np.testing.assert_array_equal(
        curve, matching_curve(similarity, positives, negatives, people=people, n_candidates=range(2, 11))
    )
    standings = find_standings(similarity, positives, negatives)
    assert matching_accuracy(standings, people).tolist() == [curve[0]]
    backwards = matching_curve(similarity, positives, negatives, people=people, n_candidates=[7, 3])
    assert backwards.tolist() == [curve[5], curve[1]]


def test_people_need_not_be_numbers_from_zero() -> None:
    similarity, positives, negatives, people = case(6)
    names = np.array(["d", "a", "zz", "b", "c"])[people]
    expected = matching_curve(similarity, positives, negatives, people=people, n_candidates=[2, 3])
    found = matching_curve(similarity, positives, negatives, people=names, n_candidates=[2, 3])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    listed = listed_accuracy_score(similarity, people=people)
    assert listed_accuracy_score(similarity, people=names) == pytest.approx(listed, abs=1e-12)


def test_a_probe_of_many_positives_weighs_as_much_as_its_person_s_others() -> None:
    similarity = np.array([[0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]])
    positives = np.array([[True, True, True, False], [True, False, False, False]])
    negatives = np.array([[False, False, False, True]] * 2)
    people = np.array([0, 0])
    assert all_pairs_accuracy_score(similarity, positives, negatives, people=people) == pytest.approx(0.5)
    standings = find_standings(similarity, positives, negatives)
    assert matching_accuracy(standings, people, counts=np.ones((1, 4)))[0] == pytest.approx([0.5])
