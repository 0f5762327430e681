"""People beside the model that played with them: accuracies, intervals and tests on the same turns.

Each share of right choices has two intervals: Wilson's, as if all turns were independent, and the bootstrap over
players, which knows that turns of one player are alike. Believe the wider one. Turns count equally, so a player of
many turns weighs more.

Example:
    >>> import datetime
    >>> time = datetime.datetime(2024, 8, 16)
    >>> turns = [Turn(p, "ann", "eve", "ann", choice, time) for p, choice in (("p", "ann"), ("q", "eve"))]
    >>> found = game_figures(turns, {"ann": "f", "eve": "f"}, n_resamples=100, seed=0)
    >>> found[0].group, found[0].n_turns, found[0].people.value, found[0].model.value
    ('all', 2, 0.5, 1.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.human_turns import Turn, pair_group
from visavox.metrics.bootstrap import Interval, paired_difference, percentile_interval, resample_people
from visavox.metrics.mcnemar import McNemar, mcnemar_test
from visavox.metrics.proportions import wilson_interval

GROUPS: Mapping[str, tuple[str, ...]] = {
    "all": ("female_female", "male_male", "different_gender"),
    "same_gender": ("female_female", "male_male"),
    "female_female": ("female_female",),
    "male_male": ("male_male",),
    "different_gender": ("different_gender",),
}
"""The rows of the table, and which turns each one holds."""

Rights = NDArray[np.bool_]


@dataclass(frozen=True)
class Accuracy:
    """Share of right choices with its two 95 % intervals."""

    value: float
    """0 to 1; chance is 0.5; nan without turns."""
    wilson: Interval
    """As if turns were independent."""
    over_players: Interval
    """Bootstrap over players."""


@dataclass(frozen=True)
class GameFigures:
    """People and model on the turns of one group."""

    group: str
    """Key of `GROUPS`."""
    n_turns: int
    """Turns."""
    n_players: int
    """Players with a turn in the group."""
    people: Accuracy
    """Of the players."""
    model: Accuracy
    """Of the model, on the same turns."""
    difference: float
    """Model minus people."""
    difference_interval: Interval
    """Its bootstrap interval over players."""
    difference_p_value: float
    """Two-sided p of the bootstrap over players."""
    table: McNemar
    """The model is A, people are B."""


def game_figures(
    turns: Sequence[Turn], genders: Mapping[str, str], *, n_resamples: int, seed: int
) -> tuple[GameFigures, ...]:
    """Return the figures of each group of `GROUPS`, in its order.

    Args:
        turns: the turns that count.
        genders: "f" or "m" for every id of a turn.
        n_resamples: bootstrap resamples of players, at least 1.
        seed: they depend on this number alone.
    """
    kinds = np.array([pair_group(turn, genders) for turn in turns])
    people, model = rights_of(turns)
    players = player_codes(turns)
    n_players = int(players.max(initial=-1)) + 1
    counts = resample_people(max(n_players, 1), n_resamples=n_resamples, rng=np.random.default_rng(seed))
    found = []
    for group, members in GROUPS.items():
        rows = np.isin(kinds, members) if len(kinds) else np.zeros(0, dtype=bool)
        found.append(_figures(group, people[rows], model[rows], players[rows], counts))
    return tuple(found)


def rights_of(turns: Sequence[Turn]) -> tuple[Rights, Rights]:
    """Return (n_turns,) bool whether the player, and whether the model, is right."""
    people = np.array([turn.player_is_right for turn in turns], dtype=np.bool_)
    return people, np.array([turn.model_is_right for turn in turns], dtype=np.bool_)


def player_codes(turns: Sequence[Turn]) -> NDArray[np.int64]:
    """Return (n_turns,) int64 from 0, the player of each turn, numbered by sorted name."""
    names = np.array([turn.player for turn in turns], dtype=object)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def resampled_share(right: Rights, players: NDArray[np.int64], counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the share of right turns on each resample of players.

    Args:
        right: (n_turns,) bool.
        players: (n_turns,) int64, column of `counts`.
        counts: (n_resamples, n_players) int, copies of each player.

    Returns:
        (n_resamples,) float64; nan where no turn was drawn.
    """
    n_players = counts.shape[1]
    n_right = counts @ np.bincount(players, weights=right, minlength=n_players)
    n_turns = counts @ np.bincount(players, minlength=n_players)
    share: NDArray[np.float64] = np.full(len(counts), math.nan)
    np.divide(n_right, n_turns, out=share, where=n_turns > 0)
    return share


def accuracy_of(right: Rights, resampled: NDArray[np.float64]) -> Accuracy:
    """Return a share of right turns with its intervals.

    Args:
        right: (n_turns,) bool.
        resampled: (n_resamples,) float64, the share on each resample of players.
    """
    value = float(right.mean()) if len(right) else math.nan
    wilson = wilson_interval(int(right.sum()), len(right))
    return Accuracy(value, wilson, percentile_interval(value, resampled, bounds=(0.0, 1.0)))


def _figures(
    group: str, people: Rights, model: Rights, players: NDArray[np.int64], counts: NDArray[np.integer]
) -> GameFigures:
    of_people, of_model = (resampled_share(right, players, counts) for right in (people, model))
    ours, theirs = accuracy_of(people, of_people), accuracy_of(model, of_model)
    paired = paired_difference(theirs.value, ours.value, of_model, of_people)
    return GameFigures(
        group=group,
        n_turns=len(people),
        n_players=len(np.unique(players)),
        people=ours,
        model=theirs,
        difference=paired.value,
        difference_interval=Interval(paired.low, paired.high),
        difference_p_value=paired.p_value,
        table=mcnemar_test(model, people),
    )
