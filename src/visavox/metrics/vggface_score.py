"""VGGFace score: whether drawn faces look like somebody, and not always like the same.

The inception score with the classes of a face network: exp of the mean Kullback-Leibler divergence of each picture's
class probabilities from their mean. 1 where all pictures are named alike, at most the number of classes. It grows with
quality and knows nothing of the true faces. It needs class probabilities, of VGGFace2's 8,631 people in the published
figures.

Example:
    >>> vggface_score(np.eye(4), n_splits=1).value.__round__(6)
    4.0
    >>> vggface_score(np.full((10, 4), 0.25), n_splits=5).value
    1.0
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError

SPLITS = 5


@dataclass(frozen=True)
class VGGFaceScore:
    """Mean and standard deviation over the splits."""

    value: float
    deviation: float


def vggface_score(probabilities: NDArray[np.floating[Any]], *, n_splits: int = SPLITS) -> VGGFaceScore:
    """Return exp(E KL(p(y|x) || p(y))), the mean over splits of the pictures in their order.

    Args:
        probabilities: (n, n_classes) float, rows that sum to 1.
        n_splits: equal parts that are scored apart, the first ones longer by one where it does not come out even;
            at least 1.

    Raises:
        ConfigError: no split, or fewer pictures than splits.
        DataError: rows that are no probabilities.

    Source: Salimans et al., "Improved techniques for training GANs" (2016), section 4; with VGGFace2 classes and 5
        splits in Bai et al., "Speech Fusion to Face" (2022).
    """
    found = np.asarray(probabilities, dtype=np.float64)
    if found.ndim != 2 or not (found >= 0).all() or not np.allclose(found.sum(axis=-1), 1.0, atol=1e-3):
        raise DataError(f"Class probabilities must be rows from 0 that sum to 1. Got an array of shape {found.shape}.")
    if not 1 <= n_splits <= len(found):
        raise ConfigError(f"`n_splits` must be 1 to the number of pictures, {len(found)}. Got {n_splits}.")
    scores = []
    for part in np.array_split(found, n_splits):
        mean = part.mean(axis=0)
        ratio = np.divide(part, mean, out=np.ones_like(part), where=part > 0)  # 0 log 0 is 0
        scores.append(float(np.exp((part * np.log(ratio)).sum(axis=1).mean())))
    return VGGFaceScore(float(np.mean(scores)), float(np.std(scores)))
