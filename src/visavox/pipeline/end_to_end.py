"""The training loop from pixels and samples: both encoders and their heads, together, in one process.

AdamW under InfoNCE across the modalities and the supervised contrastive loss within each, on batches of people. It
trains one network from prepared items; reading a corpus is `visavox.pipeline.end_to_end_data`'s affair, fitting the
associator that comes after `visavox.pipeline.model_training`'s. A run with a folder can be killed at any moment and
resumed: the weights come out bit for bit as if nothing had happened (on one machine, with one number of threads).

Example:
    trained = train_end_to_end(network, pairs, EndToEndSettings(n_epochs=60), seed=0)
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import numpy as np
import torch

from visavox.batches.augment import augment_faces, augment_voices, random_windows
from visavox.batches.media_pairs import MediaPairs
from visavox.batches.person_batches import PersonBatch, PersonBatches
from visavox.errors import DataError
from visavox.pipeline.checkpoints import STATE_FILE
from visavox.pipeline.end_to_end_network import BatchClips, JointNetwork
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.end_to_end_state import EndToEndState
from visavox.pipeline.monitoring import PairFigures
from visavox.pipeline.training_log import RunPlace, TrainingLog

FRAMES_A_SECOND = 100  # of every voice encoder's prepared items

Progress = Callable[[int, int], None]
Watch = Callable[[], Mapping[str, PairFigures]]


@dataclass(frozen=True)
class RunOptions:
    """What a run is told besides its settings."""

    seed: int = 0
    """Of the order, the windows and the changes; the encoders have drawn their weights already."""
    bfloat16: bool = False
    """Run the networks under autocast to bfloat16; losses stay in float32."""
    patience_epochs: int = 0
    """Stop after so many epochs without a better validation matching score, and keep the best; 0 never stops."""
    place: RunPlace | None = None
    """Where numbers and state go, and are resumed from; None writes nothing."""
    checkpoint_every_epochs: int = 0
    """Call `keep` every so many epochs; 0 never does."""


def train_end_to_end(
    network: JointNetwork,
    pairs: MediaPairs,
    settings: EndToEndSettings,
    options: RunOptions,
    *,
    watch: Watch | None = None,
    keep: Callable[[int], None] | None = None,
    progress: Progress | None = None,
) -> JointNetwork:
    """Train a network in place and return it in evaluation mode.

    Args:
        network: with fresh weights.
        pairs: prepared voices and faces of the training people.
        settings: how.
        options: seed, number format, folder.
        watch: measures the network as it is; called every `watch_every_epochs` and after the last epoch. Its
            "validation" decides about stopping early.
        keep: called as keep(steps done) every `checkpoint_every_epochs` and after the last epoch.
        progress: called as progress(epochs done, n_epochs).

    Returns:
        The network after the last epoch; with `patience_epochs`, as it was at the best one (the first of equals).

    Raises:
        DataError: too few people; people with one clip where a term needs two; the loss became nan or infinite; the
            state found is damaged or of another run.
        KeyboardInterrupt: passed on; the state of the last whole epoch is on disk.
    """
    check_people(pairs.voice_person.tolist(), pairs.face_person.tolist(), settings)
    run = _Run(network, pairs, settings, options)
    run.resume()
    run.finish(watch, keep, progress)
    if options.patience_epochs and run.state.best is not None:
        network.load_tensors(run.state.best)
    return network.eval()


def check_people(voice_people: Sequence[Hashable], face_people: Sequence[Hashable], settings: EndToEndSettings) -> None:
    """Raise where a term has nothing to learn from.

    Args:
        voice_people: whose each training voice is.
        face_people: whose each training face is.
        settings: the weights of the terms.

    Raises:
        DataError: fewer than two people with a voice and a face, or nobody has two items of a modality whose term
            has a weight.
    """
    n_people = len(set(voice_people) & set(face_people))
    if n_people < 2:
        raise DataError(f"Training needs at least 2 people with a voice and a face. Got {n_people}. Add people.")
    for modality, weight, person in (
        ("voice", settings.within_voice_weight, voice_people),
        ("face", settings.within_face_weight, face_people),
    ):
        if weight and max(Counter(person).values()) < 2:
            raise DataError(
                f"`within_{modality}_weight` needs people with two {modality}s or more, and every training person has "
                f"one. Prepare more clips of each, or set it to 0 in `end_to_end`."
            )


class _Run:
    """One training run: its state, its batches, and the places that it writes to."""

    def __init__(
        self, network: JointNetwork, pairs: MediaPairs, settings: EndToEndSettings, options: RunOptions
    ) -> None:
        self.pairs = pairs
        self.settings = settings
        self.options = options
        self.identity = {
            **asdict(settings),
            "seed": options.seed,
            "bfloat16": options.bfloat16,
            "patience_epochs": options.patience_epochs,
            "first_weights": f"{network.voice_encoder.identifier} {network.face_encoder.identifier}",
            "data": pairs.digest(),
        }
        self.batches = PersonBatches(
            pairs.voice_person,
            pairs.face_person,
            people_a_batch=settings.people_a_batch,
            clips_a_person=settings.clips_a_person,
            seed=options.seed,
        )
        optimiser = torch.optim.AdamW(network.trained_groups(), lr=settings.learning_rate)
        self.state = EndToEndState(network, optimiser)

    def resume(self) -> None:
        """Take over the state on disk, if there is one."""
        place = self.options.place
        if place and (place.member_folder / STATE_FILE).exists():
            self.state.load(place.member_folder / STATE_FILE, identity=self.identity)

    def finish(self, watch: Watch | None, keep: Callable[[int], None] | None, progress: Progress | None) -> None:
        """Train from the state's epoch to the end."""
        state, settings, place = self.state, self.settings, self.options.place
        every = self.options.checkpoint_every_epochs
        with ExitStack() as stack:
            log = None
            if place and not state.finished:
                log = stack.enter_context(TrainingLog(place, after_epoch=state.epoch))
            while not state.finished:
                started_s = time.perf_counter()
                losses = self._train_epoch()
                last = state.epoch == settings.n_epochs
                figures = {}
                if watch is not None and (last or state.epoch % settings.watch_every_epochs == 0):
                    figures = dict(watch())
                state.finished = self._judge(figures) or last
                if log:
                    log.write_epoch(self._numbers(losses, time.perf_counter() - started_s), figures)
                if keep and every and (state.finished or state.epoch % every == 0):
                    keep(state.step)
                if place:
                    state.save(place.member_folder / STATE_FILE, identity=self.identity)
                if progress:
                    progress(state.epoch, settings.n_epochs)

    def _judge(self, figures: Mapping[str, PairFigures]) -> bool:
        """Keep the best network so far, and return whether patience has run out."""
        state, patience = self.state, self.options.patience_epochs
        if "validation" in figures and figures["validation"].matching_score > state.best_score:
            state.best_score, state.best_epoch = figures["validation"].matching_score, state.epoch
            state.best = state.network.tensors() if patience else None
        return bool(patience) and state.epoch - state.best_epoch >= patience

    def _train_epoch(self) -> dict[str, float]:
        """Make one pass over the people and return the mean of each loss part."""
        state, settings = self.state, self.settings
        state.network.train()
        n_steps = settings.n_epochs * len(self.batches)
        draw_seed = int(np.random.SeedSequence([self.options.seed, state.epoch + 1, 1]).generate_state(1)[0])
        generator = torch.Generator().manual_seed(draw_seed)
        parts: list[dict[str, torch.Tensor]] = []
        with torch.random.fork_rng(devices=[]):  # dropout inside an encoder takes torch's own generator
            torch.manual_seed(draw_seed)
            for batch in self.batches.epoch(state.epoch + 1):
                for group in state.optimiser.param_groups:
                    group["lr"] = warmed_rate(settings, state.step, n_steps)
                losses = self._losses(batch, generator)
                state.optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(losses["loss"])
                state.optimiser.step()
                state.step += 1
                parts.append({name: value.detach() for name, value in losses.items()})
        state.epoch += 1
        means = {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}
        if not all(math.isfinite(value) for value in means.values()):
            raise DataError(
                f"The loss became nan or infinite in epoch {state.epoch} (seed {self.options.seed}). "
                f"Lower `learning_rate`, now {settings.learning_rate:g}."
            )
        return means

    def _losses(self, batch: PersonBatch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        network, pairs, settings = self.state.network, self.pairs, self.settings
        n_frames = max(1, round(settings.window_s * FRAMES_A_SECOND))
        windows = random_windows([pairs.voices[row] for row in batch.voice], n_frames, generator)
        spectra, *lengths = network.voice_encoder.collate(windows)
        (pictures,) = network.face_encoder.collate([pairs.faces[row] for row in batch.face])
        heard = augment_voices(spectra, settings.voice_augmentation, generator)
        seen = augment_faces(pictures, settings.face_augmentation, generator)
        with torch.autocast(seen.device.type, dtype=torch.bfloat16, enabled=self.options.bfloat16):
            voice, face = network((heard, *lengths), (seen,))
        person, voice_video, face_video = (
            torch.from_numpy(names).to(voice.device)
            for names in (batch.person, pairs.voice_video[batch.voice], pairs.face_video[batch.face])
        )
        return network.losses(voice, face, BatchClips(person, voice_video, face_video))

    def _numbers(self, losses: Mapping[str, float], seconds: float) -> dict[str, float | int]:
        state = self.state
        return {
            "epoch": state.epoch,
            "step": state.step,
            **losses,
            **state.network.temperatures,
            "learning_rate": float(state.optimiser.param_groups[0]["lr"]),
            "seconds": round(seconds, 4),
        }


def warmed_rate(settings: EndToEndSettings, step: int, n_steps: int) -> float:
    """Return the learning rate of an optimiser step.

    Args:
        settings: with `learning_rate` and `warm_up`.
        step: steps done before it, 0 to n_steps - 1.
        n_steps: steps of the whole run.

    Returns:
        With t = (step + 1) / n_steps and w = `warm_up`: learning_rate * t / w while t < w, then learning_rate *
        (1 + cos(pi (t - w) / (1 - w))) / 2, which ends at 0.

    Source: Loshchilov and Hutter, 2017, SGDR, eq. 5, no restart; a linear warm-up: Goyal et al., 2017, Accurate, large
    minibatch SGD, section 2.2.
    """
    share, warm_up = (step + 1) / n_steps, settings.warm_up
    if share < warm_up:
        return settings.learning_rate * share / warm_up
    if warm_up == 1:
        return settings.learning_rate
    return settings.learning_rate * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up))) / 2


def autocast_pays(device: str) -> bool:
    """Return whether bfloat16 is what `--precision auto` takes on a device.

    On a CPU that multiplies bfloat16 by itself (AVX-512 BF16, AMX) a step takes 0.6 of the time that float32 takes;
    on one that does not, it takes longer.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # no public name from torch 2.6 to 2.13
    return device == "cpu" and any(bool(getattr(torch.cpu, name, bool)()) for name in names)
