"""What every face-feature predictor is: a network from a voice to the face feature that its speaker may have.

One kind reads a frozen embedding of the voice, the other its spectrogram. Neither holds a loss or an optimiser.

Example:
    >>> from visavox.registry import PREDICTORS
    >>> predictor = PREDICTORS.build({"name": "light", "input_dim": 256, "feature_dim": 128})
    >>> predictor(torch.zeros(2, 256)).shape
    torch.Size([2, 128])
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError


class FacePredictor(nn.Module):
    """Voice to face feature.

    Constructors store every argument under its own name (plain JSON values), take them keyword-only, and check them
    with ConfigError; the registered name is the file's name.

    Args:
        feature_dim: length of a face feature; 1 or more.

    Attributes:
        takes: "embedding": (n, input_dim) float32 of a frozen voice encoder; "spectrogram": (n, 2, n_frames, 257)
            float32 of `visavox.models.speech_image`.
        centre: (feature_dim,) buffer, mean of the face features that were learned from: what is predicted of nobody.
        spread: (feature_dim, rank) buffer: true features scatter about predicted ones as `spread @ z`, z standard
            normal; found on people held out of the fit; rank 0 where that was not measured.
    """

    takes: ClassVar[Literal["embedding", "spectrogram"]]
    centre: Tensor
    spread: Tensor

    def __init__(self, *, feature_dim: int, spread_rank: int = 0) -> None:
        super().__init__()
        if feature_dim < 1:
            raise ConfigError(f"`feature_dim` must be at least 1. Got {feature_dim}.")
        self.feature_dim = feature_dim
        self.spread_rank = spread_rank
        self.register_buffer("centre", torch.zeros(feature_dim))
        self.register_buffer("spread", torch.zeros(feature_dim, spread_rank))

    @abstractmethod
    def forward(self, voice: Tensor) -> Tensor:
        """Return (n, feature_dim) float32 features of the voices, of the kind that `takes` says."""
