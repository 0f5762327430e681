"""The folder of enrolled people: `config.json`, `model.safetensors` and `clips.json`, nothing else and no code.

    config.json         settings, names, back-ends, fusions, notes
    model.safetensors   vectors and qualities of every sample, the fitted arrays, the strangers' scores
    clips.json          names; key, clip and session of every sample; clips that asked as strangers

Example:
    >>> packed({"a": "x"})
    '{"a":"x"}'
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import ConfigError, DataError
from visavox.identification.backend import Backend
from visavox.identification.channel import Channel
from visavox.identification.enrollment import EnrollmentSettings
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import COMBINATIONS, Combination, Fusion
from visavox.identification.strangers import StrangerScores
from visavox.persistence import load_folder, save_folder
from visavox.registry import BACKENDS

KIND = "people"
CLIPS_FILE = "clips.json"


@dataclass(frozen=True, eq=False)
class PeopleState:
    """Everything that is kept of enrolled people."""

    names: tuple[str, ...]
    """Everybody, in order of enrolment."""
    settings: EnrollmentSettings
    """As enrolled."""
    channels: dict[Modality, Channel]
    """Of each modality that somebody has."""
    fusions: dict[Combination, Fusion]
    """Of each combination of them."""
    strangers: dict[Combination, StrangerScores]
    """Of each combination of them."""
    alike: tuple[tuple[str, str], ...]
    """Names that are probably one person."""
    notes: tuple[str, ...]
    """Sentences about the enrolment."""


def write_people(folder: Path, state: PeopleState, *, extra: Mapping[str, Any], overwrite: bool) -> None:
    """Write the folder, whole or not at all.

    Raises:
        DataError: it holds something and `overwrite` is False, or it cannot be written.
    """
    places = {name: i for i, name in enumerate(state.names)}
    arguments: dict[str, Any] = {
        "settings": {
            "backend": state.settings.backend,
            "false_accept": state.settings.false_accept,
            "p_stranger": state.settings.p_stranger,
        },
        "backends": {m: channel.backend.spec for m, channel in state.channels.items()},
        "fusions": {"+".join(c): fusion.plain() for c, fusion in state.fusions.items()},
        "alike": [list(pair) for pair in state.alike],
        "notes": list(state.notes),
        "extra": dict(extra),
    }
    tensors: dict[str, np.ndarray] = {}
    clips: dict[str, Any] = {"names": list(state.names)}
    for modality, channel in state.channels.items():
        samples = channel.samples
        clips[modality] = {name: list(getattr(samples, name)) for name in ("keys", "clips", "sessions")}
        tensors[f"{modality}.vectors"] = samples.vectors
        tensors[f"{modality}.qualities"] = samples.qualities
        tensors[f"{modality}.owners"] = np.array([places[name] for name in samples.people], dtype=np.int32)
        tensors[f"{modality}.people"] = np.array([places[name] for name in channel.people], dtype=np.int32)
        tensors |= {f"{modality}.backend.{name}": array for name, array in channel.backend.tensors().items()}
    for combination, found in state.strangers.items():
        tensors[f"strangers.{'+'.join(combination)}.scores"] = found.scores
        owners = np.array([places.get(name, -1) for name in found.owners], dtype=np.int32)
        tensors[f"strangers.{'+'.join(combination)}.owners"] = owners
        clips["+".join(["strangers", *combination])] = list(found.clips)
    save_folder(
        folder,
        kind=KIND,
        name="enrolled_people",
        arguments=arguments,
        tensors=tensors,
        extra_files={CLIPS_FILE: packed(clips)},
        overwrite=overwrite,
    )


def read_people(folder: Path) -> tuple[PeopleState, dict[str, Any]]:
    """Return what `write_people` wrote, and the mapping that came with it.

    Raises:
        DataError: a file is missing or damaged, or does not fit the others.
    """
    saved = load_folder(folder, kind=KIND)
    path = folder / CLIPS_FILE
    try:
        _refuse_unknown_options(saved.arguments)
    except ConfigError as error:
        wrote = saved.versions.get("visavox", "?")
        raise DataError(
            f"{folder} was written by another version of Visavox ({wrote}). {error} Enrol again."
        ) from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from error
    try:
        clips = json.loads(path.read_text(encoding="utf-8"))
        return _state(saved.arguments, saved.tensors, clips), dict(saved.arguments["extra"])
    except OSError as error:
        raise DataError(f"{path} is missing. Enrol again, or copy the whole folder again.") from error
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, ConfigError, DataError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:160]
    return DataError(f"{folder} is damaged: its files do not fit each other ({reason}). Enrol again.")


def packed(value: Any) -> str:
    """Return JSON without a space too many."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _state(arguments: Mapping[str, Any], tensors: Mapping[str, np.ndarray], clips: Mapping[str, Any]) -> PeopleState:
    names = _names(clips["names"])
    channels: dict[Modality, Channel] = {}
    for modality in MODALITIES:
        if modality not in arguments["backends"]:
            continue
        samples = Samples(
            modality,
            tuple(clips[modality]["keys"]),
            tuple(clips[modality]["clips"]),
            tuple(names[i] for i in tensors[f"{modality}.owners"].tolist()),
            tuple(clips[modality]["sessions"]),
            tensors[f"{modality}.qualities"],
            tensors[f"{modality}.vectors"],
        )
        backend: Backend = BACKENDS.build(arguments["backends"][modality])
        start = f"{modality}.backend."
        backend.restore({name.removeprefix(start): array for name, array in tensors.items() if name.startswith(start)})
        channels[modality] = Channel(samples, backend, [names[i] for i in tensors[f"{modality}.people"].tolist()])
    fusions: dict[Combination, Fusion] = {}
    strangers: dict[Combination, StrangerScores] = {}
    for combination in COMBINATIONS:
        label = "+".join(combination)
        if label in arguments["fusions"]:
            fusions[combination] = _fusion(arguments["fusions"][label], combination)
            owners = tensors[f"strangers.{label}.owners"].tolist()
            scores = tensors[f"strangers.{label}.scores"]
            asking = tuple(clips[f"strangers+{label}"])
            if not len(scores) == len(owners) == len(asking):
                raise DataError(f"strangers: {len(scores)} scores, {len(owners)} owners and {len(asking)} clips")
            strangers[combination] = StrangerScores(scores, tuple(names[i] if i >= 0 else "" for i in owners), asking)
    settings = EnrollmentSettings(**arguments["settings"])
    alike = tuple((str(first), str(second)) for first, second in arguments["alike"])
    notes = tuple(str(note) for note in arguments["notes"])
    return PeopleState(names, settings, channels, fusions, strangers, alike, notes)


def _refuse_unknown_options(arguments: Mapping[str, Any]) -> None:
    """Raise if a back-end, or an option of one, or a setting is none of this version.

    Raises:
        ConfigError: names it.
    """
    known = {item.name for item in dataclasses.fields(EnrollmentSettings)}
    unknown = sorted(set(arguments["settings"]) - known)
    if unknown:
        raise ConfigError(f"There is no setting {', '.join(map(repr, unknown))}.")
    for spec in arguments["backends"].values():
        accepted = inspect.signature(BACKENDS.get(str(spec["name"]))).parameters
        unknown = sorted(set(spec) - set(accepted) - {"name"})
        if unknown:
            raise ConfigError(f"The back-end {spec['name']!r} takes no {', '.join(map(repr, unknown))}.")


def _names(found: Sequence[Any]) -> tuple[str, ...]:
    names = tuple(str(name) for name in found)
    if not all(names):
        raise DataError("a name is empty")
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise DataError(f"the name {twice[0]!r} stands there twice")
    return names


def _fusion(plain: Mapping[str, Any], combination: Combination) -> Fusion:
    weights = {m: _number(f"the weight of the {m}", plain["weights"][m]) for m in combination}
    if any(weight < 0 for weight in weights.values()):
        raise DataError(f"weights must be 0 or more. Got {weights}")
    return Fusion(weights, _number("an intercept", plain["intercept"]))


def _number(what: str, value: Any) -> float:
    """Return a value that must be a finite number.

    Raises:
        DataError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(f"{what} must be a finite number. Got {value!r}")
    return float(value)
