"""Detection and identification rates at false alarm rates, on many resamples of known people and strangers at once.

Single rates are the affair of `visavox.metrics.open_set`; here a probe weighs as often as its person is drawn.

Example:
    >>> known, labels = np.array([[0.9, 0.1], [0.5, 0.6]]), np.array([0, 1])
    >>> unknown, once = np.array([[0.3, 0.2], [0.7, 0.1]]), np.ones((1, 2), dtype=int)
    >>> resampled_rates(known, labels, unknown, rates=(0.0, 1.0), known_counts=once, unknown_counts=once).tolist()
    [[0.5], [1.0]]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.metrics.identification import top_k_credit

Floats = NDArray[np.float64]


def resampled_rates(
    known: NDArray[np.floating],
    labels: NDArray[np.integer],
    unknown: NDArray[np.floating],
    *,
    rates: Sequence[float],
    known_counts: NDArray[np.integer],
    unknown_counts: NDArray[np.integer],
) -> Floats:
    """Return the best detection and identification rate at each false alarm rate, on each resample.

    Args:
        known: (n_known, n_people) float, scores of probes of known people.
        labels: (n_known,) int, column of each one's person.
        unknown: (n_unknown, n_people) float, scores of strangers' probes.
        rates: false alarm rates, each 0 to 1.
        known_counts: (n_resamples, n_known) int from 0, copies of each known probe.
        unknown_counts: (n_resamples, n_unknown) int from 0, copies of each stranger's probe.

    Returns:
        (n_rates, n_resamples) float64; nan where a resample holds no known or no unknown probe.

    Raises:
        ConfigError: a rate is outside 0 to 1.
        DataError: a shape does not fit, or a score is NaN.

    Ties and edges:
        As `visavox.metrics.open_set.OpenSetCurve.rate_at`: where strangers tie at the threshold, probes at it are let
        in with the chance that makes the rate exact.
    """
    if any(not 0 <= rate <= 1 for rate in rates):
        raise ConfigError(f"`rates` must lie between 0 and 1. Got {list(rates)}.")
    copies, strangers = np.asarray(known_counts, dtype=np.float64), np.asarray(unknown_counts, dtype=np.float64)
    if copies.shape != (len(strangers), len(known)) or strangers.shape != (len(copies), len(unknown)):
        raise DataError(
            f"Every probe needs its copies in each resample. Got {len(known)} known and {len(unknown)} unknown probes "
            f"and counts of the shapes {copies.shape} and {strangers.shape}."
        )
    credit = top_k_credit(known, labels, k=1) if len(known) else np.empty(0)
    n_known, n_unknown = copies.sum(axis=1), strangers.sum(axis=1)
    if not len(known) or not len(unknown):
        return np.full((len(rates), len(copies)), np.nan)
    best, alarms = (np.asarray(scores, dtype=np.float64).max(axis=1) for scores in (known, unknown))
    if np.isnan(alarms).any():
        raise DataError(f"`unknown` must hold no NaN. Got {int(np.isnan(alarms).sum())} rows with one.")
    thresholds, place = np.unique(-alarms, return_inverse=True)  # falling scores
    mass = np.zeros((len(strangers), len(thresholds)))
    np.add.at(mass.T, place, strangers.T)
    reaching = np.cumsum(mass, axis=1)  # (n_resamples, n_thresholds), copies of strangers
    order = np.argsort(-best, kind="stable")
    above = np.concatenate([np.zeros((len(copies), 1)), np.cumsum((copies * credit)[:, order], axis=1)], axis=1)
    strictly = above[:, np.searchsorted(-best[order], thresholds, side="left")]
    at_least = above[:, np.searchsorted(-best[order], thresholds, side="right")]
    found = np.full((len(rates), len(copies)), np.nan)
    rows = np.flatnonzero((n_known > 0) & (n_unknown > 0))
    for i, rate in enumerate(rates):
        if rate == 1:
            found[i, rows] = above[rows, -1] / n_known[rows]
            continue
        allowed = rate * n_unknown[rows]
        # The first threshold with more strangers than allowed; one without strangers is passed for nothing.
        at = (reaching[rows] <= allowed[:, np.newaxis]).sum(axis=1)
        here = mass[rows, at]
        let_in = (allowed - (reaching[rows, at] - here)) / here
        gained = at_least[rows, at] - strictly[rows, at]
        found[i, rows] = (strictly[rows, at] + let_in * gained) / n_known[rows]
    return found
