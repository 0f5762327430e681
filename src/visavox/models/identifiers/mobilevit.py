"""The MobileViT behind one modality: a mel image or a face to one logit for each person, 1.35 million parameters.

Two of them, for voices and for faces, are the smallest system of the second experiment, 2.7 million for 49 people.

Example:
    >>> import torch
    >>> network = MobileViTIdentifier(n_people=49, modality="face", picture_px=64).eval()
    >>> network(face=torch.rand(2, 3, 64, 64)).shape, network.n_parameters
    (torch.Size([2, 49]), 1347233)

Source: Mehta and Rastegari, "MobileViT" (ICLR 2022); https://keras.io/examples/vision/mobilevit/.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.identifiers.base import Identifier, as_picture, check_modality
from visavox.models.mobile_vit import PATCH_SIDE, STRIDE, MobileViT
from visavox.registry import IDENTIFIERS

STEP_PX = STRIDE * PATCH_SIDE


@IDENTIFIERS.register("mobilevit")
class MobileViTIdentifier(Identifier):
    """A `MobileViT` and a last layer.

    Args:
        n_people: how many people are known; 2 or more.
        modality: "voice" or "face".
        picture_px: side that mel images and faces are resized to, a multiple of 64.
        head_channels: length of the feature vectors, 1 or more.
        dropout: in the transformer layers, 0 to below 1.
        in_channels: of the pictures: 3, mel images copied to three channels, unless a fusion joins pictures.

    Attributes:
        trunk: the MobileViT.

    Raises:
        ConfigError: an argument is outside its range.
    """

    def __init__(
        self,
        *,
        n_people: int,
        modality: str,
        picture_px: int = 256,
        head_channels: int = 512,
        dropout: float = 0.1,
        in_channels: int = 3,
    ) -> None:
        """Store the arguments and lay out the layers with random weights."""
        super().__init__(n_people=n_people)
        self.modality = check_modality(modality)
        self.modalities = (self.modality,)
        if picture_px < STEP_PX or picture_px % STEP_PX:
            raise ConfigError(
                f"`picture_px` of the identifier 'mobilevit' must be a multiple of {STEP_PX}, for patches of 2 x 2 "
                f"places at a stride of {STRIDE}. Got {picture_px}. Take 256, as published."
            )
        for name, value in (("head_channels", head_channels), ("in_channels", in_channels)):
            if value < 1:
                raise ConfigError(f"`{name}` of the identifier 'mobilevit' must be 1 or more. Got {value}.")
        if not 0 <= dropout < 1:
            raise ConfigError(f"`dropout` of the identifier 'mobilevit' must be 0 to below 1. Got {dropout}.")
        self.picture_px = picture_px
        self.head_channels = head_channels
        self.dropout = dropout
        self.in_channels = in_channels
        self.face_px = picture_px if self.modality == "face" else None
        self.feature_dim = head_channels
        self.trunk = MobileViT(in_channels=in_channels, head_channels=head_channels, dropout=dropout)
        self.last = nn.Linear(head_channels, n_people)
        nn.init.xavier_uniform_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the last layer reads, (n, feature_dim) float32; arguments as of `forward`."""
        (media,) = self.needed(voice, face)
        pictures = as_picture(media, height_px=self.picture_px, width_px=self.picture_px)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        vectors: Tensor = self.trunk(pictures)
        return vectors.float()

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return logits (n, n_people) float32.

        Args:
            voice: (n, 1, 128, 110) float32 mel images in [0, 1]; left out by a network of faces.
            face: (n, 3, face_px, face_px) float32 RGB in [0, 1]; left out by a network of voices.

        Raises:
            ConfigError: the modality that the network needs is missing.
        """
        logits: Tensor = self.last(self.features(voice, face))
        return logits.float()
