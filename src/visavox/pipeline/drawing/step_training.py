"""The loop that all parts of diffusion are trained by: so many steps of AdamW, and a running mean of the weights.

What a step shows and what it minimises is a function that the part gives. All that is random is drawn from seed and
epoch, so a training that was killed goes on at its last whole epoch and ends in the same bits (on one machine, with
one number of threads).

Example:
    def loss(rows, draws): ...
    train_steps(network, loss, n_rows=1000, settings=StepTraining(n_steps=500), place=RunPlace(folder))

Source: running means as in diffusers' EMAModel: decay min(d, (1 + t) / (10 + t)) at step t.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visavox.errors import DataError
from visavox.persistence import Tensors, read_tensors, write_tensors
from visavox.pipeline.checkpoints import as_array, check_identity, under
from visavox.pipeline.drawing.diffusion_settings import StepTraining
from visavox.pipeline.end_to_end_rate import warmed_rate
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.identification_forward import device_of, number_format
from visavox.pipeline.training_log import RunPlace, TrainingLog

STATE_FILE = "epoch.safetensors"
BETAS, EPS = (0.9, 0.99), 1e-8

Progress = Callable[[int, int], None]
Loss = Callable[[Tensor, torch.Generator], tuple[Tensor, Mapping[str, Tensor]]]
"""(rows of a batch or of a part of one, draws) -> the mean loss over them, and figures to log."""
Rows = Callable[[int, torch.Generator], Tensor]
"""(batch size, draws) -> (batch size,) int64 rows of a batch."""


@dataclass
class StepState:
    """Everything that the rest of a training depends on."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    mean: dict[str, Tensor]
    """Name of a weight -> its running mean."""
    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    stopped: str = ""
    """Why there is nothing left to do; "" while there is."""

    def follow(self, decay: float) -> None:
        """Let the running mean follow the weights, after a step."""
        now = ema_decay(self.step, decay)
        with torch.no_grad():
            for name, value in self.network.named_parameters():
                self.mean[name].lerp_(value, 1 - now)

    def save(self, path: Path, *, identity: Mapping[str, Any]) -> None:
        """Write the state, replacing an older one in one step.

        Raises:
            DataError: it cannot be written.
        """
        tensors: Tensors = {f"network.{n}": as_array(value) for n, value in self.network.state_dict().items()}
        tensors |= {f"mean.{name}": as_array(value) for name, value in self.mean.items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": as_array(value) for name, value in moments.items()}
        figures = {"step": self.step, "epoch": self.epoch, "seconds": self.seconds, "stopped": self.stopped}
        write_tensors(path, tensors, {"identity": dict(identity), "figures": figures})

    def load(self, path: Path, *, identity: Mapping[str, Any]) -> None:
        """Take over a saved state, bit for bit.

        Raises:
            DataError: the file is damaged, or comes from a training with other settings or other pictures.
        """
        tensors, metadata = read_tensors(path)
        check_identity(path, metadata.get("identity", {}), identity)
        try:
            figures = metadata["figures"]
            self.step, self.epoch = int(figures["step"]), int(figures["epoch"])
            self.seconds, self.stopped = float(figures["seconds"]), str(figures["stopped"])
            self.network.load_state_dict({n: torch.from_numpy(a) for n, a in under("network", tensors).items()})
            for name, value in under("mean", tensors).items():
                self.mean[name].copy_(torch.from_numpy(value))
            moments: dict[int, dict[str, Tensor]] = {}
            for name, array in under("optimiser", tensors).items():
                index, key = name.split(".", 1)
                moments.setdefault(int(index), {})[key] = torch.from_numpy(array)
            self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{path} is damaged ({reason}). Remove it to train from the start.") from error


@dataclass(frozen=True)
class StepOptions:
    """What a training is told besides its settings."""

    seed: int = 0
    bfloat16: bool = False
    """Run under autocast to bfloat16; losses stay in float32."""
    place: RunPlace | None = None
    """Where numbers and state go, and are resumed from; None writes nothing."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What the network and the pictures are, in JSON values: a resumed training must have the same."""


DEFAULT_OPTIONS = StepOptions()


def train_steps(
    network: nn.Module,
    loss: Loss,
    rows: Rows,
    settings: StepTraining,
    options: StepOptions = DEFAULT_OPTIONS,
    *,
    measure: Callable[[], Mapping[str, float]] | None = None,
    progress: Progress | None = None,
) -> StepState:
    """Train a network in place, leave it with the running mean of its weights, and in evaluation mode.

    Args:
        network: with fresh weights, on the device to train on.
        loss: of a batch.
        rows: which rows a batch has.
        settings: how.
        options: seed, number format, folder.
        measure: figures of the running mean on what is held out, at the end of every epoch.
        progress: called as progress(steps done, n_steps).

    Raises:
        DataError: the loss became nan or infinite; or the state found is damaged or of another training.
        KeyboardInterrupt: passed on; the state of a whole epoch is on disk.
    """
    run = _StepTraining(network, loss, rows, settings, options, measure)
    run.resume()
    run.finish(progress)
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(run.state.mean[name])
    network.eval()
    return run.state


class _StepTraining:
    """One part's training: its state, and the place that it writes to."""

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        rows: Rows,
        settings: StepTraining,
        options: StepOptions,
        measure: Callable[[], Mapping[str, float]] | None,
    ) -> None:
        self.network, self.loss, self.rows, self.measure = network, loss, rows, measure
        self.settings, self.options = settings, options
        self.device = device_of(network)
        weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
        optimiser = torch.optim.AdamW(
            [
                {"params": [p for p in weights if p.ndim > 1], "weight_decay": settings.weight_decay},
                {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=BETAS,
            eps=EPS,
        )
        mean = {name: value.detach().clone() for name, value in network.named_parameters()}
        self.state = StepState(network, optimiser, mean)
        self.rate = EndToEndSettings(learning_rate=settings.learning_rate, schedule="cosine", warm_up=settings.warm_up)
        decides = {name: value for name, value in asdict(settings).items() if name != "time_limit_min"}
        identity = {**decides, "seed": options.seed, "bfloat16": options.bfloat16, **options.about}
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))

    def resume(self) -> None:
        """Take over the state on disk, if there is one."""
        place = self.options.place
        if place is not None and (place.member_folder / STATE_FILE).exists():
            self.state.load(place.member_folder / STATE_FILE, identity=self.identity)

    def finish(self, progress: Progress | None) -> None:
        """Train from the state's epoch to the end."""
        state, settings, place = self.state, self.settings, self.options.place
        if state.stopped:
            return
        log = TrainingLog(place, after_epoch=state.epoch) if place else None
        try:
            while not state.stopped:
                started_s = time.perf_counter()
                figures = self._train_epoch(progress)
                with self._mean_weights():
                    figures |= dict(self.measure()) if self.measure else {}
                figures["seconds"] = round(time.perf_counter() - started_s, 4)
                state.seconds += figures["seconds"]
                if state.step >= settings.n_steps:
                    state.stopped = f"all {settings.n_steps} steps done"
                elif settings.time_limit_min and state.seconds >= 60 * settings.time_limit_min:
                    state.stopped = f"the time limit of {settings.time_limit_min:g} min was reached"
                if log:
                    log.write_epoch(figures, {})
                if place:
                    place.member_folder.mkdir(parents=True, exist_ok=True)
                    state.save(place.member_folder / STATE_FILE, identity=self.identity)
        finally:
            if log:
                log.__exit__(None, None, None)

    def _train_epoch(self, progress: Progress | None) -> dict[str, float]:
        """Make the steps of one epoch; return its mean figures, and the rate."""
        state, settings = self.state, self.settings
        self.network.train()
        epoch = state.epoch + 1
        draws = torch.Generator().manual_seed(_seed(self.options.seed, epoch))
        sums: dict[str, Tensor] = {}
        n = min(settings.steps_an_epoch, settings.n_steps - state.step)
        for _ in range(n):
            rate = warmed_rate(self.rate, state.step, settings.n_steps)
            for group in state.optimiser.param_groups:
                group["lr"] = rate
            for name, value in self._step(draws).items():
                sums[name] = sums.get(name, torch.zeros((), device=self.device)) + value
            state.step += 1
            state.follow(settings.ema_decay)
            if progress:
                progress(state.step, settings.n_steps)
        state.epoch = epoch
        means = {name: float(value) / n for name, value in sums.items()}
        if not math.isfinite(means["loss"]):
            raise DataError(
                f"The loss became nan or infinite in epoch {epoch} (seed {self.options.seed}). Lower `learning_rate`, "
                f"now {settings.learning_rate:g}."
            )
        return {"epoch": epoch, "step": state.step, **means, "learning_rate": rate}

    def _step(self, draws: torch.Generator) -> dict[str, Tensor]:
        """Make one step and return its figures."""
        settings = self.settings
        batch = self.rows(settings.batch_size, draws)
        self.state.optimiser.zero_grad(set_to_none=True)
        found: dict[str, Tensor] = {}
        for part in batch.chunk(settings.accumulate):
            share = len(part) / len(batch)
            with number_format(self.device, self.options.bfloat16):
                loss, figures = self.loss(part, draws)
            (share * loss).backward()  # type: ignore[no-untyped-call]
            for name, value in {"loss": loss, **figures}.items():
                found[name] = found.get(name, torch.zeros((), device=self.device)) + share * value.detach()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), settings.max_norm)
        self.state.optimiser.step()
        return {**found, "gradient_norm": norm}

    def _mean_weights(self) -> _Swapped:
        return _Swapped(self.network, self.state.mean)


class _Swapped:
    """A block in which a network has other weights, and is in evaluation mode."""

    def __init__(self, network: nn.Module, weights: Mapping[str, Tensor]) -> None:
        self.network, self.weights = network, weights
        self.own: dict[str, Tensor] = {}

    def __enter__(self) -> None:
        self.own = {name: value.detach().clone() for name, value in self.network.named_parameters()}
        self._put(self.weights)
        self.network.eval()

    def __exit__(self, *error: object) -> None:
        self._put(self.own)

    @torch.no_grad()
    def _put(self, weights: Mapping[str, Tensor]) -> None:
        for name, value in self.network.named_parameters():
            value.copy_(weights[name])


def ema_decay(step: int, decay: float) -> float:
    """Return how much of the running mean stays at a step: min(decay, (1 + t) / (10 + t)) with t = step - 1.

    The first step, 1, replaces it.

    Args:
        step: steps done, 1 or more.
        decay: the most that stays, 0 to below 1.

    Example:
        >>> [round(ema_decay(step, 0.9), 3) for step in (1, 2, 11, 1000)]
        [0.0, 0.182, 0.55, 0.9]
    """
    before = step - 1
    return 0.0 if before <= 0 else min(decay, (1 + before) / (10 + before))


def even_rows(n_rows: int) -> Rows:
    """Return batches in which every one of n_rows rows is as likely as any other, drawn with replacement."""
    return lambda size, draws: torch.randint(n_rows, (size,), generator=draws)


def batches_of(n_rows: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` rows, in order."""
    for at in range(0, n_rows, size):
        yield slice(at, min(at + size, n_rows))


def _seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
