"""The improved residual network of 50 layers: faces of 112 px to 512 numbers, with or without excitation.

Layers, shapes and names are those of face.evoLVe's IR_50 and IR_SE_50, which Seeking the Shape of Sound took over, so
that checkpoints load name by name. It does not normalise its input's face: crops are the affair of the encoder.

    (n, 3, 112, 112) -> conv 3x3 -> 3, 4, 14, 3 units of 64, 128, 256, 512, each stage halving the picture
    -> batch norm, dropout, linear 25088 to 512, batch norm

Example:
    >>> network = IRNet50().eval()
    >>> network(torch.zeros(1, 3, 112, 112)).shape, sum(p.numel() for p in network.parameters())
    (torch.Size([1, 512]), 43574976)

Source: Deng et al., "ArcFace" (CVPR 2019), section 3.1 (improved residual unit, output setting E);
    https://github.com/ZhaoJ9014/face.evoLVe, backbone/model_irse.py;
    https://github.com/KID-7391/seeking-the-shape-of-sound, models/nn/ir_se_model.py.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Channels = Literal["bgr", "rgb"]

FACE_PX = 112
DIM = 512
STAGES = ((64, 64, 3), (64, 128, 4), (128, 256, 14), (256, 512, 3))
"""Channels in, channels out, units of each stage."""


class IRNet50(nn.Module):
    """Pictures of faces to vectors of no fixed length.

    Args:
        squeeze_excitation: scale each unit's channels, reduction 16 (IR-SE); else plain (IR).
        channels: order in which the colours enter the first convolution; Seeking the Shape of Sound takes "bgr",
            face.evoLVe's own weights "rgb".
    """

    def __init__(self, *, squeeze_excitation: bool = False, channels: Channels = "bgr") -> None:
        """Lay out the layers with Xavier's random weights."""
        super().__init__()
        self.channels: Channels = channels
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        units: list[nn.Module] = []
        for n_in, n_out, n_units in STAGES:
            units.append(_Unit(n_in, n_out, 2, squeeze_excitation))
            units += [_Unit(n_out, n_out, 1, squeeze_excitation) for _ in range(n_units - 1)]
        self.body = nn.Sequential(*units)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512), nn.Dropout(0.5), nn.Flatten(), nn.Linear(512 * 7 * 7, DIM), nn.BatchNorm1d(DIM)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, faces: Tensor) -> Tensor:
        """Return (n, 512) from faces (n, 3, 112, 112) float RGB in [0, 1]; n of 2 or more in training mode."""
        x = faces * 2 - 1  # as (x - 127.5) / 127.5 on 0 to 255
        if self.channels == "bgr":
            x = x.flip(1)
        vectors: Tensor = self.output_layer(self.body(self.input_layer(x)))
        return vectors


class _Unit(nn.Module):
    """Normalisation, two 3x3 convolutions with PReLU between, and a shortcut; the second convolution strides."""

    def __init__(self, in_channels: int, channels: int, stride: int, squeeze_excitation: bool) -> None:
        super().__init__()
        if in_channels == channels:
            self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)  # takes every second pixel
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        if squeeze_excitation:
            self.res_layer.append(_Excitation(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, channels, height / stride, width / stride) of (n, in_channels, height, width)."""
        y: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return y


class _Excitation(nn.Module):
    """Scales each channel by what two 1x1 convolutions without bias make of the means of all channels."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the shape of `x`, (n, channels, height, width)."""
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))))
