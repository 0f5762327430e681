"""Groups of clips that must stay on one side of a split, and dealing them out by shares.

Two clips are linked by a person or a video that they share, and links are followed to the end: the groups are the
connected components. What a subset or a fold is called, and saved as, is the affair of `visavox.corpus.splits`.

Example:
    >>> links = [ClipLink("a", "Ann"), ClipLink("b", "Ann"), ClipLink("c", "Cy")]
    >>> deal_groups(linked_groups(links), {"left": 0.5, "right": 0.5}, seed=0)
    ['left', 'right']
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from visavox.corpus.items import ClipLink


@dataclass(frozen=True)
class LinkedGroup:
    """Clips that must stay together, because a chain of shared persons and videos links them."""

    clips: tuple[str, ...]
    """Their names, sorted."""
    n_people: int
    """Distinct identities among them."""


def linked_groups(links: Iterable[ClipLink]) -> list[LinkedGroup]:
    """Return the connected components of clips over persons and videos, in the order of their first clips.

    Example:
        >>> links = [ClipLink("a", "Ann", "v1"), ClipLink("b", "Bob", "v1"), ClipLink("c", "Cy", "v2")]
        >>> [group.clips for group in linked_groups(links)]
        [('a', 'b'), ('c',)]
    """
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]  # halve the path
            node = parent[node]
        return node

    links = list(links)
    for link in links:
        for kind, name in (("identity", link.identity), ("video", link.video)):
            if name is not None:
                parent[root((kind, name))] = root(("clip", link.clip))
    members: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for link in links:
        clips, people = members.setdefault(root(("clip", link.clip)), (set(), set()))
        clips.add(link.clip)
        people.add(link.identity)
    groups = [LinkedGroup(tuple(sorted(clips)), len(people)) for clips, people in members.values()]
    return sorted(groups, key=lambda group: group.clips[0])


def deal_groups(
    groups: Sequence[LinkedGroup], shares: Mapping[str, float], *, seed: int, n_sorted: int = 1
) -> list[str]:
    """Return the name that each group gets, so that people, and then clips, are dealt out by the shares.

    Groups come in the order of a hash of the seed and their first clip, which no version of a random generator can
    change, those of most people first; each goes where the most people are lacking, then the most clips.

    Args:
        groups: n groups.
        shares: share of the people by name, adding up to 1.
        seed: any int.
        n_sorted: within stretches of so many groups, those of more clips come first. That evens out the clips, but
            gives the larger groups to the larger shares, so it is for equal shares only; 1 leaves the order alone.

    Returns:
        n names.
    """
    n_people = sum(group.n_people for group in groups)
    n_clips = sum(len(group.clips) for group in groups)
    lacking = {name: [share * n_people, share * n_clips] for name, share in shares.items()}
    drawn = [hashlib.sha256(f"{seed}\n{g.clips[0]}".encode("utf-8", "surrogatepass")).digest() for g in groups]
    order = sorted(range(len(groups)), key=lambda i: (-groups[i].n_people, drawn[i]))
    stretch = {i: position // n_sorted for position, i in enumerate(order)}
    if n_sorted > 1:
        order.sort(key=lambda i: (-groups[i].n_people, stretch[i], -len(groups[i].clips)))
    dealt = [""] * len(groups)
    for i in order:
        # Rounded, so that sums of shares that are equal on paper are ties; ties go to the first name.
        name = max(lacking, key=lambda name: (round(lacking[name][0], 6), round(lacking[name][1], 6)))
        lacking[name][0] -= groups[i].n_people
        lacking[name][1] -= len(groups[i].clips)
        dealt[i] = name
    return dealt
