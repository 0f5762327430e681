"""The heads of "Seeking the Shape of Sound": one small layer a side over the 512 numbers of a backbone.

    512 numbers of ThinResNet-34 or IR-50 -> batch norm -> ReLU -> linear without bias -> dropout -> length one

The published network trains them with its backbones, by the objective `seeking_shape`; here they are an associator
over vectors that are made already, and a converted checkpoint brings its backbones along as encoders. Dropout is the
last thing before the loss: what trains is a vector with every second number missing.

Example:
    >>> sss = SSS(4, 4, output_dim=2)
    >>> [tuple(side.shape) for side in sss.raw(torch.ones(6, 4), torch.ones(6, 4))]
    [(6, 2), (6, 2)]
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from visavox.models.associators.base import check_count, check_number
from visavox.models.associators.network import NetworkAssociator
from visavox.models.dropout import drop
from visavox.registry import ASSOCIATORS


class Head(nn.Module):
    """One side: batch normalisation, ReLU, a linear layer without bias, dropout.

    Args:
        dim_in: length of a vector that comes in.
        dim_out: length of a vector that comes out.
        dropout: probability that a number of what comes out is dropped in training.
    """

    def __init__(self, dim_in: int, dim_out: int, *, dropout: float) -> None:
        """Lay out the layers."""
        super().__init__()
        self.dropout = dropout
        self.norm = nn.BatchNorm1d(dim_in)
        self.linear = nn.Linear(dim_in, dim_out, bias=False)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, dim_out) of any length for (n, dim_in)."""
        x = self.linear(nn.functional.relu(self.norm(x)))
        return drop(x, self.dropout, generator, training=self.training)


@ASSOCIATORS.register("sss")
class SSS(NetworkAssociator):
    """Two heads that share nothing; what they share is the classifier of the objective.

    Args:
        voice_dim: length of a voice vector; published: 512.
        face_dim: length of a face vector; published: 512.
        output_dim: length of the vectors that come out.
        dropout: probability that a number of what comes out is dropped in training, 0 to 0.99.
        seed: of the first weights.

    Source: Wen, Zhang, Guo, Xu, Yang and He, 2021, Seeking the shape of sound: an adaptive framework for learning
    voice-face association, section 3, and its public code (KID-7391/seeking-the-shape-of-sound, models/backbones.py).
    """

    name: ClassVar[str] = "sss"

    def __init__(
        self, voice_dim: int, face_dim: int, *, output_dim: int = 128, dropout: float = 0.5, seed: int = 0
    ) -> None:
        """Store the arguments and draw the first weights."""
        super().__init__()
        for name, size in (("voice_dim", voice_dim), ("face_dim", face_dim), ("output_dim", output_dim)):
            check_count(name, size)
        check_number("dropout", dropout, at_least=0, at_most=0.99)
        check_count("seed", seed, at_least=0)
        self.voice_dim = voice_dim
        self.face_dim = face_dim
        self.output_dim = output_dim
        self.dropout = dropout
        self.seed = seed
        with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
            torch.manual_seed(seed)
            self.voice_tower = Head(voice_dim, output_dim, dropout=dropout)
            self.face_tower = Head(face_dim, output_dim, dropout=dropout)

    @property
    def dim(self) -> int:
        """Length of the vectors that come out: `output_dim`."""
        return self.output_dim
