"""Self-attention over tokens: plain, or with locality: a learned temperature, and no token looks at itself.

Widths are those of Keras: every head has its own `head_dim` numbers for query, key and value, so that the heads
together are wider than a token where `head_dim` is the token's own length, as in the published networks.

    q, k, v = linear(x);  weights = softmax(q k' / temperature, -inf on the diagonal);  out = linear(weights v)

Example:
    >>> attention = LocalityAttention(64, 4, kind="lsa")
    >>> attention(torch.zeros(2, 144, 64)).shape, sum(p.numel() for p in attention.parameters())
    (torch.Size([2, 144, 64]), 66369)

Source: Lee, Lee and Song, "Vision Transformer for Small-Size Datasets" (2021), section 3.3, equations 9 to 11; the
    Keras example vit_small_ds: one temperature a layer, sqrt(head_dim) at the start; dropout on the weights alone.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError

AttentionKind = Literal["vanilla", "lsa"]

STEPS = 1 << 16  # of a 16-bit integer, from -STEPS / 2


class LocalityAttention(nn.Module):
    """Self-attention with several heads.

    Args:
        dim: length of a token.
        n_heads: 1 or more.
        head_dim: numbers of a head; None for `dim`, as published.
        kind: "vanilla", or "lsa" for locality self-attention, which needs two tokens or more.
        dropout: share of attention weights that are zeroed in training, 0 to below 1.

    Attributes:
        temperature: () learned, what q k' is divided by; "lsa" only, else a constant.

    Raises:
        ConfigError: an argument is outside its range.
    """

    def __init__(
        self, dim: int, n_heads: int, *, kind: AttentionKind, head_dim: int | None = None, dropout: float = 0.1
    ) -> None:
        """Lay out the layers, with Glorot's uniform weights and zero biases."""
        super().__init__()
        if kind not in get_args(AttentionKind):
            raise ConfigError(f"`attention` must be one of {', '.join(get_args(AttentionKind))}. Got {kind!r}.")
        if n_heads < 1:
            raise ConfigError(f"`n_heads` must be at least 1. Got {n_heads}.")
        if not 0 <= dropout < 1:
            raise ConfigError(f"`dropout` must be 0 to below 1. Got {dropout}.")
        self.kind: AttentionKind = kind
        self.n_heads = n_heads
        self.head_dim = head_dim or dim
        self.dropout = dropout
        inner = n_heads * self.head_dim
        self.query, self.key, self.value = (nn.Linear(dim, inner) for _ in range(3))
        self.out = nn.Linear(inner, dim)
        for layer in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        start = math.sqrt(self.head_dim)
        self.temperature: Tensor | float = nn.Parameter(torch.tensor(start)) if kind == "lsa" else start

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, n_tokens, dim) of tokens (n, n_tokens, dim)."""
        n, n_tokens, _ = tokens.shape
        q, k, v = (
            layer(tokens).view(n, n_tokens, self.n_heads, self.head_dim).transpose(1, 2)  # (n, heads, tokens, numbers)
            for layer in (self.query, self.key, self.value)
        )
        seen = attended(
            q / self.temperature,
            k,
            v,
            skip_own=self.kind == "lsa",
            dropout=self.dropout if self.training else 0.0,
        )
        out: Tensor = self.out(seen.transpose(1, 2).reshape(n, n_tokens, self.n_heads * self.head_dim))
        return out


def attended(q: Tensor, k: Tensor, v: Tensor, *, skip_own: bool, dropout: float = 0.0) -> Tensor:
    """Return the values that each query gathers by softmax(q k') over the keys.

    torch's fused attention computes it where that is faster: off the CPU, and in float32 without gradients. With
    gradients, or in bfloat16, the plain products take half its time on a CPU.

    Args:
        q: (n, heads, tokens, numbers), scaled already.
        k: as q.
        v: as q.
        skip_own: a query does not see the key of its own token.
        dropout: share of the weights that are zeroed, 0 to below 1.

    Returns:
        (n, heads, tokens, numbers).
    """
    own = torch.eye(q.shape[-2], dtype=torch.bool, device=q.device) if skip_own else None
    is_plain_faster = q.device.type == "cpu" and (q.dtype != torch.float32 or torch.is_grad_enabled() or dropout > 0)
    if not is_plain_faster:
        mask = None if own is None else ~own
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, scale=1.0)
    scores = q @ k.transpose(-2, -1)  # (n, heads, tokens, tokens)
    if own is not None:
        scores = scores.masked_fill(own, -math.inf)
    return dropped(scores.softmax(dim=-1), dropout) @ v


def dropped(weights: Tensor, rate: float) -> Tensor:
    """Return weights with a share of them zeroed and the others scaled up so that the mean stays, for a CPU.

    torch's own dropout draws one number at a time there and takes longer than all the rest of an attention. Here one
    64-bit draw of torch's generator serves four weights, so that the rate is met to 1 / 65536.

    Args:
        weights: any shape, float, on the CPU.
        rate: 0 to below 1.

    Returns:
        As `weights`.
    """
    n_dropped = min(round(rate * STEPS), STEPS - 1)
    if not n_dropped:
        return weights
    draws = torch.empty((weights.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.int16)[: weights.numel()].view(weights.shape) >= n_dropped - STEPS // 2
    return weights * kept.to(weights.dtype).mul_(STEPS / (STEPS - n_dropped))
