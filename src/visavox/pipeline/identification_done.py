"""Whether a network of an identification experiment is done, and what an interrupted one may go on from.

It compares what decides a network, settings, clips and the weights that it takes, with what its folder says; it trains
nothing. What rests on a network that was trained anew is not done: its weights will come anew.

Example:
    is_done(entry, design, RunIdentity(Path("run"), seed=0, data="c0ffee"))
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visavox.corpus.atomic_file import atomic_file
from visavox.errors import ConfigError
from visavox.persistence import TENSOR_FILE
from visavox.pipeline.identification_design import Design, NetworkEntry
from visavox.pipeline.identification_folder import network_folder, read_training
from visavox.pipeline.identification_training import STATE

SEARCH = "search"  # folder of the trials of a network that is being searched for
BEGAN_WITH = "from.json"  # digests of the weights that an unfinished network took; in its folder until it is done


@dataclass(frozen=True)
class RunIdentity:
    """What all networks of a run have in common."""

    out: Path
    """The folder of the run."""
    seed: int
    data: str
    """What the clips are."""
    bfloat16: bool | None = None
    """The number format that was asked for; None takes what a network was trained in."""


def network_identity(entry: NetworkEntry, run: RunIdentity) -> dict[str, Any]:
    """Return what decides a network, as JSON gives it back."""
    identity = {
        "network": entry.spec,
        "training": entry.training.as_json(),
        "search": asdict(entry.search) if entry.search else None,
        "seed": run.seed,
        "data": run.data,
        "from": taken_weights(entry, run.out),
    }
    return dict(json.loads(json.dumps(identity)))


def taken_weights(entry: NetworkEntry, out: Path) -> dict[str, str]:
    """Return modality -> digest of the weights that a network takes from another, "" where it has none yet."""
    return {m: _digest(network_folder(out, name) / TENSOR_FILE) for m, name in entry.branches.items()}


def is_done(entry: NetworkEntry, design: Design, run: RunIdentity) -> bool:
    """Return whether a network is trained, on the weights that it rests on now.

    Raises:
        ConfigError: it is trained with other settings than those of the design.
        DataError: what its folder says is damaged.
    """
    folder = network_folder(run.out, entry.name)
    about = read_training(folder)
    if about is None or any(not is_done(_branch(design, name), design, run) for name in entry.branches.values()):
        return False
    wanted = network_identity(entry, run)
    other = sorted(key for key in wanted if about["identity"].get(key) != wanted[key])
    if run.bfloat16 is not None and about.get("bfloat16") != run.bfloat16:
        other.append("precision")
    if other == ["from"]:  # trained anew since, or interrupted while it was
        return False
    if other:
        raise ConfigError(
            f"{folder} holds a network that was trained with other {', '.join(other)}. Give it another name, "
            "remove its folder, or start anew with --overwrite."
        )
    return True


def begin(entry: NetworkEntry, out: Path) -> None:
    """Note which weights a training takes, and drop what one with others has left unfinished."""
    if not entry.branches:
        return
    folder = network_folder(out, entry.name)
    path, wanted = folder / BEGAN_WITH, json.dumps(taken_weights(entry, out), sort_keys=True)
    if path.is_file():
        if path.read_text(encoding="utf-8") == wanted:
            return
        drop_unfinished(entry.name, out)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(path, what="note of the weights that a network began with") as fresh:
        fresh.write_text(wanted, encoding="utf-8")


def drop_unfinished(name: str, out: Path) -> None:
    """Remove the state and the trials of a network that is not done."""
    for part in (STATE, SEARCH):
        shutil.rmtree(network_folder(out, name) / part, ignore_errors=True)


def _branch(design: Design, name: str) -> NetworkEntry:
    entry = design.entries[name]
    assert isinstance(entry, NetworkEntry)
    return entry


def _digest(path: Path) -> str:
    """Return a hash of a file, "" where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
