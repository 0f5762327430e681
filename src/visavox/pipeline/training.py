"""The training loop of a network associator on frozen encoder vectors, under any objective.

It trains one network from arrays. Several seeds, closed forms and ensembles are `visavox.pipeline.fitting`'s
affair, reading a corpus the commands'. A run with a folder can be killed at any moment and resumed: the weights come
out bit for bit as if nothing had happened (on the same machine, with the same number of threads).

Example:
    >>> from visavox.models.associators.two_tower import TwoTower
    >>> rng = np.random.default_rng(0)
    >>> face = rng.normal(size=(40, 3))
    >>> pairs = Pairs.of(face @ rng.normal(size=(3, 4)), face, identities=[f"p{i}" for i in range(40)])
    >>> towers = TwoTower(4, 3, hidden=(16,), input_dropout=0, hidden_dropout=0, input_noise=0)
    >>> trained = train_network(towers, pairs, TrainingSettings(n_epochs=20, learning_rate=0.01))
    >>> bool(pair_figures(trained, pairs, pairs.allowed()).matching_score > 0.9)
    True
"""

from __future__ import annotations

import json
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
from visavox.models.associators.network import NetworkAssociator
from visavox.objectives.base import Objective, TrainingFacts
from visavox.pipeline.checkpoints import STATE_FILE, TrainingState, pairs_digest, step_folder
from visavox.pipeline.monitoring import monitored, pair_figures
from visavox.pipeline.objective_files import give_files
from visavox.pipeline.optimising import Optimiser, build_objective, checked_drops, dropped_rate, make_optimiser
from visavox.pipeline.training_log import RunPlace, TrainingLog

Schedule = Literal["constant", "cosine", "steps"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained. The defaults are those of the reference results."""

    n_epochs: int = 30
    """Passes over the training pairs, 1 or more."""
    batch_size: int = 400
    """Most pairs a batch, 2 or more; each pair is compared with all others of its batch."""
    objective: str | Mapping[str, Any] = "info_nce"
    """What is minimised: a name, or {name: ..., option: ...}; `visavox --list objectives` names the choices."""
    optimiser: Optimiser = "adamw"
    """adamw (decoupled weight decay), adam, or sgd with momentum."""
    momentum: float = 0.9
    """Momentum of sgd, 0 to below 1."""
    learning_rate: float = 1e-3
    """Step size of the optimiser, above 0."""
    weight_decay: float = 0.1
    """Weight decay of the optimiser, 0 or more, on the towers and on the matrices of the objective; its temperatures,
    biases and scales do not decay."""
    schedule: Schedule = "constant"
    """Learning rate over the run: constant, falling to 0 along half a cosine, or a tenth from each of `drop_at` on."""
    drop_at: tuple[float, ...] = ()
    """Shares of the run at which the schedule `steps` divides the learning rate by ten; above 0, below 1."""
    initial_temperature: float = 0.2
    """Temperature at the start where the objective has one and says nothing else, 0.01 to 1."""
    learn_temperature: bool = True
    """Train the temperature, within 0.01 to 1, or keep it; where the objective says nothing else."""
    one_per_person: bool = False
    """An epoch is one pair of each identity, drawn anew, so that a batch never has a person twice."""
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
        check_number("momentum", self.momentum, at_least=0, at_most=0.999999)
        object.__setattr__(self, "drop_at", checked_drops(self.drop_at, schedule=self.schedule))
        self.build_objective()
        for name in ("learn_temperature", "balanced", "one_per_person"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"`{name}` must be true or false. Got {getattr(self, name)!r}.")
        for name, choices in (("schedule", get_args(Schedule)), ("optimiser", get_args(Optimiser))):
            if getattr(self, name) not in choices:
                raise ConfigError(f"`{name}` must be one of {', '.join(choices)}. Got {getattr(self, name)!r}.")

    def build_objective(self) -> Objective:
        """Return the objective, with the temperature of the settings where it has one and its spec says none.

        Raises:
            ConfigError: its name is unknown, or an option is left over or out of range.
        """
        names = ("initial_temperature", "learn_temperature")
        return build_objective(self.objective, {name: getattr(self, name) for name in names})


def train_network(
    model: NetworkAssociator,
    pairs: Pairs,
    settings: TrainingSettings,
    *,
    validation: Pairs | None = None,
    place: RunPlace | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> NetworkAssociator:
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


def prepare_objective(
    objective: Objective, dim: int, pairs: Pairs, settings: TrainingSettings, *, n_steps: int
) -> Objective:
    """Let an objective make what depends on the training data, and read the files that it wants; return it.

    Raises:
        ConfigError: the data lack what it needs.
        DataError: a file that it wants is missing, damaged, or of other people.
    """
    facts = TrainingFacts(
        n_people=len(np.unique(pairs.identity)),
        dim=dim,
        n_rows=len(pairs),
        n_steps=n_steps,
        n_values={name: int(values.max(initial=-1)) + 1 for name, values in pairs.covariates.items()},
        people=pairs.names_of_labels(),
    )
    seed = int(np.random.SeedSequence([settings.seed, 2]).generate_state(1)[0])
    objective.prepare(facts, torch.Generator().manual_seed(seed))
    give_files(objective)
    return objective


class _Run:
    """One training run: its state, the sets that it watches, and the places that it writes to."""

    def __init__(
        self,
        model: NetworkAssociator,
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
        fixed = json.loads(json.dumps(fixed))  # as a file gives it back: lists, no tuples
        self.identity = {**fixed, "associator": model.spec, "data": pairs_digest(pairs, validation)}
        objective = settings.build_objective()
        self.batches = PairBatches(
            pairs,
            batch_size=settings.batch_size,
            seed=settings.seed,
            balanced=settings.balanced,
            one_per_person=settings.one_per_person,
            labelled=objective.needs_labels,
            device=device,
        )
        weights = pairs.balancing_weights() if settings.balanced else None
        model.standardise(pairs.voice, pairs.face, weights=weights)
        prepare_objective(objective, model.dim, pairs, settings, n_steps=settings.n_epochs * len(self.batches))
        self.state = _fresh_state(model.to(device), objective.to(device), settings, device)
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
        objective = state.objective
        towers = state.model if objective.takes == "unit" else state.model.raw
        if objective.wants_all_vectors:
            self._show_all_vectors()
        for batch in self.batches.epoch(state.epoch + 1):
            for group in state.optimiser.param_groups:
                group["lr"] = scheduled_rate(settings, state.step, n_steps)
            objective.before_step(state.step)
            voice, face = towers(batch.voice, batch.face, state.generator)
            extras = {name: getattr(batch, name) for name in objective.extras}
            losses = objective(voice, face, batch.labels, batch.weights, batch.mask, **extras)
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

    def _show_all_vectors(self) -> None:
        """Let the objective look at all training pairs as the network sees them now."""
        state = self.state
        seed = int(np.random.SeedSequence([self.settings.seed, 3, state.epoch]).generate_state(1)[0])
        state.model.eval()
        with torch.no_grad():
            towers = state.model if state.objective.takes == "unit" else state.model.raw
            voice, face = towers(*self.batches.vectors())
            state.objective.before_epoch(voice, face, torch.Generator().manual_seed(seed))
        state.model.train()

    def _numbers(self, losses: Mapping[str, float], seconds: float) -> dict[str, float | int]:
        state = self.state
        return {
            "epoch": state.epoch,
            "step": state.step,
            **losses,
            **state.objective.figures(),
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
        `learning_rate`, times (1 + cos(pi step / n_steps)) / 2 under the cosine schedule, or times 0.1 for each share
        of `drop_at` that step / n_steps has reached under the schedule of steps.

    Source: Loshchilov and Hutter, 2017, SGDR: stochastic gradient descent with warm restarts, eq. 5, no restart.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    if settings.schedule == "steps":
        return dropped_rate(settings.learning_rate, step, n_steps, settings.drop_at)
    return settings.learning_rate * (1 + math.cos(math.pi * step / n_steps)) / 2


def _fresh_state(
    model: NetworkAssociator, objective: Objective, settings: TrainingSettings, device: str
) -> TrainingState:
    own = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    decaying = [*model.parameters(), *(parameter for parameter in own if parameter.ndim > 1)]
    groups: list[dict[str, Any]] = [{"params": decaying, "weight_decay": settings.weight_decay}]
    if spared := [parameter for parameter in own if parameter.ndim <= 1]:
        groups.append({"params": spared, "weight_decay": 0.0})
    optimiser = make_optimiser(
        settings.optimiser, groups, learning_rate=settings.learning_rate, momentum=settings.momentum
    )
    # Another stream than that of the first weights, which the model draws from the seed itself.
    noise_seed = int(np.random.SeedSequence([settings.seed, 1]).generate_state(1)[0])
    generator = torch.Generator(device).manual_seed(noise_seed)
    return TrainingState(model, objective, optimiser, generator)
