"""The descent of a predictor: Adam over mini-batches of clips, one epoch after the other, to be resumed after each.

The order of clips, and of the light predictor's second path which window of a voice stands for it, are drawn from seed
and epoch, so that a training that was killed ends in the same weights (on one machine, with one number of threads).
Spectrograms of the next batches are made by threads while one is learned from.

Example:
    descend(predictor, voices, features, PredictorTraining(n_epochs=2), validation=None, place=None)

Source: Oh et al., "Speech2Face" (CVPR 2019), section 3.2: Adam, beta1 0.5, rate 0.001, times 0.95 every 10,000 steps.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visavox.errors import DataError
from visavox.models.face_predictors.base import FacePredictor
from visavox.models.face_predictors.light import LightPredictor
from visavox.objectives.face_feature import NormalisedFeatureLoss, mean_angle_deg
from visavox.objectives.speech_to_face import Layer, SpeechToFaceLoss
from visavox.pipeline.cached_gradients import seeded
from visavox.pipeline.drawing.predictor_settings import LossName, PredictorTraining
from visavox.pipeline.drawing.voice_inputs import VoiceInputs
from visavox.pipeline.identification_forward import device_of, number_format
from visavox.pipeline.identification_state import IdentifierState, load_tensors, network_tensors
from visavox.pipeline.training_log import RunPlace, TrainingLog

STATE_FILE = "state.safetensors"
BATCHES_AHEAD, READING_THREADS = 3, 2
N_PREDICTED = 16  # clips in one forward pass without gradients

Progress = Callable[[int, int], None]
Features = NDArray[np.float32]
Loss = Callable[[Tensor, Tensor], dict[str, Tensor]]


def descend(
    predictor: FacePredictor,
    voices: VoiceInputs,
    features: Features,
    settings: PredictorTraining,
    *,
    validation: tuple[VoiceInputs, Features] | None,
    place: Path | None,
    first_decoder_layer: Layer | None = None,
    classifier: Layer | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train in place, and leave the network of the best epoch in evaluation mode.

    Args:
        predictor: on the device to train on; of the light one only the second path is trained.
        voices: of n clips.
        features: (n, dim) of their faces.
        settings: how.
        validation: voices and features of other people; None trains all epochs and keeps the last.
        place: folder of `metrics.jsonl` and the state; None writes nothing.
        first_decoder_layer: for the loss three_terms.
        classifier: for the loss three_terms.
        progress: called as progress(epochs done, n_epochs).

    Returns:
        How it went, in JSON values: loss, terms, epochs, kept_epoch, stopped, seconds.

    Raises:
        ConfigError: a term of the loss lacks its network.
        DataError: a loss became nan or infinite, or the state found is damaged or of another training.
    """
    run = _Descent(predictor, voices, features, settings, validation, first_decoder_layer, classifier)
    path = None if place is None else place / STATE_FILE
    if path is not None and path.is_file():
        run.state.load(path, identity=run.identity)
    run.finish(place, progress)
    state = run.state
    if state.best is not None:
        load_tensors(predictor, state.best)
    predictor.eval()
    return {
        "loss": run.loss_name,
        "terms": list(getattr(run.loss, "terms", (run.loss_name,))),
        "epochs": state.epoch,
        "kept_epoch": state.best_epoch if state.best is not None else state.epoch,
        "stopped": state.stopped,
        "seconds": round(state.seconds, 1),
    }


class _Descent:
    """One predictor's training: its state, its batches and its loss."""

    def __init__(
        self,
        predictor: FacePredictor,
        voices: VoiceInputs,
        features: Features,
        settings: PredictorTraining,
        validation: tuple[VoiceInputs, Features] | None,
        first_decoder_layer: Layer | None,
        classifier: Layer | None,
    ) -> None:
        self.predictor, self.voices, self.features = predictor, voices, features
        self.settings, self.validation = settings, validation
        self.device = device_of(predictor)
        self.loss_name: LossName = settings.loss or (
            "squared" if isinstance(predictor, LightPredictor) else "normalised"
        )
        self.loss = _loss_of(self.loss_name, settings, first_decoder_layer, classifier, self.device)
        if isinstance(predictor, LightPredictor):
            trained = [*predictor.first.parameters(), *predictor.second.parameters()]
        else:
            trained = list(predictor.parameters())
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(settings.beta1, 0.999))
        self.state = IdentifierState(predictor, optimiser)
        decides = {
            name: value for name, value in settings.as_json().items() if name not in ("n_epochs", "time_limit_min")
        }
        identity = {
            **decides,
            "network": repr([(name, tuple(value.shape)) for name, value in predictor.state_dict().items()]),
            "voices": voices.digest,
            "features": _digest(features),
        }
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))

    def finish(self, place: Path | None, progress: Progress | None) -> None:
        """Train from the state's epoch to the end."""
        state, settings = self.state, self.settings
        if state.stopped.startswith("all ") and state.epoch < settings.n_epochs:
            state.stopped = ""  # more epochs are asked for than last time
        with ExitStack() as stack:
            log = None
            if place is not None and not state.stopped:
                place.mkdir(parents=True, exist_ok=True)
                log = stack.enter_context(TrainingLog(RunPlace(place, tensorboard=False), after_epoch=state.epoch))
            while not state.stopped:
                started_s = time.perf_counter()
                figures = self._train_epoch()
                if self.validation is not None:
                    figures |= self._measure(*self.validation)
                figures["seconds"] = round(time.perf_counter() - started_s, 4)
                state.seconds += figures["seconds"]
                self._judge(figures)
                if log is not None:
                    log.write_epoch(figures, {})
                if place is not None:
                    state.save(place / STATE_FILE, identity=self.identity)
                if progress is not None:
                    progress(state.epoch, settings.n_epochs)

    def _judge(self, figures: Mapping[str, float]) -> None:
        """Keep the best network so far, and say whether and why the training ends here."""
        state, settings = self.state, self.settings
        waits = settings.patience_epochs if self.validation is not None else 0
        if waits and figures["validation_loss"] < state.best_loss:
            state.best_loss, state.best_epoch = figures["validation_loss"], state.epoch
            state.best = network_tensors(self.predictor)
        limit_min = settings.time_limit_min
        if waits and state.epoch - state.best_epoch >= waits:
            state.stopped = f"no lower validation loss for {waits} epochs"
        elif state.epoch >= settings.n_epochs:
            state.stopped = f"all {settings.n_epochs} epochs done"
        elif limit_min and state.seconds >= 60 * limit_min:
            state.stopped = f"the time limit of {limit_min:g} min was reached"

    def _train_epoch(self) -> dict[str, float]:
        """Make one pass over the clips and return mean figures."""
        state, settings = self.state, self.settings
        epoch = state.epoch + 1
        rng = np.random.default_rng([settings.seed, epoch])
        order = rng.permutation(len(self.voices))
        batches = [order[at : at + settings.batch_size] for at in range(0, len(order), settings.batch_size)]
        if len(batches) > 1 and len(batches[-1]) == 1:  # no statistic of a batch can be taken of one clip
            batches = batches[:-1]
        step = state.epoch * len(batches)
        sums: dict[str, Tensor] = {}
        n_clips = 0
        self.predictor.train()
        with seeded(self.device, int(rng.integers(2**31))):
            for rows, voice in self._ahead(batches, rng):
                for group in state.optimiser.param_groups:
                    group["lr"] = settings.rate(step)
                state.optimiser.zero_grad(set_to_none=True)
                with number_format(self.device, settings.bfloat16):
                    predicted = self.predictor(voice.to(self.device))
                found = self.loss(predicted.float(), torch.from_numpy(self.features[rows]).to(self.device))
                found["loss"].backward()
                state.optimiser.step()
                # A sum over the batch is reported by clip, as a mean is.
                share = 1 if settings.reduction == "sum" and self.loss_name != "squared" else len(rows)
                for name, value in found.items():
                    part = value.detach() * (len(rows) if name == "angle_deg" else share)
                    sums[name] = sums.get(name, torch.zeros((), device=self.device)) + part
                n_clips += len(rows)
                step += 1
        means = {name: float(value) / n_clips for name, value in sums.items()}
        self._check_finite("loss", means["loss"], epoch)
        state.epoch = epoch
        return {"epoch": epoch, "step": step, **means, "learning_rate": settings.rate(step - 1)}

    def _ahead(
        self, batches: list[NDArray[np.int64]], rng: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Yield rows and voices of batches; those of the next ones are read meanwhile."""
        if self.voices.embeddings is not None:
            for rows in batches:
                yield rows, self._of_any_part(rows, rng)
            return
        with ThreadPoolExecutor(READING_THREADS) as pool:
            waiting: deque[tuple[NDArray[np.int64], Future[Tensor]]] = deque()
            try:
                for rows in batches:
                    waiting.append((rows, pool.submit(self.voices.batch, rows)))
                    if len(waiting) > BATCHES_AHEAD:
                        ready, voice = waiting.popleft()
                        yield ready, voice.result()
                while waiting:
                    ready, voice = waiting.popleft()
                    yield ready, voice.result()
            finally:
                for _, voice in waiting:
                    voice.cancel()

    def _of_any_part(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return for each clip the vector of the whole voice, or as often that of one of its windows."""
        embeddings = self.voices.embeddings
        assert embeddings is not None
        chosen = embeddings.whole[rows].copy()
        if self.settings.windows and len(embeddings.windows):
            for place, row in enumerate(rows.tolist()):
                windows = embeddings.windows_of(row)
                if rng.random() < 0.5 and len(windows):
                    chosen[place] = windows[rng.integers(len(windows))]
        return torch.from_numpy(chosen)

    def _measure(self, voices: VoiceInputs, features: Features) -> dict[str, float]:
        """Return loss by clip and angle on clips of other people."""
        predicted, true = torch.from_numpy(predict(self.predictor, voices)), torch.from_numpy(features)
        with torch.inference_mode():
            found = self.loss(predicted.to(self.device), true.to(self.device))
            angle_deg = float(mean_angle_deg(predicted, true))
        summed = self.settings.reduction == "sum" and self.loss_name != "squared"
        loss = float(found["loss"]) / (len(features) if summed else 1)
        self._check_finite("validation loss", loss, self.state.epoch)
        return {"validation_loss": loss, "validation_angle_deg": angle_deg}

    def _check_finite(self, what: str, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise DataError(
                f"The {what} became nan or infinite in epoch {epoch} (seed {self.settings.seed}). Lower "
                f"`learning_rate`, now {self.settings.learning_rate:g}."
            )


def predict(predictor: FacePredictor, voices: VoiceInputs) -> Features:
    """Return (n, dim) float32 predictions of whole voices, in evaluation mode and float32."""
    device = device_of(predictor)
    was_training = predictor.training
    predictor.eval()
    try:
        with torch.inference_mode():
            parts = [
                predictor(voices.batch(np.arange(at, min(at + N_PREDICTED, len(voices))), device=device)).float().cpu()
                for at in range(0, len(voices), N_PREDICTED)
            ]
    finally:
        predictor.train(was_training)
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


class _SquaredLoss(nn.Module):
    """Mean over the batch of the squared distance."""

    def forward(self, predicted: Tensor, true: Tensor) -> dict[str, Tensor]:
        loss = (predicted - true).square().sum(dim=1).mean()
        return {"loss": loss, "angle_deg": mean_angle_deg(predicted, true)}


def _loss_of(
    name: LossName,
    settings: PredictorTraining,
    first_decoder_layer: Layer | None,
    classifier: Layer | None,
    device: torch.device,
) -> nn.Module:
    if name == "squared":
        return _SquaredLoss()
    if name == "normalised":
        return NormalisedFeatureLoss(reduction=settings.reduction)
    return SpeechToFaceLoss(
        first_decoder_layer=first_decoder_layer,
        classifier=classifier,
        feature_weight=settings.feature_weight,
        distillation_weight=settings.distillation_weight,
        temperature=settings.temperature,
        leave_out=settings.leave_out,
        reduction=settings.reduction,
    ).to(device)


def _digest(features: Features) -> str:
    return hashlib.sha256(np.ascontiguousarray(features).tobytes()).hexdigest()[:16]
