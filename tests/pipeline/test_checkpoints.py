"""The state of a run comes back bit for bit, and a strange one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.batches.pair_batches import Pairs
from visavox.errors import DataError
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.two_tower import TwoTower
from visavox.objectives.info_nce import InfoNCE
from visavox.pipeline.checkpoints import (
    STATE_FILE,
    TrainingState,
    list_checkpoints,
    pairs_digest,
    step_folder,
)

RNG = np.random.default_rng(0)
VOICE = torch.tensor(RNG.normal(size=(12, 5)), dtype=torch.float32)
FACE = torch.tensor(RNG.normal(size=(12, 4)), dtype=torch.float32)
IDENTITY = {"seed": 0, "learning_rate": 0.01}


def fresh(seed: int = 0) -> TrainingState:
    model, objective = TwoTower(5, 4, hidden=(6,), output_dim=3, seed=seed), InfoNCE()
    optimiser = torch.optim.AdamW([{"params": model.parameters()}, {"params": objective.parameters()}], lr=0.01)
    return TrainingState(model, objective, optimiser, torch.Generator().manual_seed(seed))


def step(state: TrainingState, n: int = 3) -> None:
    state.model.train()
    for _ in range(n):
        loss = state.objective(*state.model(VOICE, FACE, state.generator))["loss"]
        state.optimiser.zero_grad()
        loss.backward()
        state.optimiser.step()
        state.step += 1


def assert_same(one: TrainingState, other: TrainingState) -> None:
    for name, array in one.model.tensors().items():
        np.testing.assert_array_equal(array, other.model.tensors()[name], err_msg=name)
    assert one.objective.temperature == other.objective.temperature
    assert torch.equal(one.generator.get_state(), other.generator.get_state())


def test_a_loaded_state_goes_on_exactly_as_the_saved_one(tmp_path: Path) -> None:
    state = fresh()
    step(state)
    state.epoch, state.best_epoch, state.best_score, state.best = 3, 2, 0.75, state.model.tensors()
    state.save(tmp_path / STATE_FILE, identity=IDENTITY)
    loaded = fresh(seed=9)
    loaded.load(tmp_path / STATE_FILE, identity=IDENTITY)
    assert (loaded.epoch, loaded.step, loaded.best_epoch, loaded.best_score) == (3, 3, 2, 0.75)
    assert_same(state, loaded)
    step(state)
    step(loaded)
    assert_same(state, loaded)
    assert loaded.best is not None
    assert (loaded.best["voice.layers.0.weight"] != loaded.model.tensors()["voice.layers.0.weight"]).any()


def test_a_state_before_the_first_step_and_the_first_best_can_be_saved(tmp_path: Path) -> None:
    fresh().save(tmp_path / STATE_FILE, identity=IDENTITY)
    loaded = fresh(seed=9)
    loaded.load(tmp_path / STATE_FILE, identity=IDENTITY)
    assert loaded.best is None
    assert loaded.best_score == float("-inf")
    assert not loaded.finished
    assert_same(fresh(), loaded)


@pytest.mark.parametrize("piece", ["model", "optimiser", "generator", "objective"])
def test_each_piece_of_the_state_matters(tmp_path: Path, piece: str) -> None:
    """Guards the test above: with one piece left behind the runs must part."""
    state = fresh()
    step(state)
    state.save(tmp_path / STATE_FILE, identity=IDENTITY)
    loaded, stale = fresh(), fresh()
    loaded.load(tmp_path / STATE_FILE, identity=IDENTITY)
    if piece == "model":
        loaded.model.load_tensors(stale.model.tensors())
    elif piece == "optimiser":
        loaded.optimiser.load_state_dict(stale.optimiser.state_dict())
    elif piece == "generator":
        loaded.generator.set_state(stale.generator.get_state())
    else:
        loaded.objective.load_state_dict(stale.objective.state_dict())
    step(state)
    step(loaded)
    with pytest.raises(AssertionError):
        assert_same(state, loaded)


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ({**IDENTITY, "seed": 1}, "comes from another run: seed was 0, is 1. Use the old settings"),
        ({"seed": 0}, "learning_rate was 0.01, is None"),
        ({**IDENTITY, "data": "x"}, "data was None, is 'x'"),
    ],
)
def test_a_state_of_another_run_is_refused(tmp_path: Path, identity: dict[str, object], words: str) -> None:
    fresh().save(tmp_path / STATE_FILE, identity=IDENTITY)
    with pytest.raises(DataError, match=words) as error:
        fresh().load(tmp_path / STATE_FILE, identity=identity)
    assert "\n" not in str(error.value)


def test_a_state_cut_short_is_said(tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    fresh().save(path, identity=IDENTITY)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"state\.safetensors is damaged"):
        fresh().load(path, identity=IDENTITY)


def test_a_state_of_another_network_is_said(tmp_path: Path) -> None:
    fresh().save(tmp_path / STATE_FILE, identity=IDENTITY)
    other = fresh()
    other.model = TwoTower(5, 4, hidden=(9,), output_dim=3)
    with pytest.raises(DataError, match="must have shape"):
        other.load(tmp_path / STATE_FILE, identity=IDENTITY)


def member(run: Path, name: str, *steps: int) -> None:
    folder = run / f"member-{name}"
    fresh().save(folder / STATE_FILE, identity=IDENTITY)
    for at in steps:
        TwoTower(5, 4, hidden=(6,), output_dim=3, seed=at).save_pretrained(step_folder(folder, at))


def test_checkpoints_of_one_network_are_listed_in_order(tmp_path: Path) -> None:
    member(tmp_path, "0", 20, 4, 100)
    found = list_checkpoints(tmp_path)
    assert [checkpoint.step for checkpoint in found] == [4, 20, 100]
    model = found[1].load()
    assert isinstance(model, TwoTower)
    assert model.seed == 20


def test_checkpoints_of_several_networks_are_their_ensembles_where_all_have_one(tmp_path: Path) -> None:
    member(tmp_path, "0", 2, 4, 6)
    member(tmp_path, "1", 2, 4)
    found = list_checkpoints(tmp_path)
    assert [checkpoint.step for checkpoint in found] == [2, 4]
    model = found[0].load()
    assert isinstance(model, Ensemble)
    assert len(model.members) == 2
    assert model.weights == (0.5, 0.5)


def test_a_run_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert list_checkpoints(tmp_path) == []
    member(tmp_path, "0")
    assert list_checkpoints(tmp_path) == []


def test_the_digest_follows_every_array_but_not_the_keys() -> None:
    def pairs(**change: object) -> Pairs:
        arguments: dict[str, object] = {
            "voice": np.eye(3),
            "face": np.eye(3),
            "identities": ["a", "b", "c"],
            "videos": ["x", "y", "z"],
            **change,
        }
        return Pairs.of(**arguments)  # type: ignore[arg-type]

    base = pairs_digest(pairs())
    assert base == pairs_digest(pairs(keys=["k", "l", "m"]))
    changes = [{"voice": 2 * np.eye(3)}, {"face": 2 * np.eye(3)}, {"identities": list("aab")}, {"videos": list("xxy")}]
    digests = {pairs_digest(pairs(**change)) for change in changes}
    assert len(digests | {base, pairs_digest(pairs(), pairs()), pairs_digest(pairs(), None)}) == 7
