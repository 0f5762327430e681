"""FOP, fusion and orthogonal projection: one classifier on the fused vector of a voice and its face.

It fuses the two unit vectors of a row by a gate that is learned, tells people apart by the fused vector, and asks fused
vectors of one person to be parallel, of different persons orthogonal. It compares no voice with a face: they meet only
as far as one classifier must read both through the gate. It holds the gate and the classifier; the towers stay with the
model. Lower is better: blindness, all fused vectors alike, costs log(n_people) + alpha * negative_weight, and alpha
more where nobody is in the batch twice.

Needs: labels. Relations: `shared_classifier` classifies each side for itself, which aligns the sides more strictly; the
orthogonal part is a cosine form of `centre` that also pushes apart. Prefer it to reproduce the baseline of the FAME
challenges; for matching alone the contrastive objectives are stronger, since the gate may lean on one side.

Names and shapes of the parameters are those of the published checkpoints: `fusion_layer.attention.0.block.0` and `.1`,
`fusion_layer.attention.1`, `logits_layer`; under linear fusion `fusion_layer.weight1` and `.weight2`.

Example:
    >>> from visavox.objectives.base import TrainingFacts
    >>> objective = FOP(fusion="linear", alpha=0.5)
    >>> objective.prepare(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=1), torch.Generator().manual_seed(0))
    >>> found = objective(torch.eye(2), torch.eye(2), torch.tensor([0, 1]))
    >>> round(found["orthogonal_loss"].item(), 4)           # no second row of anybody: 1; two orthogonal people: 0
    1.0
"""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, TrainingFacts, check_number, check_pairs
from visavox.objectives.classifier_head import drawn_linear, mean_cross_entropy
from visavox.registry import OBJECTIVES

Fusion = Literal["gated", "linear"]
INITIAL_BIAS = 0.01  # of every linear layer, as in the public code


class GateBlock(nn.Module):
    """Linear layer, batch normalisation, ReLU; the nesting gives the published names."""

    def __init__(self, n_in: int, n_out: int, *, generator: torch.Generator) -> None:
        """Draw the weights."""
        super().__init__()
        linear = drawn_linear(n_in, n_out, bias=True, generator=generator, initial_bias=INITIAL_BIAS)
        self.block = nn.Sequential(linear, nn.BatchNorm1d(n_out), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, n_out) for (n, n_in); a single row, which has no spread, is normalised by the running figures."""
        linear, norm, activation = self.block
        was_training = norm.training
        norm.train(was_training and len(x) > 1)
        found: Tensor = activation(norm(linear(x)))
        norm.train(was_training)
        return found


class GatedFusion(nn.Module):
    """Mixes tanh of both sides, number by number, by a gate that sees both.

    Args:
        dim: length of the vectors.
        gate_dim: length of the hidden layer of the gate.
        generator: draws the weights.
    """

    def __init__(self, dim: int, gate_dim: int, *, generator: torch.Generator) -> None:
        """Draw the weights."""
        super().__init__()
        self.attention = nn.Sequential(
            GateBlock(2 * dim, gate_dim, generator=generator),
            drawn_linear(gate_dim, dim, bias=True, generator=generator, initial_bias=INITIAL_BIAS),
        )

    def forward(self, face: Tensor, voice: Tensor) -> Tensor:
        """Return (n, dim) g * tanh(face) + (1 - g) * tanh(voice), g = sigmoid(attention([face, voice]))."""
        gate = torch.sigmoid(self.attention(torch.cat([face, voice], dim=1)))
        return gate * torch.tanh(face) + (1 - gate) * torch.tanh(voice)


class LinearFusion(nn.Module):
    """A weighted sum of both sides with two learned weights, drawn from 0 to 1."""

    def __init__(self, *, generator: torch.Generator) -> None:
        """Draw the weights."""
        super().__init__()
        self.weight1 = nn.Parameter(torch.rand(1, generator=generator))
        self.weight2 = nn.Parameter(torch.rand(1, generator=generator))

    def forward(self, face: Tensor, voice: Tensor) -> Tensor:
        """Return (n, dim) weight1 * face + weight2 * voice."""
        return self.weight1 * face + self.weight2 * voice


@OBJECTIVES.register("fop")
class FOP(Objective):
    """Cross-entropy of the fused vectors and alpha times their orthogonal projection loss.

    With u_i the fused vector of row i scaled to length one, P the ordered pairs of different rows of one person, N the
    pairs of different people:

        loss            = CE(logits of the fused vectors, labels) + alpha * orthogonal_loss
        orthogonal_loss = 1 - mean over P of u_i . u_j + negative_weight * mean over N of |u_i . u_j|

    Args:
        fusion: "gated", or "linear", a sum with two learned weights.
        alpha: weight of the orthogonal part, 0 or more.
        negative_weight: of the pairs of different people, 0 or more; the public code has 0.7.
        gate_dim: hidden length of the gate, 1 or more; published 128.

    Source: Saeed et al., 2022, Fusion and orthogonal projection for improved face-voice association, ICASSP; the gate:
    their public code; the projection: Ranasinghe et al., 2021, Orthogonal projection loss, ICCV. There the absolute
    value is taken of the mean over N; here, as in the code of FOP, of each cosine.

    Ties and edges: without a second row of anybody the mean over P counts as 0, so that the part has 1 in it; without a
    second person the mean over N is 0. Pairs that `mask` excludes are no negatives.
    """

    needs_labels: ClassVar[bool] = True

    def __init__(
        self, fusion: Fusion = "gated", *, alpha: float = 1.0, negative_weight: float = 0.7, gate_dim: int = 128
    ) -> None:
        """Store the arguments; `prepare` makes the layers."""
        super().__init__()
        if fusion not in get_args(Fusion):
            raise ConfigError(f"`fusion` must be one of {', '.join(get_args(Fusion))}. Got {fusion!r}.")
        check_number("alpha", alpha, at_least=0)
        check_number("negative_weight", negative_weight, at_least=0)
        check_number("gate_dim", gate_dim, at_least=1)
        self.fusion: Fusion = fusion
        self.alpha = alpha
        self.negative_weight = negative_weight
        self.gate_dim = gate_dim
        self.fusion_layer: nn.Module
        self.logits_layer: nn.Module

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:
        """Draw the gate and the classifier."""
        if self.fusion == "gated":
            self.fusion_layer = GatedFusion(facts.dim, self.gate_dim, generator=generator)
        else:
            self.fusion_layer = LinearFusion(generator=generator)
        self.logits_layer = drawn_linear(
            facts.dim, facts.n_people, bias=True, generator=generator, initial_bias=INITIAL_BIAS
        )

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
            labels: (n,) int64 identities, 0 to n_people - 1.
            weights: (n,) how much each row counts; a pair counts as the product of its rows. None: all alike.
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other, and since a fused
                vector holds both sides, rows i and j are not pushed apart in either order.

        Returns:
            "loss", "identity_loss" and "orthogonal_loss", the latter before `alpha`.

        Raises:
            ValueError: shapes differ, or labels are missing.
        """
        check_pairs(voice, face)
        if labels is None:
            raise ValueError("fop needs labels, (n,) identities. Got none.")
        fused = self.fusion_layer(face, voice)  # (n, dim)
        identity = mean_cross_entropy(self.logits_layer(fused), labels, weights)
        orthogonal = orthogonal_projection_loss(fused, labels, weights, mask, negative_weight=self.negative_weight)
        return {
            "loss": identity + self.alpha * orthogonal,
            "identity_loss": identity,
            "orthogonal_loss": orthogonal,
        }


def orthogonal_projection_loss(
    vectors: Tensor, labels: Tensor, weights: Tensor | None, mask: Tensor | None, *, negative_weight: float
) -> Tensor:
    """Return 1 - mean cosine of one person's rows + negative_weight * mean |cosine| of different people's; see `FOP`.

    Args:
        vectors: (n, dim) float, of any length.
        labels: (n,) int64.
        weights: (n,) or None.
        mask: (n, n) bool or None; two rows are pushed apart where (i, j) and (j, i) are True.
        negative_weight: 0 or more.
    """
    unit = nn.functional.normalize(vectors, eps=1e-12)
    cosine = unit @ unit.T  # (n, n)
    same = labels[:, None] == labels[None]
    pair_weight = torch.ones_like(cosine) if weights is None else weights[:, None] * weights[None]
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    positive = pair_weight * (same & ~itself)
    negative = pair_weight * (~same if mask is None else ~same & mask & mask.T)
    return 1 - _mean_over(cosine, positive) + negative_weight * _mean_over(cosine.abs(), negative)


def _mean_over(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean, 0 where nothing weighs anything."""
    total = weights.sum()
    return (values * weights).sum() / torch.where(total > 0, total, torch.ones_like(total))
