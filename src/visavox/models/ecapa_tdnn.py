"""ECAPA-TDNN, as SpeechBrain lays it out: 80 bands of a voice to 192 numbers, 20.8 million parameters.

Layers, shapes and names are those of SpeechBrain's module, so that its `embedding_model.ckpt` loads name by name. The
ends of a voice are mirrored into every convolution, and the pooling weighs every channel of every frame by itself.

    x = (n, 80, frames) -> convolution 5 -> 3 SE-Res2 blocks, dilations 2, 3, 4 -> all three side by side
      -> convolution 1 -> mean and deviation over time, weighed by attention -> batch norm -> linear

Voices of one batch must have one length: the mirrored ends leave no room for padding.

Example:
    >>> network = EcapaTDNN(channels=16, attention_channels=8).eval()
    >>> network(torch.zeros(2, 50, 80)).shape
    torch.Size([2, 192])

Source: Desplanques et al., "ECAPA-TDNN: Emphasized Channel Attention, Propagation and Aggregation in TDNN Based Speaker
    Verification" (Interspeech 2020), sections 2 and 3; https://github.com/speechbrain/speechbrain,
    lobes/models/ECAPA_TDNN.py, with the sizes of the hub's speechbrain/spkrec-ecapa-voxceleb.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

N_MELS = 80
DIM = 192
LEAST_FRAMES = 5
"""Frames that a voice needs at least: four are mirrored at either end under a dilation of 4."""
_DILATIONS = (2, 3, 4)
_SCALE = 8  # parts of a Res2 block
_SE_CHANNELS = 128
_LEAST_VARIANCE = 1e-12


class EcapaTDNN(nn.Module):
    """Bands of voices to vectors of no fixed length.

    Args:
        channels: of the blocks, a multiple of 8; three times as many are pooled. SpeechBrain's model has 1024.
        attention_channels: inside the pooling.
    """

    def __init__(self, *, channels: int = 1024, attention_channels: int = 128) -> None:
        """Lay out the layers with torch's random weights."""
        super().__init__()
        pooled = 3 * channels
        blocks: list[nn.Module] = [_TDNN(N_MELS, channels, 5)]
        blocks += [_SERes2(channels, dilation) for dilation in _DILATIONS]
        self.blocks = nn.ModuleList(blocks)
        self.mfa = _TDNN(len(_DILATIONS) * channels, pooled, 1)
        self.asp = _Attention(pooled, attention_channels)
        self.asp_bn = _Norm(2 * pooled)
        self.fc = _Convolution(2 * pooled, DIM, 1)

    def forward(self, voices: Tensor) -> Tensor:
        """Return (n, 192) from voices (n, n_frames, 80) float, all of one length, 5 frames or more."""
        x = self.blocks[0](voices.transpose(1, 2))  # (n, channels, n_frames)
        found = []
        for block in self.blocks[1:]:
            x = block(x)
            found.append(x)
        x = self.asp(self.mfa(torch.cat(found, dim=1)))  # (n, 2 * pooled)
        vectors: Tensor = self.fc(self.asp_bn(x[..., None]))
        return vectors[..., 0]


class _Convolution(nn.Module):
    """A convolution over time that keeps the length: the ends are mirrored."""

    def __init__(self, n_in: int, n_out: int, size: int, dilation: int = 1) -> None:
        super().__init__()
        half = dilation * (size - 1) // 2
        self.conv = nn.Conv1d(
            n_in, n_out, size, dilation=dilation, padding=half, padding_mode="reflect" if half else "zeros"
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, n_out, frames) of (n, n_in, frames)."""
        y: Tensor = self.conv(x)
        return y


class _Norm(nn.Module):
    """Batch normalisation under the name that SpeechBrain gives it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the shape of `x`, (n, channels, frames)."""
        y: Tensor = self.norm(x)
        return y


class _TDNN(nn.Module):
    """Convolution, ReLU, batch normalisation, in this order."""

    def __init__(self, n_in: int, n_out: int, size: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = _Convolution(n_in, n_out, size, dilation)
        self.norm = _Norm(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, n_out, frames) of (n, n_in, frames)."""
        y: Tensor = self.norm(torch.relu(self.conv(x)))
        return y


class _Res2(nn.Module):
    """Eighths of the channels: the first passes, each next one sees what became of the one before."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        part = channels // _SCALE
        self.blocks = nn.ModuleList(_TDNN(part, part, 3, dilation) for _ in range(_SCALE - 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the shape of `x`, (n, channels, frames)."""
        parts = list(x.chunk(_SCALE, dim=1))
        for number, block in enumerate(self.blocks, start=1):
            parts[number] = block(parts[number] + parts[number - 1] if number > 1 else parts[number])
        return torch.cat(parts, dim=1)


class _Excitation(nn.Module):
    """Scales each channel by what a small network makes of the means over time."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _Convolution(channels, _SE_CHANNELS, 1)
        self.conv2 = _Convolution(_SE_CHANNELS, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the shape of `x`, (n, channels, frames)."""
        return x * torch.sigmoid(self.conv2(torch.relu(self.conv1(x.mean(dim=2, keepdim=True)))))


class _SERes2(nn.Module):
    """Convolution 1, Res2 block, convolution 1, excitation, and a shortcut around them."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.tdnn1 = _TDNN(channels, channels, 1)
        self.res2net_block = _Res2(channels, dilation)
        self.tdnn2 = _TDNN(channels, channels, 1)
        self.se_block = _Excitation(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the shape of `x`, (n, channels, frames)."""
        y: Tensor = x + self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(x))))
        return y


class _Attention(nn.Module):
    """Mean and deviation over time, each channel with weights of its own that see the whole voice."""

    def __init__(self, channels: int, attention_channels: int) -> None:
        super().__init__()
        self.tdnn = _TDNN(3 * channels, attention_channels, 1)
        self.conv = _Convolution(attention_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, 2 * channels) of (n, channels, frames)."""
        even = torch.full_like(x[:, :1], 1 / x.shape[2])
        whole = _statistics(x, even)[..., None].expand(-1, -1, x.shape[2])  # (n, 2 * channels, frames)
        weights = self.conv(torch.tanh(self.tdnn(torch.cat([x, whole], dim=1))))
        return _statistics(x, torch.softmax(weights, dim=2))


def _statistics(x: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean and deviation over time, (n, 2 * channels), of (n, channels, frames); weights sum to 1."""
    mean = (weights * x).sum(dim=2)
    variance = (weights * (x - mean[..., None]).square()).sum(dim=2)
    return torch.cat([mean, variance.clamp_min(_LEAST_VARIANCE).sqrt()], dim=1)
