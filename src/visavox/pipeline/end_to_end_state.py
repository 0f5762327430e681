"""The state of an end-to-end training run on disk: one file, replaced in one step, nothing pickled.

Batches, windows, changes of pictures and dropout are pure functions of seed and epoch, so that weights, moments and
two counters are all that the next epoch depends on.

Example:
    state.save(run / "member-0" / STATE_FILE, identity={"seed": 0})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from visavox.errors import DataError
from visavox.persistence import Tensors, read_tensors, write_tensors
from visavox.pipeline.checkpoints import as_array, check_identity, under
from visavox.pipeline.end_to_end_network import JointNetwork


@dataclass
class EndToEndState:
    """Everything that the rest of a run depends on, besides the data and the settings."""

    network: JointNetwork
    """Encoders, heads and temperatures."""
    optimiser: torch.optim.Optimizer
    """With the moments of every weight."""
    epoch: int = 0
    """Epochs done."""
    step: int = 0
    """Optimiser steps done."""
    best_epoch: int = 0
    """Epoch of the best validation score so far; 0 before the first."""
    best_score: float = float("-inf")
    """The best validation score so far."""
    best: Tensors | None = None
    """Arrays of the network at `best_epoch`; kept only where the run may stop early."""
    finished: bool = False
    """Whether there is nothing left to do."""

    def save(self, path: Path, *, identity: Mapping[str, Any]) -> None:
        """Write the state, replacing an older one in one step.

        Args:
            path: the file.
            identity: what must be the same when the run is resumed: settings, encoders, a hash of the data.

        Raises:
            DataError: it cannot be written.
        """
        tensors = {f"network.{name}": array for name, array in self.network.tensors().items()}
        tensors |= {f"best.{name}": array for name, array in (self.best or {}).items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": as_array(value) for name, value in moments.items()}
        figures = {
            "epoch": self.epoch,
            "step": self.step,
            "best_epoch": self.best_epoch,
            "best_score": self.best_score if self.best_epoch else None,
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
                self.best_score = float(figures["best_score"])
            self.best = under("best", tensors) or None
            self.network.load_tensors(under("network", tensors))
            moments: dict[int, dict[str, torch.Tensor]] = {}
            for name, array in under("optimiser", tensors).items():
                index, key = name.split(".", 1)
                moments.setdefault(int(index), {})[key] = torch.from_numpy(array)
            self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{path} is damaged ({reason}). Remove it to train from the start.") from error
