"""People beside the model that played with them: accuracies, intervals and tests on the same turns.

Each share of right choices has several intervals: Wilson's, as if all turns were independent; bootstraps over players
and over voices, which know that turns of one player, or with one voice, are alike; for other players hearing other
voices the sum of both, and the cautious pigeonhole bootstrap. Turns count equally: a player of many turns weighs more.

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
from visavox.metrics.bootstrap import (
    Interval,
    PairedDifference,
    paired_difference,
    percentile_interval,
    resample_people,
)
from visavox.metrics.crossed_bootstrap import pigeonhole_share, resampled_share, two_way_difference
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
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Accuracy:
    """Share of right choices with its 95 % intervals."""

    value: float
    """0 to 1; chance is 0.5; nan without turns."""
    wilson: Interval
    """As if turns were independent."""
    over_players: Interval
    """Bootstrap over players."""
    over_items: Interval
    """Bootstrap over voices, each a person who speaks."""
    over_both: Interval
    """For other players and other voices."""
    cautious: Interval
    """Pigeonhole bootstrap over players and voices, at least as wide as need be."""


@dataclass(frozen=True)
class GameFigures:
    """People and model on the turns of one group."""

    group: str
    """Key of `GROUPS`."""
    n_turns: int
    """Turns."""
    n_players: int
    """Players with a turn in the group."""
    n_items: int
    """Voices heard in the group."""
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
    difference_over_items: PairedDifference
    """The same, over voices."""
    difference_over_both: PairedDifference
    """For other players and other voices."""
    difference_cautious: PairedDifference
    """By the pigeonhole bootstrap."""
    table: McNemar
    """The model is A, people are B."""


@dataclass(frozen=True)
class Resamples:
    """Players and voices drawn with replacement, apart from each other."""

    players: NDArray[np.int32]
    """(n_resamples, n_players) int32, copies of each player."""
    items: NDArray[np.int32]
    """(n_resamples, n_items) int32, copies of each voice."""

    def shares(self, right: Rights, players: Codes, items: Codes) -> tuple[Floats, Floats, Floats]:
        """Return the share of right turns, (n_resamples,) float64, over players, over voices, and over both.

        nan where there is only one player, or one voice, to draw from: no interval says how another would have done.

        Args:
            right: (n_turns,) bool.
            players: (n_turns,) int64, column of the players' counts.
            items: (n_turns,) int64, column of the voices' counts.
        """
        unknown = np.full(len(self.players), math.nan)
        has_players, has_items = (len(np.unique(codes)) > 1 for codes in (players, items))
        return (
            resampled_share(right, players, self.players) if has_players else unknown,
            resampled_share(right, items, self.items) if has_items else unknown,
            pigeonhole_share(right, players, items, self.players, self.items) if has_players and has_items else unknown,
        )


def game_figures(
    turns: Sequence[Turn], genders: Mapping[str, str], *, n_resamples: int, seed: int
) -> tuple[GameFigures, ...]:
    """Return the figures of each group of `GROUPS`, in its order.

    Args:
        turns: the turns that count.
        genders: "f" or "m" for each id; turns with an id that is absent count in "all" alone.
        n_resamples: bootstrap resamples of players and of voices, at least 1.
        seed: they depend on this number alone.
    """
    kinds = np.array([pair_group(turn, genders) for turn in turns])
    people, model = rights_of(turns)
    players, items = player_codes(turns), item_codes(turns)
    drawn = resampled(players, items, n_resamples=n_resamples, seed=seed)
    found = []
    for group, members in GROUPS.items():
        rows = np.isin(kinds, members) | (group == "all") if len(kinds) else np.zeros(0, dtype=bool)
        found.append(_figures(group, people[rows], model[rows], players[rows], items[rows], drawn))
    return tuple(found)


def resampled(players: Codes, items: Codes, *, n_resamples: int, seed: int) -> Resamples:
    """Return draws of players and voices that depend on the seed alone.

    Args:
        players: (n_turns,) int64 from 0.
        items: (n_turns,) int64 from 0.
        n_resamples: at least 1.
        seed: of both.
    """
    sizes = [max(int(codes.max(initial=-1)) + 1, 1) for codes in (players, items)]
    seeds: tuple[int | tuple[int, int], ...] = (
        seed,
        (seed, 1),
    )  # the draws of players are those of reports before there were draws of voices
    counts = [
        resample_people(size, n_resamples=n_resamples, rng=np.random.default_rng(own))
        for size, own in zip(sizes, seeds, strict=True)
    ]
    return Resamples(*counts)


def rights_of(turns: Sequence[Turn]) -> tuple[Rights, Rights]:
    """Return (n_turns,) bool whether the player, and whether the model, is right."""
    people = np.array([turn.player_is_right for turn in turns], dtype=np.bool_)
    return people, np.array([turn.model_is_right for turn in turns], dtype=np.bool_)


def player_codes(turns: Sequence[Turn]) -> Codes:
    """Return (n_turns,) int64 from 0, the player of each turn, numbered by sorted name."""
    names = np.array([turn.player for turn in turns], dtype=object)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def item_codes(turns: Sequence[Turn]) -> Codes:
    """Return (n_turns,) int64 from 0, the person who speaks in each turn, numbered by sorted id."""
    names = np.array([turn.true_item for turn in turns], dtype=object)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def accuracy_of(right: Rights, shares: tuple[Floats, Floats, Floats]) -> Accuracy:
    """Return a share of right turns with its intervals.

    Args:
        right: (n_turns,) bool.
        shares: (n_resamples,) float64 each, from `Resamples.shares`.
    """
    value = float(right.mean()) if len(right) else math.nan
    players, items, cautious = (percentile_interval(value, share, bounds=(0.0, 1.0)) for share in shares)
    both = two_way_difference(value, shares[0], shares[1], right, bounds=(0.0, 1.0))
    wilson = wilson_interval(int(right.sum()), len(right))
    return Accuracy(value, wilson, players, items, Interval(both.low, both.high), cautious)


def _figures(group: str, people: Rights, model: Rights, players: Codes, items: Codes, drawn: Resamples) -> GameFigures:
    of_people, of_model = (drawn.shares(right, players, items) for right in (people, model))
    ours, theirs = accuracy_of(people, of_people), accuracy_of(model, of_model)
    paired = [
        paired_difference(theirs.value, ours.value, his, own) for his, own in zip(of_model, of_people, strict=True)
    ]
    return GameFigures(
        group=group,
        n_turns=len(people),
        n_players=len(np.unique(players)),
        n_items=len(np.unique(items)),
        people=ours,
        model=theirs,
        difference=paired[0].value,
        difference_interval=Interval(paired[0].low, paired[0].high),
        difference_p_value=paired[0].p_value,
        difference_over_items=paired[1],
        difference_over_both=two_way_difference(
            paired[0].value, of_model[0] - of_people[0], of_model[1] - of_people[1], model * 1.0 - people
        ),
        difference_cautious=paired[2],
        table=mcnemar_test(model, people),
    )
