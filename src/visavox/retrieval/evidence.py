"""How well each person of a gallery explains a query: the mean over the clips, in likelihood.

A pair of a query and a clip has the log likelihood ratio slope * cosine (and an intercept, the same everywhere, that is
left out here). Each clip of a person explains the query as probably as another, so the person's ratio is their mean

    exp(evidence of a person) = (1 / clips of the person) * sum over them of exp(slope * cosine)

of ratios whose expectation is 1 where it is somebody else, and so has the same expectation: many clips favour nobody,
which the ratio of the best clip would. A clip that stands for itself is a person of one clip.

Example:
    >>> person_log_means(np.log([3.0, 1.0, 5.0]), np.array([0, 0, 1]), np.array([2, 1])).round(3).tolist()
    [0.693, 1.609]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.retrieval.gallery_rows import By, Hit

LEAST_LOOKED_AT = 1000
"""Clips that are retrieved of an approximate index, to know what the rest can add."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The candidates of a gallery that explain a query best, and how well all of them do together."""

    hits: tuple[Hit, ...]
    """k candidates, best first; of a person the clip that is most similar to the query."""
    logs: NDArray[np.float64]
    """(k,) log of the mean of exp(slope * cosine) over the clips of each; the least that it can be where not all were
    looked at."""
    log_mass: float
    """Log of the sum of the same means over every candidate; the most that it can be where not all were looked at."""
    n_candidates: int
    """People or clips that may be found."""
    n_clips: int
    """Clips that may be found."""
    n_seen: int
    """Clips that were looked at."""
    log_unseen: float = -np.inf
    """Log of the share of the mass that is given to the clips that were not looked at."""


def person_log_means(
    logs: NDArray[np.float64], people: NDArray[np.int64], n_clips: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return for each person the log of the mean of exp(log) over the person's clips.

    Args:
        logs: (m,) slope * cosine of clips that were looked at.
        people: (m,) whose clip each is, 0 to p - 1.
        n_clips: (p,) how many clips of each may be found. Where more may be found than were looked at, what comes out
            is the least that the mean can be.

    Returns:
        (p,) float64; -inf for a person without a clip.
    """
    top = np.full(len(n_clips), -np.inf)
    np.maximum.at(top, people, logs)
    top[np.isneginf(top)] = 0.0
    sums = np.bincount(people, weights=np.exp(logs - top[people]), minlength=len(n_clips))
    with np.errstate(divide="ignore"):
        found: NDArray[np.float64] = top + np.log(sums) - np.log(np.maximum(n_clips, 1))
    return found


def evidence_of_rows(
    logs: NDArray[np.float64], people: NDArray[np.int64], n_clips: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Weigh clips person by person.

    Args:
        logs: as `person_log_means` takes them.
        people: (m,) as well.
        n_clips: (p,) as well.
        k: people wanted, 1 or more.

    Returns:
        The best clip of each of the `k` best people, (k,) places in `logs`; their log means, (k,), falling; and those
        of everybody, (p,). Of equal people the one of the smaller number comes first, of equal clips the first.
    """
    means = person_log_means(logs, people, n_clips)
    best = most_evident(means, k)
    place = np.full(len(means), -1, dtype=np.int64)
    place[best] = np.arange(len(best))
    rows = np.flatnonzero(place[people] >= 0)
    order = rows[np.lexsort((-rows, logs[rows]))]  # the best clip of a person is written last
    chosen = np.empty(len(best), dtype=np.int64)
    chosen[place[people[order]]] = order
    return chosen, means[best], means


def evidence_of_retrieved(
    hits: Sequence[Hit], slope: float, k: int, *, by: By, n_candidates: int, n_clips: int, clips_of: Mapping[str, int]
) -> Evidence:
    """Weigh the clips that an approximate index retrieved: bounds, the rest at the most that it can be worth.

    What was not retrieved is at most as similar as the last that was. So a person's mean is at least the sum over the
    retrieved clips divided by all of the person's, and the mass at most that and the last for every share that lacks.

    Args:
        hits: the most similar clips, falling; one at least.
        slope: nats a cosine.
        k: candidates wanted, 1 or more.
        by: what a candidate is.
        n_candidates: people or clips that may be found.
        n_clips: clips that may be found.
        clips_of: person -> clips that may be found, of everybody among `hits`; by clip nothing is asked of it.
    """
    logs = slope * np.array([hit.similarity for hit in hits])
    names = [hit.person if by == "person" else hit.key for hit in hits]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    people = np.array([numbers[name] for name in names], dtype=np.int64)
    n_seen = np.bincount(people, minlength=len(numbers))
    n_own = np.maximum(n_seen, [clips_of[name] if by == "person" else 1 for name in numbers])
    chosen, best, means = evidence_of_rows(logs, people, n_own, k)
    shares_left = n_candidates - float((n_seen / n_own).sum())
    is_whole = len(hits) >= n_clips or shares_left <= 0
    log_unseen = -np.inf if is_whole else float(np.log(shares_left) + logs.min())
    log_mass = float(np.logaddexp(log_sum(means), log_unseen))
    shown = tuple(hits[row] for row in chosen)
    return Evidence(shown, best, log_mass, n_candidates, n_clips, len(hits), log_unseen)


def most_evident(logs: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the places of the `k` largest, falling, of equal ones the first; those of -inf are left out."""
    there = np.flatnonzero(~np.isneginf(logs))
    if k < len(there):
        least = np.partition(logs[there], len(there) - k)[len(there) - k]
        there = there[logs[there] >= least]
    order: NDArray[np.int64] = there[np.argsort(-logs[there], kind="stable")][:k]
    return order


def log_sum(logs: NDArray[np.float64]) -> float:
    """Return log sum exp(log); -inf of none."""
    top = float(logs.max(initial=-np.inf))
    return top if np.isneginf(top) else top + float(np.log(np.exp(logs - top).sum()))
