"""The experiment of `train --task identification`: networks that name the people of a corpus, one after the other.

Everything that can be refused is refused before a clip is read; a network that is done is not trained again; one that
was interrupted goes on at its last whole epoch. What the folder holds is `visavox.pipeline.identification_folder`'s
affair.

Example:
    outcome = train_identification(config, progress)
    [(row.name, row.validation_top_1) for row in outcome.rows]
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visavox.batches.identification_batches import IdentificationClips
from visavox.config import TrainConfig
from visavox.errors import DataError
from visavox.evaluation.identification_record import SUBSETS
from visavox.models.identifiers.base import Identifier
from visavox.persistence import load_folder, save_folder, write_tensors
from visavox.pipeline.end_to_end import autocast_pays
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.identification_card import network_card
from visavox.pipeline.identification_costs import network_cost
from visavox.pipeline.identification_design import Design, NetworkEntry, read_design
from visavox.pipeline.identification_done import (
    SEARCH,
    RunIdentity,
    begin,
    drop_unfinished,
    is_done,
    network_identity,
    taken_weights,
)
from visavox.pipeline.identification_folder import (
    KIND,
    PREDICTIONS,
    TRAINING,
    TRIALS,
    claim_run,
    load_identifier,
    network_folder,
    read_experiment,
)
from visavox.pipeline.identification_forward import adapt, predict
from visavox.pipeline.identification_media import ChosenClips, ExperimentMedia, choose_clips, read_media
from visavox.pipeline.identification_plan import (
    build_identifier,
    check_budget,
    check_networks,
    take_branches,
    with_branches,
)
from visavox.pipeline.identification_search import FoundOptions, search_options
from visavox.pipeline.identification_settings import IdentifierTraining
from visavox.pipeline.identification_state import network_tensors
from visavox.pipeline.identification_training import (
    DivergedError,
    IdentifierOptions,
    IdentifierOutcome,
    train_identifier,
)
from visavox.pipeline.training_log import METRICS_FILE, TENSORBOARD_FOLDER, RunPlace

SPILL = "prepared"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IdentificationRow:
    """One entry, for the command to print."""

    name: str
    kind: str
    """network, fusion or ensemble."""
    validation_top_1: float
    """Share of the validation clips that are named right."""
    n_parameters: int
    epochs: int = 0
    """Epochs done; 0 for ensembles."""
    seconds: float = 0.0
    """Of the training."""
    stopped: str = ""
    """Why it ended."""


@dataclass(frozen=True)
class IdentificationOutcome:
    """What `train --task identification` made."""

    folder: Path
    n_people: int
    split_by: str
    n_clips: Mapping[str, int]
    """Subset -> clips."""
    left_out: Mapping[str, int]
    """Why clips of the split are not used -> how many."""
    rows: tuple[IdentificationRow, ...]
    """Entries that are done, in the order of the recipe."""


def train_identification(config: TrainConfig, progress: Progress | None = None) -> IdentificationOutcome:
    """Train the networks of an experiment.

    Args:
        config: of the task identification.
        progress: called as progress(done, total): with clips while they are read, then with epochs of all networks.

    Raises:
        ConfigError: the design is wrong, a network is over its budget, or `out` holds other files.
        DataError: no corpus or split, people in train and test differ, a run on other clips, a loss that is no number.
        MissingDependencyError: a search is asked for, and Optuna is not installed.
    """
    assert config.corpus is not None and config.splits is not None
    design = read_design(config.networks)
    chosen_networks = design.networks(*config.only)
    modalities, _ = check_networks(design.networks(), seed=config.seed)
    chosen = choose_clips(config.corpus, config.splits, modalities)
    check_networks(
        chosen_networks, seed=config.seed, n_people=len(chosen.people), budgets=True, ensembles=design.ensembles
    )
    claim_run(config.out, design, chosen, seed=config.seed, overwrite=config.overwrite, only=design.named(*config.only))
    experiment = _Experiment(config, design, chosen)
    experiment.do(chosen_networks, progress)
    return _outcome(config.out, chosen)


class _Experiment:
    """The networks of one run, and the clips that they share."""

    def __init__(self, config: TrainConfig, design: Design, chosen: ChosenClips) -> None:
        self.config, self.design, self.chosen = config, design, chosen
        self.media = ExperimentMedia(chosen.labels, None, {})
        self.device = Compute.of(config).torch_device
        low = config.precision == "bfloat16" or (config.precision == "auto" and autocast_pays(self.device))
        self.bfloat16 = low
        text = json.dumps([chosen.catalog_hash, dict(chosen.clips), chosen.people], sort_keys=True)
        self.data = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        asked = None if config.precision == "auto" else low
        self.identity = RunIdentity(config.out, config.seed, self.data, asked)

    def do(self, networks: list[NetworkEntry], progress: Progress | None) -> None:
        """Train what is not done, in order."""
        waiting = [entry for entry in networks if not is_done(entry, self.design, self.identity)]
        if not waiting:
            return
        needed = self.design.networks(*(entry.name for entry in waiting))
        modalities, sizes = check_networks(needed, seed=self.config.seed)
        try:
            self._read("voice" in modalities, sizes, progress)
            total = sum(_epochs(entry) for entry in waiting)
            before = 0
            for entry in waiting:
                self._train(entry, _offset(progress, before, total))
                before += _epochs(entry)
        finally:
            shutil.rmtree(self.config.out / SPILL, ignore_errors=True)

    def _read(self, voices: bool, sizes: tuple[int, ...], progress: Progress | None = None) -> None:
        """Read voices, and faces of some sizes, beside what is read already."""
        self.media = read_media(
            self.chosen,
            face_sizes_px=sizes,
            voices=voices,
            workers=self.config.workers,
            spill=self.config.out / SPILL,
            progress=progress,
            beside=self.media,
        )

    def _train(self, entry: NetworkEntry, progress: Progress) -> None:
        """Search, train, predict, measure and save one network."""
        folder = network_folder(self.config.out, entry.name)
        begin(entry, self.config.out)
        spec = self._with_branches(entry)
        found = None
        n_before = 0
        if entry.search is not None:
            found = self._search(replace(entry, spec=spec), folder, progress)
            spec, n_before = dict(found.spec), entry.search.n_trials * entry.search.n_epochs
        training = found.training if found else entry.training
        network = self._build(entry, spec)
        options = IdentifierOptions(
            seed=self.config.seed,
            bfloat16=self.bfloat16,
            place=RunPlace(folder, member=entry.name),
            data=self.data,
            begins_with={"specification": self._known(spec), "from": taken_weights(entry, self.config.out)},
        )
        try:
            outcome = train_identifier(
                network,
                self._clips(network, "train"),
                self._clips(network, "validation"),
                training,
                options,
                progress=_offset(progress, n_before, _epochs(entry)),
            )
        except DivergedError:
            drop_unfinished(entry.name, self.config.out)  # it would diverge again, and other settings cannot go on
            raise
        self._save(entry, spec, training, network, outcome, found)

    def _with_branches(self, entry: NetworkEntry) -> dict[str, Any]:
        """Return the specification of an entry, with those of trained networks where it takes them."""
        specs = {}
        for modality, name in entry.branches.items():
            saved = load_folder(network_folder(self.config.out, name), kind=KIND)
            specs[modality] = {key: value for key, value in saved.spec.items() if key not in ("people", "n_people")}
        return with_branches(entry, specs)

    def _known(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return a specification with whom it is for, as JSON gives it back."""
        return dict(json.loads(json.dumps({**spec, "n_people": len(self.chosen.people)})))

    def _build(self, entry: NetworkEntry, spec: Mapping[str, Any]) -> Identifier:
        """Return a network with its first weights: drawn, carried, or those of trained networks."""
        network = build_identifier(entry, spec, n_people=len(self.chosen.people), seed=self.config.seed, fill=True)
        check_budget(entry, network.n_parameters)
        if set(entry.branches) != set(network.modalities):  # a part is new, and has seen no picture
            adapt(network, self._clips(network, "train"))
        if entry.branches:
            trained = {m: load_identifier(network_folder(self.config.out, n))[0] for m, n in entry.branches.items()}
            take_branches(network, trained)
        return network.to(self.device)

    def _clips(self, network: Identifier, subset: str) -> IdentificationClips:
        """Return what a network is shown; a size that only a search or a trained network knew of is read now."""
        size = network.face_px if "face" in network.modalities else None
        sizes = () if size is None or size in self.media.faces else (size,)
        voices = "voice" in network.modalities and self.media.voices is None
        if sizes or voices:
            self._read(voices, sizes)
        return self.media.clips(subset, *network.modalities, face_px=network.face_px)

    def _search(self, entry: NetworkEntry, folder: Path, progress: Progress) -> FoundOptions:
        assert entry.search is not None
        n_epochs = entry.search.n_epochs

        def train(spec: Mapping[str, Any], training: IdentifierTraining, report: Callable[..., None]) -> Any:
            network = self._build(entry, spec)
            outcome = train_identifier(
                network,
                self._clips(network, "train"),
                self._clips(network, "validation"),
                training,
                IdentifierOptions(seed=self.config.seed, bfloat16=self.bfloat16),
                report=report,
            )
            return outcome.kept

        return search_options(
            entry,
            train,
            seed=self.config.seed,
            folder=folder / SEARCH,
            data=self.data,
            progress=lambda done, _: progress(done * n_epochs, _epochs(entry)),
        )

    def _predictions(self, name: str, network: Identifier, subset: str) -> NDArray[np.float32]:
        """Return the probabilities of a subset, (n, n_people) float32, all of them numbers."""
        found = softmax(predict(network, self._clips(network, subset)))
        n_wrong = int((~np.isfinite(found)).any(axis=1).sum())
        if n_wrong:
            raise DataError(
                f"The network {name!r} must give every clip a probability. For {n_wrong} of {len(found)} {subset} "
                "clips it gives nan. Lower its `learning_rate`."
            )
        return found

    def _save(
        self,
        entry: NetworkEntry,
        spec: Mapping[str, Any],
        training: IdentifierTraining,
        network: Identifier,
        outcome: IdentifierOutcome,
        found: FoundOptions | None,
    ) -> None:
        """Write the folder of a network in one step; what stood in it while it was trained is replaced."""
        folder = network_folder(self.config.out, entry.name)
        predictions = {subset: self._predictions(entry.name, network, subset) for subset in self.chosen.subsets}
        write_tensors(folder / PREDICTIONS, predictions, {"people": list(self.chosen.people)})
        arguments = {key: value for key, value in spec.items() if key != "name"}
        arguments |= {"n_people": len(self.chosen.people), "people": list(self.chosen.people)}
        kept = {
            METRICS_FILE: folder / METRICS_FILE,
            PREDICTIONS: folder / PREDICTIONS,
            TRIALS: folder / SEARCH / TRIALS,
        }
        kept |= {
            str(path.relative_to(folder)): path for path in (folder / TENSORBOARD_FOLDER).rglob("*") if path.is_file()
        }
        files: dict[str, str | bytes] = {name: path.read_bytes() for name, path in kept.items() if path.is_file()}
        network = network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        tensors = network_tensors(network)
        weights = folder / "weights"
        save_folder(weights, kind=KIND, name=str(spec["name"]), arguments=arguments, tensors=tensors, overwrite=True)
        about = {
            "name": entry.name,
            "identity": network_identity(entry, self.identity),
            "network": dict(spec),
            "modalities": list(network.modalities),
            "training": training.as_json(),
            "published": asdict(entry.published),
            "max_parameters": entry.max_parameters,
            "n_parameters": network.n_parameters,
            "epochs": outcome.n_epochs,
            "kept_epoch": outcome.kept_epoch,
            "stopped": outcome.stopped,
            "seconds": round(outcome.seconds, 2),
            "bfloat16": self.bfloat16,
            "device": self.device,
            "threads": torch.get_num_threads(),
            "from": dict(entry.branches),
            "search": {"best": found.best, "n_trials": len(found.trials)} if found else None,
            "cost": asdict(network_cost(network, weights, budget=entry.max_parameters)),
        }
        files |= {TRAINING: json.dumps(about, indent=1) + "\n"}
        files |= {"README.md": network_card(about, outcome.kept, self.chosen)}
        save_folder(
            folder,
            kind=KIND,
            name=str(spec["name"]),
            arguments=arguments,
            tensors=tensors,
            extra_files=files,
            overwrite=True,
        )


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities (n, n_people) float32 of logits of that shape; rows add up to 1."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _outcome(out: Path, chosen: ChosenClips) -> IdentificationOutcome:
    experiment = read_experiment(out)
    labels = experiment.labels[SUBSETS[1]]
    rows = []
    for contender in experiment.contenders:
        named = contender.probabilities[SUBSETS[1]].argmax(axis=1)
        about = contender.about
        rows.append(
            IdentificationRow(
                name=contender.name,
                kind=contender.kind,
                validation_top_1=float(np.mean(named == labels)),
                n_parameters=contender.cost.n_parameters,
                epochs=int(about.get("epochs", 0)),
                seconds=float(about.get("seconds", 0.0)),
                stopped=str(about.get("stopped", "")),
            )
        )
    n_clips = {subset: len(clips) for subset, clips in chosen.clips.items()}
    return IdentificationOutcome(out, len(chosen.people), chosen.split_by, n_clips, chosen.left_out, tuple(rows))


def _epochs(entry: NetworkEntry) -> int:
    """Return the epochs that an entry may take, those of its search included."""
    search = entry.search.n_trials * entry.search.n_epochs if entry.search else 0
    return entry.training.n_epochs + search


def _offset(progress: Progress | None, before: int, total: int) -> Progress:
    """Return a progress of a part that tells the whole's how far it is."""

    def tell(done: int, _of: int) -> None:
        if progress is not None:
            progress(before + done, total)

    return tell


__all__ = [
    "IdentificationOutcome",
    "IdentificationRow",
    "load_identifier",
    "read_experiment",
    "train_identification",
]
