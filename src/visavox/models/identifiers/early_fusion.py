"""Fusion before any layer: a face and a mel image at one size, joined as a picture of four channels for one network.

Published for one vision transformer over W x H x 4. A place of the joined picture holds a place of the face and an
unrelated place of the mel image; the network has to make the best of it.

Example:
    >>> network = EarlyFusionIdentifier(n_people=3, trunk={"name": "mobilevit", "picture_px": 64})
    >>> network(voice=torch.rand(2, 1, 128, 110), face=torch.rand(2, 3, 64, 64)).shape
    torch.Size([2, 3])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.identifiers.base import Identifier
from visavox.models.two_branches import Spec, build_branch
from visavox.registry import IDENTIFIERS

N_CHANNELS = 4  # red, green, blue, mel

Statistics = tuple[Sequence[float], Sequence[float]]
"""Means and standard deviations, one a channel."""


@IDENTIFIERS.register("early_fusion")
class EarlyFusionIdentifier(Identifier):
    """A network of faces that is given a fourth channel.

    Args:
        n_people: how many people are known; 2 or more.
        trunk: specification of an identifier that takes `in_channels`, without `n_people`, `modality` and
            `in_channels`, which are filled in.

    Attributes:
        network: the identifier of `trunk`, of faces with four channels.

    Raises:
        ConfigError: `trunk` is missing, takes no `in_channels`, or says something else about its input.
    """

    def __init__(self, *, n_people: int, trunk: Spec) -> None:
        """Store the arguments and build the network with random weights."""
        super().__init__(n_people=n_people)
        if not isinstance(trunk, Mapping) or "name" not in trunk:
            raise ConfigError(f"`trunk` of the identifier 'early_fusion' must be {{name: ...}}. Got {trunk!r}.")
        for name, value in (("modality", "face"), ("in_channels", N_CHANNELS)):
            if trunk.get(name, value) != value:
                raise ConfigError(
                    f"`{name}` of the trunk of an early fusion is {value}, with the mel image as the fourth channel. "
                    f"Got {trunk[name]!r}. Leave it out."
                )
        self.trunk = dict(trunk)
        self.modalities = ("voice", "face")
        self.network = build_branch({**trunk, "in_channels": N_CHANNELS}, "face", n_people)
        self.face_px = self.network.face_px
        self.feature_dim = self.network.feature_dim

    def adapt_both(self, *, voice: Statistics, face: Statistics) -> None:
        """Take mean and standard deviation of the training pictures, where the network has a use for them.

        Args:
            voice: one mean and one deviation, of the mel images in [0, 1].
            face: those of the three channels.
        """
        take = getattr(self.network, "adapt", None)
        if take is not None:
            take([*face[0], *voice[0]], [*face[1], *voice[1]])

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the last layer reads, (n, feature_dim) float32; arguments as of `forward`."""
        return self.network.features(face=join(*self.needed(voice, face)))

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return logits (n, n_people) float32; arguments and errors as of `Identifier.forward`."""
        logits: Tensor = self.network(face=join(*self.needed(voice, face)))
        return logits


def join(voice: Tensor, face: Tensor) -> Tensor:
    """Return pictures of four channels at the size of the faces, (n, 4, face_px, face_px).

    Args:
        voice: (n, 1, n_bands, n_frames) float, resized without regard to its shape.
        face: (n, 3, face_px, face_px) float.
    """
    resized = functional.interpolate(voice, size=face.shape[-2:], mode="bilinear", antialias=False)
    return torch.cat([face, resized.to(face.dtype)], dim=1)
