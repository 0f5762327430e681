"""The supervised contrastive loss within one modality: voices of one person near each other, far from all others.

It holds no model, draws nothing, and does not look across modalities (`visavox.objectives.info_nce` does). Lower is
better: log(n - 1) is what blindness costs in a batch of n, 0 the floor for people with two clips each.

Needs: labels of which some occur twice; `mask` for pairs that must not be negatives. Relations: with two views of each
item it is NT-Xent, the loss of SimCLR.

Example:
    >>> objective = SupervisedContrastive(initial_temperature=0.5)
    >>> vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> labels = torch.tensor([0, 0, 1, 1])
    >>> round(objective.contrast(vectors, labels)["loss"].item(), 4)        # log(1 + 2 exp(-1 / 0.5))
    0.2395
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, check_pairs, weighted_mean
from visavox.registry import OBJECTIVES

EXCLUDED = float("-inf")  # a logit that takes no part: its exponential and its gradient are exactly zero


@OBJECTIVES.register("supervised_contrastive")
class SupervisedContrastive(Objective):
    """Cross-entropy of the similarities of each item to the others, with a learnable temperature.

    With s_ij the dot product of items i and j, T the temperature, P_i the other items of i's label and A_i all other
    items that are in P_i or may be negatives of i:

        row_i = mean over p in P_i of [ log sum over a in A_i of exp(s_ia / T) - s_ip / T ]
        loss  = mean of row_i over the items whose P_i is not empty

    Args:
        initial_temperature: what it starts with, `min_temperature` to `max_temperature`.
        min_temperature: lower bound, above 0.
        max_temperature: upper bound.
        learn_temperature: whether the temperature is trained (its logarithm is the parameter) or stays.

    Source: Khosla et al., 2020, Supervised contrastive learning, eq. 2 (the mean outside the logarithm).

    Ties and edges: a batch in which no label occurs twice costs 0 and has no gradient. Items without a second of their
    label still serve as candidates of others.
    """

    def __init__(
        self,
        initial_temperature: float = 0.1,
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
        """Return the loss over all 2n items of a batch, each compared with its own modality and the other.

        Args:
            voice: (n, dim) float, rows of length one.
            face: (n, dim) float, rows of length one.
            labels: (n,) int64 identities; None: each row its own.
            weights: (n,) how much each row counts, as voice and as face; None: all alike.
            mask: (n, n) bool; where it is False, items i and j of either modality are not negatives of each other.

        Returns:
            "loss", a scalar.
        """
        check_pairs(voice, face)
        people = torch.arange(len(voice), device=voice.device) if labels is None else labels
        return self.contrast(
            torch.cat([voice, face]),
            people.repeat(2),
            None if mask is None else mask.repeat(2, 2),
            None if weights is None else weights.repeat(2),
        )

    def contrast(
        self, vectors: Tensor, labels: Tensor, mask: Tensor | None = None, weights: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the loss of items of any modality.

        Args:
            vectors: (n, dim) float, rows of length one, all of one modality.
            labels: (n,) integers; rows of one label are each other's positives.
            mask: (n, n) bool; where it is False, two items are not negatives of each other (positives stay
                positives). None: every other item that is not positive is negative.
            weights: (n,) how much each row counts; None: all alike.

        Returns:
            "loss", a scalar.

        Raises:
            ValueError: `vectors` is not two-dimensional, or `labels` has another length.
        """
        if vectors.ndim != 2 or labels.shape != vectors.shape[:1]:
            raise ValueError(
                f"vectors must be (n, dim) and labels (n,). Got {tuple(vectors.shape)}, {tuple(labels.shape)}."
            )
        with torch.no_grad():  # the bound as a projection: a clamp in the graph would leave no gradient to come back
            self.log_temperature.clamp_(math.log(self.min_temperature), math.log(self.max_temperature))
        logits = vectors @ vectors.T * torch.exp(-self.log_temperature)  # (n, n)
        itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        positive = (labels[:, None] == labels[None]) & ~itself  # (n, n), symmetric
        n_positive = positive.sum(dim=1)  # (n,)
        counted = n_positive > 0
        if not bool(counted.any()):
            return {"loss": logits.sum() * 0}
        takes_part = ~itself if mask is None else (mask | positive) & ~itself
        pull = (logits * positive).sum(dim=1)[counted] / n_positive[counted]
        spread = torch.logsumexp(logits.masked_fill(~takes_part, EXCLUDED)[counted], dim=1)
        return {"loss": weighted_mean(spread - pull, None if weights is None else weights[counted])}
