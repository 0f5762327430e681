r"""Tables that say who is behind the ids of a corpus of celebrities: vox1_meta.csv, vox2_meta.csv, v1_meta.csv.

    VoxCeleb1 ID <tab> VGGFace1 ID <tab> Gender <tab> Nationality <tab> Set      VoxCeleb1
    VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set                                       VoxCeleb2 (with or without Name, tabs)
    VoxCeleb1_ID,VGGFace1_ID,Gender,Nationality,Set                              lists of Seeking the Shape of Sound
    ids,name,gender                                                              MAV-Celeb

Ids are people; faces are sorted by names, so that the tables are what joins the two.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "vox1_meta.csv"
    >>> _ = path.write_text("VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid10001\tAnn_Lee\tf\tUSA\tdev\n")
    >>> people = Celebrities.read([path])
    >>> people.id_of("Ann_Lee"), {name: attribute.value for name, attribute in people.attributes_of("id10001").items()}
    ('id10001', {'set': 'dev', 'gender': 'f', 'nationality': 'USA', 'name': 'Ann_Lee'})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from visavox.corpus.items import GIVEN, Attribute
from visavox.corpus.sources.clips_table import ALIASES, clean_attributes, read_cells, read_header
from visavox.corpus.sources.metadata import NOTHING, PERSON_COLUMNS, normal_name
from visavox.errors import ConfigError

TABLE_COLUMNS: dict[str, tuple[str, ...]] = {
    "person": PERSON_COLUMNS,
    "faces": tuple(f"vggface{version}{gap}id" for version in (1, 2) for gap in (" ", "_", "")),
    "name": ("name", "person_name", "celebrity"),
    "set": ("set", "split"),
    **{name: ALIASES[name] for name in ("gender", "nationality", "language", "age")},
}
"""Our fields and their columns; "faces" is the folder of a person's faces."""


@dataclass(frozen=True)
class Celebrities:
    """People by id, and ids by the names of their faces."""

    by_id: Mapping[str, Mapping[str, Attribute]] = field(default_factory=dict)
    """Attributes: gender, nationality, set (the official split), name, and others of the tables."""
    id_by_name: Mapping[str, str] = field(default_factory=dict)
    """Ids by the folders of faces, and by names with underscores."""
    names_by_id: Mapping[str, list[str]] = field(default_factory=dict)
    """The same the other way round."""
    n_bad_rows: int = 0
    """Rows that are broken or name nobody."""

    @classmethod
    def read(cls, paths: Iterable[Path], columns: Mapping[str, str] | None = None) -> Celebrities:
        """Read tables; of two rows of one id the first counts.

        Args:
            paths: the tables.
            columns: from our field (person, faces, name, gender, nationality, set, ...) to its column.

        Raises:
            ConfigError: a table without ids, or `columns` names what is not there.
            DataError: a table cannot be read.
        """
        by_id: dict[str, dict[str, Attribute]] = {}
        id_by_name: dict[str, str] = {}
        n_bad_rows = 0
        for path in paths:
            table = read_header(path, columns, aliases=TABLE_COLUMNS)
            if "person" not in table.column_of:
                raise ConfigError(
                    f"{path} has no column of ids. It has: {', '.join(table.header)}. Correct `metadata`."
                )
            for _, cells, reason in read_cells(table):
                person = normal_name(cells.pop("person", ""))
                if reason or not person:
                    n_bad_rows += 1
                    continue
                faces, name = cells.pop("faces", ""), cells.get("name", "")
                # VoxCeleb1 names its people by the folders of their faces, VoxCeleb2 numbers these.
                if faces and not name and not faces[1:].isdecimal():
                    cells["name"] = faces
                for known in sorted({faces, name, name.replace(" ", "_")} - {""}):
                    id_by_name.setdefault(normal_name(known), person)
                found = {key: Attribute(value, GIVEN) for key, value in clean_attributes(cells).items()}
                by_id.setdefault(person, found)
        names_by_id: dict[str, list[str]] = {}
        for known, person in id_by_name.items():
            names_by_id.setdefault(person, []).append(known)
        return cls(by_id, id_by_name, names_by_id, n_bad_rows)

    def id_of(self, folder: str) -> str:
        """Return whose faces lie in a folder: an id, or the folder's own name where no table tells."""
        return self.id_by_name.get(normal_name(folder), folder)

    def names_of(self, person: str) -> list[str]:
        """Return the folders in which somebody's faces may lie."""
        return self.names_by_id.get(person, [])

    def attributes_of(self, person: str) -> Mapping[str, Attribute]:
        """Return what the tables say of an id."""
        return self.by_id.get(person, NOTHING)
