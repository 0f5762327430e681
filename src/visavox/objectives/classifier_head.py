"""Linear classifiers that objectives own, and their cross-entropy with unknown targets left out.

It is a part of other objectives and no objective itself.

Example:
    >>> head = drawn_linear(2, 3, bias=True, generator=torch.Generator().manual_seed(0))
    >>> head.weight.shape, head.bias.tolist()
    (torch.Size([3, 2]), [0.0, 0.0, 0.0])
    >>> mean_cross_entropy(torch.zeros(2, 4), torch.tensor([1, -1])).exp()
    tensor(4.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

UNKNOWN = -1  # code of a covariate that a row does not have


def drawn_linear(
    n_in: int, n_out: int, *, bias: bool, generator: torch.Generator, initial_bias: float = 0.0
) -> nn.Linear:
    """Return a linear layer with Xavier-uniform weights.

    Args:
        n_in: length of its input.
        n_out: length of its output, the classes of a classifier.
        bias: whether it has one.
        generator: draws the weights; torch's own generator is left alone.
        initial_bias: every bias at the start.

    Source: Glorot and Bengio, 2010, Understanding the difficulty of training deep feedforward networks, eq. 16.
    """
    # By way of "meta", which draws nothing.
    layer = nn.Linear(n_in, n_out, bias=bias, device="meta").to_empty(device="cpu")
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    if bias:
        nn.init.constant_(layer.bias, initial_bias)
    return layer


def mean_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean of -log softmax(logits)[target] over the rows whose target is known.

    Args:
        logits: (n, classes) float.
        targets: (n,) int64, -1 where unknown.
        weights: (n,) how much each row counts; None: all alike.

    Returns:
        A scalar; 0, with a gradient of zeros, where no row is known or all known rows weigh nothing.
    """
    known = targets != UNKNOWN
    each = nn.functional.cross_entropy(logits, targets.clamp(min=0), reduction="none")  # (n,)
    counted = known.to(each.dtype) if weights is None else known * weights
    total = counted.sum()
    return (each * counted).sum() / torch.where(total > 0, total, torch.ones_like(total))
