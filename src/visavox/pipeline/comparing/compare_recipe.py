"""A recipe of `visavox compare`: where methods meet, under which budget, and which methods.

    name: compare-small
    seeds: [0, 1, 2]
    budget: {n_epochs: 30, batch_size: 400}          # what networks take, for all
    arenas:
      - {name: real, pairs: "{data}/avspeech", folds: 5}
      - {name: world, world: {people: 5000, clips: 1, seed: 3}, test: 0.3}
    methods: # one a row of the table
      - {name: info_nce, objective: info_nce}
      - {name: siglip, objective: siglip, learning_rate: 0.0005}     # own settings are named in the table
      - {name: cca, associator: {name: cca, n_components: 64}, in: {world: {n_components: 7}}}
    reference: info_nce

An arena is one of `pairs` (a folder with faces/, voices/ and clips.csv), `corpus`, `embeddings`, `world` (options of
`simulate`, whose vectors are the numbers themselves); {data} stands for the folder of `--data`. With `folds` everybody
is tested once, by a model that was trained on the other folds; with `test` a share of the people is. `in` lays
settings of one arena over those of a method.

Example:
    recipe = read_compare_recipe(Path("recipes/compare-small.yaml"), data=None)
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from visavox.errors import ConfigError
from visavox.models.associators.network import NetworkAssociator
from visavox.pipeline.fitting import GIVEN_BY_DATA, Spec, plan_networks
from visavox.pipeline.recipe import StrictLoader
from visavox.pipeline.training import TrainingSettings
from visavox.registry import ASSOCIATORS

KEYS = ("name", "about", "seeds", "budget", "arenas", "methods", "reference", "resamples", "protocols")
KINDS = ("pairs", "corpus", "embeddings", "world")
ARENA_KEYS = ("name", *KINDS, "folds", "test", "voice_encoder", "face_encoder", "columns", "budget")
PROTOCOLS = ("matching", "retrieval", "verification")
NETWORK = "two_tower"


@dataclass(frozen=True)
class ArenaPlan:
    """One set of people that all methods are trained and tested on."""

    name: str
    """Short name, also of its folder."""
    kind: str
    """What `source` is: "pairs", "corpus", "embeddings" or "world"."""
    source: Any
    """A path, or the options of a world."""
    folds: int = 0
    """Everybody is tested once, in one of so many folds; 0 where `test` is given."""
    test: float = 0.0
    """Share of the people that is tested, and not trained on; 0 where `folds` is given."""
    voice_encoder: Spec | None = None
    """None: that of the boxed model."""
    face_encoder: Spec | None = None
    """None: that of the boxed model."""
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """With `pairs`: names of the columns of clips.csv where they are not the usual ones."""
    budget: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What differs from the budget of the recipe here, for all methods."""


@dataclass(frozen=True)
class MethodPlan:
    """One method: an associator, and what differs in single arenas."""

    name: str
    """Short name, also of its folder."""
    spec: Mapping[str, Any]
    """What `fit_associator` takes, without the budget."""
    of_arena: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    """By the name of an arena: what differs there."""

    def in_arena(self, arena: str, budget: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the spec under a budget; what is its own comes before what is shared."""
        return under_budget({**self.spec, **self.of_arena.get(arena, {})}, budget)


@dataclass(frozen=True)
class CompareRecipe:
    """Everything that a comparison is made of."""

    name: str
    seeds: tuple[int, ...]
    """Every method that draws anything is trained with each of them."""
    budget: Mapping[str, Any]
    arenas: tuple[ArenaPlan, ...]
    methods: tuple[MethodPlan, ...]
    reference: str
    """Name of the method that the others are compared with, pair by pair."""
    resamples: int = 1000
    """Bootstrap resamples of people."""
    protocols: tuple[str, ...] = ("matching", "retrieval")
    """What is measured."""
    about: str = ""
    """A sentence for the page."""

    def spec(self, arena: ArenaPlan, method: MethodPlan) -> Mapping[str, Any]:
        """Return what is fitted for a method in an arena."""
        return method.in_arena(arena.name, {**self.budget, **arena.budget})


def read_compare_recipe(path: Path, *, data: Path | None, only: Sequence[str] = ()) -> CompareRecipe:
    """Return a recipe, all of it checked.

    Args:
        path: the YAML file.
        data: folder that {data} stands for.
        only: names of the methods to keep, besides the reference; empty keeps all.

    Raises:
        ConfigError: no such file, no YAML, an unknown or a missing key, a name used twice, a wrong method; the message
            names the place.
    """
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ConfigError(f"There is no recipe {path}. The recipes that come along are in recipes/.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no YAML that can be used: {' '.join(str(error).split())}") from error
    if not isinstance(read, dict):
        raise ConfigError(f"{path} must be a mapping with `arenas` and `methods`. Got {type(read).__name__}.")
    _refuse_unknown(str(path), read, KEYS)
    arenas = tuple(_arena(f"{path}, arena {n}", given, data) for n, given in enumerate(_list(path, read, "arenas"), 1))
    every = tuple(_method(f"{path}, method {n}", given) for n, given in enumerate(_list(path, read, "methods"), 1))
    for kind, names in (("an arena", [a.name for a in arenas]), ("a method", [m.name for m in every])):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"{path}: the name of {kind} must be its own. Got {twice!r} twice. Rename one.")
    for method in every:
        strange = sorted(set(method.of_arena) - {arena.name for arena in arenas})
        if strange:
            raise ConfigError(f"{path}, method {method.name}: `in` names no arena {strange[0]!r}.")
    reference = read.get("reference", every[0].name)
    known = [method.name for method in every]
    unknown = sorted({*only, reference} - set(known))
    if unknown:
        raise ConfigError(f"{path} has no method {unknown[0]!r}. It has: {', '.join(known)}.")
    methods = tuple(m for m in every if not only or m.name in (*only, reference))
    recipe = CompareRecipe(
        name=str(read.get("name", path.stem)),
        seeds=_seeds(path, read.get("seeds", [0])),
        budget=_mapping(f"{path}, `budget`", read.get("budget", {})),
        arenas=arenas,
        methods=methods,
        reference=reference,
        resamples=_count(path, "resamples", read.get("resamples", 1000), 100),
        protocols=_protocols(path, read.get("protocols", ["matching", "retrieval"])),
        about=str(read.get("about", "")),
    )
    for arena in arenas:
        _refuse_unused(path, recipe, arena, every)
        for method in methods:
            try:
                plan_networks(recipe.spec(arena, method))
            except ConfigError as error:
                raise ConfigError(f"{path}, method {method.name}: {error}") from error
    return recipe


def _arena(where: str, given: Any, data: Path | None) -> ArenaPlan:
    values = _mapping(where, given)
    _refuse_unknown(where, values, ARENA_KEYS)
    kinds = [kind for kind in KINDS if kind in values]
    if len(kinds) != 1:
        raise ConfigError(f"{where} must have one of {', '.join(KINDS)}. Got {' and '.join(kinds) or 'none'}.")
    (kind,) = kinds
    if ("folds" in values) == ("test" in values):
        raise ConfigError(f"{where} must have either `folds`, 2 or more, or `test`, a share of the people.")
    folds, test = values.get("folds", 0), values.get("test", 0.0)
    if "folds" in values and (not isinstance(folds, int) or isinstance(folds, bool) or folds < 2):
        raise ConfigError(f"{where}: `folds` must be a whole number of at least 2. Got {folds!r}.")
    if "test" in values and not (isinstance(test, int | float) and 0 < test < 1):
        raise ConfigError(f"{where}: `test` must be a share of the people, above 0 and below 1. Got {test!r}.")
    source = values[kind]
    if kind == "world":
        source = _mapping(f"{where}, `world`", source)
    else:
        if not isinstance(source, str):
            raise ConfigError(f"{where}: `{kind}` must be a folder. Got {source!r}.")
        if "{data}" in source and data is None:
            raise ConfigError(f"{where} uses {{data}}. Name the folder with --data.")
        source = Path(source.replace("{data}", str(data)))
    return ArenaPlan(
        name=_name(where, values),
        kind=kind,
        source=source,
        folds=folds,
        test=float(test),
        voice_encoder=values.get("voice_encoder"),
        face_encoder=values.get("face_encoder"),
        columns=_mapping(f"{where}, `columns`", values.get("columns", {})),
        budget=_mapping(f"{where}, `budget`", values.get("budget", {})),
    )


def _method(where: str, given: Any) -> MethodPlan:
    values = dict(_mapping(where, given))
    name = _name(where, values)
    del values["name"]
    associator = values.pop("associator", NETWORK)
    spec: Mapping[str, Any] = {"name": associator} if isinstance(associator, str) else _mapping(where, associator)
    inside = {n: _mapping(f"{where}, `in` {n}", v) for n, v in _mapping(f"{where}, `in`", values.pop("in", {})).items()}
    return MethodPlan(name, {**spec, **values}, inside)


def under_budget(spec: Mapping[str, Any], budget: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is fitted: every network gets what it takes of the budget, members of an ensemble too.

    A closed form has no budget, and what a spec says itself stays.
    """
    if spec["name"] == "ensemble":
        members = [under_budget({"name": m} if isinstance(m, str) else m, budget) for m in spec.get("members", ())]
        return {**spec, "members": members}
    accepted = _taken(spec)
    return {**{key: value for key, value in budget.items() if key in accepted}, **spec}


def _refuse_unused(path: Path, recipe: CompareRecipe, arena: ArenaPlan, methods: Sequence[MethodPlan]) -> None:
    """Raise where a budget holds what no network of the recipe takes: a typo would go by in silence."""
    budget = {**recipe.budget, **arena.budget}
    taken = {name for method in methods for name in _taken(method.in_arena(arena.name, {}))}
    unknown = sorted(set(budget) - taken)
    if unknown and taken:
        raise ConfigError(
            f"{path}, `budget` of the arena {arena.name} takes no {', '.join(map(repr, unknown))}. "
            f"Its networks take: {', '.join(sorted(taken))}."
        )


def _taken(spec: Mapping[str, Any]) -> set[str]:
    """Names that the networks of a spec take of a budget."""
    if spec["name"] == "ensemble":
        members = ({"name": m} if isinstance(m, str) else m for m in spec.get("members", ()))
        return {name for member in members for name in _taken(member)}
    factory = ASSOCIATORS.get(spec["name"])
    if not (isinstance(factory, type) and issubclass(factory, NetworkAssociator)):
        return set()
    of_settings = {field.name for field in dataclasses.fields(TrainingSettings)}
    return (of_settings | set(inspect.signature(factory).parameters) | {"n_members"}) - GIVEN_BY_DATA - {"seed"}


def own_settings(spec: Mapping[str, Any], budget: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a spec does not share with a budget, besides its names: options of its objective under their own.

    Example:
        >>> own_settings({"name": "two_tower", "n_epochs": 9, "objective": {"name": "siglip", "learn_bias": False}},
        ...              {"n_epochs": 30})
        {'n_epochs': 9, 'objective.learn_bias': False}
    """
    own: dict[str, Any] = {}
    for key, value in spec.items():
        if key == "name" or (key in budget and budget[key] == value):
            continue
        if key == "objective":
            options = value.items() if isinstance(value, Mapping) else ()
            own |= {f"objective.{name}": option for name, option in options if name != "name"}
        elif key == "members":
            own[key] = [{"name": member["name"], **own_settings(member, budget)} for member in value]
        else:
            own[key] = value
    return own


def _name(where: str, values: Mapping[str, Any]) -> str:
    name = values.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
        raise ConfigError(f"{where} must have a `name` of letters, digits and . _ + -. Got {name!r}.")
    return name


def _list(path: Path, read: Mapping[str, Any], key: str) -> list[Any]:
    found = read.get(key)
    if not isinstance(found, list) or not found:
        raise ConfigError(f"{path}: `{key}` must be a list of one or more. Got {found!r}.")
    return found


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a mapping. Got {value!r}.")
    return value


def _refuse_unknown(where: str, values: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = sorted(str(key) for key in set(values) - set(known))
    if unknown:
        raise ConfigError(f"{where} takes no {', '.join(map(repr, unknown))}. It takes: {', '.join(known)}.")


def _seeds(path: Path, value: Any) -> tuple[int, ...]:
    seeds = value if isinstance(value, list) else [value]
    if not seeds or len(set(map(str, seeds))) < len(seeds):
        raise ConfigError(f"{path}: `seeds` must be different whole numbers, one or more. Got {value!r}.")
    return tuple(_count(path, "seeds", seed, 0) for seed in seeds)


def _count(path: Path, name: str, value: Any, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{path}: `{name}` must be a whole number of at least {least}. Got {value!r}.")
    return value


def _protocols(path: Path, value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown or "matching" not in names:
        raise ConfigError(
            f"{path}: `protocols` must hold matching, and may hold {', '.join(PROTOCOLS[1:])}. Got {value!r}."
        )
    return tuple(names)
