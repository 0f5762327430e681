"""1:2 accuracy, AUC and equal error rate of a contest under other negatives or for some probes, with intervals.

The same resamples of people serve every row, so that rows can be compared pair by pair. Protocols
(`visavox.registry.PROTOCOLS`) measure whole contests; here are the parts of them.

Example:
    bench = Bench(contest, n_resamples=1000, seed=0)
    bench.accuracy(contest.groups[0].negatives).value
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.contest import Contest
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.metrics.matching import expected_accuracy
from visavox.metrics.roc_resampling import resampled_roc
from visavox.metrics.standings import find_standings
from visavox.metrics.weighting import mean_over_people

MAX_ROC_RESAMPLES = 100
"""Resamples behind intervals of AUC and equal error rate at most: each draws a curve over all pairs."""

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A measure of a part of a contest, with its resamples."""

    value: float
    """nan when undefined."""
    low: float
    """Lower end of the 95 % interval over people."""
    high: float
    """Upper end."""
    resampled: Floats
    """(n_resamples,) float64, on resamples shared by all figures of one bench."""
    n_probes: int
    """Probes that it rests on."""
    n_people: int
    """People among them."""

    @property
    def cell(self) -> tuple[float, float, float]:
        """(value, low, high)."""
        return self.value, self.low, self.high


class Bench:
    """Measures parts of one contest on shared resamples of people.

    Args:
        contest: who competes with whom.
        n_resamples: resamples of people, at least 1.
        seed: they depend on this number alone.
    """

    def __init__(self, contest: Contest, *, n_resamples: int, seed: int) -> None:
        """Draw the people."""
        self.contest = contest
        rng = np.random.default_rng(seed)
        self.counts = resample_people(contest.n_people, n_resamples=n_resamples, rng=rng)

    @functools.cached_property
    def whole(self) -> Figure:
        """The model's 1:2 accuracy on all pairs, measured once."""
        return self.accuracy(self.contest.groups[0].negatives)

    def accuracy(
        self,
        negatives: Mask,
        *,
        positives: Mask | None = None,
        scores: NDArray[np.floating] | None = None,
        probes: Mask | None = None,
    ) -> Figure:
        """Return the all-pairs 1:2 accuracy.

        Args:
            negatives: (n_probes, n_gallery) bool.
            positives: (n_probes, n_gallery) bool; None: the contest's.
            scores: (n_probes, n_gallery) float; None: the contest's.
            probes: (n_probes,) bool, whom to ask; None: everybody.
        """
        return self.accuracies(negatives, [probes], positives=positives, scores=scores)[0]

    def accuracies(
        self,
        negatives: Mask,
        parts: list[Mask | None],
        *,
        positives: Mask | None = None,
        scores: NDArray[np.floating] | None = None,
    ) -> list[Figure]:
        """Return the accuracy of several parts of the probes at the cost of one; arguments as for `accuracy`."""
        contest = self.contest
        standings = find_standings(
            contest.scores if scores is None else scores,
            contest.positives if positives is None else positives,
            negatives,
            gallery_people=contest.gallery_people,
            n_people=contest.n_people,
        )
        whole = expected_accuracy(standings.total(), 2)[0]
        curves = np.empty((len(self.counts), standings.n_trials))
        for rows, totals in standings.blocks(self.counts):
            curves[rows] = expected_accuracy(totals, 2)[0]
        found = []
        for part in parts:
            trials = np.arange(standings.n_trials) if part is None else np.flatnonzero(part[standings.probes])
            probes = standings.probes[trials]
            people = contest.probe_people[probes]
            value = float(mean_over_people(whole[trials], people, probes=probes))
            resampled = mean_over_people(curves[:, trials], people, probes=probes, counts=self.counts)
            found.append(_figure(value, resampled, len(np.unique(probes)), len(np.unique(people))))
        return found

    def curve_figures(self, negatives: Mask, *, probes: Mask | None = None) -> tuple[Figure, Figure]:
        """Return AUC and equal error rate over the pairs of some probes.

        Args:
            negatives: (n_probes, n_gallery) bool.
            probes: (n_probes,) bool; None: everybody.
        """
        contest = self.contest
        rows = np.flatnonzero(negatives.any(axis=1) if probes is None else probes & negatives.any(axis=1))
        everybody = np.ones((1, contest.n_people), dtype=np.int64)
        counts = np.concatenate([everybody, self.counts[:MAX_ROC_RESAMPLES]])
        curves = resampled_roc(
            contest.scores[rows],
            contest.positives[rows],
            negatives[rows],
            probe_people=contest.probe_people[rows],
            gallery_people=contest.gallery_people,
            counts=counts,
        )
        able = contest.positives[rows].any(axis=1)
        n_people = len(np.unique(contest.probe_people[rows[able]]))
        auc, eer = (
            _figure(float(values[0]), values[1:], int(able.sum()), n_people)
            for values in (curves.auc_score(), curves.equal_error_rate())
        )
        return auc, eer


def _figure(value: float, resampled: Floats, n_probes: int, n_people: int) -> Figure:
    interval = percentile_interval(value, resampled, bounds=(0.0, 1.0))
    return Figure(value, interval.low, interval.high, np.asarray(resampled), n_probes, n_people)
