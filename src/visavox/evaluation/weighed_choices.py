"""Choices between two candidates, weighed as the 1:2 accuracy weighs them: trials, probes, people.

A choice is a probe, one of its positives and one of its negatives. Each probe weighs the same within its person and
each person the same, so that the weighted share of right choices is the 1:2 accuracy of all pairs, and somebody with
ninety clips does not decide how confident choices are. On a resample of people a choice weighs the copies of both.
`visavox.metrics.calibration` and `visavox.metrics.abstention` have the same figures for choices that all weigh one.

Example:
    >>> choices = Choices.ranked([0, 0, 1], [1, 2, 0], [0.9, 0.6, 0.8], [1.0, 0.0, 1.0], people=[0, 1])
    >>> choices.confidence.tolist(), round(choices.mean(choices.right), 2)
    ([0.9, 0.8, 0.6], 0.75)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
MAX_POINTS = 10_000  # of a curve whose area is taken; more change its fourth digit at most


@dataclass(frozen=True)
class Choices:
    """Choices, the surest first."""

    probes: Numbers
    """(n,) probe of each, from 0."""
    others: Numbers
    """(n,) person of the negative, from 0."""
    confidence: Floats
    """(n,) probability of the favoured candidate, falling."""
    right: Floats
    """(n,) whether it was right, 0.5 for a tie."""
    people: Numbers
    """(n_probes,) person of each probe."""

    @classmethod
    def ranked(
        cls,
        probes: ArrayLike,
        others: ArrayLike,
        confidence: ArrayLike,
        right: ArrayLike,
        *,
        people: ArrayLike,
    ) -> Self:
        """Return choices in the order of their confidence; arguments as the attributes, (n,) each, in any order."""
        sure = np.asarray(confidence, dtype=np.float64)
        order = np.argsort(-sure, kind="stable")
        rows, persons = (np.asarray(column, dtype=np.int64)[order] for column in (probes, others))
        credit = np.asarray(right, dtype=np.float64)[order]
        return cls(rows, persons, sure[order], credit, np.asarray(people, dtype=np.int64))

    def __len__(self) -> int:
        """Count the choices."""
        return len(self.probes)

    def weights(self, copies: NDArray[np.integer] | None = None) -> Floats:
        """Return the weight of each choice, (n,) float64 that sums to 1, or all 0 where no choice is left.

        Args:
            copies: (n_people,) int from 0, how often each person was drawn; None: everybody once.
        """
        n_people = int(max(self.people.max(initial=-1), self.others.max(initial=-1))) + 1
        times = np.ones(n_people) if copies is None else np.asarray(copies, dtype=np.float64)
        weight = times[self.others]
        of_probe = np.bincount(self.probes, weights=weight, minlength=len(self.people))
        able = of_probe > 0
        of_person = np.bincount(self.people[able], minlength=n_people)  # probes that have anybody to beat
        share = np.zeros(len(self.people))
        share[able] = times[self.people[able]] / of_person[self.people[able]] / of_probe[able]
        weight *= share[self.probes]
        total = weight.sum()
        return weight / total if total > 0 else weight

    def mean(self, values: Floats, weights: Floats | None = None) -> float:
        """Return the weighted mean of (n,) values; nan where nothing weighs."""
        weights = self.weights() if weights is None else weights
        return float(weights @ values) if weights.any() else float("nan")

    def bins(self, n_bins: int) -> Numbers:
        """Return the bin of each choice, (n,) from 0: bins of equal weight, the least sure first.

        Choices of one confidence share the bin of their middle.
        """
        weights = self.weights()[::-1]  # the least sure first
        _, place = np.unique(self.confidence[::-1], return_inverse=True)
        of_value = np.bincount(place, weights=weights)
        middle = np.cumsum(of_value) - of_value / 2
        bins = np.minimum((middle * n_bins).astype(np.int64), n_bins - 1)
        return bins[place][::-1]

    def calibration_error(self, bins: Numbers, weights: Floats) -> float:
        """Return the mean distance of what was said from what happened, over bins; nan where nothing weighs.

        Args:
            bins: (n,) bin of each choice.
            weights: (n,) weight of each, of sum 1.
        """
        gaps = np.bincount(bins, weights=weights * (self.confidence - self.right))
        return float(np.abs(gaps).sum()) if weights.any() else float("nan")

    def reliability(self, bins: Numbers) -> tuple[Floats, Floats]:
        """Return the mean confidence and the share of right choices of each bin that holds any."""
        weights = self.weights()
        mass = np.bincount(bins, weights=weights)
        used = np.flatnonzero(mass > 0)
        said, right = (
            np.bincount(bins, weights=weights * values)[used] / mass[used] for values in (self.confidence, self.right)
        )
        return said, right

    def risk(self, weights: Floats) -> Risk:
        """Return the error rate against the weight of what is answered; `weights` as of `weights()`."""
        last = np.append(np.flatnonzero(np.diff(self.confidence)), len(self) - 1)  # of each confidence
        covered, errors = np.cumsum(weights)[last], np.cumsum(weights * (1.0 - self.right))[last]
        return Risk(np.append(0.0, covered), np.append(0.0, errors), self.confidence[last])


@dataclass(frozen=True)
class Risk:
    """Errors against coverage, a line through one point for each confidence."""

    covered: Floats
    """(n_points + 1,) share answered, from 0 to 1."""
    errors: Floats
    """(n_points + 1,) share of all choices that is answered wrongly."""
    thresholds: Floats
    """(n_points,) confidence from which choices are answered, falling."""

    def at(self, coverage: float) -> float:
        """Return the error rate among this share of choices, above 0 to 1; nan where nothing weighs."""
        if self.covered[-1] == 0:
            return float("nan")
        return float(np.interp(coverage, self.covered, self.errors) / coverage)

    def threshold_at(self, coverage: float) -> float:
        """Return the confidence of the last choice that is answered."""
        place = int(np.searchsorted(self.covered[1:], coverage - 1e-9))
        return float(self.thresholds[min(place, len(self.thresholds) - 1)])

    def area(self) -> float:
        """Return the mean error rate over all coverages, the limit of AURC for many choices; nan where nothing weighs.

        Between two points the errors rise in a straight line; of more than `MAX_POINTS` points so many are taken.
        """
        if self.covered[-1] == 0:
            return float("nan")
        places = np.linspace(0, len(self.covered) - 1, min(len(self.covered), MAX_POINTS)).astype(np.int64)
        covered, wrong = self.covered[places], self.errors[places]
        low, high = covered[:-1], covered[1:]
        used = high > low
        low, high, errors = low[used], high[used], wrong[:-1][used]
        slope = (wrong[1:][used] - errors) / (high - low)
        first = slope * (high - low)
        # The integral of (errors + slope (x - low)) / x from low to high; errors are 0 where low is 0.
        rest = errors - slope * low
        logs = np.where(low > 0, np.log(high / np.where(low > 0, low, high)), 0.0)
        return float((first + rest * logs).sum())
