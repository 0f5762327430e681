"""Does the order of rows hold: rank correlation of our accuracies with published ones.

Few rows make for wide answers, so the p (is there any common order at all?) and an interval over resamples of people
(how sure is our side of it?) stand beside the correlations. The published side is taken as it is.

Example:
    >>> found = order_agreement(np.array([0.5, 0.6, 0.9]), np.array([0.4, 0.7, 0.8]))
    >>> found.n_rows, found.spearman, found.kendall, found.n_swapped, round(found.p_value, 3)
    (3, 1.0, 1.0, 0, 0.333)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from visavox.errors import DataError
from visavox.metrics.bootstrap import percentile_interval

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OrderAgreement:
    """How far two lists of accuracies put the same rows in the same order.

    Attributes:
        n_rows: rows that have both figures.
        spearman: correlation of their ranks, -1 to 1; nan with fewer than two rows or where all are equal.
        low: lower end of its 95 % interval over people; nan without resamples.
        high: upper end.
        kendall: tau-b, -1 to 1.
        p_value: two-sided p of Kendall's tau, exact without ties: as strong an agreement between unrelated orders.
        n_swapped: pairs of rows that stand the other way round.
        n_pairs: pairs of rows that are not tied on either side.
    """

    n_rows: int
    spearman: float
    low: float
    high: float
    kendall: float
    p_value: float
    n_swapped: int
    n_pairs: int


def order_agreement(
    ours: NDArray[np.floating],
    published: NDArray[np.floating],
    *,
    resampled: NDArray[np.floating] | None = None,
) -> OrderAgreement:
    """Return how far our order of the rows is the published one.

    Args:
        ours: (n_rows,) float; nan: no figure, the row is left out.
        published: (n_rows,) float; the same.
        resampled: (n_resamples, n_rows) float, ours on each resample of people.

    Raises:
        DataError: shapes do not fit.

    Ties and edges:
        Tied rows share the mean of their ranks (Spearman) or count for neither side (Kendall's tau-b). With fewer
        than two rows, or a side where all are equal, everything is nan.

    Source: Kendall, "A new measure of rank correlation" (1938); tau-b of Kendall (1945); Spearman, "The proof and
        measurement of association between two things" (1904).
    """
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(published, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or (resampled is not None and np.shape(resampled)[1:] != a.shape):
        shape = "none" if resampled is None else np.shape(resampled)
        raise DataError(f"Both orders must name the same rows. Got shapes {a.shape}, {b.shape}, resampled {shape}.")
    known = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[known], b[known]
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return OrderAgreement(len(a), math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0)
    signs = (np.sign(a[:, np.newaxis] - a) * np.sign(b[:, np.newaxis] - b))[np.triu_indices(len(a), k=1)]
    value = float(spearman_scores(a[np.newaxis], b)[0])
    drawn = spearman_scores(np.asarray(resampled, dtype=np.float64)[:, known], b) if resampled is not None else a[:0]
    interval = percentile_interval(value, drawn, bounds=(-1.0, 1.0))
    tau = kendalltau(a, b)
    return OrderAgreement(
        len(a), value, interval.low, interval.high, float(tau.statistic), float(tau.pvalue),
        int((signs < 0).sum()), int((signs != 0).sum()),
    )  # fmt: skip


def spearman_scores(rows: NDArray[np.floating], other: NDArray[np.floating]) -> Floats:
    """Return the rank correlation of each row of a matrix with one list.

    Args:
        rows: (n_rows, n) float without nan.
        other: (n,) float without nan.

    Returns:
        (n_rows,) float64, -1 to 1; nan where a row, or the list, is constant.
    """
    a, b = (rankdata(values, axis=-1) - (np.shape(other)[0] + 1) / 2 for values in (rows, other))
    spread = np.sqrt((a**2).sum(axis=-1) * (b**2).sum())
    found: Floats = np.full(len(a), np.nan)
    np.divide(a @ b, spread, out=found, where=spread > 0)
    return found
