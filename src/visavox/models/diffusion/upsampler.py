"""Twice the resolution: the bicubic picture, and what a few residual blocks add to it.

It adds the edges that a drawn picture of 64 px has lost, and invents little. It is trained on real faces only
(`visavox.pipeline.drawing.upsampler_training`).

Example:
    >>> FaceUpsampler(width=16, blocks=1)(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 3, 128, 128])

Source: Lim et al. 2017 (EDSR), residual blocks without normalisation and one shuffle of pixels, in small.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError

FACTOR = 2


class FaceUpsampler(nn.Module):
    """Pictures of any side to pictures of twice the side; with fresh weights, bicubic interpolation.

    Args:
        width: filters of a layer, 1 or more.
        blocks: residual blocks, 1 or more.

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(self, *, width: int = 32, blocks: int = 4) -> None:
        super().__init__()
        if width < 1 or blocks < 1:
            raise ConfigError(f"`width` and `blocks` of an upsampler must be at least 1. Got {width} and {blocks}.")
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1))
            for _ in range(blocks)
        )
        self.last = nn.Conv2d(width, 3 * FACTOR**2, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (n, 3, 2 px, 2 px) float32 of (n, 3, px, px) float32 pictures in 0..1; not clipped."""
        enlarged = functional.interpolate(pictures, scale_factor=FACTOR, mode="bicubic", align_corners=False)
        found = self.first(2 * pictures - 1)
        for block in self.blocks:
            found = found + block(found)
        added: Tensor = functional.pixel_shuffle(self.last(functional.silu(found)), FACTOR)
        return enlarged + torch.as_tensor(added)
