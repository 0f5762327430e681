"""Methods laid side by side: the mean over seeds with its interval over people, and the paired difference to one.

One board a set of people; figures of two sets never share a column. The resamples of people are the same for all
methods and seeds, so that the luck of who was drawn cancels in a difference.

Example:
    >>> def once(value, resampled):
    ...     found = Measure(*MAIN, value, chance=0.5, count=9, n_people=9)
    ...     return (TrainedOnce(0, (found,), {found.key: np.array(resampled)}),)
    >>> facts = ArenaFacts("real", n_pairs=9, n_people=9, n_trained=9, how="3 folds")
    >>> board = rank(facts, {"a": MethodFacts("cca"), "b": MethodFacts("cca")},
    ...              {"a": once(0.7, [0.6, 0.8]), "b": once(0.8, [0.7, 0.9])}, reference="a")
    >>> [(row.method, round(row.differences[MAIN].value, 3)) for row in board.rows]
    [('b', 0.1), ('a', 0.0)]
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.knowable import Estimate
from visavox.evaluation.measures import Measure
from visavox.metrics.bootstrap import PairedDifference, paired_difference, percentile_interval

Key = tuple[str, str, str, str]  # protocol, direction, group, measure
MAIN: Key = ("matching", "voice_to_face", "all", "accuracy_1_of_2")
"""What methods are ranked by."""
KNOWABLE = ("all", "same_gender")  # groups whose ceiling a world gives


@dataclass(frozen=True)
class TrainedOnce:
    """A method trained with one seed."""

    seed: int
    measures: tuple[Measure, ...] = ()
    """Empty where there is a problem."""
    resamples: Mapping[Key, NDArray[np.float64]] = field(default_factory=dict, compare=False, repr=False)
    """(n_resamples,) each, on the same resamples of people for all methods and seeds."""
    n_parameters: int = 0
    train_s: float = 0.0
    problem: str = ""
    """Why there are no measures."""


@dataclass(frozen=True)
class MethodFacts:
    """What a method is."""

    associator: str
    """Registry name."""
    objective: str = ""
    """Registry name; "" for a closed form."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """Settings that it does not share with the others."""


@dataclass(frozen=True)
class ArenaFacts:
    """Whom methods were trained and tested on."""

    name: str
    n_pairs: int
    """Pairs in all."""
    n_people: int
    """People who were tested; where unknown, videos."""
    n_trained: int
    """Pairs of the smallest training set."""
    how: str
    """"5 folds", or "30% of the people kept for the test"."""
    people_known: bool = True
    """Whether people are known by name; else each video counts as one."""
    predicted_genders: bool = False
    """Whether "same gender" rests on predicted genders."""
    ceiling: Mapping[tuple[str, str, str], Estimate] | None = None
    """In a world: the best possible figure by direction, group and measure."""


@dataclass(frozen=True)
class Row:
    """One method on one board."""

    method: str
    facts: MethodFacts
    measures: Mapping[Key, Measure]
    """Means over the seeds, with intervals over people."""
    differences: Mapping[Key, PairedDifference]
    """This method less the reference, on the same people."""
    spread: Mapping[Key, float]
    """Standard deviation over the seeds; nan for one seed."""
    shares: Mapping[Key, Measure]
    """In a world: shares of the knowable, of the 1:2 accuracies."""
    n_seeds: int
    n_parameters: int
    train_s: float
    """Seconds of one training, mean over the seeds."""
    problem: str = ""
    """Why there are no figures."""


@dataclass(frozen=True)
class Board:
    """All methods on one set of people, best first; those with a problem last."""

    arena: ArenaFacts
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Leaderboard:
    """All boards of a comparison."""

    name: str
    about: str
    reference: str
    """The method that the others are compared with."""
    boards: tuple[Board, ...]
    made: Mapping[str, Any]
    """Where the figures come from, JSON values only."""


def rank(
    arena: ArenaFacts,
    methods: Mapping[str, MethodFacts],
    runs: Mapping[str, Sequence[TrainedOnce]],
    *,
    reference: str,
) -> Board:
    """Return the board of one set of people.

    Args:
        arena: the people.
        methods: name to facts.
        runs: name to one training a seed.
        reference: the method that differences are taken to.

    A method of which any seed failed has no figures: the mean of the lucky seeds would flatter it.
    """
    means = {name: _mean_over_seeds(runs[name]) for name in methods}
    rows = [_row(name, facts, runs[name], means[name], means[reference], arena) for name, facts in methods.items()]

    def place(row: Row) -> float:
        found = row.measures.get(MAIN)
        return -found.value if found is not None and not math.isnan(found.value) else math.inf

    return Board(arena, tuple(sorted(rows, key=place)))


_Means = dict[Key, tuple[Measure, NDArray[np.float64] | None]]


def _mean_over_seeds(runs: Sequence[TrainedOnce]) -> _Means:
    if not runs or any(run.problem for run in runs):
        return {}
    found: _Means = {}
    for first in runs[0].measures:
        same = [next(m for m in run.measures if m.key == first.key) for run in runs]
        value = float(np.mean([m.value for m in same]))
        resampled = None
        low = high = math.nan
        if all(first.key in run.resamples for run in runs):
            resampled = np.mean([run.resamples[first.key] for run in runs], axis=0)
            interval = percentile_interval(value, resampled)
            low, high = interval.low, interval.high
        found[first.key] = (dataclasses.replace(first, value=value, low=low, high=high), resampled)
    return found


def _row(
    name: str, facts: MethodFacts, runs: Sequence[TrainedOnce], means: _Means, reference: _Means, arena: ArenaFacts
) -> Row:
    differences: dict[Key, PairedDifference] = {}
    for key, (found, resampled) in means.items():
        other, others = reference.get(key, (None, None))
        if other is not None and resampled is not None and others is not None and not math.isnan(found.value):
            differences[key] = paired_difference(found.value, other.value, resampled, others)
    by_seed = {key: [m.value for run in runs for m in run.measures if m.key == key] for key in means}
    return Row(
        method=name,
        facts=facts,
        measures={key: found for key, (found, _) in means.items()},
        differences=differences,
        spread={key: float(np.std(v, ddof=1)) if len(v) > 1 else math.nan for key, v in by_seed.items()},
        shares=_shares(means, arena),
        n_seeds=len(runs),
        n_parameters=max((run.n_parameters for run in runs), default=0),
        train_s=float(np.mean([run.train_s for run in runs])) if runs else math.nan,
        problem=next((run.problem for run in runs if run.problem), ""),
    )


def _shares(means: _Means, arena: ArenaFacts) -> dict[Key, Measure]:
    """Return (value - chance) / (ceiling - chance) of each 1:2 accuracy whose ceiling is known, ends likewise."""
    shares: dict[Key, Measure] = {}
    for key, (found, _) in means.items():
        protocol, direction, group, measure = key
        ceiling = (arena.ceiling or {}).get((direction, group, measure))
        if ceiling is None or protocol != "matching" or group not in KNOWABLE or ceiling.value <= found.chance:
            continue
        room = ceiling.value - found.chance
        value, low, high = ((v - found.chance) / room for v in (found.value, found.low, found.high))
        shares[key] = dataclasses.replace(
            found, measure="share_of_knowable", value=value, low=low, high=high, chance=0.0
        )
    return shares
