"""A made-up world as embedding tables: what faces and voices show, without a picture or a sound.

    OUT/catalog.sqlite  OUT/embeddings/{voice.parquet, face.parquet, embeddings.json}  OUT/people.csv  OUT/world.json

The layout is that of `prepare` and `embed`, so that `split`, `train` and `evaluate` take it as any other corpus. A
world of 100,000 people is written in about a minute; it is for studies of objectives, and `world.json` says what the
best of them could reach.

Example:
    world = World(n_people=5000, n_clips=2, seed=0, layout="embeddings")
    write_world_embeddings(Path("world"), world)        # 10000 clips
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable, table_from_items
from visavox.corpus.items import MODALITIES, Attribute, MediaItem, Modality, item_key
from visavox.models.encoders.base import Provenance
from visavox.pipeline.embedding import ABOUT, CorpusEmbeddings
from visavox.world.ceiling import measure_ceiling
from visavox.world.latent_vectors import column_names, latent_vectors, rotation
from visavox.world.people import Person
from visavox.world.world_folder import (
    PEOPLE_FILE,
    World,
    claim_folder,
    disk_errors,
    finish_folder,
    read_ceiling,
    write_if_other,
)
from visavox.world.world_tables import ClipRow, clip_rows, clips_table, world_people

EMBEDDINGS = "embeddings"
ENCODER = "world_latents"

_PEOPLE_A_BLOCK = 1000


def write_world_embeddings(
    out: Path,
    world: World,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write catalog, embedding tables and `people.csv` of a world; one that is whole is left alone.

    Args:
        out: the folder; made if missing.
        world: its settings, with the layout "embeddings".
        overwrite: remove the world that the folder holds first; other files are never removed.
        progress: called as progress(done, total), in people: once for their vectors, once for the catalog.

    Returns:
        Number of clips.

    Raises:
        ConfigError: the rotation is too small.
        DataError: the folder holds another world, or files that are not of one; it cannot be written.
    """
    if world.vectors.dim:
        rotation(len(column_names(world)), world.vectors.dim, 0)
    n_clips = world.n_people * world.n_clips
    with disk_errors(out):
        claim_folder(out, world, overwrite=overwrite)
        if _is_whole(out):
            return n_clips
        steps = _Steps(2 * world.n_people, progress)
        people = list(world_people(world))
        vectors = _all_vectors(world, people, steps)
        catalog_hash = _write_catalog(out, world, people, steps)
        voice, face = (_table(world, people, modality, vectors[modality]) for modality in MODALITIES)
        CorpusEmbeddings(voice, face, _about(world, catalog_hash)).save(out / EMBEDDINGS)
        write_if_other(out / PEOPLE_FILE, clips_table(world, people))
        finish_folder(out, world, measure_ceiling(world.population).to_json())
    return n_clips


def _is_whole(out: Path) -> bool:
    names = (CATALOG, PEOPLE_FILE, *(f"{EMBEDDINGS}/{name}" for name in ("voice.parquet", "face.parquet", ABOUT)))
    return read_ceiling(out) is not None and all((out / name).is_file() for name in names)


class _Steps:
    """Counts what is done for a progress bar."""

    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self.total = total
        self.progress = progress
        self.done = 0

    def add(self, n: int) -> None:
        """Count `n` more."""
        self.done += n
        if self.progress is not None:
            self.progress(self.done, self.total)


def _all_vectors(world: World, people: Sequence[Person], steps: _Steps) -> dict[Modality, np.ndarray]:
    """Return (n_people * n_clips, dim) float32 for each modality; one process, since others take longer to start."""
    blocks = []
    for first in range(0, len(people), _PEOPLE_A_BLOCK):
        block = people[first : first + _PEOPLE_A_BLOCK]
        blocks.append(latent_vectors(world, block, first=first))
        steps.add(len(block))
    return {modality: np.concatenate([block[modality] for block in blocks]) for modality in MODALITIES}


def _table(world: World, people: Sequence[Person], modality: Modality, vectors: np.ndarray) -> EmbeddingTable:
    items = [_item(row, modality) for row in clip_rows(world, people)]
    return table_from_items(items, vectors, encoder=_identifier(world))


def _write_catalog(out: Path, world: World, people: Sequence[Person], steps: _Steps) -> str:
    """Write the catalog anew and return the hash of its content."""
    settings = {"clip": {}, "source": _source(world)}
    with Catalog.create(out / CATALOG, settings, overwrite=True) as catalog:
        for number, row in enumerate(clip_rows(world, people), start=1):
            catalog.add_clip(_item(row, modality) for modality in MODALITIES)
            if number % (_PEOPLE_A_BLOCK * world.n_clips) == 0 or number == world.n_people * world.n_clips:
                steps.add(-(-number // world.n_clips) + world.n_people - steps.done)
        return catalog.content_hash()


def _item(row: ClipRow, modality: Modality) -> MediaItem:
    traits = {"gender": row.person.sex, "language": row.language, "nationality": row.nationality}
    return MediaItem(
        item_key(row.clip, modality),
        row.clip,
        modality,
        person=row.person.name,
        session=row.session,
        source=PEOPLE_FILE,
        attributes={name: Attribute(value) for name, value in traits.items()},
    )


def _source(world: World) -> dict[str, Any]:
    return {"name": "world", "seed": world.seed}


def _spec(world: World) -> dict[str, Any]:
    """Return what decides the space of the vectors, but not the people in it: a model may go on to another world."""
    leaks = [name for name, strength in dataclasses.asdict(world.population.leaks).items() if strength > 0]
    return {"name": ENCODER, **dataclasses.asdict(world.vectors), "leaks": leaks}


def _identifier(world: World) -> str:
    return f"{ENCODER}-1({', '.join(f'{name}={value!r}' for name, value in _spec(world).items() if name != 'name')})"


def _about(world: World, catalog_hash: str) -> dict[str, Any]:
    provenance = Provenance(weights="none: the numbers themselves", training_data="none", licence="Apache-2.0")
    encoder = {"spec": _spec(world), **dataclasses.asdict(provenance)}
    return {
        "encoders": dict.fromkeys(MODALITIES, encoder),
        "clip": {},
        "source": _source(world),
        "catalog_hash": catalog_hash,
    }
