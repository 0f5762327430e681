"""Held-out scores inside an enrolment: what back-ends say of clips that they were not fitted with.

Every session is left out in turn (every clip where sessions are unknown) and asks people who are enrolled from the
others: `known`. The same once more with the person who asks not enrolled at all, a stranger: `unknown`. What a back-end
learns of what people share never comes from whoever asks. Choices, calibration and thresholds rest on these scores.

Example:
    >>> ones = np.ones(4, dtype=np.float32)
    >>> samples = Samples("face", tuple("abcd"), tuple("abcd"), ("Ann", "Ann", "Bob", "Bob"), ("1", "2") * 2,
    ...                   ones, np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]]))
    >>> found = held_out_scores(samples, plan([samples], seed=0), {"name": "cosine"})
    >>> found.known.argmax(axis=1).tolist(), found.owners.tolist()
    ([0, 0, 1, 1], [0, 0, 1, 1])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.identification.backend import Backend
from visavox.identification.samples import Samples
from visavox.identification.templates import Owners, Vectors, row_weights, weighted_means
from visavox.registry import BACKENDS

MAX_FOLDS = 5
"""Sessions are dealt into at most so many folds."""
N_GROUPS = 8
"""People are dealt into at most so many groups, each of which is left out once."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Which clips are left out together, and which people."""

    names: tuple[str, ...]
    """Everybody, in order of enrolment."""
    folds: Mapping[str, int]
    """Clip -> fold, from 0."""
    groups: NDArray[np.intp]
    """(P,) int: group of each person, from 0."""
    n_folds: int
    """2 or more."""
    probing: frozenset[str] | None = None
    """Clips that probe; None: all of them."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Scores of clips that were left out, in one modality."""

    clips: tuple[str, ...]
    """Clips that probed, n of them."""
    owners: Owners
    """(n,) int: whose clip it is, a place in `Plan.names`."""
    known: Vectors
    """(n, P) float32: the clip against everybody who has other clips; nan for those who have none."""
    unknown: Vectors
    """(n, P) float32: the clip against everybody outside its person's group who has other clips, or has only those of
    one fold; nan for the others."""

    def right(self) -> NDArray[np.bool_]:
        """Return (m,) bool: of the clips whose person has others, which are best matched to that person."""
        own = self.known[np.arange(len(self.owners)), self.owners]
        asked = np.isfinite(own)
        best = np.nanmax(np.where(np.isfinite(self.known), self.known, -np.inf), axis=1, initial=-np.inf)
        result: NDArray[np.bool_] = (own >= best)[asked]
        return result


@dataclass(frozen=True, eq=False)
class ClipRows:
    """The rows of samples by clip and person: numbers in place of names."""

    clips: tuple[str, ...]
    """Clips in order of first row."""
    of_row: NDArray[np.intp]
    """(n,) int: clip of each row."""
    owners: NDArray[np.intp]
    """(n_clips,) int: person of each clip, a place in the names asked for."""
    weights: NDArray[np.float32]
    """(n,) float32: how much each row counts, a clip the same however many rows it has."""


def clip_rows(samples: Samples, names: Sequence[str]) -> ClipRows:
    """Return the rows of samples by clip; people are places in `names`."""
    places = {name: i for i, name in enumerate(names)}
    clips = {clip: i for i, clip in enumerate(dict.fromkeys(samples.clips))}
    of_row = np.array([clips[clip] for clip in samples.clips], dtype=np.intp)
    owners = np.empty(len(clips), dtype=np.intp)
    owners[of_row] = [places[person] for person in samples.people]
    return ClipRows(tuple(clips), of_row, owners, row_weights(of_row, samples.qualities))


def plan(samples: Sequence[Samples], *, seed: int, max_probes: int | None = None, n_groups: int = N_GROUPS) -> Plan:
    """Return which clips and people are left out together.

    Sessions with few names, shared by people, are folds as they are; otherwise each person's sessions are dealt out
    in order. A clip of unknown session is a session of its own, and so is every clip where nobody has two sessions.

    Args:
        samples: those of each modality; a clip that is in both has one fold.
        seed: people are dealt into groups by this number alone.
        max_probes: probe with so many clips at most, drawn at random; None: with all.
        n_groups: into how many groups people are dealt at most.
    """
    names = tuple(dict.fromkeys(name for part in samples for name in part.names))
    session_of: dict[str, tuple[str, str]] = {}
    for part in samples:
        for clip, person, session in zip(part.clips, part.people, part.sessions, strict=True):
            if session or clip not in session_of:
                session_of[clip] = (person, session)
    n_sessions = len(set(session_of.values()))
    if n_sessions == len({person for person, _ in session_of.values()}):
        session_of = {clip: (person, "") for clip, (person, _) in session_of.items()}
    labels = sorted({session for _, session in session_of.values()})
    by_person: dict[str, dict[str, int]] = {}
    folds: dict[str, int] = {}
    for clip, (person, session) in session_of.items():
        own = by_person.setdefault(person, {})
        folds[clip] = own.setdefault(session or f"clip {clip}", len(own))
    n_folds = max(2, min(MAX_FOLDS, max((len(own) for own in by_person.values()), default=2)))
    if "" not in labels and 2 <= len(labels) <= n_folds:
        n_folds = len(labels)
        folds = {clip: labels.index(session) for clip, (_, session) in session_of.items()}
    rng = np.random.default_rng(seed)
    groups = rng.permutation(len(names)) % max(2, min(n_groups, len(names)))
    probing = None
    if max_probes is not None and len(folds) > max_probes:
        chosen = rng.choice(len(folds), max_probes, replace=False)
        clips = list(folds)
        probing = frozenset(clips[i] for i in chosen)
    return Plan(names, {c: fold % n_folds for c, fold in folds.items()}, groups, n_folds, probing)


def held_out_scores(samples: Samples, dealt: Plan, spec: Mapping[str, Any]) -> HeldOut:
    """Return the scores of every probing clip when it is left out, and when its person is.

    What people share is learned from everybody outside the group of the person who asks, over all sessions; rows are
    then enrolled from clips outside the fold that asks. So a probe is new in both, and what is learned has seen
    sessions differ, as it has once everything is enrolled. Strangers meet those who have clips in one fold alone
    whatever the fold: else nobody would ask as a stranger where everybody has one clip.

    Args:
        samples: of one modality.
        dealt: what is left out together.
        spec: the back-end, as `BACKENDS` builds it.
    """
    rows = clip_rows(samples, dealt.names)
    folds = np.array([dealt.folds[clip] for clip in rows.clips], dtype=np.intp)
    cells = np.unique(np.stack([rows.owners, folds]), axis=1)  # (2, person and fold pairs that hold clips)
    lone = (np.bincount(cells[0], minlength=len(dealt.names)) == 1)[rows.owners]
    asks = np.array([dealt.probing is None or clip in dealt.probing for clip in rows.clips], dtype=bool)
    means = weighted_means(samples.vectors, rows.of_row, rows.weights, n_people=len(rows.clips))
    place = np.cumsum(asks) - 1  # of an asking clip among those that ask
    known = np.full((int(asks.sum()), len(dealt.names)), np.nan, dtype=np.float32)
    unknown = known.copy()
    groups = dealt.groups[rows.owners]
    for group in np.unique(groups[asks]).tolist():
        outside = groups != group
        if not outside.any():
            continue
        backend: Backend = BACKENDS.build(spec)
        backend.learn(*_chosen(samples, rows, outside)[1:])
        for fold in np.unique(folds[asks & ~outside]).tolist():
            probing = asks & ~outside & (folds == fold)
            for scores, enrolled in ((known, folds != fold), (unknown, ((folds != fold) | lone) & outside)):
                if enrolled.any():
                    people, vectors, owners, weights = _chosen(samples, rows, enrolled)
                    backend.enroll(vectors, owners, weights)
                    scores[np.ix_(place[probing], people)] = backend.scores(means[probing])
    clips = tuple(clip for clip, ask in zip(rows.clips, asks, strict=True) if ask)
    return HeldOut(clips, rows.owners[asks], known, unknown)


def _chosen(
    samples: Samples, rows: ClipRows, used: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], Vectors, Owners, NDArray[np.float32]]:
    """Return the people of the clips `used`, (n_clips,) bool, and their rows as a back-end takes them."""
    of_rows = used[rows.of_row]
    people, owners = np.unique(rows.owners[rows.of_row[of_rows]], return_inverse=True)
    return people, samples.vectors[of_rows], owners.astype(np.intp), rows.weights[of_rows]
