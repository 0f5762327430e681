"""ROC figures of long lists on resamples of people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics import listed_roc
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.listed_roc import resampled_figures
from visavox.metrics.roc import Roc, roc_from_scores
from visavox.metrics.roc_resampling import resampled_roc_of_list


def figures(roc: Roc) -> Mapping[str, np.ndarray]:
    return {"auc": roc.auc_score(), "eer": roc.equal_error_rate(), "dcf": roc.min_detection_cost(target_prior=0.05)}


def case(levels: int, seed: int = 0, n: int = 200):
    rng = np.random.default_rng(seed)
    first, labels = rng.integers(0, 8, n), rng.random(n) < 0.5
    second = np.where(labels, first, (first + rng.integers(1, 8, n)) % 8)
    return rng.integers(0, levels, n) / levels, labels, first, second, resample_people(8, n_resamples=25, rng=rng)


@pytest.mark.parametrize("levels", [1, 2, 5, 10**9])
def test_figures_are_those_of_the_other_way_to_resample(levels: int) -> None:
    scores, labels, first, second, counts = case(levels)
    roc = resampled_roc_of_list(scores, labels, probe_people=first, candidate_people=second, counts=counts)
    found = resampled_figures(scores, labels, first, second, counts=counts, figures=figures)
    for name, values in figures(roc).items():
        assert found[name] == pytest.approx(values, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("levels", [3, 10**9])
def test_auc_of_a_resample_is_that_of_a_slow_count(levels: int) -> None:
    scores, labels, first, second, counts = case(levels, n=40)
    found = resampled_figures(scores, labels, first, second, counts=counts[:4], figures=figures)["auc"]
    for row, value in zip(counts, found, strict=False):
        won = mass = 0.0
        for i in np.flatnonzero(labels):
            for j in np.flatnonzero(~labels):
                weight = row[first[i]] * row[first[j]] * row[second[j]]
                won += weight * ((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
                mass += weight
        assert value == pytest.approx(won / mass, abs=1e-12)


def test_everybody_once_gives_the_plain_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, labels, first, second, _ = case(7)
    once = np.ones((3, 8), dtype=int)
    plain = figures(roc_from_scores(scores, labels))
    for cells in (1, 10**9):  # resample by resample, and all at once
        monkeypatch.setattr(listed_roc, "BLOCK_CELLS", cells)
        found = resampled_figures(scores, labels, first, second, counts=once, figures=figures)
        for name, value in plain.items():
            assert found[name] == pytest.approx([float(value)] * 3, abs=1e-12)


def test_a_resample_without_true_pairs_is_nan() -> None:
    scores, labels = np.array([0.9, 0.1, 0.5]), np.array([True, False, False])
    first, second = np.array([0, 1, 2]), np.array([0, 2, 1])
    counts = np.array([[0, 1, 2], [1, 1, 1]])
    found = resampled_figures(scores, labels, first, second, counts=counts, figures=figures)["auc"]
    assert np.isnan(found[0])
    assert found[1] == 1.0


def test_tied_infinities_tie() -> None:
    """The difference of two infinities is NaN, so that each was once a score of its own, in the order of the list."""
    scores, labels = np.array([np.inf, np.inf, -np.inf, -np.inf, 0.0]), np.array([1, 0, 1, 0, 0])
    people = np.arange(5)
    expected = {name: float(value) for name, value in figures(roc_from_scores(scores, labels)).items()}
    for order in ([0, 1, 2, 3, 4], [1, 0, 4, 3, 2]):
        found = resampled_figures(
            scores[order], labels[order], people, people, counts=np.ones((1, 5), dtype=int), figures=figures
        )
        assert {name: value[0] for name, value in found.items()} == pytest.approx(expected, abs=1e-12)


def test_no_pairs_at_all_are_nan() -> None:
    nobody = np.empty(0, dtype=int)
    found = resampled_figures(np.empty(0), nobody, nobody, nobody, counts=np.ones((2, 1), dtype=int), figures=figures)
    assert {name: np.isnan(value).tolist() for name, value in found.items()} == {name: [True, True] for name in found}


def test_pairs_without_people_are_refused() -> None:
    with pytest.raises(DataError, match=r"Every pair needs its two people. Got shapes \(1,\) and \(2,\) for 2 pairs"):
        resampled_figures(
            np.ones(2), np.array([0, 1]), np.array([0]), np.array([0, 1]), counts=np.ones((1, 2)), figures=figures
        )
    with pytest.raises(DataError, match="must hold no NaN"):
        resampled_figures(
            np.array([np.nan, 1]), np.array([0, 1]), np.zeros(2, int), np.zeros(2, int), counts=np.ones((1, 1)),
            figures=figures,
        )  # fmt: skip


def test_counts_of_a_small_type_do_not_overflow() -> None:
    scores, labels, first, second, _ = case(5, n=60)
    counts = np.full((2, 8), 20, dtype=np.int8)  # 20 * 20 is more than int8 holds
    expected = figures(roc_from_scores(scores, labels))
    for name, values in resampled_figures(scores, labels, first, second, counts=counts, figures=figures).items():
        assert values == pytest.approx(float(expected[name]), abs=1e-12), name
    roc = resampled_roc_of_list(scores, labels, probe_people=first, candidate_people=second, counts=counts)
    assert figures(roc)["eer"] == pytest.approx(float(expected["eer"]), abs=1e-12)
