"""Candidates by person, handed out so that people, and then their clips, are used as evenly as can be.

Whoever was used least is next, and chance decides among equals. Negatives are counted apart from positives: a person
with many clips is often the positive, and must not therefore be met less often as a negative, nor more often.

Example:
    >>> pool = Pool([ClipLink("a", "Ann"), ClipLink("b", "Bob"), ClipLink("c", "Cy")], np.random.default_rng(0))
    >>> sorted(pool.negatives(ClipLink("x", "Ann"), 2)), pool.positive(ClipLink("x", "Ann"))
    (['b', 'c'], 'a')
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from visavox.corpus.items import ClipLink

Neighbours = Mapping[str, Sequence[str]]
"""From a person to others, the most alike first."""

MIN_NEAREST = 10
"""Hard negatives are drawn among so many people, or twice as many as a trial needs where that is more."""


class Pool:
    """Candidates among whom any may be another's negative."""

    def __init__(
        self, links: Iterable[ClipLink], rng: np.random.Generator, neighbours: Neighbours | None = None
    ) -> None:
        """Sort the links by person.

        Args:
            links: sorted by clip, so that the order of rows does not matter.
            rng: decides among those who were used equally often.
            neighbours: makes the negatives hard.
        """
        by_person: dict[str, dict[str, ClipLink]] = defaultdict(dict)
        for link in links:
            by_person[link.identity][link.clip] = link
        self.people = sorted(by_person)
        self._neighbours = neighbours
        self._rng = rng
        self._used: Counter[str] = Counter()  # of hard negatives, who do not take turns
        self._links = by_person
        self._turns = _Turns(self.people, rng)
        self._positives = {person: _Turns(by_person[person], rng) for person in self.people}
        self._negatives = {person: _Turns(by_person[person], rng) for person in self.people}

    def has(self, person: str) -> bool:
        """Return whether somebody is among the candidates."""
        return person in self._links

    def positive(self, probe: ClipLink) -> str | None:
        """Return the clip of the probe's person that was used least; None where there is none."""
        turns = self._positives.get(probe.identity)
        taken = turns.take(lambda _: True) if turns else None
        if turns is None or taken is None:
            return None
        turns.use(taken)
        return taken.name

    def negatives(self, probe: ClipLink, n_wanted: int) -> list[str]:
        """Return clips of `n_wanted` different other people, none of the probe's video, or [] where there are fewer."""
        people = self._near(probe, n_wanted) if self._neighbours is not None else self._any(probe, n_wanted)
        return [self._clip_of(person, probe) for person in people]

    def _clip_of(self, person: str, probe: ClipLink) -> str:
        """Return the least used clip of somebody who may meet the probe."""
        turns, links = self._negatives[person], self._links[person]
        clip = turns.take(lambda name: _is_apart(links[name], probe))
        assert clip is not None
        turns.use(clip)
        return clip.name

    def _may_meet(self, person: str, probe: ClipLink) -> bool:
        """Return whether somebody is another than the probe's person and has a clip from another video."""
        return person != probe.identity and any(_is_apart(link, probe) for link in self._links[person].values())

    def _any(self, probe: ClipLink, n_wanted: int) -> list[str]:
        """Return the people who were used least; [] where there are fewer than wanted."""
        found: list[_Turn] = []
        while len(found) < n_wanted:
            turn = self._turns.take(lambda person: self._may_meet(person, probe))
            if turn is None:
                break
            found.append(turn)
        enough = len(found) == n_wanted
        for turn in found:
            (self._turns.use if enough else self._turns.put_back)(turn)
        return [turn.name for turn in found] if enough else []

    def _near(self, probe: ClipLink, n_wanted: int) -> list[str]:
        """Return the least used among those nearest to the probe's person; [] where there are fewer than wanted."""
        assert self._neighbours is not None
        known = (person for person in self._neighbours.get(probe.identity, ()) if person in self._links)
        met = (person for person in known if self._may_meet(person, probe))
        near = list(itertools.islice(met, max(MIN_NEAREST, 2 * n_wanted)))
        if len(near) < n_wanted:
            return []
        chances = self._rng.random(len(near)).tolist()
        order = sorted(range(len(near)), key=lambda i: (self._used[near[i]], chances[i]))
        found = [near[i] for i in order[:n_wanted]]
        self._used.update(found)
        return found


class _Turn(NamedTuple):
    """A place in the order of turns."""

    n_used: int
    chance: float
    name: str


class _Turns:
    """Names in the order of how often they were used; chance decides among equals."""

    def __init__(self, names: Iterable[str], rng: np.random.Generator) -> None:
        self._rng = rng
        self._waiting = [_Turn(0, rng.random(), name) for name in names]
        heapq.heapify(self._waiting)

    def take(self, fits: Callable[[str], bool]) -> _Turn | None:
        """Remove and return the first that fits; None where none does."""
        unfit: list[_Turn] = []
        found = None
        while self._waiting and found is None:
            turn = heapq.heappop(self._waiting)
            if fits(turn.name):
                found = turn
            else:
                unfit.append(turn)
        for turn in unfit:
            self.put_back(turn)
        return found

    def put_back(self, turn: _Turn) -> None:
        """Return one that was taken and not used."""
        heapq.heappush(self._waiting, turn)

    def use(self, turn: _Turn) -> None:
        """Return one that was taken and used."""
        heapq.heappush(self._waiting, _Turn(turn.n_used + 1, self._rng.random(), turn.name))


def _is_apart(link: ClipLink, probe: ClipLink) -> bool:
    return link.video is None or link.video != probe.video
