"""Degraded clips to vectors of a model's own encoders, by several processes, kept by content so that a run resumes.

The vectors lie in a cache of their own, never in the corpus's: a key is a digest of the stored file's digest, the
degradation, its level, the seed and, for babble, of who talks. The noise of a clip is the same at all levels but for
its strength, so that curves over levels are smooth.

Example:
    source = DegradedVectors(Path("robustness/degraded"), specs, clips, seed=0)
    source.make(find("blur"), progress)
    source.found(find("blur"), 2.0).vectors
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.cache import EmbeddingCache
from visavox.corpus.items import Modality
from visavox.errors import DataError, MediaError
from visavox.media.audio import read_voice
from visavox.media.degrading.base import CannotDegradeError, Degradation, Level, Means, Media
from visavox.media.degrading.table import find
from visavox.media.images import read_image
from visavox.pipeline.embedding import FEW_ITEMS
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder, Spec
from visavox.worker_pool import n_processes, stream

VERSION = 1  # of what the degradations do: a change makes new keys
N_BABBLERS = 24  # recordings that babble is made of
UNREADABLE, REFUSED = "its file cannot be read", "the encoder refused it"

Progress = Callable[[int, int], None]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """A stored voice or face."""

    key: str
    digest: str
    path: Path
    identity: str
    video: str | None

    def is_other_than(self, other: Clip) -> bool:
        """Whether it is of another person and not of the same video."""
        return self.identity != other.identity and (self.video is None or self.video != other.video)


@dataclass(frozen=True)
class Job:
    """Some clips to degrade in one way, for one worker."""

    degradation: str
    level: Level
    clips: tuple[Clip, ...]
    seed: int


@dataclass(frozen=True)
class Done:
    """What came of a job."""

    job: Job
    vectors: Mapping[str, Vectors]
    """(dim,) float32 by digest of the clip."""
    reasons: Mapping[str, str]
    """Why a clip has no vector, by digest of the clip."""


@dataclass(frozen=True)
class Found:
    """The clips of one level."""

    rows: NDArray[np.int64]
    """(n,) which of the clips have a vector, rising."""
    vectors: Vectors
    """(n, dim) float32, one for each of `rows`."""
    reasons: Mapping[str, int]
    """Why others have none, and how many."""


class DegradedVectors:
    """Makes and keeps the degraded vectors of a set of clips.

    Args:
        folder: of the cache; made when it is needed.
        specs: the encoder of each modality.
        clips: of each modality, in the order of the tables.
        seed: of all noise.
        compute: where and how the encoders run.
        workers: processes; 0 takes one a core.
    """

    def __init__(
        self,
        folder: Path,
        specs: Mapping[Modality, Spec],
        clips: Mapping[Modality, Sequence[Clip]],
        *,
        seed: int,
        compute: Compute | None = None,
        workers: int = 0,
    ) -> None:
        """Choose who babbles; nothing is read yet."""
        self.specs = dict(specs)
        self.clips = clips
        self.seed = seed
        self.compute = compute or Compute()
        self.workers = workers
        self._cache = EmbeddingCache(folder)
        encoders = {modality: FrozenEncoder(spec, modality, self.compute) for modality, spec in specs.items()}
        self._identifiers = {modality: encoder.identifier for modality, encoder in encoders.items()}
        self._dims = {modality: encoder.encoder.dim for modality, encoder in encoders.items()}
        self._babblers = babblers(clips["voice"], seed)
        self._reasons: dict[str, str] = {}  # by key of the cache; found anew by each run

    def make(self, degradations: Sequence[Degradation], progress: Progress | None = None) -> None:
        """Degrade and encode whatever is not in the cache yet.

        Args:
            degradations: all their levels are made.
            progress: called as progress(clips done, clips to do).

        Raises:
            DataError: a worker was killed, or the cache cannot be written.
        """
        jobs = [job for row in degradations for level in row.levels for job in self._missing(row, level)]
        total, done = sum(len(job.clips) for job in jobs), 0
        few = total < FEW_ITEMS or self.compute.torch_device != "cpu"
        arguments = (self.specs, self.compute, self._babblers)
        n_workers = 1 if few else n_processes(self.workers)
        for result in stream(_work, jobs, n_workers=n_workers, initializer=_start, arguments=arguments):
            row, level = find(result.job.degradation), result.job.level
            vectors = {self._key(row, level, digest): vector for digest, vector in result.vectors.items()}
            self._cache.put_many(vectors, self._identifiers[row.modality])
            self._reasons.update({self._key(row, level, digest): why for digest, why in result.reasons.items()})
            done += len(result.job.clips)
            if progress is not None:
                progress(done, total)

    def found(self, degradation: Degradation, level: Level) -> Found:
        """Return the vectors of one level; `make` must have been called for its degradation.

        Raises:
            DataError: the cache is damaged.
        """
        modality = degradation.modality
        keys = [self._key(degradation, level, clip.digest) for clip in self.clips[modality]]
        vectors, missing = self._cache.get_many(keys, self._identifiers[modality])
        rows = [row for row, key in enumerate(keys) if key in vectors]
        reasons: dict[str, int] = {}
        for key in (key for key in keys if key in set(missing)):
            why = self._reasons.get(key, "it was not made")
            reasons[why] = reasons.get(why, 0) + 1
        kept = [vectors[keys[row]] for row in rows]
        return Found(
            np.array(rows, dtype=np.int64),
            np.stack(kept) if kept else np.empty((0, self._dims[modality]), dtype=np.float32),
            reasons,
        )

    def _missing(self, degradation: Degradation, level: Level) -> Iterator[Job]:
        clips = {self._key(degradation, level, clip.digest): clip for clip in self.clips[degradation.modality]}
        _, missing = self._cache.get_many(list(clips), self._identifiers[degradation.modality])
        step = self.compute.batch_size
        for start in range(0, len(missing), step):
            chosen = tuple(clips[key] for key in missing[start : start + step])
            yield Job(degradation.name, level, chosen, self.seed)

    def _key(self, degradation: Degradation, level: Level, digest: str) -> str:
        about = [VERSION, digest, degradation.name, level, self.seed]
        if degradation.name == "babble":
            about.append([clip.digest for clip in self._babblers])
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def babblers(voices: Sequence[Clip], seed: int) -> tuple[Clip, ...]:
    """Return the recordings that babble is made of: one a person, at most `N_BABBLERS`, drawn once for all clips."""
    of_person = {clip.identity: clip for clip in reversed(voices)}
    names = sorted(of_person)
    drawn = np.random.default_rng([seed, 1]).permutation(len(names))[:N_BABBLERS]
    return tuple(of_person[names[number]] for number in sorted(drawn))


def generator_of(seed: int, degradation: str, digest: str) -> np.random.Generator:
    """Return the source of randomness of one clip under one degradation: the same at every level.

    Example:
        >>> a, b = (generator_of(0, "white_noise", "ff").standard_normal() for _ in range(2))
        >>> a == b
        True
    """
    named = hashlib.sha256(f"{degradation} {digest}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(named[:8], "big")])


class _Worker:
    """What one process keeps: the encoders, and the voices of a babble once they are read."""

    def __init__(self, specs: Mapping[Modality, Spec], compute: Compute, pool: tuple[Clip, ...]) -> None:
        self.specs = specs
        self.compute = compute
        self.pool = pool
        self._encoders: dict[Modality, FrozenEncoder] = {}
        self._voices: dict[str, Media] = {}

    def encoder(self, modality: Modality) -> FrozenEncoder:
        """The encoder, built when it is first needed."""
        if modality not in self._encoders:
            self._encoders[modality] = FrozenEncoder(self.specs[modality], modality, self.compute)
        return self._encoders[modality]

    def others(self, clip: Clip) -> list[Media]:
        """The voices that may babble around a clip; one that cannot be read is left out."""
        for other in self.pool:
            if other.digest not in self._voices:
                try:
                    self._voices[other.digest] = read_voice(other.path)
                except MediaError:
                    self._voices[other.digest] = np.empty(0, dtype=np.float32)
        return [self._voices[other.digest] for other in self.pool if other.is_other_than(clip)]

    def degraded(self, job: Job, clip: Clip) -> Media:
        """The media of a clip, degraded; raises what makes that impossible."""
        row = find(job.degradation)
        media = read_voice(clip.path) if row.modality == "voice" else read_image(clip.path)
        others = self.others(clip) if row.name == "babble" else ()
        return row.run(media, job.level, Means(generator_of(job.seed, row.name, clip.digest), others))


_worker: _Worker | None = None


def _start(specs: Mapping[Modality, Spec], compute: Compute, pool: tuple[Clip, ...]) -> None:
    global _worker
    _worker = _Worker(specs, compute, pool)


def _work(job: Job) -> Done:
    assert _worker is not None
    media: dict[str, Media] = {}
    reasons: dict[str, str] = {}
    for clip in job.clips:
        try:
            media[clip.digest] = _worker.degraded(job, clip)
        except CannotDegradeError as error:
            reasons[clip.digest] = str(error)
        except MediaError:
            reasons[clip.digest] = UNREADABLE
    encoder = _worker.encoder(find(job.degradation).modality)
    try:
        vectors = dict(zip(media, encoder.encode(list(media.values())), strict=True))
    except DataError:  # one of them is at fault: find out which
        vectors = {}
        for digest, one in media.items():
            try:
                vectors[digest] = encoder.encode([one])[0]
            except DataError:
                reasons[digest] = REFUSED
    return Done(job, vectors, reasons)
