"""The sigmoid loss of SigLIP: of each voice and each face of a batch, are they of one person or not?

It holds no model, draws nothing, and has no softmax: every pair is a yes-or-no question of its own. Lower is better.

Blind: at the start n log(2), since every logit is 0 where all similarities are 1; once the bias has adapted, n times
the entropy of a coin that falls 1 in n: log(n) + (n - 1) log(n / (n - 1)), a little below log(n) + 1.

Needs: paired rows; `labels` where a person may be in a batch twice; `mask` for pairs that are no negatives. Relations:
`visavox.objectives.info_nce` asks which face of all is the right one, and so depends on what else is in the batch; here
pairs do not compete, and the scores end up comparable across batches. Prefer it for verification, where one threshold
must serve all, and for batches of very few or very many people.

Example:
    >>> objective = SigLIP()
    >>> same = torch.ones(3, 1)
    >>> round(objective(same, same)["loss"].item(), 4)                       # 3 log(2)
    2.0794
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, check_pairs, positives_of, weighted_mean
from visavox.registry import OBJECTIVES


@OBJECTIVES.register("siglip")
class SigLIP(Objective):
    """Binary cross-entropy of every pair, with a learnable scale and bias.

    With s_ij the dot product of voice i and face j, z_ij = 1 where they are of one person and -1 where not, t the
    scale (the "temperature" of the paper, which multiplies) and b the bias:

        l_ij = log(1 + exp(-z_ij (t s_ij + b)))
        loss = sum over all i and j of l_ij / n

    and with weights w, sum of (w_i + w_j) / 2 l_ij / sum of w. Masked pairs that are not positive are left out.

    Args:
        initial_scale: t at the start, above 0.
        initial_bias: b at the start; the paper's -10 makes every pair a "no" at first, as nearly all are.
        learn_scale: whether the scale is trained (its logarithm is the parameter) or stays.
        learn_bias: whether the bias is trained or stays.

    Source: Zhai et al., 2023, Sigmoid loss for language image pre-training, section 3.2 and algorithm 1. There a
    pair's own row is its only positive; here rows of one label are positive too.

    Ties and edges: rows of weight 0 still serve as candidates of others, at half weight. A batch of one pair costs
    its positive alone.
    """

    def __init__(
        self,
        initial_scale: float = 10.0,
        *,
        initial_bias: float = -10.0,
        learn_scale: bool = True,
        learn_bias: bool = True,
    ) -> None:
        """Store the arguments and make the two parameters, the logarithm of the scale and the bias."""
        super().__init__()
        if not 0 < initial_scale < math.inf:
            raise ConfigError(f"`initial_scale` must be a number above 0. Got {initial_scale:g}.")
        if not math.isfinite(initial_bias):
            raise ConfigError(f"`initial_bias` must be a finite number. Got {initial_bias:g}.")
        self.initial_scale = initial_scale
        self.initial_bias = initial_bias
        self.learn_scale = learn_scale
        self.learn_bias = learn_bias
        self.log_scale = nn.Parameter(torch.tensor(math.log(initial_scale)), requires_grad=learn_scale)
        self.bias = nn.Parameter(torch.tensor(float(initial_bias)), requires_grad=learn_bias)

    def figures(self) -> dict[str, float]:
        """Return scale and bias."""
        return {"scale": math.exp(self.log_scale.item()), "bias": self.bias.item()}

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss, and what its positive and its negative pairs contribute.

        Args:
            voice: (n, dim) float, rows of length one; row i belongs to row i of `face`.
            face: (n, dim) float, rows of length one.
            labels: (n,) integers; pairs of one label are positive. None: each row its own.
            weights: (n,) how much each row counts, 0 or more, not all 0. None: all alike.
            mask: (n, n) bool; where it is False, a pair that is not positive is left out.

        Returns:
            "loss", "positive_loss" and "negative_loss", each a scalar; "loss" is their sum.

        Raises:
            ValueError: the shapes of `voice` and `face` differ.
        """
        check_pairs(voice, face)
        logits = voice @ face.T * torch.exp(self.log_scale) + self.bias  # (n voices, n faces)
        positive = positives_of(labels, len(voice), voice.device)
        asked = ~positive if mask is None else ~positive & mask
        yes = -nn.functional.logsigmoid(logits) * positive
        no = -nn.functional.logsigmoid(-logits) * asked
        parts = [weighted_mean((cost.sum(dim=1) + cost.sum(dim=0)) / 2, weights) for cost in (yes, no)]
        return {"loss": parts[0] + parts[1], "positive_loss": parts[0], "negative_loss": parts[1]}
