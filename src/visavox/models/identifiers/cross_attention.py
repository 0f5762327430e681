"""Fusion of two identifiers by cross-attention, over their tokens or, as published, over the numbers of their vectors.

Over tokens: each voice token reads from all face tokens and the reverse; both outcomes are averaged over their tokens
and joined. Over features: each branch gives one vector, and `visavox.models.feature_axis_attention` tells what is done
with them and what is wrong with it:

    face + attention of voice to face, voice + attention of face to voice -> joined -> LayerNorm -> dropout
    -> 512 -> 64 -> logits

Published for two vision transformers with patches of 6, dim 64, 4 layers, 4 heads and a head of 1024 and 512, about 30
million parameters.

Example:
    >>> branch = {"name": "mobilevit", "picture_px": 64}
    >>> network = CrossAttentionIdentifier(n_people=3, voice=branch, face=branch, over="features")
    >>> network(voice=torch.rand(2, 1, 128, 110), face=torch.rand(2, 3, 64, 64)).shape
    torch.Size([2, 3])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.feature_axis_attention import PUBLISHED_HEADS, PUBLISHED_SCALE, FeatureAxisAttention
from visavox.models.token_attention import TokenAttention
from visavox.models.two_branches import Spec, TwoBranches, perceptron
from visavox.registry import IDENTIFIERS

Axis = Literal["tokens", "features"]


@IDENTIFIERS.register("cross_attention")
class CrossAttentionIdentifier(TwoBranches):
    """Two branches, each reading from the other.

    The last layers of the branches are there, so that trained weights fit, but are not used; over tokens their heads
    are not used either.

    Args:
        n_people: how many people are known; 2 or more.
        voice: specification of an identifier of voices, without `n_people`; its `modality` may be left out. Over
            tokens it must have tokens: a vit.
        face: the same of faces. Over features both must have vectors of one length.
        over: "tokens", or "features" for the published variant.
        n_heads: of each attention; over tokens it must divide `dim` of both branches.
        scale: over features, what products are divided by; None for the root of 512. Over tokens it must be None: the
            root of a head's width.
        hidden: widths of the dense layers before the last.
        dropout: before and in the dense layers, 0 to below 1.
        frozen: whether the branches keep their weights.

    Raises:
        ConfigError: an argument is outside its range, or a branch is missing or does not fit.
    """

    def __init__(
        self,
        *,
        n_people: int,
        voice: Spec,
        face: Spec,
        over: Axis = "tokens",
        n_heads: int = PUBLISHED_HEADS,
        scale: float | None = None,
        hidden: Sequence[int] = (512, 64),
        dropout: float = 0.5,
        frozen: bool = False,
    ) -> None:
        """Store the arguments and lay out the layers with random weights."""
        super().__init__(n_people=n_people, voice=voice, face=face, frozen=frozen)
        if over not in ("tokens", "features"):
            raise ConfigError(f"`over` of the identifier 'cross_attention' must be tokens or features. Got {over!r}.")
        if over == "tokens" and scale is not None:
            raise ConfigError(f"`scale` is for a cross-attention over features. Got {scale} over tokens. Leave it out.")
        self.over: Axis = over
        self.n_heads = n_heads
        self.scale = scale
        self.hidden = hidden
        self.dropout = dropout
        self.voice_attention: nn.Module
        self.face_attention: nn.Module
        if over == "tokens":
            n_voice, n_face = (self._token_dim(name) for name in ("voice", "face"))
            self.voice_attention = TokenAttention(dim=n_voice, other_dim=n_face, n_heads=n_heads)
            self.face_attention = TokenAttention(dim=n_face, other_dim=n_voice, n_heads=n_heads)
        else:
            n_voice, n_face = self.voice_branch.feature_dim, self.face_branch.feature_dim
            if n_voice != n_face:
                raise ConfigError(
                    f"A cross-attention over features needs vectors of one length. The voice branch has {n_voice}, "
                    f"the face branch {n_face}. Give both one head."
                )
            divisor = PUBLISHED_SCALE if scale is None else scale
            self.voice_attention = FeatureAxisAttention(n_voice, n_heads=n_heads, scale=divisor)
            self.face_attention = FeatureAxisAttention(n_face, n_heads=n_heads, scale=divisor)
        self.norm = nn.LayerNorm(n_voice + n_face)
        self.drop = nn.Dropout(dropout)
        self.dense = perceptron(n_voice + n_face, hidden, dropout=dropout)
        self.feature_dim = hidden[-1] if hidden else n_voice + n_face
        self.last = nn.Linear(self.feature_dim, n_people)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return what the last layer reads, (n, feature_dim) float32; arguments as of `forward`."""
        heard, seen = self.needed(voice, face)
        joined = self._over_tokens(heard, seen) if self.over == "tokens" else self._over_features(heard, seen)
        vectors: Tensor = self.dense(self.drop(self.norm(joined)))
        return vectors.float()

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        """Return logits (n, n_people) float32; arguments and errors as of `Identifier.forward`."""
        logits: Tensor = self.last(self.features(voice, face))
        return logits.float()

    def _over_tokens(self, voice: Tensor, face: Tensor) -> Tensor:
        """(n, dim of a voice token + dim of a face token)."""
        branches: tuple[Any, Any] = (self.voice_branch, self.face_branch)  # `tokens` is no part of every identifier
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            heard, seen = branches[0].tokens(voice=voice), branches[1].tokens(face=face)
        read = (self.voice_attention(heard, seen), self.face_attention(seen, heard))
        return torch.cat([tokens.mean(dim=1) for tokens in read], dim=1)

    def _over_features(self, voice: Tensor, face: Tensor) -> Tensor:
        """(n, 2 * feature_dim of a branch), the face first."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            heard, seen = self.voice_branch.features(voice=voice), self.face_branch.features(face=face)
        # The voice asks, the face is read, and the outcome is added to the face; then the reverse.
        return torch.cat([seen + self.face_attention(heard, seen), heard + self.voice_attention(seen, heard)], dim=1)

    def _token_dim(self, name: str) -> int:
        """Length of the tokens of a branch."""
        branch = self.voice_branch if name == "voice" else self.face_branch
        dim = getattr(branch, "dim", None)
        if not callable(getattr(branch, "tokens", None)) or not isinstance(dim, int):
            spec = self.voice if name == "voice" else self.face
            raise ConfigError(
                f"The {name} branch of a cross-attention over tokens must have tokens. The identifier "
                f"{spec['name']!r} has none. Take a vit, or `over: features`."
            )
        return dim
