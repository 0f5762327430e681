"""A small corpus as vectors, and recipes on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from visavox.corpus.embeddings import EmbeddingTable
from visavox.pipeline.embedding import CorpusEmbeddings


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 people with two clips each; their voices are a noisy map of their faces, women and men apart."""
    rng = np.random.default_rng(5)
    n_people = 60
    person = np.repeat(np.arange(n_people), 2)
    sex = person % 2
    latent = rng.normal(size=(n_people, 4))[person] + 2.0 * sex[:, None]
    sides = {
        "voice": latent @ rng.normal(size=(4, 6)) + 0.7 * rng.normal(size=(len(person), 6)),
        "face": latent @ rng.normal(size=(4, 5)) + 0.7 * rng.normal(size=(len(person), 5)),
    }
    clips = tuple(f"clip-{i:03d}" for i in range(len(person)))
    tables = [
        EmbeddingTable(
            modality,  # type: ignore[arg-type]
            f"made-{modality}",
            tuple(f"{clip}/{modality}" for clip in clips),
            clips,
            tuple(f"person {p}" for p in person),
            tuple(f"video {i}" for i in range(len(person))),
            {"gender": tuple("fm"[s] for s in sex)},
            x,
        )
        for modality, x in sides.items()
    ]
    folder = tmp_path_factory.mktemp("vectors")
    encoder = {"spec": "made", "weights": "none", "training_data": "none", "licence": "none"}
    about = {"encoders": {"voice": encoder, "face": encoder}, "clip": {}, "source": {}, "catalog_hash": "00"}
    CorpusEmbeddings(tables[0], tables[1], about).save(folder)
    return folder


@pytest.fixture
def recipe_values(vectors: Path) -> dict[str, Any]:
    return {
        "name": "tiny",
        "about": "Two methods.",
        "seeds": [0, 1],
        "budget": {"hidden": [8], "output_dim": 4, "n_epochs": 3, "batch_size": 40, "learning_rate": 0.01},
        "resamples": 100,
        "arenas": [{"name": "small", "embeddings": str(vectors), "folds": 3}],
        "methods": [
            {"name": "info_nce", "objective": "info_nce"},
            {"name": "warm", "objective": {"name": "info_nce", "initial_temperature": 0.9}, "learning_rate": 0.02},
            {"name": "cca", "associator": {"name": "cca", "n_components": 3}, "in": {"small": {"n_components": 2}}},
        ],
    }


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[[Any], Path]:
    def write(values: Any) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(values if isinstance(values, str) else yaml.safe_dump(values, sort_keys=False))
        return path

    return write
