"""Properties that every metric of the package shares, all of them at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.errors import DataError, UndefinedMetricWarning
from visavox.metrics import matching, retrieval, verification
from visavox.metrics.calibration import cllr, min_cllr
from visavox.metrics.matching import all_pairs_accuracy_score, listed_accuracy_score, matching_curve
from visavox.metrics.retrieval import mean_average_precision_score, median_rank_cost, recall_at_k_score
from visavox.metrics.verification import auc_score, equal_error_rate, min_detection_cost

N = 9
OWN = np.eye(N, dtype=bool)

# Each takes a similarity matrix (N, N) whose diagonal holds the true pairs.
METRICS: dict[str, Callable[[np.ndarray], float]] = {
    "all_pairs_accuracy_score": lambda s: all_pairs_accuracy_score(s, OWN, ~OWN),
    "matching_curve": lambda s: float(matching_curve(s, OWN, ~OWN, n_candidates=[4])[0]),
    "listed_accuracy_score": lambda s: listed_accuracy_score(
        np.array([[row[i], *np.delete(row, i)] for i, row in enumerate(s)])
    ),
    "mean_average_precision_score": lambda s: mean_average_precision_score(s, OWN),
    "recall_at_k_score": lambda s: recall_at_k_score(s, OWN, k=3),
    "median_rank_cost": lambda s: median_rank_cost(s, OWN),
    "auc_score": lambda s: auc_score(s.ravel(), OWN.ravel()),
    "equal_error_rate": lambda s: equal_error_rate(s.ravel(), OWN.ravel()),
    "min_detection_cost": lambda s: min_detection_cost(s.ravel(), OWN.ravel()),
}
CHANCE = {
    "all_pairs_accuracy_score": 1 / 2,
    "matching_curve": 1 / 4,
    "listed_accuracy_score": 1 / N,
    "mean_average_precision_score": sum(1 / rank for rank in range(1, N + 1)) / N,
    "recall_at_k_score": 3 / N,
    "median_rank_cost": (N + 1) / 2,
    "auc_score": 1 / 2,
    "equal_error_rate": 1 / 2,
    "min_detection_cost": 1.0,
}
EMPTY = {
    "all_pairs_accuracy_score": lambda: all_pairs_accuracy_score(np.zeros((0, 0)), OWN[:0, :0], OWN[:0, :0]),
    "matching_curve": lambda: float(matching_curve(np.zeros((0, 0)), OWN[:0, :0], OWN[:0, :0], n_candidates=[3])[0]),
    "listed_accuracy_score": lambda: listed_accuracy_score(np.zeros((0, 3))),
    "mean_average_precision_score": lambda: mean_average_precision_score(np.zeros((0, 0)), OWN[:0, :0]),
    "recall_at_k_score": lambda: recall_at_k_score(np.zeros((0, 0)), OWN[:0, :0], k=1),
    "median_rank_cost": lambda: median_rank_cost(np.zeros((0, 0)), OWN[:0, :0]),
    "auc_score": lambda: auc_score(np.zeros(0), np.zeros(0, dtype=int)),
    "equal_error_rate": lambda: equal_error_rate(np.zeros(0), np.zeros(0, dtype=int)),
    "min_detection_cost": lambda: min_detection_cost(np.zeros(0), np.zeros(0, dtype=int)),
}  # fmt: skip
ONE_CLASS = np.zeros(2), np.ones(2, dtype=int)
LOWER_IS_BETTER = {"median_rank_cost", "equal_error_rate", "min_detection_cost"}

every_metric = pytest.mark.parametrize("name", METRICS)


def scores(seed: int, levels: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, levels, (N, N)).astype(float)


@every_metric
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.125, 0.5, 3.0, 1000.0]), shift=st.integers(-50, 50))
def test_scale_and_shift_of_scores_do_not_matter(name: str, seed: int, scale: float, shift: int) -> None:
    similarity = scores(seed)
    assert METRICS[name](similarity * scale + shift) == pytest.approx(METRICS[name](similarity), abs=1e-12)


@every_metric
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_any_rising_function_of_scores_gives_the_same(name: str, seed: int) -> None:
    similarity = scores(seed)
    assert METRICS[name](np.exp(similarity / 5)) == pytest.approx(METRICS[name](similarity), abs=1e-12)


@every_metric
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_people_does_not_matter(name: str, seed: int) -> None:
    similarity = scores(seed)
    order = np.random.default_rng(seed).permutation(N)
    assert METRICS[name](similarity[np.ix_(order, order)]) == pytest.approx(METRICS[name](similarity), abs=1e-12)


@every_metric
@pytest.mark.parametrize("constant", [0.0, -3.5, 1e9])
def test_constant_scores_give_exactly_chance(name: str, constant: float) -> None:
    assert METRICS[name](np.full((N, N), constant)) == pytest.approx(CHANCE[name], abs=1e-12)


# A minimum, a crossing and a median of few random scores are not unbiased.
@pytest.mark.parametrize("name", sorted(set(METRICS) - LOWER_IS_BETTER))
def test_random_scores_give_chance_on_average(name: str) -> None:
    values = [METRICS[name](np.random.default_rng(seed).random((N, N))) for seed in range(300)]
    assert np.mean(values) == pytest.approx(CHANCE[name], abs=0.03)


@every_metric
def test_perfect_scores_are_the_best_and_reversed_scores_no_better_than_chance(name: str) -> None:
    perfect, reversed_ = METRICS[name](OWN.astype(float)), METRICS[name](-OWN.astype(float))
    if name in LOWER_IS_BETTER:
        assert perfect == (1.0 if name == "median_rank_cost" else 0.0)
        assert reversed_ >= CHANCE[name]
    else:
        assert perfect == 1.0
        assert reversed_ <= CHANCE[name]


@every_metric
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, N - 1))
def test_a_higher_true_score_never_makes_it_worse(name: str, seed: int, row: int) -> None:
    similarity = scores(seed)
    raised = similarity.copy()
    raised[row, row] += 3
    sign = -1 if name in LOWER_IS_BETTER else 1
    assert sign * METRICS[name](raised) >= sign * METRICS[name](similarity) - 1e-12


@every_metric
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32])
def test_the_type_of_numbers_does_not_matter(name: str, dtype: type) -> None:
    similarity = scores(1)
    found = METRICS[name](similarity.astype(dtype))
    assert isinstance(found, float)
    assert found == pytest.approx(METRICS[name](similarity), abs=1e-12)


@every_metric
def test_the_arguments_are_left_as_they_are(name: str) -> None:
    similarity = scores(2)
    before = similarity.copy()
    METRICS[name](similarity)
    np.testing.assert_array_equal(similarity, before)


@every_metric
def test_nan_is_a_one_line_error(name: str) -> None:
    similarity = scores(3)
    similarity[2, 3] = np.nan
    with pytest.raises(DataError, match=r"must hold no NaN. Got 1 among 81") as caught:
        METRICS[name](similarity)
    assert "\n" not in str(caught.value)


@every_metric
def test_nothing_to_measure_is_nan_with_a_warning(name: str) -> None:
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(EMPTY[name]())


@pytest.mark.parametrize("name", [*EMPTY, "cllr", "min_cllr"])
def test_warnings_point_at_the_caller(name: str) -> None:
    """Not run on mutants: there every call comes from mutmut."""
    others = {"cllr": lambda: cllr(*ONE_CLASS), "min_cllr": lambda: min_cllr(*ONE_CLASS)}
    with pytest.warns(UndefinedMetricWarning) as said:
        (EMPTY | others)[name]()
    assert said[0].filename == __file__


def test_every_public_metric_is_tested_here() -> None:
    public = {
        name
        for module in (matching, retrieval, verification)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and name.endswith(("_score", "_cost", "_rate")) and not name.startswith("_")
    }
    assert public <= set(METRICS)
    assert set(METRICS) == set(CHANCE) == set(EMPTY)
