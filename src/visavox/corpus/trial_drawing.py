"""Drawing trial lists with a seed: the same people and seed give the same list, whatever the order of rows.

Example:
    >>> links = [ClipLink(f"c{i}", identity=f"p{i}") for i in range(4)]
    >>> rng = np.random.default_rng(0)
    >>> trials = draw_matching(links, links, direction="voice_to_face", n_per_probe=1, rng=rng)
    >>> trials.probes, [positive for positive, _ in trials.candidates]
    (('c0', 'c1', 'c2', 'c3'), ['c0', 'c1', 'c2', 'c3'])
"""

from __future__ import annotations

import logging
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from visavox.corpus.items import ClipLink
from visavox.corpus.trials import (
    GROUPS,
    Direction,
    Group,
    MatchingTrials,
    RetrievalTrials,
    Trials,
    TrialSet,
    VerificationTrials,
)
from visavox.errors import ConfigError

logger = logging.getLogger(__name__)

DEFAULT_N_CANDIDATES = (2, 4, 6, 8, 10)


def draw_trials(
    voices: Iterable[ClipLink],
    faces: Iterable[ClipLink],
    *,
    seed: int,
    n_candidates: Sequence[int] = DEFAULT_N_CANDIDATES,
    n_per_probe: int = 3,
) -> TrialSet:
    """Return every list in both directions; what cannot be drawn is skipped with its reason.

    Each list has its own random numbers, drawn from the seed and its name, so that asking for one more list leaves
    the others as they are.

    Args:
        voices: links of the voice items, for instance `table.links()`.
        faces: links of the face items.
        seed: 0 or more.
        n_candidates: sizes of the matching lists, each 2 or more.
        n_per_probe: trials for each probe in matching, and pairs of each label in verification; 1 or more.

    Raises:
        ConfigError: a size below 2, or `n_per_probe` below 1.
    """
    if min(n_candidates, default=2) < 2:
        raise ConfigError(f"`n_candidates` must be at least 2. Got {min(n_candidates)}. Give two candidates or more.")
    if n_per_probe < 1:
        raise ConfigError(f"`n_per_probe` must be at least 1. Got {n_per_probe}.")
    sides: dict[Direction, tuple[list[ClipLink], list[ClipLink]]] = {}
    sides["voice_to_face"] = (list(voices), list(faces))
    sides["face_to_voice"] = (sides["voice_to_face"][1], sides["voice_to_face"][0])
    plans: dict[str, Callable[[], Trials]] = {}
    for direction, (probes, others) in sides.items():
        for group in GROUPS:
            options: dict[str, Any] = {"direction": direction, "group": group, "n_per_probe": n_per_probe}
            for n in n_candidates:
                name = f"matching_{direction}_{group}_{n}"
                rng = _generator(seed, name)
                plans[name] = partial(draw_matching, probes, others, rng=rng, n_candidates=n, **options)
            name = f"verification_{direction}_{group}"
            plans[name] = partial(draw_verification, probes, others, rng=_generator(seed, name), **options)
        plans[f"retrieval_{direction}"] = partial(list_retrieval, probes, others, direction=direction)
    drawn: dict[str, Trials] = {}
    skipped: dict[str, str] = {}
    for name, draw in plans.items():
        try:
            drawn[name] = draw()
        except ConfigError as e:
            skipped[name] = str(e)
    for name, reason in skipped.items():
        logger.info("no list %s: %s", name, reason)
    return TrialSet(seed, drawn, skipped)


def draw_matching(
    probes: Iterable[ClipLink],
    candidates: Iterable[ClipLink],
    *,
    direction: Direction,
    rng: np.random.Generator,
    n_candidates: int = 2,
    group: Group = "all",
    n_per_probe: int = 3,
) -> MatchingTrials:
    """Return trials of one positive and N - 1 negatives, all of different people.

    A positive is any clip of the probe's person, a negative any clip of another: people are drawn first, so that
    somebody with many clips is not met more often. Same people, same seed, same list, whatever the order of rows.

    Raises:
        ConfigError: fewer than two candidates, fewer people than candidates, or no gender labels for same_gender.
    """
    if n_candidates < 2:
        raise ConfigError(f"`n_candidates` must be at least 2. Got {n_candidates}. Give two candidates or more.")
    pools = _pools(candidates, group)
    drawn: list[tuple[str, tuple[str, ...]]] = []
    wanted = _by_clip(probes)
    skipped = 0
    for probe in wanted:
        pool = pools.get(_pool_name(probe, group), _Pool([]))
        trials = []
        for _ in range(n_per_probe):
            positive = pool.positive(probe, rng)
            negatives = pool.negatives(probe, n_candidates - 1, rng)
            if positive is not None and len(negatives) == n_candidates - 1:
                trials.append((probe.clip, (positive, *negatives)))
        drawn += trials
        skipped += not trials
    if not drawn:
        most = max((len(pool.people) for pool in pools.values()), default=0)
        raise ConfigError(
            f"No 1:{n_candidates} trial ({direction}, {group}) can be drawn: the candidates are of at most {most} "
            f"people{' of one gender' if group == 'same_gender' else ''}, of whom none may share a video with the "
            "probe. Add people, or ask for fewer candidates."
        )
    return MatchingTrials(direction, group, tuple(p for p, _ in drawn), tuple(c for _, c in drawn), skipped)


def draw_verification(
    probes: Iterable[ClipLink],
    candidates: Iterable[ClipLink],
    *,
    direction: Direction,
    rng: np.random.Generator,
    group: Group = "all",
    n_per_probe: int = 3,
) -> VerificationTrials:
    """Return pairs, of which exactly half are of one person, for each probe as well as over all.

    Raises:
        ConfigError: no probe has both a positive and a negative, or no gender labels for same_gender.
    """
    pools = _pools(candidates, group)
    rows: list[tuple[str, str, bool]] = []
    wanted = _by_clip(probes)
    skipped = 0
    for probe in wanted:
        pool = pools.get(_pool_name(probe, group), _Pool([]))
        pairs: list[tuple[str, str, bool]] = []
        for _ in range(n_per_probe):
            positive, negatives = pool.positive(probe, rng), pool.negatives(probe, 1, rng)
            if positive is not None and negatives:
                pairs += [(probe.clip, positive, True), (probe.clip, negatives[0], False)]
        rows += pairs
        skipped += not pairs
    if not rows:
        raise ConfigError(
            f"No verification pair ({direction}, {group}) can be drawn: no probe has a candidate of its person and one "
            "of another person and video. Add people."
        )
    first, second, labels = zip(*rows, strict=True)
    return VerificationTrials(direction, group, first, second, labels, skipped)


def list_retrieval(
    probes: Iterable[ClipLink], candidates: Iterable[ClipLink], *, direction: Direction
) -> RetrievalTrials:
    """Return all probes that have somebody to find, and all candidates as the gallery.

    Raises:
        ConfigError: nobody to find, or a gallery of one person.
    """
    gallery = _by_clip(candidates)
    people = {link.identity for link in gallery}
    wanted = _by_clip(probes)
    findable = [probe.clip for probe in wanted if probe.identity in people]
    if len(people) < 2 or not findable:
        raise ConfigError(
            f"No retrieval list ({direction}) can be made: the gallery is of {len(people)} people, {len(findable)} of "
            f"{len(wanted)} probes are among them. Give two people or more on both sides."
        )
    return RetrievalTrials(
        direction, tuple(findable), tuple(link.clip for link in gallery), n_skipped_probes=len(wanted) - len(findable)
    )


class _Pool:
    """Candidates by person, from whom positives and negatives are drawn."""

    def __init__(self, links: Iterable[ClipLink]) -> None:
        by_person: dict[str, list[ClipLink]] = defaultdict(list)
        for link in links:
            by_person[link.identity].append(link)
        self.people = sorted(by_person)
        self._by_person = by_person

    def positive(self, probe: ClipLink, rng: np.random.Generator) -> str | None:
        clips = self._by_person.get(probe.identity)
        return clips[int(rng.integers(len(clips)))].clip if clips else None

    def negatives(self, probe: ClipLink, n_wanted: int, rng: np.random.Generator) -> list[str]:
        """Return clips of `n_wanted` different other people, or of as many as there are."""
        drawn: list[str] = []
        seen = {probe.identity}
        for index in self._in_random_order(n_wanted, rng):
            person = self.people[index]
            if person in seen:
                continue
            seen.add(person)
            clips = [c for c in self._by_person[person] if c.video is None or c.video != probe.video]
            if clips:
                drawn.append(clips[int(rng.integers(len(clips)))].clip)
                if len(drawn) == n_wanted:
                    break
        return drawn

    def _in_random_order(self, n_wanted: int, rng: np.random.Generator) -> Iterator[int]:
        """Iterate over all people in random order, with repetitions: a few draws usually do, a shuffle rarely pays."""
        n_people = len(self.people)
        if n_people:
            yield from rng.integers(n_people, size=min(n_people, 2 * n_wanted + 8)).tolist()
            yield from rng.permutation(n_people).tolist()


def _by_clip(links: Iterable[ClipLink]) -> list[ClipLink]:
    """Return one link a clip, sorted by clip."""
    return sorted({link.clip: link for link in links}.values(), key=lambda link: link.clip)


def _pools(candidates: Iterable[ClipLink], group: Group) -> dict[str, _Pool]:
    """Return the candidates in one pool, or in one for each gender."""
    members: dict[str, list[ClipLink]] = defaultdict(list)
    for link in _by_clip(candidates):
        if group == "all" or link.gender is not None:
            members[_pool_name(link, group)].append(link)
    if group == "same_gender" and not members:
        raise ConfigError("Same-gender trials need gender labels. Got none. Give a column 'gender' in clips.csv.")
    return {name: _Pool(links) for name, links in members.items()}


def _pool_name(link: ClipLink, group: Group) -> str:
    return "" if group == "all" else f"gender:{link.gender}"


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
