from __future__ import annotations

import statistics

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.weighting import mean_over_people, mean_over_probes, median_over_probes


def slow_mean_over_people(values, people, probes, copies) -> float:
    """Trials of a probe, probes of a person, people: from the definition, skipping nan."""
    per_person = []
    for person in sorted(set(people)):
        per_probe = []
        for probe in sorted({q for q, p in zip(probes, people, strict=True) if p == person}):
            own = [v for v, q in zip(values, probes, strict=True) if q == probe and not np.isnan(v)]
            if own:
                per_probe.append(statistics.fmean(own))
        if per_probe:
            per_person += [statistics.fmean(per_probe)] * copies[person]
    return statistics.fmean(per_person) if per_person else float("nan")


def case(seed: int):
    """Values of trials; each probe has one person and one to three trials."""
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, 4, 8)
    probes = np.repeat(np.arange(8), rng.integers(1, 4, 8))
    return rng.random(len(probes)), owner[probes], probes, rng.integers(0, 3, (5, 4))


@pytest.mark.parametrize("seed", range(15))
def test_mean_over_people_is_that_of_a_slow_loop(seed: int) -> None:
    values, people, probes, counts = case(seed)
    once = slow_mean_over_people(values, people, probes, [1] * 4)
    assert float(mean_over_people(values, people, probes=probes)) == pytest.approx(once, abs=1e-12)
    found = mean_over_people(values, people, probes=probes, counts=counts)
    for row, copies in enumerate(counts):
        expected = slow_mean_over_people(values, people, probes, copies)
        np.testing.assert_allclose(found[row], expected, atol=1e-12)


def test_each_resample_may_have_its_own_values() -> None:
    values, people, probes, counts = case(1)
    many = np.random.default_rng(9).random((5, len(values)))
    found = mean_over_people(many, people, probes=probes, counts=counts)
    for row in range(5):
        expected = slow_mean_over_people(many[row], people, probes, counts[row])
        np.testing.assert_allclose(found[row], expected, atol=1e-12)


def test_undefined_probes_are_left_out_of_their_person() -> None:
    people, probes = np.array([0, 0, 1]), np.array([0, 1, 2])
    assert mean_over_people(np.array([1.0, np.nan, 0.0]), people, probes=probes) == 0.5
    assert mean_over_probes(np.array([1.0, np.nan, 0.0]), people, probes=probes) == 0.5
    assert mean_over_people(np.array([1.0, 0.5, np.nan]), people, probes=probes) == 0.75
    assert mean_over_probes(np.array([1.0, 0.5, np.nan]), people, probes=probes) == 0.75


def test_a_person_with_many_clips_counts_once_but_probes_count_each() -> None:
    values, people = np.array([1.0] * 9 + [0.0]), np.array([0] * 9 + [1])
    assert mean_over_people(values, people) == 0.5
    assert mean_over_probes(values, people) == 0.9


def test_further_weights_act_within_a_person_only() -> None:
    values, people = np.array([1.0, 0.0, 0.0]), np.array([0, 0, 1])
    weights = np.array([3.0, 1.0, 100.0])
    assert mean_over_people(values, people, weights=weights) == pytest.approx((0.75 + 0.0) / 2)
    gone = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = mean_over_people(values, people, weights=gone, counts=np.ones((3, 2)))
    assert found[:2].tolist() == [0.0, 1.0]
    assert np.isnan(found[2])


@pytest.mark.parametrize("seed", range(10))
def test_mean_over_probes_is_that_of_the_repeated_list(seed: int) -> None:
    values, people, probes, counts = case(seed)
    found = mean_over_probes(values, people, probes=probes, counts=counts)
    for row, copies in enumerate(counts):
        repeated = []
        for probe in range(8):
            own = values[probes == probe]
            repeated += [own.mean()] * copies[people[probes == probe][0]]
        expected = np.mean(repeated) if repeated else np.nan
        np.testing.assert_allclose(found[row], expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(15))
def test_median_over_probes_is_that_of_the_repeated_list(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, people, counts = rng.integers(1, 9, 7).astype(float), rng.integers(0, 4, 7), rng.integers(0, 3, (6, 4))
    assert median_over_probes(values, people) == np.median(values)
    found = median_over_probes(values, people, counts=counts)
    for row, copies in enumerate(counts):
        repeated = np.repeat(values, copies[people])
        expected = np.median(repeated) if len(repeated) else np.nan
        np.testing.assert_array_equal(found[row], expected)


def test_median_skips_undefined_values() -> None:
    values, people = np.array([3.0, np.nan, 1.0]), np.array([0, 1, 2])
    assert median_over_probes(values, people) == 2.0
    assert median_over_probes(values, people, counts=np.array([[1, 5, 2]])).tolist() == [1.0]


@pytest.mark.parametrize("mean", [mean_over_people, mean_over_probes, median_over_probes])
def test_nothing_defined_is_nan(mean) -> None:
    assert np.isnan(mean(np.array([]), np.array([], dtype=int)))
    assert np.isnan(mean(np.array([np.nan]), np.array([0])))
    assert np.isnan(mean(np.array([1.0]), np.array([0]), counts=np.array([[0]]))).all()


@pytest.mark.parametrize("mean", [mean_over_people, mean_over_probes, median_over_probes])
def test_the_order_of_rows_does_not_matter(mean) -> None:
    rng = np.random.default_rng(2)
    values, people, counts = rng.random(20), rng.integers(0, 5, 20), rng.integers(0, 3, (4, 5))
    order = rng.permutation(20)
    np.testing.assert_allclose(
        mean(values, people, counts=counts), mean(values[order], people[order], counts=counts), atol=1e-12
    )


@pytest.mark.parametrize("mean", [mean_over_people, mean_over_probes, median_over_probes])
def test_people_must_fit_the_values(mean) -> None:
    with pytest.raises(DataError, match=r"one person for each value. Got shapes \(2,\), \(3,\)"):
        mean(np.ones(3), np.array([0, 1]))


def test_no_values_at_all_are_nan_in_the_shape_asked_for() -> None:
    nobody = np.empty(0, dtype=int)
    for mean in (mean_over_people, mean_over_probes, median_over_probes):
        assert mean(np.empty((3, 0)), nobody).shape == (3,)
        assert mean(np.empty(0), nobody).shape == ()
        assert mean(np.empty(0), nobody, counts=np.ones((2, 4), dtype=int)).shape == (2,)
        assert np.isnan(mean(np.empty((3, 0)), nobody)).all()
