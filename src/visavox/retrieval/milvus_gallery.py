"""A gallery in Milvus: embedded in a file, or on a server or cluster that many writers and machines share.

    gallery.json    in the folder: where it is and what it was made with; copy it to give the gallery to a machine

Milvus knows no change of many rows at once. So rows are written by their keys, media before the rows that they belong
to: where a server goes away in the middle, everything that can be found is whole, and the same command again completes
the rest. What is removed is found no more at once; Milvus takes it out of its files when it next compacts them.

Example:
    gallery = MilvusGallery.create(folder, about, [rows], uri="http://127.0.0.1:19530", collection="visavox")
    gallery.search(vectors, "face", 10, where={"gender": "f"})
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import ConfigError, DataError
from visavox.retrieval.durable_files import disk_errors, replace_synced
from visavox.retrieval.evidence import Evidence, evidence_of_retrieved
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_file import FORMAT, GALLERY_FILE, about_from_json, read_gallery_file
from visavox.retrieval.gallery_filter import check_where, refuse_unknown
from visavox.retrieval.gallery_rows import (
    Added,
    AttributeInfo,
    By,
    GalleryAbout,
    GalleryInfo,
    GalleryRows,
    Hit,
    ModalityInfo,
    Removed,
    Where,
)
from visavox.retrieval.milvus_connection import MOST_ROWS, MilvusConnection, checked_uri, one_of
from visavox.retrieval.milvus_rows import (
    ROW_FIELDS,
    both,
    create_rows_collection,
    create_texts_collection,
    index_kind,
    to_rows,
    where_expression,
)
from visavox.retrieval.milvus_store import ABOUT, BATCH_ROWS, MilvusStore

BACKEND = "milvus"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
MOST_VALUES = 8  # of an attribute, that `info` names


class MilvusGallery(Gallery):
    """A gallery in Milvus.

    Args:
        folder: the one with `gallery.json`.
        about: what the gallery was made with.
        connection: to where it is; closed with the gallery.
        collection: what the names of its collections begin with.
    """

    def __init__(self, folder: Path, about: GalleryAbout, connection: MilvusConnection, collection: str) -> None:
        """Store the arguments; `open` and `create` make one."""
        self.folder = folder
        self.about = about
        self.connection = connection
        self.collection = collection
        self.store = MilvusStore(connection, collection, index_kind(about.index))

    @classmethod
    def open(cls, folder: Path) -> MilvusGallery:
        """Return the gallery that a folder names.

        Raises:
            MissingDependencyError: pymilvus is not installed.
            DataError: `gallery.json` is damaged, nobody answers, or Milvus holds another gallery or none.
        """
        values = read_gallery_file(folder)
        about = about_from_json(values.get("about"), folder / GALLERY_FILE)
        uri, collection = values.get("uri"), values.get("collection")
        if not isinstance(uri, str) or not isinstance(collection, str):
            raise DataError(f"{folder / GALLERY_FILE} must say `uri` and `collection`. Build the gallery again.")
        connection = MilvusConnection(checked_uri(uri))
        gallery = cls(folder, about, connection, collection)
        try:
            gallery._check_stored()
        except DataError:
            connection.close()
            raise
        return gallery

    @classmethod
    def create(
        cls, folder: Path, about: GalleryAbout, tables: Sequence[GalleryRows], *, uri: str, collection: str
    ) -> MilvusGallery:
        """Make a gallery with its first rows; one that the folder names is replaced, and one that was left unfinished.

        Raises:
            ConfigError: `uri` or `collection` cannot be, or the collection is of another gallery.
            MissingDependencyError: pymilvus is not installed.
            DataError: Milvus fails.
        """
        uri = _checked_place(uri, collection)
        index_kind(about.index)
        connection = MilvusConnection(uri)
        gallery = cls(folder, about, connection, collection)
        try:
            gallery._refuse_foreign(uri)
            for part in (*MODALITIES, "media", "about"):
                if connection.call("has_collection", gallery.store.name(part)):
                    connection.call("drop_collection", gallery.store.name(part))
            create_texts_collection(connection, gallery.store.name("about"))
            gallery.store.say(ABOUT, {"about": dataclasses.asdict(about), "is_whole": False})
            create_texts_collection(connection, gallery.store.name("media"))
            for modality in MODALITIES:
                create_rows_collection(connection, gallery.store.name(modality), about.dim, about.index)
            gallery.add(*tables)
            gallery.store.say(ABOUT, {"about": dataclasses.asdict(about), "is_whole": True})
            described = {"format": FORMAT, "backend": BACKEND, "about": dataclasses.asdict(about)}
            with disk_errors("gallery", folder):
                folder.mkdir(parents=True, exist_ok=True)
                text = json.dumps(described | {"uri": uri, "collection": collection}, indent=2)
                replace_synced(folder / GALLERY_FILE, text.encode("utf-8"))
        except (ConfigError, DataError):
            connection.close()
            raise
        return gallery

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that have rows, voice first."""
        return tuple(modality for modality in MODALITIES if self.store.count(modality, ""))

    def search(
        self,
        vectors: NDArray[np.float32],
        modality: Modality,
        k: int,
        *,
        where: Where | None = None,
        by: By = "person",
        effort: int = 0,
    ) -> list[list[Hit]]:
        """Return the most similar rows of each query; see `Gallery.search`."""
        expression = self._expression(vectors, modality, where)
        look = self.store.hits_by_person if by == "person" else self.store.hits_by_clip
        return [look(vector, modality, k, expression, effort) for vector in vectors]

    def count(self, modality: Modality, *, where: Where | None = None, by: By = "person") -> int:
        """Return how many people or clips could be found; see `Gallery.count`."""
        expression = where_expression(check_where(where, self.store.attributes()))
        if by == "clip":
            return self.store.count(modality, expression)
        return len({row["person"] for row in self.store.rows(modality, expression, ["person"])})

    def clips_of(self, people: Sequence[str], modality: Modality, *, where: Where | None = None) -> dict[str, int]:
        """Return how many clips of some people could be found; see `Gallery.clips_of`."""
        expression = where_expression(check_where(where, self.store.attributes()))
        found = dict.fromkeys(people, 0)
        for first in range(0, len(people), BATCH_ROWS):
            part = one_of("person", people[first : first + BATCH_ROWS])
            for row in self.store.rows(modality, both(part, expression), ["person"]):
                found[row["person"]] += 1
        return found

    def _evidence_of_all(
        self, vector: NDArray[np.float32], modality: Modality, slope: float, k: int, *, where: Where | None, by: By
    ) -> Evidence | None:
        """Look at all clips; None where they are more than one answer of Milvus holds, or its index is approximate."""
        expression = self._expression(vector[np.newaxis], modality, where)
        n_rows = self.store.count(modality, expression)
        if n_rows > MOST_ROWS or index_kind(self.about.index) != "FLAT":
            return None
        hits = self.store.hits_by_clip(vector, modality, n_rows, expression, 0) if n_rows else []
        if not hits:
            return Evidence((), np.empty(0), -np.inf, 0, 0, 0)
        n_clips = Counter(hit.person for hit in hits)
        return evidence_of_retrieved(
            hits,
            slope,
            k,
            by=by,
            n_candidates=len(n_clips) if by == "person" else len(hits),
            n_clips=len(hits),
            clips_of=n_clips,
        )

    def thumbnail(self, key: str) -> bytes | None:
        """Return the JPEG of a face; None where there is none."""
        return self.store.media("face", [key])[0]

    def excerpt(self, key: str) -> bytes | None:
        """Return the Ogg or FLAC bytes of a voice; None where there is none."""
        return self.store.media("voice", [key])[0]

    def tables(self, modality: Modality) -> Iterator[GalleryRows]:
        """Yield all rows of a modality in parts, with their media."""
        for page in self.connection.pages(self.store.name(modality), "", [*ROW_FIELDS, "vector"]):
            yield to_rows(modality, page, self.store.media(modality, [row["key"] for row in page]))

    def add(self, *tables: GalleryRows) -> Added:
        """Add rows by their keys; after a failure in the middle the same rows again complete it. See `Gallery.add`."""
        for rows in tables:
            if rows.vectors.shape[1] != self.about.dim:
                raise DataError(
                    f"Vectors of {self.folder} must have {self.about.dim} numbers. Got {rows.vectors.shape[1]}. "
                    "Use the model of the gallery."
                )
        n_new = n_replaced = 0
        for rows in tables:
            self.store.say_attributes(list(rows.attributes))
            for first in range(0, len(rows), BATCH_ROWS):
                part = _part(rows, first)
                there = self.store.parts_of(part.modality, part.keys)
                self.store.write(part, there)
                n_replaced += len(there)
                n_new += len(part) - len(there)
        return Added(n_new, n_replaced)

    def remove(self, *, people: Sequence[str] = (), clips: Sequence[str] = (), erase: bool = True) -> Removed:  # noqa: ARG002
        """Remove people with all their clips, and clips; their files go when Milvus compacts. See `Gallery.remove`."""
        for kind, field, names in (("person", "person", people), ("clip", "clip", clips)):
            if names:
                known = {row[field] for m in MODALITIES for row in self.store.rows(m, one_of(field, names), [field])}
                if known != set(names):
                    known = {row[field] for m in MODALITIES for row in self.store.rows(m, "", [field])}
                refuse_unknown(kind, names, known, str(self.folder))
        n_rows = 0
        for field, names in (("person", people), ("clip", clips)):
            for modality in MODALITIES if names else ():
                found = list(self.store.rows(modality, one_of(field, names), ["key", "n_parts"]))
                self.store.delete(modality, {row["key"]: row["n_parts"] for row in found})
                n_rows += len(found)
        return Removed(n_rows, is_erased=False)

    def info(self, *, verify: bool = False) -> GalleryInfo:
        """Return what it holds; see `Gallery.info`. Everything is read, so that it takes long with many rows."""
        modalities: dict[Modality, ModalityInfo] = {}
        values: dict[str, Counter[str]] = {}
        for modality in MODALITIES:
            people, n_rows, n_media = set(), 0, 0
            for row in self.store.rows(modality, "", ["person", "attributes", "n_parts"]):
                people.add(row["person"])
                n_rows += 1
                n_media += row["n_parts"] > 0
                for name, value in row["attributes"].items():
                    values.setdefault(name, Counter())[value] += 1
            if n_rows:
                index = {index_kind(self.about.index): n_rows}
                modalities[modality] = ModalityInfo(n_rows, len(people), n_media, index)
            if verify:
                for _ in self.tables(modality):  # refuses a media part that lacks and a vector that is not finite
                    pass
        attributes = {
            name: AttributeInfo(sum(n.values()), dict(n.most_common(MOST_VALUES)), len(n))
            for name, n in sorted(values.items())
        }
        path = Path(self.connection.uri)
        files = path.rglob("*") if self.connection.is_embedded else ()
        n_bytes = sum(file.stat().st_size for file in files if file.is_file())
        place = f"{self.connection.uri}, collections {self.collection}_*"
        return GalleryInfo(
            self.folder, BACKEND, self.about, modalities, attributes, n_bytes, is_verified=verify, place=place
        )

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()

    def _expression(self, vectors: NDArray[np.float32], modality: Modality, where: Where | None) -> str:
        """Return the filter of a search; raise if it cannot be made."""
        self._check_query(vectors)
        expression = where_expression(check_where(where, self.store.attributes()))
        if not self.store.count(modality, ""):
            there = " and ".join(f"{m}s" for m in self.modalities) or "nothing"
            raise ConfigError(f"{self.folder} holds no {modality}s, only {there}. Look through those, or add some.")
        return expression

    def _check_query(self, vectors: NDArray[np.float32]) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.about.dim:
            raise DataError(
                f"Queries of {self.folder} must have the shape (q, {self.about.dim}). Got {vectors.shape}. "
                "Use the model of the gallery."
            )

    def _check_stored(self) -> None:
        """Raise if Milvus does not hold what `gallery.json` promises."""
        where = f"the collections {self.collection!r} at {self.connection.uri}"
        stored = self._stored_about()
        if stored is None:
            raise DataError(f"{self.folder} names {where}, which are not there. Build the gallery again.")
        if not stored["is_whole"]:
            raise DataError(f"{self.folder} names {where}, whose making did not end. Build the gallery again.")
        if stored["about"].get("fingerprint") != self.about.fingerprint:
            raise DataError(
                f"{self.folder} names {where}, which are now of the model {stored['about'].get('model')!r}; it was "
                f"made with {self.about.model!r}. Copy the new {GALLERY_FILE}, or build the gallery again."
            )

    def _stored_about(self) -> dict[str, Any] | None:
        if not self.connection.call("has_collection", self.store.name("about")):
            return None
        for part in ("about", "media", *MODALITIES):
            if self.connection.call("has_collection", self.store.name(part)):
                self.connection.call("load_collection", self.store.name(part))
        found = self.store.said(ABOUT)
        return found if isinstance(found, dict) else {"about": {}, "is_whole": False}

    def _refuse_foreign(self, uri: str) -> None:
        """Raise if the collections are there and whole, and the folder does not name them."""
        stored = self._stored_about()
        values = read_gallery_file(self.folder) if (self.folder / GALLERY_FILE).is_file() else {}
        is_own = (values.get("uri"), values.get("collection")) == (uri, self.collection)
        if stored is not None and stored["is_whole"] and not is_own:
            raise ConfigError(
                f"The collections {self.collection!r} at {uri} are of another gallery. Choose another `collection`."
            )


def check_free(folder: Path, *, uri: str, collection: str) -> None:
    """Refuse a place where `MilvusGallery.create` would fail.

    Raises:
        ConfigError: `uri` or `collection` cannot be, or the collection is of another gallery.
        MissingDependencyError: pymilvus is not installed.
        DataError: nobody answers.
    """
    uri = _checked_place(uri, collection)
    with MilvusConnection(uri) as connection:
        MilvusGallery(folder, GalleryAbout("", "", 1), connection, collection)._refuse_foreign(uri)


def _checked_place(uri: str, collection: str) -> str:
    uri = checked_uri(uri)
    if not NAME.fullmatch(collection):
        raise ConfigError(f"`collection` must be letters, digits and underscores. Got {collection!r}.")
    return uri


def _part(rows: GalleryRows, first: int) -> GalleryRows:
    part = slice(first, first + BATCH_ROWS)
    return GalleryRows(
        rows.modality,
        rows.keys[part],
        rows.clips[part],
        rows.people[part],
        rows.videos[part],
        {name: column[part] for name, column in rows.attributes.items()},
        rows.vectors[part],
        [rows.media[row] for row in range(len(rows))[part]] if len(rows.media) else (),
    )
