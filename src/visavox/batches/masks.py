"""Which pairs of a batch may be each other's negatives, and how much each row counts.

The rule of the package: two items of one person or of one video are never each other's negatives, for a second
clip of a person is a hidden positive, and a video's sound and light give the answer away.

Example:
    >>> import torch
    >>> identity, video = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 2, 2])
    >>> negatives_mask(identity, video).int().tolist()
    [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor


def codes(names: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return a whole number for each name, equal where the names are equal.

    Args:
        names: n strings.

    Returns:
        (n,) int64, 0 to the count of different names - 1, in the order of the sorted names.
    """
    _, inverse = np.unique(np.asarray(names), return_inverse=True)
    return np.asarray(inverse, dtype=np.int64).reshape(-1)


def negatives_mask(identity: Tensor, video: Tensor) -> Tensor:
    """Return where voice i and face j may be negatives: another identity and another video.

    Args:
        identity: (n,) integers, equal for one person.
        video: (n,) integers, equal for one video.

    Returns:
        (n, n) bool, symmetric, False on the diagonal.
    """
    return (identity[:, None] != identity[None]) & (video[:, None] != video[None])


def balancing_weights(identity: np.ndarray) -> np.ndarray:
    """Return the weight of each row so that every identity counts once.

    Args:
        identity: (n,) integers from 0, as `codes` gives them.

    Returns:
        (n,) float64, 1 / (rows of the identity), times one factor so that the mean is 1.
    """
    share = 1 / np.bincount(identity)[identity]  # (n,)
    return np.asarray(share * (len(identity) / share.sum()))
