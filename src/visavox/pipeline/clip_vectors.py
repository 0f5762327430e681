"""Clips to vectors by the recipe of a folder of people: for those who are enrolled and those who ask, alike.

As `visavox.pipeline.embedding`, but voices or faces may be missing altogether, and a picture without a face is no
face: nobody is enrolled by the middle of a landscape.

Example:
    corpus = prepare_clips(prepare_config(config, Path("clips"), Path("work/corpus"), recipe))
    embedded = embed_clips(config, corpus, Path("work/embeddings"), recipe)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from visavox.config import EmbedConfig, PooledConfig
from visavox.corpus.cache import EmbeddingCache
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable, table_from_items
from visavox.corpus.items import MODALITIES, OK, MediaItem, Modality
from visavox.corpus_config import PrepareConfig
from visavox.errors import DataError
from visavox.pipeline.carried_encoders import is_same_encoder
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.crop_check import refuse_other_crops
from visavox.pipeline.embedding import CorpusEmbeddings, embed_corpus, embed_missing
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder
from visavox.pipeline.media_vectors import MediaRecipe

Progress = Callable[[int, int], None]


def prepare_config(
    config: PooledConfig, pairs: Path, out: Path, recipe: MediaRecipe, columns: Mapping[str, str] | None = None
) -> PrepareConfig:
    """Return how a folder of pairs is prepared by a recipe."""
    return PrepareConfig(
        root=pairs,
        out=out,
        columns=columns or {},
        detector=recipe.detector,
        min_speech_s=recipe.min_speech_s,
        face_fallback=False,
        workers=config.workers,
    )


def prepare_clips(prepare: PrepareConfig, progress: Progress | None = None) -> Path:
    """Prepare the clips that are not prepared yet, and return the folder of the corpus."""
    build_corpus(prepare, progress)
    return prepare.out


def embed_clips(
    config: PooledConfig, corpus: Path, out: Path, recipe: MediaRecipe, progress: Progress | None = None
) -> CorpusEmbeddings:
    """Return the vectors of a corpus; a modality of which nothing can be used has an empty table.

    Raises:
        DataError: neither a voice nor a face can be used; the message says why.
    """
    with Catalog.open(corpus / CATALOG) as catalog:
        items = {modality: list(catalog.items(modality=modality)) for modality in MODALITIES}
        counts, clip = catalog.counts(), catalog.settings.get("clip", {})
    if not any(items.values()):
        reasons = [f"{n} {m} {status}" for m, found in counts.items() for status, n in found.items() if status != OK]
        raise DataError(
            f"A clip with a face or a voice that can be used is needed. Got none ({', '.join(reasons) or 'no clip'}). "
            "Give clearer pictures or longer recordings."
        )
    embed = EmbedConfig(
        corpus=corpus,
        out=out,
        voice_encoder=recipe.voice_encoder,
        face_encoder=recipe.face_encoder,
        workers=config.workers,
        device=config.device,
        precision=config.precision,
        batch_size=config.batch_size,
    )
    if all(items.values()):
        return embed_corpus(embed, progress)
    refuse_other_crops(clip, where=str(corpus))
    voice, face = (_table(embed, modality, items[modality]) for modality in MODALITIES)
    return CorpusEmbeddings(voice, face, {"clip": clip})


def check_encoders(recipe: MediaRecipe, embedded: CorpusEmbeddings, people: str) -> None:
    """Raise unless vectors come from the encoders of a recipe.

    Args:
        recipe: of the enrolled.
        embedded: vectors to be enrolled or to ask.
        people: the folder of the enrolled, for the message.

    Raises:
        DataError: names both encoders and the remedy.
    """
    for modality in MODALITIES:
        wanted, found = getattr(recipe, f"{modality}_encoder"), embedded.about["encoders"][modality]["spec"]
        identifier = (embedded.voice if modality == "voice" else embedded.face).encoder
        if not is_same_encoder(wanted, found, identifier, modality):
            raise DataError(
                f"The people of {people} are enrolled by the {modality} encoder {wanted}. Got embeddings of {found}. "
                f"Embed again with --{modality}-encoder, or enrol them into another folder."
            )


def _table(config: EmbedConfig, modality: Modality, items: list[MediaItem]) -> EmbeddingTable:
    if not items:
        return EmbeddingTable(modality, "", (), (), (), (), {}, np.empty((0, 1), dtype=np.float32))
    spec = config.voice_encoder if modality == "voice" else config.face_encoder
    encoder = FrozenEncoder(spec, modality, Compute.of(config))
    cache = EmbeddingCache(config.corpus / "cache")
    digests = [str(item.digest) for item in items]
    missing = cache.get_many(digests, encoder.identifier)[1]
    for job, vectors in embed_missing(config, modality, items, missing, encoder):
        cache.put_many(dict(zip(job.digests, vectors, strict=True)), encoder.identifier)
    found = cache.get_many(digests, encoder.identifier)[0]
    return table_from_items(items, np.stack([found[digest] for digest in digests]), encoder=encoder.identifier)
