"""What every identifier is: a network from the media of a clip to one logit for each person it knows.

An identifier takes a voice, a face, or both, as pictures: a voice is its mel image, a face its pixels. Each part has a
`feature` stage before the last layers, so that networks can be fused. It holds no loss, no optimiser and no names of
people: `visavox.pipeline` trains, and keeps the names.

Example:
    >>> from visavox.registry import IDENTIFIERS
    >>> network = IDENTIFIERS.build({"name": "mobilevit", "modality": "face", "n_people": 49})
    >>> network(face=torch.rand(2, 3, 256, 256)).shape
    torch.Size([2, 49])
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError

Modality = Literal["voice", "face"]

MEL_BANDS, MEL_FRAMES = 128, 110  # of the mel image of 3.5 s, visavox.models.mel_image


class Identifier(nn.Module):
    """Media of known people to logits.

    Constructors store every argument under its own name (plain JSON values, or nested specifications of identifiers),
    take them keyword-only, and check them with ConfigError; the registered name is the file's name.

    Args:
        n_people: how many people are known; 2 or more.

    Attributes:
        modalities: what `forward` needs, in the order ("voice", "face").
        face_px: side of the square face that `forward` expects; None where no face is taken.
        feature_dim: length of the vectors of `features`.
    """

    modalities: tuple[Modality, ...]
    face_px: int | None = None
    feature_dim: int

    def __init__(self, *, n_people: int) -> None:
        super().__init__()
        if n_people < 2:
            raise ConfigError(f"`n_people` must be at least 2. Got {n_people}.")
        self.n_people = n_people

    @abstractmethod
    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the last layer reads, (n, feature_dim) float32; arguments as of `forward`."""

    @abstractmethod
    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return logits (n, n_people) float32.

        Args:
            voice: (n, 1, 128, 110) float32 mel images in [0, 1], bands from low to high; needed if "voice" is in
                `modalities`, else left out.
            face: (n, 3, face_px, face_px) float32 RGB in [0, 1]; needed if "face" is in `modalities`, else left out.

        Raises:
            ConfigError: a modality that the network needs is missing.
        """

    @property
    def n_parameters(self) -> int:
        """How many numbers are learned or could be, frozen ones included."""
        return sum(parameter.numel() for parameter in self.parameters())

    def needed(self, voice: Tensor | None, face: Tensor | None) -> list[Tensor]:
        """Return the tensors that the network needs, in the order of `modalities`.

        Raises:
            ConfigError: one is missing.
        """
        given = {"voice": voice, "face": face}
        found = []
        for modality in self.modalities:
            tensor = given[modality]
            if tensor is None:
                raise ConfigError(
                    f"The identifier {type(self).__name__} needs a {modality}, which is missing. Give it, or take a "
                    f"network of the other modality."
                )
            found.append(tensor)
        return found


def as_picture(media: Tensor, *, height_px: int, width_px: int) -> Tensor:
    """Return voices or faces as pictures of one size with three channels, (n, 3, height_px, width_px) float32.

    Args:
        media: (n, 1 or 3, height, width) float; one channel is copied to three.
        height_px: of the result, above 0.
        width_px: of the result, above 0.
    """
    if media.shape[-2:] != (height_px, width_px):
        media = functional.interpolate(media, size=(height_px, width_px), mode="bilinear", antialias=False)
    return media.expand(-1, 3, -1, -1) if media.shape[1] == 1 else media


def check_modality(modality: str) -> Modality:
    """Return a modality after checking it.

    Raises:
        ConfigError: it is neither "voice" nor "face".
    """
    if modality == "voice":
        return "voice"
    if modality == "face":
        return "face"
    raise ConfigError(f"`modality` of an identifier must be voice or face. Got {modality!r}.")


def count_parameters(network: nn.Module, *, trainable_only: bool = False) -> int:
    """Return how many numbers a network holds; with `trainable_only` those that a trainer may change."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad or not trainable_only)


__all__ = [
    "MEL_BANDS",
    "MEL_FRAMES",
    "Identifier",
    "Modality",
    "as_picture",
    "check_modality",
    "count_parameters",
    "torch",
]
