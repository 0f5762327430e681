"""Turns of a guess-the-face game: a voice, its own face, another face, and what the player and the model chose.

Records and rules only: which turns are double clicks, and which question a turn asked. Logs are read in
`visavox.pipeline`; the figures are `visavox.evaluation.human_baseline`.

Example:
    >>> noon = datetime.datetime(2024, 8, 16, 12)
    >>> turn = Turn("p", "ann", "eve", model_choice="ann", player_choice="eve", time=noon)
    >>> turn.player_is_right, turn.model_is_right, pair_group(turn, {"ann": "f", "eve": "f"})
    (False, True, 'female_female')
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DOUBLE_CLICK_S = 60.0
"""Seconds within which the same question to the same player again is the same click sent twice."""


@dataclass(frozen=True)
class Turn:
    """One question and its two answers."""

    player: str
    """Session of the player."""
    true_item: str
    """Id of the person who speaks."""
    false_item: str
    """Id of the other person."""
    model_choice: str
    """Id that the model chose: one of the two."""
    player_choice: str
    """Id that the player chose: one of the two."""
    time: datetime.datetime
    """When the answer was logged."""
    difficulty: int | None = None
    """Level at which the turn was dealt, 1 to 5; None where it was not, or the log does not say."""
    reaction_ms: int | None = None
    """Milliseconds from the first sound to the answer; None where the log does not say."""
    planned: bool = False
    """Whether the turn is of a study, which asks nothing twice by mistake."""

    @property
    def player_is_right(self) -> bool:
        """Whether the player chose the person who speaks."""
        return self.player_choice == self.true_item

    @property
    def model_is_right(self) -> bool:
        """Whether the model did."""
        return self.model_choice == self.true_item


def in_order(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns by time; those of one second stay in the order of the log."""
    return sorted(turns, key=lambda turn: turn.time)


def without_double_clicks(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns by time without those that a player sent twice.

    A turn is left out when the player's last turn that was kept asked the same question, with the same true and the
    same false face, at most `DOUBLE_CLICK_S` before. The first answer stands: the second may have been given with the
    right answer on the screen.

    Args:
        turns: in any order.
    """
    kept: list[Turn] = []
    last: dict[str, Turn] = {}
    for turn in in_order(turns):
        before = last.get(turn.player)
        if (
            before is not None
            and not turn.planned
            and (before.true_item, before.false_item) == (turn.true_item, turn.false_item)
            and (turn.time - before.time).total_seconds() <= DOUBLE_CLICK_S
        ):
            continue
        kept.append(turn)
        last[turn.player] = turn
    return kept


def pair_group(turn: Turn, genders: Mapping[str, str]) -> str:
    """Return which two people a turn shows: "female_female", "male_male", "different_gender", or "unknown".

    Args:
        turn: the turn.
        genders: "f" or "m" for each id; one that is absent is not known.
    """
    true, false = genders.get(turn.true_item), genders.get(turn.false_item)
    if true is None or false is None:
        return "unknown"
    if true != false:
        return "different_gender"
    return "female_female" if true == "f" else "male_male"


def turn_numbers(turns: Sequence[Turn]) -> list[int]:
    """Return how many turns of the same player came up to each turn, itself included: 1 for his first.

    Args:
        turns: in the order of time.
    """
    played: dict[str, int] = {}
    numbers = []
    for turn in turns:
        played[turn.player] = played.get(turn.player, 0) + 1
        numbers.append(played[turn.player])
    return numbers
