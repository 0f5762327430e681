"""VGG-M on voices, in its two published forms: 40 mel bands (voxceleb_trainer) and 512 magnitudes (VoxCeleb, PINs).

`VGGMMel` carries the layers, shapes and names of voxceleb_trainer's VGGVox. `VGGMSpectrum` is the network of the
VoxCeleb paper, which SVHF-Net and Learnable PINs took as their voice stream; its own weights were published for
MatConvNet, and the names here are those of its ports to PyTorch (`features.conv1`, ..., `classifier.fc7`). Its last
layer, which names 1,251 speakers, is left out: a checkpoint's `classifier.fc8` is skipped.

Example:
    >>> network = VGGMSpectrum()
    >>> network(torch.zeros(1, 300, 512)).shape, sum(p.numel() for p in network.parameters())
    (torch.Size([1, 1024]), 16626944)

Source: Nagrani et al., "VoxCeleb: a large-scale speaker identification dataset" (Interspeech 2017), table 4; Chatfield
    et al., "Return of the Devil in the Details" (BMVC 2014), CNN-M;
    https://github.com/clovaai/voxceleb_trainer, models/VGGVox.py; https://github.com/Derpimort/VGGVox-PyTorch.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from visavox.models.attentive_pooling import attend
from visavox.models.frame_masks import instance_norm, masked_layers, time_mask
from visavox.models.log_mel import SPECTRUM_BINS
from visavox.models.thin_resnet import N_MELS

DIM = 1024
LEAST_FRAMES = 100
"""Frames that a voice needs at least, 1 s: the shortest that VGGVox takes, and enough for the pools of either form."""
SPEAKER_CLASSIFIER = ("classifier.fc8.weight", "classifier.fc8.bias")
"""Keys of checkpoints of the 512-magnitude form that name training speakers."""


class VGGMMel(nn.Module):
    """Log-mel bands of voices to vectors of no fixed length, with self-attentive pooling."""

    def __init__(self, dim: int = DIM) -> None:
        """Lay out the layers with torch's random weights; Xavier's for the attention."""
        super().__init__()
        self.netcnn = nn.Sequential(
            *_convolution(1, 96, (5, 7), stride=(1, 2), padding=2),
            nn.MaxPool2d((1, 3), stride=(1, 2)),
            *_convolution(96, 256, (5, 5), stride=(2, 2), padding=1),
            nn.MaxPool2d((3, 3), stride=(2, 2)),
            *_convolution(256, 384, (3, 3), padding=1),
            *_convolution(384, 256, (3, 3), padding=1),
            *_convolution(256, 256, (3, 3), padding=1),
            nn.MaxPool2d((3, 3), stride=(2, 2)),
            *_convolution(256, 512, (4, 1)),
        )
        self.sap_linear = nn.Linear(512, 512)
        self.attention = nn.Parameter(nn.init.xavier_normal_(torch.empty(512, 1)))
        self.fc = nn.Linear(512, dim)

    def forward(self, voices: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the vectors of a batch.

        Args:
            voices: (n, n_frames, 40) float, log-mel; 100 frames or more.
            lengths: (n,) int64, 100 to n_frames: frames that are voice. None: all.

        Returns:
            (n, dim).
        """
        x = instance_norm(voices.transpose(1, 2).detach(), lengths)[:, None]  # (n, 1, 40, n_frames)
        x, lengths = masked_layers(self.netcnn, x, lengths)  # (n, 512, 1, places)
        x = x[:, :, 0].transpose(1, 2)
        vectors: Tensor = self.fc(attend(x, self.sap_linear, self.attention, "sap", lengths))
        return vectors


class VGGMSpectrum(nn.Module):
    """Magnitude spectra of voices to vectors of no fixed length, with a mean over time before the last layer."""

    def __init__(self, dim: int = DIM) -> None:
        """Lay out the layers with torch's random weights."""
        super().__init__()
        layers: list[tuple[str, nn.Module]] = [
            *_named(1, _convolution(1, 96, (7, 7), stride=(2, 2), padding=1)),
            ("mpool1", nn.MaxPool2d((3, 3), stride=(2, 2))),
            *_named(2, _convolution(96, 256, (5, 5), stride=(2, 2), padding=1)),
            ("mpool2", nn.MaxPool2d((3, 3), stride=(2, 2))),
            *_named(3, _convolution(256, 384, (3, 3), padding=1)),
            *_named(4, _convolution(384, 256, (3, 3), padding=1)),
            *_named(5, _convolution(256, 256, (3, 3), padding=1)),
            ("mpool5", nn.MaxPool2d((5, 3), stride=(3, 2))),
            *_named(6, _convolution(256, 4096, (9, 1)), kind="fc"),
        ]
        self.features = nn.Sequential(OrderedDict(layers))
        self.classifier = nn.Sequential(OrderedDict([("fc7", nn.Linear(4096, dim))]))

    def forward(self, voices: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the vectors of a batch: what fc7 gives, before its ReLU.

        Args:
            voices: (n, n_frames, 512) float, magnitudes; 100 frames or more.
            lengths: (n,) int64, 100 to n_frames: frames that are voice. None: all.

        Returns:
            (n, dim).
        """
        x = instance_norm(voices.transpose(1, 2).detach(), lengths, eps=0.0)[:, None]  # (n, 1, 512, n_frames)
        x, lengths = masked_layers(self.features, x, lengths)  # (n, 4096, 1, places), zero behind the voices
        if lengths is None:
            pooled = x.mean(dim=(2, 3))
        else:
            seen = time_mask(lengths, x.shape[3]).to(x.dtype)
            pooled = (x[:, :, 0] * seen[:, None]).sum(dim=2) / seen.sum(dim=1, keepdim=True)
        vectors: Tensor = self.classifier(pooled)
        return vectors


WIDTHS = {"mel40": N_MELS, "spectrum512": SPECTRUM_BINS}
"""Form -> numbers a frame."""


def _convolution(
    n_in: int, n_out: int, size: tuple[int, int], *, stride: tuple[int, int] = (1, 1), padding: int = 0
) -> list[nn.Module]:
    """A convolution, its normalisation and its ReLU."""
    return [nn.Conv2d(n_in, n_out, size, stride=stride, padding=padding), nn.BatchNorm2d(n_out), nn.ReLU()]


def _named(number: int, layers: list[nn.Module], kind: str = "conv") -> list[tuple[str, nn.Module]]:
    return [(f"{prefix}{number}", layer) for prefix, layer in zip((kind, "bn", "relu"), layers, strict=True)]
