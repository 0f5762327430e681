"""Conditions to the tokens that a denoiser attends to, one layout for all.

    position   0      1     2        3           4          5       6..13     14..21   22..25  26..41
    token      start  age   gender   ethnicity   language   voice   windows   mel      guide   blurred guide

Kinds that a network was not built with have no positions. The start token is always there, so that attention never
has nothing to look at. An attribute that is not known has a row of its own, unlike any value; of the other kinds,
tokens that are not known are masked. Every kind has its own projection and adds its own vector, so no two kinds, and
no two ethnicities or languages, share anything.

It stands for the 256 x 768 sequence of the published system, with these things mended: there an age of zero, a
padded row and a dropped ethnicity were the same zeros, Asian and a language shared slot 16, and so did Portuguese and
Spanish; "full input" silently left the audio features out.

Example:
    >>> tokens = ConditionTokens(kinds=("voice", "windows"), voice_dim=256, token_dim=32)
    >>> from visavox.models.diffusion.conditions import nothing_told
    >>> sequence, mask = tokens(nothing_told(2, voice_dim=256))
    >>> sequence.shape, mask.sum(dim=1).tolist()
    (torch.Size([2, 10, 32]), [1, 1])

Source: systems of speech to face by latent features (SLF, 2024), as their repository lays out `text_embeds`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.diffusion.conditions import (
    ATTRIBUTES,
    BLURRED_PX,
    CHOICES,
    GUIDE_PX,
    MAX_SEGMENTS,
    MAX_WINDOWS,
    MEL_VALUES,
    Told,
)

KINDS = ("age", "gender", "ethnicity", "language", "voice", "windows", "mel", "guide", "blurred_guide")
"""In the order of their positions."""
PATCH_PX = 4
LENGTHS = {
    **dict.fromkeys(ATTRIBUTES, 1),
    **{"voice": 1, "windows": MAX_WINDOWS, "mel": MAX_SEGMENTS},
    **{"guide": (GUIDE_PX // PATCH_PX) ** 2, "blurred_guide": (BLURRED_PX // PATCH_PX) ** 2},
}
"""Kind -> tokens."""
AGE_WAVES = 8


def checked_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """Return kinds of conditions in the order of their positions.

    Raises:
        ConfigError: an unknown name, or a name twice, or none.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or len(set(kinds)) != len(kinds) or not kinds:
        raise ConfigError(f"`conditions` must be different names of {', '.join(KINDS)}. Got {list(kinds)}.")
    return tuple(kind for kind in KINDS if kind in kinds)


def age_waves(age: Tensor) -> Tensor:
    """Return (n, 1 + 2 * AGE_WAVES) float32: age / 100, and sines and cosines of it, of (n,) years."""
    share = age.float()[:, None] / 100
    turns = share * math.pi * torch.arange(1, AGE_WAVES + 1, device=age.device)
    return torch.cat([share, turns.sin(), turns.cos()], dim=1)


class ConditionTokens(nn.Module):
    """Conditions to tokens and their mask.

    Args:
        kinds: names of `KINDS`, those that the network is told.
        voice_dim: length of a vector of the voice encoder, 1 or more.
        token_dim: length of a token, 1 or more.

    Attributes:
        voice_mean, voice_deviation: (voice_dim,) buffers by which vectors of voices are standardised; likewise
            mel_mean, mel_deviation (MEL_VALUES,).
    """

    voice_mean: Tensor
    voice_deviation: Tensor
    mel_mean: Tensor
    mel_deviation: Tensor

    def __init__(self, *, kinds: Sequence[str], voice_dim: int, token_dim: int = 128) -> None:
        super().__init__()
        if voice_dim < 1 or token_dim < 1:
            raise ConfigError(f"`voice_dim` and `token_dim` must be at least 1. Got {voice_dim} and {token_dim}.")
        self.kinds = checked_kinds(kinds)
        self.voice_dim, self.token_dim = voice_dim, token_dim
        self.start = nn.Parameter(0.02 * torch.randn(token_dim))
        self.of_kind = nn.ParameterDict({kind: 0.02 * torch.randn(token_dim) for kind in self.kinds})
        self.unknown = nn.ParameterDict({k: 0.02 * torch.randn(token_dim) for k in self.kinds if k in ATTRIBUTES})
        self.place = nn.ParameterDict(
            {kind: 0.02 * torch.randn(LENGTHS[kind], token_dim) for kind in self.kinds if "guide" in kind}
        )
        n_inputs = {"age": 1 + 2 * AGE_WAVES, "voice": voice_dim, "windows": voice_dim, "mel": MEL_VALUES}
        patch = 3 * PATCH_PX**2
        self.projection = nn.ModuleDict(
            {
                kind: nn.Embedding(len(CHOICES[kind]), token_dim)
                if kind in CHOICES
                else nn.Linear(n_inputs.get(kind, patch), token_dim)
                for kind in self.kinds
            }
        )
        self.norm = nn.LayerNorm(token_dim)
        for name, dim in (("voice", voice_dim), ("mel", MEL_VALUES)):
            self.register_buffer(f"{name}_mean", torch.zeros(dim))
            self.register_buffer(f"{name}_deviation", torch.ones(dim))

    @property
    def length(self) -> int:
        """Tokens of a sequence, with the start."""
        return 1 + sum(LENGTHS[kind] for kind in self.kinds)

    def positions(self, kind: str) -> range:
        """Return where the tokens of a kind stand."""
        before = self.kinds[: self.kinds.index(kind)]
        first = 1 + sum(LENGTHS[other] for other in before)
        return range(first, first + LENGTHS[kind])

    def forward(self, told: Told) -> tuple[Tensor, Tensor]:
        """Return (n, length, token_dim) float32 tokens and (n, length) bool, true where a token counts."""
        n = len(told)
        tokens = [self.start.expand(n, 1, -1)]
        masks = [torch.ones(n, 1, dtype=torch.bool, device=told.voice.device)]
        for kind in self.kinds:
            values, known = self._of(kind, told), told.known(kind)
            if kind in ATTRIBUTES:
                values = torch.where(known[:, None, None], values, self.unknown[kind])
                known = torch.ones_like(known)
            tokens.append(values + self.of_kind[kind])
            masks.append(known.reshape(n, -1).expand(n, LENGTHS[kind]))
        mask = torch.cat(masks, dim=1)
        sequence = self.norm(torch.cat(tokens, dim=1)) * mask[..., None]  # (n, length, token_dim)
        return sequence, mask

    def _of(self, kind: str, told: Told) -> Tensor:
        """Return (n, tokens of the kind, token_dim), whatever stands where nothing is known."""
        project, value = self.projection[kind], getattr(told, kind)
        if kind in CHOICES:
            found = project(value)[:, None]
        elif kind == "age":
            found = project(age_waves(value))[:, None]
        elif kind in ("voice", "windows"):
            vectors = (value - self.voice_mean) / self.voice_deviation
            found = project(vectors if kind == "windows" else vectors[:, None])
        elif kind == "mel":
            found = project((value - self.mel_mean) / self.mel_deviation)
        else:
            patches = functional.unfold(2 * value - 1, PATCH_PX, stride=PATCH_PX).transpose(1, 2)
            found = project(patches) + self.place[kind]  # (n, patches, token_dim)
        return torch.as_tensor(found)


def pooled(sequence: Tensor, mask: Tensor) -> Tensor:
    """Return (n, token_dim): the mean of the tokens that count, of `ConditionTokens`' two tensors."""
    weight = mask[..., None].to(sequence.dtype)
    return (sequence * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1)
