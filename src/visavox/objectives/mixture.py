"""Mixture: several objectives at once, each with its weight, from one recipe.

It adds up what its parts say and has no loss of its own. Lower is better; blindness costs the weighted sum of what it
costs each part.

Needs: what its parts need, all of it. Relations: `centre` is hardly of use but in a mixture; `seeking_shape` is one by
itself. Prefer a single objective until it has shown what it lacks: the weights of a mixture are further choices.

Example:
    >>> objective = Mixture([{"name": "info_nce"}, {"name": "centre", "weight": 0.01}])
    >>> objective.takes, objective.needs_labels, objective.labels_of_parts
    ('raw', True, ('info_nce', 'centre'))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import Objective, TrainingFacts, check_number, check_pairs
from visavox.registry import OBJECTIVES


@OBJECTIVES.register("mixture")
class Mixture(Objective):
    """The weighted sum of objectives.

        loss = sum over parts p of weight_p * loss_p

    Vectors come in as the towers give them; parts that take unit vectors get them scaled to length one.

    Args:
        parts: specs of objectives, {name: ..., weight: ..., option: ...}; `weight` is above 0, 1 where it is missing.

    Source: none; weights as in the papers of the parts.

    Ties and edges: two parts of one name are told apart by their place, `centre_2` for the second part of the list.
    """

    takes: ClassVar[Literal["unit", "raw"]] = "raw"

    def __init__(self, parts: Sequence[Mapping[str, Any]]) -> None:
        """Build the parts."""
        super().__init__()
        if not isinstance(parts, list | tuple) or not parts:
            raise ConfigError(f"`parts` must be a list of objectives, one or more. Got {parts!r}.")
        self.parts = [dict(part) if isinstance(part, Mapping) else {"name": part} for part in parts]
        self.weights: list[float] = []
        members: list[Objective] = []
        for part in self.parts:
            weight = part.get("weight", 1.0)
            check_number(f"weight of {part.get('name')}", weight, at_least=1e-12)
            self.weights.append(float(weight))
            members.append(OBJECTIVES.build({key: value for key, value in part.items() if key != "weight"}))
        self.members = nn.ModuleList(members)
        names = [str(part["name"]) for part in self.parts]
        self.labels_of_parts = tuple(
            name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names, start=1)
        )
        merged: dict[str, Any] = {
            "needs_labels": any(member.needs_labels for member in members),
            "extras": tuple(sorted({extra for member in members for extra in member.extras})),
            "wants_all_vectors": any(member.wants_all_vectors for member in members),
        }
        for name, value in merged.items():  # class variables elsewhere; of a mixture each instance has its own
            setattr(self, name, value)

    def _members(self) -> Iterator[tuple[str, Objective]]:
        for label, member in zip(self.labels_of_parts, self.members, strict=True):
            assert isinstance(member, Objective)
            yield label, member

    def prepare(self, facts: TrainingFacts, generator: torch.Generator) -> None:
        """Prepare every part, in their order."""
        for _, member in self._members():
            member.prepare(facts, generator)

    def wanted_files(self) -> dict[str, str]:
        """Return the files that the parts want, as "seeking_shape.identity_weights"."""
        return {
            f"{label}.{option}": path
            for label, member in self._members()
            for option, path in member.wanted_files().items()
        }

    def take_tensors(self, option: str, tensors: Mapping[str, Tensor]) -> None:
        """Hand the arrays of a file, of any shape, to the part that wants it.

        Raises:
            ConfigError: no part wants it.
            DataError: they do not fit.
        """
        for label, member in self._members():
            if option.startswith(f"{label}."):
                member.take_tensors(option.removeprefix(f"{label}."), tensors)
                return
        super().take_tensors(option, tensors)

    def before_step(self, step: int) -> None:
        """Move the state of every part to an optimiser step."""
        for _, member in self._members():
            member.before_step(step)

    def before_epoch(self, voice: Tensor, face: Tensor, generator: torch.Generator) -> None:
        """Let the parts that want it look at all training pairs, (n_rows, dim) each."""
        for _, member in self._members():
            if member.wants_all_vectors:
                member.before_epoch(*_as_taken(member, voice, face), generator)

    def figures(self) -> dict[str, float]:
        """Return the figures of all parts, as "info_nce.temperature"."""
        return {
            f"{label}.{name}": value for label, member in self._members() for name, value in member.figures().items()
        }

    def forward(
        self,
        voice: Tensor,
        face: Tensor,
        labels: Tensor | None = None,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
        **extras: Any,
    ) -> dict[str, Tensor]:
        """Return the weighted sum, and what each part returns, as "info_nce.loss", before its weight.

        Args:
            voice: (n, dim) float, of any length; row i belongs to row i of `face`.
            face: (n, dim) float.
            labels: (n,) int64 identities; None where no part needs them.
            weights: (n,) how much each row counts; None: all alike.
            mask: (n, n) bool, where two rows may be negatives; None: all may.
            extras: what `extras` names; each part gets its own.

        Raises:
            ValueError: shapes differ, or a part misses what it needs.
        """
        check_pairs(voice, face)
        loss = voice.new_zeros(())
        found: dict[str, Tensor] = {}
        for (label, member), weight in zip(self._members(), self.weights, strict=True):
            own = {name: extras[name] for name in member.extras if name in extras}
            said = member(*_as_taken(member, voice, face), labels, weights, mask, **own)
            loss = loss + weight * said["loss"]
            found |= {f"{label}.{name}": value for name, value in said.items()}
        return {"loss": loss, **found}


def _as_taken(member: Objective, voice: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
    if member.takes == "raw":
        return voice, face
    return nn.functional.normalize(voice, eps=1e-12), nn.functional.normalize(face, eps=1e-12)
