"""One method in one arena with one seed: trained round by round, measured on the people it never saw, kept on disk.

The people of the resamples are the same for every method and seed, so that differences can be taken pair by pair.

Example:
    score = score_method(arena, {"name": "two_tower", "n_epochs": 30}, method="info_nce", seed=0, resamples=1000,
                         protocols=("matching",))
    score.measures[0].value
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import DIRECTIONS
from visavox.errors import DataError, VisavoxError
from visavox.evaluation.contest import FOLD
from visavox.evaluation.measures import Measure
from visavox.persistence import read_tensors, write_tensors
from visavox.pipeline.checkpoints import STATE_FILE
from visavox.pipeline.comparing.arenas import Arena
from visavox.pipeline.fitting import fit_associator, plan_networks
from visavox.pipeline.training import TrainingSettings
from visavox.registry import PROTOCOLS

RESAMPLING_SEED = 0
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "matching": {"max_candidates": 2},
    "retrieval": {"ks": (1, 10)},
    "verification": {},
}
MEASURES = frozenset({"accuracy_1_of_2", "map", "recall_at_1", "recall_at_10", "auc", "eer"})

Key = tuple[str, str, str, str]  # protocol, direction, group, measure


@dataclass(frozen=True)
class MethodScore:
    """What one training of a method came to."""

    arena: str
    method: str
    seed: int
    measures: tuple[Measure, ...] = ()
    """Empty where there is a problem."""
    resamples: Mapping[Key, np.ndarray] = field(default_factory=dict, compare=False, repr=False)
    """(n_resamples,) float64 each."""
    n_parameters: int = 0
    """Learned numbers of the model of the last round."""
    train_s: float = 0.0
    """Seconds of all trainings."""
    problem: str = ""
    """Why there are no measures, in one line."""


def score_method(
    arena: Arena,
    spec: Mapping[str, Any],
    *,
    method: str,
    seed: int,
    resamples: int,
    protocols: Sequence[str],
    device: str = "cpu",
) -> MethodScore:
    """Train a method and measure it; a failure of its own is a score with a problem.

    Args:
        arena: where.
        spec: what `fit_associator` takes.
        method: its name.
        seed: of the training.
        resamples: bootstrap resamples of people.
        protocols: names of protocols.
        device: of the training.
    """
    started_s = time.perf_counter()
    try:
        voice, face, n_parameters = _held_out(arena, spec, seed, device)
    except VisavoxError as error:
        return MethodScore(arena.plan.name, method, seed, problem=str(error))
    train_s = time.perf_counter() - started_s
    measures: list[Measure] = []
    kept: dict[Key, np.ndarray] = {}
    for name in protocols:
        protocol: Any = PROTOCOLS.build({"name": name, "n_resamples": resamples, **OPTIONS[name]})
        for direction in DIRECTIONS:
            rng = np.random.default_rng(RESAMPLING_SEED)
            result = protocol.evaluate(voice, face, direction=direction, rng=rng)
            measures += [measure for measure in result.measures if measure.measure in MEASURES]
            kept |= {(name, direction, *key): values for key, values in result.resamples.items() if key[1] in MEASURES}
    return MethodScore(arena.plan.name, method, seed, tuple(measures), kept, n_parameters, train_s)


def _held_out(
    arena: Arena, spec: Mapping[str, Any], seed: int, device: str
) -> tuple[EmbeddingTable, EmbeddingTable, int]:
    """Return voices and faces of all tested people in the space of the model that was not trained on them."""
    rows: list[np.ndarray] = []
    voices, faces, folds = [], [], []
    n_parameters = 0
    for number, one in enumerate(arena.rounds):
        training, held_out = arena.paired.select(one.train), arena.paired.select(one.test)
        associator = fit_associator(spec, training.pairs(), TrainingSettings(seed=seed), device=device)
        n_parameters = associator.n_parameters
        rows.append(one.test)
        voices.append(associator.encode_voice(held_out.voice.vectors))
        faces.append(associator.encode_face(held_out.face.vectors))
        folds += [str(number)] * len(one.test)
    held = arena.paired.select(np.concatenate(rows))
    tables = []
    for table, vectors in ((held.voice, voices), (held.face, faces)):
        projected = table.replace_vectors(np.concatenate(vectors), f"compared {table.encoder}")
        tables.append(dataclasses.replace(projected, attributes={**table.attributes, FOLD: tuple(folds)}))
    return tables[0], tables[1], n_parameters


def score_identity(
    arena: Arena, spec: Mapping[str, Any], *, seed: int, resamples: int, protocols: Sequence[str], device: str = "cpu"
) -> str:
    """Return a hash of everything that a score depends on, the version of the package and files of objectives too."""
    wanted = [plan.settings.build_objective().wanted_files() for plan in plan_networks(spec)]
    files = {path: _digest(Path(path)) for one in wanted for path in one.values()}
    parts = [version("visavox"), arena.identity, spec, seed, resamples, list(protocols), device, files]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    """Return a hash of a file, or of the state files of a run; "" where there is nothing."""
    files = sorted(path.rglob(STATE_FILE)) if path.is_dir() else [path] if path.is_file() else []
    return "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


def save_score(path: Path, score: MethodScore, *, identity: str) -> None:
    """Write a score, replacing an older one in one step.

    Raises:
        DataError: it cannot be written.
    """
    tensors = {"/".join(key): np.asarray(values, dtype=np.float64) for key, values in score.resamples.items()}
    plain = {k: v for k, v in dataclasses.asdict(score).items() if k not in ("measures", "resamples")}
    rows = [{k: None if v != v else v for k, v in dataclasses.asdict(m).items()} for m in score.measures]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, tensors, {"identity": identity, "score": plain, "measures": rows})


def load_score(path: Path, *, identity: str) -> MethodScore | None:
    """Return a kept score; None where there is none, or one of other settings or data, or a damaged one."""
    if not path.is_file():
        return None
    try:
        tensors, about = read_tensors(path)
        if about.get("identity") != identity:
            return None
        measures = tuple(Measure(**row) for row in about["measures"])
        resamples: dict[Key, np.ndarray] = {}
        for name, values in tensors.items():
            protocol, direction, group, measure = name.split("/")
            resamples[protocol, direction, group, measure] = values
        return MethodScore(**{**about["score"], "measures": measures, "resamples": resamples})
    except (DataError, KeyError, TypeError, ValueError):
        return None  # it is made anew
