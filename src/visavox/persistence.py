"""Model folders: written whole or not at all, read without running anything that they hold.

A model folder is `config.json` (registry name, constructor arguments, format and library versions),
`model.safetensors` (every array) and any further files, a model card `README.md` for instance. Nothing is pickled,
so a folder from a stranger can be opened. This module knows no model: it turns names, arguments and arrays into
a folder and back, and finds the folder that a name means.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "model"
    >>> save_folder(folder, kind="associator", name="scale", arguments={"dim": 2}, tensors={"scale": np.ones(2)})
    >>> saved = load_folder(folder, kind="associator")
    >>> saved.name, saved.arguments, saved.tensors["scale"].shape
    ('scale', {'dim': 2}, (2,))
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.resources
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from visavox.errors import DataError, MissingDependencyError, UnknownNameError

FORMAT_VERSION = 1
CONFIG_FILE = "config.json"
PREPROCESS_FILE = "preprocess.json"  # what a matching model has and its parts have not
BoxedKind = Literal["associator", "generator"]
BOXED: Mapping[BoxedKind, str] = {"associator": PREPROCESS_FILE, "generator": "predictor/config.json"}
"""Kind of a model in the box -> the file that shows it."""
TENSOR_FILE = "model.safetensors"
LIBRARIES = ("visavox", "numpy", "torch", "safetensors")
REMEDY = "Save the model again, or copy the whole folder again."

Tensors = dict[str, np.ndarray]
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class SavedFolder:
    """What a model folder holds."""

    path: Path
    """The folder."""
    kind: str
    """What was saved: "associator" for instance."""
    name: str
    """Registry name of the class."""
    arguments: dict[str, Any]
    """Constructor arguments, as JSON gives them back (a tuple is a list)."""
    tensors: Tensors
    """Name -> array; every one finite."""
    versions: dict[str, str]
    """Library -> version at the time of saving."""

    @property
    def spec(self) -> dict[str, Any]:
        """Name and arguments as a registry builds from them."""
        return {"name": self.name, **self.arguments}


@contextmanager
def writing(target: Path) -> Iterator[Path]:
    """Yield a fresh path beside `target` to write to, and rename it to `target` when the block ends well.

    The block makes a file or a folder of it. A failed or interrupted block leaves `target` as it was and the fresh
    path removed; a killed process may leave `.NAME.HEX.part` behind, which nothing reads. A file that stands at
    `target` is replaced in one step; a folder is first renamed aside, since no system replaces a full folder.

    Raises:
        DataError: the disk is full, or the place cannot be written to.
    """
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield fresh
        if target.is_dir():
            target.rename(aside)
        fresh.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"Cannot write {target}: {reason}. Choose another place or free some space.") from error
    finally:
        if aside.exists() and not target.exists():  # stopped between the two renames
            aside.rename(target)
        for left in (fresh, aside):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            elif left.exists():
                left.unlink()


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    """Write arrays and a JSON-able mapping to one safetensors file, atomically.

    Args:
        path: the file; replaced when it exists.
        tensors: name -> array of numbers or booleans, any shape.
        metadata: kept as JSON in the header of the file.

    Raises:
        DataError: the file cannot be written.
    """
    with writing(path) as fresh:
        _put_tensors(fresh, tensors, metadata)


def read_tensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Return the arrays, in the shape they had, and the mapping of a file that `write_tensors` wrote.

    Raises:
        DataError: "{path} is missing", or it is not a whole safetensors file.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing. {REMEDY}")
    try:
        with safe_open(path, framework="np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no iterator of its own
            metadata = json.loads((file.metadata() or {}).get("json", "{}"))
    except (SafetensorError, ValueError, TypeError, OSError) as error:
        raise DataError(f"{path} is damaged: it is not a whole safetensors file. {REMEDY}") from error
    return tensors, metadata


def save_folder(
    folder: Path | str,
    *,
    kind: str,
    name: str,
    arguments: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    extra_files: Mapping[str, str | bytes] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a model folder, whole or not at all.

    Args:
        folder: where; its parents are made. An empty folder may stand there.
        kind: what is saved: "associator" for instance; checked when it is loaded.
        name: registry name of the class.
        arguments: constructor arguments that JSON can hold.
        tensors: name -> array of numbers, any shape.
        extra_files: file name -> content, "README.md" or "parts/a.json" for instance; text is written as UTF-8.
        overwrite: replace a folder that holds something.

    Raises:
        DataError: the folder holds something and `overwrite` is False; or it cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file, a model needs a folder. Choose another name.")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise DataError(
            f"{folder} exists and is not empty. Choose another folder, or replace what is in it with --overwrite."
        )
    config = {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "name": name,
        "arguments": dict(arguments),
        "versions": _library_versions(),
    }
    text = json.dumps(config, indent=2, allow_nan=False) + "\n"
    with writing(folder.absolute()) as fresh:
        fresh.mkdir()
        (fresh / CONFIG_FILE).write_text(text, encoding="utf-8")
        _put_tensors(fresh / TENSOR_FILE, tensors, {})
        for file_name, content in (extra_files or {}).items():
            data = content.encode() if isinstance(content, str) else content
            (fresh / file_name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / file_name).write_bytes(data)


def load_folder(folder: Path | str, *, kind: str | None = None) -> SavedFolder:
    """Read a model folder.

    Args:
        folder: a folder that `save_folder` wrote.
        kind: what must have been saved in it; None accepts anything.

    Raises:
        DataError: a file is missing or damaged; a key of `config.json` is missing or of a wrong type; the format is
            newer than this package; another kind was saved; an array holds nan or infinity.
    """
    folder = Path(folder)
    config = _read_config(folder)
    if kind is not None and config["kind"] != kind:
        raise DataError(f"{folder} holds a saved {config['kind']}, not a saved {kind}. Give the folder of one.")
    tensors, _ = read_tensors(folder / TENSOR_FILE)
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise DataError(f"Tensor {name!r} of {folder / TENSOR_FILE} holds nan or infinity. {REMEDY}")
    versions = {str(library): str(version) for library, version in config["versions"].items()}
    return SavedFolder(folder, config["kind"], config["name"], config["arguments"], tensors, versions)


def check_tensors(tensors: Mapping[str, np.ndarray], expected: Mapping[str, Shape], *, owner: str) -> None:
    """Hold the names and shapes of arrays against what a model needs.

    Args:
        tensors: name -> array, as loaded.
        expected: name -> shape; None in a shape stands for any length.
        owner: what needs them, for the message: "cca".

    Raises:
        DataError: a tensor is missing, left over, or of another shape; all such problems in one line.
    """
    problems = [f"tensor {name!r} is missing" for name in expected if name not in tensors]
    problems += [f"tensor {name!r} is left over" for name in tensors if name not in expected]
    for name, shape in expected.items():
        found = tensors[name].shape if name in tensors else shape
        if len(found) != len(shape) or any(s not in (None, f) for s, f in zip(shape, found, strict=True)):
            wanted = "(" + ", ".join("any" if s is None else str(s) for s in shape) + ")"
            problems.append(f"tensor {name!r} must have shape {wanted} and has {found}")
    if problems:
        raise DataError(f"The saved {owner} does not fit its {CONFIG_FILE}: {'; '.join(problems)}. {REMEDY}")


def boxed_names(kind: BoxedKind = "associator") -> list[str]:
    """Return the names of the models of a kind in the box, in order.

    The box also holds heads that predict attributes of voices and faces; they are no models and are not listed.

    Args:
        kind: "associator", models that match, or "generator", models that draw.
    """
    box = importlib.resources.files("visavox") / "pretrained"
    if not box.is_dir():
        return []
    wanted = (CONFIG_FILE, BOXED[kind])
    return sorted(entry.name for entry in box.iterdir() if all((entry / name).is_file() for name in wanted))


def resolve_model(name: str | Path, *, kind: BoxedKind = "associator") -> Path:
    """Return the folder that a name means: a folder, a model in the box, or a model of the Hugging Face hub.

    A folder that holds `config.json`, or a training run whose `best/` does, comes first, then the box, then the hub
    (for names like "owner/model").

    Args:
        name: what the user said.
        kind: which models of the box are meant.

    Raises:
        DataError: the folder has no `config.json`; the hub cannot be reached or does not know the model.
        UnknownNameError: it is none of the three.
        MissingDependencyError: huggingface_hub is not installed.
    """
    folder = Path(name)
    for candidate in (folder, folder / "best"):
        if (candidate / CONFIG_FILE).is_file():
            return candidate
    boxed = boxed_names(kind)
    if str(name) in boxed:
        return Path(str(importlib.resources.files("visavox") / "pretrained" / str(name)))
    if folder.is_dir():
        raise DataError(f"{folder} is not a model folder: it holds no {CONFIG_FILE}. In the box: {_listed(boxed)}.")
    if re.fullmatch(r"[\w][\w.-]*/[\w][\w.-]*", str(name)):
        return _from_hub(str(name), boxed)
    raise UnknownNameError("model (neither a folder nor in the box)", str(name), boxed)


def _put_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    # Rows first in memory, as the format wants them; ascontiguousarray would turn () into (1,) by itself.
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    try:
        save_file(contiguous, path, metadata={"json": json.dumps(metadata, allow_nan=False)})
    except SafetensorError as error:  # its way of reporting a full disk
        raise OSError(str(error)) from error
    path.chmod(path.parent.stat().st_mode & 0o666)  # safetensors lets the owner alone read; a box is for everybody


def _from_hub(name: str, boxed: list[str]) -> Path:
    try:
        hub = importlib.import_module("huggingface_hub")
        errors = importlib.import_module("huggingface_hub.errors")
    except ImportError as error:
        raise MissingDependencyError(
            f"{name!r} is no folder here, and the hub needs a package. Install it: pip install huggingface-hub"
        ) from error
    wanted = ["*.json", "*.safetensors", "README.md", "*/*.json", "*/*.safetensors"]
    try:
        return Path(hub.snapshot_download(name, allow_patterns=wanted))
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, errors.HFValidationError, OSError) as error:
        raise DataError(
            f"Model {name!r} is no folder here and the hub does not give it ({type(error).__name__}). "
            f"Check the name and the network, or take one from the box: {_listed(boxed)}."
        ) from error


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise DataError(f"{path} is missing. {REMEDY}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not readable JSON ({error}). {REMEDY}") from error
    types = {"format_version": int, "kind": str, "name": str, "arguments": dict, "versions": dict}
    for key, wanted in types.items():
        if not isinstance(config, dict) or not isinstance(config.get(key), wanted):
            raise DataError(f"{path} has no key {key!r} of type {wanted.__name__}. {REMEDY}")
    if config["format_version"] > FORMAT_VERSION:
        raise DataError(
            f"{path} has format {config['format_version']}, this package reads up to {FORMAT_VERSION}. "
            "Install a newer visavox."
        )
    return dict(config)


def _library_versions() -> dict[str, str]:
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            versions[library] = "unknown"
    return versions


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
