"""The loop of steps: running means, gradients in parts, resuming in the same bits, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import DataError
from visavox.pipeline.drawing.diffusion_settings import StepTraining
from visavox.pipeline.drawing.step_training import (
    STATE_FILE,
    StepOptions,
    StepState,
    batches_of,
    ema_decay,
    even_rows,
    train_steps,
)
from visavox.pipeline.training_log import RunPlace, read_metrics

INPUTS = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
WANTED = INPUTS @ torch.arange(5.0)[:, None]


def network() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(5, 1)


def trained(
    place: Path | None = None, *, seed: int = 0, progress: Any = None, loss: Any = None, **changed: Any
) -> tuple[nn.Linear, StepState]:
    one = network()

    def noisy_loss(rows: Tensor, draws: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        noise = 0.1 * torch.randn(len(rows), 1, generator=draws)
        error = (one(INPUTS[rows]) - WANTED[rows] + noise).square().mean()
        return error, {"double": 2 * error}

    settings = {"n_steps": 30, "steps_an_epoch": 10, "batch_size": 8, "learning_rate": 0.05, **changed}
    options = StepOptions(seed=seed, place=None if place is None else RunPlace(place, member="x", tensorboard=False))
    state = train_steps(
        one,
        loss or noisy_loss,
        even_rows(40),
        StepTraining(**settings),
        options,
        measure=lambda: {"held_out": float((one(INPUTS) - WANTED).square().mean())},
        progress=progress,
    )
    return one, state


def test_it_learns() -> None:
    before = float((network()(INPUTS) - WANTED).square().mean())
    one, state = trained(n_steps=200, ema_decay=0.9)
    assert float((one(INPUTS) - WANTED).square().mean()) < 0.1 * before
    assert (state.step, state.epoch, state.stopped) == (200, 20, "all 200 steps done")
    assert not one.training


def test_the_running_mean_is_that_of_diffusers() -> None:
    from diffusers.training_utils import EMAModel

    one = network()
    theirs = EMAModel(one.parameters(), decay=0.8)
    state = StepState(
        one, torch.optim.SGD(one.parameters()), {n: p.detach().clone() for n, p in one.named_parameters()}
    )
    for step in range(1, 60):
        with torch.no_grad():
            for value in one.parameters():
                value.add_(torch.randn(value.shape))
        theirs.step(one.parameters())
        state.step = step
        state.follow(0.8)
        for own, other in zip(state.mean.values(), theirs.shadow_params, strict=True):
            torch.testing.assert_close(own, other)


def test_the_decay_rises_to_its_most() -> None:
    assert ema_decay(1, 0.9) == 0.0
    assert ema_decay(2, 0.9) == pytest.approx(2 / 11)
    assert ema_decay(10_000, 0.9) == 0.9
    assert [ema_decay(step, 0.0) for step in (1, 5, 100)] == [0, 0, 0]


def test_without_decay_the_last_weights_are_kept() -> None:
    one, state = trained(ema_decay=0.0)
    for name, value in one.named_parameters():
        torch.testing.assert_close(value, state.mean[name])


def test_the_same_seed_gives_the_same_bits_and_another_others() -> None:
    first, again, other = trained()[0], trained()[0], trained(seed=1)[0]
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)


def test_the_global_generator_is_left_alone() -> None:
    one = network()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train_steps(
        one,
        lambda rows, _: (one(INPUTS[rows]).square().mean(), {}),
        even_rows(40),
        StepTraining(n_steps=3, batch_size=4),
    )
    assert torch.equal(torch.get_rng_state(), before)


def test_gradients_in_parts_add_up_to_those_of_the_whole_batch() -> None:
    def plain(one: nn.Linear) -> Any:
        return lambda rows, _: ((one(INPUTS[rows]) - WANTED[rows]).square().mean(), {})

    found = []
    for parts in (1, 3, 8):
        one = network()
        train_steps(one, plain(one), even_rows(40), StepTraining(n_steps=20, batch_size=8, accumulate=parts))
        found.append(one.weight.detach().clone())
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[0], found[2], atol=1e-5, rtol=1e-4)


def test_a_killed_training_ends_in_the_same_bits(tmp_path: Path) -> None:
    whole, _ = trained(tmp_path / "whole")

    def kill(done: int, _: int) -> None:
        if done == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", progress=kill)
    seen: list[int] = []
    resumed, state = trained(tmp_path / "killed", progress=lambda done, _: seen.append(done))
    assert seen[0] == 11  # at the last whole epoch
    assert torch.equal(resumed.weight, whole.weight)
    assert torch.equal(resumed.bias, whole.bias)
    assert state.epoch == 3
    lines = [
        [{k: v for k, v in line.items() if k != "seconds"} for line in read_metrics(tmp_path / name)]
        for name in ("whole", "killed")
    ]
    assert lines[0] == lines[1]
    assert [line["step"] for line in lines[0]] == [10, 20, 30]


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    first, _ = trained(tmp_path)
    seen: list[int] = []
    again, _ = trained(tmp_path, progress=lambda done, _: seen.append(done))
    assert seen == []
    assert torch.equal(first.weight, again.weight)


def test_figures_are_means_over_the_epoch(tmp_path: Path) -> None:
    trained(tmp_path)
    line = read_metrics(tmp_path)[-1]
    assert line["member"] == "x"
    assert line["double"] == pytest.approx(2 * line["loss"], rel=1e-5)
    assert {"held_out", "learning_rate", "gradient_norm", "seconds"} <= set(line)
    assert line["learning_rate"] == pytest.approx(0.0, abs=1e-9)


def test_what_is_held_out_is_measured_on_the_running_mean(tmp_path: Path) -> None:
    one, _ = trained(tmp_path)
    found = float((one(INPUTS) - WANTED).square().mean())
    assert read_metrics(tmp_path)[-1]["held_out"] == pytest.approx(found, rel=1e-5)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    with pytest.raises(DataError, match=r"another run: learning_rate was 0.05, is 0.1"):
        trained(tmp_path, learning_rate=0.1)
    trained(tmp_path, time_limit_min=5.0)  # how long it may take decides nothing


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    (tmp_path / "member-x" / STATE_FILE).write_bytes(b"no")
    with pytest.raises(DataError, match="is damaged"):
        trained(tmp_path)


def test_a_time_limit_stops_at_the_end_of_an_epoch() -> None:
    _, state = trained(time_limit_min=1e-9)
    assert (state.step, state.stopped) == (10, "the time limit of 1e-09 min was reached")


def test_a_loss_that_is_no_number_is_said_in_one_line() -> None:
    with pytest.raises(DataError, match="nan or infinite in epoch 1 .*Lower `learning_rate`, now 0.05") as error:
        trained(loss=lambda rows, _: (torch.tensor(float("nan"), requires_grad=True), {}))
    assert "\n" not in str(error.value)


def test_batches_cover_all_rows() -> None:
    assert [(part.start, part.stop) for part in batches_of(7, 3)] == [(0, 3), (3, 6), (6, 7)]
    rows = even_rows(3)(200, torch.Generator().manual_seed(0))
    assert sorted(set(rows.tolist())) == [0, 1, 2]
