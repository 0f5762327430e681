"""Published weights: found in a folder or on the Hugging Face hub, read without running code, put in place by name.

No model is known here: an encoder says which files it needs and which network they fill. A checkpoint is read with
torch's own reader in its safe mode, which takes tensors and plain containers and refuses everything else.

Example (needs the network, or the model in the hub's cache):
    folder = hub_folder("speechbrain/spkrec-ecapa-voxceleb", ["embedding_model.ckpt"], owner="ecapa")
    fill(network, read_state(folder / "embedding_model.ckpt"), where="embedding_model.ckpt", owner="ecapa")
"""

from __future__ import annotations

import hashlib
import importlib
import json
import pickle
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError, MissingDependencyError, one_line

COUNTER = "num_batches_tracked"
"""Last part of the names of counters inside batch normalisations: without effect, and missing in old files."""
MAX_LISTED = 3  # names in a message; a wrong network lacks hundreds


def hub_folder(source: str, files: Sequence[str], *, owner: str, revision: str = "main") -> Path:
    """Return a folder that holds `files`: the folder `source` itself, or the hub's model of that name.

    Args:
        source: folder, or "owner/model" on the hub; the hub's cache is asked before the network.
        files: names that are needed, and nothing else is fetched; "a|b" is content with either.
        owner: the encoder that needs them, for messages.
        revision: branch, tag or commit on the hub.

    Raises:
        DataError: the folder lacks a file, or the hub does not give the model.
        MissingDependencyError: huggingface_hub is not installed.
    """
    folder = Path(source)
    if folder.is_dir():
        if lacking := _lacking(folder, files):
            raise DataError(f"{folder} holds no {lacking}, which the encoder {owner!r} needs. Copy the whole model.")
        return folder
    if not re.fullmatch(r"[\w][\w.-]*/[\w][\w.-]*", source):
        raise DataError(f"{source!r} is neither a folder nor a model of the hub, for the encoder {owner!r}.")
    hub, errors = _hub()
    wanted = [name for entry in files for name in entry.split("|")]
    failures = (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, errors.HFValidationError, OSError)
    try:
        cached = Path(hub.snapshot_download(source, allow_patterns=wanted, revision=revision, local_files_only=True))
        if not _lacking(cached, files):
            return cached
    except failures:
        pass  # not in the cache: ask the hub
    try:
        fetched = Path(hub.snapshot_download(source, allow_patterns=wanted, revision=revision))
    except failures as error:
        raise DataError(
            f"The encoder {owner!r} needs the model {source!r}, which the hub does not give ({type(error).__name__}). "
            "Check the network, or give a folder that holds it as `source: FOLDER`."
        ) from error
    if lacking := _lacking(fetched, files):
        raise DataError(
            f"The hub's model {source!r} holds no {lacking}, which the encoder {owner!r} needs. Give another revision "
            "or a folder."
        )
    return fetched


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name, each of its shape, on the CPU.

    Args:
        path: what `torch.save` wrote of a state dict; it may lie under "state_dict" or "model".

    Raises:
        DataError: the file is damaged, is no checkpoint of tensors, or holds code.
    """
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, OSError, KeyError, ValueError, RuntimeError) as error:
        # torch says "Unsupported global" or the like where it met something that is no tensor.
        held = re.search(r"GLOBAL (\S+)|class '?(\S+?)'? ", str(error))
        what = f"holds code ({held.group(1) or held.group(2)})" if held else f"is damaged ({type(error).__name__})"
        raise DataError(
            f"{one_line(str(path))} {what} and was not opened. Fetch it again from where it was published."
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found or not all(isinstance(v, Tensor) for v in found.values()):
        raise DataError(f"{one_line(str(path))} holds no tensors by name. Give the checkpoint of a network.")
    return {str(name): tensor for name, tensor in found.items()}


def fill(
    network: nn.Module,
    state: Mapping[str, Tensor],
    *,
    owner: str,
    where: str,
    prefix: str = "",
    constants: Collection[str] = (),
) -> None:
    """Put published tensors in place, every one by its own name; nothing is half done when it fails.

    Args:
        network: takes them; stays on its device.
        state: name -> tensor.
        owner: the encoder, for messages.
        where: the file, for messages.
        prefix: only names that begin so are meant, and it is cut off: "V.model." for one of two networks in a file.
        constants: names, without the prefix, that the file may hold and the network has no place for.

    Raises:
        DataError: a tensor is missing, left over, of another shape, or not finite.
    """
    meant = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
    expected = network.state_dict()
    missing = [name for name in expected if name not in meant and not name.endswith(COUNTER)]
    extra = [name for name in meant if name not in expected and name not in constants]
    shapes = [
        f"{name} has {tuple(meant[name].shape)} for {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in meant and meant[name].shape != tensor.shape
    ]
    wrong = [f"lacks {_listed(missing)}"] * bool(missing) + [f"has {_listed(extra)} left over"] * bool(extra)
    if wrong := wrong + [_listed(shapes)] * bool(shapes):
        raise DataError(
            f"{where} does not fit the encoder {owner!r}: it {'; '.join(wrong)}. Give the checkpoint of this network."
        )
    for name in expected:
        if name in meant and not bool(torch.isfinite(meant[name]).all()):
            raise DataError(f"{where}: the tensor {prefix}{name} holds nan or infinity. Fetch it again.")
    network.load_state_dict({name: meant.get(name, tensor) for name, tensor in expected.items()})


def from_transformers(kind: str, folder: Path, *, owner: str) -> Any:
    """Return a model of the transformers library from a folder, in evaluation mode and without gradients.

    Args:
        kind: name of its class: "Dinov2Model".
        folder: holds config.json and the weights; code in it is never run.
        owner: the encoder, for messages.

    Raises:
        MissingDependencyError: transformers is not installed.
        DataError: the folder holds another or a damaged model, or lacks some weights.
    """
    transformers = _transformers(owner)
    log = transformers.utils.logging
    verbosity, has_bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()  # what matters of its warnings is raised below
    log.disable_progress_bar()
    try:
        network, found = getattr(transformers, kind).from_pretrained(
            folder, output_loading_info=True, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        reason = one_line(str(error).strip().splitlines()[0] if str(error).strip() else "no reason given").rstrip(".")
        raise DataError(
            f"{folder} holds no model that the encoder {owner!r} can load ({type(error).__name__}: {reason}). "
            "Fetch it again."
        ) from error
    finally:
        log.set_verbosity(verbosity)
        if has_bar:
            log.enable_progress_bar()
    if lacking := sorted(found["missing_keys"]) or sorted(str(k) for k in found["mismatched_keys"]):
        raise DataError(
            f"{folder} does not fit the encoder {owner!r}: it lacks {_listed(lacking)}. Give a model of its kind."
        )
    return network.eval().requires_grad_(False)


def model_identity(source: str, revision: str = "main") -> str:
    """Return what stands for weights in a cache key: "owner/model@revision", or a digest of a folder's files.

    Raises:
        DataError: the folder holds no weights.
    """
    folder = Path(source)
    if not folder.is_dir():
        return f"{source}@{revision}"
    digest = hashlib.sha256()
    paths = sorted(p for p in folder.iterdir() if p.suffix in (".ckpt", ".safetensors", ".bin", ".json"))
    if not paths:
        raise DataError(f"{folder} holds no weights (.ckpt, .safetensors or .bin). Give the folder of a model.")
    for path in paths:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def width_of(source: str, known: dict[str, int], key: str, owner: str) -> int:
    """Return the length of a model's vectors without loading it.

    Args:
        source: folder with a config.json, or a model of the hub.
        known: models of the hub and their lengths.
        key: where the config.json says it.
        owner: the encoder, for messages.

    Raises:
        ConfigError: `source` is neither a folder nor known.
        DataError: the folder's config.json does not say it.
    """
    folder = Path(source)
    if not folder.is_dir():
        if source not in known:
            raise ConfigError(
                f"`source` of the encoder {owner!r} must be a folder or one of {', '.join(known)}. Got {source!r}."
            )
        return known[source]
    width = read_config(folder, "config.json").get(key)
    if not isinstance(width, int):
        raise DataError(f"{folder}/config.json says no `{key}`, so it holds no model for the encoder {owner!r}.")
    return width


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """Return a JSON file of a model folder.

    Raises:
        DataError: it is missing or no JSON object.
    """
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / name} cannot be read ({type(error).__name__}). Fetch the model again.") from error
    if not isinstance(found, dict):
        raise DataError(f"{folder / name} holds no JSON object. Fetch the model again.")
    return found


def _lacking(folder: Path, files: Sequence[str]) -> str:
    """Return the first of the files that is not there, or ""."""
    return next(
        (entry.replace("|", " or ") for entry in files if not any((folder / n).is_file() for n in entry.split("|"))), ""
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return one_line(", ".join(names[:MAX_LISTED])) + more


def _hub() -> tuple[ModuleType, ModuleType]:
    try:
        return importlib.import_module("huggingface_hub"), importlib.import_module("huggingface_hub.errors")
    except ImportError as error:
        raise MissingDependencyError(
            "Models of the hub need a package. Install it: pip install huggingface-hub"
        ) from error


def _transformers(owner: str) -> ModuleType:
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise MissingDependencyError(
            f"The encoder {owner!r} needs transformers. Install it: pip install 'visavox[hub]'"
        ) from error
