"""The training loop from pixels and samples: both encoders and their heads, together, in one process or several.

Any objective across the modalities and the supervised contrastive loss within each, on batches of people. It trains
one network from prepared items; reading a corpus is `visavox.pipeline.end_to_end_data`'s affair, fitting the associator
that comes after `visavox.pipeline.model_training`'s. A run with a folder can be killed at any moment and resumed: the
weights come out bit for bit as if nothing had happened (on one machine, with one number of threads and of processes).

Example:
    trained = train_end_to_end(network, pairs, EndToEndSettings(n_epochs=60), RunOptions(seed=0))
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visavox.batches.media_pairs import MediaPairs
from visavox.batches.person_batches import PersonBatches
from visavox.errors import ConfigError, DataError
from visavox.pipeline.cached_gradients import seeded
from visavox.pipeline.checkpoints import STATE_FILE
from visavox.pipeline.distributed import ALONE, Processes
from visavox.pipeline.end_to_end_network import JointNetwork
from visavox.pipeline.end_to_end_rate import warmed_rate
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.end_to_end_state import EndToEndState
from visavox.pipeline.end_to_end_step import BatchGradients, EpochDraws
from visavox.pipeline.gathered_batch import gathered_statistics
from visavox.pipeline.monitoring import PairFigures
from visavox.pipeline.objective_files import give_files
from visavox.pipeline.optimising import make_optimiser
from visavox.pipeline.training_log import RunPlace, TrainingLog

MEDIA, LOSS, ENCODERS = 1, 2, 4  # streams of random numbers of an epoch; 3 is that of the objective's first weights

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
    """Stop at a measurement so many epochs after the best validation matching score, and keep that network; 0 never
    stops and keeps the last; as many as `n_epochs` never stop and keep the best."""
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
    processes: Processes = ALONE,
) -> JointNetwork:
    """Train a network in place and return it in evaluation mode.

    Several processes call this with equal arguments and end with equal weights; only the first one measures, writes
    and reports progress.

    Args:
        network: with fresh weights.
        pairs: prepared voices and faces of the training people.
        settings: how.
        options: seed, number format, folder.
        watch: measures the network as it is; called every `watch_every_epochs` and after the last epoch. Its
            "validation" decides about stopping early.
        keep: called as keep(steps done) every `checkpoint_every_epochs` and after the last epoch.
        progress: called as progress(epochs done, n_epochs).
        processes: who trains together.

    Returns:
        The network after the last epoch; with `patience_epochs`, as it was at the best one (the first of equals).

    Raises:
        ConfigError: the objective needs what the data lack, a batch has fewer rows than there are processes, or
            `patience_epochs` is shorter than the time between two measurements.
        DataError: too few people; people with one clip where a term needs two; the loss became nan or infinite; the
            state found is damaged or of another run; another process has ended or trains something else.
        KeyboardInterrupt: passed on; the state of the last whole epoch is on disk.
    """
    check_people(pairs.voice_person.tolist(), pairs.face_person.tolist(), settings)
    check_patience(settings, options.patience_epochs)
    run = _Run(network, pairs, settings, options, processes)
    run.resume()
    with gathered_statistics([network.voice, network.face], processes):
        run.finish(watch, keep, progress)
    if processes.is_first and options.patience_epochs and run.state.best is not None:
        network.load_tensors(run.state.best)
    run.agree()
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


def check_patience(settings: EndToEndSettings, patience_epochs: int) -> None:
    """Raise where a run would have to stop before it is measured again.

    Raises:
        ConfigError: `patience_epochs` is above 0 and below `watch_every_epochs`.
    """
    if 0 < patience_epochs < settings.watch_every_epochs:
        raise ConfigError(
            f"`patience_epochs` must be 0 or at least `watch_every_epochs`, {settings.watch_every_epochs}, since a run "
            f"is judged when it is measured. Got {patience_epochs}. Raise it, or measure more often."
        )


class _Run:
    """One training run: its state, its batches, and the places that it writes to."""

    def __init__(
        self,
        network: JointNetwork,
        pairs: MediaPairs,
        settings: EndToEndSettings,
        options: RunOptions,
        processes: Processes,
    ) -> None:
        self.settings = settings
        self.options = options
        self.processes = processes
        self.place = options.place if processes.is_first else None
        identity = {
            **asdict(settings),
            "seed": options.seed,
            "bfloat16": options.bfloat16,
            "patience_epochs": options.patience_epochs,
            "first_weights": f"{network.voice_encoder.identifier} {network.face_encoder.identifier}",
            "data": pairs.digest(),
        }
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))  # as a state gives it back: lists, no tuples
        self.batches = deal(pairs.voice_person, pairs.face_person, settings, seed=options.seed)
        check_rows(self.batches, settings, processes)
        tell_objective(network, self.batches, settings, n_rows=len(pairs.voices), seed=options.seed, names=pairs.people)
        optimiser = make_optimiser(
            settings.optimiser,
            network.trained_groups(),
            learning_rate=settings.learning_rate,
            momentum=settings.momentum,
        )
        self.state = EndToEndState(network, optimiser)
        self.gradients = BatchGradients(
            network, pairs, self.batches.people, settings, bfloat16=options.bfloat16, processes=processes
        )

    def resume(self) -> None:
        """Take over the state on disk, if there is one; the other processes take it from the first."""
        path = self.place.member_folder / STATE_FILE if self.place else None
        processes = self.processes
        with processes.together():
            if path and path.exists():
                self.state.load(path, identity=self.identity)
        if processes.count == 1:
            return
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()
        digests = processes.texts(digest)
        for rank, other in enumerate(digests):
            if other != digests[0]:
                raise DataError(
                    f"Process {rank} trains on other data or with other settings than process 0. Give all the same."
                )
        content = processes.bytes_from_first(path.read_bytes() if path and path.exists() else b"")
        if content and not processes.is_first:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / STATE_FILE).write_bytes(content)
                self.state.load(Path(folder) / STATE_FILE, identity=self.identity)
        self.agree()

    def agree(self) -> None:
        """Let every process go on with the first one's weights and buffers, whatever rounding did."""
        self.processes.copy_from_first(list(self.state.network.state_dict().values()))

    def finish(self, watch: Watch | None, keep: Callable[[int], None] | None, progress: Progress | None) -> None:
        """Train from the state's epoch to the end."""
        state, settings, place = self.state, self.settings, self.place
        every = self.options.checkpoint_every_epochs
        with ExitStack() as stack:
            log = None
            if place and not state.finished:
                log = stack.enter_context(TrainingLog(place, after_epoch=state.epoch))
            while not state.finished:
                started_s = time.perf_counter()
                losses = self._train_epoch()
                self.agree()
                if not self.processes.is_first:
                    state.finished = bool(self.processes.number_from_first(0))
                    continue
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
                self.processes.number_from_first(int(state.finished))

    def _judge(self, figures: Mapping[str, PairFigures]) -> bool:
        """Keep the best network so far, and return whether patience has run out; only where it was measured."""
        state, patience = self.state, self.options.patience_epochs
        if "validation" not in figures:
            return False
        if figures["validation"].matching_score > state.best_score:
            state.best_score, state.best_epoch = figures["validation"].matching_score, state.epoch
            state.best = state.network.tensors() if patience else None
        return bool(patience) and state.epoch - state.best_epoch >= patience

    def _train_epoch(self) -> dict[str, float]:
        """Make one pass over the people and return the mean of each loss part."""
        state, settings = self.state, self.settings
        state.network.train()
        n_steps = settings.n_epochs * len(self.batches)
        draws = EpochDraws(torch.Generator().manual_seed(self._epoch_seed(MEDIA)), self._epoch_seed(LOSS))
        parts: list[dict[str, torch.Tensor]] = []
        # Dropout inside an encoder takes torch's own generator: rows of two processes must not be dropped alike.
        with seeded(next(state.network.parameters()).device, self._epoch_seed(ENCODERS, self.processes.rank)):
            for batch in self.batches.epoch(state.epoch + 1):
                for group in state.optimiser.param_groups:
                    group["lr"] = warmed_rate(settings, state.step, n_steps)
                state.optimiser.zero_grad(set_to_none=True)
                parts.append(self.gradients.of(batch, draws, step=state.step))
                state.optimiser.step()
                state.step += 1
        state.epoch += 1
        means = {name: float(torch.stack([part[name] for part in parts]).mean()) for name in parts[0]}
        if not all(math.isfinite(value) for value in means.values()):
            raise DataError(
                f"The loss became nan or infinite in epoch {state.epoch} (seed {self.options.seed}). "
                f"Lower `learning_rate`, now {settings.learning_rate:g}."
            )
        return means

    def _epoch_seed(self, *stream: int) -> int:
        """Return the seed of a stream of random numbers in the epoch that begins."""
        key = [self.options.seed, self.state.epoch + 1, *stream]
        return int(np.random.SeedSequence(key).generate_state(1)[0])

    def _numbers(self, losses: Mapping[str, float], seconds: float) -> dict[str, float | int]:
        state = self.state
        return {
            "epoch": state.epoch,
            "step": state.step,
            **losses,
            **state.network.figures,
            "learning_rate": float(state.optimiser.param_groups[0]["lr"]),
            "seconds": round(seconds, 4),
        }


def deal(voice_person: np.ndarray, face_person: np.ndarray, settings: EndToEndSettings, *, seed: int) -> PersonBatches:
    """Return what deals the batches of a run.

    Args:
        voice_person: (n_voices,) integers, whose each voice is.
        face_person: (n_faces,) integers, numbered like the voices.
        settings: sizes of the batches.
        seed: of the order.

    Raises:
        DataError: fewer than two people have both.
    """
    return PersonBatches(
        voice_person,
        face_person,
        people_a_batch=settings.people_a_batch,
        clips_a_person=settings.clips_a_person,
        one_per_person=settings.one_per_person,
        seed=seed,
    )


def check_rows(batches: PersonBatches, settings: EndToEndSettings, processes: Processes) -> None:
    """Raise where a process would go without rows.

    Raises:
        ConfigError: the smallest batch has fewer rows than there are processes.
    """
    least = min(len(batch.person) for batch in batches.epoch(1))  # of every epoch: sizes do not change
    if least < processes.count:
        raise ConfigError(
            f"Every batch needs a row for each process. The smallest has {least} for {processes.count} processes. "
            f"Start fewer, or raise `people_a_batch`, now {settings.people_a_batch}."
        )


def tell_objective(
    network: JointNetwork,
    batches: PersonBatches,
    settings: EndToEndSettings,
    *,
    n_rows: int,
    seed: int,
    names: Sequence[str] = (),
) -> None:
    """Let the objective make what depends on the data, and read the files that it wants.

    Its first weights are a function of the seed. An earlier run may stand for such a file.

    Args:
        network: whose objective it is.
        batches: of the run.
        settings: of the run.
        n_rows: training voices.
        seed: of the run.
        names: name of each number of a person that the batches were made of; empty where nobody knows.

    Raises:
        ConfigError: the objective needs what the data lack.
        DataError: a file is missing or damaged, or holds something else.
    """
    drawn = int(np.random.SeedSequence([seed, 3]).generate_state(1)[0])
    network.prepare(
        n_people=len(batches.people),
        n_rows=n_rows,
        n_steps=settings.n_epochs * len(batches),
        generator=torch.Generator().manual_seed(drawn),
        people=[names[person] for person in batches.people] if names else (),
    )
    give_files(network.across)


def autocast_pays(device: str) -> bool:
    """Return whether bfloat16 is what `--precision auto` takes on a device.

    On a CPU that multiplies bfloat16 by itself (AVX-512 BF16, AMX) a step takes 0.6 of the time that float32 takes;
    on one that does not, it takes longer.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # no public name from torch 2.6 to 2.13
    return device == "cpu" and any(bool(getattr(torch.cpu, name, bool)()) for name in names)
