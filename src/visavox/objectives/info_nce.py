"""Symmetric InfoNCE: among the faces of a batch find the one of each voice, and the other way round.

It holds no model and draws nothing. Lower is better: log(n) is what blindness costs in a batch of n, 0 the floor.

Needs: paired rows; `labels` where a person may be in a batch twice; `mask` for further pairs that must not be
negatives. Relations: with one positive a row it is the loss of CLIP; with several it is the supervised contrastive
loss with the mean outside the logarithm, across two modalities.

Example:
    >>> objective = InfoNCE(initial_temperature=0.5)
    >>> voice = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> round(objective(voice, voice)["loss"].item(), 4)            # log(1 + exp(-1 / 0.5))
    0.1269
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, check_pairs, weighted_mean
from visavox.registry import OBJECTIVES

EXCLUDED = float("-inf")  # a logit that takes no part: its exponential and its gradient are exactly zero


@OBJECTIVES.register("info_nce")
class InfoNCE(Objective):
    """Cross-entropy of each row and each column of the similarity matrix, with a learnable temperature.

    With s_ij the dot product of voice i and face j, T the temperature, P_i the positives of row i (the row itself
    and the rows of its label) and A_i the positives and the allowed negatives:

        row_i = mean over p in P_i of [ log sum over a in A_i of exp(s_ia / T) - s_ip / T ]
        loss  = (mean of row_i + mean of column_j) / 2

    Args:
        initial_temperature: what it starts with, `min_temperature` to `max_temperature`.
        min_temperature: lower bound, above 0.
        max_temperature: upper bound.
        learn_temperature: whether the temperature is trained (its logarithm is the parameter) or stays.

    Source: van den Oord et al., 2018, Representation learning with contrastive predictive coding, eq. 4; symmetric,
    with a learnable temperature bounded at 1/100: Radford et al., 2021, Learning transferable visual models from
    natural language supervision, section 2.3 and figure 3; several positives: Khosla et al., 2020, Supervised
    contrastive learning, eq. 2 (there each item is compared with its own modality too).

    Ties and edges: constant embeddings cost log(n). A batch of one pair, or one whose pairs are all of one label,
    has no negative; it costs the logarithm of its positives and pulls nothing apart. Rows of weight 0 still serve
    as candidates of others.
    """

    def __init__(
        self,
        initial_temperature: float = 0.2,
        *,
        min_temperature: float = 0.01,
        max_temperature: float = 1.0,
        learn_temperature: bool = True,
    ) -> None:
        """Store the arguments and make the one parameter, the logarithm of the temperature."""
        super().__init__()
        if not 0 < min_temperature <= initial_temperature <= max_temperature:
            raise ConfigError(
                f"`initial_temperature` must be from {min_temperature:g} to {max_temperature:g} (above 0). "
                f"Got {initial_temperature:g}."
            )
        self.initial_temperature = initial_temperature
        self.min_temperature = min_temperature
        self.max_temperature = max_temperature
        self.learn_temperature = learn_temperature
        self.log_temperature = nn.Parameter(
            torch.tensor(math.log(initial_temperature)), requires_grad=learn_temperature
        )

    @property
    def temperature(self) -> float:
        """The temperature in use."""
        return min(max(math.exp(self.log_temperature.item()), self.min_temperature), self.max_temperature)

    def figures(self) -> dict[str, float]:
        """Return the temperature."""
        return {"temperature": self.temperature}

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss and its two directions.

        Args:
            voice: (n, dim) float, rows of length one; row i belongs to row i of `face`.
            face: (n, dim) float, rows of length one.
            labels: (n,) integers; rows of one label are each other's positives. None: each row its own.
            weights: (n,) how much each row counts, 0 or more, not all 0. None: all alike.
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other (positives stay
                positives). None: every pair that is not positive is negative.

        Returns:
            "loss", "voice_to_face_loss" and "face_to_voice_loss", each a scalar; "loss" is their mean.

        Raises:
            ValueError: the shapes of `voice` and `face` differ.
        """
        check_pairs(voice, face)
        with torch.no_grad():  # the bound as a projection: a clamp in the graph would leave no gradient to come back
            self.log_temperature.clamp_(math.log(self.min_temperature), math.log(self.max_temperature))
        logits = voice @ face.T * torch.exp(-self.log_temperature)  # (n voices, n faces)
        if labels is None:
            positive = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
            pull_row = pull_column = logits.diagonal()
        else:
            positive = labels[:, None] == labels[None]  # (n, n), symmetric
            counted = positive.to(logits.dtype)
            # Rows of one label have equally many positives, so that columns add up to one as rows do.
            pull = counted / counted.sum(dim=1, keepdim=True) * logits
            pull_row, pull_column = pull.sum(dim=1), pull.sum(dim=0)
        if mask is not None:
            logits = logits.masked_fill(~(mask | positive), EXCLUDED)
        row = torch.logsumexp(logits, dim=1) - pull_row  # (n,) of voices
        column = torch.logsumexp(logits, dim=0) - pull_column  # (n,) of faces
        voice_to_face, face_to_voice = weighted_mean(row, weights), weighted_mean(column, weights)
        return {
            "loss": (voice_to_face + face_to_voice) / 2,
            "voice_to_face_loss": voice_to_face,
            "face_to_voice_loss": face_to_voice,
        }
