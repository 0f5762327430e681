"""Shares on resamples of two things at once: people who answer, and items that they answer.

Answers of one person are alike, and so are answers to one item. Two ways to reckon with both:

* `two_way_difference` adds the variance over persons to that over items and takes away that of single answers, which
  both contain. Nearly right; a normal interval.
* the pigeonhole bootstrap draws persons and, apart from them, items; an answer counts as often as its person was drawn
  times as often as its item was. Cautious: the noise of single answers counts three times, so with few answers of a
  person and to an item its intervals are up to 1.7 times too wide.

Drawing one of the two alone is `resampled_share` with that one's codes.

Example:
    >>> right, persons, items = np.array([1, 0, 1]), np.array([0, 0, 1]), np.array([0, 1, 1])
    >>> one, two = np.array([[2, 0]]), np.array([[1, 1]])
    >>> pigeonhole_share(right, persons, items, one, two).tolist()
    [0.5]

Source: Owen, "The pigeonhole bootstrap" (2007); Cameron, Gelbach and Miller, "Robust
    inference with multiway clustering" (2011), for the sum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import norm

from visavox.metrics.bootstrap import PairedDifference

Codes = NDArray[np.int64]
Counts = NDArray[np.integer]
Floats = NDArray[np.float64]
Z95 = 1.959964  # standard errors on each side of a 95 % interval
Outcomes = NDArray[np.bool_] | NDArray[np.integer] | NDArray[np.floating]


def resampled_share(right: Outcomes, codes: Codes, counts: Counts) -> Floats:
    """Return the share of right answers on each resample of persons, or of items.

    Args:
        right: (n_answers,) bool or number.
        codes: (n_answers,) int64, column of `counts`.
        counts: (n_resamples, n) int, copies of each person or item.

    Returns:
        (n_resamples,) float64; nan where no answer was drawn.
    """
    n = counts.shape[1]
    return _ratio(counts @ np.bincount(codes, weights=right, minlength=n), counts @ np.bincount(codes, minlength=n))


def pigeonhole_share(
    right: Outcomes, persons: Codes, items: Codes, person_counts: Counts, item_counts: Counts
) -> Floats:
    """Return the share of right answers on each resample of persons and items.

    Args:
        right: (n_answers,) bool or number.
        persons: (n_answers,) int64, column of `person_counts`.
        items: (n_answers,) int64, column of `item_counts`.
        person_counts: (n_resamples, n_persons) int, copies of each person.
        item_counts: (n_resamples, n_items) int, copies of each item, drawn apart from the persons.

    Returns:
        (n_resamples,) float64; nan where no answer was drawn.
    """
    shape = (person_counts.shape[1], item_counts.shape[1])
    sums = []
    for weights in (np.asarray(right, dtype=np.float64), np.ones(len(right))):
        table = csr_matrix((weights, (persons, items)), shape=shape)  # repeated pairs add up
        drawn = (table.T @ person_counts.T.astype(np.float64)).T  # (n_resamples, n_items)
        sums.append((drawn * item_counts).sum(axis=1))
    return _ratio(*sums)


def two_way_difference(
    value: float,
    over_persons: Floats,
    over_items: Floats,
    each: Outcomes,
    *,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> PairedDifference:
    """Return a mean of answers with its 95 % interval for other persons and other items, and the p that it is 0.

    Args:
        value: the mean.
        over_persons: (n_resamples,) float64, the mean on resamples of persons.
        over_items: (n_resamples,) float64, the mean on resamples of items.
        each: (n_answers,) what is averaged: 0 or 1, or the difference of two choosers, -1 to 1.
        bounds: the ends of the interval are clipped to them.

    Ties and edges: where the sum falls below one of the two variances, the larger of the two stands; nan without two
        resamples; p is 1 for a value of 0.
    """
    parts = [share[~np.isnan(share)] for share in (over_persons, over_items)]
    if math.isnan(value) or min(map(len, parts)) < 2:
        return PairedDifference(value, math.nan, math.nan, math.nan)
    persons, items = (float(part.var(ddof=1)) for part in parts)
    alone = float(np.var(each)) / len(each)
    error = math.sqrt(max(persons + items - alone, persons, items))
    low, high = np.clip([value - Z95 * error, value + Z95 * error], *bounds)
    p_value = 1.0 if value == 0 else (0.0 if error == 0 else float(2 * norm.sf(abs(value) / error)))
    return PairedDifference(value, float(low), float(high), p_value)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    share: Floats = np.full(len(whole), math.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
