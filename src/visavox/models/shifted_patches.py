"""Pictures to tokens: plain patches, or patches of the picture and of four copies shifted by half a patch.

A patch of the stacked copies holds what lies up to half a patch around it, so that a token sees beyond its own edge.
It is no position code: `visavox.models.small_vit` adds that.

    (n, c, h, w) -> ["spt": 5 c channels] -> squares of patch_px -> ["spt": LayerNorm] -> linear -> (n, n_tokens, dim)

Example:
    >>> tokens = PatchTokens(72, 6, 3, 64, tokenisation="spt")
    >>> tokens(torch.zeros(2, 3, 72, 72)).shape, sum(p.numel() for p in tokens.parameters())
    (torch.Size([2, 144, 64]), 35704)

Source: Lee, Lee and Song, "Vision Transformer for Small-Size Datasets" (2021), section 3.2, equations 6 to 8; the Keras
    example vit_small_ds, whose order of the copies and of the numbers in a patch is taken.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError

Tokenisation = Literal["patches", "spt"]

NORM_EPS = 1e-6
N_COPIES = 5  # the picture and its four shifts


def shifted_copies(pictures: Tensor, shift_px: int) -> Tensor:
    """Return pictures with their four diagonal shifts behind them, channel upon channel.

    Args:
        pictures: (n, c, height, width).
        shift_px: 0 or more; what moves in from outside is zero.

    Returns:
        (n, 5 c, height, width): as it is, moved left and up, left and down, right and up, right and down.
    """
    height, width = pictures.shape[-2:]
    wide = functional.pad(pictures, (shift_px,) * 4)
    copies = [pictures]
    for column in (2 * shift_px, 0):  # a window that starts further right shows the picture moved to the left
        copies += [wide[..., row : row + height, column : column + width] for row in (2 * shift_px, 0)]
    return torch.cat(copies, dim=1)


def flat_patches(pictures: Tensor, patch_px: int) -> Tensor:
    """Return the squares of pictures row by row, each as (row, column, channel) in one line.

    Args:
        pictures: (n, c, height, width), both sides a multiple of `patch_px`.
        patch_px: side of a square, 1 or more.

    Returns:
        (n, n_tokens, patch_px * patch_px * c).
    """
    n, channels, height, width = pictures.shape
    rows, columns = height // patch_px, width // patch_px
    squares = pictures.reshape(n, channels, rows, patch_px, columns, patch_px).permute(0, 2, 4, 3, 5, 1)
    return squares.reshape(n, rows * columns, patch_px * patch_px * channels)


class PatchTokens(nn.Module):
    """Square pictures to tokens.

    Args:
        picture_px: side of a picture, a multiple of `patch_px`.
        patch_px: side of a patch; 2 or more for "spt".
        n_channels: of a picture.
        dim: length of a token.
        tokenisation: "patches", or "spt" for shifted patch tokenisation.

    Attributes:
        n_tokens: of one picture.

    Raises:
        ConfigError: an argument is outside its range.
    """

    def __init__(
        self, picture_px: int, patch_px: int, n_channels: int, dim: int, *, tokenisation: Tokenisation
    ) -> None:
        """Lay out the layers, with Glorot's uniform weights and zero biases as Keras has them."""
        super().__init__()
        if tokenisation not in get_args(Tokenisation):
            raise ConfigError(
                f"`tokenisation` must be one of {', '.join(get_args(Tokenisation))}. Got {tokenisation!r}."
            )
        least = 2 if tokenisation == "spt" else 1
        if patch_px < least or picture_px < patch_px or picture_px % patch_px:
            raise ConfigError(
                f"`patch_px` must be {least} or more and divide `picture_px`, {picture_px}. Got {patch_px}."
            )
        self.patch_px = patch_px
        self.tokenisation: Tokenisation = tokenisation
        self.n_tokens = (picture_px // patch_px) ** 2
        width = patch_px * patch_px * n_channels * (N_COPIES if tokenisation == "spt" else 1)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS) if tokenisation == "spt" else nn.Identity()
        self.project = nn.Linear(width, dim)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (n, n_tokens, dim) of pictures (n, n_channels, picture_px, picture_px)."""
        if self.tokenisation == "spt":
            pictures = shifted_copies(pictures, self.patch_px // 2)
        tokens: Tensor = self.project(self.norm(flat_patches(pictures, self.patch_px)))
        return tokens
