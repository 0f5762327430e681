"""1:N matching: how often the positive wins against N-1 negatives, over all of them and in closed form.

The probe hears a voice and must point at the face among N. Nothing is sampled: the all-pairs 1:2 accuracy compares the
positive with every allowed negative, and the 1:N accuracy is the exact expectation over all draws of N-1 of them.
A tie counts as the chance to win it. The weighting is the project's: trials, probes, people
(`visavox.metrics.weighting`). All figures grow with quality, chance is 1/N, and a constant model scores exactly that.
`listed_accuracy` scores ready-made trial lists instead.

Example:
    >>> similarity = np.array([[0.9, 0.1, 0.9], [0.3, 0.2, 0.1]])
    >>> positives = np.array([0, 1])
    >>> negatives = np.array([[False, True, True], [True, False, True]])
    >>> all_pairs_accuracy_score(similarity, positives, negatives)  # 1.5 of 2 and 1 of 2
    0.625
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError, UndefinedMetricWarning
from visavox.metrics.standings import Standings, Totals, find_standings
from visavox.metrics.weighting import Floats, mean_over_people


def all_pairs_accuracy_score(
    similarity: NDArray[np.floating],
    positives: NDArray[np.bool_] | NDArray[np.integer],
    negatives: NDArray[np.bool_],
    *,
    people: NDArray[np.integer] | None = None,
) -> float:
    """Return the 1:2 accuracy over all pairs of a positive and an allowed negative.

    For every probe: the share of its negatives that the positive beats, ties counting one half, averaged over its
    positives. Then the probes of a person are averaged, then the people.

    Args:
        similarity: (n_probes, n_gallery) float, higher means more alike; only the order within a row matters.
        positives: (n_probes, n_gallery) bool, or (n_probes,) int: the positive column of each probe, -1 for none.
        negatives: (n_probes, n_gallery) bool, what each probe may be compared with: other people, other videos.
        people: (n_probes,) int, the person of each probe; None: each probe is its own person.

    Returns:
        0 to 1; chance is 0.5.

    Raises:
        DataError: a shape does not fit, a similarity is NaN, or an item is both positive and negative.

    Ties and edges:
        Constant scores give exactly 0.5. Probes without positive or negatives are left out; when none is left the
        result is nan with an UndefinedMetricWarning.

    Source: the unrestricted (U) and gender-restricted (G) 1:2 test of Nagrani et al., "Seeing voices and hearing
        faces" (2018), over all pairs instead of a sampled list.
    """
    return float(_defined_curve(similarity, positives, negatives, people, [2])[0])


def matching_curve(
    similarity: NDArray[np.floating],
    positives: NDArray[np.bool_] | NDArray[np.integer],
    negatives: NDArray[np.bool_],
    *,
    people: NDArray[np.integer] | None = None,
    n_candidates: Sequence[int] = tuple(range(2, 11)),
) -> Floats:
    """Return the 1:N accuracy for each number of candidates N.

    Args:
        similarity: (n_probes, n_gallery) float, higher means more alike.
        positives: (n_probes, n_gallery) bool, or (n_probes,) int with -1 for none.
        negatives: (n_probes, n_gallery) bool, what each probe may be compared with.
        people: (n_probes,) int, the person of each probe; None: each probe is its own person.
        n_candidates: numbers N of candidates, the positive included, each at least 2.

    Returns:
        (len(n_candidates),) float64, 0 to 1; chance is 1/N. At N=2 it is `all_pairs_accuracy_score`.

    Raises:
        DataError: as `all_pairs_accuracy_score`, or an N below 2.

    Ties and edges:
        A probe with fewer than N-1 negatives is left out at this N; nan with an UndefinedMetricWarning when none
        is left.
    """
    return _defined_curve(similarity, positives, negatives, people, n_candidates)


def matching_accuracy(
    standings: Standings,
    probe_people: NDArray[np.integer],
    *,
    n_candidates: Sequence[int] = (2,),
    counts: NDArray[np.integer] | None = None,
) -> Floats:
    """Return the weighted 1:N accuracy of standings, for all people once or for each resample of them.

    Args:
        standings: where each positive stands, person by person (`find_standings`).
        probe_people: (n_probes,) int from 0, the person of each row of the similarity matrix, in the numbering of
            the standings' columns when `counts` is given.
        n_candidates: numbers N of candidates, each at least 2.
        counts: (n_resamples, n_people) int from 0: copies of each person, as probe and as negative; None: once.

    Returns:
        (len(n_candidates),) float64, or (len(n_candidates), n_resamples) with `counts`; nan where undefined.

    Raises:
        DataError: an N is below 2.
    """
    wanted = _checked_candidates(n_candidates)
    people = np.asarray(probe_people)[standings.probes]
    if counts is None:
        curve = expected_accuracy(standings.total(), max(wanted))
        return np.array([mean_over_people(curve[n - 2], people, probes=standings.probes) for n in wanted])
    out = np.empty((len(wanted), len(counts)))
    for rows, totals in standings.blocks(counts):
        curve = expected_accuracy(totals, max(wanted))
        for place, n in enumerate(wanted):
            out[place, rows] = mean_over_people(curve[n - 2], people, probes=standings.probes, counts=counts[rows])
    return out


def expected_accuracy(totals: Totals, max_candidates: int) -> list[Floats]:
    """Return the chance of each positive to win against N-1 negatives drawn without replacement.

    With b negatives beaten, t tied, m in all and k = N-1 drawn, the positive wins when none above is drawn, and
    then wins the tie of j+1 with chance 1/(j+1):

        sum_j C(t,j) C(b,k-j) / (j+1) / C(m,k)  =  [C(b+t+1,k+1) - C(b,k+1)] / [(t+1) C(m,k)]

    which without ties is C(b,k) / C(m,k), and at k = 1 is (b + t/2) / m.

    Args:
        totals: counts of shape (..., n_trials); whole numbers from 0.
        max_candidates: the largest N, at least 2.

    Returns:
        One array (..., n_trials) float64 for each N from 2 to `max_candidates`; nan where fewer than N-1 negatives.

    Source: the hypergeometric distribution; the sum by the Vandermonde identity and
        C(t,j) / (j+1) = C(t+1,j+1) / (t+1).
    """
    beaten, tied, m = totals.below, totals.tied, totals.negatives
    curve: list[Floats] = []
    if not totals.has_ties:
        chance = np.ones_like(m)
        for k in range(1, max_candidates):
            chance = chance * (np.maximum(beaten - (k - 1), 0.0) / np.maximum(m - (k - 1), 1.0))
            curve.append(np.where(m >= k, chance, np.nan))
        return curve
    # upper_k = C(b+t+1,k+1) / C(m+1,k+1) and lower_k = C(b,k+1) / C(m+1,k+1), each factor at most 1.
    upper = (beaten + tied + 1.0) / (m + 1.0)
    lower = beaten / (m + 1.0)
    for k in range(1, max_candidates):
        rest = np.maximum(m + 1.0 - k, 1.0)
        upper = upper * (np.maximum(beaten + tied + 1.0 - k, 0.0) / rest)
        lower = lower * (np.maximum(beaten - k, 0.0) / rest)
        # At k = 1 the simple form, so that 1:2 is the all-pairs figure to the last bit.
        chance = (
            (beaten + tied / 2) / np.maximum(m, 1.0)
            if k == 1
            else (upper - lower) * (m + 1.0) / ((k + 1.0) * (tied + 1.0))
        )
        curve.append(np.where(m >= k, chance, np.nan))
    return curve


def listed_accuracy(scores: NDArray[np.floating]) -> Floats:
    """Return for each listed trial the chance that its positive is chosen, ties broken at random.

    Args:
        scores: (n_trials, n_candidates) float, at least two candidates, **the positive in the first column**.

    Returns:
        (n_trials,) float64: 0 when a negative is above the positive, else 1 / (1 + negatives tied with it).

    Raises:
        DataError: fewer than two candidates, or a NaN.

    Example:
        >>> listed_accuracy(np.array([[0.9, 0.1], [0.2, 0.2], [0.1, 0.7]])).tolist()
        [1.0, 0.5, 0.0]
    """
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise DataError(f"`scores` must be (n_trials, n_candidates) with at least 2 candidates. Got {scores.shape}.")
    n_nan = int(np.isnan(scores).sum())
    if n_nan:
        raise DataError(f"`scores` must hold no NaN. Got {n_nan} among {scores.size}. Remove the broken items.")
    positive, negatives = scores[:, :1], scores[:, 1:]
    tied = (negatives == positive).sum(axis=1)
    return np.where((negatives > positive).any(axis=1), 0.0, 1.0 / (1.0 + tied))


def listed_accuracy_score(scores: NDArray[np.floating], *, people: NDArray[np.integer] | None = None) -> float:
    """Return the accuracy over a list of matching trials.

    Args:
        scores: (n_trials, n_candidates) float, the positive in the first column.
        people: (n_trials,) int, the person of each probe, averaged first; None: all trials count the same, as in
            published list results.

    Returns:
        0 to 1; chance is 1 / n_candidates, which constant scores give exactly.

    Raises:
        DataError: fewer than two candidates, or a NaN.

    Ties and edges:
        An empty list gives nan with an UndefinedMetricWarning.
    """
    outcomes = listed_accuracy(scores)
    if not len(outcomes):
        warnings.warn("The accuracy of an empty list of trials is nan.", UndefinedMetricWarning, stacklevel=2)
        return float("nan")
    owners = np.arange(len(outcomes)) if people is None else np.unique(people, return_inverse=True)[1]
    return float(mean_over_people(outcomes, owners))


def _checked_candidates(n_candidates: Sequence[int]) -> list[int]:
    wanted = [int(n) for n in n_candidates]
    if not wanted or min(wanted) < 2:
        raise DataError(f"`n_candidates` must be at least 2. Got {wanted}. One candidate is no choice.")
    return wanted


def _defined_curve(
    similarity: NDArray[np.floating],
    positives: NDArray[np.bool_] | NDArray[np.integer],
    negatives: NDArray[np.bool_],
    people: NDArray[np.integer] | None,
    n_candidates: Sequence[int],
) -> Floats:
    """Return the curve, and warn the caller of the public function where it is undefined."""
    standings = find_standings(similarity, positives, negatives)
    n_probes = np.shape(similarity)[0]
    owners = np.arange(n_probes) if people is None else np.asarray(people)
    if owners.shape != (n_probes,):
        raise DataError(f"`people` must name one person for each of {n_probes} probes. Got shape {owners.shape}.")
    accuracy = matching_accuracy(standings, np.unique(owners, return_inverse=True)[1], n_candidates=n_candidates)
    if np.isnan(accuracy).any():
        warnings.warn(
            "1:N matching is undefined where no probe has a positive and N-1 negatives: nan is returned.",
            UndefinedMetricWarning,
            stacklevel=3,
        )
    return accuracy
