"""The thin ResNet-34 with squeeze and excitation: log-mel bands of a voice to 512 numbers, 1.4 million parameters.

Layers, shapes and names are those of voxceleb_trainer's ResNetSE34L, which Seeking the Shape of Sound took over, so
that their checkpoints load name by name. Two habits of theirs are kept: in a block the ReLU stands before the first
normalisation, and the first convolution halves the bands but not the frames.

    (n, 40, frames) -> zero mean, unit deviation a band -> conv 7x7 (2, 1) -> 3, 4, 6, 3 blocks of 16, 32, 64, 128
    -> mean over bands -> pooling over time with attention -> linear

Their checkpoints also hold the front end's window and mel filters (`FRONT_END_CONSTANTS`); here these are no weights
(`visavox.models.log_mel`).

Example:
    >>> network = ThinResNet34()
    >>> network(torch.zeros(2, 100, 40)).shape, sum(p.numel() for p in network.parameters())
    (torch.Size([2, 512]), 1437078)

Source: Chung et al., "In Defence of Metric Learning for Speaker Recognition" (Interspeech 2020), table 1, Fast
    ResNet-34, 1.4 M; https://github.com/clovaai/voxceleb_trainer, models/ResNetSE34L.py and ResNetBlocks.py;
    https://github.com/KID-7391/seeking-the-shape-of-sound, models/nn/res_se_34l_model.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.models.attentive_pooling import Pooling, attend
from visavox.models.frame_masks import instance_norm, shortened, time_mask

N_MELS = 40
CHANNELS = (16, 32, 64, 128)
BLOCKS = (3, 4, 6, 3)
STRIDES = (1, 2, 2, 1)  # of the first block of each layer, over bands and frames alike
FRONT_END_CONSTANTS = ("torchfb.spectrogram.window", "torchfb.mel_scale.fb")
"""Keys of published checkpoints that are no weights: a Hamming window (400,) and mel filters (257, 40)."""


class ThinResNet34(nn.Module):
    """Log-mel bands of voices to vectors of no fixed length.

    Args:
        dim: length of a vector: 512 in both published checkpoints.
        pooling: "sap", self-attentive pooling, or "asp", attentive statistics.
    """

    def __init__(self, dim: int = 512, *, pooling: Pooling = "sap") -> None:
        """Lay out the layers with random weights: Kaiming's for convolutions, Xavier's for the attention."""
        super().__init__()
        self.pooling: Pooling = pooling
        self.conv1 = nn.Conv2d(1, CHANNELS[0], 7, stride=(2, 1), padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(CHANNELS[0])
        before = (CHANNELS[0], *CHANNELS[:-1])
        for number, (n_in, n_out, n_blocks, stride) in enumerate(zip(before, CHANNELS, BLOCKS, STRIDES, strict=True)):
            rest = [_Block(n_out, n_out, 1) for _ in range(n_blocks - 1)]
            setattr(self, f"layer{number + 1}", nn.Sequential(_Block(n_in, n_out, stride), *rest))
        self.sap_linear = nn.Linear(CHANNELS[-1], CHANNELS[-1])
        self.attention = nn.Parameter(nn.init.xavier_normal_(torch.empty(CHANNELS[-1], 1)))
        self.fc = nn.Linear(CHANNELS[-1] * (2 if pooling == "asp" else 1), dim)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, voices: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the vectors of a batch.

        Args:
            voices: (n, n_frames, 40) float, log-mel; one frame or more.
            lengths: (n,) int64, 1 to n_frames: frames that are voice; what lies behind is not looked at. None: all.

        Returns:
            (n, dim).
        """
        x = instance_norm(voices.transpose(1, 2).detach(), lengths)[:, None]  # (n, 1, 40, n_frames)
        seen = _seen(lengths, x)
        x = torch.relu(self.bn1(self.conv1(x))) * seen  # (n, 16, 20, n_frames)
        for number, stride in enumerate(STRIDES):
            if lengths is not None:
                lengths = shortened(lengths, size=3, stride=stride, padding=1)
            for block in getattr(self, f"layer{number + 1}"):
                x = block(x, lengths)
        x = x.mean(dim=2).transpose(1, 2)  # (n, places, 128)
        vectors: Tensor = self.fc(attend(x, self.sap_linear, self.attention, self.pooling, lengths))
        return vectors


class _Block(nn.Module):
    """Two 3x3 convolutions, squeeze and excitation, and a shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.se = _Excitation(channels)
        self.downsample = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return (n, channels, bands, places) of (n, in_channels, ...); `lengths` are those behind the block."""
        y = self.bn1(torch.relu(self.conv1(x)))  # the ReLU first, as published
        seen = _seen(lengths, y)
        y = self.se(self.bn2(self.conv2(y * seen)) * seen, lengths)
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(y + shortcut) * seen


class _Excitation(nn.Module):
    """Scales each channel by what a small network makes of the means of all channels."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        inner = channels // reduction
        self.fc = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels), nn.Sigmoid())

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return maps of the shape of `x`, (n, channels, bands, places), which is zero behind the lengths."""
        if lengths is None:
            means = x.mean(dim=(2, 3))
        else:
            means = x.sum(dim=(2, 3)) / (x.shape[2] * lengths[:, None]).to(x.dtype)
        scales: Tensor = self.fc(means)
        return x * scales[:, :, None, None]


def _seen(lengths: Tensor | None, x: Tensor) -> Tensor:
    """(n, 1, 1, places) of ones and zeros, or a single one."""
    if lengths is None:
        return torch.ones((), device=x.device, dtype=x.dtype)
    return time_mask(lengths, x.shape[3])[:, None, None].to(x.dtype)
