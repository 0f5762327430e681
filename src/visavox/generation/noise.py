"""The noise that samples begin with: of sample i always the same, however many are drawn and in whatever batches.

Example:
    >>> alone, many = first_noise(7, [2], (1, 2, 2)), first_noise(7, range(5), (1, 2, 2))
    >>> bool((alone[0] == many[2]).all())
    True
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


def sample_generator(seed: int, sample: int) -> torch.Generator:
    """Return a fresh generator on the CPU of one sample.

    Args:
        seed: of the drawing, 0 or more.
        sample: its number, 0 or more.
    """
    drawn = np.random.SeedSequence([seed, sample]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(drawn[0]) << 32 | int(drawn[1]))


def first_noise(seed: int, samples: Iterable[int], shape: tuple[int, ...]) -> Tensor:
    """Return (n, *shape) float32 standard normal noise, that of each sample from a generator of its own."""
    return torch.stack([torch.randn(shape, generator=sample_generator(seed, sample)) for sample in samples])
