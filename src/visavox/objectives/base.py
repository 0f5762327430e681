"""What every objective is: a batch of voices and faces in, a loss and its named parts out.

An objective holds no encoder and no tower. It may hold parameters of its own (a temperature, the weights of a
classifier), which train beside the network, and state (a curriculum, weights of identities), which is saved with the
run. Lower is better. The file of each objective says what it costs when blind, and how it relates to its neighbours.

Example:
    >>> from visavox.registry import OBJECTIVES
    >>> objective = OBJECTIVES.build({"name": "info_nce", "initial_temperature": 0.5})
    >>> objective.prepare(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=1), torch.Generator().manual_seed(0))
    >>> sorted(objective(torch.eye(2), torch.eye(2)))
    ['face_to_voice_loss', 'loss', 'voice_to_face_loss']
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError


@dataclass(frozen=True)
class TrainingFacts:
    """What an objective may know of the training before it begins."""

    n_people: int
    """Identities among the training pairs; labels run from 0 to n_people - 1."""
    dim: int
    """Length of the vectors that the towers give."""
    n_rows: int
    """Training pairs; `rows` of a batch run from 0 to n_rows - 1."""
    n_steps: int
    """Optimiser steps of the whole run."""
    n_values: Mapping[str, int] = field(default_factory=dict)
    """Different values of each covariate: "gender", "nationality", "language", "age"."""
    people: tuple[str, ...] = ()
    """Name of the identity of each label, n_people of them; empty where nobody knows."""


class Objective(nn.Module, ABC):
    """Base of all objectives; a subclass stores its arguments and registers itself under its file's name."""

    takes: ClassVar[Literal["unit", "raw"]] = "unit"
    """Whether rows come in with length one, or as the towers give them."""
    needs_labels: ClassVar[bool] = False
    """Whether `labels` must be given, identities from 0 to n_people - 1, instead of only where a person repeats."""
    extras: ClassVar[tuple[str, ...]] = ()
    """Further keyword arguments that `forward` takes, of "covariates" (a mapping of names to (n,) int64, -1 where
    unknown) and "rows" ((n,) int64, which training pair each row is)."""
    wants_all_vectors: ClassVar[bool] = False
    """Whether `before_epoch` is to be called with the vectors of all training pairs; it costs a pass over them."""

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:
        """Make what depends on the training data; called once, before the optimiser is made.

        Args:
            facts: sizes of the training.
            generator: draws first weights; on the CPU.

        Raises:
            ConfigError: the data lack what the objective needs.
        """

    def wanted_files(self) -> dict[str, str]:
        """Return the files that the objective wants read before the first step, by the option that names them."""
        return {}

    def take_tensors(self, option: str, tensors: Mapping[str, Tensor]) -> None:  # noqa: ARG002
        """Take what a wanted file holds; called once for each of `wanted_files`, after `prepare`.

        Args:
            option: key in `wanted_files`.
            tensors: arrays of the file by their names.

        Raises:
            ConfigError: the objective wants no such file.
            DataError: the file lacks the array, or it has another shape.
        """
        raise ConfigError(f"This objective wants no file {option!r}. Remove the option.")

    def before_step(self, step: int) -> None:
        """Move state to an optimiser step; `step` steps are done."""

    def before_epoch(self, voice: Tensor, face: Tensor, generator: torch.Generator) -> None:
        """Look at all training pairs; called before each epoch where `wants_all_vectors`.

        Args:
            voice: (n_rows, dim) float32 as `takes` says, without gradient.
            face: (n_rows, dim) float32.
            generator: for what is drawn; on the CPU, a function of seed and epoch.
        """

    def figures(self) -> dict[str, float]:
        """Return numbers of the state for the log: temperatures, the share of identities in use."""
        return {}

    @abstractmethod
    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss and its parts.

        Args:
            voice: (n, dim) float; row i belongs to row i of `face`.
            face: (n, dim) float.
            labels: (n,) int64 identities; None: each row its own.
            weights: (n,) float, how much each row counts, 0 or more, not all 0; None: all alike.
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other. None: every
                pair of different labels is.

        Returns:
            "loss", a scalar, and scalars under other names that say what it is made of.

        Raises:
            ValueError: shapes differ, or labels are needed and missing.
        """


def check_number(name: str, value: object, *, at_least: float, at_most: float = float("inf")) -> None:
    """Hold an argument of an objective to being a number between two bounds, both included.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not at_least <= value <= at_most:
        upper = "" if at_most == float("inf") else f" and at most {at_most:g}"
        raise ConfigError(f"`{name}` must be a number of at least {at_least:g}{upper}. Got {value!r}.")


def check_pairs(voice: Tensor, face: Tensor) -> None:
    """Raise unless both are (n, dim).

    Raises:
        ValueError: they are not.
    """
    if voice.shape != face.shape or voice.ndim != 2:
        raise ValueError(f"voice and face must have one shape (n, dim). Got {tuple(voice.shape)}, {tuple(face.shape)}.")


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of (n,) values, weighted by (n,) weights where they are given."""
    return values.mean() if weights is None else (values * weights).sum() / weights.sum()


def positives_of(labels: Tensor | None, n: int, device: torch.device) -> Tensor:
    """Return (n, n) bool: where voice i and face j are of one person."""
    if labels is None:
        return torch.eye(n, dtype=torch.bool, device=device)
    return labels[:, None] == labels[None]
