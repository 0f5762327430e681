"""Whether several faces drawn from one voice differ, and how much against those of other voices.

Within: the mean distance of two samples of one voice. Between: that of samples of two voices. A drawer whose samples
are all alike has a ratio of 0, one that does not listen has 1. Neither is good or bad by itself: what a voice leaves
open ought to vary.

Example:
    >>> features = np.array([[[0.0], [2.0]], [[10.0], [12.0]]])  # two voices, two samples each
    >>> found = sample_diversity(features)
    >>> found.within, found.between, found.ratio
    (2.0, 10.0, 0.2)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

from visavox.errors import DataError


@dataclass(frozen=True)
class SampleDiversity:
    """Distances of drawn samples.

    Attributes:
        within: mean Euclidean distance of two samples of one voice, mean over voices; nan with one sample.
        between: mean distance of a sample of one voice and a sample of another; nan with one voice.
        of_voice: (n_voices,) the distances within, one a voice.
    """

    within: float
    between: float
    of_voice: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Within over between; nan where either is undefined or all samples of all voices are one."""
        return self.within / self.between if self.between > 0 else math.nan


def sample_diversity(features: NDArray[np.floating[Any]]) -> SampleDiversity:
    """Return how far apart samples are.

    Args:
        features: (n_voices, n_samples, dim) float.

    Raises:
        DataError: another shape, nothing in it, or a value that is not finite.
    """
    drawn = np.asarray(features, dtype=np.float64)
    if drawn.ndim != 3 or not drawn.size or not np.isfinite(drawn).all():
        raise DataError(f"Samples must be (n_voices, n_samples, dim), finite and not empty. Got shape {drawn.shape}.")
    n_voices, n_samples, dim = drawn.shape
    of_voice = [float(pdist(samples).mean()) if n_samples > 1 else math.nan for samples in drawn]
    between = math.nan
    if n_voices > 1:
        flat = drawn.reshape(-1, dim)
        everything = sum(float(cdist(flat[at : at + 256], flat).sum()) for at in range(0, len(flat), 256))
        own = sum(2.0 * float(pdist(samples).sum()) for samples in drawn if n_samples > 1)
        between = (everything - own) / (n_voices * (n_voices - 1) * n_samples**2)
    return SampleDiversity(float(np.mean(of_voice)), between, tuple(of_voice))
