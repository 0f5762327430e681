"""From a spec in a recipe and arrays of encoder vectors to a trained associator.

A spec is a mapping with `name`: "cca" with its arguments; "two_tower" with its arguments, with any training setting
that differs from the rest, and with `n_members` (seeds whose mean is taken); "ensemble" with `members` (specs) and
`weights`. The lengths of the vectors are never in it: the data give them.

Example:
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> face = rng.normal(size=(30, 3))
    >>> people = [f"p{i}" for i in range(30)]
    >>> spec = {"name": "ensemble", "members": [{"name": "cca", "n_components": 2},
    ...                                         {"name": "two_tower", "n_members": 2, "n_epochs": 1}]}
    >>> fit_associator(spec, Pairs.of(face @ rng.normal(size=(3, 4)), face, identities=people)).dim
    130
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from visavox.batches.pair_batches import Pairs
from visavox.errors import ConfigError
from visavox.models.associators.base import Associator, check_count, check_number
from visavox.models.associators.cca import CCA
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.network import NetworkAssociator
from visavox.pipeline.training import Progress, TrainingSettings, train_network
from visavox.pipeline.training_log import RunPlace
from visavox.registry import ASSOCIATORS

Spec = str | Mapping[str, Any]
LONGEST_CHECKED = 4096  # numbers a vector, longer than any encoder's: how many there are is known only with the data
GIVEN_BY_DATA = frozenset({"voice_dim", "face_dim"})


@dataclass(frozen=True)
class NetworkPlan:
    """One network that a spec asks for."""

    label: str
    """Its place in the spec: "0", or "1.0" inside an ensemble; names its folder."""
    factory: type[NetworkAssociator]
    """Its class."""
    arguments: Mapping[str, Any]
    """Constructor arguments besides the lengths of the vectors."""
    settings: TrainingSettings
    """How it is trained, with its own seed."""


def fit_associator(
    spec: Spec,
    pairs: Pairs,
    settings: TrainingSettings | None = None,
    *,
    validation: Pairs | None = None,
    place: RunPlace | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Associator:
    """Return the trained associator that a spec asks for.

    Args:
        spec: a name, or a mapping as the module's docstring says.
        pairs: training pairs, 2 or more.
        settings: of the training where the spec says nothing else; None: the defaults.
        validation: pairs of other identities, for early stopping and the log.
        place: the run: numbers, state and checkpoints of each network go there, and what is found there is
            resumed. None writes nothing.
        device: of the training: "cpu", "cuda" or "mps".
        progress: called as progress(epochs done, epochs in all) over all networks.

    Raises:
        ConfigError: a name is unknown, an argument is left over or out of range; said before anything is trained.
        DataError: the pairs cannot be trained on; a state found is damaged or of another run.
    """
    settings = settings or TrainingSettings()
    plans = plan_networks(spec, settings)
    n_epochs = sum(plan.settings.n_epochs for plan in plans)
    done = 0
    networks: dict[str, NetworkAssociator] = {}
    for plan in plans:
        before = done

        def report(epoch: int, _: int, before: int = before) -> None:
            if progress:
                progress(before + epoch, n_epochs)

        networks[plan.label] = train_network(
            plan.factory(pairs.voice.shape[1], pairs.face.shape[1], **plan.arguments),
            pairs,
            plan.settings,
            validation=validation,
            place=replace(place, member=plan.label) if place else None,
            device=device,
            progress=report,
        )
        done += plan.settings.n_epochs
    return _assemble(spec, pairs, settings, networks, "")


def plan_networks(spec: Spec, settings: TrainingSettings | None = None) -> list[NetworkPlan]:
    """Return the networks that a spec asks for, in order; none for a closed form.

    Args:
        spec: a name, or a mapping as the module's docstring says.
        settings: of the training where the spec says nothing else; None: the defaults.

    Raises:
        ConfigError: a name is unknown, an argument is left over or out of range.
    """
    return _plan(spec, settings or TrainingSettings(), "")


def _plan(spec: Spec, settings: TrainingSettings, prefix: str) -> list[NetworkPlan]:
    name, arguments = _parts(spec)
    if name == "ensemble":
        _refuse_left_over(name, arguments, {"members", "weights"})
        members = arguments.get("members")
        if not isinstance(members, list | tuple) or not members:
            raise ConfigError(f"An ensemble needs `members`, a list of specs. Got {members!r}.")
        weights = arguments.get("weights")
        if weights is not None and (not isinstance(weights, list | tuple) or len(weights) != len(members)):
            raise ConfigError(f"`weights` must have one number a member, {len(members)}. Got {weights!r}.")
        for weight in weights or ():
            check_number("weights", weight, at_least=1e-9)
        return [plan for i, member in enumerate(members) for plan in _plan(member, settings, f"{prefix}{i}.")]
    if name == "cca":
        _refuse_left_over(name, arguments, _constructor_arguments(CCA))
        CCA(LONGEST_CHECKED, LONGEST_CHECKED, **arguments)  # holds every argument to its range, as below
        return []
    factory = ASSOCIATORS.get(name)
    if not (isinstance(factory, type) and issubclass(factory, NetworkAssociator)):
        raise ConfigError(f"Nobody knows how to fit the associator {name!r}. Choose cca, a network or ensemble.")
    of_settings = {field.name for field in fields(TrainingSettings)}
    of_network = _constructor_arguments(factory) - {"seed"}
    _refuse_left_over(name, arguments, of_settings | of_network | {"n_members"})
    n_members = arguments.get("n_members", 1)
    check_count("n_members", n_members)
    own = replace(settings, **{key: value for key, value in arguments.items() if key in of_settings})
    network = {key: value for key, value in arguments.items() if key in of_network}
    factory(*factory.smallest_dims, **network)  # holds every argument to its range before anything is trained
    plans = []
    for i in range(n_members):
        seed = own.seed + i
        plans.append(NetworkPlan(f"{prefix}{i}", factory, {**network, "seed": seed}, replace(own, seed=seed)))
    return plans


def _assemble(
    spec: Spec, pairs: Pairs, settings: TrainingSettings, networks: Mapping[str, NetworkAssociator], prefix: str
) -> Associator:
    """Fit the closed forms and join them with the networks that are trained already."""
    name, arguments = _parts(spec)
    if name == "ensemble":
        members = enumerate(arguments["members"])
        fitted = [_assemble(member, pairs, settings, networks, f"{prefix}{i}.") for i, member in members]
        return Ensemble(fitted, weights=arguments.get("weights"))
    if name == "cca":
        cca = CCA(pairs.voice.shape[1], pairs.face.shape[1], **arguments)
        weights = pairs.balancing_weights() if settings.balanced else None
        return cca.fit(pairs.voice, pairs.face, weights=weights)
    own = [networks[f"{prefix}{i}"] for i in range(arguments.get("n_members", 1))]
    return own[0] if len(own) == 1 else Ensemble(own)


def _parts(spec: Spec) -> tuple[str, dict[str, Any]]:
    if not isinstance(spec, str | Mapping):
        raise ConfigError(f"An associator must be a name or a mapping with `name`. Got {spec!r}.")
    arguments = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = arguments.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f"An associator needs a `name`. Got {spec!r}. Known: {', '.join(ASSOCIATORS.names())}.")
    if name == "heads":
        raise ConfigError("The associator 'heads' is trained with the encoders. Give --corpus instead of --embeddings.")
    ASSOCIATORS.get(name)
    return name, arguments


def _constructor_arguments(factory: type[Associator]) -> set[str]:
    return set(inspect.signature(factory).parameters) - GIVEN_BY_DATA


def _refuse_left_over(name: str, arguments: Mapping[str, Any], accepted: set[str]) -> None:
    unknown = sorted(set(arguments) - accepted)
    if unknown:
        raise ConfigError(
            f"The associator {name!r} takes no {', '.join(map(repr, unknown))}. "
            f"It takes: {', '.join(sorted(accepted))}."
        )
