"""Triplet and contrastive margin losses across modalities, with the negative mined within the batch.

It holds no model and draws nothing. Lower is better.

Blind (all similarities 1): the margin in the triplet form, its square in the contrastive form. The floor is 0. Hard
mining can fall back to blindness and stay there: a first learning rate that is small, "semi_hard" or "curriculum" help.

Needs: paired rows; `labels` where a person may be in a batch twice; `mask` for pairs that are no negatives;
"curriculum" also needs `prepare` and `before_step`. Relations: where `visavox.objectives.info_nce` weighs all negatives
by their likeness, these losses look at one a row. Prefer them to repeat what is published: `form="contrastive"`,
`mining="curriculum"`, `distance="euclidean"`, `margin=0.6` is Learnable PINs; "semi_hard" is FaceNet; "batch_hard"
with `distance="euclidean"` is the loss of Hermans et al.

Example:
    >>> objective = Triplet(margin=0.2)
    >>> round(objective(torch.eye(2), torch.eye(2).flip(0))["loss"].item(), 4)       # 2 - 0 + 0.2
    2.2
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, TrainingFacts, check_pairs, positives_of
from visavox.registry import OBJECTIVES

Mining = Literal["batch_hard", "semi_hard", "curriculum"]
Form = Literal["triplet", "contrastive"]
Distance = Literal["squared_euclidean", "euclidean", "cosine"]
ABSENT = -1  # a place where nothing is mined: no positive, or no negative to go with it
FIRST_TAU, LAST_TAU, TAU_STEP = 0.3, 0.8, 0.1  # of the curriculum
SMALLEST_SQUARE = 1e-12  # under a root, whose gradient at 0 is infinite


@OBJECTIVES.register("triplet")
class Triplet(Objective):
    """A margin between the distance to a person's own vector and that to a mined other one, in both directions.

    With d_ij the distance of anchor i and candidate j of the other modality, P_i the positives of i, and k the negative
    mined for i and p (see `mine`), each row is the mean over p in P_i of

        triplet:     max(0, d_ip - d_ik + margin)
        contrastive: d_ip^2 + max(0, margin - d_ik)^2

    and the loss the mean of voices as anchors and faces as anchors. "batch_hard" takes the farthest p alone.

    Args:
        margin: above 0.
        mining: "batch_hard", "semi_hard" or "curriculum".
        form: "triplet" or "contrastive".
        distance: "squared_euclidean" (of unit rows: 2 - 2 s), "euclidean", or "cosine" (1 - s).
        first_tau: how hard the curriculum's negatives are at first, above 0: the share of the negatives, counted from
            the easiest, of which the hardest is taken; 1 is the hardest of all.
        last_tau: how hard they become, `first_tau` to 1.
        n_levels: how many equally long parts the run has, each with its tau, from the first to the last; 1 or more.

    Source: Schroff et al., 2015, FaceNet, eq. 2 to 4 (triplet, semi-hard); Hermans et al., 2017, In defense of the
    triplet loss for person re-identification, eq. 5 (batch-hard); Hadsell et al., 2006, Dimensionality reduction by
    learning an invariant mapping, eq. 4, without its halves (contrastive); Nagrani et al., 2018, Learnable PINs:
    cross-modal embeddings for person identity, section 3 (curriculum and contrastive). The margin of 0.6 and the rise
    of tau from 30 % by 10 % to 80 % were read from a public re-implementation of PINs, not from the paper; it raises
    tau at fixed steps, where the six levels here share out the run. It also sums unsquared distances, takes all
    negatives up to the rank, collects the rank of a negative for its row, and swaps the modalities on the way: its
    figures are no reference.

    Ties and edges: an anchor without an allowed negative is left out of the triplet form and keeps its positives in
    the contrastive one; a batch of such anchors costs 0 in the triplet form. Equal distances are taken in the order of
    the rows. Rows of weight 0 still serve as candidates of others.
    """

    tau: Tensor

    def __init__(
        self,
        margin: float = 0.2,
        *,
        mining: Mining = "batch_hard",
        form: Form = "triplet",
        distance: Distance = "squared_euclidean",
        first_tau: float = FIRST_TAU,
        last_tau: float = LAST_TAU,
        n_levels: int = round((LAST_TAU - FIRST_TAU) / TAU_STEP) + 1,
    ) -> None:
        """Store the arguments; the curriculum begins at `first_tau`."""
        super().__init__()
        if not 0 < margin < math.inf:
            raise ConfigError(f"`margin` must be a number above 0. Got {margin:g}.")
        for name, value, choices in (
            ("mining", mining, Mining),
            ("form", form, Form),
            ("distance", distance, Distance),
        ):
            if value not in get_args(choices):
                raise ConfigError(f"`{name}` must be one of {', '.join(get_args(choices))}. Got {value!r}.")
        if form == "contrastive" and distance == "cosine":
            raise ConfigError("`distance` must be euclidean for the form contrastive. Got 'cosine'.")
        if not 0 < first_tau <= last_tau <= 1:
            raise ConfigError(f"`first_tau` and `last_tau` must rise within 0 to 1. Got {first_tau:g}, {last_tau:g}.")
        if n_levels < 1:
            raise ConfigError(f"`n_levels` must be a whole number of at least 1. Got {n_levels}.")
        self.margin = margin
        self.mining = mining
        self.form = form
        self.distance = distance
        self.first_tau = first_tau
        self.last_tau = last_tau
        self.n_levels = n_levels
        self.n_steps = 0
        self.register_buffer("tau", torch.tensor(float(first_tau), dtype=torch.float64))

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:  # noqa: ARG002
        """Take the number of steps, over which the curriculum is spread."""
        self.n_steps = facts.n_steps

    def before_step(self, step: int) -> None:
        """Set tau for the step after `step` others; without a known number of steps it stays."""
        if self.n_steps and self.n_levels > 1:
            level = min(step * self.n_levels // self.n_steps, self.n_levels - 1)
            self.tau.fill_(self.first_tau + (self.last_tau - self.first_tau) * level / (self.n_levels - 1))

    def figures(self) -> dict[str, float]:
        """Return tau, where the mining is a curriculum."""
        return {"tau": self.tau.item()} if self.mining == "curriculum" else {}

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
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other.

        Returns:
            "loss", "voice_to_face_loss" and "face_to_voice_loss", each a scalar; "loss" is their mean.

        Raises:
            ValueError: the shapes of `voice` and `face` differ.
        """
        check_pairs(voice, face)
        distance = self._distances(voice, face)  # (n voices, n faces)
        positive = positives_of(labels, len(voice), voice.device)
        allowed = ~positive if mask is None else ~positive & mask
        given = torch.ones_like(distance[0]) if weights is None else weights
        voice_to_face = self._direction(distance, positive, allowed, given)
        face_to_voice = self._direction(distance.T, positive, allowed.T, given)
        return {
            "loss": (voice_to_face + face_to_voice) / 2,
            "voice_to_face_loss": voice_to_face,
            "face_to_voice_loss": face_to_voice,
        }

    def _distances(self, voice: Tensor, face: Tensor) -> Tensor:
        """Return (n, n) distances of unit rows."""
        apart = 1 - voice @ face.T
        if self.distance == "cosine":
            return apart
        return 2 * apart if self.distance == "squared_euclidean" else (2 * apart).clamp(min=SMALLEST_SQUARE).sqrt()

    def _direction(self, distance: Tensor, positive: Tensor, allowed: Tensor, weights: Tensor) -> Tensor:
        """Return the mean cost of the anchors, which are the rows of `distance`."""
        mined = mine(distance.detach(), positive, allowed, mining=self.mining, tau=self.tau.item())
        has_negative = mined != ABSENT
        far = distance.gather(1, mined.clamp(min=0))  # (n, n): for anchor i and positive p
        if self.mining == "batch_hard":
            farthest = distance.detach().masked_fill(~positive, -math.inf).argmax(dim=1)
            pairs = torch.zeros_like(positive).scatter_(1, farthest[:, None], value=True)
        else:
            pairs = positive
        if self.form == "triplet":
            cost = (distance - far + self.margin).clamp(min=0)
            pairs = pairs & has_negative
        else:
            squared = distance if self.distance == "squared_euclidean" else distance.square()
            apart = far if self.distance == "euclidean" else far.clamp(min=SMALLEST_SQUARE).sqrt()
            cost = squared + (self.margin - apart).clamp(min=0).square() * has_negative
        n_pairs = pairs.sum(dim=1)
        row = (cost * pairs).sum(dim=1) / n_pairs.clamp(min=1)
        counted = weights * (n_pairs > 0)
        total = counted.sum()
        return (row * counted).sum() / torch.where(total > 0, total, torch.ones_like(total))


def mine(distance: Tensor, positive: Tensor, allowed: Tensor, *, mining: Mining, tau: float) -> Tensor:
    """Return which candidate is the negative of each anchor and positive.

    The allowed negatives of an anchor stand in a row from the easiest, the farthest, to the hardest, the nearest:

        batch_hard: the last one, whatever the positive.
        semi_hard:  the last one of those that are farther than the positive; if there is none, the first of all.
        curriculum: number ceil(tau m) of the m, or the semi-hard one where that comes sooner: the way of Learnable
                    PINs to keep away from the false negatives that a batch without labels holds.

    Args:
        distance: (n anchors, n candidates) float, finite.
        positive: (n, n) bool, which candidate is of an anchor's person.
        allowed: (n, n) bool, which candidate may be a negative of an anchor.
        mining: which rule.
        tau: of the curriculum, above 0, at most 1.

    Returns:
        (n, n) int64, the candidate's column for anchor i and positive p; -1 where p is not positive or i has no
        allowed negative.
    """
    easiest_first = distance.masked_fill(~allowed, -math.inf)
    ordered, order = torch.sort(easiest_first, dim=1, descending=True, stable=True)  # those not allowed come last
    n_negatives = allowed.sum(dim=1, keepdim=True)  # (n, 1)
    if mining == "batch_hard":
        number = n_negatives.expand_as(order)
    else:
        # How many negatives are farther than each positive: on minus the distances, which ascend.
        n_farther = torch.searchsorted((-ordered).contiguous(), (-distance).contiguous())
        number = n_farther.clamp(min=1)
        if mining == "curriculum":
            number = torch.minimum(number, torch.ceil(tau * n_negatives - 1e-9).long())
    mined = order.gather(1, (number - 1).clamp(min=0))
    return mined.masked_fill(~(positive & (n_negatives > 0)), ABSENT)
