"""A gallery search at full size gives the figures of the plain one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.metrics import gallery_ranking
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.gallery_ranking import (
    constant_ranking,
    joined,
    rank_gallery,
    rank_scores,
    ranking_measures,
)
from visavox.metrics.retrieval import mean_average_precision_score, median_rank_cost, recall_at_k_score


def case(seed: int, levels: int, n_probes: int = 6, n_gallery: int = 9):
    rng = np.random.default_rng(seed)
    gallery_people = rng.permutation(np.arange(n_gallery) % 3)
    scores = rng.integers(-levels, levels, (n_probes, n_gallery)).astype(float) / levels
    return scores, rng.integers(0, 3, n_probes), gallery_people


def slow_figures(scores, positive) -> tuple[float, float, dict[int, float]]:
    """Average precision, first rank and recall as the mean over every order of the tied items."""
    precision, rank, recall = [], [], {1: [], 3: []}
    blocks = []
    for value in sorted(set(scores), reverse=True):
        block = [bool(p) for s, p in zip(scores, positive, strict=True) if s == value]
        places = itertools.combinations(range(len(block)), sum(block))
        blocks.append([[i in chosen for i in range(len(block))] for chosen in places])
    for choice in itertools.product(*blocks):
        ranked = list(itertools.chain.from_iterable(choice))
        hits = [i for i, hit in enumerate(ranked) if hit]
        precision.append(sum((n + 1) / (i + 1) for n, i in enumerate(hits)) / len(hits))
        rank.append(hits[0] + 1)
        for k, found in recall.items():
            found.append(any(ranked[:k]))
    return float(np.mean(precision)), float(np.mean(rank)), {k: float(np.mean(v)) for k, v in recall.items()}


@pytest.mark.parametrize("levels", [1, 2, 4, 10**6])
@pytest.mark.parametrize("seed", range(4))
def test_every_figure_is_that_of_a_slow_walk_over_all_orders(seed: int, levels: int) -> None:
    scores, probe_people, gallery_people = case(seed, levels)
    ranking = rank_scores(scores, probe_people=probe_people, gallery_people=gallery_people)
    slow = [slow_figures(row, gallery_people == p) for row, p in zip(scores, probe_people, strict=True)]
    assert ranking.average_precision == pytest.approx([one[0] for one in slow], abs=1e-12)
    assert ranking.first_rank == pytest.approx([one[1] for one in slow], abs=1e-12)
    found = ranking_measures(ranking, np.arange(6), ks=[1, 3])
    for place, k in enumerate((1, 3)):
        assert found.recall[place] == pytest.approx(np.mean([one[2][k] for one in slow]), abs=1e-12)
    assert float(found.mean_average_precision) == pytest.approx(np.mean([one[0] for one in slow]), abs=1e-12)
    assert float(found.median_rank) == pytest.approx(np.median([one[1] for one in slow]), abs=1e-12)


@pytest.mark.parametrize("levels", [1, 3, 10**9])
def test_given_the_same_float64_scores_it_is_the_plain_retrieval(levels: int) -> None:
    scores, probe_people, gallery_people = case(9, levels, n_probes=40, n_gallery=60)
    positives = probe_people[:, None] == gallery_people
    ranking = rank_scores(scores, probe_people=probe_people, gallery_people=gallery_people)
    found = ranking_measures(ranking, np.arange(40), ks=[1, 5, 10])
    assert float(found.mean_average_precision) == pytest.approx(
        mean_average_precision_score(scores, positives), abs=1e-9
    )
    assert float(found.median_rank) == pytest.approx(median_rank_cost(scores, positives), abs=1e-9)
    for k, value in zip((1, 5, 10), found.recall, strict=True):
        assert float(value) == pytest.approx(recall_at_k_score(scores, positives, k=k), abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_vectors_are_ranked_as_their_scores(dtype: type[np.float32] | type[np.float64]) -> None:
    rng = np.random.default_rng(3)
    probes, gallery = rng.normal(size=(30, 8)).astype(dtype), rng.normal(size=(50, 8)).astype(dtype)
    probe_people, gallery_people = np.arange(30) % 5, np.arange(50) % 5
    people = {"probe_people": probe_people, "gallery_people": gallery_people}
    found = rank_gallery(probes, gallery, **people, dtype=dtype)
    expected = rank_scores(probes.astype(np.float64) @ gallery.astype(np.float64).T, **people)
    assert found.average_precision == pytest.approx(expected.average_precision, abs=1e-12)
    assert found.above.tolist() == expected.above.tolist()
    assert found.n_positives.tolist() == [10] * 30
    assert found.n_gallery == 50


def test_items_of_equal_vectors_tie_exactly() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(3, 128)).astype(np.float32)
    vectors[2] = -0.0
    gallery = vectors[np.arange(60) % 3]
    gallery[5] = 0.0  # minus zero and zero are one vector
    people = {"probe_people": np.array([0, 1]), "gallery_people": np.arange(60) // 3 % 2}
    found = rank_gallery(vectors[:2], gallery, **people)
    scores = np.round(vectors[:2].astype(float) @ gallery.astype(float).T, 5)
    expected = rank_scores(scores, **people)
    assert found.average_precision == pytest.approx(expected.average_precision, abs=1e-12)
    assert found.tied.tolist() == expected.tied.tolist()
    assert (found.tied > 0).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, probe_people, gallery_people = case(5, 3, n_probes=23, n_gallery=31)
    whole = rank_scores(scores, probe_people=probe_people, gallery_people=gallery_people)
    monkeypatch.setattr(gallery_ranking, "BLOCK_CELLS", 1)
    single = rank_scores(scores, probe_people=probe_people, gallery_people=gallery_people)
    assert single.average_precision.tolist() == whole.average_precision.tolist()
    assert single.first_rank.tolist() == whole.first_rank.tolist()
    counts = resample_people(3, n_resamples=7, rng=np.random.default_rng(0))
    at_once = ranking_measures(whole, probe_people, counts=counts)
    monkeypatch.setattr(gallery_ranking, "RESAMPLE_CELLS", 1)
    assert ranking_measures(whole, probe_people, counts=counts).median_rank.tolist() == at_once.median_rank.tolist()


def test_the_scores_given_are_not_changed() -> None:
    scores, probe_people, gallery_people = case(6, 5)
    before = scores.copy()
    rank_scores(scores, probe_people=probe_people, gallery_people=gallery_people)
    assert (scores == before).all()


def test_the_figures_on_five_numbers() -> None:
    ranking = rank_scores(
        np.array([[0.9, 0.8, 0.7, 0.6, 0.5]]), probe_people=np.array([1]), gallery_people=np.array([0, 1, 0, 1, 0])
    )
    assert ranking.average_precision.tolist() == [(1 / 2 + 2 / 4) / 2]
    assert (ranking.above.tolist(), ranking.tied.tolist(), ranking.positives_tied.tolist()) == ([1.0], [0.0], [1])
    first = ranking.first
    assert (first.below.tolist(), first.has_ties) == ([2.0], False)


def test_the_constant_ranking_is_that_of_constant_scores() -> None:
    probe_people, gallery_people = np.array([0, 1, 1, 2]), np.array([0, 1, 1, 1, 2, 2])
    found = constant_ranking(probe_people, gallery_people)
    expected = rank_scores(np.zeros((4, 6)), probe_people=probe_people, gallery_people=gallery_people)
    for name in gallery_ranking.COLUMNS:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-12), name
    assert found.n_gallery == 6


def test_resampled_measures_are_those_of_the_copied_probes() -> None:
    scores, probe_people, gallery_people = case(7, 4, n_probes=12, n_gallery=15)
    ranking = rank_scores(scores, probe_people=probe_people, gallery_people=gallery_people)
    counts = resample_people(3, n_resamples=20, rng=np.random.default_rng(1))
    found = ranking_measures(ranking, probe_people, ks=[2], counts=counts)
    for place, row in enumerate(counts):
        copies = np.repeat(np.arange(12), row[probe_people])
        if not len(copies):
            assert np.isnan(found.mean_average_precision[place])
            continue
        again = ranking_measures(ranking.select(copies), np.arange(len(copies)), ks=[2])
        assert found.mean_average_precision[place] == pytest.approx(float(again.mean_average_precision), abs=1e-12)
        assert found.recall[0, place] == pytest.approx(float(again.recall[0]), abs=1e-12)
        assert found.median_rank[place] == pytest.approx(float(again.median_rank), abs=1e-12)


def test_galleries_are_joined_probe_by_probe() -> None:
    parts = [rank_scores(*case(seed, 5)[:1], **people_of(seed)) for seed in (1, 2)]
    both = joined(parts)
    assert both.average_precision.tolist() == [*parts[0].average_precision, *parts[1].average_precision]
    assert both.n_positives.shape == (12,)
    assert both.select(np.array([7, 0])).first_rank.tolist() == [parts[1].first_rank[1], parts[0].first_rank[0]]


def people_of(seed: int) -> dict[str, np.ndarray]:
    _, probe_people, gallery_people = case(seed, 5)
    return {"probe_people": probe_people, "gallery_people": gallery_people}


def test_a_gallery_of_positives_alone_is_perfect() -> None:
    ranking = rank_scores(np.array([[0.3, 0.1]]), probe_people=np.array([4]), gallery_people=np.array([4, 4]))
    assert (ranking.average_precision.tolist(), ranking.first_rank.tolist()) == ([1.0], [1.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(bad: float) -> None:
    scores = np.zeros((3, 2))
    scores[1, 0] = bad
    with pytest.raises(DataError, match="Got NaN or infinity for probe 1. Remove it, or embed its items again"):
        rank_scores(scores, probe_people=np.zeros(3, int), gallery_people=np.array([0, 1]))


def test_a_probe_without_a_positive_is_refused() -> None:
    with pytest.raises(DataError, match="Got nothing for probe 1, and for 1 more of 3. Remove these probes"):
        rank_scores(np.zeros((3, 2)), probe_people=np.array([0, 5, 6]), gallery_people=np.array([0, 1]))


def test_shapes_that_do_not_fit_are_refused() -> None:
    one, two = np.zeros(1, int), np.zeros(2, int)
    with pytest.raises(DataError, match=r"must lie in one space. Got vectors of the shapes \(1, 2\) and \(2, 3\)"):
        rank_gallery(np.ones((1, 2)), np.ones((2, 3)), probe_people=one, gallery_people=two)
    with pytest.raises(DataError, match=r"Every gallery item needs its person. Got shape \(1,\) for 2"):
        rank_scores(np.ones((1, 2)), probe_people=one, gallery_people=one)
    with pytest.raises(DataError, match=r"Every probe needs its person. Got shape \(2,\) for 1"):
        rank_scores(np.ones((1, 2)), probe_people=two, gallery_people=two)
    with pytest.raises(DataError, match=r"`scores` must be a matrix \(n_probes, n_gallery\). Got shape \(2,\)"):
        rank_scores(np.ones(2), probe_people=one, gallery_people=two)
    ranking = rank_scores(np.ones((1, 2)), probe_people=one, gallery_people=two)
    for ks in ([], [0, 1]):
        with pytest.raises(ConfigError, match=r"`ks` must be numbers from 1. Got \["):
            ranking_measures(ranking, one, ks=ks)


def test_float32_is_the_default_and_rounds_probes_and_gallery() -> None:
    people = {"probe_people": np.array([0]), "gallery_people": np.array([0, 1])}
    whole, slightly = np.array([[1.0, 1.0]]), np.array([[1.0, 0.0], [1.0, 1e-9]])
    swapped = np.array([[1.0, 1e-9]]), np.array([[1.0, 0.0], [1.0, 1.0]])
    for probes, gallery in ((whole, slightly), swapped):
        assert rank_gallery(probes, gallery, **people).tied.tolist() == [1.0]
        assert rank_gallery(probes, gallery, **people, dtype=np.float64).tied.tolist() == [0.0]
        assert rank_gallery(probes, gallery, **people, dtype=np.float64).above.tolist() == [1.0]


def test_constant_scores_of_one_item_a_person_are_shuffled() -> None:
    found = constant_ranking(np.array([2, 0]), np.array([0, 1, 2]))
    assert found.average_precision.tolist() == pytest.approx([(1 + 1 / 2 + 1 / 3) / 3] * 2, abs=1e-12)
    assert (found.above.tolist(), found.tied.tolist(), found.tied.dtype) == ([0.0, 0.0], [2.0, 2.0], np.float64)
    assert (found.first_rank.tolist(), found.first.below.tolist()) == ([2.0, 2.0], [0.0, 0.0])


@pytest.mark.parametrize(("probes", "gallery"), [(np.ones(2), np.ones((2, 2))), (np.ones((2, 2)), np.ones(2))])
def test_vectors_must_be_rows_of_matrices(probes: np.ndarray, gallery: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"\. Project both with a trained model first\.$"):
        rank_gallery(probes, gallery, probe_people=np.zeros(2, int), gallery_people=np.zeros(2, int))


def test_a_gallery_without_people_is_refused() -> None:
    with pytest.raises(DataError, match=r"^Every gallery item needs its person. Got shape \(1,\) for 2\.$"):
        rank_gallery(np.ones((1, 2)), np.ones((2, 2)), probe_people=np.zeros(1, int), gallery_people=np.zeros(1, int))


def test_one_positive_tied_with_others_alone() -> None:
    people = {"probe_people": np.array([0]), "gallery_people": np.array([0, 1, 1, 2])}
    top = rank_scores(np.array([[0.5, 0.5, 0.1, 0.2]]), **people)
    assert (top.average_precision.tolist(), top.first_rank.tolist()) == ([(1 + 1 / 2) / 2], [1.5])
    bottom = rank_scores(np.array([[0.1, 0.5, 0.1, 0.1]]), **people)
    assert bottom.average_precision.tolist() == pytest.approx([(1 / 2 + 1 / 3 + 1 / 4) / 3], abs=1e-15)
    assert bottom.first.above.tolist() == [1.0]


@pytest.mark.filterwarnings("error")
def test_resamples_without_a_probe_are_nan_and_people_without_one_count_nothing() -> None:
    ranking = rank_scores(
        np.array([[0.9, 0.1], [0.9, 0.1]]), probe_people=np.array([0, 1]), gallery_people=np.array([0, 1])
    )
    counts = np.array([[1, 0, 1], [0, 2, 0], [0, 0, 2], [20, 20, 0]], dtype=np.int8)
    found = ranking_measures(ranking, [0, 1], ks=[1], counts=counts)
    np.testing.assert_array_equal(found.mean_average_precision, [1.0, 0.5, np.nan, 0.75])
    np.testing.assert_array_equal(found.recall, [[1.0, 0.0, np.nan, 0.5]])
    np.testing.assert_array_equal(found.median_rank, [1.0, 2.0, np.nan, 1.5])
    assert found.mean_average_precision.dtype == found.recall.dtype == np.float64
