"""Weights of identities go from one run to the next: from its folder, from its file, from a converted one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.batches.pair_batches import Pairs
from visavox.errors import DataError
from visavox.models.associators.two_tower import TwoTower
from visavox.objectives.base import TrainingFacts
from visavox.objectives.seeking_shape import SeekingShape
from visavox.persistence import read_tensors, write_tensors
from visavox.pipeline.checkpoints import STATE_FILE
from visavox.pipeline.objective_files import give_files
from visavox.pipeline.training import TrainingSettings, train_network
from visavox.pipeline.training_log import RunPlace


def wanting(path: Path, n_people: int = 3) -> SeekingShape:
    objective = SeekingShape(reweight="paper", identity_weights=str(path))
    facts = TrainingFacts(n_people=n_people, dim=2, n_rows=n_people, n_steps=1)
    objective.prepare(facts, torch.Generator().manual_seed(0))
    return objective


@pytest.mark.parametrize("name", ["weight", "center.weight", "objective.center.weight", "network.across.center.weight"])
def test_weights_are_found_under_every_name_they_go_by(tmp_path: Path, name: str) -> None:
    given = np.array([0.0, 1.0, 2.0], dtype=np.float32)
    write_tensors(tmp_path / "w.safetensors", {name: given, "other": given}, {})
    objective = wanting(tmp_path / "w.safetensors")
    give_files(objective)
    assert objective.center.weight.tolist() == [0, 1, 2]
    objective.before_step(0)  # it trains on them


def test_an_objective_without_wishes_is_left_alone(tmp_path: Path) -> None:
    give_files(SeekingShape())


@pytest.mark.parametrize("kind", ["missing", "empty_run", "other"])
def test_what_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "empty_run":
        path.mkdir()
    if kind == "other":
        write_tensors(path, {"bias": np.zeros(3, dtype=np.float32)}, {})
    words = {"missing": "There is no", "empty_run": "holds no state.safetensors", "other": "holds no identity weights"}
    with pytest.raises(DataError, match=words[kind]):
        give_files(wanting(path))


def test_the_two_steps_of_the_paper_run_one_after_the_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    face = rng.normal(size=(30, 3))
    pairs = Pairs.of(face @ rng.normal(size=(3, 4)), face, identities=[f"p{i:02d}" for i in range(30)])
    first = TrainingSettings(
        n_epochs=4,
        batch_size=10,
        objective={"name": "seeking_shape", "reweight": "paper", "first_update": 2, "update_every": 2},
    )

    def model() -> TwoTower:
        return TwoTower(4, 3, hidden=(), output_dim=4)

    train_network(model(), pairs, first, place=RunPlace(tmp_path / "one", tensorboard=False))
    found = read_tensors(tmp_path / "one" / "member-0" / STATE_FILE)[0]["objective.center.weight"]
    assert 0 < (found > 0).sum() < 30
    spec = {"name": "seeking_shape", "reweight": "paper", "identity_weights": str(tmp_path / "one")}
    second = replace(first, objective=spec)
    train_network(model(), pairs, second, place=RunPlace(tmp_path / "two", tensorboard=False))
    kept = read_tensors(tmp_path / "two" / "member-0" / STATE_FILE)[0]["objective.center.weight"]
    np.testing.assert_array_equal(kept, found)
