r"""Trees of media sorted by person and video, walked folder by folder, so that millions of files need no memory.

A file is named by its folders and its own name without ending; several trees that use the same names, sounds here and
videos there, are walked together. What a folder means is the affair of the source.

Example:
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("wav/id1/v/2.wav", "wav/id1/v/1.wav", "mp4/id1/v/2.mp4"):
    ...     (root / name).parent.mkdir(parents=True, exist_ok=True)
    ...     _ = (root / name).write_bytes(b"")
    >>> trees = [Tree(root / "wav", SOUNDS), Tree(root / "mp4", MOVIES)]
    >>> [("/".join(key), [path.suffix for path in paths]) for key, paths in walk_together(trees)]
    [('id1/v/1', ['.wav']), ('id1/v/2', ['.wav', '.mp4'])]
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from visavox.corpus.sources.file_index import readable_name
from visavox.corpus.sources.video_names import VIDEO_SUFFIXES
from visavox.errors import ConfigError

SOUNDS = (".wav", ".flac", ".m4a", ".aac", ".mp3", ".ogg", ".opus")
"""Endings of sounds, the ones to be preferred first."""
STILLS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""Endings of images."""
MOVIES: tuple[str, ...] = tuple(sorted(VIDEO_SUFFIXES))
"""Endings of videos."""


@dataclass
class Tree:
    """A folder and the kind of files that count in it."""

    folder: Path
    """The folder."""
    suffixes: Collection[str]
    """Endings in small letters."""
    unreadable: list[str] = field(default_factory=list)
    """Folders that could not be listed when it was last walked."""

    def walk(self) -> Iterator[tuple[tuple[str, ...], Path]]:
        """Iterate over (folders and name without ending, file), in the order of the names; hidden ones are left out.

        Links to folders are followed, except into a folder that holds them.
        """
        self.unreadable.clear()
        yield from self._walk(self.folder, (), ())

    def _walk(
        self, folder: Path, parts: tuple[str, ...], above: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[tuple[str, ...], Path]]:
        try:
            status = folder.stat()
            here = (status.st_dev, status.st_ino)
            if here in above:
                return
            with os.scandir(folder) as entries:
                found = [(entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith(".")]
        except OSError:
            self.unreadable.append(readable_name("/".join((self.folder.name, *parts))))
            return
        for stem, _, name, is_folder in sorted(_sort_key(name, is_folder=is_folder) for name, is_folder in found):
            if is_folder:
                yield from self._walk(folder / name, (*parts, name), (*above, here))
            elif os.path.splitext(name)[1].lower() in self.suffixes:  # noqa: PTH122 - much faster than a path
                yield (*parts, stem), folder / name


def walk_together(trees: Sequence[Tree]) -> Iterator[tuple[tuple[str, ...], list[Path]]]:
    """Iterate over (folders and name without ending, the files of that name in all trees), in the order of the names.

    Files of one name come in the order of the trees.
    """
    walks = (_numbered(number, tree) for number, tree in enumerate(trees))
    for key, files in groupby(heapq.merge(*walks), key=lambda file: file[0]):
        yield key, [path for _, _, path in files]


def _numbered(number: int, tree: Tree) -> Iterator[tuple[tuple[str, ...], int, Path]]:
    for key, path in tree.walk():
        yield key, number, path


def first_file(folder: Path, suffixes: Collection[str], *, depth: int = 6) -> Path | None:
    """Return some file under a folder that ends so, looking into a few folders of each level only; None if none."""
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.is_dir(), entry.name) for entry in entries if not entry.name.startswith("."))
    except OSError:
        return None
    files = [name for is_folder, name in names if not is_folder]
    for name in files:
        if os.path.splitext(name)[1].lower() in suffixes:  # noqa: PTH122 - as above
            return folder / name
    folders = [name for is_folder, name in names if is_folder][:4]
    found = (first_file(folder / name, suffixes, depth=depth - 1) for name in folders if depth > 0)
    return next((path for path in found if path is not None), None)


def inside(path: Path, root: Path) -> str:
    """Return the path of a file as a source names it: from its root on, or else from the folder above it."""
    relative = path.relative_to(root) if path.is_relative_to(root) else Path(path.parent.name) / path.name
    return readable_name(relative.as_posix())


def named_folder(root: Path, name: str, option: str) -> Path:
    """Return a folder that a user named, inside the root or as a path of its own.

    Raises:
        ConfigError: there is none.
    """
    found = next((folder for folder in (root / name, Path(name)) if folder.is_dir()), None)
    if found is None:
        raise ConfigError(f"There is no folder {name} in {root} or here. Correct `{option}`.")
    return found


def _sort_key(name: str, *, is_folder: bool) -> tuple[str, bool, str, bool]:
    """Order by the name without ending, files before folders: as the keys of the files under them are ordered."""
    return (name if is_folder else os.path.splitext(name)[0], is_folder, name, is_folder)  # noqa: PTH122 - as above
