"""A gallery in a folder of its own: immutable segments and a manifest that is replaced in one step.

    gallery.json    what this is
    manifest.json   which segments hold now, with checksums, and which of their rows are dead
    segments/       see `visavox.retrieval.gallery_segment`
    .lock           held by whoever writes

A crash at any moment leaves the gallery as it was or as it was to be. Readers keep the state that they opened;
`refresh` looks for a newer one.

Example:
    gallery = LocalGallery.create(Path("gallery"), GalleryAbout("base", "00", 64), [rows])
    gallery.search(vectors, "face", 10)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import ConfigError, DataError
from visavox.retrieval.durable_files import disk_errors, replace_synced
from visavox.retrieval.evidence import Evidence
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_file import FORMAT, GALLERY_FILE, read_gallery_file
from visavox.retrieval.gallery_filter import PREFIX, check_where, refuse_unknown
from visavox.retrieval.gallery_manifest import MANIFEST, Manifest
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
from visavox.retrieval.gallery_segment import Segment
from visavox.retrieval.gallery_snapshot import Snapshot
from visavox.retrieval.gallery_writing import (
    compacted,
    new_segments,
    remove_leftovers,
    rewritten,
    with_added,
    with_dead,
)
from visavox.retrieval.writer_lock import writer_lock

LOCAL = "local"
MOST_VALUES = 8  # of an attribute, that `info` names


class LocalGallery(Gallery):
    """A gallery in files.

    Args:
        folder: of the gallery.
        snapshot: its state.
    """

    def __init__(self, folder: Path, snapshot: Snapshot) -> None:
        """Store the arguments; `open` and `create` make one."""
        self.folder = folder
        self._snapshot = snapshot

    @classmethod
    def open(cls, folder: Path) -> LocalGallery:
        """Return the gallery of a folder.

        Raises:
            DataError: there is none, or a file of it is missing or damaged.
        """
        read_gallery_file(folder)
        return cls(folder, Snapshot.open(folder))

    @classmethod
    def create(cls, folder: Path, about: GalleryAbout, tables: Sequence[GalleryRows]) -> LocalGallery:
        """Make a gallery with its first rows, whole or not at all; one that the folder holds is replaced.

        Raises:
            DataError: it cannot be written, or somebody else is writing it.
        """
        with writer_lock(folder):
            before = _generation(folder)
            empty = Manifest(before, about, ())
            manifest = empty.followed_by(new_segments(folder, empty, tables))
            manifest.write(folder)
            described = {"format": FORMAT, "backend": LOCAL}
            if not (folder / GALLERY_FILE).is_file() or read_gallery_file(folder) != described:
                with disk_errors("gallery", folder):
                    replace_synced(folder / GALLERY_FILE, json.dumps(described).encode())
            remove_leftovers(folder, manifest)
        return cls.open(folder)

    @property
    def about(self) -> GalleryAbout:  # type: ignore[override]
        """What it was made with."""
        return self._snapshot.manifest.about

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that have rows, voice first."""
        return tuple(m for m in MODALITIES if self._snapshot.segments[m])

    def refresh(self) -> None:
        """See what others have written since it was opened.

        Raises:
            DataError: the new state is damaged.
        """
        if Manifest.read(self.folder).generation != self._snapshot.manifest.generation:
            self._snapshot = Snapshot.open(self.folder)

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
        snapshot = self._holding(modality)
        self._check_query(vectors)
        wanted = check_where(where, snapshot.attributes)
        return snapshot.search(vectors, modality, k, wanted, by=by, effort=effort)

    def count(self, modality: Modality, *, where: Where | None = None, by: By = "person") -> int:
        """Return how many people or clips could be found; see `Gallery.count`."""
        snapshot = self._snapshot
        return snapshot.count(modality, check_where(where, snapshot.attributes), by=by)

    def clips_of(self, people: Sequence[str], modality: Modality, *, where: Where | None = None) -> dict[str, int]:
        """Return how many clips of some people could be found; see `Gallery.clips_of`."""
        snapshot = self._snapshot
        return snapshot.clips_of(people, modality, check_where(where, snapshot.attributes))

    def evidence(
        self,
        vector: NDArray[np.float32],
        modality: Modality,
        slope: float,
        k: int,
        *,
        where: Where | None = None,
        by: By = "person",
        effort: int = 0,
    ) -> Evidence:
        """Return who explains a query best, all of one state; see `Gallery.evidence`."""
        pinned = LocalGallery(self.folder, self._snapshot)  # counts and hits of one state, whoever refreshes meanwhile
        return super(LocalGallery, pinned).evidence(vector, modality, slope, k, where=where, by=by, effort=effort)

    def _evidence_of_all(
        self, vector: NDArray[np.float32], modality: Modality, slope: float, k: int, *, where: Where | None, by: By
    ) -> Evidence | None:
        snapshot = self._holding(modality)
        self._check_query(vector[np.newaxis])
        wanted = check_where(where, snapshot.attributes)
        return snapshot.evidence_of_all(vector, modality, slope, k, wanted, by=by)

    def thumbnail(self, key: str) -> bytes | None:
        """Return the JPEG of a face; None where there is none."""
        return self._media("face", key)

    def excerpt(self, key: str) -> bytes | None:
        """Return the Ogg or FLAC bytes of a voice; None where there is none."""
        return self._media("voice", key)

    def tables(self, modality: Modality) -> Iterator[GalleryRows]:
        """Yield all rows of a modality in parts, with their media."""
        for segment in self._snapshot.segments[modality]:
            yield from segment.parts()

    def add(self, *tables: GalleryRows) -> Added:
        """Add rows, all or none; a row whose key is there takes its place. See `Gallery.add`."""
        with writer_lock(self.folder):
            before = Manifest.read(self.folder)
            self._refuse_another(before)
            remove_leftovers(self.folder, before)
            manifest, added = with_added(self.folder, before, tables)
            manifest.write(self.folder)
            fewer = compacted(self.folder, manifest)
            if fewer is not None:
                fewer.write(self.folder)
            remove_leftovers(self.folder, fewer or manifest)
        self.refresh()
        return added

    def remove(self, *, people: Sequence[str] = (), clips: Sequence[str] = (), erase: bool = True) -> Removed:
        """Remove people with all their clips, and clips, all or none. See `Gallery.remove`."""
        with writer_lock(self.folder):
            before = Manifest.read(self.folder)
            self._refuse_another(before)
            remove_leftovers(self.folder, before)
            snapshot = Snapshot(self.folder, before)
            for kind, names, column in (("person", people, "person"), ("clip", clips, "clip")):
                refuse_unknown(kind, names, _values(snapshot, column) if names else (), str(self.folder))
            entries, n_rows = [], 0
            for segment in snapshot.all_segments():
                mask = snapshot.rows_of(segment, list(people), list(clips))
                entry = with_dead(segment.entry, mask)
                n_rows += segment.entry.n_alive - entry.n_alive
                if mask.any() and erase and entry.n_alive:
                    entry = rewritten(self.folder, before, [entry])
                entries.append(entry)
            manifest = before.followed_by(tuple(entries))
            manifest.write(self.folder)
            remove_leftovers(self.folder, manifest)
        self.refresh()
        return Removed(n_rows, erase)

    def info(self, *, verify: bool = False) -> GalleryInfo:
        """Return what it holds; see `Gallery.info`."""
        snapshot = self._snapshot
        modalities: dict[Modality, ModalityInfo] = {}
        for modality in self.modalities:
            segments = snapshot.segments[modality]
            indexes: Counter[str] = Counter()
            for segment in segments:
                indexes[segment.entry.index] += segment.entry.n_rows
                if verify:
                    segment.verify()
            modalities[modality] = ModalityInfo(
                n_rows=sum(segment.entry.n_alive for segment in segments),
                n_people=snapshot.count(modality, {}, by="person"),
                n_media=sum(segment.n_media() for segment in segments),
                indexes=dict(indexes),
                n_segments=len(segments),
                n_dead=sum(len(segment.entry.dead) for segment in segments),
            )
        sizes = [file.n_bytes for segment in snapshot.all_segments() for file in segment.entry.files.values()]
        attributes = {name: _attribute(snapshot, name) for name in snapshot.attributes}
        generation = snapshot.manifest.generation
        return GalleryInfo(
            self.folder, LOCAL, self.about, modalities, attributes, sum(sizes), generation, is_verified=verify
        )

    def _holding(self, modality: Modality) -> Snapshot:
        snapshot = self._snapshot
        if not snapshot.segments[modality]:
            there = " and ".join(f"{m}s" for m in self.modalities) or "nothing"
            raise ConfigError(f"{self.folder} holds no {modality}s, only {there}. Look through those, or add some.")
        return snapshot

    def _check_query(self, vectors: NDArray[np.float32]) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.about.dim:
            raise DataError(
                f"Queries of {self.folder} must have the shape (q, {self.about.dim}). Got {vectors.shape}. "
                "Use the model of the gallery."
            )

    def _media(self, modality: Modality, key: str) -> bytes | None:
        place = self._snapshot.find(modality, key)
        return None if place is None else place[0].media(place[1])

    def _refuse_another(self, found: Manifest) -> None:
        """Raise if somebody has replaced the gallery by one of another model since it was opened."""
        if found.about.fingerprint != self.about.fingerprint:
            raise DataError(
                f"{self.folder} was replaced by a gallery of the model {found.about.model!r} meanwhile; it was one of "
                f"{self.about.model!r}. Run the same command again."
            )


def _generation(folder: Path) -> int:
    """Return the generation of what a folder holds; 0 where that is nothing that can be read."""
    if not (folder / MANIFEST).is_file():
        return 0
    try:
        return Manifest.read(folder).generation
    except DataError:
        return 0


def _values(snapshot: Snapshot, column: str) -> set[str]:
    """Return the different texts of a column, of rows that can be found."""
    found: set[str] = set()
    for segment in snapshot.all_segments():
        rows = segment.rows[column] if segment.alive is None else segment.rows[column].filter(segment.alive)
        found.update(rows.unique().to_pylist())
    return found


def _attribute(snapshot: Snapshot, name: str) -> AttributeInfo:
    values: Counter[str] = Counter()
    for segment in snapshot.all_segments():
        values.update(_known(segment, name))
    return AttributeInfo(sum(values.values()), dict(values.most_common(MOST_VALUES)), len(values))


def _known(segment: Segment, name: str) -> Counter[str]:
    column = PREFIX + name
    if column not in segment.rows.column_names:
        return Counter()
    rows = segment.rows[column] if segment.alive is None else segment.rows[column].filter(segment.alive)
    return Counter({c["values"]: c["counts"] for c in rows.value_counts().to_pylist() if c["values"] is not None})
