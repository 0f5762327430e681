"""The folder of an identification experiment: what is in it, how it is claimed, and how it is read again.

    run/design.json                    people, clips, labels, split, seed, entries
    run/networks/NAME/                 config.json, model.safetensors, README.md: the network
                      training.json    specification, settings, costs, why it stopped
                      metrics.jsonl    a line an epoch; tensorboard/ beside it
                      predictions.safetensors
                      state/           while it is being trained

Example:
    experiment = read_experiment(Path("run"))
    network, people = load_identifier(Path("run/networks/vit-face"))
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.atomic_file import atomic_file
from visavox.errors import ConfigError, DataError
from visavox.evaluation.identification_record import Contender, Cost, Experiment, Published
from visavox.metrics.ensembles import combine
from visavox.models.identifiers.base import Identifier
from visavox.persistence import CONFIG_FILE, load_folder, read_tensors
from visavox.pipeline.identification_design import Design, EnsembleEntry, Entry
from visavox.pipeline.identification_media import ChosenClips
from visavox.pipeline.identification_state import load_tensors
from visavox.pipeline.identification_training import without_member
from visavox.pipeline.training_log import read_metrics
from visavox.registry import IDENTIFIERS

FORMAT = "visavox-identification-1"
DESIGN, NETWORKS, TRAINING, PREDICTIONS = "design.json", "networks", "training.json", "predictions.safetensors"
KIND = "identifier"
TRIALS = "search.json"  # of a network whose options were searched for
STRANGER_PEOPLE = "stranger_people"
STEP_STAMPS = ".steps"  # a recipe that stands in the same folder


def network_folder(out: Path, name: str) -> Path:
    """Return where a network of a run lies."""
    return out / NETWORKS / name


def claim_run(
    out: Path, design: Design, chosen: ChosenClips, *, seed: int, overwrite: bool, only: Collection[str] = ()
) -> None:
    """Write design.json, or hold an existing one against the run; entries may be added to it and left out.

    Args:
        out: folder of the run.
        design: all entries.
        chosen: the clips.
        seed: of the run.
        overwrite: remove the networks that are there.
        only: names of the networks that alone are removed; empty for all.

    Raises:
        ConfigError: `out` holds other files.
        DataError: `out` holds a run on other clips, or a damaged one.
    """
    wanted = {
        "format": FORMAT,
        "seed": seed,
        "split_by": chosen.split_by,
        "catalog_hash": chosen.catalog_hash,
        "corpus": chosen.corpus.resolve().name,
        "people": list(chosen.people),
        "clips": {subset: list(clips) for subset, clips in chosen.clips.items()},
        "labels": {subset: labels.tolist() for subset, labels in chosen.labels.items()},
        STRANGER_PEOPLE: list(chosen.stranger_people),
    }
    path = out / DESIGN
    kept = [place for place in (out / NETWORKS).glob("*") if not overwrite or (only and place.name not in only)]
    if path.is_file() and (kept or not overwrite):
        found = read_design_file(out)
        # Who the strangers are follows from corpus and clips, and the first runs did not say.
        held = [key for key in wanted if key not in ("corpus", STRANGER_PEOPLE)]
        other = sorted(key for key in held if found.get(key) != wanted[key])
        if other and kept:
            how = " without --only" if overwrite else ""
            raise DataError(
                f"{out} holds an experiment with other {', '.join(other)}. Choose another folder, or start anew with "
                f"--overwrite{how}."
            )
    elif out.exists() and not path.is_file() and any(file.name != STEP_STAMPS for file in out.iterdir()):
        raise ConfigError(
            f"`out` must be a new or empty folder, or an experiment. {out} holds other files. Choose another folder."
        )
    for place in (out / NETWORKS).glob("*"):
        if place not in kept:
            shutil.rmtree(place, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    entries = {entry.name: entry_as_json(entry) for entry in design}
    with atomic_file(path, what="design of the experiment") as fresh:
        fresh.write_text(json.dumps({**wanted, "entries": entries}, ensure_ascii=False) + "\n", encoding="utf-8")


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON gives it back."""
    common = {"published": asdict(entry.published), "max_parameters": entry.max_parameters, "unlike": entry.unlike}
    if isinstance(entry, EnsembleEntry):
        return {"ensemble": entry.how, "of": list(entry.of), **common}
    return {"network": dict(entry.spec), "from": dict(entry.branches), **common}


def read_design_file(folder: Path) -> dict[str, Any]:
    """Return design.json of a run.

    Raises:
        DataError: there is none, or it is damaged or of another format.
    """
    path = folder / DESIGN
    if not path.is_file():
        raise DataError(
            f"{folder} holds no identification experiment. Make one with: visavox train --task identification"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT or not isinstance(found["entries"], dict):
            raise ValueError(f"its format is {found['format']!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error}). Start the experiment anew with --overwrite.") from error
    return dict(found)


def read_training(folder: Path) -> dict[str, Any] | None:
    """Return training.json of a network that is done, None for one that is not.

    Raises:
        DataError: it is damaged.
    """
    path = folder / TRAINING
    if not path.is_file() or not (folder / CONFIG_FILE).is_file():
        return None
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error}). Remove its folder to train the network again.") from error


def read_experiment(folder: Path) -> Experiment:
    """Return what a run left: every network that is done and every ensemble whose members are, in the recipe's order.

    Raises:
        DataError: no run, a damaged one, or no network is done.
    """
    found = read_design_file(folder)
    done: dict[str, Contender] = {}
    for name, entry in found["entries"].items():
        if "ensemble" in entry:
            continue
        about = read_training(network_folder(folder, name))
        if about is not None:
            done[name] = _network_contender(folder, name, entry, about)
    if not done:
        raise DataError(f"No network of {folder} is done. Train them with: visavox train --task identification")
    for name, entry in found["entries"].items():
        members = [done.get(member) for member in entry.get("of", ())]
        if members and all(members):
            done[name] = _ensemble_contender(name, entry, [member for member in members if member is not None])
    return Experiment(
        split_by=found["split_by"],
        people=tuple(found["people"]),
        clips={subset: tuple(clips) for subset, clips in found["clips"].items()},
        labels={subset: np.asarray(labels, dtype=np.intp) for subset, labels in found["labels"].items()},
        contenders=tuple(done[name] for name in found["entries"] if name in done),
        corpus_name=found["corpus"],
        catalog_hash=found["catalog_hash"],
        seed=found["seed"],
        stranger_people=tuple(found.get(STRANGER_PEOPLE, ())),
    )


def load_identifier(folder: Path) -> tuple[Identifier, tuple[str, ...]]:
    """Return a trained network in evaluation mode, on the CPU, and the people that its logits stand for.

    Raises:
        DataError: the folder holds no identifier, or a damaged one.
    """
    saved = load_folder(folder, kind=KIND)
    arguments = dict(saved.arguments)
    people = tuple(str(person) for person in arguments.pop("people", ()))
    network: Identifier = IDENTIFIERS.build({"name": saved.name, **arguments})
    if len(people) != network.n_people:
        raise DataError(f"{folder} names {len(people)} people and its network {network.n_people}. Train it again.")
    try:
        load_tensors(network, saved.tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{folder} is damaged: {reason}. Train it again.") from error
    return network.eval(), people


def _network_contender(folder: Path, name: str, entry: Mapping[str, Any], about: Mapping[str, Any]) -> Contender:
    place = network_folder(folder, name)
    predictions, _ = read_tensors(place / PREDICTIONS)
    modalities = tuple(about["modalities"])
    return Contender(
        name=name,
        kind="fusion" if len(modalities) > 1 else "network",
        modalities=modalities,
        probabilities=predictions,
        cost=Cost(**{**about["cost"], "budget": entry["max_parameters"]}),
        published=Published(**entry["published"]),
        history=tuple(without_member(line) for line in read_metrics(place)),
        about={
            **{key: value for key, value in about.items() if key != "cost"},
            "search": _search(place, about),
            "unlike": entry.get("unlike", ""),
        },
    )


def _search(place: Path, about: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the trials of a search and what they were judged by; None where nothing was searched for."""
    if not about.get("search"):
        return None
    path = place / TRIALS
    try:
        trials = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}). Remove it to do without the table of the search.") from error
    return {**about["search"], "trials": trials, "measure": about["identity"]["search"]["measure"]}


def _ensemble_contender(name: str, entry: Mapping[str, Any], members: Sequence[Contender]) -> Contender:
    probabilities = {
        subset: combine([member.probabilities[subset] for member in members], entry["ensemble"]).astype(np.float32)
        for subset in members[0].probabilities
    }
    cost = Cost(
        n_parameters=sum(member.cost.n_parameters for member in members),
        macs=sum(member.cost.macs for member in members),
        latency_ms=sum(member.cost.latency_ms for member in members),
        file_bytes=sum(member.cost.file_bytes for member in members),
        budget=entry["max_parameters"],
    )
    seen = {modality for member in members for modality in member.modalities}
    return Contender(
        name=name,
        kind="ensemble",
        modalities=tuple(modality for modality in ("voice", "face") if modality in seen),
        probabilities=probabilities,
        cost=cost,
        published=Published(**entry["published"]),
        about={"ensemble": entry["ensemble"], "of": entry["of"], "unlike": entry.get("unlike", "")},
    )
