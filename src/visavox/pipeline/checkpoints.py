"""What a training run leaves on disk: the state to resume from, and the model as it was after an epoch.

The state is one safetensors file that is replaced in one step, so a kill at any moment leaves the old or the new
one. It holds everything that the next epoch depends on; nothing is pickled. Layout of a run with two members:

    run/metrics.jsonl
    run/tensorboard/member-0/...
    run/member-0/state.safetensors
    run/member-0/step-000020/...          the associator after 20 steps, when asked for
    run/member-1/...

Example:
    >>> import tempfile
    >>> list_checkpoints(Path(tempfile.mkdtemp()))
    []
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visavox.batches.pair_batches import Pairs
from visavox.errors import DataError
from visavox.models.associators.base import Associator
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.network import NetworkAssociator
from visavox.objectives.base import Objective
from visavox.persistence import Tensors, read_tensors, write_tensors

STATE_FILE = "state.safetensors"


@dataclass
class TrainingState:
    """Everything that the rest of a run depends on, besides the data and the settings."""

    model: NetworkAssociator
    """The network in training."""
    objective: Objective
    """The objective, with its parameters and its state."""
    optimiser: torch.optim.Optimizer
    """With the moments of every weight."""
    generator: torch.Generator
    """Of the noise and the dropout, on the device of the model."""
    epoch: int = 0
    """Epochs done."""
    step: int = 0
    """Optimiser steps done."""
    best_epoch: int = 0
    """Epoch of the best validation score so far; 0 before the first."""
    best_score: float = float("-inf")
    """The best validation score so far."""
    best: Tensors | None = None
    """Arrays of the model at `best_epoch`."""
    finished: bool = False
    """Whether there is nothing left to do."""

    def save(self, path: Path, *, identity: Mapping[str, Any]) -> None:
        """Write the state, replacing an older one in one step.

        Args:
            path: the file.
            identity: what must be the same when the run is resumed: settings, spec, a hash of the data.

        Raises:
            DataError: it cannot be written.
        """
        tensors = {f"model.{name}": array for name, array in self.model.tensors().items()}
        tensors |= {f"best.{name}": array for name, array in (self.best or {}).items()}
        tensors |= {f"objective.{name}": as_array(value) for name, value in self.objective.state_dict().items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": as_array(value) for name, value in moments.items()}
        tensors["generator"] = as_array(self.generator.get_state())
        figures = {
            "epoch": self.epoch,
            "step": self.step,
            "best_epoch": self.best_epoch,
            "best_score": None if self.best is None else self.best_score,
            "finished": self.finished,
        }
        write_tensors(path, tensors, {"identity": dict(identity), "figures": figures})

    def load(self, path: Path, *, identity: Mapping[str, Any]) -> None:
        """Take over a saved state, bit for bit.

        Raises:
            DataError: the file is damaged, or comes from a run with other settings or other data.
        """
        tensors, metadata = read_tensors(path)
        check_identity(path, metadata.get("identity", {}), identity)
        try:
            figures = metadata["figures"]
            self.epoch, self.step = int(figures["epoch"]), int(figures["step"])
            self.best_epoch, self.finished = int(figures["best_epoch"]), bool(figures["finished"])
            if figures["best_score"] is not None:
                self.best_score, self.best = float(figures["best_score"]), under("best", tensors)
            self.model.load_tensors(under("model", tensors))
            values = {name: torch.from_numpy(array) for name, array in under("objective", tensors).items()}
            self.objective.load_state_dict(values)
            self._load_moments(under("optimiser", tensors))
            self.generator.set_state(torch.from_numpy(tensors["generator"]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DataError(f"{path} is damaged ({error}). Remove it to train from the start.") from error

    def _load_moments(self, tensors: Tensors) -> None:
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, array in tensors.items():
            index, key = name.split(".", 1)
            moments.setdefault(int(index), {})[key] = torch.from_numpy(array)
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})


@dataclass(frozen=True)
class EpochCheckpoint:
    """The model of a run as it was after some optimiser steps."""

    step: int
    """Optimiser steps done by each member."""
    folders: tuple[Path, ...]
    """One model folder a member."""

    def load(self) -> Associator:
        """Return the associator; of several members, their ensemble with equal weights.

        Raises:
            DataError: a folder is damaged.
        """
        members = [NetworkAssociator.from_folder(folder) for folder in self.folders]
        return members[0] if len(members) == 1 else Ensemble(members)


def step_folder(member_folder: Path, step: int) -> Path:
    """Return where a member's model after `step` optimiser steps is kept."""
    return member_folder / f"step-{step:06d}"


def list_checkpoints(run_folder: Path) -> list[EpochCheckpoint]:
    """Return the steps that every member of a run has kept, first to last."""
    members = sorted(path.parent for path in run_folder.glob(f"member-*/{STATE_FILE}"))
    kept = [{int(path.name.removeprefix("step-")): path for path in m.glob("step-*")} for m in members]
    common = set.intersection(*(set(steps) for steps in kept)) if kept else set()
    return [EpochCheckpoint(step, tuple(steps[step] for steps in kept)) for step in sorted(common)]


def pairs_digest(*sets: Pairs | None) -> str:
    """Return a hash of everything that the pairs hold, besides their keys."""
    digest = hashlib.sha256()
    for pairs in sets:
        for array in (
            () if pairs is None else (pairs.voice, pairs.face, pairs.identity, pairs.video, *pairs.covariates.values())
        ):
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(b"|")
    return digest.hexdigest()


def check_identity(path: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Hold what a state was saved with against what the run at hand is made of.

    Raises:
        DataError: something differs; the message says what.
    """
    different = sorted(name for name in {*saved, *wanted} if saved.get(name) != wanted.get(name))
    if different:
        changes = ", ".join(f"{name} was {saved.get(name)!r}, is {wanted.get(name)!r}" for name in different)
        raise DataError(f"{path} comes from another run: {changes}. Use the old settings and data, or another folder.")


def under(prefix: str, tensors: Tensors) -> Tensors:
    """Return the tensors, of any shape, whose names begin with `prefix` and a dot, under the rest of their names."""
    return {name[len(prefix) + 1 :]: array for name, array in tensors.items() if name.startswith(prefix + ".")}


def as_array(value: torch.Tensor) -> np.ndarray:
    """Return a copy of a tensor on any device, of the same shape and type."""
    return np.asarray(value.detach().cpu().numpy()).copy()
