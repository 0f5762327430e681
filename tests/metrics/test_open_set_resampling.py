"""Open-set rates on resamples, against the single curve of copied probes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.metrics.open_set import open_set_curve
from visavox.metrics.open_set_resampling import resampled_rates

RATES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.9, 1.0)


def slow_rates(known, labels, unknown, known_copies, unknown_copies) -> list[float]:
    """The rates of the curve of every probe, written out as often as it is drawn."""
    rows, others = np.repeat(np.arange(len(known)), known_copies), np.repeat(np.arange(len(unknown)), unknown_copies)
    own = np.arange(known.shape[1]) == labels[rows][:, np.newaxis]
    curve = open_set_curve(known[rows], own, unknown[others])
    return [curve.rate_at(rate) for rate in RATES]


@pytest.mark.parametrize("levels", [0, 4])
def test_a_resample_is_the_curve_of_copied_probes(levels: int) -> None:
    rng = np.random.default_rng(levels)
    known, unknown = rng.random((14, 5)), rng.random((9, 5))
    if levels:  # ties everywhere
        known, unknown = np.round(known * levels) / levels, np.round(unknown * levels) / levels
    labels = rng.integers(5, size=14)
    counts, others = rng.integers(0, 4, size=(12, 14)), rng.integers(0, 4, size=(12, 9))
    counts[:, 0], others[:, 0] = 1, 1
    found = resampled_rates(known, labels, unknown, rates=RATES, known_counts=counts, unknown_counts=others)
    wanted = [slow_rates(known, labels, unknown, a, b) for a, b in zip(counts, others, strict=True)]
    np.testing.assert_allclose(found.T, wanted, atol=1e-12)


def test_probes_made_by_hand() -> None:
    known, labels = np.array([[0.9, 0.1], [0.6, 0.5], [0.2, 0.3]]), np.array([0, 0, 1])
    unknown = np.array([[0.4, 0.2], [0.7, 0.1], [0.1, 0.25], [0.2, 0.2]])
    once = np.ones((1, 3), dtype=int), np.ones((1, 4), dtype=int)
    rates = (0.0, 0.25, 0.5, 1.0)
    found = resampled_rates(known, labels, unknown, rates=rates, known_counts=once[0], unknown_counts=once[1])
    np.testing.assert_allclose(found[:, 0], [1 / 3, 2 / 3, 1.0, 1.0])
    heavy = resampled_rates(
        known, labels, unknown, rates=(0.0,), known_counts=np.array([[0, 1, 1]]), unknown_counts=once[1]
    )
    assert heavy.tolist() == [[0.0]]


def test_a_constant_score_gives_the_rate_over_the_number_of_people() -> None:
    known, unknown = np.full((20, 4), 0.25), np.full((10, 4), 0.25)
    counts = np.ones((1, 20), dtype=int), np.ones((1, 10), dtype=int)
    found = resampled_rates(known, np.arange(20) % 4, unknown, rates=RATES, known_counts=counts[0],
                            unknown_counts=counts[1])  # fmt: skip
    np.testing.assert_allclose(found[:, 0], np.array(RATES) / 4)


def test_a_confidence_that_stands_at_the_best_name_alone_is_allowed() -> None:
    known = np.array([[0.9, -math.inf], [-math.inf, 0.5]])
    once = np.ones((1, 2), dtype=int)
    found = resampled_rates(
        known, np.array([0, 0]), known[:1], rates=(1.0,), known_counts=once, unknown_counts=once[:, :1]
    )
    assert found.tolist() == [[0.5]]


def test_a_resample_without_known_or_unknown_probes_is_undefined() -> None:
    known, unknown = np.array([[0.9, 0.1]]), np.array([[0.5, 0.2]])
    counts = np.array([[0], [1], [1]]), np.array([[1], [0], [1]])
    found = resampled_rates(
        known, np.array([0]), unknown, rates=(0.0, 1.0), known_counts=counts[0], unknown_counts=counts[1]
    )
    assert np.isnan(found[:, :2]).all() and found[:, 2].tolist() == [1.0, 1.0]
    none = np.empty((3, 0), dtype=int)
    for a, b in ((known, unknown[:0]), (known[:0], unknown)):
        found = resampled_rates(a, np.zeros(len(a), int), b, rates=(0.5,), known_counts=counts[0] if len(a) else none,
                                unknown_counts=counts[1] if len(b) else none)  # fmt: skip
        assert found.shape == (1, 3) and np.isnan(found).all()


def test_what_does_not_fit_is_refused() -> None:
    one, once = np.array([[0.9, 0.1]]), np.ones((1, 1), dtype=int)
    with pytest.raises(ConfigError, match=r"`rates` must lie between 0 and 1. Got \[1.5\]"):
        resampled_rates(one, np.array([0]), one, rates=(1.5,), known_counts=once, unknown_counts=once)
    with pytest.raises(DataError, match="Every probe needs its copies in each resample. Got 1 known and 1 unknown"):
        resampled_rates(one, np.array([0]), one, rates=(0.1,), known_counts=np.ones((1, 2)), unknown_counts=once)
    with pytest.raises(DataError, match="`unknown` must hold no NaN. Got 1 rows"):
        resampled_rates(one, np.array([0]), one * np.nan, rates=(0.1,), known_counts=once, unknown_counts=once)
