"""A face decoder of transposed convolutions: Speech2Face's 4096 numbers to a picture of 224 px.

    4096 -> 1000, ReLU -> 50,176, ReLU -> 256 maps of 14 px -> 28 -> 56 -> 112 -> 224 px (128, 64, 32, 32 maps, ReLU)
    -> 1x1 convolution to 3 colours, logistic

Each transposed convolution has kernel 6, stride 2, padding 2: a side of s becomes (s - 1) 2 - 2 * 2 + 6 = 2 s, so four
of them make 14 px 224. The numbers are 55,908,683, of which the second linear layer has 50 million; a smaller
`image_px`, `hidden_dim` and `channel_factor` make a small network of the same order.

Example:
    >>> decoder = TransposedDecoder(feature_dim=8, image_px=32, hidden_dim=16, channel_factor=0.125)
    >>> decoder(torch.zeros(2, 8)).shape
    torch.Size([2, 3, 32, 32])

Source: Oh et al., 2019, Speech2Face, section 3, after Cole et al., 2017, Synthesizing normalized faces from facial
    identity features. Neither gives the layers; these are those of public attempts at it.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.face_decoders.base import FaceDecoder
from visavox.registry import FACE_DECODERS

CHANNELS = (256, 128, 64, 32, 32)
"""Maps at 1/16, 1/8, 1/4, 1/2 and all of the side of the picture."""
N_DOUBLINGS = len(CHANNELS) - 1
SHRINKING = 2**N_DOUBLINGS
KERNEL, STRIDE, PADDING = 6, 2, 2


@FACE_DECODERS.register("transposed")
class TransposedDecoder(FaceDecoder):
    """The decoder of transposed convolutions.

    Args:
        feature_dim: length of a face feature; VGG-Face's is 4096.
        image_px: side of a picture, a multiple of 16, 16 to 512.
        hidden_dim: width of the first layer, 1 or more.
        channel_factor: what all numbers of maps are multiplied with, above 0 to 1.
    """

    def __init__(
        self, *, feature_dim: int = 4096, image_px: int = 224, hidden_dim: int = 1000, channel_factor: float = 1.0
    ) -> None:
        """Build the network with torch's random weights.

        Raises:
            ConfigError: an argument is out of its range.
        """
        super().__init__(feature_dim=feature_dim, image_px=image_px)
        check_side("transposed", image_px)
        if hidden_dim < 1:
            raise ConfigError(f"`hidden_dim` must be at least 1. Got {hidden_dim}.")
        self.hidden_dim = hidden_dim
        self.channel_factor = channel_factor
        self.channels = channels = scaled_channels(channel_factor)
        self.first_px = image_px // SHRINKING
        self.first = nn.Linear(feature_dim, hidden_dim)
        self.second = nn.Linear(hidden_dim, channels[0] * self.first_px**2)
        self.doublings = doublings(channels, kernel=KERNEL, output_padding=0)
        self.colours = nn.Conv2d(channels[-1], 3, 1)

    def first_layer(self, features: Tensor) -> Tensor:
        """Return (n, hidden_dim) float32 of (n, feature_dim) features, after the ReLU."""
        return torch.relu(self.first(self.standardised(features)))

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, 3, image_px, image_px) RGB pictures in 0..1 of (n, feature_dim) float32 features."""
        maps = torch.relu(self.second(self.first_layer(features)))
        maps = maps.view(-1, self.channels[0], self.first_px, self.first_px)  # (n, 256, 14, 14)
        return torch.sigmoid(self.colours(self.doublings(maps)).float())


def check_side(name: str, image_px: int) -> None:
    """Hold the side of a picture to being a multiple of 16.

    Raises:
        ConfigError: it is not, or out of range.
    """
    if not 16 <= image_px <= 512 or image_px % SHRINKING:
        raise ConfigError(
            f"`image_px` of the face decoder {name!r} must be a multiple of {SHRINKING}, 16 to 512. Got {image_px}."
        )


def scaled_channels(channel_factor: float) -> tuple[int, ...]:
    """Return the numbers of maps times a factor, 2 at least.

    Raises:
        ConfigError: the factor is out of range.
    """
    if not 0 < channel_factor <= 1:
        raise ConfigError(f"`channel_factor` must be above 0 and at most 1. Got {channel_factor}.")
    return tuple(max(2, round(count * channel_factor)) for count in CHANNELS)


def doublings(channels: tuple[int, ...], *, kernel: int, output_padding: int) -> nn.Sequential:
    """Return four transposed convolutions, each with a ReLU: (n, first, s, s) to (n, last, 16 s, 16 s).

    Args:
        channels: maps before, between and after them, five numbers.
        kernel: side of the filters; (s - 1) 2 - 2 * 2 + kernel + output_padding must be 2 s.
        output_padding: rows and columns that are added at the far side.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(channels):
        layers.append(nn.ConvTranspose2d(n_in, n_out, kernel, STRIDE, PADDING, output_padding))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)
