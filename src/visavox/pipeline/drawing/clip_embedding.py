"""Files of voices and faces to vectors of frozen encoders, each file once: what was embedded lies beside the run.

A voice has a vector of the whole and one of each window of speech (`visavox.pipeline.media_vectors.voice_windows`), a
face one of its crop. The cache is addressed by the bytes of the file, the encoder and the windows, so that a warm run
opens no sound at all. It draws nothing and trains nothing.

Example:
    request = EmbeddingRequest("ge2e", "voice", cache=Path("run/cache"), window_s=1.6)
    vectors = embed_files([Path("a.flac"), Path("b.flac")], request)
    vectors[0].shape      # (1 + windows, 256): the whole voice first
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.cache import EmbeddingCache
from visavox.corpus.items import Modality
from visavox.errors import DataError, MediaError
from visavox.media.audio import read_voice
from visavox.media.images import read_image
from visavox.media.speech import SpeechDetector
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder, Spec
from visavox.pipeline.media_vectors import voice_windows
from visavox.worker_pool import n_processes, stream

Progress = Callable[[int, int], None]
Vectors = NDArray[np.float32]

FILES_A_JOB = 16
FEW_FILES = 96  # below this, starting worker processes costs more than it saves
PARTS_A_LOOK = 16  # vectors of a file that are looked for at a time


@dataclass(frozen=True)
class EmbeddingRequest:
    """Everything that decides the vectors of a file, and where they are kept."""

    spec: Spec
    """Registered encoder with its options."""
    modality: Modality
    """What it encodes."""
    cache: Path | None = None
    """Folder of the cache; None embeds every time."""
    window_s: float = 0.0
    """Voices: length of the windows beside the whole; 0 makes none."""
    min_speech_s: float = 0.5
    """Voices: seconds of speech that a window must hold."""
    compute: Compute = field(default_factory=Compute)
    """Where and how the encoder runs."""

    def key(self, identifier: str) -> str:
        """Return what stands for the encoder in the cache: its identifier, and how a voice is cut."""
        if self.modality == "face" or not self.window_s:
            return f"{identifier} of files"
        return f"{identifier} of files, whole and windows of {self.window_s:g} s with {self.min_speech_s:g} s of speech"


def embed_files(
    paths: Sequence[Path], request: EmbeddingRequest, *, workers: int = 0, progress: Progress | None = None
) -> list[Vectors]:
    """Return the vectors of files, in order; a file that is given twice is embedded once.

    Args:
        paths: sound files, or pictures of canonical crops.
        request: what decides the vectors.
        workers: processes; 0 is one a core, and one alone where the encoder runs on an accelerator.
        progress: called as progress(files done, files).

    Returns:
        Of each file (n_parts, dim) float32: of a face one row; of a voice the whole, then its windows in order.

    Raises:
        ConfigError: the encoder is of the other modality, or an option is wrong.
        DataError: a file cannot be read, or an encoder returned a value that is not finite.
    """
    encoder = FrozenEncoder(request.spec, request.modality, request.compute)
    key = request.key(encoder.identifier)
    cache = None if request.cache is None else EmbeddingCache(request.cache)
    digests = [_digest(path) for path in paths]
    times = Counter(digests)
    first_path: dict[str, Path] = {}
    for digest, path in zip(digests, paths, strict=True):
        first_path.setdefault(digest, path)
    found = {} if cache is None else _cached(cache, list(first_path), key)
    missing = [digest for digest in first_path if digest not in found]
    done = sum(times[digest] for digest in found)
    if progress is not None:
        progress(done, len(paths))
    few = len(missing) < FEW_FILES or request.compute.torch_device != "cpu"
    jobs = _chunks([(digest, first_path[digest]) for digest in missing], FILES_A_JOB)
    results = stream(
        _embed, jobs, n_workers=1 if few else n_processes(workers), initializer=_start, arguments=(request,)
    )
    for names, vectors in results:
        found.update(zip(names, vectors, strict=True))
        if cache is not None:
            rows = {
                _part(name, place): row
                for name, of_file in zip(names, vectors, strict=True)
                for place, row in enumerate(of_file)
            }
            cache.put_many(rows, key)  # all parts of a file or none, since this is one transaction
        done += sum(times[name] for name in names)
        if progress is not None:
            progress(done, len(paths))
    for digest, path in first_path.items():
        if not np.isfinite(found[digest]).all():
            raise DataError(f"Every embedding must be finite. Got nan or infinity for {path}. Check that file.")
    return [found[digest] for digest in digests]


_encoder: FrozenEncoder | None = None
_request: EmbeddingRequest | None = None
_speech: SpeechDetector | None = None


def _start(request: EmbeddingRequest) -> None:
    global _encoder, _request, _speech
    _request, _speech = request, None
    _encoder = FrozenEncoder(request.spec, request.modality, request.compute)


def _embed(job: Sequence[tuple[str, Path]]) -> tuple[list[str], list[Vectors]]:
    """Return the digests of a job's files and the vectors of each."""
    assert _encoder is not None
    try:
        parts = [_parts(path) for _, path in job]
    except MediaError as error:
        raise DataError(
            f"A file of the corpus cannot be read: {error} Put it back, or prepare the corpus again with --overwrite."
        ) from error
    vectors = _encoder.encode(list(itertools.chain.from_iterable(parts)))
    ends = np.cumsum([len(some) for some in parts])
    return [digest for digest, _ in job], np.split(vectors, ends[:-1])


def _parts(path: Path) -> list[np.ndarray]:
    """Return what of a file gets a vector."""
    global _speech
    assert _request is not None
    if _request.modality == "face":
        return [read_image(path)]
    voice = read_voice(path)
    if not _request.window_s:
        return [voice]
    if _speech is None:
        _speech = SpeechDetector()
    segments = _speech.segments(voice)
    windows = voice_windows(voice, segments, window_s=_request.window_s, min_speech_s=_request.min_speech_s)
    return [voice, *windows]


def _cached(cache: EmbeddingCache, digests: Sequence[str], key: str) -> dict[str, Vectors]:
    """Return the vectors of those files that are there."""
    parts: dict[str, list[Vectors]] = {digest: [] for digest in digests}
    asked, begin = list(digests), 0
    while asked:
        places = range(begin, begin + PARTS_A_LOOK)
        rows, _ = cache.get_many([_part(digest, place) for digest in asked for place in places], key)
        for digest in asked:
            parts[digest] += [rows[name] for place in places if (name := _part(digest, place)) in rows]
        begin += PARTS_A_LOOK
        asked = [digest for digest in asked if len(parts[digest]) == begin]
    return {digest: np.stack(rows) for digest, rows in parts.items() if rows}


def _part(digest: str, place: int) -> str:
    return f"{digest}-{place}"


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}). Put it back, or prepare the corpus again."
        ) from error


def _chunks(files: Sequence[tuple[str, Path]], size: int) -> Iterator[tuple[tuple[str, Path], ...]]:
    rest = iter(files)
    while chunk := tuple(itertools.islice(rest, size)):
        yield chunk
