"""One training loop for networks that draw: AdamW, a rate that falls along a cosine, a running average, one file.

It knows no pictures: who calls it says how the loss of some rows is made. A training with a place can be killed at any
moment and resumed: the weights come out bit for bit as if nothing had happened (on one machine, with one number of
threads), since order and changes are pure functions of seed and epoch.

Example:
    history = train_epochs(network, n_rows, loss_of_rows, settings, LoopOptions(seed=0), measure=measure)
    history[-1]["loss"]
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visavox.errors import DataError
from visavox.pipeline.cached_gradients import seeded
from visavox.pipeline.drawing.settings import PictureTraining
from visavox.pipeline.end_to_end_rate import warmed_rate
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.identification_state import IdentifierState
from visavox.pipeline.training_log import RunPlace, TrainingLog, read_metrics

STATE_FILE = "state.safetensors"
ORDER, CHANGES, LAYERS = 1, 2, 3  # streams of random numbers of a training

Progress = Callable[[int, int], None]
LossOfRows = Callable[[Tensor, torch.Generator], tuple[Tensor, Mapping[str, Tensor]]]
"""Takes row numbers (n,) int64 and random numbers; gives the loss, and figures to log, () each."""
Measure = Callable[[nn.Module], Mapping[str, float]]


@dataclass(frozen=True)
class LoopOptions:
    """What a loop is told besides its settings."""

    seed: int = 0
    """Of order, changes and dropout; the network has drawn its weights already."""
    bfloat16: bool = False
    """Whether the loss runs its networks under autocast; here it is only part of what a resumed training must share."""
    place: RunPlace | None = None
    """Where numbers and state go, and are resumed from; None writes nothing."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """What else a resumed training must have the same: the data, the networks."""


def train_epochs(
    network: nn.Module,
    n_rows: int,
    loss_of_rows: LossOfRows,
    settings: PictureTraining,
    options: LoopOptions = LoopOptions(),
    *,
    measure: Measure | None = None,
    progress: Progress | None = None,
) -> tuple[Mapping[str, float], ...]:
    """Train a network in place and leave it in evaluation mode, with its averaged weights.

    Args:
        network: all that is learned; it is what the loss closes over.
        n_rows: rows of an epoch, 2 or more; a last batch of one row is left out.
        loss_of_rows: gives the loss of some rows, with a graph.
        settings: epochs, batch, rate, decay, averaging.
        options: seed, folder, identity.
        measure: called after each epoch with the averaged network, in evaluation mode; its figures are logged.
        progress: called as progress(epochs done, n_epochs).

    Returns:
        One mapping an epoch: epoch, loss, the figures of the loss and of `measure`, learning_rate, seconds.

    Raises:
        DataError: a loss is no number, or the state found is damaged or of another training.
    """
    if n_rows < 2:
        raise DataError(f"A training needs 2 or more pictures. Got {n_rows}. Prepare more, or name a table of faces.")
    run = _Loop(network, n_rows, loss_of_rows, settings, options)
    history = run.resume() + run.finish(measure, progress)
    network.load_state_dict(run.kept.state_dict())
    network.eval()
    return tuple(history)


class _Loop:
    """One training: its state, its order, and the place that it writes to."""

    def __init__(
        self, network: nn.Module, n_rows: int, loss_of_rows: LossOfRows, settings: PictureTraining, options: LoopOptions
    ) -> None:
        self.network, self.n_rows, self.loss_of_rows = network, n_rows, loss_of_rows
        self.settings, self.options = settings, options
        self.device = next(network.parameters()).device
        both = nn.ModuleDict({"last": network})
        if settings.averaging:
            both["average"] = copy.deepcopy(network).requires_grad_(False)
        self.kept: nn.Module = both["average" if settings.averaging else "last"]
        optimiser = torch.optim.AdamW(_groups(network, settings.weight_decay), lr=settings.learning_rate)
        self.state = IdentifierState(both, optimiser)
        self.rates = EndToEndSettings(
            learning_rate=settings.learning_rate, schedule="cosine", warm_up=min(settings.warm_up, 0.999)
        )
        shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
        identity = {
            "settings": _plain(settings),
            "seed": options.seed,
            "bfloat16": options.bfloat16,
            "n_rows": n_rows,
            "network": shapes,
            **options.identity,
        }
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))

    def resume(self) -> list[Mapping[str, float]]:
        """Take over the state on disk, if there is one, and return the figures of its epochs."""
        place = self.options.place
        if place is None or not (place.member_folder / STATE_FILE).exists():
            return []
        self.state.load(place.member_folder / STATE_FILE, identity=self.identity)
        lines = [line for line in read_metrics(place.folder) if line.get("member") == place.member]
        kept = [line for line in lines if line.get("epoch", 0) <= self.state.epoch]
        return [{name: value for name, value in line.items() if name != "member"} for line in kept]

    def finish(self, measure: Measure | None, progress: Progress | None) -> list[Mapping[str, float]]:
        """Train from the state's epoch to the end and return the figures of each epoch."""
        state, settings, place = self.state, self.settings, self.options.place
        history: list[Mapping[str, float]] = []
        with ExitStack() as stack:
            log = None
            if place and state.epoch < settings.n_epochs:
                log = stack.enter_context(TrainingLog(place, after_epoch=state.epoch))
            while state.epoch < settings.n_epochs:
                started_s = time.perf_counter()
                figures = self._train_epoch()
                if measure is not None:
                    self.kept.eval()
                    with torch.inference_mode():
                        figures |= measure(self.kept)
                figures["seconds"] = round(time.perf_counter() - started_s, 4)
                state.seconds += figures["seconds"]
                history.append(figures)
                if log:
                    log.write_epoch(figures, {})
                if place:
                    state.save(place.member_folder / STATE_FILE, identity=self.identity)
                if progress:
                    progress(state.epoch, settings.n_epochs)
        return history

    def _train_epoch(self) -> dict[str, float]:
        """Make one pass over the rows; return the mean loss and figures, and the rate."""
        state, settings, epoch = self.state, self.settings, self.state.epoch + 1
        self.network.train()
        changes = torch.Generator(self.device).manual_seed(_seed(self.options.seed, CHANGES, epoch))
        batches = list(self._batches(epoch))
        step, n_steps = (epoch - 1) * len(batches), settings.n_epochs * len(batches)
        totals: dict[str, Tensor] = {}
        n_done = 0
        with seeded(self.device, _seed(self.options.seed, LAYERS, epoch)):
            for rows in batches:
                for group in state.optimiser.param_groups:
                    group["lr"] = warmed_rate(self.rates, step, n_steps)
                loss, figures = self.loss_of_rows(rows, changes)
                state.optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                state.optimiser.step()
                step += 1
                self._average(step)
                for name, value in {"loss": loss, **figures}.items():
                    totals[name] = totals.get(name, torch.zeros((), device=self.device)) + value.detach() * len(rows)
                n_done += len(rows)
        state.epoch = epoch
        means = {name: float(total) / n_done for name, total in totals.items()}
        if not math.isfinite(means["loss"]):
            raise DataError(
                f"The loss of epoch {epoch} must be a number. Got {means['loss']}. Lower the `learning_rate`."
            )
        return {"epoch": epoch, **means, "learning_rate": float(state.optimiser.param_groups[0]["lr"])}

    def _batches(self, epoch: int) -> Iterator[Tensor]:
        """Yield row numbers (n,) int64, all rows in an order of the epoch's own."""
        rng = torch.Generator().manual_seed(_seed(self.options.seed, ORDER, epoch))
        for rows in torch.split(torch.randperm(self.n_rows, generator=rng), self.settings.batch_size):
            if len(rows) > 1:  # no statistic of a batch can be taken of one
                yield rows

    def _average(self, step: int) -> None:
        """Move the average towards the last weights: by 1 / (step + 1) at first, by 1 - `averaging` in the end."""
        if not self.settings.averaging:
            return
        decay = min(self.settings.averaging, step / (step + 9))
        with torch.no_grad():
            for mean, last in zip(self.kept.state_dict().values(), self.network.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(last, 1 - decay)
                else:
                    mean.copy_(last)


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters that learn, in those that decay (two axes or more) and those that do not."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    wide, narrow = [p for p in learning if p.ndim > 1], [p for p in learning if p.ndim < 2]
    return [{"params": wide, "weight_decay": weight_decay}, {"params": narrow, "weight_decay": 0.0}]


def _plain(settings: PictureTraining) -> dict[str, Any]:
    return {"kind": type(settings).__name__, **settings.__dict__}


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(list(parts)).generate_state(1, np.uint64)[0] >> np.uint64(1))
