"""Who finds it hard, and whether players learn: two of the tables below the figures of a game.

Example:
    sections = (learning_section(turns, genders, n_resamples=2000, seed=0), player_section(turns, genders))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from visavox.evaluation.human_baseline import player_codes, rights_of
from visavox.evaluation.human_turns import Turn, pair_group, turn_numbers
from visavox.evaluation.record import Cell, Section
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.metrics.crossed_bootstrap import resampled_share

MIN_PLAYER_TURNS = 10  # turns from which a player's own accuracy says something
TURN_BANDS = ((1, 2), (3, 5), (6, 10), (11, 20), (21, None))
EARLY = 5  # the first turns of a player, and as many after them


def player_section(turns: Sequence[Turn], genders: Mapping[str, str]) -> Section:
    """Return how players differ: quantiles of their accuracy, and how much of the spread is luck."""
    people, model = rights_of(turns)
    players = player_codes(turns)
    n_turns = np.bincount(players)
    able = np.flatnonzero(n_turns >= MIN_PLAYER_TURNS)
    own, theirs = (np.bincount(players, weights=right)[able] / n_turns[able] for right in (people, model))
    rows: list[tuple[Cell, ...]] = [
        (f"{100 * share:g} % of players are at most", float(np.quantile(own, share)), float(np.quantile(theirs, share)))
        for share in ((0.1, 0.25, 0.5, 0.75, 0.9) if len(able) else ())
    ]
    known = f"{len(n_turns):,} {plural(len(n_turns), 'player')}"
    notes = [f"{known}, median {np.median(n_turns):g} turns, at most {n_turns.max(initial=0):,}."]
    if len(able) > 1:
        kinds = np.array([pair_group(turn, genders) for turn in turns])
        rate = np.zeros(len(turns))
        for kind in np.unique(kinds):
            rate[kinds == kind] = people[kinds == kind].mean()
        luck = np.bincount(players, weights=rate * (1 - rate))[able] / n_turns[able] ** 2
        expected = np.bincount(players, weights=rate)[able] / n_turns[able]
        spread, by_luck = float(((own - expected) ** 2).mean()), float(luck.mean())
        skill = math.sqrt(max(spread - by_luck, 0.0))
        notes.append(
            f"Players stray {100 * math.sqrt(spread):.1f} points (root mean square) from what the genders of their "
            f"pairs let expect; if all had the same skill, luck alone would give {100 * math.sqrt(by_luck):.1f}. What "
            f"is left for skill is {100 * skill:.1f} points."
        )
        better = int((own > theirs).sum())
        notes.append(f"{better} of these {len(able)} players were right more often than the model on their own turns.")
    named = f"The {len(able)} {plural(len(able), 'player')}"
    text = f"{named} with {MIN_PLAYER_TURNS} turns or more, and the model on the turns of each."
    return Section("Player by player", text, ("players", "people %", "model %"), tuple(rows), notes=tuple(notes))


def learning_section(turns: Sequence[Turn], genders: Mapping[str, str], *, n_resamples: int, seed: int) -> Section:
    """Return the accuracy by how many turns the player has had, and the same players' first and next turns.

    Args:
        turns: in the order of time.
        genders: "f" or "m" for every id.
        n_resamples: bootstrap resamples of players.
        seed: they depend on this number alone.
    """
    people, _ = rights_of(turns)
    players, numbers = player_codes(turns), np.array(turn_numbers(turns), dtype=np.int64)
    same = np.array([pair_group(turn, genders) != "different_gender" for turn in turns], dtype=np.bool_)
    n_players = int(players.max(initial=-1)) + 1
    counts = resample_people(max(n_players, 1), n_resamples=n_resamples, rng=np.random.default_rng(seed))

    def cell(rows: np.ndarray) -> tuple[float, float, float]:
        """Return people's share right among rows, a (n_turns,) bool mask, with its interval; one player has none."""
        value = float(people[rows].mean()) if rows.any() else math.nan
        drawn = counts if len(np.unique(players[rows])) > 1 else counts[:0]
        interval = percentile_interval(value, resampled_share(people[rows], players[rows], drawn), bounds=(0.0, 1.0))
        return value, interval.low, interval.high

    rows: list[tuple[Cell, ...]] = []
    for first, last in TURN_BANDS:
        inside = (numbers >= first) & (numbers <= (last or np.inf))
        if not inside.any():
            continue
        name = f"{first}–{last}" if last else f"{first} and later"
        rows.append((name, int(inside.sum()), len(np.unique(players[inside])), cell(inside), cell(inside & same)))
    notes = ["Who plays on is not who stopped: the rows below do not hold the same players as those above."]
    notes += _same_players(people, players, numbers, counts)
    text = "Share of right choices by the number of the player's turn. Intervals over players."
    columns = ("turn", "turns", "players", "all %", "same gender %")
    return Section("Over the turns", text, columns, tuple(rows), notes=tuple(notes))


def _same_players(people: np.ndarray, players: np.ndarray, numbers: np.ndarray, counts: np.ndarray) -> list[str]:
    """The first turns of those who played on, and their next ones: the same players on both sides."""
    n_turns = np.bincount(players, minlength=counts.shape[1])
    stayed = (n_turns >= 2 * EARLY)[players]
    parts = [stayed & (numbers <= EARLY), stayed & (numbers > EARLY) & (numbers <= 2 * EARLY)]
    if not parts[1].any():
        return []
    values = [float(people[part].mean()) for part in parts]
    resampled = [resampled_share(people[part], players[part], counts) for part in parts]
    change = values[1] - values[0]
    n_stayed = int((n_turns >= 2 * EARLY).sum())
    who = f"The {n_stayed} {plural(n_stayed, 'player')} with {2 * EARLY} turns or more"
    said = (
        f"{who} {'was' if n_stayed == 1 else 'were'} right {100 * values[0]:.1f} % of the time in their first {EARLY} "
        f"turns and {100 * values[1]:.1f} % in the next {EARLY}: {signed(change)} points"
    )
    if n_stayed == 1:
        return [f"{said}."]
    interval = percentile_interval(change, resampled[1] - resampled[0], bounds=(-1.0, 1.0))
    return [f"{said} (95 % interval {signed(interval.low)} to {signed(interval.high)})."]


def signed(share: float) -> str:
    """Return a difference of shares in points with its sign.

    Example:
        >>> signed(-0.0172), signed(0.088)
        ('−1.7', '+8.8')
    """
    return f"{100 * share:+.1f}".replace("-", "−")


def plural(number: int, noun: str) -> str:
    """Return a noun, with an s unless there is one of it.

    Example:
        >>> plural(1, "player"), plural(2, "player")
        ('player', 'players')
    """
    return noun if number == 1 else f"{noun}s"
