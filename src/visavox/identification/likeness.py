"""Likeness: two enrolled names that are probably one person, and the sentence that says so.

Each name's held-out clips are compared with the other names by cosine, which nothing is fitted for that could learn to
tell the two apart. Two names are probably one person where each looks, or sounds, most like the other, and as
much like it as nearly all people like themselves.

Example:
    >>> alike_sentence("Ann", "Anna", ("voice", "face"))
    'Ann and Anna look or sound like one person: give both one name with --rename, if they are.'
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import Modality
from visavox.identification.held_out import HeldOut, Plan
from visavox.identification.score_fusion import Combination, Fusion, fused_ratios

LEAST_OWN_QUANTILE = 0.05
"""Two names must be at least as much alike as this quantile of people, each with themselves; and as much as outweighs
the choice among all people, or as people are with themselves on average."""
LEAST_PEOPLE = 4
"""With fewer people nothing is said: everybody is the most alike of somebody."""
VERBS: Mapping[Combination, str] = {
    ("voice",): "sound",
    ("face",): "look",
    ("voice", "face"): "look or sound",
}


def alike_names(
    ratios: NDArray[np.floating], owners: NDArray[np.integer], names: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Return pairs of names that are probably one person, in order of names.

    Args:
        ratios: (n, P) float: log likelihood ratio of every held-out clip against every name; nan where there is none.
        owners: (n,) int: whose clip it is.
        names: P of them.
    """
    n_people = len(names)
    if n_people < LEAST_PEOPLE:
        return ()
    # (P, P): how much the clips of the row's name are like the column's name, on average.
    means = np.full((n_people, n_people), np.nan)
    for person in np.unique(owners):
        rows = ratios[owners == person]
        counted = np.isfinite(rows)
        with np.errstate(invalid="ignore"):
            means[person] = np.where(counted, rows, 0).sum(axis=0) / counted.sum(axis=0)
    own = np.diagonal(means)[np.isfinite(np.diagonal(means))]
    if not len(own):
        return ()
    both = (means + means.T) / 2
    np.fill_diagonal(both, np.nan)
    chance = min(float(np.log(n_people)), float(np.median(own)))
    least = max(float(np.quantile(own, LEAST_OWN_QUANTILE)), chance)
    filled = np.where(np.isfinite(both), both, -np.inf)
    best = filled.argmax(axis=1)
    pairs = [(i, int(best[i])) for i in range(n_people) if i < best[i] and best[best[i]] == i]
    return tuple((names[i], names[j]) for i, j in pairs if filled[i, j] >= least)


def alike_sentence(first: str, second: str, modalities: Combination) -> str:
    """Return what is said of two names that are probably one person.

    Args:
        first: a name.
        second: another.
        modalities: what was compared.
    """
    return f"{first} and {second} {VERBS[modalities]} like one person: give both one name with --rename, if they are."


def held_out_ratios(
    held: Mapping[Modality, HeldOut], fusions: Mapping[Combination, Fusion], dealt: Plan
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the ratios of every held-out clip against every name, all its modalities together, and the owners.

    A clip meets another name as a stranger would where its person was left out, and as one of the enrolled where both
    names were left out together.
    """
    clips = tuple(dict.fromkeys(clip for found in held.values() for clip in found.clips))
    places = {clip: i for i, clip in enumerate(clips)}
    owners = np.zeros(len(clips), dtype=np.intp)
    spread: dict[Modality, NDArray[np.float64]] = {}
    for modality, found in held.items():
        rows = [places[clip] for clip in found.clips]
        owners[rows] = found.owners
        spread[modality] = np.full((len(clips), len(dealt.names)), np.nan)
        spread[modality][rows] = np.where(np.isnan(found.unknown), found.known, found.unknown)
    return fused_ratios(spread, fusions), owners
