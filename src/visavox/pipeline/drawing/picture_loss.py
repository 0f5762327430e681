"""How far a drawn picture is from the true one: pixels, edges, and the whole from afar.

It looks at numbers of pixels alone: no network, and none that judges likeness, is asked.

Example:
    >>> black, white = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    >>> float(picture_loss(black, white, edge_weight=1.0, coarse_weight=0.5))
    1.5
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

COARSE = 4
"""Side in pixels of the squares whose means the coarse term compares."""


def picture_loss(drawn: Tensor, true: Tensor, *, edge_weight: float = 1.0, coarse_weight: float = 1.0) -> Tensor:
    """Return L1(pixels) + edge_weight * (L1(steps down) + L1(steps across)) + coarse_weight * L1(means of 4x4).

    Args:
        drawn: (n, 3, px, px) float32 in 0..1, px 4 or more.
        true: of the same shape.
        edge_weight: 0 or more.
        coarse_weight: 0 or more.

    Returns:
        () float32, differentiable; 0 where both are the same.
    """
    wrong = drawn - true  # all terms are linear in it
    loss = wrong.abs().mean()
    if edge_weight:
        down, across = torch.diff(wrong, dim=2), torch.diff(wrong, dim=3)
        loss = loss + edge_weight * (down.abs().mean() + across.abs().mean())
    if coarse_weight:
        loss = loss + coarse_weight * functional.avg_pool2d(wrong, COARSE).abs().mean()
    return loss
