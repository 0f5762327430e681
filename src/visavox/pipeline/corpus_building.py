"""A source to a corpus: many clips over worker processes, one writer, resumable at any kill.

Clips are taken from the source one by one, fetched a few ahead where they have an address, prepared by worker
processes or a cluster, and written by this process: each is one transaction, made after its files are in place. So a
run that was killed goes on where it stopped, and nothing is done twice or lost. What failed for a reason that passes
(the network, a full disk) is tried again by the next run.

Example:
    summary = build_corpus(PrepareConfig(root=Path("data/avspeech"), out=Path("corpus")))
    summary.n_ok["face"]
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MODALITIES
from visavox.corpus.sources.base import ClipRecord, Source, record_item
from visavox.corpus.sources.metadata import Metadata
from visavox.corpus_config import PrepareConfig
from visavox.errors import ConfigError, DataError
from visavox.media.face_settings import FaceSettings
from visavox.media.fetching.fetch_settings import FetchSettings
from visavox.media.fetching.fetcher import Fetcher
from visavox.media.voice_settings import VoiceSettings
from visavox.pipeline.clip_preparation import ClipJob, ClipPreparer, ClipSettings, PreparedClip
from visavox.pipeline.corpus_writing import (
    DOWNLOADS,
    LOCK,
    MEDIA_FOLDERS,
    UNFINISHED,
    CorpusWriter,
    clear_unfinished,
    sole_writer,
)
from visavox.pipeline.fetching_ahead import fetch_ahead
from visavox.pipeline.ray_stream import ray_stream
from visavox.pipeline.record_selection import Selection, selected
from visavox.registry import DETECTORS, SOURCES
from visavox.worker_pool import n_processes, stream, thread_stream
from visavox.world.world_folder import refuse_unfinished

FEW_CLIPS = 96  # below this the threads of one process are done before a second process has started ...
FEW_BYTES = 45_000_000  # ... unless the files are long
MANY_CLIPS = 200_000  # above this a list is not read twice to see whether the corpus belongs to it
OWN_FOLDERS = (*MEDIA_FOLDERS, DOWNLOADS, UNFINISHED)

_of_thread = threading.local()
"""`preparer`: the ClipPreparer of a thread, here or in a worker process."""


@dataclass(frozen=True)
class PrepareSummary:
    """What `prepare` did."""

    n_clips: int
    """Clips in the catalog, those of earlier runs included."""
    n_new: int
    """Clips that this run added."""
    n_again: int
    """Clips of earlier runs that this run prepared anew."""
    n_items: Mapping[str, Mapping[str, int]]
    """Items by modality and status."""
    n_faces_not_found: int
    """Faces that are the centre of their image because no face was found."""
    source: Mapping[str, object]
    """What the source says of itself: rows, files that no row names."""
    seconds: float
    """Wall time of this run."""
    n_described: int = 0
    """Clips of this run of which the tables of attributes say something."""


def build_corpus(config: PrepareConfig, progress: Callable[[int, int], None] | None = None) -> PrepareSummary:
    """Prepare every clip of a source that is not in the catalog yet, and those that are to be tried again.

    Raises:
        ConfigError: an unknown source, detector or column; an output folder that holds something else.
        DataError: the catalog was made with other settings, holds clips that the source does not name, or is
            corrupted; the source is a simulated world that is not finished; the disk is full.
        MissingDependencyError: the engine, or what fetches an address, is not installed.
    """
    started = time.monotonic()
    DETECTORS.get(config.detector)
    settings = clip_settings(config)
    source = build_source(config)
    metadata = Metadata.read(config.metadata)
    if not config.table:
        refuse_unfinished(config.root)
    selection = Selection.of(config)
    if next(selected(source, selection), None) is None:
        raise DataError(
            f"{config.root} holds no clips that are taken: {len(source)} are listed. Correct the source, its table, or "
            "the range of rows."
        )
    fetcher = _fetcher(config)  # before anything is made, since it reads the cookies
    n_done = 0
    try:
        _check_folder(config.out)
        was_killed = (config.out / UNFINISHED).exists()
        with sole_writer(config.out), _open_catalog(config, settings, source) as catalog:
            done, redo = catalog.done_clips(), frozenset(catalog.clips_to_redo())
            _refuse_strangers(config, done, source)
            n_to_do = _n_to_do(source, selection, len(done) - len(redo))
            described = _Described(metadata)
            todo = map(described.record, _left(source, selection, done - redo))
            writer, n_again = CorpusWriter(config.out, catalog, redo), 0
            if progress is not None:
                progress(0, n_to_do)
            prepared_clips = _prepared(todo, settings, config, fetcher, was_killed=was_killed)
            with closing(prepared_clips):
                for n_done, prepared in enumerate(prepared_clips, start=1):
                    writer.add(prepared)
                    n_again += prepared.job.record.clip in redo
                    if progress is not None:
                        progress(n_done, max(n_done, n_to_do))
            seconds = time.monotonic() - started
            summary = _summarise(catalog, source, n_new=n_done - n_again, n_again=n_again, seconds=seconds)
            summary = dataclasses.replace(summary, n_described=described.count)
        shutil.rmtree(config.out / UNFINISHED, ignore_errors=True)
        (config.out / "stats.json").write_text(json.dumps(dataclasses.asdict(summary), indent=2), encoding="utf-8")
    except OSError as error:
        at, out = Path(error.filename or config.out).absolute(), config.out.absolute()
        what = "written" if at.is_relative_to(out) or out.is_relative_to(at) else "read"
        raise DataError(
            f"{at} cannot be {what}: {error.strerror or error}. {n_done} clips of this run are done and kept: mend it, "
            "free space or choose another folder, and run the same command again."
        ) from error
    return summary


def clip_settings(config: PrepareConfig) -> ClipSettings:
    """Return how the clips of a configuration are prepared."""
    face = FaceSettings(
        detector=config.detector,
        crop=config.crop,
        margin=config.margin,
        n_faces=config.faces,
        frames_per_s=config.frames_per_s,
        min_face_px=config.min_face_px,
        min_sharpness=config.min_sharpness,
        min_frontality=config.min_frontality,
        keep_faceless=config.face_fallback,
        max_batch=config.batch_size,
    )
    return ClipSettings(face, VoiceSettings(min_speech_s=config.min_speech_s))


def build_source(config: PrepareConfig) -> Source:
    """Return the source of a configuration.

    Raises:
        ConfigError: an unknown source, or an option that it does not know.
    """
    options: dict[str, object] = {"root": config.root, "columns": dict(config.columns)}
    # Only what was asked for, so that a source that does not know it says so.
    usual = {"media": "", "table": "", "person_part": 1}
    options |= {name: getattr(config, name) for name, value in usual.items() if getattr(config, name) != value}
    source: Source = SOURCES.build({**options, **config.source_spec()})
    return source


def _check_folder(out: Path) -> None:
    """Make the folder of the corpus, unless something else is in its place."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"`out` must be a folder. {out} is a file. Choose another folder.")
    if out.is_dir() and not (out / CATALOG).exists() and any(path.name != LOCK for path in out.iterdir()):
        raise ConfigError(
            f"`out` must be a new or empty folder, or a corpus to go on with. {out} holds other files. "
            "Choose another folder."
        )
    out.mkdir(parents=True, exist_ok=True)


def _open_catalog(config: PrepareConfig, settings: ClipSettings, source: Source) -> Catalog:
    kept: dict[str, object] = {"clip": settings.stored(), "source": source.settings()}
    if config.metadata:
        kept["metadata"] = [path.name for path in config.metadata]
    # The catalog first, at the beginning and when starting anew: after a kill in between, a folder without it would
    # belong to somebody else, and an old one would name files that are gone.
    catalog = Catalog.create(config.out / CATALOG, kept, overwrite=config.overwrite)
    if config.overwrite:
        for name in (*OWN_FOLDERS, "cache"):
            shutil.rmtree(config.out / name, ignore_errors=True)
    for name in MEDIA_FOLDERS:
        (config.out / name).mkdir(exist_ok=True)
    clear_unfinished(config.out)
    return catalog


def _refuse_strangers(config: PrepareConfig, done: set[str], source: Source) -> None:
    """Raise if the corpus holds clips of another folder of the same name, or clips that the table has lost since."""
    if not done or len(done) > MANY_CLIPS:
        return
    strangers = set(done)
    for record in source:
        strangers.discard(record.clip)
        if not strangers:
            return
    raise DataError(
        f"{config.out} holds {len(strangers)} clips that {config.root} does not name, {min(strangers)!r} for one. "
        "Choose another folder, or start anew with --overwrite."
    )


def _n_to_do(source: Source, selection: Selection, n_done: int) -> int:
    """Return about how many clips a run will prepare, for its progress."""
    last = len(source)
    last = min(last, selection.to_row or last)
    n_rows = max(0, last - selection.from_row) // selection.n_shards
    return max(0, min(n_rows, selection.limit or n_rows) - n_done)


def _left(source: Source, selection: Selection, done: set[str]) -> Iterator[ClipRecord]:
    """Iterate over the selected clips that are not done."""
    if not selection.counts_rows:
        return selected(source.fresh(done), selection)
    return (record for record in selected(source, selection) if record.clip not in done)


class _Described:
    """Adds what tables say of people, videos and clips, and counts the clips that they know."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.count = 0

    def record(self, record: ClipRecord) -> ClipRecord:
        """Return a record with what is known of it; what the source says itself wins."""
        found = self.metadata.attributes_of(person=record.person, video=record.video, clip=record.clip)
        if not found:
            return record
        self.count += 1
        return dataclasses.replace(record, attributes={**found, **record.attributes})


def _prepared(
    records: Iterable[ClipRecord],
    settings: ClipSettings,
    config: PrepareConfig,
    fetcher: Fetcher,
    *,
    was_killed: bool,
) -> Generator[PreparedClip, None, None]:
    """Prepare clips with the engine that is asked for, in the order in which they are done.

    After a run that did not come to its end the clips are left to processes, in case one of them was its death.
    """
    remaining = iter(records)
    first = list(itertools.islice(remaining, FEW_CLIPS))
    records = itertools.chain(first, remaining)
    # Absolute, since the machines of a cluster have working folders of their own.
    arguments = (settings, (config.out / UNFINISHED).absolute())
    with closing(_jobs(records, config, fetcher)) as jobs:
        if config.engine == "ray":
            work = partial(ray_stream, n_workers=config.workers, lost=_lost)
        elif not was_killed and _is_little(first):
            work = partial(thread_stream, n_threads=n_processes(config.workers))
        else:
            work = partial(stream, n_workers=n_processes(config.workers), lost=_lost)
        with _one_thread(), closing(work(_prepare, jobs, initializer=_start, arguments=arguments)) as prepared:
            yield from prepared


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let the networks that run in this process use one thread, as those of workers do.

    They are so small that a second thread gains nothing, and costs six times the time where the cores are busy.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _is_little(records: list[ClipRecord]) -> bool:
    """Whether all there is to do is done sooner by this process alone."""
    if len(records) >= FEW_CLIPS or any(record.address for record in records):
        return False
    paths = {path for record in records for path in (record.face_path, record.voice_path) if path is not None}
    return sum(map(_size, paths)) < FEW_BYTES


def _size(path: Path) -> int:
    """Size in bytes; 0 of what cannot be asked: why is said where the clip is prepared."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _fetcher(config: PrepareConfig) -> Fetcher:
    settings = FetchSettings(
        attempts=config.attempts,
        requests_per_minute=config.requests_per_minute,
        timeout_s=config.timeout_s,
        max_bytes=int(config.max_video_mb * 1e6),
        max_height_px=config.max_height_px,
        cookies=config.cookies,
    )
    # What is not to be kept lies where a run that was killed is cleared up; what was kept once is never removed.
    folder = config.out / DOWNLOADS if config.keep_downloads else config.out / UNFINISHED / DOWNLOADS
    return Fetcher(folder.absolute(), settings)


def _jobs(records: Iterable[ClipRecord], config: PrepareConfig, fetcher: Fetcher) -> Generator[ClipJob, None, None]:
    """Turn records into jobs whose videos are at hand."""
    with closing(fetch_ahead(records, fetcher, n_threads=config.downloads)) as fetched_clips:
        for fetched in fetched_clips:
            problem = fetched.problem
            yield ClipJob(
                fetched.record,
                fetched.path,
                fetched.begin_s,
                is_temporary=fetched.is_temporary and not config.keep_downloads,
                problem=None if problem is None else (problem.status, str(problem)),
            )


def _start(settings: ClipSettings, unfinished: Path) -> None:
    torch.set_num_threads(1)
    _of_thread.preparer = ClipPreparer(settings, unfinished)


def _prepare(job: ClipJob) -> PreparedClip:
    preparer: ClipPreparer = _of_thread.preparer
    return preparer.prepare(job)


def _lost(job: ClipJob) -> PreparedClip:
    """Return the rows of a clip over which a process died, twice."""
    reason = "The process that prepared it was killed: for want of memory, or by a fault of a decoder."
    rows = [record_item(job.record, modality) for modality in MODALITIES]
    failed = tuple(dataclasses.replace(row, status="unexpected_error", reason=reason) for row in rows)
    return PreparedClip(job, failed, ())


def _summarise(catalog: Catalog, source: Source, *, n_new: int, n_again: int, seconds: float) -> PrepareSummary:
    return PrepareSummary(
        n_clips=catalog.n_clips(),
        n_new=n_new,
        n_again=n_again,
        n_items=catalog.counts(),
        n_faces_not_found=catalog.n_with_figure("face_found", 0.0),
        source=source.stats(),
        seconds=round(seconds, 1),
    )
