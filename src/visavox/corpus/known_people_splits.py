"""Splits inside people: everybody is known, and each person's sessions, or clips, are dealt out to the subsets.

For closed-set identification, where the people of the test are those of the training. Dealing out sessions keeps rooms
and microphones apart; dealing out single clips, as the original experiment did, leaves clips of one session on both
sides, and a model may recognise the room. Splits between people are `visavox.corpus.splits`.

Example:
    >>> clips = [KnownClip(f"{person}-{i}", person, f"s{i // 2}") for person in "ab" for i in range(10)]
    >>> splits = split_known_people(clips, {"train": 0.6, "validation": 0.2, "test": 0.2}, by="session", seed=0)
    >>> splits.counts()
    {'train': 12, 'validation': 4, 'test': 4}
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from visavox.corpus.splits import Splits
from visavox.errors import ConfigError, DataError

STRANGERS = "strangers"
"""The subset of people whom nothing is trained on, who ask as strangers."""


@dataclass(frozen=True)
class KnownClip:
    """What decides the subset of a clip."""

    clip: str
    """Its name, unique."""
    person: str
    """Who it is."""
    session: str | None
    """The recording session, else the video; None where unknown."""


def split_known_people(
    clips: Iterable[KnownClip],
    fractions: Mapping[str, float],
    *,
    by: Literal["session", "clip"],
    seed: int,
    n_people: int = 0,
    n_strangers: int = 0,
    counts: Sequence[int] = (),
    catalog_hash: str = "",
) -> Splits:
    """Return a split in which everybody, but for the strangers, is in every subset, as far as `counts` lets them.

    Who has fewer sessions (or clips) than there are subsets is in none. A count below the number of people leaves some
    of them out of that subset.

    Args:
        clips: every clip once, of named people.
        fractions: share of each subset, above 0, adding up to 1.
        by: what is dealt out.
        seed: who is a stranger, and what goes where, depends on it and on the clips alone, not on their order.
        n_people: known people at most; 0 for all that are left.
        n_strangers: people who go into the subset "strangers" with all their clips; 0 or more.
        counts: clips that each subset has at most, in the order of `fractions`; what is above is left out, evenly over
            the people. Empty leaves all.
        catalog_hash: kept in the split, to be compared when it is loaded.

    Raises:
        ConfigError: shares that do not add up, fewer than two people are left, or a number is negative.
        DataError: by session, and a clip says of no session.
    """
    _check(fractions, counts, n_people=n_people, n_strangers=n_strangers)
    rows = sorted(set(clips), key=lambda row: row.clip)
    unknown = [row.clip for row in rows if row.session is None] if by == "session" else []
    if unknown:
        raise DataError(
            f"A split by session needs the session, or the video, of every clip. {len(unknown)} say neither, "
            f"{unknown[0]!r} for one. Add a column `session`, or split with --by clip."
        )
    rng = np.random.default_rng([seed, len(rows)])
    units: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        units[row.person][str(row.session) if by == "session" else row.clip].append(row.clip)
    usable = sorted(person for person, of_person in units.items() if len(of_person) >= len(fractions))
    chosen = [usable[place] for place in rng.permutation(len(usable))]
    known = chosen[n_strangers:][: n_people or None]
    strangers, known = chosen[:n_strangers], sorted(known)
    if len(known) < 2 or len(strangers) < n_strangers:
        raise ConfigError(
            f"Identification needs 2 known people or more, with {len(fractions)} {by}s each at least, beside the "
            f"{n_strangers} strangers. Got {len(usable)} such people of {len(units)}. Take fewer strangers or more "
            "people."
        )
    subsets: dict[str, str] = {}
    for person in known:
        subsets |= _deal(units[person], fractions, rng)
    if counts:
        subsets = _cut(subsets, {row.clip: row.person for row in rows}, dict(zip(fractions, counts, strict=True)), rng)
    subsets |= {clip: STRANGERS for person in strangers for unit in units[person].values() for clip in unit}
    return Splits(seed, catalog_hash, dict(fractions), subsets, by=by)


def _check(fractions: Mapping[str, float], counts: Sequence[int], *, n_people: int, n_strangers: int) -> None:
    if not fractions or min(fractions.values()) <= 0 or not math.isclose(sum(fractions.values()), 1.0, abs_tol=1e-6):
        given = ", ".join(f"{name}={share:g}" for name, share in fractions.items()) or "none"
        raise ConfigError(f"The shares of a split of known people must be above 0 and add up to 1. Got {given}.")
    if counts and (len(counts) != len(fractions) or min(counts) < 1):
        raise ConfigError(
            f"`counts` must be {len(fractions)} numbers from 1, for {', '.join(fractions)}. Got {list(counts)}."
        )
    for name, number in (("known", n_people), ("strangers", n_strangers)):
        if number < 0:
            raise ConfigError(f"`{name}` must be 0 or more. Got {number}.")


def _deal(
    units: Mapping[str, Sequence[str]], fractions: Mapping[str, float], rng: np.random.Generator
) -> dict[str, str]:
    """Return the subset of each clip of one person: one unit to each subset first, then where most is lacking."""
    names = sorted(fractions, key=lambda name: -fractions[name])
    total = sum(map(len, units.values()))
    lacking = {name: fractions[name] * total for name in names}
    order = [sorted(units)[place] for place in rng.permutation(len(units))]
    dealt: dict[str, str] = {}
    for place, unit in enumerate(order):
        name = names[place] if place < len(names) else max(names, key=lambda name: lacking[name])
        lacking[name] -= len(units[unit])
        dealt |= dict.fromkeys(units[unit], name)
    return dealt


def _cut(
    subsets: Mapping[str, str], person_of: Mapping[str, str], counts: Mapping[str, int], rng: np.random.Generator
) -> dict[str, str]:
    """Return the subsets with some clips left out, so that none has more than its count and everybody about as many."""
    kept: dict[str, str] = {}
    for name, count in counts.items():
        clips = sorted(clip for clip, subset in subsets.items() if subset == name)
        queue: dict[str, list[str]] = defaultdict(list)
        for place in rng.permutation(len(clips)):
            queue[person_of[clips[place]]].append(clips[place])
        # Everybody's first clip, then everybody's second, and so on; the last round is cut in a drawn order.
        people = [sorted(queue)[place] for place in rng.permutation(len(queue))]
        rounds = max(map(len, queue.values()))
        in_turn = [queue[person][turn] for turn in range(rounds) for person in people if turn < len(queue[person])]
        kept |= dict.fromkeys(in_turn[:count], name)
    return kept
