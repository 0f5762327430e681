"""The training loop of a two-tower associator: AdamW under symmetric InfoNCE on frozen encoder vectors.

It trains one network from arrays. Several seeds, closed forms and ensembles are `visavox.pipeline.fitting`'s
affair, reading a corpus the commands'. A run with a folder can be killed at any moment and resumed: the weights come
out bit for bit as if nothing had happened (on the same machine, with the same number of threads).

Example:
    >>> rng = np.random.default_rng(0)
    >>> face = rng.normal(size=(40, 3))
    >>> pairs = Pairs.of(face @ rng.normal(size=(3, 4)), face, identities=[f"p{i}" for i in range(40)])
    >>> towers = TwoTower(4, 3, hidden=(16,), input_dropout=0, hidden_dropout=0, input_noise=0)
    >>> trained = train_two_tower(towers, pairs, TrainingSettings(n_epochs=20, learning_rate=0.01))
    >>> bool(pair_figures(trained, pairs, pairs.allowed()).matching_score > 0.9)
    True
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch

from visavox.batches.pair_batches import PairBatches, Pairs
from visavox.errors import ConfigError, DataError
from visavox.models.associators.base import check_count, check_number
from visavox.models.associators.two_tower import TwoTower
from visavox.objectives.info_nce import InfoNCE
from visavox.pipeline.checkpoints import STATE_FILE, TrainingState, pairs_digest, step_folder
from visavox.pipeline.monitoring import monitored, pair_figures
from visavox.pipeline.training_log import RunPlace, TrainingLog

Schedule = Literal["constant", "cosine"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained. The defaults are those of the reference results."""

    n_epochs: int = 30
    """Passes over the training pairs, 1 or more."""
    batch_size: int = 400
    """Most pairs a batch, 2 or more; each pair is compared with all others of its batch."""
    learning_rate: float = 1e-3
    """Step size of AdamW, above 0."""
    weight_decay: float = 0.1
    """Decoupled weight decay of AdamW, 0 or more; the temperature does not decay."""
    schedule: Schedule = "constant"
    """Learning rate over the run: constant, or falling to 0 along half a cosine."""
    initial_temperature: float = 0.2
    """Temperature of the softmax at the start, 0.01 to 1; lower looks harder at the nearest negatives."""
    learn_temperature: bool = True
    """Train the temperature, within 0.01 to 1, or keep it."""
    balanced: bool = False
    """Let every identity count once, however many clips it has."""
    patience_epochs: int = 0
    """Stop after so many epochs without a better validation matching score, and keep the best; 0 never stops."""
    checkpoint_every_epochs: int = 0
    """Keep the model of every so many epochs; 0 keeps none."""
    seed: int = 0
    """Of the first weights, the shuffling, the noise and the dropout; member i of several uses seed + i."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range.
        """
        check_count("n_epochs", self.n_epochs)
        check_count("batch_size", self.batch_size, at_least=2)
        check_number("learning_rate", self.learning_rate, at_least=1e-12, at_most=10)
        check_number("weight_decay", self.weight_decay, at_least=0)
        check_number("initial_temperature", self.initial_temperature, at_least=0.01, at_most=1)
        check_count("patience_epochs", self.patience_epochs, at_least=0)
        check_count("checkpoint_every_epochs", self.checkpoint_every_epochs, at_least=0)
        check_count("seed", self.seed, at_least=0)
        for name in ("learn_temperature", "balanced"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"`{name}` must be true or false. Got {getattr(self, name)!r}.")
        if self.schedule not in get_args(Schedule):
            raise ConfigError(f"`schedule` must be one of {', '.join(get_args(Schedule))}. Got {self.schedule!r}.")


def train_two_tower(
    model: TwoTower,
    pairs: Pairs,
    settings: TrainingSettings,
    *,
    validation: Pairs | None = None,
    place: RunPlace | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> TwoTower:
    """Train a network in place and return it, on the CPU and ready to encode.

    Args:
        model: the network as its constructor leaves it; its standardisers are set here.
        pairs: training pairs, 2 or more.
        settings: how.
        validation: pairs of other identities; needed for `patience_epochs`.
        place: where numbers and state go; a state found there is resumed. None writes nothing.
        device: "cpu", "cuda" or "mps".
        progress: called as progress(epochs done, n_epochs).

    Returns:
        The model after the last epoch; with `patience_epochs`, as it was at the best one (the first of equals).

    Raises:
        ConfigError: `patience_epochs` without validation pairs.
        DataError: too few pairs; the loss became nan or infinite; the state found is damaged or of another run.
        KeyboardInterrupt: passed on; the state of the last whole epoch is on disk.
    """
    if settings.patience_epochs and validation is None:
        raise ConfigError("`patience_epochs` needs validation pairs. Got none. Give some, or set it to 0.")
    run = _Run(model, pairs, settings, validation=validation, place=place, device=device)
    run.resume()
    run.finish(progress)
    best = run.state.best
    if settings.patience_epochs and best is not None:
        model.load_tensors(best)
    model.to("cpu").eval()
    return model


class _Run:
    """One training run: its state, the sets that it watches, and the places that it writes to."""

    def __init__(
        self,
        model: TwoTower,
        pairs: Pairs,
        settings: TrainingSettings,
        *,
        validation: Pairs | None,
        place: RunPlace | None,
        device: str,
    ) -> None:
        self.settings = settings
        self.place = place
        # A later `checkpoint_every_epochs` changes no weight, so it may differ when the run is resumed.
        fixed = {name: value for name, value in asdict(settings).items() if name != "checkpoint_every_epochs"}
        self.identity = {**fixed, "associator": model.spec, "data": pairs_digest(pairs, validation)}
        self.batches = PairBatches(
            pairs,
            batch_size=settings.batch_size,
            seed=settings.seed,
            balanced=settings.balanced,
            device=device,
        )
        weights = pairs.balancing_weights() if settings.balanced else None
        model.standardise(pairs.voice, pairs.face, weights=weights)
        self.state = _fresh_state(model.to(device), settings, device)
        # Nothing reads the training figures of a run that writes nothing: they would double its time.
        watched = {"train": pairs if place else None, "validation": validation}
        self.watched = {name: monitored(of) for name, of in watched.items() if of is not None}
        self.allowed = {name: of.allowed() for name, of in self.watched.items()}

    def resume(self) -> None:
        """Take over the state on disk, if there is one."""
        if self.place and (self.place.member_folder / STATE_FILE).exists():
            self.state.load(self.place.member_folder / STATE_FILE, identity=self.identity)

    def finish(self, progress: Progress | None) -> None:
        """Train from the state's epoch to the end."""
        state, settings, place = self.state, self.settings, self.place
        with ExitStack() as stack:
            log = None
            if place and not state.finished:
                log = stack.enter_context(TrainingLog(place, after_epoch=state.epoch))
            while not state.finished:
                started_s = time.perf_counter()
                losses = self._train_epoch()
                figures = {name: pair_figures(state.model, of, self.allowed[name]) for name, of in self.watched.items()}
                if "validation" in figures and figures["validation"].matching_score > state.best_score:
                    state.best_score, state.best_epoch = figures["validation"].matching_score, state.epoch
                    state.best = state.model.tensors()
                stale = state.epoch - state.best_epoch
                stopped = bool(settings.patience_epochs) and stale >= settings.patience_epochs
                state.finished = stopped or state.epoch == settings.n_epochs
                if log:
                    log.write_epoch(self._numbers(losses, time.perf_counter() - started_s), figures)
                if place:
                    self._keep(place)
                if progress:
                    progress(state.epoch, settings.n_epochs)

    def _train_epoch(self) -> dict[str, float]:
        """Make one pass over the pairs and return the mean of each loss part."""
        state, settings = self.state, self.settings
        state.model.train()
        n_steps = settings.n_epochs * len(self.batches)
        parts: list[torch.Tensor] = []
        names: list[str] = []
        for batch in self.batches.epoch(state.epoch + 1):
            for group in state.optimiser.param_groups:
                group["lr"] = scheduled_rate(settings, state.step, n_steps)
            voice, face = state.model(batch.voice, batch.face, state.generator)
            losses = state.objective(voice, face, batch.labels, batch.weights, batch.mask)
            state.optimiser.zero_grad(set_to_none=True)
            losses["loss"].backward()
            state.optimiser.step()
            state.step += 1
            names = list(losses)
            parts.append(torch.stack([value.detach() for value in losses.values()]))
        state.model.eval()
        state.epoch += 1
        means = torch.stack(parts).mean(dim=0).tolist()  # the one wait for the device in an epoch
        if not all(math.isfinite(value) for value in means):
            raise DataError(
                f"The loss became nan or infinite in epoch {state.epoch} (seed {settings.seed}). "
                f"Lower `learning_rate`, now {settings.learning_rate:g}."
            )
        return dict(zip(names, means, strict=True))

    def _numbers(self, losses: Mapping[str, float], seconds: float) -> dict[str, float | int]:
        state = self.state
        return {
            "epoch": state.epoch,
            "step": state.step,
            **losses,
            "temperature": state.objective.temperature,
            "learning_rate": float(state.optimiser.param_groups[0]["lr"]),
            "seconds": round(seconds, 4),
        }

    def _keep(self, place: RunPlace) -> None:
        every = self.settings.checkpoint_every_epochs
        if every and (self.state.epoch % every == 0 or self.state.finished):
            self.state.model.save_pretrained(step_folder(place.member_folder, self.state.step), overwrite=True)
        self.state.save(place.member_folder / STATE_FILE, identity=self.identity)


def scheduled_rate(settings: TrainingSettings, step: int, n_steps: int) -> float:
    """Return the learning rate of an optimiser step.

    Args:
        settings: with `learning_rate` and `schedule`.
        step: steps done before it, 0 to n_steps - 1.
        n_steps: steps of the whole run.

    Returns:
        `learning_rate`, times (1 + cos(pi step / n_steps)) / 2 under the cosine schedule.

    Source: Loshchilov and Hutter, 2017, SGDR: stochastic gradient descent with warm restarts, eq. 5, no restart.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    return settings.learning_rate * (1 + math.cos(math.pi * step / n_steps)) / 2


def _fresh_state(model: TwoTower, settings: TrainingSettings, device: str) -> TrainingState:
    objective = InfoNCE(settings.initial_temperature, learn_temperature=settings.learn_temperature).to(device)
    groups: list[dict[str, Any]] = [{"params": list(model.parameters()), "weight_decay": settings.weight_decay}]
    if settings.learn_temperature:
        groups.append({"params": list(objective.parameters()), "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)
    # Another stream than that of the first weights, which the model draws from the seed itself.
    noise_seed = int(np.random.SeedSequence([settings.seed, 1]).generate_state(1)[0])
    generator = torch.Generator(device).manual_seed(noise_seed)
    return TrainingState(model, objective, optimiser, generator)
