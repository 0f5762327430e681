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
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from visavox.corpus.items import ClipLink, Modality
from visavox.corpus.trial_pools import Neighbours, Pool
from visavox.corpus.trial_strata import ALL, group_attributes, stratum_of
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
MODALITY_OF_CANDIDATES: dict[Direction, Modality] = {"voice_to_face": "face", "face_to_voice": "voice"}

Stratum = tuple[str, ...]


def draw_trials(
    voices: Iterable[ClipLink],
    faces: Iterable[ClipLink],
    *,
    seed: int,
    n_candidates: Sequence[int] = DEFAULT_N_CANDIDATES,
    n_per_probe: int = 3,
    groups: Sequence[Group] = GROUPS,
    neighbours: Mapping[Modality, Neighbours] | None = None,
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
        groups: what probes and negatives share, see `visavox.corpus.trial_strata`.
        neighbours: for each modality who is most like whom; negatives are then drawn among the nearest, by the
            candidates' modality.

    Raises:
        ConfigError: a size below 2, `n_per_probe` below 1, or an unknown group.
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
        near = neighbours[MODALITY_OF_CANDIDATES[direction]] if neighbours else None
        for group in groups:
            group_attributes(group)
            options: dict[str, Any] = {"direction": direction, "group": group, "n_per_probe": n_per_probe}
            options["neighbours"] = near
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
    neighbours: Neighbours | None = None,
) -> MatchingTrials:
    """Return trials of one positive and N - 1 negatives, all of different people.

    Each probe has equally many trials. Negatives are of the people, and among these of the clips, that were used least
    so far, so that somebody with many clips is not met more often. Same people, same seed, same list, whatever the
    order of rows.

    Args:
        probes: links of the clips to draw for.
        candidates: links of the clips to choose among.
        direction: the probe's modality first.
        rng: random numbers.
        n_candidates: 2 or more.
        group: what the negatives share with the probe.
        n_per_probe: trials of each probe, 1 or more.
        neighbours: draw the negatives among the people nearest to the probe's.

    Raises:
        ConfigError: fewer than two candidates, fewer people than candidates, or no labels for the group.
    """
    if n_candidates < 2:
        raise ConfigError(f"`n_candidates` must be at least 2. Got {n_candidates}. Give two candidates or more.")
    pools = _pools(candidates, group, rng, neighbours)
    wanted = _by_clip(probes)
    trials: list[list[tuple[str, ...]]] = [[] for _ in wanted]
    for _ in range(n_per_probe):
        for row in _in_random_order(wanted, rng):
            pool = _pool_of(wanted[row], group, pools)
            negatives = pool.negatives(wanted[row], n_candidates - 1) if pool else []
            if pool and negatives:
                trials[row].append((pool.positive(wanted[row]) or "", *negatives))
    drawn = [(link.clip, row) for link, rows in zip(wanted, trials, strict=True) for row in rows]
    skipped = sum(not rows for rows in trials)
    if not drawn:
        most = max((len(pool.people) for pool in pools.values()), default=0)
        raise ConfigError(
            f"No 1:{n_candidates} trial ({direction}, {group}) can be drawn: the candidates are of at most {most} "
            f"people{_of_one(group)}, of whom none may share a video with the "
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
    neighbours: Neighbours | None = None,
) -> VerificationTrials:
    """Return pairs, of which exactly half are of one person, for each probe as well as over all.

    Negatives are drawn as in `draw_matching`.

    Raises:
        ConfigError: no probe has both a positive and a negative, or no labels for the group.
    """
    pools = _pools(candidates, group, rng, neighbours)
    wanted = _by_clip(probes)
    pairs: list[list[tuple[str, str, bool]]] = [[] for _ in wanted]
    for _ in range(n_per_probe):
        for row in _in_random_order(wanted, rng):
            probe, pool = wanted[row], _pool_of(wanted[row], group, pools)
            negatives = pool.negatives(probe, 1) if pool else []
            if pool and negatives:
                pairs[row] += [(probe.clip, pool.positive(probe) or "", True), (probe.clip, negatives[0], False)]
    rows = [pair for found in pairs for pair in found]
    skipped = sum(not found for found in pairs)
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


def _by_clip(links: Iterable[ClipLink]) -> list[ClipLink]:
    """Return one link a clip, sorted by clip."""
    return sorted({link.clip: link for link in links}.values(), key=lambda link: link.clip)


def _pools(
    candidates: Iterable[ClipLink], group: Group, rng: np.random.Generator, neighbours: Neighbours | None
) -> dict[Stratum, Pool]:
    """Return the candidates in one pool for each stratum of the group: one in all, or one for each gender."""
    members: dict[Stratum, list[ClipLink]] = defaultdict(list)
    for link in _by_clip(candidates):
        stratum = stratum_of(link, group)
        if stratum is not None:
            members[stratum].append(link)
    if group != ALL and not members:
        needed = group_attributes(group)
        columns = " and ".join(repr(name) for name in needed)
        raise ConfigError(
            f"{group.capitalize().replace('_', '-')} trials need {' and '.join(needed)} labels. Got none. Give a "
            f"column {columns} in clips.csv."
        )
    return {stratum: Pool(members[stratum], rng, neighbours) for stratum in sorted(members)}


def _pool_of(probe: ClipLink, group: Group, pools: Mapping[Stratum, Pool]) -> Pool | None:
    """Return the pool of a probe; None where it has no label, or nobody of its person is a candidate."""
    stratum = stratum_of(probe, group)
    pool = pools.get(stratum) if stratum is not None else None
    return pool if pool is not None and pool.has(probe.identity) else None


def _in_random_order(probes: Sequence[ClipLink], rng: np.random.Generator) -> list[int]:
    """Return the order in which probes are served, so that those of one person do not follow each other."""
    return [int(row) for row in rng.permutation(len(probes))]


def _of_one(group: Group) -> str:
    names = group_attributes(group)
    return f" of one {' and '.join(names)}" if names else ""


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
