"""The training loop of drawers: order, rate, average, and that a killed training ends like one that was not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import DataError
from visavox.pipeline.drawing.epoch_loop import STATE_FILE, LoopOptions, train_epochs
from visavox.pipeline.drawing.settings import PictureTraining
from visavox.pipeline.training_log import RunPlace, read_metrics

N_ROWS = 11


class KilledError(Exception):
    """Stands for a kill at the end of an epoch."""


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.2), nn.Linear(4, 1))


def settings(**changes: Any) -> PictureTraining:
    return PictureTraining(**{"n_epochs": 4, "batch_size": 4, "learning_rate": 0.05, "averaging": 0.9, **changes})


class Task:
    """Rows of numbers whose sum is learned; notes which rows came, and what was drawn."""

    def __init__(self, learned: nn.Module) -> None:
        self.network = learned
        self.data = torch.randn(N_ROWS, 3, generator=torch.Generator().manual_seed(7))
        self.rows: list[list[int]] = []
        self.drawn: list[float] = []

    def __call__(self, rows: Tensor, changes: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        self.rows.append(rows.tolist())
        noise = torch.randn(len(rows), 3, generator=changes)
        self.drawn.append(float(noise[0, 0]))
        given = self.data[rows]
        wrong = self.network(given + 0.01 * noise)[:, 0] - given.sum(dim=1)
        return wrong.square().mean(), {"furthest": wrong.abs().max()}


def train(
    learned: nn.Module, place: Path | None = None, *, seed: int = 0, stop_at: int = 0, **changes: Any
) -> tuple[Task, list[Mapping[str, float]]]:
    task = Task(learned)
    where = None if place is None else RunPlace(place, member="faces", tensorboard=False)

    def progress(done: int, _total: int) -> None:
        if done == stop_at:
            raise KilledError

    history = train_epochs(
        learned,
        N_ROWS,
        task,
        settings(**changes),
        LoopOptions(seed=seed, place=where, identity={"data": "made"}),
        measure=lambda kept: {"weight": float(sum(p.abs().sum() for p in kept.parameters()))},
        progress=progress,
    )
    return task, list(history)


def state(learned: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in learned.state_dict().items()}


def test_every_row_comes_once_an_epoch_and_in_another_order() -> None:
    task, history = train(network())
    epochs = [[row for rows in task.rows[at : at + 3] for row in rows] for at in range(0, 12, 3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(N_ROWS))] * 4
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert [line["epoch"] for line in history] == [1, 2, 3, 4]
    assert {"loss", "furthest", "weight", "learning_rate", "seconds"} <= set(history[0])


def test_it_learns_and_the_rate_ends_at_nothing() -> None:
    _, history = train(network(), n_epochs=12, averaging=0.5)
    assert history[-1]["loss"] < history[0]["loss"] / 2
    assert history[-1]["learning_rate"] == pytest.approx(0, abs=1e-9)


def test_a_last_batch_of_one_row_is_left_out() -> None:
    task, _ = train(network(), batch_size=5, n_epochs=1)
    assert [len(rows) for rows in task.rows] == [5, 5]


def test_the_average_is_what_a_plain_loop_makes_of_the_weights() -> None:
    learned = network()
    seen: list[dict[str, Tensor]] = [state(learned)]

    class Watching(Task):
        def __call__(self, rows: Tensor, changes: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
            if self.rows:
                seen.append(state(learned))  # as it is after the step before
            return super().__call__(rows, changes)

    plain = network()
    train_epochs(plain, N_ROWS, Task(plain), settings(n_epochs=2, averaging=0))
    train_epochs(learned, N_ROWS, Watching(learned), settings(n_epochs=2, averaging=0.5))
    seen.append(state(plain))  # after the last step; averaging does not touch the weights themselves
    mean = {name: value.clone() for name, value in seen[0].items()}
    for step, last in enumerate(seen[1:], start=1):
        decay = min(0.5, step / (step + 9))
        for name, value in last.items():
            if value.is_floating_point():
                mean[name] = decay * mean[name] + (1 - decay) * value
    for name, value in learned.state_dict().items():
        if value.is_floating_point() and "running" not in name:
            assert torch.allclose(value, mean[name], atol=1e-5), name


def test_without_averaging_the_last_weights_are_kept() -> None:
    one, two = network(), network()
    train(one, averaging=0)
    train(two, averaging=0.999)
    assert not torch.allclose(one.state_dict()["0.weight"], two.state_dict()["0.weight"])


@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("stop_at", [1, 3, 4])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path: Path, stop_at: int, averaging: float) -> None:
    whole = network()
    _, wanted = train(whole, tmp_path / "whole", averaging=averaging)
    with pytest.raises(KilledError):
        train(network(), tmp_path / "killed", stop_at=stop_at, averaging=averaging)
    resumed = network(seed=5)  # its weights come from the state
    task, found = train(resumed, tmp_path / "killed", averaging=averaging)
    assert len(task.rows) == 3 * (4 - stop_at)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

    def plain(lines: list[Mapping[str, float]]) -> list[dict[str, float]]:
        return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]

    assert plain(found) == plain(wanted)
    assert [line["epoch"] for line in read_metrics(tmp_path / "killed")] == [1, 2, 3, 4]


def test_a_training_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    train(network(), tmp_path)
    before = (tmp_path / "member-faces" / STATE_FILE).stat().st_mtime_ns
    task, history = train(network(seed=1), tmp_path)
    assert not task.rows and len(history) == 4
    assert (tmp_path / "member-faces" / STATE_FILE).stat().st_mtime_ns == before


@pytest.mark.parametrize(("changes", "words"), [({"seed": 1}, "seed was 0, is 1"), ({"batch_size": 5}, "settings was")])
def test_a_state_of_another_training_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    train(network(), tmp_path)
    with pytest.raises(DataError, match=words):
        train(network(), tmp_path, **changes)


def test_order_and_changes_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    wanted = torch.rand(1)
    torch.manual_seed(1)
    one, _ = train(network())
    assert torch.equal(torch.rand(1), wanted)
    two, _ = train(network())
    other, _ = train(network(), seed=1)
    assert (one.rows, one.drawn) == (two.rows, two.drawn)
    assert one.rows != other.rows and one.drawn != other.drawn


def test_a_loss_that_is_no_number_is_said() -> None:
    learned = network()
    with pytest.raises(DataError, match="loss of epoch 1 must be a number. Got nan. Lower the `learning_rate`"):
        train_epochs(learned, 4, lambda _rows, _changes: (learned[0].weight.sum() * float("nan"), {}), settings())  # type: ignore[index, operator, union-attr]


def test_one_picture_is_too_few() -> None:
    with pytest.raises(DataError, match="needs 2 or more pictures. Got 1"):
        train_epochs(network(), 1, Task(network()), settings())


def test_the_numbers_on_disk_are_plain_json(tmp_path: Path) -> None:
    train(network(), tmp_path, n_epochs=1)
    (line,) = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["member"] == "faces" and json.loads(line)["epoch"] == 1
