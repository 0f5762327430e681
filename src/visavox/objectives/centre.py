"""Centre loss: every person has a centre, and the person's voices and faces are drawn to it.

Nothing in it pushes people apart: alone it is content with one point for everybody, at a cost of 0. So it is a part of
a `mixture`, beside a classifier or a contrastive objective. It holds the centres. Lower is better; 0 is the floor.

Needs: labels. Relations: the classifier of `shared_classifier` draws a vector towards its person's direction and away
from all others', this to a point only; with InfoNCE it brings clips of one person together that were in different
batches. Prefer it, with a weight of 0.001 to 0.1, where a person has several clips that scatter.

Example:
    >>> from visavox.objectives.base import TrainingFacts
    >>> objective = Centre()
    >>> objective.prepare(TrainingFacts(n_people=1, dim=2, n_rows=1, n_steps=1), torch.Generator().manual_seed(0))
    >>> objective.centres = torch.tensor([[1.0, 0.0]])
    >>> found = objective(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    >>> found["voice_loss"].item(), found["loss"].item()                # half the squared distance; mean of both sides
    (2.0, 1.0)
    >>> objective.before_step(1)                                        # 0.5 * (0 + 2) / (1 + 2 items)
    >>> [round(x, 4) for x in objective.centres[0].tolist()]
    [1.0, 0.3333]
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, TrainingFacts, check_number, check_pairs, weighted_mean
from visavox.registry import OBJECTIVES

Vectors = Literal["raw", "unit"]
Update = Literal["alpha", "gradient"]


@OBJECTIVES.register("centre")
class Centre(Objective):
    """Half the squared distance of every vector to the centre of its person, one centre for both modalities.

    With c_k the centre of person k and x_i, i = 1 ... 2n, the voices and the faces of a batch, y_i their persons:

        loss  = mean over i of |x_i - c_{y_i}|^2 / 2
        c_k  <- c_k - alpha * sum over i with y_i = k of (c_k - x_i) / (1 + count of such i)      after each step

    Args:
        alpha: how fast the centres move under `update="alpha"`, above 0 to 1.
        update: "alpha", the rule above, outside of the gradient; "gradient" makes the centres parameters of the
            optimiser, with its learning rate.
        vectors: "raw" as the towers give them, or "unit", scaled to length one first: beside an objective that sees
            directions only, the loss would otherwise shrink all vectors.

    Source: Wen et al., 2016, A discriminative feature learning approach for deep face recognition, ECCV, eq. 2 to 4
    (there a sum over the batch; here a mean, so that its weight does not depend on the batch size).

    Ties and edges: a person without a row in the step keeps its centre. Rows of weight 0 still move their centre.
    """

    takes: ClassVar[Literal["unit", "raw"]] = "raw"
    needs_labels: ClassVar[bool] = True
    centres: Tensor
    pulls: Tensor
    counts: Tensor

    def __init__(self, alpha: float = 0.5, *, update: Update = "alpha", vectors: Vectors = "raw") -> None:
        """Store the arguments; `prepare` draws the centres."""
        super().__init__()
        check_number("alpha", alpha, at_least=1e-9, at_most=1)
        for name, value, choices in (("update", update, get_args(Update)), ("vectors", vectors, get_args(Vectors))):
            if value not in choices:
                raise ConfigError(f"`{name}` must be one of {', '.join(choices)}. Got {value!r}.")
        self.alpha = alpha
        self.update: Update = update
        self.vectors: Vectors = vectors

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:
        """Draw the centres from N(0, 1 / dim), of a length of about one."""
        drawn = torch.randn(facts.n_people, facts.dim, generator=generator) / math.sqrt(facts.dim)
        if self.update == "gradient":
            self.centres = nn.Parameter(drawn)
            return
        self.register_buffer("centres", drawn)
        # What the last step adds up, kept with the state: a resumed run moves its centres as an unbroken one.
        self.register_buffer("pulls", torch.zeros_like(drawn))
        self.register_buffer("counts", torch.zeros(facts.n_people))

    def before_step(self, step: int) -> None:  # noqa: ARG002
        """Move the centres by what the step before has gathered."""
        if self.update == "alpha":
            self.centres -= self.alpha * self.pulls / (1 + self.counts[:, None])
            self.pulls.zero_()
            self.counts.zero_()

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return the loss and its two sides; in training, gather how the centres will move.

        Args:
            voice: (n, dim) float, of any length.
            face: (n, dim) float.
            labels: (n,) int64 identities, 0 to n_people - 1.
            weights: (n,) how much each row counts; None: all alike.
            mask: not used: there are no negatives.

        Returns:
            "loss", the mean of "voice_loss" and "face_loss".

        Raises:
            ValueError: shapes differ, or labels are missing.
        """
        check_pairs(voice, face)
        if labels is None:
            raise ValueError("centre needs labels, (n,) identities. Got none.")
        if self.vectors == "unit":
            voice = nn.functional.normalize(voice, eps=1e-12)
            face = nn.functional.normalize(face, eps=1e-12)
        own = self.centres[labels]  # (n, dim)
        if self.update == "alpha" and self.training:
            with torch.no_grad():
                pull = (2 * own - voice - face).to(self.pulls.dtype)
                self.pulls.index_add_(0, labels, pull)
                self.counts.index_add_(0, labels, torch.full_like(labels, 2, dtype=self.counts.dtype))
        voice_loss = weighted_mean((voice - own).square().sum(dim=1) / 2, weights)
        face_loss = weighted_mean((face - own).square().sum(dim=1) / 2, weights)
        return {"loss": (voice_loss + face_loss) / 2, "voice_loss": voice_loss, "face_loss": face_loss}
