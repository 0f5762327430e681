"""What two training loops share: which optimiser, how its rate falls, and how an objective is asked for.

Example:
    >>> [round(dropped_rate(1.0, step, 4, (0.5,)), 3) for step in range(4)]
    [1.0, 1.0, 0.1, 0.1]
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from visavox.errors import ConfigError
from visavox.models.associators.base import check_number
from visavox.objectives.base import Objective
from visavox.registry import OBJECTIVES

Optimiser = Literal["adamw", "adam", "sgd"]
DROP = 0.1  # of the learning rate at each of `drop_at`


def make_optimiser(
    name: Optimiser, groups: Sequence[dict[str, Any]], *, learning_rate: float, momentum: float
) -> torch.optim.Optimizer:
    """Return an optimiser.

    Args:
        name: adamw (decoupled weight decay), adam, or sgd.
        groups: parameters with their weight decay.
        learning_rate: step size at the start.
        momentum: of sgd.
    """
    if name == "sgd":
        return torch.optim.SGD(list(groups), lr=learning_rate, momentum=momentum)
    kind = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    return kind(list(groups), lr=learning_rate)


def dropped_rate(learning_rate: float, step: int, n_steps: int, drop_at: Sequence[float]) -> float:
    """Return the learning rate times 0.1 for each share of `drop_at` that step / n_steps has reached."""
    return float(learning_rate * DROP ** sum(step >= share * n_steps for share in drop_at))


def checked_drops(drop_at: object, *, schedule: str) -> tuple[float, ...]:
    """Return the shares at which the rate drops, as a tuple, after holding them to their rule.

    Raises:
        ConfigError: no list of shares above 0 and below 1, or shares under another schedule than steps.
    """
    if not isinstance(drop_at, list | tuple):
        raise ConfigError(f"`drop_at` must be a list of shares, as in [0.4, 0.8]. Got {drop_at!r}.")
    for share in drop_at:
        check_number("drop_at", share, at_least=1e-9, at_most=1 - 1e-9)
    if bool(drop_at) != (schedule == "steps"):
        remedy = (
            "Give shares, as in [0.4, 0.8]." if schedule == "steps" else "Leave it out, or take the schedule steps."
        )
        raise ConfigError(f"`drop_at` is of the schedule steps. Got {tuple(drop_at)} with {schedule!r}. {remedy}")
    return tuple(drop_at)


def build_objective(spec: object, defaults: Mapping[str, Any]) -> Objective:
    """Return an objective.

    Args:
        spec: a name, or a mapping with `name` and its options.
        defaults: options that a bare name gets where the objective has them; a spec with options says all itself.

    Raises:
        ConfigError: neither, an unknown name, or an option that is left over or out of range.
    """
    given = {"name": spec} if isinstance(spec, str) else spec
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise ConfigError(f"`objective` must be a name or a mapping with `name`. Got {spec!r}.")
    accepted = inspect.signature(OBJECTIVES.get(given["name"])).parameters
    bare = {name: value for name, value in defaults.items() if isinstance(spec, str) and name in accepted}
    objective: Objective = OBJECTIVES.build({**given, **bare})
    return objective
