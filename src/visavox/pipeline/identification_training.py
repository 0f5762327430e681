"""The training loop of networks that name people: cross-entropy over the people, one epoch after the other.

It trains one identifier on clips in memory and says how it went; reading a corpus and writing a run are
`visavox.pipeline.identification_run`'s affair. A training with a place can be killed at any moment and resumed: the
weights come out bit for bit as if nothing had happened (on one machine, with one number of threads).

Example:
    outcome = train_identifier(network, training_clips, validation_clips, IdentifierTraining(n_epochs=40))
    outcome.history[-1]["validation_top_1"]
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.batches.identification_augment import mask_spectra
from visavox.batches.identification_batches import (
    IdentificationBatches,
    IdentificationClips,
)
from visavox.errors import DataError
from visavox.models.identifiers.base import Identifier
from visavox.pipeline.cached_gradients import seeded
from visavox.pipeline.identification_forward import (
    KeptFeatures,
    convolves,
    device_of,
    kept_features,
    media_of,
    number_format,
    predict,
)
from visavox.pipeline.identification_settings import IdentifierTraining
from visavox.pipeline.identification_state import IdentifierState, load_tensors, network_tensors
from visavox.pipeline.optimising import make_optimiser
from visavox.pipeline.training_log import RunPlace, TrainingLog, read_metrics

STATE = "state"  # folder of a network that is being trained
STATE_FILE = "epoch.safetensors"
BATCHES, MASKS, LAYERS = 1, 2, 3  # streams of random numbers of a training
SHARE_OF_SAVING = 0.05  # most time that writing states may take; a state that is not written costs epochs done again

Progress = Callable[[int, int], None]
Report = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True)
class IdentifierOptions:
    """What a training is told besides its settings."""

    seed: int = 0
    """Of the order, the shifts, the masks and dropout; the network has drawn its weights already."""
    bfloat16: bool = False
    """Run the network under autocast to bfloat16; the loss stays in float32."""
    place: RunPlace | None = None
    """Where numbers and state go, and are resumed from; None writes nothing."""
    data: str = ""
    """What the clips are: a resumed training must have the same."""
    begins_with: Mapping[str, Any] = field(default_factory=dict)
    """What the network is and which trained weights it took, as JSON gives it back: a resumed training must have the
    same."""


class DivergedError(DataError):
    """A loss became nan or infinite: these settings lead nowhere, on these clips and from this seed."""


@dataclass(frozen=True, eq=False)
class IdentifierOutcome:
    """How a training went."""

    history: tuple[Mapping[str, float], ...]
    """One mapping an epoch: epoch, loss, train_top_1 (while it learns: with augmentation and dropout, over weights that
    change in the epoch), validation_loss, validation_top_1, learning_rate, seconds."""
    n_epochs: int
    """Epochs done."""
    kept_epoch: int
    """Epoch whose network was kept."""
    stopped: str
    """Why it ended, in words."""
    seconds: float
    """Of all epochs."""

    @property
    def kept(self) -> Mapping[str, float]:
        """The figures of the epoch whose network was kept."""
        return next(line for line in self.history if line["epoch"] == self.kept_epoch)


def train_identifier(
    network: Identifier,
    training: IdentificationClips,
    validation: IdentificationClips,
    settings: IdentifierTraining,
    options: IdentifierOptions = IdentifierOptions(),
    *,
    report: Report | None = None,
    progress: Progress | None = None,
) -> IdentifierOutcome:
    """Train a network in place and leave it in evaluation mode.

    Args:
        network: with fresh weights, on the device to train on; weights that need no gradient stay as they are.
        training: clips with what the network needs.
        validation: clips by which a training is stopped and its best epoch chosen.
        settings: how.
        options: seed, number format, folder.
        report: called with the figures of each epoch; may raise to give up.
        progress: called as progress(epochs done, n_epochs).

    Returns:
        How it went; the network has the weights after the last epoch, or, with `patience_epochs`, those of the lowest
        validation loss (the first of equals).

    Raises:
        DivergedError: the loss became nan or infinite, on training or on validation clips.
        DataError: the state found is damaged or of another training.
        KeyboardInterrupt: passed on; the state of a whole epoch is on disk.
    """
    run = _Training(network, training, validation, settings, options)
    history = run.resume()
    history += run.finish(report, progress)
    state = run.state
    if state.best is not None:
        load_tensors(network, state.best)
    network.eval()
    kept = state.best_epoch if settings.patience_epochs else state.epoch
    return IdentifierOutcome(tuple(history), state.epoch, kept, state.stopped, state.seconds)


class _Training:
    """One network's training: its state, its batches, and the place that it writes to."""

    def __init__(
        self,
        network: Identifier,
        training: IdentificationClips,
        validation: IdentificationClips,
        settings: IdentifierTraining,
        options: IdentifierOptions,
    ) -> None:
        self.network, self.validation = network, validation
        self.settings, self.options = settings, options
        self.device = device_of(network)
        hears = "voice" in network.modalities
        if convolves(network):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.batches = IdentificationBatches(
            training,
            batch_size=settings.batch_size,
            shift_samples=settings.shift_samples if hears else 0,
            n_shifted_copies=settings.n_shifted_copies if hears else 0,
            faces=settings.faces if "face" in network.modalities else None,
            seed=_seed(options.seed, BATCHES),
            device=self.device,
        )
        optimiser = make_optimiser(
            settings.optimiser,
            _groups(network, settings.weight_decay),
            learning_rate=settings.learning_rate,
            momentum=settings.momentum,
        )
        self.state = IdentifierState(network, optimiser)
        self.kept: KeptFeatures | None = None
        identity = {
            **settings.as_json(),
            "seed": options.seed,
            "bfloat16": options.bfloat16,
            "data": options.data,
            "network": type(network).__name__,
            **options.begins_with,
        }
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))

    def resume(self) -> list[Mapping[str, float]]:
        """Take over the state on disk, if there is one, and return the figures of its epochs."""
        place = self.options.place
        if place is None or not (place.folder / STATE / STATE_FILE).exists():
            return []
        self.state.load(place.folder / STATE / STATE_FILE, identity=self.identity)
        lines = read_metrics(place.folder)
        return [without_member(line) for line in lines if line.get("epoch", 0) <= self.state.epoch]

    def finish(self, report: Report | None, progress: Progress | None) -> list[Mapping[str, float]]:
        """Train from the state's epoch to the end and return the figures of each epoch."""
        state, settings, place = self.state, self.settings, self.options.place
        history: list[Mapping[str, float]] = []
        saving_s = saved_at_s = 0.0
        with ExitStack() as stack:
            log = None
            if place and not state.stopped:
                log = stack.enter_context(TrainingLog(place, after_epoch=state.epoch))
            if not state.stopped:  # the frozen part has the weights of the state by now
                self.kept = kept_features(
                    self.network, self.batches, self.validation, settings, bfloat16=self.options.bfloat16
                )
            while not state.stopped:
                started_s = time.perf_counter()
                figures = self._train_epoch()
                figures |= self._measure()
                figures["seconds"] = round(time.perf_counter() - started_s, 4)
                state.seconds += figures["seconds"]
                self._judge(figures["validation_loss"])
                history.append(figures)
                if log:
                    log.write_epoch(figures, {})
                if place and (state.stopped or state.seconds - saved_at_s >= saving_s / SHARE_OF_SAVING):
                    started_s = time.perf_counter()
                    state.save(place.folder / STATE / STATE_FILE, identity=self.identity)
                    saving_s, saved_at_s = time.perf_counter() - started_s, state.seconds
                if progress:
                    progress(state.epoch, settings.n_epochs)
                if report:
                    report(figures)
        return history

    def _judge(self, validation_loss: float) -> None:
        """Keep the best network so far, and say whether and why the training ends here."""
        state, settings = self.state, self.settings
        if validation_loss < state.best_loss:
            state.best_loss, state.best_epoch = validation_loss, state.epoch
            state.best = network_tensors(self.network) if settings.patience_epochs else None
        limit_min = settings.time_limit_min
        if state.epoch == settings.n_epochs:
            state.stopped = f"all {settings.n_epochs} epochs done"
        elif settings.patience_epochs and state.epoch - state.best_epoch >= settings.patience_epochs:
            state.stopped = f"no lower validation loss for {settings.patience_epochs} epochs"
        elif limit_min and state.seconds >= 60 * limit_min:
            state.stopped = f"the time limit of {limit_min:g} min was reached"

    def _train_epoch(self) -> dict[str, float]:
        """Make one pass over the training clips; return the mean loss, the share named right, and the rate."""
        state, settings, network = self.state, self.settings, self.network
        network.train()
        n_steps = settings.n_epochs * len(self.batches)
        step = state.epoch * len(self.batches)
        epoch = state.epoch + 1
        masks = torch.Generator().manual_seed(_seed(self.options.seed, MASKS, epoch))
        totals = torch.zeros(3, device=self.device)  # loss, named right, clips
        with seeded(self.device, _seed(self.options.seed, LAYERS, epoch)):
            for inputs, label in self._batches(epoch, masks):
                for group in state.optimiser.param_groups:
                    group["lr"] = settings.rate(step=step, n_steps=n_steps)
                state.optimiser.zero_grad(set_to_none=True)
                with number_format(self.device, self.options.bfloat16):
                    logits = inputs()
                logits = logits.float()
                loss = functional.cross_entropy(logits, label, label_smoothing=settings.label_smoothing)
                loss.backward()  # type: ignore[no-untyped-call]
                state.optimiser.step()
                right = (logits.detach().argmax(dim=1) == label).sum()
                totals += torch.stack([loss.detach() * len(label), right, torch.ones_like(right) * len(label)])
                step += 1
        state.epoch = epoch
        loss_sum, n_right, n_clips = totals.tolist()
        self._check_finite("loss", loss_sum)
        return {
            "epoch": epoch,
            "loss": loss_sum / n_clips,
            "train_top_1": n_right / n_clips,
            "learning_rate": float(state.optimiser.param_groups[0]["lr"]),
        }

    def _batches(self, epoch: int, masks: torch.Generator) -> Iterator[tuple[Callable[[], Tensor], Tensor]]:
        """Yield for each batch what gives its logits, and its labels.

        A last batch of a single clip is left out: no statistic of a batch can be taken of it.
        """
        if self.kept is not None:
            for chosen, label in self.batches.order(epoch):
                if len(label) > 1:
                    yield partial(self.kept.forward, self.kept.training[chosen].to(self.device)), label
            return
        for batch in self.batches.epoch(epoch):
            if len(batch.label) > 1:
                media = media_of(self.network, batch)
                if self.settings.mask_width and "voice" in media:
                    media["voice"] = mask_spectra(media["voice"], self.settings.mask_width, masks)
                yield partial(self.network, **media), batch.label

    def _measure(self) -> dict[str, float]:
        """Return loss, without smoothing, and share named right on the validation clips."""
        if self.kept is not None:
            logits = self.kept.validation_logits(self.network, bfloat16=self.options.bfloat16)
        else:
            logits = torch.from_numpy(predict(self.network, self.validation, bfloat16=self.options.bfloat16))
        labels = torch.from_numpy(self.validation.labels.astype(np.int64))
        loss = float(functional.cross_entropy(logits, labels))
        self._check_finite("validation loss", loss)
        return {
            "validation_loss": loss,
            "validation_top_1": float((logits.argmax(dim=1) == labels).float().mean()),
        }

    def _check_finite(self, what: str, loss: float) -> None:
        if not math.isfinite(loss):
            raise DivergedError(
                f"The {what} became nan or infinite in epoch {self.state.epoch} (seed {self.options.seed}). "
                f"Lower `learning_rate`, now {self.settings.learning_rate:g}."
            )


def without_member(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of `metrics.jsonl` without the name of its network."""
    return {name: value for name, value in line.items() if name != "member"}


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters to train: those of two dimensions or more decay, the others do not."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _seed(seed: int, *stream: int) -> int:
    return int(np.random.SeedSequence([seed, *stream]).generate_state(1)[0])
