"""Who of a gallery is it: probabilities over everybody who could be found, and nobody.

With N candidates who are as probable beforehand, and the log likelihood ratio of each pair of query and candidate,

    p_i ∝ (1 - prior_nobody) / N * exp(ratio_i),    p_nobody ∝ prior_nobody.

The sum runs over all N; where not all were looked at, over the rest by the most that they can add. Of a person with
several clips exp(ratio) is the mean over them, see `visavox.retrieval.evidence`.

Example:
    >>> found = gallery_posterior(np.log([8.0, 1.0]), log_mass=np.log(9.0), n=2, prior_nobody=0.5)
    >>> found.probabilities.round(3).tolist(), round(found.p_nobody, 3)
    ([0.727, 0.091], 0.182)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError


@dataclass(frozen=True, eq=False)
class GalleryPosterior:
    """Probabilities of those who are shown, of nobody, and of all the others together; they sum to 1."""

    probabilities: NDArray[np.float64]
    """(k,), of those who are shown."""
    p_nobody: float
    """That it is nobody of the gallery."""
    p_others: float
    """That it is one who is not shown."""


def gallery_posterior(ratios: NDArray[np.float64], *, log_mass: float, n: int, prior_nobody: float) -> GalleryPosterior:
    """Return the probabilities of those who are shown and of nobody.

    Args:
        ratios: (k,) log likelihood ratios of those who are shown, nats.
        log_mass: log of the sum of exp(ratio) over all n, those who are shown included, nats.
        n: how many could be the one, k at least; 0 leaves nobody alone.
        prior_nobody: how often the one is not among them, above 0 and below 1.

    Raises:
        ConfigError: `prior_nobody` is not between 0 and 1.
    """
    if not 0 < prior_nobody < 1:
        raise ConfigError(f"`p_nobody` must lie between 0 and 1. Got {prior_nobody}.")
    if n == 0:
        return GalleryPosterior(np.empty(0), 1.0, 0.0)
    log_prior = math.log((1 - prior_nobody) / n)
    shown_mass = float(np.logaddexp.reduce(ratios)) if len(ratios) else -math.inf
    everybody = max(log_mass, shown_mass)  # the same sum in another order may come out smaller by a rounding error
    total = np.logaddexp(everybody + log_prior, math.log(prior_nobody))
    probabilities = np.exp(ratios + log_prior - total)
    p_nobody = float(np.exp(math.log(prior_nobody) - total))
    return GalleryPosterior(probabilities, p_nobody, max(0.0, 1.0 - p_nobody - float(probabilities.sum())))
