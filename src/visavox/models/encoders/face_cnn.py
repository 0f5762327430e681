"""A small face network to be trained from scratch: 64 px faces to 128 numbers, on a CPU.

A residual network of nine 3x3 convolutions, 0.3 million parameters, with batch normalisation. The picture is the part
of the canonical crop that a face with its hair and jaw fills.

    crop 256 px -> 208 px from the top middle -> 64 px -> 32 -> 32 -> 16 -> 8 -> 4 px -> mean -> linear -> 128

Chosen by measurement on two cores, training in batches of 64: 1,450 faces a second on one thread and 2,640 on two in
float32, 1,960 and 2,960 with bfloat16 autocast; a third less without channels last; half as many with 24-48-96-128
channels. Depthwise convolutions with fewer operations were slower. With group normalisation it learned less in the
same time (R2 of the six shared dimensions of new people 0.61 against 0.87), and a last layer that reads the 4x4 places
instead of their mean did no better (0.86).

Without trained weights its vectors say nothing.

Example:
    >>> encoder = FaceCNNEncoder(seed=1)
    >>> encoder.encode([np.zeros((256, 256, 3), np.uint8)]).shape
    (1, 128)
    >>> encoder.n_parameters
    323600
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import DataError
from visavox.media.face_crop import CROP_PX
from visavox.models.encoders.trainable import TrainableEncoder
from visavox.registry import ENCODERS

FACE_PX = 64
"""Side of the picture that the network sees."""
DIM = 128
"""Length of a vector."""
_X0_PX, _Y0_PX, _SIDE_PX = 24, 0, 208  # of the crop: ears left and right, hairline to below the chin
_CHANNELS = (16, 32, 64, 128)  # of the residual blocks; each but the first halves the picture


@ENCODERS.register("face_cnn")
class FaceCNNEncoder(TrainableEncoder):
    """Trainable face encoder; see `TrainableEncoder` for the arguments.

    Args:
        weights: "" for random ones, or the folder or model that holds trained ones.
        seed: of the random weights.
        device: "cpu", "cuda", "mps".
    """

    name = "face_cnn"
    modality = "face"
    dim = DIM

    def __init__(self, *, weights: str = "", seed: int = 0, device: str = "cpu") -> None:
        """Build the network; see `TrainableEncoder`."""
        super().__init__(weights=weights, seed=seed, device=device)

    def build_network(self) -> nn.Module:
        """Return a `FaceCNN` with random weights."""
        network: nn.Module = FaceCNN()
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Return the (64, 64, 3) uint8 RGB picture of a canonical crop (256, 256, 3) uint8 RGB.

        Raises:
            DataError: the crop has another shape or type.
        """
        if getattr(item, "shape", ()) != (CROP_PX, CROP_PX, 3) or item.dtype != np.uint8:
            raise DataError(
                f"A face crop must be (256, 256, 3) uint8. Got {getattr(item, 'shape', ())} "
                f"{getattr(item, 'dtype', type(item).__name__)}. Make it with visavox.media.face_crop.crop_face."
            )
        face = item[_Y0_PX : _Y0_PX + _SIDE_PX, _X0_PX : _X0_PX + _SIDE_PX]
        return np.asarray(cv2.resize(face, (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA))

    def collate(self, prepared: Sequence[np.ndarray]) -> tuple[Tensor]:
        """Return the pictures (n, 3, 64, 64) float32 in [0, 1], channels last in memory."""
        pictures = torch.from_numpy(np.stack(prepared)).to(self.device)
        return (pictures.permute(0, 3, 1, 2).float() / 255,)


class FaceCNN(nn.Module):
    """Pictures of faces to vectors of no fixed length."""

    def __init__(self) -> None:
        """Lay out the layers with random weights."""
        super().__init__()
        self.stem = nn.Sequential(*_convolution(3, _CHANNELS[0], 3, stride=2), nn.ReLU())
        pairs = itertools.pairwise(_CHANNELS)
        halving = [_Block(n_in, n_out, stride=2) for n_in, n_out in pairs]
        self.blocks = nn.Sequential(_Block(_CHANNELS[0], _CHANNELS[0], stride=1), *halving)
        self.head = nn.Linear(_CHANNELS[-1], DIM)

    def forward(self, faces: Tensor) -> Tensor:
        """Return (n, 128) from faces (n, 3, 64, 64) float in [0, 1]; n may be 0 in evaluation mode."""
        maps = self.blocks(self.stem((faces - 0.5) * 4))  # (n, 128, 4, 4); the input has a deviation of about 1
        vectors: Tensor = self.head(maps.mean(dim=(2, 3)))
        return vectors


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; halves the picture when `stride` is 2."""

    def __init__(self, in_channels: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(in_channels, channels, 3, stride=stride), nn.ReLU(), *_convolution(channels, channels, 3)
        )
        same = stride == 1 and in_channels == channels
        shortcut = nn.Sequential(nn.AvgPool2d(stride), nn.Conv2d(in_channels, channels, 1, bias=False))
        self.shortcut = nn.Identity() if same else shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of shape (n, channels, height / stride, width / stride) of (n, in_channels, height, width)."""
        return functional.relu(self.body(x) + self.shortcut(x))


def _convolution(in_channels: int, channels: int, size: int, *, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    """Return a convolution and its normalisation."""
    layer = nn.Conv2d(in_channels, channels, size, stride=stride, padding=size // 2, bias=False)
    return layer, nn.BatchNorm2d(channels)
