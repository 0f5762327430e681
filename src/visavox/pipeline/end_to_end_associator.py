"""Which associator stands on top of encoders that were trained end to end: their heads, a closed form, or both.

The heads that were trained with the encoders are an associator of their own, called `heads` in a spec, alone or as a
member of an ensemble; anything else is fitted on the vectors of the trained encoders, frozen by then. `base` tries
a few and keeps the one that matches the validation people best.

Example:
    fitted = fit_learned("base", heads, pairs, validation=held_out, settings=TrainingSettings())
    fitted.spec
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from visavox.batches.pair_batches import Pairs
from visavox.errors import ConfigError
from visavox.models.associators.base import Associator
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.network import NetworkAssociator
from visavox.pipeline.fitting import Spec, fit_associator, plan_networks
from visavox.pipeline.monitoring import pair_figures
from visavox.pipeline.training import TrainingSettings

HEADS, BASE = "heads", "base"
N_COMPONENTS = (4, 8, 16, 32)
RIDGES = (0.01, 0.1, 1.0)


@dataclass(frozen=True)
class FittedAssociator:
    """An associator and what it was asked for as."""

    associator: Associator
    spec: Spec
    """As a recipe would ask for it; for `base` the one that was chosen."""


def check_learned_spec(spec: Spec, settings: TrainingSettings) -> None:
    """Refuse a wrong spec before anything is trained.

    Raises:
        ConfigError: a name is unknown, or an argument is left over or out of range.
    """
    if spec == BASE or _is_heads(spec):
        return
    members = _members(spec)
    if members is None:
        plan_networks(spec, settings)
        return
    for member in members:
        check_learned_spec(member, settings)
    # What is wrong besides the members shows with members that are surely right.
    plan_networks({**dict(spec), "members": ["cca"] * len(members)} if isinstance(spec, Mapping) else spec, settings)


def fit_learned(
    spec: Spec,
    heads: NetworkAssociator,
    pairs: Pairs,
    *,
    validation: Pairs,
    settings: TrainingSettings,
    device: str = "cpu",
) -> FittedAssociator:
    """Return the associator that a spec asks for.

    Args:
        spec: `base`, `heads`, or what `fit_associator` takes, with `heads` allowed as a member.
        heads: as they were trained with the encoders.
        pairs: training clips as vectors of the trained encoders.
        validation: clips of other people, to choose on.
        settings: of networks that the spec asks for.
        device: of their training.

    Raises:
        ConfigError: a wrong spec.
    """
    if spec != BASE:
        return FittedAssociator(_fit(spec, heads, pairs, validation, settings, device), spec)
    allowed = validation.allowed()
    fitted = [
        FittedAssociator(_fit(candidate, heads, pairs, validation, settings, device), candidate)
        for candidate in candidates(min(heads.voice_dim, heads.face_dim))
    ]
    return max(fitted, key=lambda one: pair_figures(one.associator, validation, allowed).matching_score)


def candidates(shorter_dim: int) -> list[Spec]:
    """Return the specs that `base` chooses among, the simplest first, which wins a tie.

    Args:
        shorter_dim: length of the shorter of the encoders' vectors.
    """
    sizes = sorted({min(n, shorter_dim) for n in N_COMPONENTS})
    closed: list[Spec] = [
        {"name": "cca", "n_components": n, "ridge_voice": ridge, "ridge_face": ridge} for n in sizes for ridge in RIDGES
    ]
    return [HEADS, *closed, *({"name": "ensemble", "members": [HEADS, one]} for one in closed)]


def _fit(
    spec: Spec, heads: NetworkAssociator, pairs: Pairs, validation: Pairs, settings: TrainingSettings, device: str
) -> Associator:
    if _is_heads(spec):
        return heads
    members = _members(spec)
    if members is None:
        return fit_associator(spec, pairs, settings, validation=validation, device=device)
    fitted = [_fit(member, heads, pairs, validation, settings, device) for member in members]
    return Ensemble(fitted, weights=dict(spec).get("weights") if isinstance(spec, Mapping) else None)


def _is_heads(spec: Spec) -> bool:
    if isinstance(spec, Mapping) and spec.get("name") == HEADS and len(spec) > 1:
        raise ConfigError(f"The associator {HEADS!r} takes no options. Got {dict(spec)}. Set them in `end_to_end`.")
    return spec == HEADS or (isinstance(spec, Mapping) and spec.get("name") == HEADS)


def _members(spec: Spec) -> Sequence[Any] | None:
    """Return the members of an ensemble; None where it is something else, or wrong in a way that fitting tells."""
    if not isinstance(spec, Mapping) or spec.get("name") != "ensemble":
        return None
    members = spec.get("members")
    return members if isinstance(members, list | tuple) and members else None
