"""Which still of a video goes with which of its utterances.

Stills lie in FACES/NAME/VIDEO/ or with a folder between the two (FACES/NAME/1.6/VIDEO/). The utterances of a video get
stills that are spread evenly over it, always the same ones.

Example:
    >>> spread(["a", "b", "c", "d", "e", "f"], 2), spread(["a"], 3), spread([], 2)
    (['b', 'e'], ['a', 'a', 'a'], [])
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from visavox.corpus.sources.celebrity_tables import Celebrities
from visavox.corpus.sources.media_trees import Tree

T = TypeVar("T")


class StillsOfVideos:
    """Stills by person and video.

    Args:
        trees: folders that hold a folder for each person.
        people: who knows whose faces lie in which folder.
    """

    def __init__(self, trees: Sequence[Tree], people: Celebrities) -> None:
        """Store the arguments; folders are listed when a video is asked for."""
        self._trees = trees
        self._people = people
        self._person = ""
        self._folders: dict[str, list[Path]] = {}

    def spread(self, person: str, video: str, n: int) -> list[Path]:
        """Return a still for each of `n` utterances of a video; an empty list where it has no stills."""
        if not video:
            return []
        if person != self._person:
            self._person, self._folders = person, self._videos_of(person)
        stills = [
            path for folder in self._folders.get(video, []) for _, path in Tree(folder, self._trees[0].suffixes).walk()
        ]
        return spread(stills, n)

    def _videos_of(self, person: str) -> dict[str, list[Path]]:
        """Return the folders of a person's videos, by video."""
        found: dict[str, list[Path]] = {}
        names = [person, *self._people.names_of(person)]
        for tree in self._trees:
            for folder in (tree.folder / name for name in dict.fromkeys(names)):
                for below in _folders(folder):
                    found.setdefault(below.name, []).append(below)
                    for deeper in _folders(below):
                        found.setdefault(deeper.name, []).append(deeper)
        return found


def spread(items: Sequence[T], n: int) -> list[T]:
    """Return `n` of some items, from the middles of `n` equal stretches; an empty list where there are none.

    Args:
        items: in their order.
        n: 0 or more.
    """
    return [items[(2 * i + 1) * len(items) // (2 * n)] for i in range(n)] if items else []


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
