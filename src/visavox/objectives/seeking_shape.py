"""Seeking the Shape of Sound: a shared classifier, a loss across the modalities, and weights of identities.

It holds the classifier and the weights, and no tower. Lower is better: 2 log(n_people) + log(5.4 + n - 1) is what
blindness costs in a batch of n people.

Needs: labels; vectors of any length, as the lengths are a part of the logits; batches without a person twice
(`one_per_person`), or the clips of one person are merely left out as negatives. Relations: without the cross loss and
the weights it is `shared_classifier` without bias; the cross loss is the N-pair loss with one side scaled to length one
and a constant. Prefer it to reproduce the paper, or where some people's face says nothing of their voice: the
re-weighting leaves those out.

Training in three steps: (1) with `reweight` until enough identities are in use; (2) its state file holds the weights;
(3) a fresh network with `identity_weights` naming that file, where they stay as they are.

Example:
    >>> from visavox.objectives.base import TrainingFacts
    >>> objective = SeekingShape()
    >>> objective.prepare(TrainingFacts(n_people=3, dim=2, n_rows=3, n_steps=1), torch.Generator().manual_seed(0))
    >>> nothing = torch.zeros(3, 2)
    >>> found = objective(nothing, nothing, torch.arange(3))
    >>> round(found["face_loss"].item(), 4), round(found["cross_loss"].item(), 4)        # log 3, log(5.4 + 2)
    (1.0986, 2.0015)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.objectives.base import (
    Objective,
    TrainingFacts,
    check_number,
    check_pairs,
    positives_of,
    weighted_mean,
)
from visavox.objectives.classifier_head import drawn_linear
from visavox.objectives.identity_weights import IdentityWeights
from visavox.registry import OBJECTIVES

Reweight = Literal["none", "paper", "official_code"]
FIRST_SHARE: Mapping[str, float] = {"none": 1.0, "paper": 0.3, "official_code": 0.5}
CROSS_CONSTANT = 5.4  # 1 + 3.4 of the public code, and exp(0) of the pair itself
WEIGHT_NAMES = ("weight", "center.weight", "objective.center.weight")  # ours, the published, a state file of ours
ORDER = "identity_order"


@OBJECTIVES.register("seeking_shape")
class SeekingShape(Objective):
    """Identity cross-entropy of both sides and a loss between them, each weighted by identity.

    With W the classifier (no bias, no normalisation), z_f and z_v the vectors, x^ = x / |x|, u_k the weight of identity
    k scaled to a mean of one:

        CE_f = CE(W z_f, y),  CE_v = CE(W z_v, y)
        cross(x, v)_i = log(5.4 + sum over j of another person of exp(v_i . x^_j - v_i . x^_i))
        X_i  = (cross(z_f, z_v)_i + cross(z_v, z_f)_i) / 2
        loss = l_1 mean(u CE_f) + l_2 mean(u CE_v) + l_3 mean(u X)

    Args:
        loss_weight: l_1, l_2, l_3, each 0 or more, not all 0.
        reweight: "none"; "paper": as above, 30 % of the identities first; "official_code": the public code reduces the
            cross-entropies to their mean before it multiplies, mean(CE) mean(u), so that the weights act on the cross
            loss alone, 50 % first.
        first_update: optimiser steps before the weights are first set, 1 or more; the public code has 500 of 2,400.
        update_every: steps from one update to the next, 1 or more.
        identity_weights: safetensors file of finished weights ("weight", "center.weight", or the state file of a
            first run), which then stay; empty learns them. Needs a `reweight`. Each identity takes its own weight, by
            name.
        identity_order: vox1_train.csv, or a table like it, that names the people of `identity_weights` in their order;
            only for a file that does not say whose weights it holds, as a converted one does not.

    Source: Wen et al., 2021, Seeking the shape of sound: an adaptive framework for learning voice-face association,
    CVPR, eq. 7 (hardness) and 10 (cross loss); the constant 5.4, the scaling of one side and the schedule: public code
    (models/backbones.py, models/center_model.py, utils/loss.py).

    Ties and edges: pairs that `mask` or a shared label excludes are no term of the sum. A batch whose identities all
    weigh nothing counts every row once. A zero vector has no direction: x^ is zero.
    """

    takes: ClassVar[Literal["unit", "raw"]] = "raw"
    needs_labels: ClassVar[bool] = True

    def __init__(
        self,
        loss_weight: Sequence[float] = (1.0, 1.0, 1.0),
        *,
        reweight: Reweight = "none",
        first_update: int = 500,
        update_every: int = 100,
        identity_weights: str = "",
        identity_order: str = "",
    ) -> None:
        """Store the arguments; `prepare` makes classifier and weights."""
        super().__init__()
        if not isinstance(loss_weight, list | tuple) or len(loss_weight) != 3:
            raise ConfigError(f"`loss_weight` must be three numbers: face, voice, cross. Got {loss_weight!r}.")
        for value in loss_weight:
            check_number("loss_weight", value, at_least=0)
        if not any(loss_weight):
            raise ConfigError("`loss_weight` must not be all 0. Got 0, 0, 0.")
        if reweight not in get_args(Reweight):
            raise ConfigError(f"`reweight` must be one of {', '.join(get_args(Reweight))}. Got {reweight!r}.")
        check_number("first_update", first_update, at_least=1)
        check_number("update_every", update_every, at_least=1)
        if identity_weights and reweight == "none":
            raise ConfigError("`identity_weights` needs `reweight` paper or official_code. Got none.")
        if identity_order and not identity_weights:
            raise ConfigError(
                "`identity_order` is of `identity_weights`, and none are named. Name them, or leave it out."
            )
        self.loss_weight = tuple(loss_weight)
        self.reweight: Reweight = reweight
        self.first_update = first_update
        self.update_every = update_every
        self.identity_weights = identity_weights
        self.identity_order = identity_order
        self._order: Tensor | None = None
        self.classifier: nn.Module
        self.center: IdentityWeights

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:
        """Draw the classifier and start with equal weights."""
        self.classifier = drawn_linear(facts.dim, facts.n_people, bias=False, generator=generator)
        self.center = IdentityWeights(facts.n_people, first_share=FIRST_SHARE[self.reweight], people=facts.people)

    def wanted_files(self) -> dict[str, str]:
        """Return the file of finished weights, if one is named, behind the table of whose they are."""
        named = {ORDER: self.identity_order, "identity_weights": self.identity_weights}
        return {option: path for option, path in named.items() if path}

    def take_tensors(self, option: str, tensors: Mapping[str, Tensor]) -> None:
        """Take finished weights, (n_people,) by shape, from a file, or "people" of the table of whose they are.

        Raises:
            ConfigError: the option is another.
            DataError: none of the known names is in the file, or the array does not fit; nothing says whose weights
                they are, or they are of other people.
        """
        if option not in self.wanted_files():
            super().take_tensors(option, tensors)
        if option == ORDER:
            self._order = tensors["people"]
            return
        found = [name for name in WEIGHT_NAMES if name in tensors]
        if not found:
            raise DataError(
                f"{self.identity_weights} holds no identity weights under {', '.join(WEIGHT_NAMES)}. It holds: "
                f"{', '.join(sorted(tensors)[:8]) or 'nothing'}. Give the state file of a first run."
            )
        people = tensors.get(found[0].removesuffix("weight") + "people")
        if people is None or not bool(people.any()):
            people = self._order
        if people is None:
            raise DataError(
                f"{self.identity_weights} does not say whose weights it holds. Name the table that has their people in "
                f"their order, vox1_train.csv for converted ones, as `{ORDER}`."
            )
        self.load_identity_weights(tensors[found[0]], people)

    def load_identity_weights(self, weight: Tensor, people: Tensor | None = None) -> None:
        """Take finished weights, which then stay; after `prepare`.

        Args:
            weight: (n_people,) float.
            people: whose each is; see `IdentityWeights.load`. None: in the order of the labels.

        Raises:
            ConfigError: `reweight` is "none", which uses no weights.
            DataError: they do not fit; see `IdentityWeights.load`.
        """
        if self.reweight == "none":
            raise ConfigError("Identity weights need `reweight` paper or official_code. Got none.")
        self.center.load(weight, people)

    def before_step(self, step: int) -> None:
        """Update the weights where it is time.

        Raises:
            ConfigError: `identity_weights` names a file that nobody has read.
        """
        if self.reweight == "none":
            return
        if self.identity_weights and not self.center.is_given:
            raise ConfigError(
                f"`identity_weights` names {self.identity_weights!r}, which was not read before training."
            )
        if step >= self.first_update and (step - self.first_update) % self.update_every == 0:
            self.center.update()

    def figures(self) -> dict[str, float]:
        """Return the share of identities in use, where they are weighted."""
        return {} if self.reweight == "none" else {"active_share": self.center.active_share}

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss and its three parts, before `loss_weight`; in training, note how hard each identity is.

        Args:
            voice: (n, dim) float, of any length; row i belongs to row i of `face`.
            face: (n, dim) float.
            labels: (n,) int64 identities, 0 to n_people - 1.
            weights: (n,) how much each row counts, besides its identity; None: all alike.
            mask: (n, n) bool; where it is False, voice i and face j are not negatives of each other.

        Returns:
            "loss", "face_loss", "voice_loss" and "cross_loss".

        Raises:
            ValueError: shapes differ, or labels are missing.
        """
        check_pairs(voice, face)
        if labels is None:
            raise ValueError("seeking_shape needs labels, (n,) identities. Got none.")
        cross_entropy = nn.functional.cross_entropy
        of_face = cross_entropy(self.classifier(face), labels, reduction="none")  # (n,)
        of_voice = cross_entropy(self.classifier(voice), labels, reduction="none")
        negative = ~positives_of(labels, len(voice), voice.device)
        if mask is not None:
            negative = negative & mask
        cross = (cross_loss(face, voice, negative) + cross_loss(voice, face, negative.T)) / 2
        if self.reweight == "none":
            parts = [weighted_mean(each, weights) for each in (of_face, of_voice, cross)]
        else:
            if self.training and not self.center.is_given:
                self.center.observe(labels, (of_face + of_voice).detach())
            share = self.center.of(labels).to(voice.dtype)
            if self.reweight == "paper":
                parts = [weighted_mean(share * each, weights) for each in (of_face, of_voice, cross)]
            else:  # the weights reach the classifier as one number, their mean
                mean_share = weighted_mean(share, weights)
                parts = [weighted_mean(each, weights) * mean_share for each in (of_face, of_voice)]
                parts.append(weighted_mean(share * cross, weights))
        loss = sum((factor * part for factor, part in zip(self.loss_weight, parts, strict=True)), voice.new_zeros(()))
        return {"loss": loss, "face_loss": parts[0], "voice_loss": parts[1], "cross_loss": parts[2]}


def cross_loss(x: Tensor, v: Tensor, negative: Tensor) -> Tensor:
    """Return (n,) log(5.4 + sum over negatives j of exp(v_i . x^_j - v_i . x^_i)), x^ the rows of x at length one.

    Args:
        x: (n, dim) float, scaled to length one here.
        v: (n, dim) float, left as long as it is.
        negative: (n, n) bool, where row j of x is a negative of row i of v.
    """
    scores = v @ nn.functional.normalize(x, eps=1e-12).T  # (n of v, n of x)
    excess = (scores - scores.diagonal()[:, None]).masked_fill(~negative, float("-inf"))
    constant = scores.new_full((len(scores), 1), math.log(CROSS_CONSTANT))
    return torch.logsumexp(torch.cat([constant, excess], dim=1), dim=1)
