"""The vision transformer for small data: pictures to tokens, and tokens to one vector by a wide head.

It names nobody: `visavox.models.identifiers.vit` puts a last layer behind one of them, the fusions behind two. There
is no class token: the head reads all tokens, one behind the other, which is where most of the parameters lie.

    scaling -> picture_px -> tokens + learned positions
    -> n_layers x [LN -> attention -> +; LN -> MLP (2 dim, dim) -> +]
    -> LN -> flat -> dropout -> n_heads_mlp x head x [linear -> GELU -> dropout]

Example:
    >>> trunk = SmallViT(patch_px=18, dim=32, n_layers=6, n_heads=6, head=(1024, 512), n_heads_mlp=2)
    >>> trunk.tokens(torch.rand(2, 3, 72, 72)).shape, trunk.features(torch.rand(2, 3, 72, 72)).shape
    (torch.Size([2, 16, 32]), torch.Size([2, 512]))

Source: Lee, Lee and Song, "Vision Transformer for Small-Size Datasets" (2021); the Keras example vit_small_ds, whose
    shape it has: GELU behind both layers of the MLP, LayerNorm with 1e-6, no dropout on what a layer adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.locality_attention import AttentionKind, LocalityAttention
from visavox.models.picture_scaling import Numbers, PictureScaling
from visavox.models.shifted_patches import NORM_EPS, PatchTokens, Tokenisation

POSITION_LIMIT = 0.05  # positions begin uniform in -0.05 to 0.05, as Keras' Embedding does


class SmallViT(nn.Module):
    """Pictures to tokens and vectors.

    Args:
        picture_px: side that every picture is resized to, a multiple of `patch_px`.
        patch_px: side of a patch.
        dim: length of a token, and of each head's query, key and value; 1 or more.
        n_layers: 1 or more.
        n_heads: of the attention, 1 or more.
        head: widths of the MLP head, each 1 or more; empty for none.
        n_heads_mlp: how many times the MLP head is there, one behind the other: 2 in the published tuned networks.
        attention: "lsa", locality self-attention, or "vanilla".
        tokenisation: "spt", shifted patch tokenisation, or "patches".
        dropout: in the layers, 0 to below 1.
        head_dropout: before and in the head, 0 to below 1.
        in_channels: of a picture: 3, or 4 for a face with a voice behind it.

    Attributes:
        n_tokens: of one picture.
        feature_dim: length of a vector: the last of `head`, or n_tokens * dim without a head.

    Raises:
        ConfigError: an argument is outside its range.
    """

    def __init__(
        self,
        *,
        picture_px: int = 72,
        patch_px: int = 6,
        dim: int = 64,
        n_layers: int = 8,
        n_heads: int = 4,
        head: Sequence[int] = (2048, 1024),
        n_heads_mlp: int = 1,
        attention: AttentionKind = "lsa",
        tokenisation: Tokenisation = "spt",
        dropout: float = 0.1,
        head_dropout: float = 0.5,
        in_channels: int = 3,
    ) -> None:
        """Check the arguments and lay out the layers with random weights, as Keras draws them."""
        super().__init__()
        for name, count in (("dim", dim), ("n_layers", n_layers), ("n_heads_mlp", n_heads_mlp)):
            if count < 1:
                raise ConfigError(f"`{name}` must be at least 1. Got {count}.")
        if in_channels < 1:
            raise ConfigError(f"`in_channels` must be at least 1. Got {in_channels}.")
        check_widths("head", head)
        if not 0 <= head_dropout < 1:
            raise ConfigError(f"`head_dropout` must be 0 to below 1. Got {head_dropout}.")
        self.picture_px = picture_px
        self.in_channels = in_channels
        self.scaling = PictureScaling(in_channels)
        self.patches = PatchTokens(picture_px, patch_px, in_channels, dim, tokenisation=tokenisation)
        self.n_tokens = self.patches.n_tokens
        if attention == "lsa" and self.n_tokens < 2:
            raise ConfigError(f"The attention 'lsa' needs two patches or more. Got one of {patch_px} pixels.")
        self.positions = nn.Parameter(torch.empty(self.n_tokens, dim).uniform_(-POSITION_LIMIT, POSITION_LIMIT))
        self.layers = nn.Sequential(*(_Layer(dim, n_heads, attention, dropout) for _ in range(n_layers)))
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        widths = [self.n_tokens * dim, *[width for _ in range(n_heads_mlp) for width in head]]
        dense = [_dense(n_in, n_out, head_dropout) for n_in, n_out in pairwise(widths)]
        self.head = nn.Sequential(nn.Dropout(head_dropout), *dense)
        self.feature_dim = widths[-1]

    def adapt(self, mean: Numbers, std: Numbers) -> None:
        """Take mean and standard deviation of the training pictures, one number or one a channel: see PictureScaling.

        Raises:
            DataError: a number is missing, not finite, or a deviation is not above 0.
        """
        self.scaling.adapt(mean, std)

    def tokens(self, pictures: Tensor) -> Tensor:
        """Return what the last LayerNorm gives, (n, n_tokens, dim), patches row by row.

        Args:
            pictures: (n, in_channels or 1, height, width) float in [0, 1], of any size; one channel is copied.

        Raises:
            ConfigError: a picture has another number of channels.
        """
        if pictures.shape[1] not in (1, self.in_channels):
            raise ConfigError(f"A picture must have 1 or {self.in_channels} channels. Got {pictures.shape[1]}.")
        size = (self.picture_px, self.picture_px)
        if pictures.shape[-2:] != size:
            pictures = functional.interpolate(pictures, size=size, mode="bilinear", antialias=False)
        found: Tensor = self.norm(self.layers(self.patches(self.scaling(pictures)) + self.positions))
        return found

    def features(self, pictures: Tensor) -> Tensor:
        """Return the vectors of pictures, (n, feature_dim); arguments as of `tokens`."""
        return self.features_of_tokens(self.tokens(pictures))

    def features_of_tokens(self, tokens: Tensor) -> Tensor:
        """Return the vectors (n, feature_dim) that the head makes of tokens (n, n_tokens, dim)."""
        found: Tensor = self.head(tokens.flatten(1))
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        """Return `features`."""
        return self.features(pictures)


class _Layer(nn.Module):
    """Attention and an MLP, each behind a LayerNorm and beside a shortcut."""

    def __init__(self, dim: int, n_heads: int, attention: AttentionKind, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.attention = LocalityAttention(dim, n_heads, kind=attention, dropout=dropout)
        self.norm2 = nn.LayerNorm(dim, eps=NORM_EPS)
        self.mlp = nn.Sequential(_dense(dim, 2 * dim, dropout), _dense(2 * dim, dim, dropout))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, n_tokens, dim) of the same."""
        tokens = tokens + self.attention(self.norm1(tokens))
        found: Tensor = tokens + self.mlp(self.norm2(tokens))
        return found


def check_widths(name: str, widths: Sequence[int]) -> None:
    """Hold the widths of a head to whole numbers from 1 on.

    Raises:
        ConfigError: they are none.
    """
    is_list = isinstance(widths, Sequence) and not isinstance(widths, str)
    if not is_list or any(not isinstance(w, int) or isinstance(w, bool) or w < 1 for w in widths):
        raise ConfigError(f"`{name}` must be a list of widths, each a whole number from 1 on. Got {widths!r}.")


def _dense(n_in: int, n_out: int, dropout: float) -> nn.Sequential:
    """Linear, GELU, dropout; weights as Keras draws them."""
    linear = nn.Linear(n_in, n_out)
    nn.init.xavier_uniform_(linear.weight)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(linear, nn.GELU(), nn.Dropout(dropout))
