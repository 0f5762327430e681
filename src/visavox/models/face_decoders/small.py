"""A small face decoder: a feature to a picture of 64 px in one step, on a CPU.

    feature -> linear -> 160 maps of 4 px -> 8 -> 16 -> 32 -> 64 px -> 3 colours

Each doubling is a 3x3 convolution to four times the maps, whose values are then laid side by side (sub-pixels), which
leaves no pattern of a transposed convolution and runs at the smaller size. At 64 px it is the last doubling alone that
sees all pixels; other sides have as many doublings as they need.

Example:
    >>> decoder = SmallDecoder(feature_dim=256, image_px=64)
    >>> decoder(torch.zeros(2, 256)).shape, sum(parameter.numel() for parameter in decoder.parameters())
    (torch.Size([2, 3, 64, 64]), 1659251)

Source of the sub-pixels: Shi et al., 2016, Real-time single image and video super-resolution, section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.face_decoders.base import FaceDecoder
from visavox.registry import FACE_DECODERS

FIRST_PX = 4
CHANNELS = (160, 96, 48, 32, 16, 16)
"""Maps at 4, 8, 16, 32, 64 and 128 px."""
SIZES_PX = (8, 16, 32, 64, 128)
N_RESIDUALS = 2  # a residual pair at 8 and at 16 px, where it costs little


@FACE_DECODERS.register("small")
class SmallDecoder(FaceDecoder):
    """The small decoder.

    Args:
        feature_dim: length of a face feature.
        image_px: side of a picture: 8, 16, 32, 64 or 128.
        channel_factor: what all numbers of maps are multiplied with, above 0 to 2.
    """

    def __init__(self, *, feature_dim: int, image_px: int = 64, channel_factor: float = 1.0) -> None:
        """Build the network with torch's random weights.

        Raises:
            ConfigError: an argument is out of its range.
        """
        super().__init__(feature_dim=feature_dim, image_px=image_px)
        if image_px not in SIZES_PX:
            raise ConfigError(
                f"`image_px` of the face decoder 'small' must be one of {', '.join(map(str, SIZES_PX))}. "
                f"Got {image_px}."
            )
        if not 0 < channel_factor <= 2:
            raise ConfigError(f"`channel_factor` must be above 0 and at most 2. Got {channel_factor}.")
        self.channel_factor = channel_factor
        self.channels = channels = tuple(max(4, round(count * channel_factor)) for count in CHANNELS)
        self.first = nn.Linear(feature_dim, channels[0] * FIRST_PX * FIRST_PX)
        layers: list[nn.Module] = []
        for step in range(SIZES_PX.index(image_px) + 1):
            layers.append(_Doubling(channels[step], channels[step + 1]))
            if step < N_RESIDUALS:
                layers.append(_Residual(channels[step + 1]))
        self.doublings = nn.Sequential(*layers)
        self.colours = nn.Conv2d(channels[SIZES_PX.index(image_px) + 1], 3, 3, padding=1)

    def first_layer(self, features: Tensor) -> Tensor:
        """Return (n, 2560) float32 of (n, feature_dim) features."""
        return functional.silu(self.first(self.standardised(features)))

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, 3, image_px, image_px) RGB pictures in 0..1 of (n, feature_dim) float32 features."""
        maps = self.first_layer(features).view(-1, self.channels[0], FIRST_PX, FIRST_PX)  # (n, 160, 4, 4)
        maps = maps.contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(self.colours(self.doublings(maps)).float())


class _Doubling(nn.Module):
    """(n, in_channels, side, side) to (n, channels, 2 side, 2 side)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, 4 * channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of twice the side."""
        return functional.silu(self.norm(functional.pixel_shuffle(self.convolution(maps), 2)))


class _Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, at the same size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the shape of `maps`."""
        return functional.silu(maps + self.body(maps))
