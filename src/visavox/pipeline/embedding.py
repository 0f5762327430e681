"""A corpus to embedding tables, through the cache: the same bytes are never embedded twice.

Example:
    embedded = embed_corpus(EmbedConfig(corpus=Path("corpus"), out=Path("embeddings")))
    embedded.voice.vectors.shape
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.config import EmbedConfig
from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.cache import EmbeddingCache
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable, table_from_items
from visavox.corpus.items import MODALITIES, MediaItem, Modality
from visavox.errors import DataError, MediaError
from visavox.media.audio import read_voice
from visavox.media.images import read_image
from visavox.models.encoders.trainable import TrainableEncoder
from visavox.pipeline.crop_check import refuse_other_crops
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder, Spec
from visavox.pipeline.voice_ceiling import VoiceCeiling, voice_ceiling
from visavox.worker_pool import n_processes, stream

FEW_ITEMS = 96  # below this, starting worker processes costs more than it saves
FEW_ITEMS_OF_A_SMALL_NETWORK = 2000  # the same at 1 ms a face and 3 ms a voice, reading included
ABOUT, CEILING = "embeddings.json", "voice_ceiling.json"

_encoder: FrozenEncoder | None = None


UNTRAINED = (
    "has random weights, so its vectors say nothing of a person. Give weights: FOLDER, which `visavox convert` or "
    "`visavox train --corpus` writes."
)


def is_untrained(about: Mapping[str, Any]) -> bool:
    """Return whether what is known of an encoder says that its weights were drawn and never trained."""
    return str(about.get("weights", "")).startswith("random, seed") and about.get("training_data") == "none"


@dataclass(frozen=True)
class CorpusEmbeddings:
    """The voices and faces of a corpus as vectors of frozen encoders."""

    voice: EmbeddingTable
    face: EmbeddingTable
    about: Mapping[str, Any]
    """How they were made: specs and provenance of both encoders, the detector, the catalog's hash."""

    def save(self, folder: Path) -> None:
        """Write voice.parquet, face.parquet and embeddings.json.

        Raises:
            DataError: a file cannot be written.
        """
        self.voice.save(folder / "voice.parquet")
        self.face.save(folder / "face.parquet")
        with atomic_file(folder / ABOUT, what="description of the embeddings") as temporary:
            temporary.write_text(json.dumps(self.about, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> CorpusEmbeddings:
        """Read what `save` wrote.

        Raises:
            DataError: a file is missing or corrupted.
        """
        for name in ("voice.parquet", "face.parquet", ABOUT):
            if not (folder / name).is_file():
                raise DataError(f"{folder} holds no {name}. Make it with: visavox embed --corpus CORPUS --out {folder}")
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{folder / ABOUT} is damaged ({error}). Run `visavox embed` again.") from error
        encoders = about.get("encoders") if isinstance(about, dict) else None
        if not isinstance(encoders, dict) or any("spec" not in (encoders.get(m) or {}) for m in MODALITIES):
            raise DataError(f"{folder / ABOUT} does not say which encoders were used. Run `visavox embed` again.")
        voice, face = (EmbeddingTable.load(folder / f"{modality}.parquet") for modality in MODALITIES)
        return cls(voice, face, about)


@dataclass(frozen=True)
class Job:
    """Some items of one modality for one worker."""

    modality: str
    digests: tuple[str, ...]
    paths: tuple[Path, ...]


def embed_corpus(config: EmbedConfig, progress: Callable[[int, int], None] | None = None) -> CorpusEmbeddings:
    """Embed every usable face and voice of a corpus and write the tables.

    Args:
        config: corpus, encoders, output folder, cache.
        progress: called with (items done, items to do); items found in the cache are not counted.

    Raises:
        UnknownNameError: no encoder has this name.
        ConfigError: the corpus has face crops of another kind than the encoders read.
        MissingDependencyError: the weights are not installed.
        DataError: the folder holds no catalog, or an encoder returned a value that is not finite.
    """
    with Catalog.open(config.corpus / CATALOG) as catalog:
        items = {modality: list(catalog.items(modality=modality)) for modality in MODALITIES}
        settings, catalog_hash = catalog.settings, catalog.content_hash()
    refuse_other_crops(settings.get("clip", {}), where=str(config.corpus))
    cache = EmbeddingCache(config.cache or config.corpus / "cache")
    compute = Compute.of(config)
    specs: dict[Modality, Spec] = {"voice": config.voice_encoder, "face": config.face_encoder}
    encoders = {modality: FrozenEncoder(spec, modality, compute) for modality, spec in specs.items()}
    missing = {m: cache.get_many(_digests(items[m]), encoders[m].identifier)[1] for m in MODALITIES}
    total, done = sum(map(len, missing.values())), 0
    for modality in MODALITIES:
        for job, vectors in embed_missing(config, modality, items[modality], missing[modality], encoders[modality]):
            cache.put_many(dict(zip(job.digests, vectors, strict=True)), encoders[modality].identifier)
            done += len(vectors)
            if progress is not None:
                progress(done, total)
    about = {
        "encoders": {m: {"spec": specs[m], **dataclasses.asdict(encoders[m].provenance)} for m in MODALITIES},
        "clip": settings.get("clip", {}),
        "source": settings.get("source", {}),
        "catalog_hash": catalog_hash,
    }
    voice, face = (_table(items[m], m, encoders[m].identifier, cache) for m in MODALITIES)
    embedded = CorpusEmbeddings(voice, face, about)
    embedded.save(config.out)
    _save_ceiling(config, items["voice"], encoders["voice"], embedded)
    return embedded


def embed_missing(
    config: EmbedConfig, modality: Modality, items: Sequence[MediaItem], missing: Sequence[str], encoder: FrozenEncoder
) -> Iterator[tuple[Job, np.ndarray]]:
    """Yield jobs with their vectors, (items of the job, dim) float32, as processes finish them.

    Args:
        config: the corpus, the number of processes, the size of a batch.
        modality: of the items.
        items: all that the digests may be of.
        missing: digests to embed; one that is given twice is embedded once.
        encoder: of this modality.
    """
    paths = {item.digest: config.corpus / str(item.path) for item in items}
    jobs = [
        Job(modality, digests, tuple(paths[digest] for digest in digests))
        for digests in _chunks(missing, config.batch_size)
    ]
    is_small = isinstance(encoder.encoder, TrainableEncoder)
    few = len(missing) < (FEW_ITEMS_OF_A_SMALL_NETWORK if is_small else FEW_ITEMS)
    few = few or encoder.compute.torch_device != "cpu"
    n_workers = 1 if few else n_processes(config.workers)
    arguments = (encoder.spec, modality, encoder.compute)
    return stream(_embed, jobs, n_workers=n_workers, initializer=_start, arguments=arguments)


def _start(spec: Spec, modality: str, compute: Compute) -> None:
    global _encoder
    _encoder = FrozenEncoder(spec, modality, compute)


def _embed(job: Job) -> tuple[Job, np.ndarray]:
    assert _encoder is not None
    try:
        media = [read_voice(path) if job.modality == "voice" else read_image(path) for path in job.paths]
    except MediaError as error:
        raise DataError(
            f"A file of the corpus cannot be read: {error} Put it back, or prepare the corpus again with --overwrite."
        ) from error
    return job, _encoder.encode(media)


def _digests(items: Sequence[MediaItem]) -> list[str]:
    return [str(item.digest) for item in items]


def _chunks(digests: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    unique = iter(dict.fromkeys(digests))
    while chunk := tuple(itertools.islice(unique, size)):
        yield chunk


def _table(items: Sequence[MediaItem], modality: str, encoder: str, cache: EmbeddingCache) -> EmbeddingTable:
    if not items:
        raise DataError(
            f"The corpus holds no usable {modality}. `visavox prepare` wrote the reason of each clip into its catalog."
        )
    found, _ = cache.get_many(_digests(items), encoder)
    return table_from_items(items, np.stack([found[digest] for digest in _digests(items)]), encoder=encoder)


def _save_ceiling(
    config: EmbedConfig, voices: Sequence[MediaItem], encoder: FrozenEncoder, embedded: CorpusEmbeddings
) -> None:
    """Write the voice encoder's own ceiling, unless it is there for the same voices and encoder."""
    path = config.out / CEILING
    key = f"{embedded.about['catalog_hash']} {encoder.identifier}"
    stamp = path.with_suffix(".key")
    if path.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        return
    ceiling = voice_ceiling(config.corpus, voices, encoder)
    if ceiling is not None:
        ceiling.save(path)
        stamp.write_text(key, encoding="utf-8")


def load_ceiling(folder: Path) -> VoiceCeiling | None:
    """Return the voice encoder's own ceiling from a folder of embeddings; None where it was not measured."""
    return VoiceCeiling.load(folder / CEILING)
