"""Files that an objective wants before its first step: the weights of identities that another run has found.

An option may name the file itself (a converted `id_weight.pth`, a run's state.safetensors) or the run, whose first
member's state is then taken, as it was when that run ended. A table of people, vox1_train.csv, becomes "people", the
numbers of `visavox.objectives.identity_weights.person_numbers`.

Example:
    give_files(objective)       # after objective.prepare(...)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from visavox.corpus.published_lists.lines import read_text
from visavox.corpus.published_lists.people_split import IDS, UNUSED
from visavox.errors import DataError
from visavox.objectives.base import Objective
from visavox.objectives.identity_weights import person_numbers
from visavox.persistence import read_tensors
from visavox.pipeline.checkpoints import STATE_FILE

SHARED = ("center.weight", "center.people")  # names that a state file holds under the name of what it is a part of
KEPT = "best."  # prefix of a state file: the network as it was at its best epoch, a second time
TABLE = ".csv"


def give_files(objective: Objective) -> None:
    """Read every file that an objective names and hand it over.

    Raises:
        DataError: there is no such file or run, it is damaged, or it does not hold what is wanted.
    """
    for option, named in objective.wanted_files().items():
        path = _file(option, Path(named))
        objective.take_tensors(option, _people(path) if path.suffix == TABLE else _tensors(path))


def _tensors(path: Path) -> Mapping[str, Tensor]:
    """Return the arrays of a file, those of a run's own objective also under their names in the objective."""
    found = {name: torch.from_numpy(array) for name, array in read_tensors(path)[0].items()}
    for ending in SHARED:
        names = sorted(name for name in found if name.endswith(f".{ending}") and not name.startswith(KEPT))
        if len(names) > 1:
            raise DataError(
                f"{path} must hold one {ending}. It holds {', '.join(names)}. Give a file with one of them."
            )
        if names:
            found.setdefault(ending, found[names[0]])
    return found


def _people(path: Path) -> Mapping[str, Tensor]:
    """Return "people", (n, names a person) int64, of the rows of a table in their order, each person once.

    Raises:
        DataError: the table names nobody, or a row lacks a name.
    """
    people: dict[tuple[str, ...], None] = {}
    for line, row in enumerate(csv.DictReader(io.StringIO(read_text(path))), start=2):
        names = tuple((row.get(column) or "").strip() for column in IDS if column in row)
        if not names or "" in names:
            raise DataError(f"{path} line {line}: must name a person in {IDS[0]} and {IDS[1]}. Mend the line.")
        if (row.get("Set") or "").strip() != UNUSED:
            people[names] = None
    if not people:
        raise DataError(f"{path} names nobody. Give vox1_train.csv.")
    return {"people": torch.stack([person_numbers(names) for names in people])}


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
