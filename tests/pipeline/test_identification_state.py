"""The state of a training: bit for bit there and back, and refused where it is damaged or of another run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from visavox.errors import DataError
from visavox.persistence import read_tensors
from visavox.pipeline.identification_state import IdentifierState, load_tensors, network_tensors


def made(seed: int) -> IdentifierState:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    return IdentifierState(network, torch.optim.AdamW(network.parameters(), lr=0.1))


def step(state: IdentifierState) -> None:
    state.optimiser.zero_grad()
    state.network(torch.arange(12.0).reshape(4, 3)).square().sum().backward()
    state.optimiser.step()


def test_a_state_comes_back_and_goes_on_bit_for_bit(tmp_path: Path) -> None:
    state, fresh = made(0), made(1)
    step(state)
    state.epoch, state.seconds, state.best_epoch, state.best_loss, state.stopped = 2, 1.5, 1, 0.25, "enough"
    state.best = network_tensors(state.network)
    state.save(tmp_path / "s.safetensors", identity={"seed": 0})
    fresh.load(tmp_path / "s.safetensors", identity={"seed": 0})
    assert (fresh.epoch, fresh.seconds, fresh.best_epoch, fresh.best_loss, fresh.stopped) == (2, 1.5, 1, 0.25, "enough")
    assert fresh.best is not None and set(fresh.best) == set(state.best)
    step(state)
    step(fresh)
    for one, two in zip(state.network.state_dict().values(), fresh.network.state_dict().values(), strict=True):
        assert torch.equal(one, two)


def test_a_state_before_the_first_judgement_has_no_best(tmp_path: Path) -> None:
    state, fresh = made(0), made(1)
    state.save(tmp_path / "s.safetensors", identity={})
    fresh.load(tmp_path / "s.safetensors", identity={})
    assert fresh.best is None and fresh.best_loss == float("inf") and fresh.best_epoch == 0


def test_another_run_and_another_network_are_refused(tmp_path: Path) -> None:
    state = made(0)
    state.save(tmp_path / "s.safetensors", identity={"seed": 0})
    with pytest.raises(DataError, match="comes from another run: seed was 0, is 1"):
        state.load(tmp_path / "s.safetensors", identity={"seed": 1})
    other = nn.Linear(2, 2)
    wrong = IdentifierState(other, torch.optim.AdamW(other.parameters()))
    with pytest.raises(DataError, match="is damaged .* Remove it to train from the start"):
        wrong.load(tmp_path / "s.safetensors", identity={"seed": 0})


def test_tensors_go_in_as_they_came_out() -> None:
    one, two = made(0).network, made(1).network
    load_tensors(two, network_tensors(one))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


def test_the_file_holds_weights_best_weights_and_moments_under_their_own_names(tmp_path: Path) -> None:
    state = made(0)
    state.best, state.best_epoch, state.best_loss, state.epoch = network_tensors(state.network), 1, 0.25, 1
    step(state)
    state.save(tmp_path / "s.safetensors", identity={"seed": 0})
    tensors, metadata = read_tensors(tmp_path / "s.safetensors")
    names = list(state.network.state_dict())
    moments = [f"optimiser.{i}.{name}" for i in range(4) for name in ("exp_avg", "exp_avg_sq", "step")]
    assert sorted(tensors) == sorted([*(f"{p}.{name}" for p in ("network", "best") for name in names), *moments])
    assert metadata["figures"] == {"epoch": 1, "seconds": 0.0, "best_epoch": 1, "best_loss": 0.25, "stopped": ""}
    np.testing.assert_array_equal(tensors["best.0.weight"], state.best["0.weight"])
    assert not np.array_equal(tensors["network.0.weight"], tensors["best.0.weight"])
    assert int(tensors["network.1.num_batches_tracked"]) == 1  # a number without axes


def test_the_best_that_is_kept_does_not_learn_with_the_network(tmp_path: Path) -> None:
    state, fresh = made(0), made(1)
    state.best = network_tensors(state.network)
    before = {name: array.copy() for name, array in state.best.items()}
    step(state)
    state.save(tmp_path / "s.safetensors", identity={})
    fresh.load(tmp_path / "s.safetensors", identity={})
    step(fresh)
    load_tensors(state.network, state.best)
    step(state)
    for best in (state.best, fresh.best):
        assert best is not None
        assert all(np.array_equal(best[name], before[name]) for name in before)


def test_a_file_that_was_cut_short_is_refused_and_a_failed_save_leaves_the_old_one(tmp_path: Path) -> None:
    state, path = made(0), tmp_path / "s.safetensors"
    state.save(path, identity={})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="s.safetensors"):
        made(1).load(path, identity={})
    path.write_bytes(whole)
    state.save(path, identity={})
    assert [p.name for p in tmp_path.iterdir()] == ["s.safetensors"]
