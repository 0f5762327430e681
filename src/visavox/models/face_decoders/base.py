"""What every face decoder is: a network from a face feature to a picture of the face.

It holds no loss and no optimiser, and does not know whether its feature was read from a face or predicted from a voice.

Example:
    >>> from visavox.registry import FACE_DECODERS
    >>> decoder = FACE_DECODERS.build({"name": "small", "feature_dim": 256, "image_px": 64})
    >>> decoder(torch.zeros(2, 256)).shape
    torch.Size([2, 3, 64, 64])
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError


class FaceDecoder(nn.Module):
    """Face feature to picture.

    Constructors store every argument under its own name (plain JSON values), take them keyword-only, and check them
    with ConfigError; the registered name is the file's name.

    Args:
        feature_dim: length of a face feature; 1 or more.
        image_px: side of a picture in pixels.

    Attributes:
        mean, deviation: (feature_dim,) buffers of the features that were learned from; `standardised` uses them.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, feature_dim: int, image_px: int) -> None:
        super().__init__()
        if feature_dim < 1:
            raise ConfigError(f"`feature_dim` must be at least 1. Got {feature_dim}.")
        self.feature_dim = feature_dim
        self.image_px = image_px
        self.register_buffer("mean", torch.zeros(feature_dim))
        self.register_buffer("deviation", torch.ones(feature_dim))

    def standardised(self, features: Tensor) -> Tensor:
        """Return (n, feature_dim) features less their mean, in deviations."""
        return (features - self.mean) / self.deviation

    @abstractmethod
    def first_layer(self, features: Tensor) -> Tensor:
        """Return (n, width) float32: what the first layer makes of features; a loss of Speech2Face compares it."""

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Return (n, 3, image_px, image_px) RGB pictures in 0..1 of (n, feature_dim) float32 features."""
