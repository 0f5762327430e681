"""Strangers: how convincing somebody is who is not enrolled, and from where on a probe is believed.

Everybody enrolled is left out in turn and asks as a stranger. The scores of these strangers give a new probe its
conformal p-value, (1 + strangers at least as convincing) / (1 + strangers): were the probe a stranger like them, it
would be at most a with a chance of at most a. There is one list for each combination of modalities.

Example:
    >>> scores = np.array([1.0, 2.0, 3.0, 4.0])
    >>> conformal_p_value(2.5, scores), acceptance_threshold(scores, 0.4), least_rate(scores)
    (0.6, 3.0000000000000004, 0.2)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError


def conformal_p_value(score: float, strangers: NDArray[np.floating]) -> float:
    """Return the share of strangers at least as convincing as a probe, the probe counted among them.

    Args:
        score: how convincing the probe is.
        strangers: (n,) float in rising order.

    Returns:
        1 / (n + 1) to 1; nan without strangers.

    Source: Vovk, Gammerman and Shafer, "Algorithmic learning in a random world" (2005), section 2.2, with ties
        counted against the probe.
    """
    if not len(strangers):
        return math.nan
    n_reaching = len(strangers) - int(np.searchsorted(strangers, score, side="left"))
    return (1 + n_reaching) / (1 + len(strangers))


def least_rate(strangers: NDArray[np.floating]) -> float:
    """Return the least false-accept rate that these strangers can promise, 1 / (n + 1)."""
    return 1 / (1 + len(strangers))


def acceptance_threshold(strangers: NDArray[np.floating], false_accept: float) -> float:
    """Return the least score whose p-value is at most a false-accept rate.

    Args:
        strangers: (n,) float in rising order.
        false_accept: above 0, at most 1.

    Returns:
        A float; -inf where everything is accepted, inf where nothing is: below `least_rate`.

    Raises:
        ConfigError: the rate is not above 0 and at most 1.
    """
    if not 0 < false_accept <= 1:
        raise ConfigError(f"`false_accept` must be above 0 and at most 1. Got {false_accept}.")
    n = len(strangers)
    # A score is accepted when 1 + n_reaching <= rate * (n + 1); the sum forgives rounding of products like 0.1 * 30.
    n_allowed = math.floor(false_accept * (n + 1) * (1 + 1e-12)) - 1
    if n_allowed < 0:
        return math.inf
    if n_allowed >= n:
        return -math.inf
    return float(np.nextafter(float(strangers[n - 1 - n_allowed]), math.inf))


@dataclass(frozen=True, eq=False)
class StrangerScores:
    """How convincing the simulated strangers are, for one combination of modalities."""

    scores: NDArray[np.float64]
    """(n,) float64, rising: the greatest log likelihood ratio of each stranger."""
    owners: tuple[str, ...]
    """Whose clip each was."""
    clips: tuple[str, ...]
    """Which clip."""

    @classmethod
    def of(cls, scores: NDArray[np.floating], owners: Sequence[str], clips: Sequence[str]) -> StrangerScores:
        """Return the scores in rising order."""
        order = np.argsort(scores, kind="stable").tolist()
        values = np.asarray(scores, dtype=np.float64)[order]
        return cls(values, tuple(owners[i] for i in order), tuple(clips[i] for i in order))

    def __len__(self) -> int:
        """Return how many strangers there are."""
        return len(self.scores)

    def joined(self, other: StrangerScores) -> StrangerScores:
        """Return the strangers of both."""
        scores = np.concatenate([self.scores, other.scores])
        return StrangerScores.of(scores, self.owners + other.owners, self.clips + other.clips)

    def raised(self, scores: NDArray[np.floating]) -> StrangerScores:
        """Return the same strangers, each as convincing as it was or as (n,) `scores` say, whichever is more."""
        return StrangerScores.of(np.maximum(self.scores, scores), self.owners, self.clips)

    def without(self, names: frozenset[str]) -> StrangerScores:
        """Return the strangers that are clips of other people."""
        kept = [i for i, owner in enumerate(self.owners) if owner not in names]
        return StrangerScores(
            self.scores[kept], tuple(self.owners[i] for i in kept), tuple(self.clips[i] for i in kept)
        )

    def renamed(self, names: Mapping[str, str]) -> StrangerScores:
        """Return the same strangers under other names."""
        return StrangerScores(self.scores, tuple(names.get(owner, owner) for owner in self.owners), self.clips)
