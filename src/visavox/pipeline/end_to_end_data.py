"""A corpus as the networks of trainable encoders take it: every clip read once, prepared, and kept.

It reads and prepares; batches are dealt by `visavox.batches.person_batches`, vectors are made of the same prepared
items after the training, so that nothing is read twice.

Example:
    corpus = prepare_media(CorpusRows.read(Path("corpus")), {"voice": "voice_cnn", "face": "face_cnn"})
    corpus.pairs().n_bytes
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from visavox.batches.media_pairs import MediaPairs, PreparedItems
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable, table_from_items
from visavox.corpus.items import MODALITIES, MediaItem, Modality
from visavox.errors import DataError
from visavox.media.audio import read_voice
from visavox.media.images import read_image
from visavox.models.encoders.trainable import TrainableEncoder
from visavox.pipeline.crop_check import refuse_other_crops
from visavox.pipeline.frozen_encoder import Spec, build_encoder
from visavox.worker_pool import n_processes, stream

FEW_ITEMS = 4000  # below this, starting worker processes costs more than it saves: 1.4 ms an item against some seconds
ITEMS_A_JOB = 32
ITEMS_A_PASS = 64  # encoded at once

Progress = Callable[[int, int], None]

_encoders: dict[str, TrainableEncoder] = {}


@dataclass(frozen=True)
class PreparedSide:
    """The usable items of one modality, and what the network takes of each."""

    items: tuple[MediaItem, ...]
    """In the order of their keys."""
    prepared: Sequence[np.ndarray]
    """Row by row of `items`."""

    def of_clips(self, clips: Collection[str]) -> PreparedSide:
        """Return the items of some clips; nothing is copied."""
        rows = [row for row, item in enumerate(self.items) if item.clip in clips]
        return PreparedSide(tuple(self.items[row] for row in rows), [self.prepared[row] for row in rows])

    def embed(self, encoder: TrainableEncoder) -> EmbeddingTable:
        """Return the vectors of all items."""
        starts = range(0, len(self.prepared), ITEMS_A_PASS)
        parts = [encoder.encode_prepared(self.prepared[start : start + ITEMS_A_PASS]) for start in starts]
        return table_from_items(self.items, np.concatenate(parts), encoder=encoder.identifier)


@dataclass(frozen=True)
class PreparedCorpus:
    """Voices and faces of some clips of a corpus."""

    voice: PreparedSide
    face: PreparedSide

    def of_clips(self, clips: Collection[str]) -> PreparedCorpus:
        """Return the voices and faces of some clips; nothing is copied."""
        return PreparedCorpus(self.voice.of_clips(clips), self.face.of_clips(clips))

    def pairs(self) -> MediaPairs:
        """Return what batches are dealt from."""
        return MediaPairs.of(
            self.voice.prepared,
            self.face.prepared,
            voice_people=[item.identity for item in self.voice.items],
            face_people=[item.identity for item in self.face.items],
            voice_videos=[item.video or item.clip for item in self.voice.items],
            face_videos=[item.video or item.clip for item in self.face.items],
        )


@dataclass(frozen=True)
class CorpusRows:
    """What the catalog of a corpus says, before anything is read."""

    folder: Path
    """The corpus."""
    items: Mapping[Modality, tuple[MediaItem, ...]]
    """Usable items by modality, in the order of their keys."""
    settings: Mapping[str, Any]
    """What the corpus was prepared with."""
    catalog_hash: str
    """`Catalog.content_hash()`."""

    @classmethod
    def read(cls, folder: Path) -> CorpusRows:
        """Read the catalog.

        Raises:
            DataError: there is none, or a modality has no usable item.
        """
        with Catalog.open(folder / CATALOG) as catalog:
            items = {modality: tuple(catalog.items(modality=modality)) for modality in MODALITIES}
            settings, catalog_hash = catalog.settings, catalog.content_hash()
        refuse_other_crops(settings.get("clip", {}), where=str(folder))
        for modality in MODALITIES:
            if not items[modality]:
                raise DataError(f"{folder} holds no usable {modality}. Its catalog says why, clip by clip.")
        return cls(folder, items, settings, catalog_hash)

    def of_clips(self, clips: Collection[str]) -> CorpusRows:
        """Return the rows of some clips."""
        kept = {m: tuple(item for item in items if item.clip in clips) for m, items in self.items.items()}
        return replace(self, items=kept)


@dataclass(frozen=True)
class _Job:
    """Some items of one modality for one worker."""

    number: int
    modality: Modality
    paths: tuple[Path, ...]


def prepare_media(
    rows: CorpusRows,
    specs: Mapping[Modality, Spec],
    *,
    workers: int = 0,
    max_memory_gb: float = 4.0,
    spill: Path | None = None,
    progress: Progress | None = None,
) -> PreparedCorpus:
    """Read and prepare every item of some rows.

    Args:
        rows: of `CorpusRows`, one item or more of each modality.
        specs: the encoders whose `prepare` is asked, by modality; their weights play no part.
        workers: processes; 0 takes one a core. Few items are prepared in this process.
        max_memory_gb: a modality that would take more is written to a file and mapped.
        spill: folder of such files; None keeps everything in memory.
        progress: called as progress(items done, items in all).

    Raises:
        DataError: a file is missing or damaged, or a modality has no item.
    """
    total = sum(len(items) for items in rows.items.values())
    n_workers = 1 if total < FEW_ITEMS else n_processes(workers)
    done = 0
    sides = {}
    for modality in MODALITIES:
        items = rows.items[modality]
        if not items:
            raise DataError(f"There is no {modality} to train on. Take other splits, or prepare more clips.")

        def report(count: int, before: int = done) -> None:
            if progress is not None:
                progress(before + count, total)

        arrays = _in_order(_jobs(rows.folder, modality, items), specs, n_workers, report)
        sides[modality] = PreparedSide(items, _kept(arrays, len(items), modality, max_memory_gb, spill))
        done += len(items)
    return PreparedCorpus(sides["voice"], sides["face"])


def _jobs(folder: Path, modality: Modality, items: Sequence[MediaItem]) -> Iterator[_Job]:
    for number, start in enumerate(range(0, len(items), ITEMS_A_JOB)):
        chosen = items[start : start + ITEMS_A_JOB]
        yield _Job(number, modality, tuple(folder / str(item.path) for item in chosen))


def _in_order(
    jobs: Iterator[_Job], specs: Mapping[Modality, Spec], n_workers: int, report: Callable[[int], None]
) -> Iterator[np.ndarray]:
    """Yield prepared arrays in the order of the items, though workers finish in any order."""
    early: dict[int, list[np.ndarray]] = {}
    awaited = done = 0
    for number, arrays in stream(_prepare, jobs, n_workers=n_workers, initializer=_start, arguments=(dict(specs),)):
        early[number] = arrays
        while awaited in early:
            yield from early[awaited]
            done += len(early.pop(awaited))
            awaited += 1
            report(done)


def _kept(
    arrays: Iterator[np.ndarray], n_items: int, modality: str, max_memory_gb: float, spill: Path | None
) -> PreparedItems:
    """Keep arrays in memory, or in a file where the first one says that they would be too many."""
    first = next(arrays)
    whole = itertools.chain([first], arrays)
    if spill is not None and first.nbytes * n_items > max_memory_gb * 1e9:
        return PreparedItems.mapped(whole, spill / f"{modality}.bin")
    return PreparedItems.of(whole)


def _start(specs: Mapping[Modality, Spec]) -> None:
    for modality, spec in specs.items():
        encoder = build_encoder(spec, modality)
        assert isinstance(encoder, TrainableEncoder)
        _encoders[modality] = encoder


def _prepare(job: _Job) -> tuple[int, list[np.ndarray]]:
    encoder = _encoders[job.modality]
    read = read_voice if job.modality == "voice" else read_image
    return job.number, [encoder.prepare(read(path)) for path in job.paths]
