"""A corpus and a split to trained encoders and the vectors that they give: the first half of `train --corpus`.

The second half, fitting the associator on those vectors and saving the model, is that of every training
(`visavox.pipeline.model_training`). Under `torchrun` several processes train together: the first one goes through both
halves, the others end with the first half and write and print nothing.

Example:
    trained = train_encoders(plan_end_to_end(config), progress)
    trained.embedded.voice.vectors.shape
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from visavox.batches.masks import codes
from visavox.config import TrainConfig
from visavox.corpus.embeddings import table_from_items
from visavox.corpus.items import MODALITIES, Modality
from visavox.corpus.splits import Splits
from visavox.errors import ConfigError, DataError, VisavoxError
from visavox.models.associators.network import NetworkAssociator
from visavox.models.encoders.trainable import TrainableEncoder, inner_folder
from visavox.pipeline.distributed import ALONE, Processes, join_processes, told_processes
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.end_to_end import (
    RunOptions,
    Watch,
    autocast_pays,
    check_patience,
    check_people,
    check_rows,
    deal,
    tell_objective,
    train_end_to_end,
)
from visavox.pipeline.end_to_end_data import CorpusRows, PreparedCorpus, prepare_media
from visavox.pipeline.end_to_end_network import JointNetwork, trainable_encoder
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.frozen_encoder import Compute, Spec
from visavox.pipeline.monitoring import PairFigures, pair_figures
from visavox.pipeline.paired_tables import PairedTables
from visavox.pipeline.splitting import SPLITS, refuse_leaks
from visavox.pipeline.training_log import RunPlace

MEMBER = "encoders"  # name of the network in the run's folder and log
WATCHED_TRAINING_CLIPS = 100  # clips; all of them would cost as much as half an epoch
PREPARED = "prepared"  # folder of the run for clips that memory does not hold
CHECKPOINTS = "checkpoints"  # folder of the run; not member-*/step-*, which hold associators over frozen encoders

Progress = Callable[[int, int], None]
SaveModel = Callable[[Path, "TrainedEncoders"], None]


@dataclass(frozen=True)
class EndToEndPlan:
    """What a run is going to do; everything that can be refused has been."""

    config: TrainConfig
    settings: EndToEndSettings
    specs: Mapping[Modality, Spec]
    """The encoders to train."""
    rows: CorpusRows
    """The catalog's training and validation clips."""
    splits: Splits
    """Of the corpus."""
    bfloat16: bool
    """Whether the networks run under autocast."""
    processes: Processes = ALONE
    """Who trains together."""

    def clips(self, subset: str) -> list[str]:
        """Return the clips of a subset that the corpus holds, in order."""
        held = {item.clip for items in self.rows.items.values() for item in items}
        return [clip for clip in self.splits.clips(subset) if clip in held]

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the run, for config.yaml."""
        return {
            "end_to_end": json.loads(json.dumps(dataclasses.asdict(self.settings))),  # lists, as YAML gives them back
            "voice_encoder": self.specs["voice"],
            "face_encoder": self.specs["face"],
            "bfloat16": self.bfloat16,
            "catalog_hash": self.rows.catalog_hash,
            "split": self._split_digest(),
        }

    def _split_digest(self) -> str:
        """Return a hash of who is trained and who is validated on: another split is another run."""
        text = json.dumps({subset: sorted(self.clips(subset)) for subset in ("train", "validation")})
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class TrainedEncoders:
    """Encoders after training, and what they make of the corpus."""

    encoders: Mapping[Modality, TrainableEncoder]
    heads: NetworkAssociator
    """The heads that were trained with them."""
    embedded: CorpusEmbeddings
    """Training and validation clips as vectors of the encoders, and how they were made."""

    @property
    def n_parameters(self) -> int:
        """Learned numbers of both encoders."""
        return sum(encoder.n_parameters for encoder in self.encoders.values())

    def save_weights(self, folder: Path) -> None:
        """Write the weights of both encoders into a model folder.

        Raises:
            DataError: they cannot be written.
        """
        about = self.embedded.about["encoders"]
        for modality, encoder in self.encoders.items():
            encoder.save_weights(
                folder / inner_folder(modality), training_data=about[modality]["training_data"], overwrite=True
            )


def plan_end_to_end(config: TrainConfig) -> EndToEndPlan:
    """Read what a run needs to know and refuse what it cannot do, before anything is written.

    Under `torchrun` it returns in the first process only. The others train from here on, and their process ends with
    the training: what comes after it is written and printed once.

    Raises:
        ConfigError: an unknown setting; an encoder that cannot be trained; no validation people; more processes than
            a batch has rows.
        DataError: no corpus, no split, a split of another corpus, or one with somebody on two sides; too few training
            people, or people with one clip where a term needs two; the other processes cannot be reached.
    """
    rank, _ = told_processes()
    if rank:
        _follow(config)
    processes = join_processes(Compute.of(config).torch_device)
    with processes.together():
        return _plan(config, processes)


def _follow(config: TrainConfig) -> NoReturn:
    """Train as one of the processes that are not the first, in silence: what goes wrong the first one says."""
    try:
        processes = join_processes(Compute.of(config).torch_device)
        with processes.together():
            plan = _plan(config, processes)
        with _prepared(plan) as corpus:
            _train(plan, corpus)
    except VisavoxError as error:
        _end_at_once(error.exit_code)
    except KeyboardInterrupt:
        _end_at_once(130)
    _end_at_once(0)


def _end_at_once(code: int) -> NoReturn:
    """End this process without what Python does last: threads of the process group then sometimes abort it.

    An abort of one makes `torchrun` end the first process too, which may still be fitting.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _plan(config: TrainConfig, processes: Processes) -> EndToEndPlan:
    assert config.corpus is not None and config.splits is not None
    settings = EndToEndSettings.of(config.end_to_end)
    specs: dict[Modality, Spec] = {
        "voice": config.voice_encoder or "voice_cnn",
        "face": config.face_encoder or "face_cnn",
    }
    device = Compute.of(config).torch_device
    encoders = {m: trainable_encoder(spec, m, device, seed=config.seed) for m, spec in specs.items()}
    network = JointNetwork(encoders["voice"], encoders["face"], settings, seed=config.seed)
    if config.patience_epochs and not settings.across_weight:
        raise ConfigError("`patience_epochs` judges the learned heads, and `across_weight` 0 leaves them untrained.")
    check_patience(settings, config.patience_epochs)
    rows = CorpusRows.read(config.corpus)
    splits = Splits.load(config.splits / SPLITS, catalog_hash=rows.catalog_hash)
    counts = splits.counts()
    kept = rows.of_clips({clip for name in ("train", "validation") if counts.get(name) for clip in splits.clips(name)})
    validation = {item.identity for item in kept.items["voice"] if splits.subset_of(item.clip) == "validation"}
    if len(validation) < 2:
        raise ConfigError(
            "Training from a corpus needs 2 validation people or more, to choose and to calibrate on. "
            f"Got {len(validation)}. Split again with --validation 0.1."
        )
    people = {m: [i.identity for i in kept.items[m] if splits.subset_of(i.clip) == "train"] for m in MODALITIES}
    for modality in MODALITIES:
        if not people[modality]:
            raise DataError(f"The split has no {modality} to train on. Split again with smaller shares for the rest.")
    check_people(people["voice"], people["face"], settings)
    everyone = [*people["voice"], *people["face"]]
    numbers, names = codes(everyone), sorted(set(everyone))
    n_voices = len(people["voice"])
    batches = deal(numbers[:n_voices], numbers[n_voices:], settings, seed=config.seed)
    check_rows(batches, settings, processes)
    tell_objective(network, batches, settings, n_rows=n_voices, seed=config.seed, names=names)
    _refuse_leaks(splits, rows)
    low = config.precision == "bfloat16" or (config.precision == "auto" and autocast_pays(device))
    return EndToEndPlan(config, settings, specs, kept, splits, low, processes)


def train_encoders(
    plan: EndToEndPlan, progress: Progress | None = None, save: SaveModel | None = None
) -> TrainedEncoders:
    """Prepare the clips, train both encoders, and embed the clips with them.

    Args:
        plan: of `plan_end_to_end`.
        progress: called with clips while they are prepared, then with epochs.
        save: writes a model folder with the learned heads; for `checkpoint_every_epochs`.

    Raises:
        DataError: too few people, people with one clip where a term needs two, a loss that is no number, a state of
            another run, another process has ended.
    """
    with _prepared(plan, progress) as corpus:
        encoders, network = _train(plan, corpus, progress, save)
        return TrainedEncoders(encoders, network.heads, _embed(plan, corpus, encoders))


@contextmanager
def _prepared(plan: EndToEndPlan, progress: Progress | None = None) -> Iterator[PreparedCorpus]:
    """Prepare the clips for a block, and remove afterwards what this process has written of them."""
    config, processes = plan.config, plan.processes
    folder = config.out / PREPARED
    if processes.is_first:
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed; nobody of this one is past the next line
    processes.wait()  # until the first one has cleared the folder
    spill = folder / f"process-{processes.rank}"
    try:
        with processes.together():
            corpus = prepare_media(
                plan.rows,
                {modality: _as_mapping(spec) for modality, spec in plan.specs.items()},  # no weights: none are asked
                workers=config.workers,
                max_memory_gb=plan.settings.max_memory_gb,
                spill=spill,
                progress=progress,
            )
        yield corpus
    finally:
        shutil.rmtree(spill, ignore_errors=True)
        with suppress(OSError):  # another process's clips are still in it, or none have been written
            folder.rmdir()


def _train(
    plan: EndToEndPlan, corpus: PreparedCorpus, progress: Progress | None = None, save: SaveModel | None = None
) -> tuple[dict[Modality, TrainableEncoder], JointNetwork]:
    """Train both encoders with their heads and return them on the CPU; arguments as of `train_encoders`."""
    config, settings, processes = plan.config, plan.settings, plan.processes
    device = Compute.of(config).torch_device
    encoders = {m: trainable_encoder(plan.specs[m], m, device, seed=config.seed) for m in MODALITIES}
    training = corpus.of_clips(plan.clips("train"))
    network = JointNetwork(encoders["voice"], encoders["face"], settings, seed=config.seed).to(device)
    options = RunOptions(
        seed=config.seed,
        bfloat16=plan.bfloat16,
        patience_epochs=config.patience_epochs,
        place=RunPlace(config.out, member=MEMBER),
        checkpoint_every_epochs=config.checkpoint_every_epochs,
    )

    def keep(step: int) -> None:
        if save is not None:
            so_far = TrainedEncoders(encoders, network.heads, _embed(plan, corpus, encoders))
            save(config.out / CHECKPOINTS / f"step-{step:06d}", so_far)

    train_end_to_end(
        network,
        training.pairs(),
        settings,
        options,
        watch=_watch(plan, corpus, network) if settings.across_weight else None,
        keep=keep,
        progress=progress,
        processes=processes,
    )
    processes.leave()
    return encoders, network.to("cpu")


def _watch(plan: EndToEndPlan, corpus: PreparedCorpus, network: JointNetwork) -> Watch:
    """Return what measures some training clips and all validation clips under the learned heads."""
    train = plan.clips("train")
    some = {train[i] for i in np.linspace(0, len(train) - 1, min(len(train), WATCHED_TRAINING_CLIPS)).astype(int)}
    watched = {"train": corpus.of_clips(some), "validation": corpus.of_clips(plan.clips("validation"))}

    def measure() -> dict[str, PairFigures]:
        found = {}
        for name, clips in watched.items():
            embedded = CorpusEmbeddings(
                clips.voice.embed(network.voice_encoder), clips.face.embed(network.face_encoder), {}
            )
            pairs = PairedTables.of(embedded).pairs()
            found[name] = pair_figures(network.heads, pairs, pairs.allowed())
        return found

    return measure


def _embed(
    plan: EndToEndPlan, corpus: PreparedCorpus, encoders: Mapping[Modality, TrainableEncoder]
) -> CorpusEmbeddings:
    """Return all clips as vectors of the trained encoders, described as `embed` would."""
    source = plan.rows.settings.get("source", {})
    about = {
        "encoders": {
            modality: {
                "spec": {**_as_mapping(plan.specs[modality]), "weights": inner_folder(modality)},
                "weights": f"{encoder.name} {encoder.digest}",
                "training_data": f"{source.get('name', 'a corpus of its user')}, end to end",
                "licence": "unspecified: it follows from the training data",
            }
            for modality, encoder in encoders.items()
        },
        "clip": plan.rows.settings.get("clip", {}),
        "source": source,
        "catalog_hash": plan.rows.catalog_hash,
    }
    return CorpusEmbeddings(corpus.voice.embed(encoders["voice"]), corpus.face.embed(encoders["face"]), about)


def _refuse_leaks(splits: Splits, rows: CorpusRows) -> None:
    """Raise if somebody stands on two sides of the split; the check asks tables, whose vectors play no part."""
    tables = [table_from_items(rows.items[m], np.zeros((len(rows.items[m]), 1)), encoder="none") for m in MODALITIES]
    refuse_leaks(splits, CorpusEmbeddings(tables[0], tables[1], {}))


def _as_mapping(spec: Spec) -> dict[str, Any]:
    """Return a specification without what only mattered before the training."""
    given = {"name": spec} if isinstance(spec, str) else dict(spec)
    return {name: value for name, value in given.items() if name not in ("seed", "weights", "device")}
