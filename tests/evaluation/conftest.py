"""A made-up world's file, small enough to be written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.identification_record import STRANGERS, Contender, Cost, Experiment, Published

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


N_CLIPS = {"train": 4, "validation": 2, "test": 3}  # of each person
ROWS: dict[str, tuple[Any, tuple[str, ...], float, Cost, Published]] = {
    # name: kind, shown, strength, cost, published
    "net-voice": ("network", ("voice",), 1.2, Cost(2_930_000, 41e6, 6.1, 11_800_000, 3_000_000), Published(0.4789)),
    "net-face": (
        "network",
        ("face",),
        2.6,
        Cost(2_470_000, 30e6, 5.2, 9_900_000),
        Published(0.8147, 0.9442, 2_470_000),
    ),
    "fused": ("fusion", ("voice", "face"), 3.2, Cost(5_500_000, 72e6, 12.0, 22_000_000, 5_000_000), Published(0.9137)),
    "sum": ("ensemble", ("voice", "face"), 4.0, Cost(5_400_000, 71e6, 11.4, 21_700_000), Published(0.8821)),
}


@pytest.fixture(scope="session")
def made_up_experiment() -> Callable[..., Experiment]:
    """Builds an experiment: who it is is drawn, and each row says it the more clearly the stronger it is.

    Options: `by`, `people` (how many), `shift` (added to every strength), `strangers` (clips), `rows` (names),
    `n_clips` (of each person in each subset).
    """

    def build(
        by: Any = "session",
        *,
        people: int = 7,
        shift: float = 0.0,
        strangers: int = 12,
        rows: tuple[str, ...] = tuple(ROWS),
        n_clips: dict[str, int] = N_CLIPS,
        seed: int = 0,
    ) -> Experiment:
        rng = np.random.default_rng(seed)
        labels = {name: np.repeat(np.arange(people), n) for name, n in n_clips.items()}
        if strangers:
            labels[STRANGERS] = np.full(strangers, -1)
        contenders = []
        for name in rows:
            kind, shown, strength, cost, published = ROWS[name]
            said = {}
            for subset, own in labels.items():
                strong = strength + shift + (2.0 if subset == "train" else 0.0)
                scores = rng.normal(size=(len(own), people)) + strong * (own[:, np.newaxis] == np.arange(people))
                powers = np.exp(scores)
                said[subset] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
            course = tuple(
                {"epoch": e, "loss": 2.0 / e, "train_top_1": 1 - 0.8 / e, "validation_top_1": 0.7 - 0.4 / e}
                for e in range(1, 9)
            )
            history = () if kind == "ensemble" else course
            trials = [
                {"number": i, "options": {"dim": 32 * (i + 1)}, "validation_top_1": 0.5 + 0.1 * (i % 2)}
                for i in range(3)
            ]
            about = {"network": {"name": "vit"}, **({"search": {"trials": trials}} if name == "net-face" else {})}
            contenders.append(Contender(name, kind, shown, said, cost, published, history, about))
        return Experiment(
            split_by=by,
            people=tuple(f"p{i:02d}" for i in range(people)),
            clips={name: tuple(f"{name}-{i}" for i in range(len(own))) for name, own in labels.items()},
            labels=labels,
            contenders=tuple(contenders),
            corpus_name="a made-up world",
            catalog_hash="c0ffee",
        )

    return build
