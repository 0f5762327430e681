"""Changes of a local gallery: new segments first, then the manifest in one step, then what nobody needs goes.

Adding never rewrites what is there: rows that are replaced are marked as dead in the manifest. Small segments are
merged by the dozen of their size, and one with many dead rows is written anew; both are changes like any other.

Example:
    with writer_lock(folder):
        manifest, added = with_added(folder, Manifest.read(folder), [rows])
        manifest.write(folder)
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visavox.errors import DataError, UnknownNameError
from visavox.registry import INDEXES
from visavox.retrieval.durable_files import PART, disk_errors
from visavox.retrieval.gallery_filter import mask_of
from visavox.retrieval.gallery_manifest import Manifest, SegmentEntry
from visavox.retrieval.gallery_rows import Added, GalleryRows
from visavox.retrieval.gallery_segment import EXACT, Segment, write_segment
from visavox.retrieval.gallery_snapshot import SEGMENTS

AUTO = "auto"
MOST_EXACT = 1_000_000
"""Rows up to which auto looks through all of them."""
LEAST_INDEXED = 10_000
"""Rows below which every index is exact: looking through so few takes less time than any other way."""
MANY_OF_A_SIZE = 8
"""So many segments with the same number of digits become one."""
MOST_MERGED_DIGITS = 5
"""Segments of 1,000,000 rows and more are left alone."""
MANY_DEAD = 0.2
"""Share of dead rows beyond which a segment is written anew."""


def check_index(spec: str | Mapping[str, Any]) -> None:
    """Raise unless an index is auto or one of the registry.

    Raises:
        ConfigError: no index has this name, or it takes no such option.
    """
    name = spec if isinstance(spec, str) else spec.get("name")
    if isinstance(name, str) and name not in (known := [AUTO, *INDEXES.names()]):
        raise UnknownNameError("index", name, known)
    if spec != AUTO:
        INDEXES.build(spec)


def chosen_index(spec: str | Mapping[str, Any], n_rows: int) -> str | Mapping[str, Any]:
    """Return the index of a segment of so many rows.

    Example:
        >>> chosen_index("auto", 50_000), chosen_index("auto", 2_000_000), chosen_index({"name": "ivf_pq"}, 500)
        ('exact', 'hnsw', 'exact')
    """
    if n_rows < LEAST_INDEXED or (spec == AUTO and n_rows <= MOST_EXACT):
        return EXACT
    return "hnsw" if spec == AUTO else spec


def new_segments(folder: Path, manifest: Manifest, tables: Sequence[GalleryRows]) -> tuple[SegmentEntry, ...]:
    """Write rows as segments, on the disk, that no manifest names yet.

    Raises:
        DataError: vectors of another length than the gallery's, or it cannot be written.
    """
    for table in tables:
        if len(table) and table.vectors.shape[1] != manifest.about.dim:
            raise DataError(
                f"The vectors of {folder} have {manifest.about.dim} numbers. Got {table.vectors.shape[1]}. "
                "Use the model of the gallery."
            )
    segments = folder / SEGMENTS
    with disk_errors("gallery", folder):
        segments.mkdir(exist_ok=True)
    index = manifest.about.index
    return tuple(write_segment(segments, [t], index=chosen_index(index, len(t))) for t in tables if len(t))


def with_added(folder: Path, manifest: Manifest, tables: Sequence[GalleryRows]) -> tuple[Manifest, Added]:
    """Return the state with more rows; their segments are written, the manifest is not.

    Raises:
        DataError: as `new_segments`; or a segment is damaged.
    """
    old, n_replaced = list(manifest.segments), 0
    for table in tables:
        for place, entry in enumerate(old):
            if entry.modality == table.modality and len(table):
                segment = Segment(folder / SEGMENTS, entry, dim=manifest.about.dim)
                again = mask_of(segment.rows["key"], table.keys)
                again &= segment.alive if segment.alive is not None else True
                n_replaced += int(again.sum())
                old[place] = with_dead(entry, again)
    fresh = new_segments(folder, manifest, tables)
    n_new = sum(map(len, tables)) - n_replaced
    return manifest.followed_by((*old, *fresh)), Added(n_new, n_replaced)


def with_dead(entry: SegmentEntry, mask: np.ndarray) -> SegmentEntry:
    """Return an entry with more dead rows; (n,) bool."""
    dead = sorted({*entry.dead, *np.flatnonzero(mask).tolist()})
    return dataclasses.replace(entry, dead=tuple(dead))


def compacted(folder: Path, manifest: Manifest) -> Manifest | None:
    """Return a state with fewer segments or dead rows; None where that is not worth while.

    The new segments are written, the manifest is not.

    Raises:
        DataError: a segment is damaged, or there is no room.
    """
    merged: set[str] = set()
    fresh: list[SegmentEntry] = []
    for group in _worth_merging(manifest.segments):
        fresh.append(rewritten(folder, manifest, group))
        merged |= {entry.name for entry in group}
    if not fresh:
        return None
    kept = [entry for entry in manifest.segments if entry.name not in merged]
    return manifest.followed_by((*kept, *fresh))


def rewritten(folder: Path, manifest: Manifest, entries: Sequence[SegmentEntry]) -> SegmentEntry:
    """Return one new segment of the rows of some that can be found; of one modality, a row at least."""
    opened = [Segment(folder / SEGMENTS, entry, dim=manifest.about.dim) for entry in entries]
    parts = [part for segment in opened for part in segment.parts()]
    index = chosen_index(manifest.about.index, sum(map(len, parts)))
    return write_segment(folder / SEGMENTS, parts, index=index)


def remove_leftovers(folder: Path, manifest: Manifest) -> None:
    """Remove what no manifest names: segments that were replaced, or that a killed writer left; it is tried only."""
    named = {entry.name for entry in manifest.segments}
    with contextlib.suppress(OSError):
        for path in (folder / SEGMENTS).iterdir():
            if path.name not in named:
                shutil.rmtree(path, ignore_errors=True)
        for path in folder.glob(f".*{PART}"):
            path.unlink(missing_ok=True)


def _worth_merging(entries: Sequence[SegmentEntry]) -> list[list[SegmentEntry]]:
    """Groups of segments that had better be one each; a segment alone is written anew for its dead rows."""
    groups: list[list[SegmentEntry]] = []
    by_size: dict[tuple[str, int], list[SegmentEntry]] = {}
    for entry in entries:
        digits = int(math.log10(entry.n_alive))
        if digits <= MOST_MERGED_DIGITS:
            by_size.setdefault((entry.modality, digits), []).append(entry)
    merged: set[str] = set()
    for group in by_size.values():
        if len(group) >= MANY_OF_A_SIZE:
            groups.append(group)
            merged |= {entry.name for entry in group}
    alone = [e for e in entries if e.name not in merged and len(e.dead) > MANY_DEAD * e.n_rows]
    return [*groups, *([entry] for entry in alone)]
