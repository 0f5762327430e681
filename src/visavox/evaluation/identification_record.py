"""What an identification experiment left: the probabilities of every network and ensemble, and their cost.

These are records; nothing is computed here. They are read from the folder of a run by `visavox.pipeline`, turned into
measures by `visavox.evaluation.protocols.identification` and into pages by
`visavox.evaluation.identification_report`.

Example:
    >>> Published(top_1=0.9463).top_5 is None
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
SUBSETS = ("train", "validation", "test")
STRANGERS = "strangers"  # clips of people whom no network knows, for open-set figures


@dataclass(frozen=True)
class Published:
    """Figures of the original experiment, on data of its own."""

    top_1: float | None = None
    """Top-1 accuracy on its test clips, 0 to 1."""
    top_5: float | None = None
    """Top-5 accuracy on its test clips, 0 to 1."""
    n_parameters: int | None = None
    """Parameters as published."""


@dataclass(frozen=True)
class Cost:
    """What it takes to name one clip."""

    n_parameters: int
    """Numbers that the network holds; of an ensemble or a fusion the sum of its parts."""
    macs: float
    """Multiply-accumulates of one forward pass of one clip; mel image and face crop not counted."""
    latency_ms: float
    """Median time of one clip on this machine, batch of one, in float32."""
    file_bytes: int
    """Size of the weights on disk."""
    budget: int | None = None
    """Most parameters that the design allows; None where it says nothing."""


@dataclass(frozen=True, eq=False)
class Contender:
    """One row of the table: a network, or an ensemble of networks."""

    name: str
    """As in the recipe."""
    kind: Literal["network", "fusion", "ensemble"]
    """`fusion`: one network over both modalities; `ensemble`: probabilities of several combined."""
    modalities: tuple[str, ...]
    """What it is shown: ("voice",), ("face",) or both."""
    probabilities: Mapping[str, Floats]
    """Subset ("train", "validation", "test", and "strangers" where there are any) -> (n_clips, n_people) float32, rows
    that add up to 1, in the order of `Experiment.clips[subset]`, without augmentation."""
    cost: Cost
    published: Published = Published()
    history: tuple[Mapping[str, Any], ...] = ()
    """One mapping an epoch: epoch, loss, train_top_1 (while it learns: with augmentation and dropout), validation_loss,
    validation_top_1, learning_rate, seconds; empty for ensembles."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Specification, training settings, epochs done, why it stopped, seconds, weights it began with; `search`: its
    trials and the measure that chose; `unlike`: what is not as in the original, in words."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """All contenders on one split of one corpus."""

    split_by: Literal["clip", "session"]
    """What was dealt out: "clip" as the original did, which leaves clips of one session on both sides, or "session"."""
    people: tuple[str, ...]
    """Who is known; column order of all probabilities."""
    clips: Mapping[str, tuple[str, ...]]
    """Subset -> clip names."""
    labels: Mapping[str, NDArray[np.intp]]
    """Subset -> (n_clips,) int, index into `people`; -1 for strangers."""
    contenders: tuple[Contender, ...]
    corpus_name: str = ""
    catalog_hash: str = ""
    seed: int = 0
    stranger_people: tuple[str, ...] = ()
    """Who is on each clip of "strangers"; empty where that is not known."""
