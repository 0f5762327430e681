"""The supervised contrastive loss: all vectors of a person, of either modality, near each other, far from all others.

As an objective of associators it pools the n voices and n faces of a batch into 2n items; its method `contrast` is the
same loss within one modality, for encoders. It holds no model and draws nothing. Lower is better.

Blind: log(2n - 1) in a batch of n pairs, log(n - 1) for n items of one modality. The floor is 0 where every person has
two items, and the logarithm of a person's other items where there are more.

Needs: paired rows, or for `contrast` labels of which some occur twice; `mask` for pairs that must not be negatives.
Relations: without labels it is NT-Xent, the loss of SimCLR, with voice and face for the two views.
`visavox.objectives.info_nce` compares voices with faces alone; here a voice is also pushed from other voices, and
pulled to those of its person. Prefer it where people have several clips and the embedding also serves within one
modality.

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

    Source: Khosla et al., 2020, Supervised contrastive learning, eq. 2 (the mean outside the logarithm); Chen et al.,
    2020, A simple framework for contrastive learning of visual representations, eq. 1 (without labels).

    Ties and edges: items of which no label occurs twice, or only with weight 0, cost 0 and have no gradient. Items
    without a second of their label, and those of weight 0, still serve as candidates of others.
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
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other. Two voices, or
                two faces, of rows i and j are negatives where neither (i, j) nor (j, i) is False.

        Returns:
            "loss", a scalar.

        Raises:
            ValueError: the shapes of `voice` and `face` differ.
        """
        check_pairs(voice, face)
        people = torch.arange(len(voice), device=voice.device) if labels is None else labels
        if mask is not None:  # (2n, 2n): voice i with face j says the mask, face i with voice j its transpose
            within = mask & mask.T
            mask = torch.cat([torch.cat([within, mask], dim=1), torch.cat([mask.T, within], dim=1)])
        return self.contrast(
            torch.cat([voice, face]),
            people.repeat(2),
            mask,
            None if weights is None else weights.repeat(2),
        )

    def contrast(
        self, vectors: Tensor, labels: Tensor, mask: Tensor | None = None, weights: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the loss of items of any modality.

        Args:
            vectors: (n, dim) float, rows of length one.
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
        counted = n_positive > 0 if weights is None else (n_positive > 0) & (weights > 0)
        if not bool(counted.any()):
            return {"loss": logits.sum() * 0}
        takes_part = ~itself if mask is None else (mask | positive) & ~itself
        pull = (logits * positive).sum(dim=1)[counted] / n_positive[counted]
        spread = torch.logsumexp(logits.masked_fill(~takes_part, EXCLUDED)[counted], dim=1)
        return {"loss": weighted_mean(spread - pull, None if weights is None else weights[counted])}
