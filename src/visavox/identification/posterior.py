"""Who is it: probabilities of the enrolled and of a stranger, and the record of an answer.

The ratios say how much better a person explains the probe than somebody unknown does; with a prior they become
probabilities that sum to 1 over the enrolled and "a stranger".

Example:
    >>> probabilities, stranger = posterior(np.log([8.0, 1.0]), p_stranger=0.5)
    >>> probabilities.round(3).tolist(), round(stranger, 3)
    ([0.727, 0.091], 0.182)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import Modality
from visavox.errors import ConfigError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Named:
    """One person who may be the one asked about."""

    name: str
    """As enrolled."""
    probability: float
    """0 to 1, among the enrolled and a stranger."""
    log_likelihood_ratio: float
    """How much better this person explains the probe than somebody unknown, nats; all modalities together."""
    by_modality: Mapping[Modality, float] = field(default_factory=dict)
    """The same of each modality alone; a modality that was not asked with or not enrolled is absent."""


@dataclass(frozen=True)
class Identification:
    """The answer to one probe."""

    ranked: tuple[Named, ...]
    """The most probable people, best first."""
    is_stranger: bool
    """Whether the probe is refused: its p-value is above the false-accept rate."""
    p_stranger: float
    """Probability that it is nobody enrolled, 0 to 1, under the prior of the settings."""
    p_value: float
    """Share of simulated strangers that are at least as convincing, with this probe counted among them; nan where no
    stranger could be simulated."""
    threshold: float
    """Least log likelihood ratio of the best person that is accepted, nats; infinite where nobody is accepted."""
    false_accept: float
    """Share of strangers that may be taken for somebody enrolled; the one that was asked for, or the least that the
    simulated strangers can promise."""
    modalities: tuple[Modality, ...]
    """What was asked with and compared."""
    notes: tuple[str, ...] = ()
    """Sentences a user should read beside the answer."""

    @property
    def name(self) -> str | None:
        """The accepted person; None for a stranger."""
        return None if self.is_stranger or not self.ranked else self.ranked[0].name


def posterior(log_likelihood_ratios: NDArray[np.floating], *, p_stranger: float) -> tuple[Floats, float]:
    """Return probabilities of every enrolled person and of a stranger.

    Args:
        log_likelihood_ratios: (P,) float, nats, each person against somebody unknown; -inf rules a person out.
        p_stranger: how often a probe is of nobody enrolled, above 0 and below 1; the enrolled share the rest evenly.

    Returns:
        (P,) float64 and the probability of a stranger; all sum to 1.

    Raises:
        ConfigError: `p_stranger` is not between 0 and 1.
    """
    if not 0 < p_stranger < 1:
        raise ConfigError(f"`p_stranger` must lie between 0 and 1. Got {p_stranger}.")
    ratios = np.asarray(log_likelihood_ratios, dtype=np.float64)
    if not len(ratios):
        return np.empty(0), 1.0
    logs = np.append(ratios + np.log((1 - p_stranger) / len(ratios)), np.log(p_stranger))
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    return weights[:-1], float(weights[-1])
