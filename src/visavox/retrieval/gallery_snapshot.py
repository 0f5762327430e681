"""One state of a local gallery, opened for reading: searched segment by segment, the answers merged.

A snapshot never changes and holds its files open, so that searches go on while somebody writes.

Example:
    snapshot = Snapshot.open(Path("gallery"))
    snapshot.search(vectors, "face", 10, {}, by="person", effort=0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import DataError
from visavox.retrieval.evidence import Evidence, evidence_of_rows, log_sum
from visavox.retrieval.exact_search import exact_scores
from visavox.retrieval.gallery_filter import PREFIX, attribute_mask, mask_of
from visavox.retrieval.gallery_manifest import Manifest
from visavox.retrieval.gallery_rows import By, Hit
from visavox.retrieval.gallery_segment import EXACT, Segment

SEGMENTS = "segments"
N_TRIES = 10  # openings of a gallery that changes meanwhile
BLOCK_ROWS = 65_536  # rows compared at a time where all are
FIRST = np.zeros(1, dtype=np.int64)
Wanted = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Found:
    """Rows that were found for q queries, (q, n) each, best first; a place without a row has the score -inf."""

    segments: NDArray[np.int64]
    """Which segment of the modality."""
    rows: NDArray[np.int64]
    """Which row of it."""
    scores: NDArray[np.float32]
    """Cosines."""


class Snapshot:
    """One state of a local gallery.

    Args:
        folder: of the gallery.
        manifest: the state.

    Raises:
        DataError: a file of it is missing or damaged.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open every segment."""
        self.folder = folder
        self.manifest = manifest
        self.segments: dict[Modality, list[Segment]] = {modality: [] for modality in MODALITIES}
        for entry in manifest.segments:
            self.segments[entry.modality].append(Segment(folder / SEGMENTS, entry, dim=manifest.about.dim))

    @classmethod
    def open(cls, folder: Path) -> Snapshot:
        """Return the newest state; one that is replaced while it is opened is opened anew.

        Raises:
            DataError: a file of it is missing or damaged.
        """
        for _ in range(N_TRIES):
            manifest = Manifest.read(folder)
            try:
                return cls(folder, manifest)
            except DataError:
                if Manifest.read(folder).generation == manifest.generation:
                    raise
        raise DataError(f"{folder} is changed faster than it can be read. Try again when nobody adds to it.")

    def all_segments(self) -> Iterator[Segment]:
        """Yield the segments of both modalities."""
        for modality in MODALITIES:
            yield from self.segments[modality]

    @cached_property
    def attributes(self) -> list[str]:
        """Names of all attributes, sorted."""
        return sorted({name for segment in self.all_segments() for name in segment.attributes()})

    @cached_property
    def _codes(self) -> dict[Modality, tuple[list[NDArray[np.int64]], int]]:
        """For each modality a number for the person of each row, segment by segment, and how many people there are."""
        found = {}
        for modality, segments in self.segments.items():
            columns = [chunk for segment in segments for chunk in segment.rows["person"].chunks]
            encoded = pa.chunked_array(columns, type=pa.string()).combine_chunks().dictionary_encode()
            if isinstance(encoded, pa.ChunkedArray):
                encoded = encoded.combine_chunks()
            codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
            ends = np.cumsum([segment.entry.n_rows for segment in segments])
            found[modality] = (np.split(codes, ends[:-1]) if segments else [], len(encoded.dictionary))
        return found

    def allowed(self, segment: Segment, wanted: Wanted) -> NDArray[np.bool_] | None:
        """Return which rows of a segment may be found, (n,) bool; None for all."""
        if not wanted:
            return segment.alive
        mask = attribute_mask(segment.rows, wanted)
        return mask if segment.alive is None else mask & segment.alive

    def count(self, modality: Modality, wanted: Wanted, *, by: By) -> int:
        """Return how many people or clips may be found."""
        masks = [self.allowed(segment, wanted) for segment in self.segments[modality]]
        if by == "clip":
            sizes = (segment.entry.n_rows for segment in self.segments[modality])
            return sum(n if mask is None else int(mask.sum()) for n, mask in zip(sizes, masks, strict=True))
        codes, n_people = self._codes[modality]
        is_there = np.zeros(n_people, dtype=bool)
        for all_, mask in zip(codes, masks, strict=True):
            is_there[all_ if mask is None else all_[mask]] = True
        return int(is_there.sum())

    def search(
        self, vectors: NDArray[np.float32], modality: Modality, k: int, wanted: Wanted, *, by: By, effort: int
    ) -> list[list[Hit]]:
        """Return the hits of each query, best first."""
        segments = self.segments[modality]
        masks = [self.allowed(segment, wanted) for segment in segments]
        n_all = sum(
            s.entry.n_rows if mask is None else int(mask.sum()) for s, mask in zip(segments, masks, strict=True)
        )

        def look(chosen: NDArray[np.int64], n: int) -> Found:
            return _merged(segments, masks, vectors[chosen], n, effort)

        if not n_all or not len(vectors):
            return [[] for _ in range(len(vectors))]
        if by == "clip":
            found = look(np.arange(len(vectors)), min(k, n_all))
            places = [[(int(s), int(r), float(x)) for s, r, x in _triples(found, q)] for q in range(len(vectors))]
        else:
            places = _by_person(look, self._codes[modality][0], len(vectors), k, n_all)
        return _hits(segments, modality, places)

    def clips_of(self, people: Sequence[str], modality: Modality, wanted: Wanted) -> dict[str, int]:
        """Return how many clips of some people may be found."""
        found = dict.fromkeys(people, 0)
        for segment in self.segments[modality]:
            mask = mask_of(segment.rows["person"], people)
            allowed = self.allowed(segment, wanted)
            rows = segment.rows["person"].filter(pa.array(mask if allowed is None else mask & allowed))
            for pair in rows.value_counts().to_pylist():
                found[pair["values"]] += pair["counts"]
        return found

    def evidence_of_all(
        self, vector: NDArray[np.float32], modality: Modality, slope: float, k: int, wanted: Wanted, *, by: By
    ) -> Evidence | None:
        """Return the evidence of all that may be found; None with an approximate index. See `Gallery.evidence`."""
        segments = self.segments[modality]
        if any(segment.entry.index != EXACT for segment in segments):
            return None
        masks = [self.allowed(segment, wanted) for segment in segments]
        rows = [
            np.arange(segment.entry.n_rows) if mask is None else np.flatnonzero(mask)
            for segment, mask in zip(segments, masks, strict=True)
        ]
        logs = slope * np.concatenate(
            [_cosines(segment.vectors, vector)[own] for segment, own in zip(segments, rows, strict=True)]
        )
        codes, n_people = self._codes[modality]
        people = np.arange(len(logs))
        if by == "person":
            people = np.concatenate([code[own] for code, own in zip(codes, rows, strict=True)])
        n_clips = np.bincount(people, minlength=n_people if by == "person" else len(logs))
        chosen, best, means = evidence_of_rows(logs, people, n_clips, k)
        numbers = np.repeat(np.arange(len(segments)), [len(own) for own in rows])[chosen]
        own_rows = np.concatenate(rows)[chosen]
        places = [
            (int(s), int(row), float(exact_scores(segments[s].vectors, vector[np.newaxis], FIRST, row[np.newaxis])[0]))
            for s, row in zip(numbers, own_rows, strict=True)
        ]
        hits = tuple(_hits(segments, modality, [places])[0])
        return Evidence(hits, best, log_sum(means), int((n_clips > 0).sum()), len(logs), len(logs))

    def find(self, modality: Modality, key: str) -> tuple[Segment, int] | None:
        """Return where the row of a key is; None where it is not."""
        for segment in self.segments[modality]:
            row = pc.index(segment.rows["key"], pa.scalar(key, type=pa.string())).as_py()
            if row >= 0 and (segment.alive is None or segment.alive[row]):
                return segment, row
        return None

    def rows_of(self, segment: Segment, people: list[str], clips: list[str]) -> NDArray[np.bool_]:
        """Return which rows of a segment, dead ones included, are of some people or clips, (n,) bool."""
        return mask_of(segment.rows["person"], people) | mask_of(segment.rows["clip"], clips)


def _merged(
    segments: list[Segment],
    masks: list[NDArray[np.bool_] | None],
    vectors: NDArray[np.float32],
    n: int,
    effort: int,
) -> Found:
    """The best n rows of all segments together."""
    parts = []
    for number, (segment, mask) in enumerate(zip(segments, masks, strict=True)):
        if mask is not None and not mask.any():
            continue
        near = segment.index.search(vectors, min(n, segment.entry.n_rows), allowed=mask, effort=effort)
        parts.append((np.full(near.rows.shape, number, dtype=np.int64), near.rows, near.scores))
    numbers, rows, scores = (np.concatenate([part[i] for part in parts], axis=1) for i in range(3))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return Found(*(np.take_along_axis(values, order, axis=1) for values in (numbers, rows, scores)))


def _by_person(
    look: Callable[[NDArray[np.int64], int], Found], codes: list[NDArray[np.int64]], n_queries: int, k: int, n_all: int
) -> list[list[tuple[int, int, float]]]:
    """Each person's best row, the k best people a query: more rows are asked for until there are enough people."""
    places: list[list[tuple[int, int, float]]] = [[] for _ in range(n_queries)]
    left, n = np.arange(n_queries), min(2 * k, n_all)
    while len(left):
        found = look(left, n)
        short = []
        for place, query in enumerate(left):
            seen: set[int] = set()
            chosen = []
            for segment, row, score in _triples(found, place):
                person = int(codes[segment][row])
                if person not in seen:
                    seen.add(person)
                    chosen.append((int(segment), int(row), float(score)))
                if len(chosen) == k:
                    break
            places[query] = chosen
            if len(chosen) < k and n < n_all:
                short.append(query)
        left, n = np.array(short, dtype=np.int64), min(4 * n, n_all)
    return places


def _triples(found: Found, query: int) -> Iterator[tuple[Any, Any, Any]]:
    columns = zip(found.segments[query], found.rows[query], found.scores[query], strict=True)
    return ((segment, row, score) for segment, row, score in columns if row >= 0)


def _hits(segments: list[Segment], modality: Modality, places: list[list[tuple[int, int, float]]]) -> list[list[Hit]]:
    """Rows to records; each row is read once, those of a segment together."""
    wanted: dict[int, dict[int, int]] = {}
    for hits in places:
        for number, row, _ in hits:
            wanted.setdefault(number, {}).setdefault(row, len(wanted.get(number, ())))
    read = {number: segments[number].rows.take(pa.array(list(rows))).to_pylist() for number, rows in wanted.items()}
    return [
        [_hit(read[number][wanted[number][row]], modality, score) for number, row, score in hits] for hits in places
    ]


def _hit(values: Mapping[str, Any], modality: Modality, score: float) -> Hit:
    known = {name.removeprefix(PREFIX): v for name, v in values.items() if name.startswith(PREFIX) and v is not None}
    return Hit(values["key"], values["clip"], values["person"], modality, score, known)


def _cosines(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosines of all rows with a query, (n,); block by block, so that mapped files are read once."""
    blocks = [vectors[begin : begin + BLOCK_ROWS] @ query for begin in range(0, len(vectors), BLOCK_ROWS)]
    return np.concatenate(blocks).astype(np.float64)
