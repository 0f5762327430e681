"""An arena made ready: its vectors, who is trained on and who is tested, and what could be known there.

Media are prepared and embedded once and kept in the folder of the comparison; everything is skipped that is there.

Example:
    arena = open_arena(plan, Path("runs/compare/arenas/real"), workers=0)
    arena.rounds[0].train.shape
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.command_line import parse_mapping
from visavox.config import FACE_ENCODER, VOICE_ENCODER, EmbedConfig, SimulateConfig
from visavox.corpus.splits import make_folds, make_split
from visavox.corpus_config import PrepareConfig
from visavox.errors import DataError
from visavox.evaluation.knowable_ceiling import WorldCeiling, read_ceiling
from visavox.pipeline.comparing.compare_recipe import ArenaPlan
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.embedding import CorpusEmbeddings, embed_corpus
from visavox.pipeline.gender_prediction import with_predicted_genders
from visavox.pipeline.paired_tables import PairedTables
from visavox.pipeline.simulating import simulate_world
from visavox.pipeline.world_embeddings import EMBEDDINGS

SPLIT_SEED = 0  # who is tested is the same for every method and every seed

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Round:
    """One training and the people that it is tested on."""

    train: np.ndarray
    """(n_train,) int64, rows of the pairs."""
    test: np.ndarray
    """(n_test,) int64, rows of the pairs; of other people and other videos."""


@dataclass(frozen=True)
class Arena:
    """Everything that a method is trained and tested on."""

    plan: ArenaPlan
    paired: PairedTables
    """All pairs."""
    rounds: tuple[Round, ...]
    """One a fold, or one."""
    identity: str
    """SHA-256 of the vectors, the people and the rounds."""
    encoders: Mapping[str, Any]
    """What is known of the encoders, by modality."""
    ceiling: WorldCeiling | None = None
    """In a world: what can be known."""

    @property
    def n_people(self) -> int:
        """People who are tested; where unknown, videos."""
        rows = np.concatenate([one.test for one in self.rounds])
        return len({self.paired.voice.identities[row] for row in rows.tolist()})


def open_arena(plan: ArenaPlan, folder: Path, *, workers: int = 0, progress: Progress | None = None) -> Arena:
    """Return an arena, making what is not there yet.

    Args:
        plan: which.
        folder: for what is made of media or simulated.
        workers: processes; 0 takes one a core.
        progress: called as progress(done, total) while media are prepared or embedded.

    Raises:
        DataError: a folder is missing or damaged, or there are too few people.
        ConfigError: a wrong option of a world or an encoder.
    """
    ceiling = None
    if plan.kind == "world":
        options = {**plan.source, "out": str(folder), "embeddings_only": True}
        simulate_world(parse_mapping(SimulateConfig, options, where=f"arena {plan.name}, `world`"), progress)
        tables, ceiling = CorpusEmbeddings.load(folder / EMBEDDINGS), read_ceiling(folder)
    elif plan.kind == "embeddings":
        tables = CorpusEmbeddings.load(plan.source)
    else:
        tables = _embedded(plan, folder, workers, progress)
    paired = PairedTables.of(with_predicted_genders(tables))
    rounds = _rounds(plan, paired)
    digest = hashlib.sha256()
    for table in (paired.voice, paired.face):
        digest.update("\n".join((*table.keys, *table.identities)).encode("utf-8", "surrogatepass"))
        digest.update(np.ascontiguousarray(table.vectors).tobytes())
    for one in rounds:
        digest.update(one.train.tobytes() + b"|" + one.test.tobytes())
    return Arena(plan, paired, rounds, digest.hexdigest(), tables.about.get("encoders", {}), ceiling)


def _embedded(plan: ArenaPlan, folder: Path, workers: int, progress: Progress | None) -> CorpusEmbeddings:
    corpus = Path(plan.source)
    if not corpus.is_dir():
        raise DataError(f"The arena {plan.name} must be a folder. There is no {corpus}. Name it with --data.")
    if plan.kind == "pairs":
        corpus = folder / "corpus"
        build_corpus(PrepareConfig(root=plan.source, out=corpus, columns=plan.columns, workers=workers), progress)
    return embed_corpus(
        EmbedConfig(
            corpus=corpus,
            out=folder / "embeddings",
            voice_encoder=plan.voice_encoder or dict(VOICE_ENCODER),
            face_encoder=plan.face_encoder or dict(FACE_ENCODER),
            cache=folder / "cache",
            workers=workers,
        ),
        progress,
    )


def _rounds(plan: ArenaPlan, paired: PairedTables) -> tuple[Round, ...]:
    clips = np.array(paired.voice.clips, dtype=object)
    if plan.folds:
        fold_of = make_folds(paired.voice.links(), plan.folds, seed=SPLIT_SEED)
        folds = np.array([fold_of[clip] for clip in clips])
        return tuple(Round(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(plan.folds))
    shares = {"train": 1 - plan.test, "test": plan.test}
    splits = make_split(paired.voice.links(), shares, seed=SPLIT_SEED, catalog_hash="", n_folds=0)
    return (Round(*(np.flatnonzero([splits.subset_of(c) == name for c in clips]) for name in ("train", "test"))),)
