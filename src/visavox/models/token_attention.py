"""Attention of the tokens of one picture to the tokens of another, and the two products that any attention is.

Example:
    >>> attend(torch.zeros(1, 2, 4), torch.zeros(1, 3, 4), torch.ones(1, 3, 4)).shape  # all keys alike: their mean
    torch.Size([1, 2, 4])

Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return what each query reads, (n, n_queries, width): softmax(q k' / sqrt(width)) v.

    PyTorch's fused attention is the same, but on a CPU its gradient takes several times as long for short sequences.

    Args:
        query: (n, n_queries, width) float.
        key: (n, n_keys, width) float.
        value: (n, n_keys, width) float.

    Source: Vaswani et al. (2017), equation 1. The weights stay in the dtype of the queries under autocast too, which
        would make them float32, twice the bytes.
    """
    with torch.autocast(query.device.type, enabled=False):
        scores = torch.bmm(query * query.shape[2] ** -0.5, key.transpose(1, 2))  # (n, n_queries, n_keys)
        return torch.bmm(torch.softmax(scores, dim=2), value)


class TokenAttention(nn.Module):
    """Tokens that read from the tokens of another picture: several heads, a shortcut, a normalisation behind it.

    Args:
        dim: of a token that reads.
        other_dim: of a token that is read.
        n_heads: heads; together they are `dim` wide, so it must divide `dim`.

    Raises:
        ConfigError: `n_heads` does not divide `dim`.
    """

    def __init__(self, *, dim: int, other_dim: int, n_heads: int) -> None:
        """Lay out the layers."""
        super().__init__()
        if n_heads < 1 or dim % n_heads:
            raise ConfigError(f"`n_heads` must divide the length of a token, {dim}. Got {n_heads}.")
        self.n_heads = n_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(other_dim, dim)
        self.value = nn.Linear(other_dim, dim)
        self.output = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor, other: Tensor) -> Tensor:
        """Return (n, n_tokens, dim) of tokens (n, n_tokens, dim) and others (n, n_others, other_dim)."""
        read = attend(self._heads(self.query(tokens)), self._heads(self.key(other)), self._heads(self.value(other)))
        n, n_tokens, dim = tokens.shape
        read = read.view(n, self.n_heads, n_tokens, -1).transpose(1, 2).reshape(n, n_tokens, dim)
        normalised: Tensor = self.norm(tokens + self.output(read))
        return normalised

    def _heads(self, x: Tensor) -> Tensor:
        """(n, n_tokens, dim) to (n * n_heads, n_tokens, dim / n_heads)."""
        n, n_tokens, _ = x.shape
        return x.view(n, n_tokens, self.n_heads, -1).transpose(1, 2).reshape(n * self.n_heads, n_tokens, -1)
