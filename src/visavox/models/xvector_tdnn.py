"""The x-vector network, as SpeechBrain lays it out: 24 bands of a voice to 512 numbers, 4.2 million parameters.

Layers, shapes and names are those of SpeechBrain's module, so that its `embedding_model.ckpt` loads name by name. It is
what FaceTones compares faces with. Voices of one batch must have one length: the ends are mirrored into every
convolution, which leaves no room for padding.

    (n, 24, frames) -> 5 convolutions (5, 3, 3, 1, 1; dilations 1, 2, 3, 1, 1), each with leaky ReLU and batch norm
    -> mean and deviation over time -> linear

SpeechBrain adds noise of 1e-5 to 9e-5 to every mean; we do not, so that a voice has one vector.

Example:
    >>> network = XVectorTDNN().eval()
    >>> network(torch.zeros(2, 50, 24)).shape, sum(p.numel() for p in network.parameters())
    (torch.Size([2, 512]), 4211604)

Source: Snyder et al., "X-Vectors: Robust DNN Embeddings for Speaker Recognition" (ICASSP 2018), table 1;
    https://github.com/speechbrain/speechbrain, lobes/models/Xvector.py and nnet/pooling.py, with the sizes of the hub's
    speechbrain/spkrec-xvect-voxceleb.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

N_MELS = 24
DIM = 512
LEAST_FRAMES = 4
"""Frames that a voice needs at least: three are mirrored at either end under a dilation of 3."""
_CHANNELS = (512, 512, 512, 512, 1500)
_SIZES = (5, 3, 3, 1, 1)
_DILATIONS = (1, 2, 3, 1, 1)
_LEAST_DEVIATION = 1e-5


class XVectorTDNN(nn.Module):
    """Bands of voices to vectors of no fixed length."""

    def __init__(self) -> None:
        """Lay out the layers with torch's random weights."""
        super().__init__()
        layers: list[nn.Module] = []
        n_in = N_MELS
        for n_out, size, dilation in zip(_CHANNELS, _SIZES, _DILATIONS, strict=True):
            half = dilation * (size - 1) // 2
            convolution = nn.Conv1d(
                n_in, n_out, size, dilation=dilation, padding=half, padding_mode="reflect" if half else "zeros"
            )
            layers += [_Named("conv", convolution), nn.LeakyReLU(), _Named("norm", nn.BatchNorm1d(n_out))]
            n_in = n_out
        self.blocks = nn.ModuleList([*layers, _Statistics(), _Named("w", nn.Linear(2 * n_in, DIM))])

    def forward(self, voices: Tensor) -> Tensor:
        """Return (n, 512) from voices (n, n_frames, 24) float, all of one length, 4 frames or more."""
        x = voices.transpose(1, 2)  # (n, 24, n_frames)
        for block in self.blocks:
            x = block(x)
        return x


class _Named(nn.Module):
    """A layer one name deeper, as SpeechBrain's wrappers have it."""

    def __init__(self, name: str, layer: nn.Module) -> None:
        super().__init__()
        self._name_of_layer = name
        self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the layer gives, of its shape, for `x`, (n, channels, frames)."""
        y: Tensor = getattr(self, self._name_of_layer)(x)
        return y


class _Statistics(nn.Module):
    """Mean and deviation over time; the deviation divides by one less than the frames, and 1e-5 stands on it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, 2 * channels) of (n, channels, frames)."""
        return torch.cat([x.mean(dim=2), x.std(dim=2) + _LEAST_DEVIATION], dim=1)
