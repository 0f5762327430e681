"""The vision transformer for small data behind one modality: a mel image or a face to one logit for each person.

The defaults are the larger of the published networks (patches of 6, 8 layers, 21.7 million parameters for 49 people);
the two tuned ones are

    faces:  patch_px 18, dim 32, n_layers 6, n_heads 6, head [1024, 512], n_heads_mlp 2      2.47 million
    voices: patch_px 12, dim 32, n_layers 6, n_heads 2, head [1024, 512], n_heads_mlp 2      2.93 million

Example:
    >>> import torch
    >>> network = ViTIdentifier(n_people=49, modality="voice", attention="vanilla", tokenisation="patches")
    >>> network(voice=torch.rand(2, 1, 128, 110)).shape, network.n_parameters
    (torch.Size([2, 49]), 21706737)

Source: Lee, Lee and Song, "Vision Transformer for Small-Size Datasets" (2021); the Keras example vit_small_ds.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.identifiers.base import Identifier, check_modality
from visavox.models.locality_attention import AttentionKind
from visavox.models.picture_scaling import Numbers
from visavox.models.shifted_patches import Tokenisation
from visavox.models.small_vit import SmallViT
from visavox.registry import IDENTIFIERS

LEAST_FACE_PX = 16


@IDENTIFIERS.register("vit")
class ViTIdentifier(Identifier):
    """A `SmallViT` and a last layer.

    Args:
        n_people: how many people are known; 2 or more.
        modality: "voice" or "face".
        picture_px: side that mel images and faces are resized to, a multiple of `patch_px`.
        patch_px: side of a patch; published: 4, 6, 12, 18 or 24.
        dim: length of a token, and of each head's query, key and value.
        n_layers: of the transformer.
        n_heads: of the attention.
        head: widths of the MLP head; empty for none.
        n_heads_mlp: how many times the MLP head is there.
        attention: "lsa" or "vanilla".
        tokenisation: "spt" or "patches".
        dropout: in the layers, 0 to below 1.
        head_dropout: before and in the head, 0 to below 1.
        face_px: side of the faces that it is given, 16 or more (published: 32); None for `picture_px`. No other value
            for a voice.
        in_channels: of the pictures that it is given as faces; 4 for a face with a mel image behind it.

    Attributes:
        trunk: the SmallViT.

    Raises:
        ConfigError: an argument is outside its range.
    """

    def __init__(
        self,
        *,
        n_people: int,
        modality: str,
        picture_px: int = 72,
        patch_px: int = 6,
        dim: int = 64,
        n_layers: int = 8,
        n_heads: int = 4,
        head: Sequence[int] = (2048, 1024),
        n_heads_mlp: int = 1,
        attention: AttentionKind = "lsa",
        tokenisation: Tokenisation = "spt",
        dropout: float = 0.1,
        head_dropout: float = 0.5,
        face_px: int | None = None,
        in_channels: int = 3,
    ) -> None:
        """Store the arguments and lay out the layers with random weights."""
        super().__init__(n_people=n_people)
        self.modality = check_modality(modality)
        self.modalities = (self.modality,)
        self.picture_px = picture_px
        self.patch_px = patch_px
        self.dim = dim
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.head = head
        self.n_heads_mlp = n_heads_mlp
        self.attention: AttentionKind = attention
        self.tokenisation: Tokenisation = tokenisation
        self.dropout = dropout
        self.head_dropout = head_dropout
        self.in_channels = in_channels
        if face_px is not None and (
            self.modality == "voice" or not isinstance(face_px, int) or face_px < LEAST_FACE_PX
        ):
            raise ConfigError(
                f"`face_px` of the identifier 'vit' must be {LEAST_FACE_PX} or more, and is for faces only. "
                f"Got {face_px!r} for a {self.modality}."
            )
        self.face_px = (face_px or picture_px) if self.modality == "face" else None
        self.trunk = SmallViT(
            picture_px=picture_px,
            patch_px=patch_px,
            dim=dim,
            n_layers=n_layers,
            n_heads=n_heads,
            head=head,
            n_heads_mlp=n_heads_mlp,
            attention=attention,
            tokenisation=tokenisation,
            dropout=dropout,
            head_dropout=head_dropout,
            in_channels=in_channels,
        )
        self.feature_dim = self.trunk.feature_dim
        self.last = nn.Linear(self.feature_dim, n_people)
        nn.init.xavier_uniform_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def adapt(self, mean: Numbers, std: Numbers) -> None:
        """Take mean and standard deviation of the training pictures in [0, 1], one number or one a channel.

        Raises:
            DataError: a number is missing, not finite, or a deviation is not above 0.
        """
        self.trunk.adapt(mean, std)

    def tokens(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return the tokens behind the last LayerNorm, (n, n_tokens, dim) float32; arguments as of `forward`."""
        (media,) = self.needed(voice, face)
        return self.trunk.tokens(media).float()

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the last layer reads, (n, feature_dim) float32; arguments as of `forward`."""
        (media,) = self.needed(voice, face)
        return self.trunk.features(media).float()

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
