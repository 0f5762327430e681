"""A face decoder of two branches: what a face looks like, and where its landmarks are.

    4096 -> 3072 -> 2048 (each normalised over the batch, ReLU)
        -> texture: 50,176 -> 256 maps of 14 px -> 28 -> 56 -> 112 -> 224 px -> 3 colours, logistic
        -> landmarks: 1024 -> 512 -> 256 -> 144 = 72 points of x and y, ReLU between

Each transposed convolution has kernel 5, stride 2, padding 2 and one row and column more at the far side: a side of s
becomes (s - 1) 2 - 2 * 2 + 5 + 1 = 2 s. In the original a third step bends the texture so that its landmarks lie where
the second branch says, which no public code does in a way that can be learned through; here the texture is the
picture, and the landmarks are an output of their own, taught only where somebody gives true ones.

Example:
    >>> decoder = LandmarkTextureDecoder(feature_dim=8, image_px=32, hidden_dims=(12, 10), channel_factor=0.125).eval()
    >>> decoder(torch.zeros(2, 8)).shape, decoder.landmarks(torch.zeros(2, 8)).shape
    (torch.Size([2, 3, 32, 32]), torch.Size([2, 72, 2]))

Source: Cole et al., 2017, Synthesizing normalized faces from facial identity features, section 2.2; layer sizes and
    weights of the losses as public code has them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.face_decoders.base import FaceDecoder
from visavox.models.face_decoders.transposed import SHRINKING, check_side, doublings, scaled_channels
from visavox.registry import FACE_DECODERS

N_LANDMARKS = 72
LANDMARK_DIMS = (1024, 512, 256, 2 * N_LANDMARKS)
KERNEL, OUTPUT_PADDING = 5, 1
LANDMARK_WEIGHT, TEXTURE_WEIGHT, FEATURE_WEIGHT = 1.0, 100.0, 100.0


@FACE_DECODERS.register("landmark_texture")
class LandmarkTextureDecoder(FaceDecoder):
    """The decoder of texture and landmarks.

    Args:
        feature_dim: length of a face feature; VGG-Face's is 4096.
        image_px: side of a picture, a multiple of 16, 16 to 512.
        hidden_dims: widths of the two shared layers, 1 or more each.
        channel_factor: what all numbers of maps are multiplied with, above 0 to 1.
    """

    def __init__(
        self,
        *,
        feature_dim: int = 4096,
        image_px: int = 224,
        hidden_dims: tuple[int, int] = (3072, 2048),
        channel_factor: float = 1.0,
    ) -> None:
        """Build the network with torch's random weights.

        Raises:
            ConfigError: an argument is out of its range.
        """
        super().__init__(feature_dim=feature_dim, image_px=image_px)
        check_side("landmark_texture", image_px)
        if len(hidden_dims) != 2 or min(hidden_dims) < 1:
            raise ConfigError(f"`hidden_dims` must be two whole numbers of at least 1. Got {hidden_dims!r}.")
        self.hidden_dims = tuple(hidden_dims)  # a saved one is a list
        self.channel_factor = channel_factor
        self.channels = channels = scaled_channels(channel_factor)
        first, second = self.hidden_dims
        self.first_px = image_px // SHRINKING
        self.first = nn.Sequential(nn.Linear(feature_dim, first), nn.BatchNorm1d(first), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(first, second), nn.BatchNorm1d(second), nn.ReLU())
        self.spread = nn.Linear(second, channels[0] * self.first_px**2)
        self.doublings = doublings(channels, kernel=KERNEL, output_padding=OUTPUT_PADDING)
        self.colours = nn.Conv2d(channels[-1], 3, 1)
        layers: list[nn.Module] = []
        for n_in, n_out in zip((second, *LANDMARK_DIMS[:-1]), LANDMARK_DIMS, strict=True):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        self.places = nn.Sequential(*layers[:-1])

    def first_layer(self, features: Tensor) -> Tensor:
        """Return (n, hidden_dims[0]) float32 of (n, feature_dim) features, normalised and bent."""
        found: Tensor = self.first(self.standardised(features))
        return found

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, 3, image_px, image_px) RGB pictures in 0..1 of (n, feature_dim) float32 features."""
        return self.texture(self._trunk(features))

    def landmarks(self, features: Tensor) -> Tensor:
        """Return (n, 72, 2) x and y of landmarks, as shares of the picture's side, of (n, feature_dim) features."""
        return self._landmarks(self._trunk(features))

    def both(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return pictures and landmarks of one pass, as `forward` and `landmarks` shape them."""
        trunk = self._trunk(features)
        return self.texture(trunk), self._landmarks(trunk)

    def texture(self, trunk: Tensor) -> Tensor:
        """Return (n, 3, image_px, image_px) in 0..1 of (n, hidden_dims[1]), what the shared layers give."""
        maps = torch.relu(self.spread(trunk)).view(
            -1, self.channels[0], self.first_px, self.first_px
        )  # (n, 256, 14, 14)
        return torch.sigmoid(self.colours(self.doublings(maps)).float())

    def _trunk(self, features: Tensor) -> Tensor:
        trunk: Tensor = self.second(self.first_layer(features))
        return trunk

    def _landmarks(self, trunk: Tensor) -> Tensor:
        places: Tensor = self.places(trunk).view(-1, N_LANDMARKS, 2)
        return places


def landmark_texture_loss(
    texture: Tensor,
    true_texture: Tensor,
    *,
    landmarks: Tensor | None = None,
    true_landmarks: Tensor | None = None,
    features: Tensor | None = None,
    true_features: Tensor | None = None,
) -> Tensor:
    """Return 1 MSE(landmarks) + 100 MAE(texture) + 100 (1 - cosine(features)), without the terms that are not given.

    Args:
        texture: (n, 3, px, px) in 0..1.
        true_texture: of the same shape.
        landmarks: (n, 72, 2); together with the true ones.
        true_landmarks: of the same shape.
        features: (n, dim) of the drawn faces, by the network that the decoder inverts; together with the true ones.
        true_features: of the same shape.

    Returns:
        () float32, differentiable.
    """
    loss = TEXTURE_WEIGHT * functional.l1_loss(texture, true_texture)
    if landmarks is not None and true_landmarks is not None:
        loss = loss + LANDMARK_WEIGHT * functional.mse_loss(landmarks, true_landmarks)
    if features is not None and true_features is not None:
        loss = loss + FEATURE_WEIGHT * (1 - functional.cosine_similarity(features, true_features)).mean()
    return loss
