"""Inverted dropout that takes its generator as an argument, so that a training can be repeated exactly.

Example:
    >>> drop(torch.ones(2), 0.5, training=False)
    tensor([1., 1.])
"""

from __future__ import annotations

import torch
from torch import Tensor


def drop(x: Tensor, rate: float, generator: torch.Generator | None = None, *, training: bool) -> Tensor:
    """Return x with a share of its numbers set to zero and the others scaled up, so that the mean stays.

    Args:
        x: any shape, float.
        rate: probability that a number becomes zero, 0 to below 1.
        generator: on the device of `x`; None takes torch's own.
        training: False leaves `x` alone.

    Returns:
        The shape of `x`.
    """
    if not training or not rate:
        return x
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= rate
    return x * (kept * (1 / (1 - rate)))
