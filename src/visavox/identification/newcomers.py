"""People who come later: what they change in the scores of simulated strangers.

Nothing is fitted. A newcomer's clips ask the people who were there before, to whom they are strangers; and everybody
who has asked as a stranger asks the newcomers too, since with more people somebody is more often alike. So the
false-accept rate holds for the people there are.

Example:
    >>> evenly(["a", "b", "c", "d", "e"], 2)
    ['a', 'd']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from visavox.corpus.items import Modality
from visavox.identification.channel import Channel
from visavox.identification.score_fusion import Combination, Fusion, fused_ratios
from visavox.identification.strangers import StrangerScores

T = TypeVar("T")
MAX_CLIPS = 1000
"""Of more clips of newcomers, evenly spaced ones ask."""


def clip_ratios(
    channels: Mapping[Modality, Channel],
    fusions: Mapping[Combination, Fusion],
    combination: Combination,
    clips: Sequence[str],
    names: Sequence[str],
) -> np.ndarray:
    """Return (len(clips), len(names)) float64 ratios of enrolled clips against people; nan where there is none.

    Args:
        channels: of each modality.
        fusions: what turns scores into ratios.
        combination: modalities that the clips ask with; each clip has all of them.
        clips: names of enrolled clips.
        names: people in the order of the columns.
    """
    places = {name: i for i, name in enumerate(names)}
    scores: dict[Modality, np.ndarray] = {}
    for modality in combination:
        channel = channels[modality]
        scores[modality] = np.full((len(clips), len(names)), np.nan)
        rows = [i for i, name in enumerate(channel.people) if name in places]
        columns = [places[channel.people[i]] for i in rows]
        scores[modality][:, columns] = channel.scores(channel.clip_means(clips))[:, rows]
    return fused_ratios(scores, fusions)


def clips_of(channels: Mapping[Modality, Channel], combination: Combination, people: Sequence[str]) -> dict[str, str]:
    """Return clip -> person of the clips of people that are enrolled in every modality of a combination."""
    wanted = set(people)
    tables = [dict(zip(channels[m].samples.clips, channels[m].samples.people, strict=True)) for m in combination]
    return {
        clip: person
        for clip, person in tables[0].items()
        if person in wanted and all(clip in table for table in tables[1:])
    }


def with_newcomers(
    strangers: Mapping[Combination, StrangerScores],
    channels: Mapping[Modality, Channel],
    fusions: Mapping[Combination, Fusion],
    names: Sequence[str],
    newcomers: Sequence[str],
    *,
    alike: Sequence[tuple[str, str]] = (),
) -> dict[Combination, StrangerScores]:
    """Return the strangers of each combination once newcomers have rows of their own.

    Args:
        strangers: those from before.
        channels: with the newcomers in them.
        fusions: what turns scores into ratios.
        names: everybody, newcomers included.
        newcomers: people who have come.
        alike: pairs of names that are probably one person: none of them is a stranger to the other.
    """
    places = {name: i for i, name in enumerate(names)}
    updated: dict[Combination, StrangerScores] = {}
    for combination, found in strangers.items():
        ratios = clip_ratios(channels, fusions, combination, found.clips, newcomers)
        _clear(ratios, found.owners, {name: i for i, name in enumerate(newcomers)}, alike)
        found = found.raised(_greatest(ratios))
        owners = clips_of(channels, combination, newcomers)
        clips = evenly(list(owners), MAX_CLIPS)
        ratios = clip_ratios(channels, fusions, combination, clips, names)
        _clear(ratios, [owners[clip] for clip in clips], places, [*alike, *((name, name) for name in newcomers)])
        best = _greatest(ratios)
        asked = np.flatnonzero(np.isfinite(best)).tolist()
        fresh = StrangerScores.of(best[asked], [owners[clips[i]] for i in asked], [clips[i] for i in asked])
        updated[combination] = found.joined(fresh)
    return updated


def evenly(values: list[T], n_most: int) -> list[T]:
    """Return evenly spaced ones of a list, `n_most` at most."""
    return values[:: max(1, -(-len(values) // n_most))]


def _greatest(ratios: np.ndarray) -> np.ndarray:
    """Return the greatest of each row, (n,); -inf where all are nan."""
    greatest: np.ndarray = np.max(np.where(np.isnan(ratios), -np.inf, ratios), axis=1, initial=-np.inf)
    return greatest


def _clear(
    ratios: np.ndarray, owners: Sequence[str], places: Mapping[str, int], pairs: Sequence[tuple[str, str]]
) -> None:
    """Put nan, in place, where a clip of one name of a pair meets the other, if that has a column."""
    owned = np.array(owners, dtype=object)
    for pair in pairs:
        for own, other in (pair, pair[::-1]):
            if other in places:
                ratios[owned == own, places[other]] = np.nan
