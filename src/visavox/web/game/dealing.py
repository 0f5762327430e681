"""Whom the next turn shows: two people by difficulty, and who of them speaks.

Difficulty d, 1 to 5, makes the two of one gender with probability (d - 1) / 4: at 1 never, at 5 always; then women or
men with equal chance. Whoever was shown least often in the session comes first; so nobody comes twice before everybody
of that gender has come once, and so on round by round. Among equals chance decides, but nobody comes in two turns
running while others of the round are left.

What it is not: the log of turns (`visavox.web.game.turn_log`); the plan of a study, which is made before it begins.

Example:
    >>> pool = {"ann": "f", "eve": "f", "ben": "m", "tom": "m"}
    >>> dealt = deal(pool, [("ann", "ben")], difficulty=1, rng=random.Random(0))
    >>> {dealt.true_item, dealt.false_item} == {"eve", "tom"}
    True
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_DIFFICULTY, MAX_DIFFICULTY, DEFAULT_DIFFICULTY = 1, 5, 3
GENDERS = ("f", "m")


@dataclass(frozen=True)
class DealtTurn:
    """Who stands where, and who speaks."""

    true_item: str
    """Who speaks."""
    false_item: str
    """Whose face stands beside."""
    left_item: str
    """One of the two."""

    @property
    def right_item(self) -> str:
        """The other one."""
        return self.false_item if self.left_item == self.true_item else self.true_item


def same_gender_probability(difficulty: int) -> float:
    """Return how probably the two faces of a turn are of one gender.

    Args:
        difficulty: 1 to 5.

    Example:
        >>> [same_gender_probability(level) for level in (1, 2, 3, 4, 5)]
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return (difficulty - MIN_DIFFICULTY) / (MAX_DIFFICULTY - MIN_DIFFICULTY)


def deal(
    genders: Mapping[str, str | None],
    shown: Sequence[tuple[str, str]],
    *,
    difficulty: int | None,
    rng: random.Random,
) -> DealtTurn:
    """Return the next turn.

    Args:
        genders: of everybody in the pool, by id. With a difficulty, "f" or "m", and two or more of each.
        shown: the two people of each turn of the session so far, in order; who is not in the pool is passed over.
        difficulty: 1 to 5; None takes any two people, whatever their genders.
        rng: decides everything; in a game `random.SystemRandom()`.
    """
    counts = Counter(item for pair in shown for item in pair)
    last = frozenset(shown[-1]) if shown else frozenset()
    if difficulty is None:
        wanted: tuple[str | None, ...] = (None, None)
    elif rng.random() < same_gender_probability(difficulty):
        wanted = (rng.choice(GENDERS),) * 2
    else:
        wanted = GENDERS
    chosen: list[str] = []
    for gender in wanted:
        candidates = [item for item, known in genders.items() if gender in (None, known) and item not in chosen]
        chosen.append(_least_shown(candidates, counts, last, rng))
    rng.shuffle(chosen)
    true_item, false_item = chosen
    return DealtTurn(true_item, false_item, left_item=rng.choice(chosen))


def _least_shown(candidates: Sequence[str], counts: Counter[str], last: frozenset[str], rng: random.Random) -> str:
    """Return one of those who came least often; of these, where that is possible, one who was not in the last turn."""
    least = min(counts[item] for item in candidates)
    round_left = [item for item in candidates if counts[item] == least]
    return rng.choice([item for item in round_left if item not in last] or round_left)
