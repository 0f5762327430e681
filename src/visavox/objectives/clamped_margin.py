"""FaceTones' clamped-margin cosine cross-entropy: pull pairs together, push others apart only while nearly alike.

It holds no model, draws nothing, and has no temperature. Lower is better. The public code calls it
CrossEntropyCosineLoss.

Blind (all similarities 1): log(e + (n - 1) exp(1 - m)) - 1, the positive part being 0. Its floor, pairs equal and all
others below the margin, is log(e + n - 1) - 1: with cosines for logits the cross-entropy stays near log(n), and 0 is
out of reach.

Needs: paired rows; `labels` where a person may be in a batch twice; `mask` for pairs that are no negatives. Relations:
without the margin and the positive part it is `visavox.objectives.info_nce` at temperature 1. A negative below the
margin costs nothing, so the loss is content with people that lie at cosines up to m of each other; it was made for
targets that do so, frozen x-vectors of different people having a cosine of 0.9. Prefer it to repeat FaceTones, or where
one side is frozen; prefer InfoNCE otherwise.

Example:
    >>> objective = ClampedMargin()
    >>> found = objective(torch.eye(2), torch.eye(2))
    >>> round(found["entropy_loss"].item(), 4), found["positive_loss"].item()       # log(1 + exp(-1))
    (0.3133, 0.0)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, check_pairs, positives_of, weighted_mean
from visavox.registry import OBJECTIVES

EXCLUDED = float("-inf")  # a logit that takes no part: its exponential and its gradient are exactly zero


@OBJECTIVES.register("clamped_margin")
class ClampedMargin(Objective):
    """Cross-entropy of clamped cosines in both directions, plus one minus the mean cosine of the pairs.

    With s_ij the dot product of voice i and face j, P_i the positives of row i and m the learnable margin:

        l_ij     = s_ij where j is in P_i, else max(s_ij - m, 0)
        row_i    = mean over p in P_i of [ log sum over j of exp(l_ij) - l_ip ]
        entropy  = (mean of row_i + mean of column_j) / 2
        positive = 1 - mean over i and p in P_i of s_ip
        loss     = entropy + positive

    Args:
        initial_margin: m at the start, `min_margin` to `max_margin`.
        min_margin: lower bound of m, -1 or more.
        max_margin: upper bound of m, at most 1.
        learn_margin: whether m is trained or stays.

    Source: FaceTones, models/training.py, CrossEntropyCosineLoss, where each row has one positive and no pair is
    masked; both are extensions here. The parameter is held to its bounds by projection, not by a clamp in the graph:
    the values are the same, and it can come back from a bound.

    Ties and edges: only negatives above the margin move it, and they move it up: a larger margin forgives them. Rows
    of weight 0 still serve as candidates of others.
    """

    def __init__(
        self,
        initial_margin: float = 0.7,
        *,
        min_margin: float = 0.7,
        max_margin: float = 0.9,
        learn_margin: bool = True,
    ) -> None:
        """Store the arguments and make the one parameter, the margin."""
        super().__init__()
        if not -1 <= min_margin <= initial_margin <= max_margin <= 1:
            raise ConfigError(
                f"`initial_margin` must be from {min_margin:g} to {max_margin:g} (within -1 to 1). "
                f"Got {initial_margin:g}."
            )
        self.initial_margin = initial_margin
        self.min_margin = min_margin
        self.max_margin = max_margin
        self.learn_margin = learn_margin
        self.theta = nn.Parameter(torch.tensor(float(initial_margin)), requires_grad=learn_margin)

    @property
    def margin(self) -> float:
        """The margin in use."""
        return min(max(self.theta.item(), self.min_margin), self.max_margin)

    def figures(self) -> dict[str, float]:
        """Return the margin."""
        return {"margin": self.margin}

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss and its two parts.

        Args:
            voice: (n, dim) float, rows of length one; row i belongs to row i of `face`.
            face: (n, dim) float, rows of length one.
            labels: (n,) integers; rows of one label are each other's positives. None: each row its own.
            weights: (n,) how much each row counts, 0 or more, not all 0. None: all alike.
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other.

        Returns:
            "loss", "entropy_loss" and "positive_loss", each a scalar; "loss" is the sum of the others.

        Raises:
            ValueError: the shapes of `voice` and `face` differ.
        """
        check_pairs(voice, face)
        with torch.no_grad():  # the bound as a projection: a clamp in the graph would leave no gradient to come back
            self.theta.clamp_(self.min_margin, self.max_margin)
        similarity = voice @ face.T  # (n voices, n faces)
        positive = positives_of(labels, len(voice), voice.device)
        counted = positive.to(similarity.dtype)
        share = counted / counted.sum(dim=1, keepdim=True)  # (n, n), symmetric: rows of one label have as many
        logits = torch.where(positive, similarity, (similarity - self.theta).clamp(min=0))
        if mask is not None:
            logits = logits.masked_fill(~(mask | positive), EXCLUDED)
        near = similarity * share
        row = torch.logsumexp(logits, dim=1) - near.sum(dim=1)
        column = torch.logsumexp(logits, dim=0) - near.sum(dim=0)
        entropy = (weighted_mean(row, weights) + weighted_mean(column, weights)) / 2
        attraction = 1 - weighted_mean((near.sum(dim=1) + near.sum(dim=0)) / 2, weights)
        return {"loss": entropy + attraction, "entropy_loss": entropy, "positive_loss": attraction}
