"""An index of the files of a folder by name without extension, built by one walk.

It never joins a name to a path, so that no clip name, "../x" for instance, can reach outside the folder.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "-a. b.jpg").write_bytes(b"")
    >>> [path.name for path in FileIndex(folder).find("-a. b")]
    ['-a. b.jpg']
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from pathlib import Path

# Files that describe media rather than being media: they do not make a clip ambiguous.
SIDECAR_SUFFIXES = frozenset({".txt", ".json", ".csv", ".xml", ".yaml", ".yml", ".md", ".npy", ".npz", ".pt", ".lab"})
SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


class FileIndex:
    """The files under a folder, found by their path inside it without the extension.

    Args:
        folder: walked at once; links to folders are followed, loops of links are not.
    """

    def __init__(self, folder: Path) -> None:
        """Walk the folder."""
        self.folder = folder
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        self._by_name: dict[str, Path] = {}
        self._paths: list[tuple[str, Path]] = []
        self._used: set[Path] = set()
        self.unreadable: list[str] = []
        """Folders that could not be listed, as paths that begin with the folder's own name."""
        seen: set[tuple[int, int]] = set()
        for root, folders, files in os.walk(folder, followlinks=True, onerror=self._note):
            try:
                status = os.stat(root)  # noqa: PTH116 - the walk gives text
            except OSError as error:
                self._note(error)
                folders.clear()
                continue
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            # Real folders before links to them, so that a folder is known by its own name.
            folders.sort(key=lambda name: (os.path.islink(os.path.join(root, name)), name))  # noqa: PTH114, PTH118
            inside = "" if root == str(folder) else f"{Path(root).relative_to(folder).as_posix()}/"
            for name in sorted(files):
                if name in SYSTEM_FILES:
                    continue
                path = Path(root) / name
                self._paths.append((_normal(inside + name), path))
                self._by_name[_normal(inside + name)] = path
                self._by_stem[_normal(inside + os.path.splitext(name)[0])].append(path)  # noqa: PTH122

    def find(self, clip: str) -> list[Path]:
        """Return the files of a clip and count them as used: none, one, or several when it cannot be decided.

        A file whose name without its last extension is the clip; else one whose whole name is. Of several, those
        that only describe media (".txt", ".json", ...) are left out. Composed and decomposed accents are equal.
        """
        name = _normal(clip)
        found = self._by_stem.get(name, [])
        if len(found) > 1:
            found = [path for path in found if path.suffix.lower() not in SIDECAR_SUFFIXES] or found
        if not found and name in self._by_name:
            found = [self._by_name[name]]
        self._used.update(found)
        return list(found)

    def paths(self) -> list[Path]:
        """Return every file, sorted by its path inside the folder."""
        return [path for _, path in sorted(self._paths)]

    def unused(self) -> list[str]:
        """Return the files that no `find` returned, as paths that begin with the folder's own name."""
        return [self.source(path) for path in self.paths() if path not in self._used]

    def _note(self, error: OSError) -> None:
        path = Path(error.filename or self.folder)
        inside = path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.name
        self.unreadable.append(readable_name(f"{self.folder.name}/{inside}"))

    def source(self, path: Path | None) -> str:
        """Return a file's path from the folder's own name on, "faces/a.jpg"; "" for None."""
        if path is None:
            return ""
        return readable_name(f"{self.folder.name}/{path.relative_to(self.folder).as_posix()}")


def readable_name(name: str) -> str:
    r"""Return a file name as text that can be stored: bytes that are no UTF-8 are written as \udcNN.

    Example:
        >>> readable_name("a\udcff")
        'a\\udcff'
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _normal(name: str) -> str:
    """Return the composed form: some file systems decompose accents, tables rarely do."""
    return unicodedata.normalize("NFC", name)
