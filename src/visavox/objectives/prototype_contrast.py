"""Prototype contrast (CMPC): InfoNCE, and each voice beside the prototype of its face's cluster, and the other way.

Before each epoch the voices of all training pairs are clustered, and the faces; the means of the clusters are the
prototypes. Pairs that are less alike than their prototypes count less: their voice says little of their face. Nobody's
identity is used. Lower is better: log(n) plus the mean of log(k) over the clusterings is what blindness costs in a
batch of n with k prototypes.

Needs: the row of each pair (`extras`), a look at all vectors each epoch (`wants_all_vectors`); labels and mask only
take pairs of one person or one video out of the negatives. Relations: before `warmup_epochs` are over it is InfoNCE
with a fixed temperature; with identities instead of clusters it would be near `shared_classifier`. Prefer it where
identities are unknown and people occur in many videos, so that negatives of InfoNCE are false.

Example:
    >>> from visavox.objectives.base import TrainingFacts
    >>> objective = PrototypeContrast(cluster_counts=(2,), warmup_epochs=0, temperature=0.5)
    >>> generator = torch.Generator().manual_seed(0)
    >>> objective.prepare(TrainingFacts(n_people=4, dim=2, n_rows=4, n_steps=1), generator)
    >>> vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> objective.before_epoch(vectors, vectors, generator)
    >>> found = objective(vectors, vectors, rows=torch.arange(4))
    >>> round(found["prototype_loss"].item(), 4)            # log(1 + exp(-1 / 0.2)), two ways
    0.0067
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, TrainingFacts, check_number, check_pairs, positives_of
from visavox.objectives.clustering import Clusters, concentrations, k_means
from visavox.registry import OBJECTIVES

PUBLISHED_COUNTS = (500, 1000, 1500)  # prototypes
PUBLISHED_ROWS = 18_057  # training videos that they are of


@OBJECTIVES.register("prototype_contrast")
class PrototypeContrast(Objective):
    """Instance contrast plus prototype contrast, each pair weighted by how far it can be learned.

    With v_i, f_i unit vectors, c_m(i) the unit prototype of the voice cluster of pair i in clustering m, d_m(i) that of
    its face cluster, phi the concentration of a prototype, T the temperature:

        instance_i  = -log [ exp(v_i . f_i / T) / sum over allowed j of exp(v_i . f_j / T) ]
        prototype_i = mean over m of -log [ exp(v_i . d_m(i) / phi) / sum over all face prototypes d of m
                                            of exp(v_i . d / phi_d) ]
        rho_i = v_i . f_i - mean over m of c_m(i) . d_m(i)
        w_i   = Phi((rho_i - mean rho - shift * std rho) / (sqrt(width) * std rho))      Phi of the normal distribution
        loss  = weighted mean by w_i of instance_i + prototype_i, averaged over this direction and face to voice

    Args:
        cluster_counts: prototypes of each clustering, 2 or more each; empty takes the published shares of the training
            pairs, a 36th, an 18th and a 12th, and never more than the published 500, 1,000 and 1,500.
        temperature: T, 0.001 to 10.
        prototype_temperature: mean of phi over the prototypes of a clustering, 0.001 to 10.
        warmup_epochs: epochs of instance contrast alone, 0 or more; published about 16.
        recalibrate: whether pairs are weighted; otherwise w_i is 1.
        shift: where the weights rise, in standard deviations from the mean of rho.
        width: how fast, above 0: the smaller the steeper.

    Source: Zhu et al., 2022, Unsupervised voice-face representation learning by cross-modal prototype contrast, IJCAI;
    constants from its public code; the weights after Morgado et al., 2021, Robust audio-visual instance discrimination,
    CVPR. Departures from that code: it hands the prototypes to the one batch after each clustering and to no other,
    sums the prototypes' similarities instead of averaging them, takes for negatives the prototypes of the batch (the
    right one among them where two pairs share it), and starts k-means from the first rows. Here all batches have
    prototypes, similarities are cosines, negatives are all other prototypes, and the start is k-means++.

    Ties and edges: where rho does not vary in the batch, every pair counts alike.
    """

    extras: ClassVar[tuple[str, ...]] = ("rows",)
    wants_all_vectors: ClassVar[bool] = True
    n_looks: Tensor

    def __init__(
        self,
        cluster_counts: Sequence[int] = (),
        *,
        temperature: float = 0.03,
        prototype_temperature: float = 0.2,
        warmup_epochs: int = 5,
        recalibrate: bool = True,
        shift: float = -1.0,
        width: float = 0.1,
    ) -> None:
        """Store the arguments; `prepare` chooses the counts."""
        super().__init__()
        if not isinstance(cluster_counts, list | tuple):
            raise ConfigError(f"`cluster_counts` must be a list of whole numbers. Got {cluster_counts!r}.")
        for count in cluster_counts:
            if not isinstance(count, int):
                raise ConfigError(f"`cluster_counts` must be a list of whole numbers. Got {count!r} in it.")
            check_number("cluster_counts", count, at_least=2)
        check_number("temperature", temperature, at_least=0.001, at_most=10)
        check_number("prototype_temperature", prototype_temperature, at_least=0.001, at_most=10)
        check_number("warmup_epochs", warmup_epochs, at_least=0)
        check_number("shift", shift, at_least=-10, at_most=10)
        check_number("width", width, at_least=1e-6)
        self.cluster_counts = tuple(cluster_counts)
        self.temperature = temperature
        self.prototype_temperature = prototype_temperature
        self.warmup_epochs = warmup_epochs
        self.recalibrate = recalibrate
        self.shift = shift
        self.width = width
        # Clusters are found anew before each epoch, so that only the count of looks is a state worth keeping.
        self.register_buffer("n_looks", torch.zeros((), dtype=torch.int64))
        self._counts: tuple[int, ...] = ()
        self._voice: list[Prototypes] = []
        self._face: list[Prototypes] = []

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:  # noqa: ARG002
        """Choose the counts of prototypes.

        Raises:
            ConfigError: there are fewer training pairs than prototypes asked for.
        """
        if self.cluster_counts and max(self.cluster_counts) > facts.n_rows:
            raise ConfigError(
                f"`cluster_counts` must be at most the training pairs, {facts.n_rows}. Got {max(self.cluster_counts)}."
            )
        share = min(1.0, facts.n_rows / PUBLISHED_ROWS)
        usual = tuple(min(facts.n_rows, max(2, round(share * count))) for count in PUBLISHED_COUNTS)
        self._counts = self.cluster_counts or usual

    def before_epoch(self, voice: Tensor, face: Tensor, generator: torch.Generator) -> None:
        """Cluster the voices and the faces, (n_rows, dim) each, once the warm-up is over."""
        if int(self.n_looks) >= self.warmup_epochs:
            self._voice, self._face = (
                [prototypes(k_means(x, k, generator=generator), self.prototype_temperature) for k in self._counts]
                for x in (voice, face)
            )
        self.n_looks += 1

    def figures(self) -> dict[str, float]:
        """Return the number of prototypes of each modality in use."""
        return {"n_prototypes": float(sum(len(of.centres) for of in self._voice))}

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        rows: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss and its parts.

        Args:
            voice: (n, dim) float, rows of length one; row i belongs to row i of `face`.
            face: (n, dim) float, rows of length one.
            labels: (n,) int64; rows of one label are not each other's negatives. None: all are.
            weights: (n,) how much each row counts, besides how far it can be learned; None: all alike.
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other.
            rows: (n,) int64, which training pair each row is; needed once there are prototypes.

        Returns:
            "loss"; "instance_loss" and, once there are prototypes, "prototype_loss", both weighted means, whose sum is
            the loss; "voice_to_face_loss" and "face_to_voice_loss", whose mean is the loss.

        Raises:
            ValueError: shapes differ, or rows are missing.
        """
        check_pairs(voice, face)
        if self._voice and rows is None:
            raise ValueError("prototype_contrast needs rows, (n,) numbers of training pairs. Got none.")
        logits = voice @ face.T / self.temperature  # (n voices, n faces)
        itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        hidden = positives_of(labels, len(logits), logits.device) & ~itself
        if mask is not None:
            hidden = hidden | (~mask & ~itself)
        logits = logits.masked_fill(hidden, float("-inf"))
        pair = logits.diagonal()
        instance = torch.stack([torch.logsumexp(logits, dim=1) - pair, torch.logsumexp(logits, dim=0) - pair])  # (2, n)
        prototype = torch.zeros_like(instance)
        share = torch.ones_like(pair)
        if self._voice and rows is not None:
            prototype = torch.stack([_to_prototypes(voice, self._face, rows), _to_prototypes(face, self._voice, rows)])
            if self.recalibrate:
                share = self._learnable(voice.detach(), face.detach(), rows)
        if weights is not None:
            share = share * weights
        share = share / share.sum()
        voice_to_face, face_to_voice = ((instance + prototype) * share).sum(dim=1)
        parts = {"instance_loss": (instance * share).sum() / 2, "prototype_loss": (prototype * share).sum() / 2}
        return {
            "loss": (voice_to_face + face_to_voice) / 2,
            **parts,
            "voice_to_face_loss": voice_to_face,
            "face_to_voice_loss": face_to_voice,
        }

    def _learnable(self, voice: Tensor, face: Tensor, rows: Tensor) -> Tensor:
        """Return (n,) weights from 0 to 1 of the pairs of a batch."""
        alike = [
            (own.centres[own.of[rows]] * other.centres[other.of[rows]]).sum(dim=1)
            for own, other in zip(self._voice, self._face, strict=True)
        ]
        rho = (voice * face).sum(dim=1) - torch.stack(alike).mean(dim=0)
        spread = rho.std(correction=0)
        if not bool(spread > 1e-6):
            return torch.ones_like(rho)
        standard = (rho - rho.mean() - self.shift * spread) / (math.sqrt(self.width) * spread)
        return torch.as_tensor(torch.special.ndtr(standard))


class Prototypes:
    """The prototypes of one clustering of one modality: unit centres, temperatures, and the cluster of each row."""

    def __init__(self, centres: Tensor, temperature: Tensor, of: Tensor) -> None:
        """Store (k, dim), (k,) and (n_rows,)."""
        self.centres = centres
        self.temperature = temperature
        self.of = of


def prototypes(clusters: Clusters, mean_temperature: float) -> Prototypes:
    """Return the prototypes of a clustering: its centres at length one, and how concentrated each cluster is."""
    unit = nn.functional.normalize(clusters.centres, eps=1e-12)
    return Prototypes(unit, concentrations(clusters, mean=mean_temperature), clusters.of)


def _to_prototypes(vectors: Tensor, clusterings: Sequence[Prototypes], rows: Tensor) -> Tensor:
    """Return (n,) the cross-entropy of each vector to the prototype of its row, averaged over the clusterings."""
    each = [
        nn.functional.cross_entropy(vectors @ found.centres.T / found.temperature, found.of[rows], reduction="none")
        for found in clusterings
    ]
    return torch.stack(each).mean(dim=0)
