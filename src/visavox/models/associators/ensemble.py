"""Several associators that vote: the similarity is the weighted mean of the members' similarities.

The vote needs no matrix of each member: the vectors of the members, each times the root of its weight, are laid
end to end, and the dot product of the long vectors is the weighted mean of the members' cosines. So an ensemble is
an associator like any other: indexed, saved and exported in the same way.

Example:
    >>> from visavox.models.associators.two_tower import TwoTower
    >>> ensemble = Ensemble([TwoTower(4, 3, seed=s, output_dim=2) for s in range(3)], weights=(2, 1, 1))
    >>> ensemble.dim, ensemble.weights
    (6, (0.5, 0.25, 0.25))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from visavox.errors import ConfigError
from visavox.models.associators.base import Associator, check_number
from visavox.persistence import Shape, Tensors
from visavox.registry import ASSOCIATORS


@ASSOCIATORS.register("ensemble")
class Ensemble(Associator):
    """The weighted mean of the similarities of its members.

    Args:
        members: associators, or the specs to build them from (as a saved folder gives them), one or more, all for
            vectors of the same lengths.
        weights: above 0, one a member; stored divided by their sum. None weighs all alike.

    Raises:
        ConfigError: there is no member, the lengths differ, or the weights do not fit.
    """

    name: ClassVar[str] = "ensemble"

    def __init__(
        self,
        members: Sequence[Associator | Mapping[str, Any]],
        *,
        weights: Sequence[float] | None = None,
    ) -> None:
        """Build the members that are given as specs and store the rest."""
        if not members:
            raise ConfigError("An ensemble needs at least 1 member. Got 0. Give one or more.")
        self.members: tuple[Associator, ...] = tuple(
            ASSOCIATORS.build(member) if isinstance(member, Mapping) else member for member in members
        )
        given = [1.0] * len(self.members) if weights is None else list(weights)
        for weight in given:
            check_number("weights", weight, at_least=1e-9)
        if len(given) != len(self.members):
            raise ConfigError(f"`weights` must have one number a member, {len(self.members)}. Got {len(given)}.")
        total = sum(given)
        # Weights that add up to one already are kept as they are: a saved ensemble must come back bit for bit.
        self.weights = tuple(given if abs(total - 1) < 1e-12 else (weight / total for weight in given))
        dims = {(member.voice_dim, member.face_dim) for member in self.members}
        if len(dims) > 1:
            raise ConfigError(f"All members must take vectors of the same lengths. Got {sorted(dims)} (voice, face).")
        self.voice_dim, self.face_dim = dims.pop()

    @property
    def dim(self) -> int:
        """Length of the vectors that come out: the members' lengths added up."""
        return sum(member.dim for member in self.members)

    def encode_voice(self, voice: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (n, voice_dim) floats."""
        return self._joined([member.encode_voice(voice) for member in self.members])

    def encode_face(self, face: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (n, face_dim) floats."""
        return self._joined([member.encode_face(face) for member in self.members])

    def _joined(self, parts: list[np.ndarray]) -> np.ndarray:
        roots = np.sqrt(np.array(self.weights))
        scaled = [part * root for part, root in zip(parts, roots, strict=True)]
        return np.concatenate(scaled, axis=1, dtype=np.float32)

    def arguments(self) -> dict[str, Any]:
        """Return the specs of the members and the weights."""
        return {"members": [member.spec for member in self.members], "weights": list(self.weights)}

    def tensors(self) -> Tensors:
        """Return the members' arrays, as "members.0.voice.projection" and so on; each has its member's shape."""
        return {
            f"members.{i}.{name}": array
            for i, member in enumerate(self.members)
            for name, array in member.tensors().items()
        }

    def shapes(self) -> dict[str, Shape]:
        """Return the shape that each learned array must have."""
        return {
            f"members.{i}.{name}": shape
            for i, member in enumerate(self.members)
            for name, shape in member.shapes().items()
        }

    def _take_tensors(self, tensors: Tensors) -> None:
        for i, member in enumerate(self.members):
            member.load_tensors({name: tensors[f"members.{i}.{name}"] for name in member.shapes()})
