"""The project's weighting: trials of a probe, probes of a person, then people; and its plain alternative.

1:2 accuracy averages the clips of a person first and then the people, so that somebody with ninety clips does not
count ninety times. Retrieval measures average over probes, as published figures do. Both take `counts`, the copies
of each person in a resample, and then return one figure for each resample. nan values are trials that are undefined
and are left out; a resample in which nothing is defined is nan.

Example:
    >>> mean_over_people(np.array([1.0, 1.0, 0.0]), np.array([0, 0, 1]))
    array(0.5)
    >>> mean_over_probes(np.array([1.0, 1.0, 0.0]), np.array([0, 0, 1])).round(3)
    np.float64(0.667)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

Floats = NDArray[np.float64]


def mean_over_people(
    values: NDArray[np.floating],
    people: NDArray[np.integer],
    *,
    probes: NDArray[np.integer] | None = None,
    counts: NDArray[np.integer] | None = None,
    weights: NDArray[np.floating] | None = None,
) -> Floats:
    """Return the mean over people of the mean over their probes of the mean over the trials of a probe.

    Args:
        values: (n_trials,) or (n_resamples, n_trials) float; nan: undefined, left out.
        people: (n_trials,) int from 0, the person of each trial's probe.
        probes: (n_trials,) int, the probe of each trial; None: each trial is its own probe.
        counts: (n_resamples, n_people) int from 0, copies of each person; None: everybody once.
        weights: (n_resamples, n_trials) or (n_trials,) float from 0, further weights of the trials within a person,
            for instance the copies of the one negative of a listed trial; None: 1.

    Returns:
        () or (n_resamples,) float64; nan where no trial is defined.
    """
    values, people = _checked(values, people)
    if values.shape[-1] == 0:
        return np.full(_leading_shape(values, counts), np.nan)
    trial_weights = _share_of_probe(probes, len(people))
    if weights is not None:
        trial_weights = trial_weights * np.asarray(weights, dtype=np.float64)
    order = np.argsort(people, kind="stable")
    present, starts = np.unique(people[order], return_index=True)
    defined = ~np.isnan(values)
    mass = np.where(defined, trial_weights, 0.0) if weights is not None or not defined.all() else trial_weights
    products = np.where(defined, values, 0.0) * mass
    sums = np.add.reduceat(products[..., order], starts, axis=-1)  # (..., n_present)
    masses = np.add.reduceat(mass[..., order], starts, axis=-1)
    known = masses > 0
    means = np.divide(sums, masses, out=np.zeros(np.broadcast_shapes(sums.shape, masses.shape)), where=known)
    copies = 1.0 if counts is None else np.asarray(counts)[:, present].astype(np.float64)
    return _ratio((means * copies * known).sum(axis=-1), (known * copies).sum(axis=-1))


def mean_over_probes(
    values: NDArray[np.floating],
    people: NDArray[np.integer],
    *,
    probes: NDArray[np.integer] | None = None,
    counts: NDArray[np.integer] | None = None,
) -> Floats:
    """Return the mean over probes of the mean over their trials, each probe as often as its person is drawn.

    Args:
        values: (n_trials,) or (n_resamples, n_trials) float; nan: undefined, left out.
        people: (n_trials,) int from 0, the person of each trial's probe.
        probes: (n_trials,) int, the probe of each trial; None: each trial is its own probe.
        counts: (n_resamples, n_people) int from 0; None: everybody once.

    Returns:
        () or (n_resamples,) float64; nan where no trial is defined.
    """
    values, people = _checked(values, people)
    weights = _share_of_probe(probes, len(people))
    if counts is not None:
        weights = weights * np.asarray(counts)[:, people]
    defined = ~np.isnan(values)
    return _ratio((np.where(defined, values, 0.0) * weights).sum(axis=-1), (defined * weights).sum(axis=-1))


def median_over_probes(
    values: NDArray[np.floating], people: NDArray[np.integer], *, counts: NDArray[np.integer] | None = None
) -> Floats:
    """Return the median over probes, each probe as often as its person is drawn.

    With an even number of probes it is the mean of the two in the middle, as usual.

    Args:
        values: (n_probes,) or (n_resamples, n_probes) float; nan: undefined, left out.
        people: (n_probes,) int from 0, the person of each probe.
        counts: (n_resamples, n_people) int from 0; None: everybody once.

    Returns:
        () or (n_resamples,) float64; nan where no probe is defined.
    """
    values, people = _checked(values, people)
    if values.shape[-1] == 0:
        return np.full(_leading_shape(values, counts), np.nan)
    copies = np.ones(len(people)) if counts is None else np.asarray(counts)[:, people].astype(np.float64)
    values, copies = np.broadcast_arrays(values, copies)
    order = np.argsort(values, axis=-1)  # nan last
    ranked = np.take_along_axis(values, order, axis=-1)
    reached = np.cumsum(np.take_along_axis(np.where(np.isnan(values), 0.0, copies), order, axis=-1), axis=-1)
    total = reached[..., -1:]
    # The value at place j of the repeated list (from 1) is the first whose cumulated copies reach j.
    lower = (reached < np.floor((total + 1) / 2)).sum(axis=-1, keepdims=True)
    upper = (reached < np.floor(total / 2) + 1).sum(axis=-1, keepdims=True)
    last = ranked.shape[-1] - 1
    pair = [np.take_along_axis(ranked, np.minimum(place, last), axis=-1)[..., 0] for place in (lower, upper)]
    return np.where(total[..., 0] > 0, (pair[0] + pair[1]) / 2, np.nan)


def _checked(values: NDArray[np.floating], people: NDArray[np.integer]) -> tuple[Floats, NDArray[np.int64]]:
    checked: Floats = np.asarray(values, dtype=np.float64)
    owners: NDArray[np.int64] = np.asarray(people, dtype=np.int64)
    if checked.ndim == 0 or owners.shape != checked.shape[-1:]:
        raise DataError(f"`people` must name one person for each value. Got shapes {owners.shape}, {checked.shape}.")
    return checked, owners


def _leading_shape(values: Floats, counts: NDArray[np.integer] | None) -> tuple[int, ...]:
    return values.shape[:-1] if counts is None else (len(counts),)


def _share_of_probe(probes: NDArray[np.integer] | None, n_trials: int) -> Floats:
    """1 / number of trials of the same probe, (n_trials,)."""
    if probes is None:
        return np.ones(n_trials)
    _, inverse, sizes = np.unique(np.asarray(probes), return_inverse=True, return_counts=True)
    return np.asarray(1.0 / sizes[inverse])


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    ratio: Floats = np.full(shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=np.asarray(denominator) > 0)
    return ratio
