"""Which row of an embedding table does a list mean when it says "id19003/VIDEO/00001.wav"?

Lists name files below the root of their modality; tables name items, clips and, through a catalog, the files that they
came from. A name is looked up as it is and without its suffix, first among keys and files, then among clips, then among
the ends of files' paths ("Ann/7.jpg" of "faces/Ann/7.jpg"), where one end that two files share means neither.

Example:
    >>> import numpy as np
    >>> table = EmbeddingTable("face", "e", ("Ann/7/face",), ("Ann/7",), ("Ann",), (None,), {}, np.ones((1, 2)))
    >>> rows = NamedRows(table)
    >>> rows.row_of("Ann/7.jpg"), rows.row_of("Bob/7.jpg")
    (0, None)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from visavox.corpus.embeddings import EmbeddingTable

PATH_ATTRIBUTES = ("path", "file")  # attributes of a table that say which file a row came from
MIN_PARTS = 2  # shortest end of a path that may stand for it: folder and file


class NamedRows:
    """The rows of a table under every name that a list may give them.

    Args:
        table: the vectors.
        files: for each item key the files it came from, from a catalog, and names that were made up for it; None: only
            what the table says.
    """

    def __init__(self, table: EmbeddingTable, files: Mapping[str, Sequence[str]] | None = None) -> None:
        """Index the table once; looking up a name is then fast."""
        own: dict[str, int] = {}
        clips: dict[str, int] = {}
        ends: dict[str, int | None] = {}
        in_order = sorted(range(len(table)), key=lambda row: table.keys[row])  # of a clip's rows the first key counts
        for row in in_order:
            key = table.keys[row]
            paths = [*(files or {}).get(key, ()), *(table.attribute(name)[row] or "" for name in PATH_ATTRIBUTES)]
            for name in (key, key.removesuffix(f"/{table.modality}"), *filter(None, paths)):
                own.setdefault(name, row)
                own.setdefault(without_suffix(name), row)
            for name in (table.clips[row], without_suffix(table.clips[row])):
                clips.setdefault(name, row)
            for end in _ends_of(filter(None, paths)):
                ends[end] = row if ends.get(end, row) == row else None
        self._names: tuple[Mapping[str, int | None], ...] = (own, clips, ends)

    def row_of(self, name: str) -> int | None:
        """Return the row that a name of a list means; None where there is none."""
        for names in self._names:
            for form in (name, without_suffix(name)):
                row = names.get(form)
                if row is not None:
                    return row
        return None


def without_suffix(name: str) -> str:
    """Return a path without the suffix of its last part.

    Example:
        >>> without_suffix("a.b/c.wav"), without_suffix("a.b/c")
        ('a.b/c', 'a.b/c')
    """
    head, slash, last = name.rpartition("/")
    stem = last.rpartition(".")[0] or last
    return f"{head}{slash}{stem}"


def _ends_of(paths: Iterable[str]) -> set[str]:
    """Every end of at least two parts of each path, with its suffix and without."""
    ends = set()
    for path in paths:
        parts = PurePosixPath(path).parts
        for start in range(1, len(parts) - MIN_PARTS + 1):
            end = "/".join(parts[start:])
            ends |= {end, without_suffix(end)}
    return ends
