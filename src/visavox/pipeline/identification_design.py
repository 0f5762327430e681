"""The networks and ensembles of an identification experiment, as a recipe writes them, checked before anything is done.

It reads and judges; it builds no network. An entry is a network to train (`network`, `training`, and where wanted
`from`, `search`, `max_parameters`, `published`, `unlike`) or an ensemble of others (`ensemble`, `of`).

Example:
    >>> design = read_design({"a": {"network": {"name": "vit", "modality": "voice"}},
    ...                       "b": {"network": {"name": "vit", "modality": "face"}},
    ...                       "both": {"ensemble": "sum", "of": ["a", "b"]}})
    >>> [entry.name for entry in design], design.networks("a")[0].spec
    (['a', 'b', 'both'], {'name': 'vit', 'modality': 'voice'})
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from visavox.errors import ConfigError
from visavox.evaluation.identification_record import Published
from visavox.pipeline.identification_settings import IdentifierTraining, SearchSettings

NETWORK_KEYS = ("network", "training", "from", "search", "max_parameters", "published", "unlike")
ENSEMBLE_KEYS = ("ensemble", "of", "max_parameters", "published", "unlike")
RULES = ("sum", "max")
MODALITIES = ("voice", "face")
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")  # a folder is named after it
NOTHING_PUBLISHED = Published()
EXAMPLE = "{vit-voice: {network: {name: vit, modality: voice}, training: {n_epochs: 40}}}"


@dataclass(frozen=True, kw_only=True)
class _Entry:
    name: str
    published: Published = NOTHING_PUBLISHED
    """Figures of the original experiment."""
    max_parameters: int | None = None
    """Most parameters; None where the design says nothing."""
    unlike: str = ""
    """What is not as in the original experiment, in a few words; "" where all is, or nothing is published."""


@dataclass(frozen=True, kw_only=True)
class NetworkEntry(_Entry):
    """A network to train."""

    spec: Mapping[str, Any]
    """Of the identifier: `name` and its options, without `n_people`."""
    training: IdentifierTraining
    branches: Mapping[str, str]
    """`from`: modality -> name of the network whose specification and weights that part takes."""
    search: SearchSettings | None = None
    """How options of `spec` are looked for; None takes them as they are."""


@dataclass(frozen=True, kw_only=True)
class EnsembleEntry(_Entry):
    """Probabilities of other entries put together."""

    how: Literal["sum", "max"]
    of: tuple[str, ...]
    """Names of networks, two or more."""


Entry = NetworkEntry | EnsembleEntry


@dataclass(frozen=True)
class Design:
    """All entries, in the order of the recipe."""

    entries: Mapping[str, Entry]

    def __iter__(self) -> Iterator[Entry]:
        """Iterate in the order of the recipe."""
        return iter(self.entries.values())

    def networks(self, *only: str) -> list[NetworkEntry]:
        """Return the networks to train, each after those whose weights it takes.

        Args:
            only: names; what they rest on, members of ensembles and `from`, comes with them. None takes all.

        Raises:
            ConfigError: a name is no entry.
        """
        ordered: dict[str, NetworkEntry] = {}

        def visit(name: str) -> None:
            entry = self.entries[name]
            if isinstance(entry, EnsembleEntry):
                for member in entry.of:
                    visit(member)
                return
            for branch in entry.branches.values():
                visit(branch)
            ordered.setdefault(name, entry)

        for name in only or self.entries:
            if name not in self.entries:
                raise ConfigError(
                    f"`only` names {name!r}, which `networks` has not. It has: {', '.join(self.entries)}."
                )
            visit(name)
        return list(ordered.values())

    def named(self, *only: str) -> list[str]:
        """Return the networks of these names, members for an ensemble; what they take weights from stays out."""
        entries = [self.entries[name] for name in only]
        found = [entry.of if isinstance(entry, EnsembleEntry) else (entry.name,) for entry in entries]
        return list(dict.fromkeys(name for names in found for name in names))

    @property
    def ensembles(self) -> list[EnsembleEntry]:
        """The ensembles, in the order of the recipe."""
        return [entry for entry in self if isinstance(entry, EnsembleEntry)]


def read_design(networks: str | Path | Mapping[str, Any]) -> Design:
    """Return the design of a mapping, or of a YAML file that holds one, alone or under the key `networks`.

    Raises:
        ConfigError: the file is missing or no mapping; an entry is neither network nor ensemble, has an unknown key, a
            value out of range, or names another that is not there or that rests on it in turn.
    """
    given = _read_file(Path(networks)) if isinstance(networks, str | Path) else networks
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"`networks` must map names to networks, as in {EXAMPLE}. Got {given!r}.")
    entries = {str(name): _entry(name, values) for name, values in given.items()}
    for entry in entries.values():
        _check_names(entry, entries)
    _refuse_cycles(entries)
    return Design(entries)


def _read_file(path: Path) -> Any:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ConfigError(f"`networks` must be a YAML file that can be read. {path}: {reason}.") from error
    return read["networks"] if isinstance(read, Mapping) and set(read) == {"networks"} else read


def _entry(name: object, values: Any) -> Entry:
    if not isinstance(name, str) or not SAFE_NAME.fullmatch(name):
        raise ConfigError(
            f"A network's name must be 1 to 100 letters, digits or `._+-`, since a folder is named after it. "
            f"Got {name!r}."
        )
    if not isinstance(values, Mapping) or ("network" in values) == ("ensemble" in values):
        raise ConfigError(
            f"The network {name!r} must be a mapping with either `network` or `ensemble`. Got {values!r}. "
            f"Write it as in {EXAMPLE}."
        )
    known = NETWORK_KEYS if "network" in values else ENSEMBLE_KEYS
    unknown = sorted(str(key) for key in set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"The network {name!r} takes no {', '.join(map(repr, unknown))}. It takes: {', '.join(known)}."
        )
    budget = values.get("max_parameters")
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 1):
        raise ConfigError(f"`max_parameters` of the network {name!r} must be a whole number above 0. Got {budget!r}.")
    unlike = values.get("unlike") or ""
    if not isinstance(unlike, str):
        raise ConfigError(
            f"`unlike` of the network {name!r} must say in words what is not as published, as in 'random weights; 10 "
            f"of 15 epochs'. Got {unlike!r}."
        )
    published = _published(name, values.get("published") or {})
    common = {"published": published, "max_parameters": budget, "unlike": " ".join(unlike.split())}
    return _ensemble(name, values, common) if "ensemble" in values else _network(name, values, common)


def _ensemble(name: str, values: Mapping[str, Any], common: Mapping[str, Any]) -> EnsembleEntry:
    how, of = values["ensemble"], values.get("of")
    if how not in RULES:
        raise ConfigError(f"`ensemble` of {name!r} must be {' or '.join(RULES)}, of probabilities. Got {how!r}.")
    if not isinstance(of, Sequence) or isinstance(of, str) or len(of) < 2 or len(set(map(str, of))) != len(of):
        raise ConfigError(f"`of` of the ensemble {name!r} must list two or more different networks. Got {of!r}.")
    return EnsembleEntry(name=name, how=how, of=tuple(str(member) for member in of), **common)


def _network(name: str, values: Mapping[str, Any], common: Mapping[str, Any]) -> NetworkEntry:
    spec = {"name": values["network"]} if isinstance(values["network"], str) else values["network"]
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
        raise ConfigError(
            f"`network` of {name!r} must be a mapping with `name` and options, as in {{name: vit, modality: voice}}. "
            f"Got {spec!r}."
        )
    if "n_people" in spec:
        raise ConfigError(f"`network` of {name!r} takes no `n_people`: the training clips say how many. Leave it out.")
    branches = values.get("from") or {}
    if not isinstance(branches, Mapping) or not set(branches) <= set(MODALITIES):
        raise ConfigError(
            f"`from` of the network {name!r} must map voice and face to networks, as in {{voice: a, face: b}}. "
            f"Got {branches!r}."
        )
    for modality in branches:
        if modality in spec:
            raise ConfigError(
                f"`{modality}` of the network {name!r} is given twice, in `network` and in `from`. Leave one out."
            )
    search = values.get("search")
    return NetworkEntry(
        name=name,
        spec=dict(spec),
        training=IdentifierTraining.of(values.get("training") or {}, of=name),
        branches={str(modality): str(branch) for modality, branch in branches.items()},
        search=None if search is None else SearchSettings.of(search, of=name),
        **common,
    )


def _published(name: str, values: Any) -> Published:
    known = [item.name for item in fields(Published)]
    if not isinstance(values, Mapping) or not set(values) <= set(known):
        raise ConfigError(f"`published` of the network {name!r} takes {', '.join(known)}. Got {values!r}.")
    for figure in ("top_1", "top_5"):
        share = values.get(figure)
        if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1):
            raise ConfigError(f"`published.{figure}` of the network {name!r} must be 0 to 1. Got {share!r}.")
    return Published(**values)


def _check_names(entry: Entry, entries: Mapping[str, Entry]) -> None:
    """Hold what an entry rests on to being there, and to being a network."""
    word = "of" if isinstance(entry, EnsembleEntry) else "from"
    for other in _rests_on(entry):
        if other not in entries:
            raise ConfigError(
                f"`{word}` of {entry.name!r} names {other!r}, which `networks` has not. It has: {', '.join(entries)}."
            )
        if isinstance(entries[other], EnsembleEntry):
            raise ConfigError(
                f"`{word}` of {entry.name!r} must name networks. {other!r} is an ensemble. Name its members instead."
            )


def _refuse_cycles(entries: Mapping[str, Entry]) -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise ConfigError(f"`from` must not lead back to where it began. Got {circle}. Leave one of them out.")
        if name not in done:
            for other in _rests_on(entries[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in entries:
        visit(name, ())


def _rests_on(entry: Entry) -> tuple[str, ...]:
    return entry.of if isinstance(entry, EnsembleEntry) else tuple(entry.branches.values())
