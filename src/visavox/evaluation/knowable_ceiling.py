"""The best possible answers in a made-up world, read from the `world.json` that `visavox simulate` writes.

Nothing is computed here: the file says what the likelihood ratio of the generative model reaches, for 1:2 and 1:N
matching and verification, by direction, once without and once with what leaks. The names of the file (`same_sex`) are
turned into those of the reports (`same_gender`): both go by the people's own sex, the label of the tables.

Example:
    ceiling = read_ceiling(Path("world"))
    ceiling.honest["voice_to_face", "same_gender", "accuracy_1_of_2"].value
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.corpus.trials import DIRECTIONS
from visavox.errors import DataError
from visavox.evaluation.knowable import PAIR, Estimate

WORLD_FILE = "world.json"
PEOPLE_FILES = ("people.csv", "clips.csv")  # of a world of videos, and of one of faces and voices
GROUPS = {
    "all": "all",
    "same_sex": "same_gender",
    "opposite_sex": "opposite_gender",
    "same_sex_told": "same_gender_told",
}
"""Groups of the file, and what reports call them. In `same_gender_told` the classifier knows that both candidates have
the gender of the probe, and leaves aside what gender they show."""
NEEDED = ("all", "same_sex", "opposite_sex")
NUMBERS = ("value", "standard_error")
AGAIN = "Run `visavox simulate` again"

Key = tuple[str, str, str]  # direction, group, measure
Table = Mapping[Key, Estimate]


@dataclass(frozen=True)
class WorldCeiling:
    """What can be known in one world."""

    source: Path
    """The file."""
    honest: Table
    """By direction, group and measure, as the reports name them; without what leaks."""
    with_shortcuts: Table | None
    """The same when what leaks is used too; None where nothing leaks."""
    reliabilities: tuple[float, float] | None = None
    """How often a face, and a voice, shows the person's own sex, 0.5 to 1; None where the file does not say."""
    leaks: Mapping[str, float] | None = None
    """Strength of each planted shortcut, above 0; None where the file does not say."""
    people: frozenset[str] = frozenset()
    """Names in the `people.csv` or `clips.csv` beside the file; empty where there is none."""

    def check_people(self, names: Sequence[str]) -> None:
        """Hold the tested people to this world.

        Raises:
            DataError: somebody is not of this world; the message names up to three.
        """
        strangers = sorted(set(names) - self.people) if self.people else []
        if strangers:
            raise DataError(
                f"The tested people must be of the world in {self.source.parent}, which has {len(self.people)} people. "
                f"Got {len(strangers)} others ({', '.join(strangers[:3])}{', ...' if strangers[3:] else ''}). "
                "Name the world that they were simulated in."
            )


def read_ceiling(path: Path) -> WorldCeiling:
    """Return what can be known in a world.

    Args:
        path: the folder that `visavox simulate` wrote, or its world.json.

    Raises:
        DataError: there is no such file, it is damaged, or it holds no ceiling; one line that names the file.
    """
    file = path / WORLD_FILE if path.is_dir() else path
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"A world must be a folder with a {WORLD_FILE}. {file} cannot be read: {error.strerror or error}. "
            "Name the folder that `visavox simulate` wrote."
        ) from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise DataError(f"{file} must be JSON. It is damaged: {error}. {AGAIN}.") from error
    ceiling = values.get("ceiling") if isinstance(values, dict) else None
    if ceiling is None and isinstance(values, dict) and "ceiling" in values:
        raise DataError(f"{file} must hold a `ceiling`. It has none yet: the world is not finished. {AGAIN}.")
    if not isinstance(ceiling, dict):
        raise DataError(f"{file} must hold a `ceiling`. Got none: this is no world. {AGAIN}.")
    population = values.get("population")
    population = population if isinstance(population, dict) else {}
    try:
        honest = dict(_table(ceiling, "honest"))
        leaky = dict(_table(ceiling, "with_shortcuts")) if ceiling.get("with_shortcuts") is not None else None
    except DataError as error:
        raise DataError(f"{file}: {error} {AGAIN}.") from error
    return WorldCeiling(file, honest, leaky, _reliabilities(population), _leaks(population), _people(file.parent))


def _table(ceiling: Mapping[str, Any], kind: str) -> Iterator[tuple[Key, Estimate]]:
    """Yield every figure of one kind of ceiling under the names of the reports."""
    for direction in DIRECTIONS:
        matching = _part(ceiling, kind, direction, "matching")
        for group in GROUPS:
            if group in matching or group in NEEDED:
                found = _part(ceiling, kind, direction, "matching", group)
                yield (direction, GROUPS[group], PAIR), _estimate(found, kind, direction, "matching", group)
        about = ceiling[kind][direction]
        for n, found in _mapping(about, "matching_1_of_n").items():
            estimate = _estimate(found, kind, direction, "matching_1_of_n", n)
            yield (direction, "all", f"accuracy_1_of_{n}"), estimate
        for group, named in _mapping(about, "verification").items():
            for measure in ("auc", "eer"):
                if group in GROUPS and isinstance(named, dict) and measure in named:
                    estimate = _estimate(named[measure], kind, direction, "verification", group, measure)
                    yield (direction, GROUPS[group], measure), estimate


def _part(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the mapping under nested names."""
    found: Any = values
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise DataError(f"The ceiling must hold {'/'.join(names)}. It does not.")
    return found


def _mapping(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _estimate(values: Any, *place: str) -> Estimate:
    value, error = (_number(values.get(name)) if isinstance(values, dict) else None for name in NUMBERS)
    if value is None or error is None or not (0 <= value <= 1 and error >= 0):
        raise DataError(f"{'/'.join(place)} must have a value from 0 to 1 and a standard_error. Got {values!r}.")
    return Estimate(value, error)


def _number(value: Any) -> float | None:
    """The value as a float; None for what is no finite number."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None


def _reliabilities(population: Mapping[str, Any]) -> tuple[float, float] | None:
    face, voice = (_number(population.get(f"{modality}_reliability")) for modality in ("face", "voice"))
    return (face, voice) if face is not None and voice is not None else None


def _leaks(population: Mapping[str, Any]) -> Mapping[str, float] | None:
    found = population.get("leaks")
    if not isinstance(found, dict):
        return None
    strengths = {str(name): _number(strength) for name, strength in found.items()}
    return {name: strength for name, strength in strengths.items() if strength}


def _people(folder: Path) -> frozenset[str]:
    """Names in the column `person` of the tables of a world; empty where there is no such column."""
    names: set[str] = set()
    for path in (folder / name for name in PEOPLE_FILES if (folder / name).is_file()):
        try:
            with path.open(encoding="utf-8", newline="") as lines:
                names |= {row["person"] for row in csv.DictReader(lines) if row.get("person")}
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path} must be a table of people. It is damaged: {error}. {AGAIN}.") from error
    return frozenset(names)
