"""The state of a network that is learning to name people, on disk: one file, replaced in one step, nothing pickled.

Order, shifts, changes of pictures and dropout are pure functions of seed and epoch, so that weights, moments and a few
numbers are all that the next epoch depends on.

Example:
    state.save(folder / "state" / "epoch.safetensors", identity={"seed": 0})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from visavox.errors import DataError
from visavox.persistence import Tensors, read_tensors, write_tensors
from visavox.pipeline.checkpoints import as_array, check_identity, under


@dataclass
class IdentifierState:
    """Everything that the rest of a training depends on, besides the clips and the settings."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    epoch: int = 0
    """Epochs done."""
    seconds: float = 0.0
    """Spent in them, over all sittings."""
    best_epoch: int = 0
    """Epoch of the lowest validation loss so far; 0 before the first."""
    best_loss: float = float("inf")
    """The lowest validation loss so far."""
    best: Tensors | None = None
    """Arrays of the network at `best_epoch`; None where the last network is kept."""
    stopped: str = ""
    """Why there is nothing left to do; "" while there is."""

    def save(self, path: Path, *, identity: Mapping[str, Any]) -> None:
        """Write the state, replacing an older one in one step.

        Args:
            path: the file.
            identity: what must be the same when the training is resumed.

        Raises:
            DataError: it cannot be written.
        """
        tensors = {f"network.{name}": array for name, array in network_tensors(self.network).items()}
        tensors |= {f"best.{name}": array for name, array in (self.best or {}).items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {
                f"optimiser.{index}.{name}": as_array(value)
                for name, value in moments.items()
                if isinstance(value, torch.Tensor)
            }
        figures = {
            "epoch": self.epoch,
            "seconds": self.seconds,
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss if self.best_epoch else None,
            "stopped": self.stopped,
        }
        write_tensors(path, tensors, {"identity": dict(identity), "figures": figures})

    def load(self, path: Path, *, identity: Mapping[str, Any]) -> None:
        """Take over a saved state, bit for bit.

        Raises:
            DataError: the file is damaged, or comes from a training with other settings or other clips.
        """
        tensors, metadata = read_tensors(path)
        check_identity(path, metadata.get("identity", {}), identity)
        try:
            figures = metadata["figures"]
            self.epoch, self.seconds = int(figures["epoch"]), float(figures["seconds"])
            self.best_epoch, self.stopped = int(figures["best_epoch"]), str(figures["stopped"])
            if figures["best_loss"] is not None:
                self.best_loss = float(figures["best_loss"])
            self.best = under("best", tensors) or None
            load_tensors(self.network, under("network", tensors))
            moments: dict[int, dict[str, torch.Tensor]] = {}
            for name, array in under("optimiser", tensors).items():
                index, key = name.split(".", 1)
                moments.setdefault(int(index), {})[key] = torch.from_numpy(array)
            self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{path} is damaged ({reason}). Remove it to train from the start.") from error


def network_tensors(network: nn.Module) -> Tensors:
    """Return copies of all weights and buffers of a network, of any shape, as arrays on the CPU."""
    return {name: as_array(value) for name, value in network.state_dict().items()}


def load_tensors(network: nn.Module, tensors: Tensors) -> None:
    """Put arrays, of any shape, into a network.

    Raises:
        RuntimeError: a name or a shape does not fit.
    """
    network.load_state_dict({name: torch.from_numpy(np.asarray(array).copy()) for name, array in tensors.items()})
