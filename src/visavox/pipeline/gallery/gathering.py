"""Folders of clips, corpora and embeddings to the rows of a gallery: prepared, embedded, projected, with small media.

What cannot be used is counted with its reason and left out; pictures without a face are no faces. Clips are prepared
in a folder of work in progress inside the gallery, so that a run that was stopped goes on there; embeddings of a
corpus go through the cache of that corpus.

Example:
    gathered = gather_rows(config, model, Path("gallery/.unfinished/0a1b"))
    gathered.tables[0].vectors.shape
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import MODALITIES, OK, MediaItem, Modality
from visavox.errors import DataError
from visavox.pipeline.clip_vectors import embed_clips, prepare_clips, prepare_config
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.gallery.row_media import media_of_items
from visavox.pipeline.gallery.telling import counted
from visavox.pipeline.media_vectors import MediaRecipe
from visavox.pipeline.tested_people import check_encoders
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.gallery_rows import GalleryRows
from visavox.retrieval_config import GallerySourceConfig

Progress = Callable[[int, int], None]

MAX_NAMED = 5  # clips a reason
CORPUS, EMBEDDINGS = "corpus", "embeddings"
NO_MEDIA = "Embeddings alone have no pictures and no sounds: nothing can be shown or played. Give --corpus too."
FACES_UNKNOWN = (
    "Pictures without a face, if there are any, are in the gallery by their centre: embeddings do not say which they "
    "are. Give --corpus too to leave them out."
)


@dataclass(frozen=True)
class BadClip:
    """A clip that could not be used."""

    clip: str
    """Its name."""
    modality: Modality
    """What could not be used of it."""
    status: str
    """A short code: "no_face", "silent", "unreadable_image" ..."""
    reason: str
    """One line."""


@dataclass(frozen=True)
class Gathered:
    """What goes into a gallery."""

    tables: tuple[GalleryRows, ...]
    """One a modality that has rows."""
    unusable: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Modality -> status -> how many clips could not be used."""
    bad_clips: tuple[BadClip, ...] = ()
    """The first of each status."""
    notes: tuple[str, ...] = ()
    """Sentences to be read."""


def gather_rows(
    config: GallerySourceConfig, model: VoiceFaceModel, work: Path, progress: Progress | None = None
) -> Gathered:
    """Return the rows of a source.

    Args:
        config: what to take.
        model: whose space the vectors are brought into.
        work: folder of work in progress; exists.
        progress: called with (done, to do) of one step after the other.

    Raises:
        ConfigError: the source is no such folder.
        DataError: nothing can be used, or the embeddings come from other encoders.
    """
    recipe = _recipe(model)
    corpus = config.corpus
    if config.pairs is not None:
        columns = {name: str(column) for name, column in config.columns.items()}
        prepare = prepare_config(config, config.pairs, work / CORPUS, recipe, columns)
        corpus = prepare_clips(prepare, progress)
    if config.embeddings is not None:
        embedded = CorpusEmbeddings.load(config.embeddings)
        check_encoders(model, embedded)
    else:
        assert corpus is not None
        embedded = embed_clips(config, corpus, work / EMBEDDINGS, recipe, progress)
    chosen = [m for m in MODALITIES if config.modalities in ("both", m)]
    items = _items(embedded, corpus) if corpus is not None else {}
    notes: list[str] = []
    unusable, bad = _unusable(corpus, chosen)
    tables = []
    for modality in chosen:
        table = embedded.voice if modality == "voice" else embedded.face
        kept = [row for row, key in enumerate(table.keys) if not _is_faceless(items.get(key))]
        if len(kept) < len(table):
            notes.append(f"{counted(len(table) - len(kept), 'picture')} without a face left out")
        if kept:
            tables.append(_rows(config, model, table.select(kept), items, work, notes, progress))
    if corpus is None and config.media:
        notes.append(NO_MEDIA)
    if corpus is None and "face" in chosen and embedded.about.get("clip", {}).get("keep_faceless", True):
        notes.append(FACES_UNKNOWN)
    if not tables:
        wanted = " or ".join(chosen)
        raise DataError(f"A clip with a {wanted} that can be used is needed. Got none. Give others, or --modalities.")
    return Gathered(tuple(tables), unusable, bad, tuple(notes))


def _recipe(model: VoiceFaceModel) -> MediaRecipe:
    made = model.preprocess
    return MediaRecipe(made.voice_encoder, made.face_encoder, made.detector, made.min_speech_s)


def _items(embedded: CorpusEmbeddings, corpus: Path) -> dict[str, MediaItem]:
    """Return key -> item of every vector.

    Raises:
        DataError: the vectors are not of the corpus.
    """
    with Catalog.open(corpus / CATALOG) as catalog:
        items = {item.key: item for item in catalog.items()}
    missing = [key for table in (embedded.voice, embedded.face) for key in table.keys if key not in items]
    if missing:
        raise DataError(
            f"The vectors must be of the corpus {corpus}. Got {len(missing):,} that it does not hold, {missing[0]!r} "
            "for one. Embed it again, or name its own folder."
        )
    return items


def _is_faceless(item: MediaItem | None) -> bool:
    return item is not None and item.quality.get("face_found") == 0


def _rows(
    config: GallerySourceConfig,
    model: VoiceFaceModel,
    table: EmbeddingTable,
    items: Mapping[str, MediaItem],
    work: Path,
    notes: list[str],
    progress: Progress | None,
) -> GalleryRows:
    """Project a table and make its media."""
    encode = model.associator.encode_voice if table.modality == "voice" else model.associator.encode_face
    media = None
    if config.media and items:
        corpus = config.corpus if config.pairs is None else work / CORPUS
        assert corpus is not None
        wanted = [items[key] for key in table.keys]
        media, reasons = media_of_items(wanted, corpus, work, workers=config.workers, progress=progress)
        if reasons:
            what = "picture" if table.modality == "face" else "sound"
            notes.append(f"{counted(len(reasons), table.modality)} without a {what} to show, for one: {reasons[0]}")
    return GalleryRows(
        table.modality,
        table.keys,
        table.clips,
        table.identities,
        table.videos,
        dict(table.attributes),
        np.asarray(encode(table.vectors), dtype=np.float32),
        media if media is not None else (),
    )


def _unusable(corpus: Path | None, modalities: list[Modality]) -> tuple[dict[str, dict[str, int]], tuple[BadClip, ...]]:
    """Count what could not be prepared, by modality and status, and name some of each."""
    if corpus is None:
        return {}, ()
    with Catalog.open(corpus / CATALOG) as catalog:
        counts = catalog.counts()
        failed = {m: {s: n for s, n in counts.get(m, {}).items() if s != OK} for m in modalities}
        bad = [
            BadClip(item.clip, modality, status, item.reason)
            for modality, statuses in failed.items()
            for status in statuses
            for item in itertools.islice(catalog.items(modality, status=status), MAX_NAMED)
        ]
    return {m: found for m, found in failed.items() if found}, tuple(bad)
