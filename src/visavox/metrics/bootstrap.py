"""95 % intervals by resampling people, and the paired difference of two models.

Clips of one person are alike, so the unit that is drawn with replacement is the person, for the probes **and** for the
negatives they compete with. A resample is a row of `counts`, how often each person was drawn; the metrics turn all
rows at once into values (`matching_accuracy(..., counts=counts)`). Somebody drawn twice never competes with himself.
Nothing here knows a metric.

Example:
    >>> counts = resample_people(4, n_resamples=3, rng=np.random.default_rng(0))
    >>> counts.shape, counts.sum(axis=1).tolist()
    ((3, 4), [4, 4, 4])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError

ROUNDING = 1e-12  # of a mean: two resampled values that are closer are equal


@dataclass(frozen=True)
class Interval:
    """Lower and upper end of an interval, both nan when undefined."""

    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """Model A minus model B on the same resamples of the same people.

    Attributes:
        value: difference of the two measured values.
        low: lower end of its interval.
        high: upper end of its interval.
        p_value: two-sided, 2 / (n_resamples + 1) to 1: how often resampling turns the sign of the difference; a
            resample without a difference counts half to either side.
    """

    value: float
    low: float
    high: float
    p_value: float


def resample_people(n_people: int, *, n_resamples: int = 1000, rng: np.random.Generator) -> NDArray[np.int32]:
    """Draw `n_people` people with replacement, many times.

    Args:
        n_people: how many there are, at least 1.
        n_resamples: how many draws, at least 1.
        rng: the source of randomness; the same state gives the same people, which pairs two models.

    Returns:
        (n_resamples, n_people) int32 from 0: how often each person was drawn. Every row sums to `n_people`.

    Raises:
        ConfigError: a number below 1.
    """
    for name, number in (("n_people", n_people), ("n_resamples", n_resamples)):
        if number < 1:
            raise ConfigError(f"`{name}` must be at least 1. Got {number}.")
    drawn = rng.integers(n_people, size=(n_resamples, n_people))
    drawn += np.arange(n_resamples)[:, np.newaxis] * n_people
    counts = np.bincount(drawn.ravel(), minlength=n_resamples * n_people)
    return counts.reshape(n_resamples, n_people).astype(np.int32)


def percentile_interval(
    value: float,
    resampled: NDArray[np.floating],
    *,
    level: float = 0.95,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """Return the percentile interval of resampled values, moved so that their mean is the measured value.

    The move is nothing for the all-pairs accuracy, whose resampled mean is the value itself. It matters where
    copies in a resample make the task easier: the top of a gallery, 1:10 among 40 people, the minimum of a cost.

    Args:
        value: the measure on everybody once.
        resampled: (n_resamples,) float, the measure on each resample; nan: undefined there, left out.
        level: share of resamples inside, above 0 and below 1.
        bounds: least and greatest value the measure can have; the ends are clipped to them.

    Returns:
        The interval; nan at both ends when the value is nan or fewer than two resamples are defined.

    Raises:
        ConfigError: `level` is not between 0 and 1.

    Source: Efron and Tibshirani, "An introduction to the bootstrap" (1993), chapter 13; the move removes the
        bootstrap estimate of bias (chapter 10) once.
    """
    if not 0 < level < 1:
        raise ConfigError(f"`level` must lie between 0 and 1. Got {level}. Use 0.95 for a 95 % interval.")
    defined = np.asarray(resampled, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    if np.isnan(value) or len(defined) < 2:
        return Interval(float("nan"), float("nan"))
    moved = defined + (value - defined.mean())
    low, high = np.clip(np.quantile(moved, [(1 - level) / 2, (1 + level) / 2]), *bounds)
    return Interval(float(low), float(high))


def paired_difference(
    value_a: float,
    value_b: float,
    resampled_a: NDArray[np.floating],
    resampled_b: NDArray[np.floating],
    *,
    level: float = 0.95,
) -> PairedDifference:
    """Return A minus B with its interval and two-sided p, both models seen on the same resamples.

    Args:
        value_a: the measure of model A on everybody once.
        value_b: the measure of model B.
        resampled_a: (n_resamples,) float, model A on each resample.
        resampled_b: (n_resamples,) float, model B **on the same resamples in the same order**.
        level: share of resamples inside the interval.

    Returns:
        The difference; p is 1 for two equal models, and nan when nothing is defined. The interval holds the percentile
        intervals before and after the move of `percentile_interval`. p counts signs before it: the move is a little
        noise of the draws, and would carry all resamples without a difference to one side, the same for all of them.

    Raises:
        DataError: the two lists of resampled values differ in length.
    """
    a, b = np.asarray(resampled_a, dtype=np.float64), np.asarray(resampled_b, dtype=np.float64)
    if a.shape != b.shape:
        raise DataError(
            f"Paired resamples must be the same draws: got {a.shape} and {b.shape} values. "
            "Evaluate both models with one seed and one number of resamples."
        )
    value = value_a - value_b
    differences = a - b
    differences = differences[~np.isnan(differences)]
    moved = percentile_interval(value, differences, level=level)
    if np.isnan(moved.low):
        return PairedDifference(value, moved.low, moved.high, float("nan"))
    drawn = percentile_interval(float(differences.mean()), differences, level=level)
    low, high = min(moved.low, drawn.low, value), max(moved.high, drawn.high, value)
    if value == 0:
        return PairedDifference(value, low, high, 1.0)
    n_below, n_above = int((differences < -ROUNDING).sum()), int((differences > ROUNDING).sum())
    n_smaller_side = min(n_below, n_above) + (len(differences) - n_below - n_above) / 2
    p_value = min(1.0, 2 * (n_smaller_side + 1) / (len(differences) + 1))
    return PairedDifference(value, low, high, p_value)
