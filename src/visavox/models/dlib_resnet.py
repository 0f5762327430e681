"""dlib's face recognition network as a torch module: 29 convolutions, 150x150 faces to 128 numbers.

The weights come from the file that dlib's author published (CC0); the forward pass here is our own, several times
faster than dlib's on one core, and equal to it to 1e-4. It is not a detector and does not align: the input is the
face chip of 150 px that dlib cuts with a padding of 0.25 (`visavox.media.face_crop.dlib_chips`).

Example:
    >>> network = DlibResNet.from_installed()
    >>> features = network(torch.zeros(2, 3, 150, 150, dtype=torch.uint8))
    >>> features.pooled.shape, features.descriptor.shape
    (torch.Size([2, 256]), torch.Size([2, 128]))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import DataError
from visavox.media.carried_weights import carried_file
from visavox.models.dlib_reader import DlibLayer, DlibNetwork, read_network

CHIP_PX = 150
POOLED_DIM = 256
DESCRIPTOR_DIM = 128
WEIGHTS_FILE = ("face_recognition_models", "models", "dlib_face_recognition_resnet_model_v1.dat")

# Channels of the 14 residual blocks, in order. A block whose channels differ from those before it halves the
# picture, and pools its shortcut.
_BLOCKS = (32, 32, 32, 64, 64, 64, 64, 128, 128, 128, 256, 256, 256, 256)
_HALVING = (3, 7, 10, 13)  # the last block halves without adding channels


@dataclass(frozen=True)
class Features:
    """What the network says about a batch of faces."""

    pooled: Tensor
    """(n, 256) float32, >= 0: mean of the last feature map over the picture."""
    descriptor: Tensor
    """(n, 128) float32: dlib's descriptor, nearly of length one; two photos of a person are within 0.6."""


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; halves the picture when `stride` is 2."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        # dlib pads a convolution only when its stride is 1.
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1 if stride == 1 else 0)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output for (n, in_channels, height, width): same size, or half with a stride of 2."""
        y = self.conv2(functional.relu_(self.conv1(x)))
        if self.stride == 1:
            return functional.relu_(y + x)
        shortcut = functional.avg_pool2d(x, 2)
        # The two differ by a pixel (convolution 8 -> 3, pooling 8 -> 4) and in channels; dlib adds them corner to
        # corner, and what is missing counts as zero.
        channels = max(y.shape[1], shortcut.shape[1])
        height, width = max(y.shape[2], shortcut.shape[2]), max(y.shape[3], shortcut.shape[3])
        return functional.relu_(_extend(y, channels, height, width) + _extend(shortcut, channels, height, width))


def _extend(x: Tensor, channels: int, height: int, width: int) -> Tensor:
    """Return `x` with zeros behind its last channel, row and column."""
    missing = (channels - x.shape[1], height - x.shape[2], width - x.shape[3])
    return functional.pad(x, (0, missing[2], 0, missing[1], 0, missing[0])) if any(missing) else x


class DlibResNet(nn.Module):
    """Face chips to pooled features and descriptors.

    The affine layers that follow the convolutions in dlib are folded into them, so a fresh instance holds 29
    convolutions and one matrix. Build it with `from_installed` or `from_file`; the plain constructor leaves the
    weights without values.
    """

    def __init__(self) -> None:
        """Lay out the layers; their weights are empty (device "meta") until they are loaded."""
        super().__init__()
        with torch.device("meta"):
            self.stem = nn.Conv2d(3, 32, 7, stride=2)
            before = (32, *_BLOCKS[:-1])
            self.blocks = nn.ModuleList(
                _Block(n_in, n_out, stride=2 if index in _HALVING else 1)
                for index, (n_in, n_out) in enumerate(zip(before, _BLOCKS, strict=True))
            )
            self.head = nn.Linear(POOLED_DIM, DESCRIPTOR_DIM, bias=False)
            self.register_buffer("channel_means", torch.zeros(3))
        self.channel_means: Tensor

    @classmethod
    def from_file(cls, path: Path) -> DlibResNet:
        """Return the network with the weights of a dlib file, ready to encode (not to train).

        Args:
            path: `dlib_face_recognition_resnet_model_v1.dat`.

        Raises:
            DataError: the file is corrupt, or holds another network.
        """
        stored = read_network(path)
        network = cls()
        network.load_state_dict(_state(network, stored, str(path)), assign=True)
        network.eval().requires_grad_(False)
        return network

    @classmethod
    def from_installed(cls) -> DlibResNet:
        """Return the network with the weights that the package face_recognition_models carries.

        Raises:
            MissingDependencyError: the package is not installed; the message holds the line that installs it.
            DataError: its file is corrupt.
        """
        return cls.from_file(carried_file(*WEIGHTS_FILE))

    def forward(self, chips: Tensor) -> Features:
        """Return the features of a batch of face chips.

        Args:
            chips: (n, 3, 150, 150) uint8 or float32, RGB, 0 to 255; n may be 0.
        """
        x = (chips.to(self.head.weight.dtype) - self.channel_means[:, None, None]) / 256
        x = x.contiguous(memory_format=torch.channels_last)
        x = functional.max_pool2d(functional.relu_(self.stem(x)), 3, stride=2)  # (n, 32, 35, 35)
        for block in self.blocks:
            x = block(x)  # at the end (n, 256, 2, 2)
        pooled = x.mean(dim=(2, 3))
        return Features(pooled=pooled.float(), descriptor=self.head(pooled).float())


def _state(network: DlibResNet, stored: DlibNetwork, name: str) -> dict[str, Tensor]:
    """Fold each affine layer into the convolution before it; check the file against our layout on the way."""
    wanted = _layout()
    found = [(layer.kind, *layer.settings) for layer in stored.layers]
    if found != wanted or stored.input_px != CHIP_PX:
        raise DataError(
            f"{name} holds another network than dlib's face recognition network v1. "
            "Give the file dlib_face_recognition_resnet_model_v1.dat."
        )
    convolutions = [module for module in network.named_modules() if isinstance(module[1], nn.Conv2d)]
    pairs = [(layer, stored.layers[index + 1]) for index, layer in enumerate(stored.layers) if layer.kind == "con_4"]
    state = {"channel_means": torch.tensor(stored.channel_means)}
    for (module_name, _), (convolution, affine) in zip(convolutions, pairs, strict=True):
        weight, bias = _fold(convolution, affine)
        state[f"{module_name}.weight"], state[f"{module_name}.bias"] = weight, bias
    matrix = stored.layers[-1].weights.reshape(POOLED_DIM, DESCRIPTOR_DIM)
    state["head.weight"] = torch.from_numpy(np.ascontiguousarray(matrix.T))
    return state


def _fold(convolution: DlibLayer, affine: DlibLayer) -> tuple[Tensor, Tensor]:
    """Return weight and bias of gamma * (w * x + b) + beta as one convolution."""
    n_filters, rows, columns, *_, n_inputs = convolution.settings
    gamma, beta = np.split(affine.weights, 2)
    weight, bias = np.split(convolution.weights, [n_filters * n_inputs * rows * columns])
    weight = weight.reshape(n_filters, n_inputs, rows, columns) * gamma[:, None, None, None]
    # Channels innermost: 2.5 ms a chip in batches of 16 on one thread, against 3.6 ms with channels outermost.
    folded = torch.from_numpy(weight).contiguous(memory_format=torch.channels_last)
    return folded, torch.from_numpy(bias * gamma + beta)


def _layout() -> list[tuple[str | int, ...]]:
    """Return kind and settings of every layer that the file must hold, from the input outwards."""

    def convolution(n_in: int, n_out: int, size: int, stride: int) -> list[tuple[str | int, ...]]:
        padding = size // 2 if stride == 1 else 0
        return [("con_4", n_out, size, size, stride, stride, padding, padding, n_in), ("affine_", n_out)]

    relu: tuple[str | int, ...] = ("relu_",)
    layers = [*convolution(3, 32, 7, 2), relu, ("max_pool_2", 3, 3, 2, 2, 0, 0)]
    n_in = 32
    for index, n_out in enumerate(_BLOCKS):
        is_halving = index in _HALVING
        layers += [*convolution(n_in, n_out, 3, 2 if is_halving else 1), relu, *convolution(n_out, n_out, 3, 1)]
        layers += [("avg_pool_2", 2, 2, 2, 2, 0, 0)] if is_halving else []
        layers += [("add_prev_",), relu]
        n_in = n_out
    return [*layers, ("avg_pool_2", 0, 0, 1, 1, 0, 0), ("fc_2", DESCRIPTOR_DIM, POOLED_DIM)]
