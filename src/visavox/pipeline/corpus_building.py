"""A source to a corpus: many clips over worker processes, one writer, resumable at any kill.

Each clip is one transaction, made after its files are in place under their final names. So a run that was killed
goes on where it stopped, and nothing is done twice or lost.

Example:
    summary = build_corpus(PrepareConfig(root=Path("data/avspeech"), out=Path("corpus")))
    summary.n_ok["face"]
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from visavox.config import PrepareConfig
from visavox.corpus.catalog import Catalog
from visavox.corpus.items import MediaItem
from visavox.corpus.sources.base import ClipRecord, Source
from visavox.errors import ConfigError, DataError
from visavox.pipeline.clip_preparation import ClipPreparer, ClipSettings
from visavox.registry import DETECTORS, SOURCES
from visavox.worker_pool import n_processes, stream
from visavox.world.world_folder import refuse_unfinished

CATALOG = "catalog.sqlite"
FEW_CLIPS = 24  # below this one process is done before a second has started

_preparer: ClipPreparer | None = None


@dataclass(frozen=True)
class PrepareSummary:
    """What `prepare` did."""

    n_clips: int
    """Clips in the catalog, those of earlier runs included."""
    n_new: int
    """Clips that this run added."""
    n_items: Mapping[str, Mapping[str, int]]
    """Items by modality and status."""
    n_faces_not_found: int
    """Faces that are the centre of their image because no face was found."""
    source: Mapping[str, object]
    """What the source says of itself: rows, files that no row names."""
    seconds: float
    """Wall time of this run."""


def build_corpus(config: PrepareConfig, progress: Callable[[int, int], None] | None = None) -> PrepareSummary:
    """Prepare every clip of a source that is not in the catalog yet.

    Raises:
        ConfigError: an unknown source, detector or column; an output folder that holds something else.
        DataError: the catalog was made with other settings, holds clips that the source does not name, or is
            corrupted; the source is a simulated world that is not finished; the disk is full.
    """
    started = time.monotonic()
    DETECTORS.get(config.detector)
    settings = ClipSettings(config.detector, config.face_fallback, config.min_speech_s, config.frames)
    source = _source(config)
    if not config.table:
        refuse_unfinished(config.root)
    records = list(itertools.islice(source, config.limit or None))
    if not records:
        raise DataError(
            f"{config.root} holds no clips: the table in it has no row. Give it a row a clip, or remove it."
        )
    n_new = 0
    try:
        with _open_catalog(config, settings, source) as catalog:
            done = catalog.done_clips()
            _refuse_strangers(config, done, records)
            todo = [record for record in records if record.clip not in done]
            if progress is not None:
                progress(0, len(todo))
            for n_new, items in enumerate(_prepared(todo, settings, config), start=1):
                catalog.add_clip(items)
                if progress is not None:
                    progress(n_new, len(todo))
            summary = _summarise(catalog, source, n_new=n_new, seconds=time.monotonic() - started)
        (config.out / "stats.json").write_text(json.dumps(dataclasses.asdict(summary), indent=2), encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{config.out} cannot be written: {error.strerror or error}. {n_new} clips of this run are done and kept: "
            "free space or choose another folder, and run the same command again."
        ) from error
    return summary


def _source(config: PrepareConfig) -> Source:
    options: dict[str, object] = {"root": config.root, "columns": dict(config.columns)}
    # Only what was asked for, so that a source that does not know it says so.
    if config.table:
        options["table"] = config.table
    if config.person_part != 1:
        options["person_part"] = config.person_part
    source: Source = SOURCES.build({"name": config.source, **options})
    return source


def _open_catalog(config: PrepareConfig, settings: ClipSettings, source: Source) -> Catalog:
    path = config.out / CATALOG
    if config.out.exists() and not config.out.is_dir():
        raise ConfigError(f"`out` must be a folder. {config.out} is a file. Choose another folder.")
    if config.out.is_dir() and any(config.out.iterdir()) and not path.exists():
        raise ConfigError(
            f"`out` must be a new or empty folder, or a corpus to go on with. {config.out} holds other files. "
            "Choose another folder."
        )
    kept: dict[str, object] = {"clip": dataclasses.asdict(settings), "source": source.settings()}
    # The catalog first, at the beginning and when starting anew: after a kill in between, a folder without it would
    # belong to somebody else, and an old one would name files that are gone.
    config.out.mkdir(parents=True, exist_ok=True)
    catalog = Catalog.create(path, kept, overwrite=config.overwrite)
    if config.overwrite:
        for name in ("faces", "voices", "cache"):
            shutil.rmtree(config.out / name, ignore_errors=True)
    for name in ("faces", "voices"):
        (config.out / name).mkdir(exist_ok=True)
    return catalog


def _refuse_strangers(config: PrepareConfig, done: set[str], records: Sequence[ClipRecord]) -> None:
    """Raise if the corpus holds clips of another folder of the same name, or clips that the table has lost since."""
    strangers = sorted(done - {record.clip for record in records})
    if strangers and not config.limit:
        raise DataError(
            f"{config.out} holds {len(strangers)} clips that {config.root} does not name, {strangers[0]!r} for one. "
            "Choose another folder, or start anew with --overwrite."
        )


def _prepared(
    records: Sequence[ClipRecord], settings: ClipSettings, config: PrepareConfig
) -> Iterator[list[MediaItem]]:
    n_workers = 1 if len(records) < FEW_CLIPS else n_processes(config.workers)
    return stream(_prepare, records, n_workers=n_workers, initializer=_start, arguments=(settings, config.out))


def _start(settings: ClipSettings, corpus: Path) -> None:
    global _preparer
    _preparer = ClipPreparer(settings, corpus)


def _prepare(record: ClipRecord) -> list[MediaItem]:
    assert _preparer is not None
    return _preparer.prepare(record)


def _summarise(catalog: Catalog, source: Source, *, n_new: int, seconds: float) -> PrepareSummary:
    faces = catalog.items(modality="face")
    return PrepareSummary(
        n_clips=len(catalog.done_clips()),
        n_new=n_new,
        n_items=catalog.counts(),
        n_faces_not_found=sum(item.quality.get("face_found") == 0 for item in faces),
        source=source.stats(),
        seconds=round(seconds, 1),
    )
