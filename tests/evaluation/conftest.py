"""A made-up world's file, small enough to be written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable

WorldWriter = Callable[..., Path]


def figures(same: float, opposite: float, told: float | None) -> dict[str, Any]:
    """What `world.json` says of one direction."""

    def estimate(value: float) -> dict[str, float]:
        return {"value": value, "standard_error": 0.001}

    matching = {
        "all": estimate((same + opposite) / 2),
        "same_sex": estimate(same),
        "opposite_sex": estimate(opposite),
        **({"same_sex_told": estimate(told)} if told is not None else {}),
    }
    return {
        "matching": matching,
        "matching_1_of_n": {"3": estimate(0.8), "10": estimate(0.6)},
        "verification": {group: {"auc": estimate(0.97), "eer": estimate(0.08)} for group in ("all", "same_sex")},
        "retrieval": {"gallery": 100, "recall_at_1": estimate(0.4)},
    }


def world_values(
    same: float = 0.8, opposite: float = 1.0, *, told: float | None = None, leaky: tuple[float, float] | None = None
) -> dict[str, Any]:
    """The content of a `world.json` with these 1:2 ceilings in both directions."""
    directions = ("voice_to_face", "face_to_voice")
    return {
        "format": 2,
        "population": {
            "face_reliability": 0.99,
            "voice_reliability": 0.9,
            "leaks": {"recording": 0.5 if leaky else 0.0, "nationality": 0.0},
        },
        "ceiling": {
            "honest": {direction: figures(same, opposite, told) for direction in directions},
            "with_shortcuts": {direction: figures(*leaky, None) for direction in directions} if leaky else None,
        },
    }


@pytest.fixture
def write_world(tmp_path: Path) -> WorldWriter:
    """Writes a folder with a world.json and returns it; arguments of `world_values`, or a change to its values."""

    def write(change: Callable[[dict[str, Any]], object] | None = None, **more: Any) -> Path:
        values = world_values(**more)
        if change is not None:
            change(values)
        (tmp_path / "world").mkdir(exist_ok=True)
        (tmp_path / "world" / "world.json").write_text(json.dumps(values), encoding="utf-8")
        return tmp_path / "world"

    return write


TableMaker = Callable[..., tuple[EmbeddingTable, EmbeddingTable]]


@pytest.fixture
def two_tables() -> TableMaker:
    """Makes voices and faces of drawn people in one space, with labels by person."""

    def make(
        n: int = 60,
        *,
        noise: float = 1.0,
        attributes: dict[str, list[str | None]] | None = None,
        push: np.ndarray | None = None,
        clips_a_person: int = 1,
        seed: int = 0,
    ) -> tuple[EmbeddingTable, EmbeddingTable]:
        rng = np.random.default_rng(seed)
        shared = rng.normal(size=(n, 16)) + (0 if push is None else push)
        people = tuple(f"p{i:03d}" for i in range(n) for _ in range(clips_a_person))
        clips = tuple(f"{name}-{i % clips_a_person}" for i, name in enumerate(people))
        tables = []
        for modality in ("voice", "face"):
            vectors = np.repeat(shared, clips_a_person, axis=0)
            vectors = vectors + noise * rng.normal(size=vectors.shape)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            known = {
                name: tuple(value for value in values for _ in range(clips_a_person))
                for name, values in (attributes or {}).items()
            }
            keys = tuple(f"{clip}/{modality}" for clip in clips)
            tables.append(EmbeddingTable(modality, "e", keys, clips, people, clips, known, vectors))
        return tables[0], tables[1]

    return make
