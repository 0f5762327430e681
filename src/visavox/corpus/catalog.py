"""The catalog of a corpus: one SQLite file with a row for each item, also for those that failed.

One process writes, one transaction a clip, so that a kill at any moment leaves whole clips; any number of processes
read meanwhile. Media files are not its affair: rows hold their paths relative to the corpus folder.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with Catalog.create(folder / "catalog.sqlite", {"source": "pairs"}) as catalog:
    ...     catalog.add_clip([MediaItem("a/face", "a", "face", digest="00")])
    ...     catalog.counts(), catalog.done_clips()
    ({'face': {'ok': 1}}, {'a'})
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from visavox.corpus.database import (
    connect_reader,
    connect_writer,
    remove_database,
    transaction,
    translated_errors,
)
from visavox.corpus.items import GIVEN, OK, Attribute, MediaItem, Modality
from visavox.corpus.statuses import TRANSIENT
from visavox.errors import DataError

CATALOG = "catalog.sqlite"
"""Name of the file in the folder of a corpus."""
SCHEMA_VERSION = 2

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
    key TEXT PRIMARY KEY, clip TEXT NOT NULL, modality TEXT NOT NULL, person TEXT, video TEXT, session TEXT,
    source TEXT NOT NULL, start_s REAL, end_s REAL, status TEXT NOT NULL, reason TEXT NOT NULL, path TEXT,
    digest TEXT, quality TEXT NOT NULL
);
CREATE INDEX items_by_clip ON items (clip);
CREATE INDEX items_by_status ON items (modality, status, clip);
CREATE INDEX items_by_person ON items (person);
CREATE INDEX items_by_video ON items (video);
CREATE INDEX items_by_digest ON items (digest);
CREATE TABLE attributes (
    key TEXT NOT NULL REFERENCES items (key), name TEXT NOT NULL, value TEXT NOT NULL, origin TEXT NOT NULL,
    PRIMARY KEY (key, name)
) WITHOUT ROWID;
CREATE TABLE redo (clip TEXT PRIMARY KEY) WITHOUT ROWID;
"""

COLUMNS = (
    "key",
    "clip",
    "modality",
    "person",
    "video",
    "session",
    "source",
    "start_s",
    "end_s",
    "status",
    "reason",
    "path",
    "digest",
    "quality",
)

BY_STATUS = "modality IN ('face', 'voice') AND status"  # both modalities are named so that the index serves
REMEDY = "Prepare the corpus again with --overwrite."


class Catalog:
    """An open catalog; use `Catalog.create` or `Catalog.open`, and close it or use `with`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Hold an open connection; for `create` and `open`."""
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, path: str | Path, settings: Mapping[str, Any], *, overwrite: bool = False) -> Self:
        """Create the catalog, or take up the one that the same settings began.

        Args:
            path: the file; its folder is created.
            settings: what decides the rows, as JSON values.
            overwrite: start anew whatever is there.

        Raises:
            DataError: the file was begun with other settings (the message says which), is damaged, or cannot be
                written.
        """
        path = Path(path)
        wanted = _as_json(settings)
        with translated_errors(path, remedy=REMEDY):
            if overwrite:
                remove_database(path)
            connection = connect_writer(path)
        catalog = cls(path, connection)
        try:
            with translated_errors(path, remedy=REMEDY):
                catalog._begin(wanted)
            catalog._check_settings(wanted)
        except DataError:
            connection.close()
            raise
        return catalog

    @classmethod
    def open(cls, path: str | Path, *, readonly: bool = True) -> Self:
        """Open a catalog that exists.

        Raises:
            DataError: there is none, it is damaged, or another version wrote it.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"There is no catalog at {path}. Run `visavox prepare` first, or name its folder.")
        with translated_errors(path, remedy=REMEDY):
            connection = connect_reader(path) if readonly else connect_writer(path)
        catalog = cls(path, connection)
        try:
            with translated_errors(path, remedy=REMEDY):
                catalog._check_schema()
        except DataError:
            connection.close()
            raise
        return catalog

    def __enter__(self) -> Self:
        """Return the catalog itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the catalog."""
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is no error."""
        self._connection.close()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the catalog was created with."""
        with translated_errors(self.path, remedy=REMEDY):
            (text,) = self._connection.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()
        settings: dict[str, Any] = json.loads(text)
        return settings

    def add_clip(self, items: Iterable[MediaItem], *, replace: bool = False) -> None:
        """Add all items of one clip in one transaction.

        Args:
            items: items of one clip, those that failed included.
            replace: put them in the place of what is there of this clip; for one of `clips_to_redo`.

        Raises:
            DataError: no item, items of several clips, a key that is there already, or no room on the disk: then
                nothing of this clip is kept, and everything before it is.
        """
        items = list(items)
        clips = sorted({item.clip for item in items})
        if len(clips) != 1:
            raise DataError(f"`add_clip` takes the items of one clip. Got {clips or 'no item'}.")
        rows = [_row(item) for item in items]
        attributes = [
            (item.key, name, attribute.value, attribute.origin)
            for item in items
            for name, attribute in item.attributes.items()
        ]
        marks = ", ".join("?" * len(COLUMNS))
        with translated_errors(self.path, remedy=REMEDY):
            try:
                with transaction(self._connection):
                    if replace:
                        self._remove(clips[0])
                    self._connection.executemany(f"INSERT INTO items VALUES ({marks})", rows)
                    self._connection.executemany("INSERT INTO attributes VALUES (?, ?, ?, ?)", attributes)
            except sqlite3.IntegrityError as e:
                raise DataError(
                    f"The clip {clips[0]!r} is in {self.path} already ({e}). Give each clip once, and let one "
                    "`prepare` at a time write a corpus."
                ) from e

    def _remove(self, clip: str) -> None:
        """Delete the rows of a clip, inside a transaction."""
        self._connection.execute("DELETE FROM attributes WHERE key IN (SELECT key FROM items WHERE clip = ?)", (clip,))
        self._connection.execute("DELETE FROM items WHERE clip = ?", (clip,))
        self._connection.execute("DELETE FROM redo WHERE clip = ?", (clip,))

    def set_attributes(self, name: str, values: Mapping[str, Attribute]) -> None:
        """Give items an attribute, in one transaction, in the place of one of this name.

        Args:
            name: of the attribute.
            values: from the key of an item to its attribute; a key that is not there is left out.
        """
        rows = [(key, name, attribute.value, attribute.origin, key) for key, attribute in values.items()]
        query = "INSERT OR REPLACE INTO attributes SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM items WHERE key = ?)"
        with translated_errors(self.path, remedy=REMEDY), transaction(self._connection):
            self._connection.executemany(query, rows)

    def ask_again(self, statuses: Iterable[str]) -> int:
        """Mark the clips that have an item of these statuses to be prepared anew; return how many were marked.

        Their rows stay until the new ones replace them.
        """
        query = f"INSERT OR IGNORE INTO redo SELECT DISTINCT clip FROM items WHERE {BY_STATUS} = ?"
        with translated_errors(self.path, remedy=REMEDY), transaction(self._connection):
            before = self._connection.total_changes
            self._connection.executemany(query, [(status,) for status in statuses])
            return self._connection.total_changes - before

    def clips_to_redo(self) -> set[str]:
        """Return the clips that `ask_again` marked, and those with an item of a transient status."""
        marks = ", ".join("?" * len(TRANSIENT))
        query = f"SELECT clip FROM redo UNION SELECT clip FROM items WHERE {BY_STATUS} IN ({marks})"
        with translated_errors(self.path, remedy=REMEDY):
            return {clip for (clip,) in self._connection.execute(query, sorted(TRANSIENT))}

    def find(self, name: str) -> list[MediaItem]:
        """Return the items of a clip, or the item of a key, in the order of their keys; empty where there is none."""
        query = "items.clip = :name OR items.key = :name"
        return list(self._selected(query, {"name": name}))

    def items(self, modality: Modality | None = None, *, status: str | None = OK) -> Iterator[MediaItem]:
        """Iterate over items in the order of their keys, whatever the order they were added in.

        Args:
            modality: "voice", "face", or None for both.
            status: one status, or None for all.
        """
        wanted = {"modality": modality, "status": status}
        conditions = [f"items.{name} = :{name}" for name, value in wanted.items() if value is not None]
        return self._selected(" AND ".join(conditions), wanted)

    def _selected(self, condition: str, values: Mapping[str, Any]) -> Iterator[MediaItem]:
        where = f"WHERE {condition}" if condition else ""
        columns = ", ".join(f"items.{name}" for name in COLUMNS)
        query = (
            f"SELECT {columns}, attributes.name, attributes.value, attributes.origin FROM items "
            f"LEFT JOIN attributes ON attributes.key = items.key {where} ORDER BY items.key, attributes.name"
        )
        with translated_errors(self.path, remedy=REMEDY):
            rows = self._connection.execute(query, values)
            for _, group in itertools.groupby(rows, key=lambda row: row[0]):
                yield _item(list(group))

    def done_clips(self) -> set[str]:
        """Return the clips that are in the catalog, with whatever status."""
        with translated_errors(self.path, remedy=REMEDY):
            return {clip for (clip,) in self._connection.execute("SELECT DISTINCT clip FROM items")}

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of items by modality and status: `{"face": {"ok": 9, "missing_file": 1}}`."""
        found: dict[str, dict[str, int]] = {}
        query = "SELECT modality, status, count(*) FROM items GROUP BY modality, status ORDER BY modality, status"
        with translated_errors(self.path, remedy=REMEDY):
            for modality, status, count in self._connection.execute(query):
                found.setdefault(modality, {})[status] = count
        return found

    def n_clips(self) -> int:
        """Return the number of clips, with whatever status."""
        with translated_errors(self.path, remedy=REMEDY):
            (count,) = self._connection.execute("SELECT count(DISTINCT clip) FROM items").fetchone()
        return int(count)

    def n_with_figure(self, name: str, value: float) -> int:
        """Return the number of items whose quality figure `name` is exactly `value`."""
        pattern = f'%"{name}": {json.dumps(value)}%'  # a scan for text, ten times as fast as reading the JSON
        query = "SELECT count(*) FROM items WHERE quality LIKE ? || ',%' OR quality LIKE ? || '}'"
        with translated_errors(self.path, remedy=REMEDY):
            (count,) = self._connection.execute(query, (pattern[:-1], pattern[:-1])).fetchone()
        return int(count)

    def content_hash(self) -> str:
        """Return the SHA-256 of what the catalog says, hexadecimal.

        It covers key, clip, modality, person, video, session, times, status, digest and given attributes of every
        item. It does not depend on the order of adding, on where files lie, on quality figures, on predicted
        attributes or on the words of reasons.
        """
        digest = hashlib.sha256()
        for item in self.items(status=None):
            attributes = sorted((n, a.value, a.origin) for n, a in item.attributes.items() if a.origin == GIVEN)
            said = [item.key, item.clip, item.modality, item.person, item.video, item.session]
            row = [*said, item.start_s, item.end_s, item.status, item.digest, attributes]
            digest.update(json.dumps(row, ensure_ascii=True).encode() + b"\n")
        return digest.hexdigest()

    def _begin(self, settings: dict[str, Any]) -> None:
        (n_tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if n_tables == 0:
            with transaction(self._connection):
                for statement in SCHEMA.split(";"):  # not executescript, which would commit each statement
                    self._connection.execute(statement)
                self._connection.execute("INSERT INTO meta VALUES ('settings', ?)", (json.dumps(settings),))
                self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._check_schema()

    def _check_schema(self) -> None:
        """Raise unless the file has our tables in our version."""
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        tables = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
        if not {"meta", "items", "attributes"} <= tables:
            raise DataError(f"{self.path} is no catalog of Visavox: it lacks its tables. {REMEDY}")
        if version != SCHEMA_VERSION:
            raise DataError(
                f"{self.path} has schema version {version}; this version of Visavox reads {SCHEMA_VERSION}. {REMEDY}"
            )

    def _is_empty(self) -> bool:
        return self._connection.execute("SELECT 1 FROM items LIMIT 1").fetchone() is None

    def _check_settings(self, wanted: dict[str, Any]) -> None:
        before, now = _flat(self.settings), _flat(wanted)
        differing = [
            f"{name} was {before.get(name, 'absent')}, is {now.get(name, 'absent')}"
            for name in sorted(before.keys() | now.keys())
            if before.get(name) != now.get(name)
        ]
        if differing and self._is_empty():
            with transaction(self._connection):  # nothing was made with the settings of before
                self._connection.execute("UPDATE meta SET value = ? WHERE key = 'settings'", (json.dumps(wanted),))
        elif differing:
            raise DataError(
                f"{self.path} was begun with other settings: {'; '.join(differing)}. "
                "Use the same settings, another folder, or --overwrite to start anew."
            )


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as they come back from the file, so that a tuple equals its list."""
    normalised: dict[str, Any] = json.loads(json.dumps(dict(settings), default=str, sort_keys=True))
    return normalised


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Return {"a.b": JSON of the value} for the leaves of nested dicts."""
    if not isinstance(value, dict) or not value:
        return {prefix: json.dumps(value)}
    return {
        name: leaf
        for key, inner in value.items()
        for name, leaf in _flat(inner, f"{prefix}.{key}" if prefix else key).items()
    }


def _row(item: MediaItem) -> tuple[Any, ...]:
    values = {name: getattr(item, name) for name in COLUMNS}
    values["quality"] = json.dumps(dict(item.quality))
    # A reason may quote the name of a file on the disk, which need not be text that can be stored.
    values["reason"] = item.reason.encode("utf-8", "backslashreplace").decode("utf-8")
    return tuple(values.values())


def _item(rows: list[tuple[Any, ...]]) -> MediaItem:
    """Return the item of its joined rows, one a row for each attribute."""
    n_columns = len(COLUMNS)
    values = dict(zip(COLUMNS, rows[0][:n_columns], strict=True))
    path = values["path"]
    if path is not None and (path.startswith("/") or "/../" in f"/{path}/"):
        raise DataError(f"The item {values['key']!r} names a file outside its corpus: {path!r}. {REMEDY}")
    values["quality"] = json.loads(values["quality"])
    attributes = {
        name: Attribute(value, origin) for name, value, origin in (row[n_columns:] for row in rows) if name is not None
    }
    return MediaItem(**values, attributes=attributes)
