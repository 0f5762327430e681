"""The plan of a listening study: who hears which voice beside which two faces, on which side, in which order.

What holds for every plan that is returned:

* each pair (a voice, and the face beside its own) of the design is shown equally often, counts differing by 1 at most,
  and not at all where the number of turns is a multiple of the pairs;
* each voice is heard equally often, counts differing by 1 at most;
* the right face is left as often as right, to 1, for every participant and for every pair;
* participants have the same number of pairs of one gender, to 1, and together the share that was asked for;
* nobody appears twice to one participant where the pool allows; else late;
* orders are rotated, so that a pair that is shown often does not come first, or last, to everybody.

How: the voices go round and round, a window of them to each participant; faces beside them are chosen by an assignment
that knows what was shown before; after as many lists as make every voice equally frequent, the lists begin again, sides
swapped and orders rotated. A function of the pool, the sizes and the seed alone.

Example:
    >>> pool = {name: "f" if name < "e" else "m" for name in "abcdefgh"}
    >>> plan = plan_study(pool, participants=4, trials=4, same_gender=0.5, attention=1, seed=0)
    >>> len(plan), len(plan[0]), sum(turn.kind == "attention" for turn in plan[0])
    (4, 5, 1)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from visavox.errors import ConfigError

N_ATTEMPTS = 8
MORE_PARTS = 3  # above the fewest; still smaller parts do not make more pairs
MAX_TRIED = 10  # other numbers of trials, in each direction, before a refusal says that none is known
FORBIDDEN = 1e9  # cost of a face that must not stand there
SHOWN = 1e4  # cost of each time that a pair was shown
STOOD = 1e2  # cost of each time that a face stood beside another's voice
MAX_TURNS = 1_000_000


@dataclass(frozen=True)
class PlannedTurn:
    """One turn of one participant."""

    kind: str
    """"study", or "attention": the page says which face to choose, and the voice is the other one's."""
    true_item: str
    """Who speaks; in an attention check, who is to be chosen."""
    false_item: str
    """Who stands beside."""
    left_item: str
    """Who stands on the left."""

    @property
    def pair(self) -> tuple[str, str]:
        """Who speaks, and who stands beside."""
        return self.true_item, self.false_item


@dataclass(frozen=True)
class _Sizes:
    """What was asked for."""

    participants: int
    trials: int
    share: float | None
    """Of turns whose faces are of one gender; None where genders do not matter."""
    seed: int


def plan_study(
    genders: Mapping[str, str | None],
    *,
    participants: int,
    trials: int,
    same_gender: float,
    attention: int,
    seed: int,
) -> tuple[tuple[PlannedTurn, ...], ...]:
    """Return the turns of every participant.

    Args:
        genders: "f" or "m" of each id of the pool; where one is not known, genders do not matter and `same_gender` is
            of no account.
        participants: 1 or more.
        trials: turns of each, attention checks aside, 1 or more.
        same_gender: share of turns whose two faces are of one gender, 0 to 1.
        attention: attention checks of each, 0 to `trials`.
        seed: the plan depends on it and on the other arguments alone.

    Raises:
        ConfigError: a number is out of range, or no balanced plan is found; the message says what would work.
    """
    _check(participants, trials, same_gender, attention, n_people=len(genders))
    known = all(gender in ("f", "m") for gender in genders.values())
    sizes = _Sizes(participants, trials, same_gender if known else None, seed)
    lists = _lists(genders, sizes)
    if lists is None:
        raise ConfigError(_refusal(genders, sizes))
    plan = []
    for number in range(participants):
        use, which = divmod(number, len(lists))
        turns = _ordered(_swapped(lists[which], use), use)
        plan.append(_with_checks(turns, sorted(genders), attention, number=number, seed=seed))
    return tuple(plan)


def _check(participants: int, trials: int, same_gender: float, attention: int, *, n_people: int) -> None:
    for name, value, least in (("participants", participants, 1), ("trials", trials, 1), ("attention", attention, 0)):
        if value < least:
            raise ConfigError(f"`{name}` must be {least} or more. Got {value}.")
    if not 0 <= same_gender <= 1:
        raise ConfigError(f"`same_gender` must be a share from 0 to 1. Got {same_gender:g}.")
    if attention > trials:
        raise ConfigError(f"`attention` must be at most `trials`, {trials}. Got {attention}.")
    if participants * trials > MAX_TURNS:
        raise ConfigError(f"A study has at most {MAX_TURNS:,} turns. Got {participants} x {trials}. Ask for fewer.")
    if n_people < 2:
        raise ConfigError(f"A study needs 2 people or more in its pool. Got {n_people}.")


def _refusal(genders: Mapping[str, str | None], sizes: _Sizes) -> str:
    """Why there is no plan, and the nearest numbers of trials that have one."""
    n_women = sum(gender == "f" for gender in genders.values())
    works = []
    for step in (-1, 1):
        tried = 0
        for trials in range(sizes.trials + step, 0 if step < 0 else sizes.trials + 1 + len(genders), step):
            other = replace(sizes, trials=trials)
            if not _has_room(genders, other):
                continue
            if _lists(genders, other, n_attempts=1) is not None:
                works.append(str(trials))
                break
            tried += 1
            if tried == MAX_TRIED:
                break
    share = "" if sizes.share is None else f", {100 * sizes.share:g} % of them of one gender,"
    whom = f"{len(genders)} people" + ("" if sizes.share is None else f" ({n_women} of them women)")
    remedy = f"It works with --trials {' or '.join(works)}, or with more people" if works else "Take more people"
    if not works and sizes.share is not None:
        remedy += ", or another --same-gender"
    return f"No balanced plan of {sizes.trials} turns{share} is found among {whom}. {remedy}."


def _has_room(genders: Mapping[str, str | None], sizes: _Sizes) -> bool:
    """Whether there are as many pairs as the lists need; that alone does not make a plan."""
    n = len(genders)
    needed = _n_lists(n, sizes) * sizes.trials
    if sizes.share is None:
        return needed <= n * (n - 1)
    n_women = sum(gender == "f" for gender in genders.values())
    alike = n_women * (n_women - 1) + (n - n_women) * (n - n_women - 1)
    n_same = _whole(sizes.share * needed)
    return n_same <= alike and needed - n_same <= 2 * n_women * (n - n_women)


def _n_lists(n_people: int, sizes: _Sizes) -> int:
    """Lists after which every voice was heard equally often; fewer where there are fewer participants."""
    return min(sizes.participants, n_people // math.gcd(n_people, sizes.trials))


def _lists(
    genders: Mapping[str, str | None], sizes: _Sizes, *, n_attempts: int = N_ATTEMPTS
) -> list[list[PlannedTurn]] | None:
    """Lists of turns in which no pair comes twice, that may begin again; None where none are found."""
    if not _has_room(genders, sizes):
        return None
    n_lists = _n_lists(len(genders), sizes)
    fewest = -(-2 * sizes.trials // len(genders))  # parts in which nobody need appear twice
    for attempt in range(n_attempts):
        rng = np.random.default_rng((sizes.seed, attempt))
        people = _interleaved(genders, rng)
        for n_parts in range(fewest, min(fewest + MORE_PARTS, sizes.trials) + 1):
            found = _dealt(people, genders, sizes, n_lists, n_parts, rng)
            if found is not None:
                return found
    return None


def _interleaved(genders: Mapping[str, str | None], rng: np.random.Generator) -> list[str]:
    """Everybody in a random order in which women and men are spread evenly."""
    spread = []
    for gender in sorted({str(g) for g in genders.values()}):
        names = sorted(name for name in genders if str(genders[name]) == gender)
        order = rng.permutation(len(names))
        spread += [((k + 0.5) / len(names), gender, names[i]) for k, i in enumerate(order)]
    return [name for _, _, name in sorted(spread)]


def _dealt(
    people: Sequence[str],
    genders: Mapping[str, str | None],
    sizes: _Sizes,
    n_lists: int,
    n_parts: int,
    rng: np.random.Generator,
) -> list[list[PlannedTurn]] | None:
    """Lists made of parts in each of which nobody appears twice; None where a pair would come twice."""
    dealer = _Dealer(people, genders, rng)
    lists, voice = [], 0
    for number in range(n_lists):
        turns: list[PlannedTurn] = []
        same_before = 0 if sizes.share is None else _whole(sizes.share * sizes.trials * number)
        same_after = 0 if sizes.share is None else _whole(sizes.share * sizes.trials * (number + 1))
        for part in range(n_parts):
            start, end = (sizes.trials * k // n_parts for k in (part, part + 1))
            voices = [people[(voice + k) % len(people)] for k in range(end - start)]
            voice += end - start
            n_same = None
            if sizes.share is not None:
                whole = same_after - same_before
                n_same = whole * (part + 1) // n_parts - whole * part // n_parts
                n_same = min(n_same, end - start)
            found = dealer.pairs(voices, n_same)
            if found is None:
                return None
            turns += found
        if sizes.share is not None and _n_same(turns, genders) != same_after - same_before:
            return None
        lists.append(_sided(turns, rng))
    return lists


class _Dealer:
    """Puts faces beside voices, and remembers which pairs there were."""

    def __init__(self, people: Sequence[str], genders: Mapping[str, str | None], rng: np.random.Generator) -> None:
        self.people = people
        self.rows = {name: row for row, name in enumerate(people)}
        self.women = np.array([genders[name] == "f" for name in people])
        self.shown = np.zeros((len(people), len(people)))
        self.same = np.zeros(len(people))
        self.heard = np.zeros(len(people))
        self.rng = rng

    def pairs(self, voices: Sequence[str], n_same: int | None) -> list[PlannedTurn] | None:
        """Return a turn for each voice, so that nobody is in two and no pair was there before; None if impossible.

        Args:
            voices: who speaks, all different.
            n_same: how many of them stand beside somebody of their own gender; None where that does not matter.
        """
        if 2 * len(voices) > len(self.people):
            return None
        rows = np.array([self.rows[voice] for voice in voices])
        others = np.setdiff1d(np.arange(len(self.people)), rows)
        base = SHOWN * self.shown[np.ix_(rows, others)] + STOOD * self.shown.sum(axis=0)[others]
        base = base + self.rng.random(base.shape)
        alike = self.women[rows][:, np.newaxis] == self.women[others]
        for wanted in self._kinds(rows, n_same):
            cost = base if wanted is None else np.where(alike == wanted[:, np.newaxis], base, FORBIDDEN)
            chosen = linear_sum_assignment(cost)
            if cost[chosen].max() >= FORBIDDEN or self.shown[rows, others[chosen[1]]].any():
                continue
            found = others[chosen[1]]
            self.shown[rows, found] += 1
            self.heard[rows] += 1
            self.same[rows] += self.women[rows] == self.women[found]
            names = [self.people[row] for row in found]
            return [PlannedTurn("study", v, f, v) for v, f in zip(voices, names, strict=True)]
        return None

    def _kinds(self, rows: np.ndarray, n_same: int | None) -> list[np.ndarray | None]:
        """Which voices may stand beside their own gender, (n_voices,) bool each; the fairest choice first."""
        if n_same is None:
            return [None]
        due = self.same[rows] - n_same / max(len(rows), 1) * self.heard[rows] + 0.1 * self.rng.random(len(rows))
        order = np.argsort(due)
        women = self.women[rows]
        ranked = {True: [k for k in order if women[k]], False: [k for k in order if not women[k]]}
        fair = sum(bool(women[k]) for k in order[:n_same])
        found: list[np.ndarray | None] = []
        for n_women in sorted(range(len(ranked[True]) + 1), key=lambda k: (abs(k - fair), k)):
            if 0 <= n_same - n_women <= len(ranked[False]):
                wanted = np.zeros(len(rows), dtype=bool)
                wanted[[*ranked[True][:n_women], *ranked[False][: n_same - n_women]]] = True
                found.append(wanted)
        return found


def _whole(number: float) -> int:
    return math.floor(number + 0.5 + 1e-9)


def _n_same(turns: Sequence[PlannedTurn], genders: Mapping[str, str | None]) -> int:
    return sum(genders[turn.true_item] == genders[turn.false_item] for turn in turns)


def _sided(turns: Sequence[PlannedTurn], rng: np.random.Generator) -> list[PlannedTurn]:
    """The turns in a random order, half of them with the right face on the left."""
    order = rng.permutation(len(turns))
    left = rng.permutation(np.arange(len(turns)) % 2 == int(rng.integers(2)))
    return [
        replace(turns[i], left_item=turns[i].true_item if left[k] else turns[i].false_item) for k, i in enumerate(order)
    ]


def _swapped(turns: Sequence[PlannedTurn], use: int) -> list[PlannedTurn]:
    """The list for its use number 0, 1, 2 ...: sides are swapped every other time."""
    if use % 2 == 0:
        return list(turns)
    return [
        replace(turn, left_item=turn.false_item if turn.left_item == turn.true_item else turn.true_item)
        for turn in turns
    ]


def _ordered(turns: Sequence[PlannedTurn], use: int) -> list[PlannedTurn]:
    """The list rotated for its use, and who appears twice put as far from himself as goes.

    The step is prime to the length, so that as many uses as turns bring every turn to every place once.
    """
    n = len(turns)
    step = next(k for k in range(max(1, round(0.618 * n)), n + 2) if math.gcd(k, n) == 1)
    start = use * step % n
    waiting = [*turns[start:], *turns[:start]]
    if len({person for turn in turns for person in turn.pair}) == 2 * n:
        return waiting
    ordered, last = [waiting.pop(0)], dict.fromkeys(turns[start].pair, 0)
    while waiting:
        latest = [max(last.get(person, -1) for person in turn.pair) for turn in waiting]
        turn = waiting.pop(latest.index(min(latest)))
        last.update(dict.fromkeys(turn.pair, len(ordered)))
        ordered.append(turn)
    return ordered


def _with_checks(
    turns: Sequence[PlannedTurn], people: Sequence[str], attention: int, *, number: int, seed: int
) -> tuple[PlannedTurn, ...]:
    """The turns with attention checks spread among them, never first; sides to be chosen alternate."""
    rng = np.random.default_rng((seed, 1, number))
    found = list(turns)
    used = Counter(person for turn in turns for person in turn.pair)
    for k in reversed(range(attention)):
        place = min(len(turns), max(1, round((k + 1) * len(turns) / (attention + 1))))
        beside = {person for turn in turns[max(place - 1, 0) : place + 1] for person in turn.pair}
        order = sorted(people, key=lambda name: (name in beside, used[name], rng.random()))
        chosen, other = order[:2]
        used.update((chosen, other))
        left = chosen if (number + k) % 2 == 0 else other
        found.insert(place, PlannedTurn("attention", chosen, other, left))
    return tuple(found)
