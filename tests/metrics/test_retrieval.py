from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from visavox.errors import DataError, UndefinedMetricWarning
from visavox.metrics import standings as standings_module
from visavox.metrics.retrieval import (
    mean_average_precision_score,
    median_rank_cost,
    recall_at_k_score,
    retrieval_measures,
)
from visavox.metrics.standings import find_standings


def slow_orders(scores, positive):
    """Every order of the items that the scores allow, tied items permuted, as lists of "is positive"."""
    blocks = []
    for value in sorted(set(scores), reverse=True):
        block = [p for s, p in zip(scores, positive, strict=True) if s == value]
        blocks.append(list(itertools.permutations(block)))
    for choice in itertools.product(*blocks):
        yield list(itertools.chain.from_iterable(choice))


def slow_average_precision(ranked) -> float:
    precisions = [sum(ranked[: rank + 1]) / (rank + 1) for rank, hit in enumerate(ranked) if hit]
    return sum(precisions) / len(precisions)


def case(seed: int, n_gallery: int = 7, levels: int = 3, n_positives: int = 2):
    rng = np.random.default_rng(seed)
    positives = np.zeros((4, n_gallery), dtype=bool)
    for row in positives:
        row[rng.choice(n_gallery, n_positives, replace=False)] = True
    return rng.integers(0, levels, (4, n_gallery)).astype(float), positives


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_positives", [1, 2, 3])
def test_every_figure_is_the_mean_over_all_orders_of_ties(seed: int, n_positives: int) -> None:
    similarity, positives = case(seed, n_positives=n_positives)
    precision, recall, rank = [], {1: [], 3: [], 5: []}, []
    for scores, positive in zip(similarity, positives, strict=True):
        orders = list(slow_orders(scores, positive))
        precision.append(np.mean([slow_average_precision(order) for order in orders]))
        rank.append(np.mean([order.index(True) + 1 for order in orders]))
        for k, found in recall.items():
            found.append(np.mean([any(order[:k]) for order in orders]))
    assert mean_average_precision_score(similarity, positives) == pytest.approx(np.mean(precision), abs=1e-12)
    assert median_rank_cost(similarity, positives) == pytest.approx(np.median(rank), abs=1e-12)
    for k, found in recall.items():
        assert recall_at_k_score(similarity, positives, k=k) == pytest.approx(np.mean(found), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_without_ties_is_that_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarity, positives = rng.random((10, 30)), rng.random((10, 30)) < 0.2
    positives[:, 0], positives[:, 1] = True, False
    expected = [average_precision_score(p, s) for s, p in zip(similarity, positives, strict=True)]
    assert mean_average_precision_score(similarity, positives) == pytest.approx(np.mean(expected), abs=1e-12)


def test_the_figures_on_five_numbers() -> None:
    similarity = np.array([[0.9, 0.8, 0.7, 0.6, 0.5]])
    positives = np.array([[False, True, False, True, False]])
    assert mean_average_precision_score(similarity, positives) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert [recall_at_k_score(similarity, positives, k=k) for k in (1, 2)] == [0.0, 1.0]
    assert median_rank_cost(similarity, positives) == 2.0


def test_items_that_are_neither_are_taken_out_of_the_ranking() -> None:
    similarity = np.array([[0.9, 0.8, 0.7]])
    positives = np.array([[False, True, False]])
    negatives = np.array([[False, False, True]])
    assert mean_average_precision_score(similarity, positives, negatives=negatives) == 1.0
    assert recall_at_k_score(similarity, positives, k=1, negatives=negatives) == 1.0
    assert median_rank_cost(similarity, positives, negatives=negatives) == 1.0


def test_one_column_a_probe_is_enough() -> None:
    similarity = np.array([[0.2, 0.9], [0.2, 0.9]])
    assert recall_at_k_score(similarity, np.array([0, 1]), k=1) == 0.5
    assert mean_average_precision_score(similarity, np.array([1, -1])) == 1.0


def test_constant_scores_give_the_chance_of_a_shuffled_gallery() -> None:
    n, flat = 20, np.zeros((5, 20))
    columns = np.arange(5)
    assert recall_at_k_score(flat, columns, k=3) == pytest.approx(3 / n)
    assert mean_average_precision_score(flat, columns) == pytest.approx(sum(1 / r for r in range(1, n + 1)) / n)
    assert median_rank_cost(flat, columns) == (n + 1) / 2


def test_constant_scores_are_what_random_scores_give_on_average() -> None:
    rng = np.random.default_rng(0)
    positives = np.zeros((2000, 12), dtype=bool)
    positives[:, :3] = True
    scores = rng.random((2000, 12))
    flat = np.zeros((1, 12))
    for k in (1, 4):
        chance = recall_at_k_score(flat, positives[:1], k=k)
        assert recall_at_k_score(scores, positives, k=k) == pytest.approx(chance, abs=0.03)
    chance = mean_average_precision_score(flat, positives[:1])
    assert mean_average_precision_score(scores, positives) == pytest.approx(chance, abs=0.02)


def test_recall_rises_with_k_to_one() -> None:
    similarity, positives = case(1)
    values = [recall_at_k_score(similarity, positives, k=k) for k in range(1, 8)]
    assert (np.diff(values) >= -1e-12).all()
    assert values[-1] == 1.0
    assert values[0] < 1.0


@pytest.mark.parametrize("levels", [4, 10_000])
def test_resampled_measures_are_those_of_the_repeated_gallery(levels: int) -> None:
    """The slow referee writes out the copies; the probe's own person keeps one copy of each positive."""
    rng = np.random.default_rng(3)
    people = np.array([0, 0, 1, 2, 3, 4])
    similarity, positives = rng.integers(0, levels, (6, 6)).astype(float), np.eye(6, dtype=bool)
    negatives = people[:, None] != people
    standings = find_standings(similarity, positives, negatives, gallery_people=people, n_people=5)
    counts = np.array([[2, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 2, 2, 1, 0]])
    found = retrieval_measures(standings, people, ks=(1, 2), counts=counts)
    for row, copies in enumerate(counts):
        precision, first, ranks = [], [], []
        for i in range(6):
            columns = [i] + [j for j in range(6) if negatives[i, j] for _ in range(copies[people[j]])]
            one = similarity[i, columns][None], np.array([0])
            repeats = copies[people[i]]
            precision += [mean_average_precision_score(*one)] * repeats
            first += [recall_at_k_score(*one, k=2)] * repeats
            ranks += [median_rank_cost(*one)] * repeats
        assert found.mean_average_precision[row] == pytest.approx(np.mean(precision), abs=1e-12)
        assert found.recall[1, row] == pytest.approx(np.mean(first), abs=1e-12)
        assert found.median_rank[row] == pytest.approx(np.median(ranks), abs=1e-12)


def test_measures_together_are_the_measures_alone() -> None:
    similarity, positives = case(2)
    together = retrieval_measures(find_standings(similarity, positives, ~positives), np.arange(4), ks=(1, 3))
    assert float(together.mean_average_precision) == mean_average_precision_score(similarity, positives)
    assert together.recall.tolist() == [recall_at_k_score(similarity, positives, k=k) for k in (1, 3)]
    assert float(together.median_rank) == median_rank_cost(similarity, positives)


def test_probes_without_positives_are_left_out() -> None:
    similarity = np.array([[0.1, 0.9], [0.9, 0.1]])
    assert recall_at_k_score(similarity, np.array([1, -1]), k=1) == 1.0
    assert median_rank_cost(similarity, np.array([-1, 1])) == 2.0


def test_nothing_to_find_is_nan_with_a_warning() -> None:
    nothing = np.zeros((2, 3), dtype=bool)
    words = r"^Retrieval is undefined: no probe has a positive and a negative in the gallery\. nan is returned\.$"
    for measure in (mean_average_precision_score, median_rank_cost, lambda s, p: recall_at_k_score(s, p, k=1)):
        with pytest.warns(UndefinedMetricWarning, match=words):
            assert np.isnan(measure(np.ones((2, 3)), nothing))


@pytest.mark.parametrize("k", [0, -3])
def test_k_starts_at_one(k: int) -> None:
    with pytest.raises(DataError, match=rf"^`k` must be at least 1\. Got \[{k}\]\.$"):
        recall_at_k_score(np.ones((1, 2)), np.array([0]), k=k)


@pytest.mark.parametrize("levels", [4, 10_000])
def test_resampled_measures_with_several_positives_are_those_of_the_repeated_gallery(levels: int) -> None:
    """Unpaired: everything of the person is positive, once, and only the negatives are repeated."""
    rng = np.random.default_rng(6)
    people = np.array([0, 0, 0, 1, 1, 2, 3])
    similarity = rng.integers(0, levels, (7, 7)).astype(float)
    positives = people[:, None] == people
    standings = find_standings(similarity, positives, ~positives, gallery_people=people, n_people=4)
    counts = np.array([[1, 1, 1, 1], [2, 1, 0, 1], [0, 1, 3, 0]])
    found = retrieval_measures(standings, people, ks=(1, 3), counts=counts)
    for row, copies in enumerate(counts):
        precision, first, ranks = [], [], []
        for i in range(7):
            columns = [j for j in range(7) for _ in range(1 if positives[i, j] else copies[people[j]])]
            one = similarity[i, columns][None], positives[i, columns][None]
            precision += [mean_average_precision_score(*one)] * copies[people[i]]
            first += [recall_at_k_score(*one, k=3)] * copies[people[i]]
            ranks += [median_rank_cost(*one)] * copies[people[i]]
        assert found.mean_average_precision[row] == pytest.approx(np.mean(precision), abs=1e-12)
        assert found.recall[1, row] == pytest.approx(np.mean(first), abs=1e-12)
        assert found.median_rank[row] == pytest.approx(np.median(ranks), abs=1e-12)


def test_the_measures_are_recall_at_1_5_and_10_unless_told() -> None:
    rng = np.random.default_rng(0)
    similarity, own = rng.random((12, 12)), np.eye(12, dtype=bool)
    standings = find_standings(similarity, own, ~own)
    found = retrieval_measures(standings, np.arange(12))
    assert found.recall.tolist() == [recall_at_k_score(similarity, own, k=k) for k in (1, 5, 10)]
    once = retrieval_measures(standings, np.arange(12), counts=np.ones((2, 12), dtype=int))
    np.testing.assert_allclose(once.recall, np.stack([found.recall] * 2, axis=1), atol=1e-12)
    np.testing.assert_allclose(once.median_rank, [found.median_rank] * 2)
    with pytest.raises(DataError, match=r"^`k` must be at least 1\. Got \[\]\.$"):
        retrieval_measures(standings, np.arange(12), ks=[])


def test_resamples_in_blocks_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    similarity, own, counts = rng.random((5, 5)), np.eye(5, dtype=bool), rng.integers(0, 3, (7, 5))
    standings = find_standings(similarity, own, ~own)
    whole = retrieval_measures(standings, np.arange(5), counts=counts)
    monkeypatch.setattr(standings_module, "RESAMPLE_CELLS", 10)
    blocks = retrieval_measures(standings, np.arange(5), counts=counts)
    assert blocks.recall.shape == (3, 7)
    np.testing.assert_array_equal(blocks.recall, whole.recall)
    np.testing.assert_array_equal(blocks.mean_average_precision, whole.mean_average_precision)
    np.testing.assert_array_equal(blocks.median_rank, whole.median_rank)
