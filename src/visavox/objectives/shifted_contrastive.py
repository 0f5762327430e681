"""FaceTones' earlier loss: each face against its voice and the voices of the rows just after it.

It holds no model, draws nothing, and looks in one direction only, face to voice. Lower is better. The public code calls
it ContrastiveCosineLoss.

Blind: log(1 + k), with k the number of shifts; perfect pairs of orthogonal people cost log(1 + k / e), since a cosine
without a temperature cannot say more.

Needs: paired rows in an order without meaning (they are shuffled in training); `labels` where a person may be in a
batch twice; `mask` for pairs that are no negatives. Relations: with n - 1 shifts it is the face-to-voice half of
`visavox.objectives.info_nce` at temperature 1. Prefer it only to repeat FaceTones: a larger share of the batch and a
lower temperature cost nothing more.

Example:
    >>> objective = ShiftedContrastive(n_shifts=1)
    >>> round(objective(torch.eye(3), torch.eye(3))["loss"].item(), 4)       # log(1 + exp(-1)): one negative a row
    0.3133
"""

from __future__ import annotations

import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, check_pairs, positives_of, weighted_mean
from visavox.registry import OBJECTIVES

EXCLUDED = float("-inf")  # a logit that takes no part: its exponential and its gradient are exactly zero


@OBJECTIVES.register("shifted_contrastive")
class ShiftedContrastive(Objective):
    """Cross-entropy of plain cosines among the own voice and those of the next rows, counted in a circle.

    With s_ij the dot product of face i and voice j, K = min(`n_shifts`, n - 1) and P_i the positives of row i:

        N_i   = rows i + 1 ... i + K modulo n that may be negatives of i
        row_i = mean over p in P_i of [ log sum over a in P_i and N_i of exp(s_ia) - s_ip ]
        loss  = mean of row_i

    Args:
        n_shifts: how many of the following rows are negatives, 1 or more; at most n - 1 are used.

    Source: FaceTones, history of models/training.py, ContrastiveCosineLoss, with 20 shifts; P_i is there the row alone.

    Ties and edges: which rows are negatives depends on the order of the batch, unless `n_shifts` is at least n - 1. A
    row without a negative costs the logarithm of its positives. Rows of weight 0 still serve as candidates of others.
    """

    def __init__(self, n_shifts: int = 20) -> None:
        """Store the argument."""
        super().__init__()
        if n_shifts < 1:
            raise ConfigError(f"`n_shifts` must be a whole number of at least 1. Got {n_shifts}.")
        self.n_shifts = n_shifts

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss.

        Args:
            voice: (n, dim) float, rows of length one; row i belongs to row i of `face`.
            face: (n, dim) float, rows of length one.
            labels: (n,) integers; rows of one label are each other's positives. None: each row its own.
            weights: (n,) how much each row counts, 0 or more, not all 0. None: all alike.
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other.

        Returns:
            "loss", a scalar.

        Raises:
            ValueError: the shapes of `voice` and `face` differ.
        """
        check_pairs(voice, face)
        n = len(voice)
        logits = face @ voice.T  # (n faces, n voices)
        positive = positives_of(labels, n, voice.device)
        at = torch.arange(n, device=voice.device)
        takes_part = (at[None] - at[:, None]) % n <= self.n_shifts  # (n, n): the row itself is at distance 0
        if mask is not None:
            takes_part = takes_part & mask.T
        spread = torch.logsumexp(logits.masked_fill(~(takes_part | positive), EXCLUDED), dim=1)
        pull = (logits * positive).sum(dim=1) / positive.sum(dim=1)
        return {"loss": weighted_mean(spread - pull, weights)}
