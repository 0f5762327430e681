"""Which file names are those of videos, and the ways to name one of a folder.

Example:
    >>> is_video_name("ann/1.MP4"), is_video_name(".git/1.mp4"), is_video_name("1.jpg")
    (True, False, False)
    >>> clip_names(["ann/1.mp4", "bob/1.mp4", "bob/1.mov"])
    {'ann/1.mp4': 'ann/1', 'bob/1.mp4': 'bob/1.mp4', 'bob/1.mov': 'bob/1.mov'}
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from visavox.corpus.sources.file_index import readable_name

VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "m2v", "ogv", "3gp", "flv", "wmv", "asf", "vob"),
        *("ts", "mts", "m2ts", "mxf"),
    )
)
"""Names of videos end so, capitals ignored."""


class NamedVideos:
    """The videos of a folder and the ways to name them."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        """Note every way in which a row may name a video.

        Args:
            folder: that holds them.
            names: their paths inside the folder.
        """
        self.folder = folder
        self.names = list(names)
        """Paths inside the folder, sorted."""
        self.clip_of = clip_names(self.names)
        self.clips = frozenset(self.clip_of.values())
        """Names of their clips."""
        self._by_path = {_normal(name): name for name in self.names}
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_bare_name: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            path = PurePosixPath(name)
            self._by_stem[_normal(path.with_suffix("").as_posix())].append(name)
            for bare in (path.name, path.stem):
                self._by_bare_name[_normal(bare)].append(name)

    def find(self, given: str) -> list[str]:
        """Return the videos that a row may mean: none, one, or several when it cannot be decided."""
        wanted = _normal(given).replace("\\", "/").removeprefix("./")
        for name in (wanted, wanted.removeprefix(f"{_normal(self.folder.resolve().name)}/")):
            if name in self._by_path:
                return [self._by_path[name]]
            if name in self._by_stem:
                return list(self._by_stem[name])
        return list(self._by_bare_name.get(wanted, []))


def clip_names(names: Sequence[str]) -> dict[str, str]:
    """Return a unique clip name for each video: its path without the extension, with it where two would be equal.

    Args:
        names: different paths.

    Example:
        >>> clip_names(["ann/1.mp4", "bob/1.mp4", "bob/1.mov"])
        {'ann/1.mp4': 'ann/1', 'bob/1.mp4': 'bob/1.mp4', 'bob/1.mov': 'bob/1.mov'}
    """
    stems = {name: PurePosixPath(name).with_suffix("").as_posix() for name in names}
    count = Counter(stems.values())
    whole = set(names)
    return {
        name: readable_name(stem if count[stem] == 1 and stem not in whole else name) for name, stem in stems.items()
    }


def is_video_name(name: str) -> bool:
    """Return whether a path inside a folder names a video; hidden files and folders are left out."""
    path = PurePosixPath(name)
    return path.suffix.lower() in VIDEO_SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _normal(name: str) -> str:
    """Return the composed form: some file systems decompose accents, tables rarely do."""
    return unicodedata.normalize("NFC", name)
