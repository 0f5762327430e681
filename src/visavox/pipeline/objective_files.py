"""Files that an objective wants before its first step: the weights of identities that another run has found.

An option may name the file itself (a converted `id_weight.pth`, a run's state.safetensors) or the run, whose first
member's state is then taken.

Example:
    give_files(objective)       # after objective.prepare(...)
"""

from __future__ import annotations

from pathlib import Path

import torch

from visavox.errors import DataError
from visavox.objectives.base import Objective
from visavox.persistence import read_tensors
from visavox.pipeline.checkpoints import STATE_FILE

SHARED = ("center.weight",)  # names that a state file holds under the name of what it is a part of


def give_files(objective: Objective) -> None:
    """Read every file that an objective names and hand it over.

    Raises:
        DataError: there is no such file or run, it is damaged, or it does not hold what is wanted.
    """
    for option, named in objective.wanted_files().items():
        tensors, _ = read_tensors(_file(option, Path(named)))
        found = {name: torch.from_numpy(array) for name, array in tensors.items()}
        for name in list(found):
            for ending in SHARED:
                if name.endswith(f".{ending}"):
                    found.setdefault(ending, found[name])
        objective.take_tensors(option, found)


def _file(option: str, path: Path) -> Path:
    if path.is_dir():
        states = sorted(path.rglob(STATE_FILE))
        if not states:
            raise DataError(
                f"`{option}` must name a file or a run. {path} holds no {STATE_FILE}. Train that run first."
            )
        return states[0]
    if not path.is_file():
        raise DataError(f"`{option}` must name a file or a run. There is no {path}. Train that run first.")
    return path
