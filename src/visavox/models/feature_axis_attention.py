"""The cross-attention of the second system: over the numbers of two vectors, where attention is over tokens.

It is kept by name so that its published figure can be measured again. `visavox.models.token_attention` is the proper
one. For queries, keys and values of a head, each a vector of length d,

    a_ij = softmax over i of (q_i k_j / scale),  out_i = sum over j of a_ij v_j

What is wrong with it: a picture is one vector, so there is nothing to choose between, and the order of its numbers
means nothing; the softmax runs over the queries, so that the weights of what a query reads do not sum to 1; the scale,
the root of 512, is right for a sum of 512 products but divides a single product, so that the weights are nearly equal
and each number reads little more than the sum of all values over d.

Example:
    >>> FeatureAxisAttention(8, n_heads=2)(torch.zeros(3, 8), torch.zeros(3, 8)).shape
    torch.Size([3, 8])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError

PUBLISHED_SCALE = 512**0.5  # 22.62741, fixed whatever the length of the vectors
PUBLISHED_HEADS = 4


class FeatureAxisAttention(nn.Module):
    """One vector reads from another, number by number; no shortcut and no normalisation.

    Args:
        dim: of both vectors, and of each head's queries, keys and values.
        n_heads: 1 or more.
        scale: what products are divided by, above 0.

    Raises:
        ConfigError: `n_heads` or `scale` is outside its range.
    """

    def __init__(self, dim: int, *, n_heads: int = PUBLISHED_HEADS, scale: float = PUBLISHED_SCALE) -> None:
        """Lay out the layers."""
        super().__init__()
        if n_heads < 1:
            raise ConfigError(f"`n_heads` must be 1 or more. Got {n_heads}.")
        if not scale > 0:
            raise ConfigError(f"`scale` must be above 0. Got {scale}. Leave it out for the root of 512, as published.")
        self.n_heads = n_heads
        self.scale = scale
        self.query = nn.Linear(dim, n_heads * dim)
        self.key = nn.Linear(dim, n_heads * dim)
        self.value = nn.Linear(dim, n_heads * dim)
        self.output = nn.Linear(n_heads * dim, dim)

    def forward(self, vectors: Tensor, other: Tensor) -> Tensor:
        """Return what `vectors` (n, dim) read from `other` (n, dim): (n, dim)."""
        heads = zip(*(self._heads(x) for x in (self.query(vectors), self.key(other), self.value(other))), strict=True)
        # One head after another: the weights of a vector are dim x dim numbers.
        read = [feature_axis_attention(query, key, value, scale=self.scale) for query, key, value in heads]
        output: Tensor = self.output(torch.cat(read, dim=1))
        return output

    def _heads(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.chunk(self.n_heads, dim=1)


def feature_axis_attention(query: Tensor, key: Tensor, value: Tensor, *, scale: float) -> Tensor:
    """Return (n, dim) of three (n, dim): the formula above, with the softmax over axis 1 of (n, dim, dim)."""
    scores = query[:, :, None] * key[:, None, :] / scale  # (n, dim of the query, dim of the key)
    weights = torch.softmax(scores, dim=1).to(value.dtype)
    return torch.matmul(weights, value[:, :, None])[:, :, 0]
