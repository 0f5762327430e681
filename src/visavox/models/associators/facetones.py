"""FaceTones: a face's DINOv2 tokens are mapped to the x-vector of its voice; the voice side learns nothing.

    voice  x-vector (512) -------------------------------------------------------------> as it is
    face   257 tokens of 768 -> linear 512 -> GELU -> dropout -> layer norm -> linear 512
           -> mean of 2 x 2, every 4th place, over the plane (257, 512) -> (65, 128) -> GELU -> linear 8320 to 512

The pooling runs over tokens and numbers alike, and takes the last, half window as well. 4,917,760 parameters; the
published 4,917,761 count the margin, which is the objective's (`clamped_margin`). The names of the face side are those
of the published checkpoints: `linear_seq.0.weight` and so on.

Example:
    >>> associator = FaceTones()
    >>> import numpy as np
    >>> associator.encode_face(np.ones((1, 197_376), np.float32)).shape, associator.n_parameters
    ((1, 512), 4917760)

Source: FaceTones, https://github.com/zurbb/FaceTones, models/checkpoint_model.py (CheckPointImageToVoice).
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.associators.base import check_count, check_number
from visavox.models.associators.network import NetworkAssociator
from visavox.registry import ASSOCIATORS

N_TOKENS = 257
TOKEN_DIM = 768
DIM = 512
POOLED = (65, 128)
"""Places of the plane (257, 512) after the pooling."""


class Adapter(nn.Module):
    """The face side, layer for layer as published."""

    def __init__(self, token_dim: int, dropout: float) -> None:
        """Lay out the layers; `reset` fills them."""
        super().__init__()
        self.token_dim = token_dim
        self.dropout = dropout
        # By way of "meta", which leaves torch's global generator alone: a constructor must not change what follows.
        with torch.device("meta"):
            layers = nn.Sequential(
                nn.Linear(token_dim, DIM),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.LayerNorm(DIM),
                nn.Linear(DIM, DIM),
                nn.AvgPool2d(kernel_size=2, stride=4, ceil_mode=True),
                nn.GELU(),
                nn.Flatten(),
                nn.Linear(POOLED[0] * POOLED[1], DIM),
            )
        self.linear_seq = layers.to_empty(device="cpu")

    def reset(self, generator: torch.Generator) -> None:
        """Draw weights and biases from U(-b, b), b = 1 / sqrt(inputs), torch's own rule; the norm begins neutral."""
        for layer in self.linear_seq:
            if isinstance(layer, nn.Linear):
                bound = 1 / math.sqrt(layer.in_features)
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
            elif isinstance(layer, nn.LayerNorm):
                layer.reset_parameters()

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, 512) from tokens (n, 257 * token_dim) float32, one token behind the other."""
        x = x.reshape(x.shape[0], N_TOKENS, self.token_dim)
        for layer in self.linear_seq:
            if isinstance(layer, nn.Dropout):
                x = self._drop(x, generator)
            elif isinstance(layer, nn.AvgPool2d):
                x = layer(x[:, None])[:, 0]  # (n, 257, 512) -> (n, 65, 128)
            else:
                x = layer(x)
        return x

    def _drop(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Inverted dropout that takes its generator as an argument."""
        if not self.training or not self.dropout:
            return x
        kept = torch.rand(x.shape, generator=generator, device=x.device) >= self.dropout
        return x * (kept * (1 / (1 - self.dropout)))


class Unchanged(nn.Module):
    """The voice side: x-vectors as they are."""

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:  # noqa: ARG002
        """Return `x`, (n, 512)."""
        return x


@ASSOCIATORS.register("facetones")
class FaceTones(NetworkAssociator):
    """FaceTones' adapter from DINOv2 tokens to x-vectors, with unit vectors coming out.

    Args:
        voice_dim: 512, the length of an x-vector.
        face_dim: 257 times the length of a token; 197376 for the base model, that of the encoder `dinov2` with
            `output: tokens`.
        dropout: after the first layer, in training; 0 to 0.99.
        seed: of the first weights.
    """

    name: ClassVar[str] = "facetones"
    smallest_dims: ClassVar[tuple[int, int]] = (DIM, N_TOKENS)
    chunk: ClassVar[int] = 64  # a row is 0.8 MB, and as much again in each layer

    def __init__(
        self, voice_dim: int = DIM, face_dim: int = N_TOKENS * TOKEN_DIM, *, dropout: float = 0.1, seed: int = 0
    ) -> None:
        """Store the arguments and draw the first weights.

        Raises:
            ConfigError: a length is not what the adapter is made for, or `dropout` or `seed` is outside its range.
        """
        super().__init__()
        check_count("voice_dim", voice_dim)
        check_count("face_dim", face_dim)
        check_number("dropout", dropout, at_least=0, at_most=0.99)
        check_count("seed", seed, at_least=0)
        if voice_dim != DIM:
            raise ConfigError(
                f"The associator 'facetones' takes voice vectors of 512 numbers. Got {voice_dim}. Embed voices with "
                "the encoder xvector."
            )
        if face_dim % N_TOKENS:
            raise ConfigError(
                f"The associator 'facetones' takes face vectors of 257 tokens. Got {face_dim} numbers. Embed faces "
                "with {name: dinov2, output: tokens}."
            )
        self.voice_dim = voice_dim
        self.face_dim = face_dim
        self.dropout = dropout
        self.seed = seed
        self.voice_tower = Unchanged()
        adapter = Adapter(face_dim // N_TOKENS, dropout)
        adapter.reset(torch.Generator().manual_seed(seed))
        self.face_tower = adapter

    @property
    def dim(self) -> int:
        """Length of the vectors that come out."""
        return DIM
