"""A YAML recipe: a list of steps, each a command with its options, in one folder.

    name: small
    steps:
      - prepare: {root: "{data}/avspeech", out: corpus}
      - embed: {corpus: corpus, out: embeddings}
      - evaluate: {model: "{out}/runs/a", pairs: "{data}/people", out: final, final: true}

    next: |
      Now with your own videos:
        visavox prepare --source videos --root my-videos --out my-corpus

`next` may be left out. It is shown when all is done, and stands at the end of the last report.

`data: world` says what {data} stands for when the command is given none: a folder of the run, which a step of the
recipe makes. With --data that step is left out, and the same recipe runs on other data.

Paths that are not absolute lie in the run's folder; {data} and {out} stand for what the command was given. A step
with `final: true` is a test on people kept aside and is done only when that is asked for.

Example:
    steps = read_recipe(Path("recipes/small.yaml"), out=Path("runs/small"), data=Path("data"))
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from visavox.command_line import parse_mapping
from visavox.config import EmbedConfig, SimulateConfig, SplitConfig, TrainConfig
from visavox.corpus_config import PrepareConfig
from visavox.errors import ConfigError, UnknownNameError
from visavox.evaluation_config import EvaluateConfig

STEP_CONFIGS: Mapping[str, type] = {
    "simulate": SimulateConfig,
    "prepare": PrepareConfig,
    "embed": EmbedConfig,
    "split": SplitConfig,
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
}
KEYS = ("name", "about", "data", "steps", "next")
MERGE = "tag:yaml.org,2002:merge"  # the key `<<`, which lays a mapping under this one
INPUTS = frozenset({"root", "pairs"})  # options that name folders of media
OUTPUTS = frozenset({"out", "cache", "final_log"})  # options that name what a step writes


@dataclass(frozen=True)
class Step:
    """One step of a recipe, ready to be done."""

    number: int
    """Its place, from 1."""
    name: str
    """The command."""
    config: Any
    """Its configuration, paths resolved."""
    final: bool
    """Whether it is a test on people kept aside."""
    run: Path
    """Folder of the run; what lies in it was made by the steps before."""

    def fingerprint(self, before: str) -> str:
        """Return a hash of what decides the step: its options, its files from outside, and everything before it."""
        options = {field.name: getattr(self.config, field.name) for field in dataclasses.fields(self.config)}
        listed = [
            (str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns)
            for name, value in sorted(options.items())
            for folder in self._folders(name, value)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        text = json.dumps([before, self.name, options, listed], default=str, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def _folders(self, name: str, value: Any) -> list[Path]:
        """Return the folders that an option reads and that no step before has made."""
        paths = [Path(value)] if name == "model" else value if isinstance(value, tuple) else [value]
        found = [path for path in paths if isinstance(path, Path) and name not in OUTPUTS and path.is_dir()]
        return [path for path in found if name in INPUTS or not path.is_relative_to(self.run)]


def read_recipe(path: Path, *, out: Path, data: Path | None, source: str = "") -> list[Step]:
    """Return the steps of a recipe, all of them checked.

    Args:
        path: the YAML file.
        out: folder of the run.
        data: what {data} stands for; None: what the recipe makes itself, where it does.
        source: how `prepare` reads {data}; "" leaves it to the recipe.

    Raises:
        ConfigError: no such file, no YAML, an unknown step or option, {data} used and not given, a missing folder.
    """
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ConfigError(f"There is no recipe {path}. The recipes that come along are in recipes/.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no YAML that can be used: {' '.join(str(error).split())}") from error
    if isinstance(read, dict) and "methods" in read and "steps" not in read:
        raise ConfigError(f"{path} is a comparison of methods. Run it with: visavox compare {path}")
    if not isinstance(read, dict) or not isinstance(read.get("steps"), list):
        raise ConfigError(f"{path} must be a mapping with `steps`, a list. Got {type(read).__name__}.")
    unknown = sorted(set(read) - set(KEYS))
    if unknown:
        raise ConfigError(f"{path} takes no {', '.join(map(repr, unknown))}. It takes: {', '.join(KEYS)}.")
    if not read["steps"]:
        raise ConfigError(f"{path}: `steps` must be a list of one or more. Got none. Add a step.")
    left_out = _own_data(path, read) if data is not None else None
    data = _data(path, read, out, data)
    listed = [_read_by(step, source) for step in read["steps"]]
    steps = [_step(path, number, step, out, data) for number, step in enumerate(listed, start=1)]
    steps = [step for step in steps if left_out is None or step.config.out != out / left_out]
    return _with_next(steps, _next(path, read, out, data))


def _read_by(step: Any, source: str) -> Any:
    """Return a step with another source, where it prepares {data}."""
    options = step.get("prepare") if source and isinstance(step, dict) else None
    if not isinstance(options, dict) or "{data}" not in str(options.get("root")):
        return step
    return {**step, "prepare": {**options, "source": source}}


def _own_data(path: Path, read: Mapping[str, Any]) -> str | None:
    """Return the folder of the run that {data} stands for where none is given; None where the recipe has none."""
    own = read.get("data")
    if own is not None and (not isinstance(own, str) or not own or "{" in own or Path(own).is_absolute()):
        raise ConfigError(f"{path}: `data` must name a folder inside that of the run. Got {own!r}.")
    return own


def _data(path: Path, read: Mapping[str, Any], out: Path, data: Path | None) -> Path | None:
    own = _own_data(path, read)
    return out / own if data is None and own is not None else data


class StrictLoader(yaml.SafeLoader):
    """Reads plain YAML and refuses a key that is given twice, where YAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node.

        Raises:
            yaml.YAMLError: a key is given twice.
        """
        own = (key for key, _ in node.value if key.tag != MERGE)
        keys = [self.construct_object(key, deep=True) for key in own]
        twice = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
        if twice is not None:
            raise yaml.YAMLError(f"the key {twice!r} is given twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def recipe_name(path: Path) -> str:
    """Return the `name` that a recipe gives itself, else the name of its file."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return path.stem
    return str(read["name"]) if isinstance(read, dict) and read.get("name") else path.stem


def recipe_next(path: Path, *, out: Path, data: Path | None) -> str:
    """Return the text that a recipe that `read_recipe` accepts shows when all is done; "" where it has none."""
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    return _next(path, read, out, _data(path, read, out, data))


def _next(path: Path, read: Mapping[str, Any], out: Path, data: Path | None) -> str:
    text = read.get("next", "")
    if not isinstance(text, str):
        raise ConfigError(f"{path}: `next` must be text. Got {text!r}. Put it in quotes, or after a |.")
    return _filled(text.rstrip(), out=out, data=data, where=f"{path}, `next`,")


def _with_next(steps: list[Step], text: str) -> list[Step]:
    """Put the text at the end of the last report, unless that has one of its own."""
    place = max((place for place, step in enumerate(steps) if step.name == "evaluate"), default=None)
    if not text or place is None or steps[place].config.next_steps:
        return steps
    config = dataclasses.replace(steps[place].config, next_steps=text)
    return [dataclasses.replace(step, config=config) if i == place else step for i, step in enumerate(steps)]


def _step(path: Path, number: int, step: Any, out: Path, data: Path | None) -> Step:
    if not isinstance(step, dict) or len(step) != 1:
        raise ConfigError(f"{path}, step {number} must be one command with its options. Got {step!r}.")
    (name, options), *_ = step.items()
    if name not in STEP_CONFIGS:
        raise UnknownNameError(f"step in {path}", str(name), STEP_CONFIGS)
    config_class = STEP_CONFIGS[name]
    where = f"{path}, step {number} ({name})"
    if not isinstance(options, dict):
        raise ConfigError(f"{where} must have a mapping of options. Got {options!r}.")
    hints = typing.get_type_hints(config_class)
    resolved = {key: _resolve(value, hints.get(key), out=out, data=data, where=where) for key, value in options.items()}
    config: Any = parse_mapping(config_class, resolved, where=where)
    return Step(number, name, config, final=bool(getattr(config, "final", False)), run=out)


def _resolve(value: Any, hint: Any, *, out: Path, data: Path | None, where: str) -> Any:
    if isinstance(value, list):
        return [_resolve(item, hint, out=out, data=data, where=where) for item in value]
    if isinstance(value, dict):  # options of an encoder or an objective: folders are filled in, names are no paths
        return {key: _resolve(item, None, out=out, data=data, where=where) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    filled = _filled(value, out=out, data=data, where=where)
    lies_in_run = "Path" in str(hint) and filled == value
    return str(out / value) if lies_in_run else filled  # an absolute value replaces `out`


def _filled(text: str, *, out: Path, data: Path | None, where: str) -> str:
    """Return the text with the folders that {data} and {out} stand for."""
    if "{data}" in text and data is None:
        raise ConfigError(f"{where} uses {{data}}. Name the folder with --data.")
    return text.replace("{data}", str(data)).replace("{out}", str(out))
