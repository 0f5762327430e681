"""Whether the networks of an identification experiment can be built, before anything is read or trained.

Example:
    modalities, sizes_px = check_networks(design.networks(), seed=0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch

from visavox.errors import ConfigError
from visavox.models.identifiers.base import Identifier
from visavox.pipeline.cached_gradients import seeded
from visavox.pipeline.identification_design import MODALITIES, EnsembleEntry, Entry, NetworkEntry
from visavox.registry import IDENTIFIERS

OF_TRAINING = "training."  # begins the name of an option of the training, in a search
ANY_PEOPLE = 2  # what a network is built for where nobody is counted yet


def check_networks(
    networks: Sequence[NetworkEntry],
    *,
    seed: int,
    n_people: int = ANY_PEOPLE,
    budgets: bool = False,
    ensembles: Sequence[EnsembleEntry] = (),
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Build every network once and hold it to its design.

    Args:
        networks: each after those whose weights it takes.
        seed: of the weights, which play no part.
        n_people: who will be known.
        budgets: hold parameters to `max_parameters`. A network whose options are searched for is held to it by its
            trials.
        ensembles: whose budgets count too, where all their members are among the networks and none is searched for.

    Returns:
        The modalities that the networks need between them, and the sides of the faces in pixels.

    Raises:
        ConfigError: a network is unknown or its options are wrong, it is over its budget, it takes a branch that it has
            no place for, a branch is of another modality, or random weights would be frozen. The message names the
            entry.
        DataError: weights that a network begins with cannot be had.
    """
    needed: set[str] = set()
    sizes: set[int] = set()
    specs: dict[str, Mapping[str, Any]] = {}
    modalities: dict[str, tuple[str, ...]] = {}
    counted: dict[str, int] = {}
    for entry in networks:
        _check_branches(entry, modalities)
        spec = with_branches(entry, {m: specs[name] for m, name in entry.branches.items()})
        network = build_identifier(entry, spec, n_people=n_people, seed=seed, fill=budgets)
        if not _is_open(entry) and all(name in counted for name in entry.branches.values()):
            counted[entry.name] = network.n_parameters
            if budgets:
                check_budget(entry, network.n_parameters)
        specs[entry.name], modalities[entry.name] = spec, network.modalities
        needed |= set(network.modalities)
        if network.face_px is not None:
            sizes.add(network.face_px)
    for ensemble in ensembles if budgets else ():
        if set(ensemble.of) <= set(counted):
            check_budget(ensemble, sum(counted[name] for name in ensemble.of))
    return tuple(m for m in MODALITIES if m in needed), tuple(sorted(sizes))


def check_budget(entry: Entry, n_parameters: int) -> None:
    """Hold an entry to its `max_parameters`, where it has one.

    Raises:
        ConfigError: it has more.
    """
    if entry.max_parameters and n_parameters > entry.max_parameters:
        what = "The members of the ensemble" if isinstance(entry, EnsembleEntry) else "The network"
        has = "They have" if isinstance(entry, EnsembleEntry) else "It has"
        raise ConfigError(
            f"{what} {entry.name!r} must have at most {entry.max_parameters:,} parameters. {has} {n_parameters:,}. "
            "Make it smaller, or raise `max_parameters`."
        )


def with_branches(entry: NetworkEntry, branches: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the specification of an entry, with those of its branches under "voice" and "face"."""
    return {**entry.spec, **{modality: dict(spec) for modality, spec in branches.items()}}


def build_identifier(
    entry: NetworkEntry, spec: Mapping[str, Any], *, n_people: int, seed: int, fill: bool
) -> Identifier:
    """Return a network with its first weights, on the CPU; they are a function of the seed.

    Args:
        entry: for messages.
        spec: of the identifier, without `n_people`.
        n_people: who will be known.
        seed: of the weights.
        fill: read the weights of an earlier training where the specification names any.

    Raises:
        ConfigError: the specification is wrong, or would freeze random weights; the message names the entry.
        DataError: weights cannot be had.
    """
    _check_frozen(entry, spec)
    try:
        with seeded(torch.device("cpu"), seed):
            network: Identifier = IDENTIFIERS.build({**spec, "n_people": n_people})
            fill_pretrained = getattr(network, "fill_pretrained", None)
            if fill and fill_pretrained is not None:
                fill_pretrained()
    except ConfigError as error:
        raise ConfigError(f"The network {entry.name!r}: {error}") from error
    return network


def take_branches(network: Identifier, trained: Mapping[str, Identifier]) -> None:
    """Put the weights of trained networks into the parts of a fusion.

    Args:
        network: a fusion.
        trained: modality -> network of that modality.
    """
    states = {
        modality: (trained[modality] if modality in trained else getattr(network, f"{modality}_branch")).state_dict()
        for modality in MODALITIES
    }
    cast(Any, network).load_branches(states["voice"], states["face"])


def _is_open(entry: NetworkEntry) -> bool:
    """Whether a search decides options of the network itself."""
    return entry.search is not None and any(not option.startswith(OF_TRAINING) for option in entry.search.space)


def _check_frozen(entry: NetworkEntry, spec: Mapping[str, Any]) -> None:
    """Refuse to freeze a part of a fusion whose weights are drawn at random."""
    if not spec.get("frozen"):
        return
    for modality in MODALITIES:
        part = spec.get(modality)
        if modality not in entry.branches and isinstance(part, Mapping) and not part.get("weights"):
            raise ConfigError(
                f"The network {entry.name!r} would freeze random weights: `frozen` needs a trained network of the "
                f"{modality}. Name it by `from: {{{modality}: ...}}`, or leave `frozen` out."
            )


def _check_branches(entry: NetworkEntry, modalities: Mapping[str, tuple[str, ...]]) -> None:
    """Hold branches to their modality, and to a place in the network."""
    for modality, name in entry.branches.items():
        if modalities[name] != (modality,):
            raise ConfigError(
                f"`from.{modality}` of {entry.name!r} must be a network of the {modality} alone. {name!r} takes "
                f"{' and '.join(modalities[name])}."
            )
        if not hasattr(IDENTIFIERS.get(str(entry.spec["name"])), "load_branches"):
            raise ConfigError(
                f"`from` of {entry.name!r}: the identifier {entry.spec['name']!r} takes no trained networks. Leave "
                "`from` out, or take output_fusion."
            )
