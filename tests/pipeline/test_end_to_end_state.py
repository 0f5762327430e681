"""The state of an end-to-end run: everything comes back, and nothing of another run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import DataError
from visavox.pipeline.end_to_end_network import JointNetwork
from visavox.pipeline.end_to_end_state import EndToEndState

MakeNetwork = Callable[..., JointNetwork]


def stepped(network: JointNetwork, n_steps: int) -> EndToEndState:
    state = EndToEndState(network, torch.optim.AdamW(network.trained_groups(), lr=0.01))
    for _ in range(n_steps):
        loss = sum((p.square().sum() for p in network.parameters()), start=torch.zeros(()))
        state.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimiser.step()
        state.step += 1
    return state


def test_weights_moments_and_counters_come_back(make_network: MakeNetwork, tmp_path: Path) -> None:
    state = stepped(make_network(seed=1), 3)
    state.epoch, state.best_epoch, state.best_score, state.best = 2, 1, 0.75, state.network.tensors()
    state.save(tmp_path / "state", identity={"seed": 1})
    found = stepped(make_network(seed=2), 0)
    found.load(tmp_path / "state", identity={"seed": 1})
    assert (found.epoch, found.step, found.best_epoch, found.best_score, found.finished) == (2, 3, 1, 0.75, False)
    for name, array in state.network.tensors().items():
        np.testing.assert_array_equal(found.network.tensors()[name], array)
        assert found.best is not None
        np.testing.assert_array_equal(found.best[name], array)
    for index, moments in state.optimiser.state_dict()["state"].items():
        for name, value in moments.items():
            assert torch.equal(found.optimiser.state_dict()["state"][index][name], value)


def test_a_run_that_was_never_judged_has_no_best(make_network: MakeNetwork, tmp_path: Path) -> None:
    stepped(make_network(), 1).save(tmp_path / "state", identity={})
    found = stepped(make_network(), 0)
    found.load(tmp_path / "state", identity={})
    assert found.best is None and found.best_score == float("-inf")


def test_another_run_or_a_damaged_file_is_refused(make_network: MakeNetwork, tmp_path: Path) -> None:
    stepped(make_network(), 1).save(tmp_path / "state", identity={"seed": 1})
    with pytest.raises(DataError, match="comes from another run: seed was 1, is 2"):
        stepped(make_network(), 0).load(tmp_path / "state", identity={"seed": 2})
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-50])
    with pytest.raises(DataError, match="damaged"):
        stepped(make_network(), 0).load(tmp_path / "state", identity={"seed": 1})
