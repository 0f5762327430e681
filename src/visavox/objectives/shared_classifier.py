"""Shared classifier: voices and faces are told apart by one classifier of people, and by one of each covariate.

It compares no voice with a face: both are mapped to who speaks (or to gender, nationality), each for itself, and meet
because the classifier is one. This is DIMNet. It holds the classifiers, which are thrown away after training.
Lower is better: 2 log(n_people), weighted, is what blindness costs, 0 the floor.

Needs: labels; covariates where asked for. Relations: the same classifier with a loss between the modalities and with
weights of identities is `visavox.objectives.seeking_shape`; on the fused vector instead of each side, `fop`. Prefer it
where a person has many clips and a batch few people: its negatives are all people of the training data, whatever the
batch. With one clip a person it has one example a class, and a contrastive objective serves better.

Example:
    >>> from visavox.objectives.base import TrainingFacts
    >>> objective = SharedClassifier(covariates={"gender": 0.5})
    >>> facts = TrainingFacts(n_people=3, dim=2, n_rows=3, n_steps=1, n_values={"gender": 2})
    >>> objective.prepare(facts, torch.Generator().manual_seed(0))
    >>> nothing = torch.zeros(3, 2)
    >>> found = objective(nothing, nothing, torch.arange(3), covariates={"gender": torch.tensor([0, 1, -1])})
    >>> round(found["loss"].item(), 4)                                  # 2 log 3 + 0.5 * 2 log 2
    2.8904
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, TrainingFacts, check_number, check_pairs
from visavox.objectives.classifier_head import drawn_linear, mean_cross_entropy
from visavox.registry import OBJECTIVES


@OBJECTIVES.register("shared_classifier")
class SharedClassifier(Objective):
    """Cross-entropy of a linear classifier shared by the modalities, for identity and for each covariate.

    With W_c the classifier of covariate c (identity is one of them), l_c its weight, y_c the class of a row, z_v and
    z_f the vectors of voice and face:

        loss = sum over c of l_c * [ mean of CE(W_c z_v, y_c) + mean of CE(W_c z_f, y_c) ]

    Each mean is over the rows of which the covariate is known; each classifier has the classes of its own covariate.

    Args:
        identity_weight: of the classifier of people, 0 or more; 0 leaves it out (DIMNet-G, -N, -GN).
        covariates: name -> weight above 0, of "gender", "nationality", "language", "age".
        bias: whether the classifiers have one.

    Source: Wen et al., 2019, Disjoint mapping network for cross-modal matching of voices and faces, ICLR;
    the logits are W z without scale or normalisation.

    Ties and edges: a batch in which a covariate is known of no row costs nothing there.
    """

    takes: ClassVar[Literal["unit", "raw"]] = "raw"
    needs_labels: ClassVar[bool] = True
    extras: ClassVar[tuple[str, ...]] = ("covariates",)

    def __init__(
        self, identity_weight: float = 1.0, *, covariates: Mapping[str, float] | None = None, bias: bool = True
    ) -> None:
        """Store the arguments; `prepare` makes the classifiers."""
        super().__init__()
        check_number("identity_weight", identity_weight, at_least=0)
        if covariates is not None and not isinstance(covariates, Mapping):
            raise ConfigError(f"`covariates` must map names to weights, as in {{gender: 0.5}}. Got {covariates!r}.")
        self.identity_weight = identity_weight
        self.covariates = dict(covariates or {})
        self.bias = bias
        for name, weight in self.covariates.items():
            if not isinstance(name, str):
                raise ConfigError(
                    f"`covariates` must map names to weights, as in {{gender: 0.5}}. Got the name {name!r}."
                )
            check_number(f"covariates.{name}", weight, at_least=1e-9)
        if not identity_weight and not self.covariates:
            raise ConfigError("`identity_weight` is 0 and `covariates` is empty. Give one of them.")
        self.identity_head: nn.Module | None = None
        self.covariate_heads = nn.ModuleDict()

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:
        """Draw the classifiers.

        Raises:
            ConfigError: a covariate is asked for that the data lack or that has one value.
        """
        for name in self.covariates:
            n_values = facts.n_values.get(name, 0)
            if n_values < 2:
                there = ", ".join(f"{known} ({n})" for known, n in facts.n_values.items() if n > 1) or "none"
                raise ConfigError(
                    f"`covariates` asks for {name!r}, of which the training data know {n_values} values; a classifier "
                    f"needs 2. With several values: {there}. Add it to the catalog or leave it out."
                )
        if self.identity_weight:
            self.identity_head = drawn_linear(facts.dim, facts.n_people, bias=self.bias, generator=generator)
        for name in self.covariates:
            head = drawn_linear(facts.dim, facts.n_values[name], bias=self.bias, generator=generator)
            self.covariate_heads[name] = head

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,  # noqa: ARG002
        *,
        covariates: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss and, of each classifier, the sum of its two cross-entropies, not weighted.

        Args:
            voice: (n, dim) float, of any length.
            face: (n, dim) float.
            labels: (n,) int64 identities, 0 to n_people - 1.
            weights: (n,) how much each row counts; None: all alike.
            mask: not used: nothing is compared within the batch.
            covariates: (n,) int64 of each covariate that is asked for, -1 where unknown.

        Returns:
            "loss", "identity_loss" where it has a weight, and "gender_loss" and so on.

        Raises:
            ValueError: shapes differ, or labels or a covariate are missing.
        """
        check_pairs(voice, face)
        if labels is None:
            raise ValueError("shared_classifier needs labels, (n,) identities. Got none.")
        given = covariates or {}
        missing = [name for name in self.covariates if name not in given]
        if missing:
            raise ValueError(f"shared_classifier needs the covariates {', '.join(missing)}. Got {sorted(given)}.")
        loss = voice.new_zeros(())
        parts: dict[str, Tensor] = {}
        if self.identity_head is not None:
            parts["identity_loss"] = _both_sides(self.identity_head, voice, face, labels, weights)
            loss = loss + self.identity_weight * parts["identity_loss"]
        for name, weight in self.covariates.items():
            part = _both_sides(self.covariate_heads[name], voice, face, given[name], weights)
            parts[f"{name}_loss"] = part
            loss = loss + weight * part
        return {"loss": loss, **parts}


def _both_sides(head: nn.Module, voice: Tensor, face: Tensor, classes: Tensor, weights: Tensor | None) -> Tensor:
    return mean_cross_entropy(head(voice), classes, weights) + mean_cross_entropy(head(face), classes, weights)
