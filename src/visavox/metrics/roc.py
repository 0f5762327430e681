"""The operating points of a verification system, and the measures that are read off them.

A pair is accepted when its score is at least the threshold. `Roc` holds, for thresholds from infinity downwards, the
share of false pairs accepted and of true pairs missed; it may hold many curves at once, one for each bootstrap
resample, that share their thresholds. How scores become a curve is in `roc_from_scores`; pairs of people with
resampling are the affair of `visavox.metrics.verification`.

Example:
    >>> roc = roc_from_scores(np.array([0.9, 0.6, 0.6, 0.1]), np.array([True, True, False, False]))
    >>> roc.false_match_rate.tolist(), roc.miss_rate.tolist()
    ([0.0, 0.0, 0.5, 1.0], [1.0, 0.5, 0.0, 0.0])
    >>> float(roc.auc_score()), float(roc.equal_error_rate())
    (0.875, 0.25)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Roc:
    """One curve, or one for each resample, from "accept nothing" to "accept everything".

    Attributes:
        false_match_rate: (..., n_points) float64, share of false pairs accepted, rising from 0 to 1.
        miss_rate: (..., n_points) float64, share of true pairs not accepted, falling from 1 to 0.
        thresholds: (n_points,) float64, falling from infinity; a pair is accepted at `score >= threshold`.
    """

    false_match_rate: Floats
    miss_rate: Floats
    thresholds: Floats

    def auc_score(self) -> Floats:
        """Return the area under the curve, () or (n_resamples,): the chance that a true pair beats a false one.

        Ties count one half, which is the trapezoid between two points. nan where a class is absent.
        """
        width = np.diff(self.false_match_rate, axis=-1)
        accepted = 1.0 - self.miss_rate
        return self._where_defined((width * (accepted[..., 1:] + accepted[..., :-1]) / 2).sum(axis=-1))

    def equal_error_rate(self) -> Floats:
        """Return the equal error rate, () or (n_resamples,), 0 (best) to 1; chance is 0.5.

        The points are joined by straight lines, and the rate is where that line meets
        `false_match_rate == miss_rate`. nan where a class is absent.
        """
        gap = self.miss_rate - self.false_match_rate  # falls from 1 to -1
        after = (gap <= 0).argmax(axis=-1)[..., np.newaxis]
        before = np.maximum(after - 1, 0)
        gap_before, gap_after = (np.take_along_axis(gap, place, axis=-1) for place in (before, after))
        rate_before, rate_after = (
            np.take_along_axis(self.false_match_rate, place, axis=-1) for place in (before, after)
        )
        step = np.divide(gap_before, gap_before - gap_after, out=np.zeros_like(gap_before), where=after > before)
        return self._where_defined((rate_before + step * (rate_after - rate_before))[..., 0])

    def min_detection_cost(
        self, *, target_prior: float = 0.01, miss_cost: float = 1.0, false_alarm_cost: float = 1.0
    ) -> Floats:
        """Return the normalised minimum of the detection cost function, () or (n_resamples,).

        The least cost over all thresholds, `miss_cost * target_prior * miss_rate + false_alarm_cost *
        (1 - target_prior) * false_match_rate`, divided by the cost of the better of accepting nothing and everything.

        Args:
            target_prior: how often a pair is true in use, above 0 and below 1.
            miss_cost: cost of a miss, above 0.
            false_alarm_cost: cost of a false match, above 0.

        Returns:
            0 (best) to 1; chance is 1. nan where a class is absent.

        Raises:
            ConfigError: a prior or a cost outside its range.

        Source: the detection cost function of the NIST speaker recognition evaluations.
        """
        if not 0 < target_prior < 1 or miss_cost <= 0 or false_alarm_cost <= 0:
            raise ConfigError(
                "`target_prior` must lie between 0 and 1 and both costs above 0. "
                f"Got {target_prior}, {miss_cost}, {false_alarm_cost}."
            )
        miss, false_alarm = miss_cost * target_prior, false_alarm_cost * (1.0 - target_prior)
        cost = miss * self.miss_rate + false_alarm * self.false_match_rate
        return self._where_defined(cost.min(axis=-1) / min(miss, false_alarm))

    def _where_defined(self, values: Floats) -> Floats:
        """`values`, nan where the curve of a class is nan."""
        absent = np.isnan(self.false_match_rate[..., -1]) | np.isnan(self.miss_rate[..., -1])
        return np.where(absent, np.nan, values)


def roc_from_masses(positive_mass: Floats, negative_mass: Floats, thresholds: Floats) -> Roc:
    """Return the curve of scores already gathered in bins, best bin first.

    Args:
        positive_mass: (..., n_bins) float64 from 0, weight of true pairs in each bin.
        negative_mass: (..., n_bins) float64 from 0, weight of false pairs.
        thresholds: (n_bins,) float64, falling, the lowest score of each bin.

    Returns:
        A Roc of n_bins + 1 points; nan where the weight of a class is 0.
    """
    rates = []
    for mass in (positive_mass, negative_mass):
        reached = np.cumsum(np.asarray(mass, dtype=np.float64), axis=-1)
        total = reached[..., -1:] if reached.shape[-1] else np.zeros((*reached.shape[:-1], 1))
        share = np.divide(reached, total, out=np.full(reached.shape, np.nan), where=total > 0)
        start = np.where(total > 0, 0.0, np.nan)
        rates.append(np.concatenate([start, np.minimum(share, 1.0)], axis=-1))
    return Roc(rates[1], 1.0 - rates[0], np.concatenate([[np.inf], thresholds]))


def roc_from_scores(
    scores: NDArray[np.floating],
    labels: NDArray[np.bool_] | NDArray[np.integer],
    *,
    weights: NDArray[np.floating] | None = None,
) -> Roc:
    """Return the curve of scored pairs, one point for each different score.

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1, True for a true pair.
        weights: (n_pairs,) float from 0; None: 1.

    Raises:
        DataError: shapes differ, a label is not 0 or 1, a score is NaN, or a weight is negative or NaN.

    Ties and edges:
        Tied pairs are accepted together. With one class, or none, the rates of the absent class are nan.
    """
    checked, truth, mass = check_pairs(scores, labels, weights)
    values, place = np.unique(-checked, return_inverse=True)  # best score first
    masses = [
        np.bincount(place, weights=mass * of_class, minlength=len(values)).astype(np.float64)
        for of_class in (truth, ~truth)
    ]
    return roc_from_masses(masses[0], masses[1], -values)


def check_pairs(
    scores: NDArray[np.floating],
    labels: NDArray[np.bool_] | NDArray[np.integer],
    weights: NDArray[np.floating] | None,
) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Return scores, labels and weights, each (n_pairs,), as float64, bool and float64 after checking them.

    Raises:
        DataError: shapes differ, a label is not 0 or 1, a score is NaN, or a weight is negative or NaN.
    """
    values: Floats = np.asarray(scores, dtype=np.float64)
    labels = np.asarray(labels)
    mass: Floats = np.ones(values.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.ndim != 1 or labels.shape != values.shape or mass.shape != values.shape:
        raise DataError(
            "`scores`, `labels` and `weights` must be lists of one length. "
            f"Got shapes {values.shape}, {labels.shape}, {mass.shape}."
        )
    n_nan = int(np.isnan(values).sum())
    if n_nan:
        raise DataError(f"`scores` must hold no NaN. Got {n_nan} among {values.size}. Remove the broken items.")
    if not np.isin(labels, (0, 1)).all():
        raise DataError(f"`labels` must be 0 or 1. Got {np.setdiff1d(labels, (0, 1))[:3].tolist()}.")
    if not (mass >= 0).all():
        raise DataError(f"`weights` must be at least 0. Got {mass[~(mass >= 0)][0]}.")
    return values, labels.astype(np.bool_), mass
