r"""Attributes from tables beside a corpus: who is of what gender, age, nationality, speaks which language.

A table is joined by its column of people, of videos, or of clips. What the source itself says of a clip wins; that is
the affair of who asks. Which columns are known under which names: `visavox.corpus.sources.clips_table`.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "vox1_meta.csv"
    >>> _ = path.write_text("VoxCeleb1 ID\tVGGFace1 ID\tGender\nid10001\tAnn_Lee\tf\n")
    >>> found = Metadata.read([path]).attributes_of(person="id10001", video=None, clip="a")
    >>> {name: attribute.value for name, attribute in found.items()}
    {'gender': 'f', 'VGGFace1 ID': 'Ann_Lee'}
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from visavox.corpus.items import GIVEN, Attribute
from visavox.corpus.sources.clips_table import ALIASES, ClipsTable, clean_attributes, read_cells, read_header
from visavox.errors import ConfigError

PERSON_COLUMNS = (
    *ALIASES["person"],
    *(f"voxceleb{version}{gap}id" for version in (1, 2) for gap in (" ", "_", "")),
    *("id", "ids", "subject", "subject_id"),
)
"""Columns that name a person in tables of attributes, capitals ignored."""
KEYS: dict[str, tuple[str, ...]] = {
    "person": PERSON_COLUMNS,
    "video": ALIASES["video"],
    "clip": (*ALIASES["clip"], "file", "path", "file_path", "filename", "file_name"),
}
"""What a table may be joined by, in the order of preference, and the columns that hold it."""

NOTHING: Mapping[str, Attribute] = {}


@dataclass(frozen=True)
class Metadata:
    """Attributes by person, video or clip."""

    by_key: Mapping[str, Mapping[str, Mapping[str, Attribute]]] = field(default_factory=dict)
    """From "person", "video" or "clip" to names, and from each name to its attributes."""
    n_rows: int = 0
    """Rows that were read."""
    n_bad_rows: int = 0
    """Rows that are broken or name nobody."""
    n_conflicts: int = 0
    """Values that were left out, because the rows of one name in one table say different things."""

    @classmethod
    def read(cls, paths: Iterable[Path], columns: Mapping[str, str] | None = None) -> Metadata:
        """Read tables: UTF-8 with or without BOM, any line ends, comma, semicolon or tab; the first that says it wins.

        A table is joined by the first of its columns of people, videos and clips in which no name stands twice, or by
        the first of them if there is none. A cell that is empty says nothing; broken rows are counted.

        Args:
            paths: the tables; none gives no attributes.
            columns: from our field (person, video, clip, gender, ...) to its column, where it is not the usual one.

        Raises:
            ConfigError: a table is missing, empty or has no column to join by.
            DataError: the header is no UTF-8, or the file cannot be read.
        """
        joined: dict[str, dict[str, dict[str, Attribute]]] = {key: defaultdict(dict) for key in KEYS}
        n_rows = n_bad_rows = n_conflicts = 0
        for path in paths:
            key, values, counts = _read(Path(path), columns)
            for name, attributes in values.items():
                for attribute, value in attributes.items():
                    if value is None:
                        n_conflicts += 1
                    else:
                        joined[key][name].setdefault(attribute, Attribute(value, GIVEN))
            n_rows, n_bad_rows = n_rows + counts[0], n_bad_rows + counts[1]
        return cls({key: dict(found) for key, found in joined.items()}, n_rows, n_bad_rows, n_conflicts)

    def attributes_of(self, *, person: str | None, video: str | None, clip: str | None) -> Mapping[str, Attribute]:
        """Return what the tables say, by name; of contradictions the clip wins over the video, that over the person.

        Args:
            person: who it is; None where unknown.
            video: the video it was cut from.
            clip: name of the clip.
        """
        found = [
            self.by_key.get(key, {}).get(normal_name(name))
            for key, name in (("person", person), ("video", video), ("clip", clip))
            if name
        ]
        said = [attributes for attributes in found if attributes]
        if not said:
            return NOTHING
        return said[0] if len(said) == 1 else {name: value for attributes in said for name, value in attributes.items()}


def normal_name(name: str) -> str:
    """Return a name as it is compared: composed accents, no spaces around it."""
    return name if name.isascii() and name == name.strip() else unicodedata.normalize("NFC", name.strip())


def _read(
    path: Path, columns: Mapping[str, str] | None
) -> tuple[str, dict[str, dict[str, str | None]], tuple[int, int]]:
    """Return what a table is joined by, its values by name (None: contradicted), and (rows, bad rows)."""
    if not path.is_file():
        raise ConfigError(f"There is no table {path}. Correct `metadata`.")
    table = read_header(path, columns, aliases={**ALIASES, **KEYS})
    keys = [key for key in KEYS if key in table.column_of]
    if not keys:
        raise ConfigError(
            f"{path} has no column to join by. It has: {', '.join(table.header)}. Name one of them person, video or "
            "clip."
        )
    key = _distinct_key(table, keys)
    values: dict[str, dict[str, str | None]] = {}
    n_rows = n_bad_rows = 0
    for _, cells, reason in read_cells(table):
        n_rows += 1
        name = normal_name(cells.get(key, ""))
        if reason or not name:
            n_bad_rows += 1
            continue
        known = values.setdefault(name, {})
        for attribute, value in clean_attributes(cells).items():
            known[attribute] = value if known.get(attribute, value) == value else None
    return key, values, (n_rows, n_bad_rows)


def _distinct_key(table: ClipsTable, keys: list[str]) -> str:
    """Return the first key that no two rows share, or the first."""
    seen: dict[str, set[str]] = {key: set() for key in keys}
    free = list(keys)
    for _, cells, _ in read_cells(table):
        for key in list(free):
            name = normal_name(cells.get(key, ""))
            if name in seen[key]:
                free.remove(key)
            elif name:
                seen[key].add(name)
        if not free:
            break
    return free[0] if free else keys[0]
