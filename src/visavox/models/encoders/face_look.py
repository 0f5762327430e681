"""What a face looks like: 64 px of brow to chin to numbers from which the picture can be drawn again.

It is the encoder half of an autoencoder whose other half is a face decoder. Beside it, heads that tell gender, age and
race from the same numbers are learned on labelled faces, so that what a voice tells too is surely among them. It was
shown no names: it is no network that recognises people, and no judge of likeness either.

    crop 256 px -> drawn square, 64 px -> 32 -> 16 -> 8 -> 4 px -> linear -> 256        (| heads: 1 + 1 + 5)

Example:
    >>> encoder = FaceLookEncoder(seed=1)
    >>> encoder.encode([np.zeros((256, 256, 3), np.uint8)]).shape
    (1, 256)
    >>> encoder.n_parameters
    1056735
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError, DataError
from visavox.media.drawn_frame import drawn_picture
from visavox.media.face_crop import CROP_PX
from visavox.models.encoders.trainable import KIND, TrainableEncoder, find_weights
from visavox.persistence import load_folder
from visavox.registry import ENCODERS

FACE_PX = 64
"""Side of the picture that the network sees."""
DIM = 256
"""Length of a vector unless another is asked for."""
N_RACES = 5
AGE_CENTRE, AGE_SCALE = 40.0, 20.0  # years; the head tells (age - centre) / scale
_CHANNELS = (24, 48, 96, 160)
_LAST_PX = 4
_FEATURE = "feature.weight"


@ENCODERS.register("face_look")
class FaceLookEncoder(TrainableEncoder):
    """Trainable face encoder; see `TrainableEncoder` for the arguments.

    Args:
        weights: "" for random ones, or the folder or model that holds trained ones.
        seed: of the random weights.
        device: "cpu", "cuda", "mps".
        dim: length of a vector, 2 or more; 0 takes that of the weights, or 256.
    """

    name = "face_look"
    modality = "face"
    dim = DIM
    network: FaceLook

    def __init__(self, *, weights: str = "", seed: int = 0, device: str = "cpu", dim: int = 0) -> None:
        """Build the network; see `TrainableEncoder`.

        Raises:
            ConfigError: `dim` is out of range.
        """
        if dim < 0 or dim == 1:
            raise ConfigError(f"`dim` of the encoder 'face_look' must be 2 or more, or 0 for its own. Got {dim}.")
        self.dim = dim or _dim_of(weights) or DIM
        super().__init__(weights=weights, seed=seed, device=device)

    def build_network(self) -> FaceLook:
        """Return a `FaceLook` with random weights."""
        return FaceLook(self.dim).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Return the (64, 64, 3) uint8 RGB drawn square of a canonical crop (256, 256, 3) uint8 RGB.

        Raises:
            DataError: the crop has another shape or type.
        """
        if getattr(item, "shape", ()) != (CROP_PX, CROP_PX, 3) or item.dtype != np.uint8:
            raise DataError(
                f"A face crop must be (256, 256, 3) uint8. Got {getattr(item, 'shape', ())} "
                f"{getattr(item, 'dtype', type(item).__name__)}. Make it with visavox.media.face_crop.crop_face."
            )
        return drawn_picture(item, FACE_PX)

    def collate(self, prepared: Sequence[np.ndarray]) -> tuple[Tensor]:
        """Return the pictures (n, 3, 64, 64) float32 in [0, 1], channels last in memory."""
        pictures = torch.from_numpy(np.stack(prepared)).to(self.device)
        return (pictures.permute(0, 3, 1, 2).float() / 255,)


class FaceLook(nn.Module):
    """Pictures of faces to vectors, and vectors to what annotators see in a face.

    Args:
        dim: length of a vector.
    """

    def __init__(self, dim: int = DIM) -> None:
        """Lay out the layers with random weights."""
        super().__init__()
        first, second, third, last = _CHANNELS
        self.maps = nn.Sequential(
            *_convolution(3, first),
            *_convolution(first, second),
            _Residual(second),
            *_convolution(second, third),
            _Residual(third),
            *_convolution(third, last),
        )
        self.feature = nn.Linear(last * _LAST_PX * _LAST_PX, dim)
        self.heads = nn.Linear(dim, 2 + N_RACES)

    def forward(self, faces: Tensor) -> Tensor:
        """Return (n, dim) from faces (n, 3, px, px) float in [0, 1]; other sides than 64 are scaled."""
        if faces.shape[-1] != FACE_PX:
            faces = functional.interpolate(faces, size=FACE_PX, mode="bilinear", antialias=True)
        features: Tensor = self.feature(self.maps(faces * 2 - 1).flatten(1))  # of (n, 160, 4, 4)
        return features

    def attributes(self, features: Tensor) -> Tensor:
        """Return (n, 7) of features (n, dim): logit of a man, (age - 40) / 20, logits of the five races."""
        told: Tensor = self.heads(features)
        return told


class _Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, at the same size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_convolution(channels, channels, stride=1), *_convolution(channels, channels, 1)[:2])

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the shape of `x`, (n, channels, height, width)."""
        return functional.silu(x + self.body(x))


def _convolution(in_channels: int, channels: int, stride: int = 2) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return a 3x3 convolution, its normalisation and its bend."""
    layer = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
    return layer, nn.BatchNorm2d(channels), nn.SiLU()


def _dim_of(weights: str) -> int:
    """Return the length of the vectors of saved weights; 0 where they do not say."""
    if not weights:
        return 0
    saved = load_folder(find_weights(weights, "face"), kind=KIND)
    return int(saved.tensors[_FEATURE].shape[0]) if _FEATURE in saved.tensors else 0
