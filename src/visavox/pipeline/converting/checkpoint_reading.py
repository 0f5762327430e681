"""Checkpoints that torch wrote, read without running anything that they hold.

A checkpoint is a pickle, and a pickle may name any function to be called. `torch.load(weights_only=True)` calls none
but its own list; what it refuses is named here, so that a reader sees what the file wanted. What stands in such a
file besides the weights (an optimiser, an epoch) is kept by name only.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.pth"
    >>> torch.save({"epoch": 3, "state_dict": {"module.fc.weight": torch.zeros(2, 3)}}, path)
    >>> state = read_state(path)
    >>> state.tensors["fc.weight"].shape, state.beside
    ((2, 3), ('epoch',))
"""

from __future__ import annotations

import io
import logging
import pickle
import pickletools
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visavox.errors import DataError, one_line
from visavox.persistence import Tensors, read_tensors

logger = logging.getLogger(__name__)

WRAPPERS = ("state_dict", "model_state_dict")
"""Under which key training scripts keep the weights."""
PREFIXES = ("module.", "__S__.")
"""What parallel training and voxceleb_trainer put before every name."""
LOSS_PREFIX = "__L__."
"""What voxceleb_trainer puts before the names of its loss."""
HARMLESS = ("torch.", "collections.OrderedDict", "collections.defaultdict")
REMEDY = "Ask for the weights alone (torch.save of the state_dict), or as safetensors."
UNREADABLE = (
    RuntimeError,  # of torch's reader; NotImplementedError and RecursionError are such, too
    EOFError,
    AssertionError,
    MemoryError,
    OverflowError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
"""What torch.load and zipfile raise for a file that is cut off or damaged."""
NO_PICKLE = (KeyError, ValueError, TypeError, IndexError, AttributeError, ImportError)
"""What they raise for bytes that are no pickle; UnicodeDecodeError is a ValueError."""
MOST_REPEATED = 10_000_000
"""Numbers of a weight that may be more than its file stores (a shape that repeats them)."""
_TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "UNICODE", "BINUNICODE8")


@dataclass(frozen=True)
class PublishedState:
    """The weights of a checkpoint."""

    path: Path
    """The file."""
    tensors: Tensors
    """Name, without the prefixes of parallel training -> array; floats are float32, all finite."""
    beside: tuple[str, ...]
    """Names of what else the file holds, in order: "epoch", "optimizer"."""


def read_state(path: Path) -> PublishedState:
    """Return the weights of a checkpoint.

    Raises:
        DataError: the file is missing, a folder, empty, cut off, no checkpoint of torch; it holds code; it holds no
            weights, or a weight that is not finite.
    """
    if path.suffix == ".safetensors":
        loaded: Any = {name: torch.from_numpy(array) for name, array in read_tensors(path)[0].items()}
    else:
        loaded = read_checkpoint(path)
    beside: list[str] = []
    for wrapper in WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(wrapper), Mapping):
            beside = [str(name) for name in loaded if name != wrapper]
            loaded = loaded[wrapper]
            break
    found = {str(k): v for k, v in loaded.items() if isinstance(v, torch.Tensor)} if isinstance(loaded, Mapping) else {}
    if not found:
        raise DataError(f"{path} holds no weights by name, but a {type(loaded).__name__}. {REMEDY}")
    beside += [str(name) for name, value in loaded.items() if not isinstance(value, torch.Tensor)]
    loss = [name for name in found if name.removeprefix(PREFIXES[0]).startswith(LOSS_PREFIX)]
    for name in loss:
        del found[name]
    for prefix in PREFIXES:
        if found and all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return PublishedState(path, {n: _array(n, t, path) for n, t in found.items()}, (*beside, *loss))


def read_checkpoint(path: Path) -> Any:
    """Return what `torch.load` gives for a file, with weights_only=True.

    Raises:
        DataError: as of `read_state`.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder. Give the checkpoint file itself.")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty. Download it again.")
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()  # torch does not look at the checksums
            if damaged:
                raise DataError(f"{path} is damaged: the checksum of {damaged} is another. Download it again.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, in a traceback's words
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}). Check the name.") from error
    except pickle.UnpicklingError as error:
        wanted = foreign_names(path)
        if wanted:
            raise DataError(f"{path} holds code ({', '.join(wanted)}), which is not run. {REMEDY}") from error
        raise DataError(f"{path} is no checkpoint that torch wrote. Download it again, as a binary file.") from error
    except UNREADABLE as error:
        reason = one_line(" ".join(str(error).split()))[:60] or type(error).__name__
        raise DataError(f"{path} is cut off or damaged ({reason}). Download it again.") from error
    except NO_PICKLE as error:
        raise DataError(f"{path} is no checkpoint that torch wrote. Download it again, as a binary file.") from error


def foreign_names(path: Path) -> list[str]:
    """Return the classes and functions that a pickle names beyond those of torch, in order; nothing is imported.

    Args:
        path: a zip file with a data.pkl, as torch writes it, or a bare pickle; of a damaged one nothing is returned.
    """
    data = path.read_bytes()
    try:
        if zipfile.is_zipfile(path):  # itself raises BadZipFile for some ends of a file
            with zipfile.ZipFile(path) as archive:
                data = b"".join(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    except (*UNREADABLE, *NO_PICKLE, OSError) as error:
        logger.debug("%s: no zip file that can be read (%s)", path, error)
        return []
    names: list[str] = []
    stream = io.BytesIO(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bytes that are no pickle may look like odd escapes
        try:
            while stream.tell() < len(data):  # old files are several pickles, one behind the other
                _collect_names(stream, names)
        except (*UNREADABLE, *NO_PICKLE):
            logger.debug("%s: no pickle from byte %d on", path, stream.tell())
    known = dict.fromkeys(name for name in names if not name.startswith(HARMLESS))
    return [name[:80] for name in known if re.fullmatch(r"\w+(\.\w+)+", name)]


def _collect_names(stream: io.BytesIO, names: list[str]) -> None:
    """Add what one pickle names to a list, also what comes before bytes that are no pickle."""
    texts: list[str] = []  # the texts so far, of which STACK_GLOBAL takes the last two
    memo: dict[int, str] = {}
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in _TEXTS:
            texts.append(str(argument))
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = texts[-1] if texts else ""
        elif opcode.name in ("BINGET", "LONG_BINGET") and memo.get(int(argument or 0)):
            texts.append(memo[int(argument or 0)])
        elif opcode.name in ("GLOBAL", "INST"):
            names.append(str(argument).replace(" ", "."))
        elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
            names.append(".".join(texts[-2:]))


def _array(name: str, tensor: torch.Tensor, path: Path) -> np.ndarray:
    sort = _unusual(tensor)
    if sort:
        raise DataError(f"Key {one_line(name)!r} of {path} is {sort}, not plain numbers. {REMEDY}")
    try:
        held = tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
        array = held.cpu().numpy()
    except (RuntimeError, TypeError, ValueError, MemoryError) as error:
        reason = one_line(" ".join(str(error).split()))[:60]
        raise DataError(f"Key {one_line(name)!r} of {path} cannot be read as numbers ({reason}). {REMEDY}") from error
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"Key {one_line(name)!r} of {path} holds nan or infinity. Take an earlier checkpoint.")
    return array


def _unusual(tensor: torch.Tensor) -> str:
    """Return what kind of tensor it is, "" for plain numbers that lie in the file."""
    if tensor.is_meta:
        return "a meta tensor (a shape without numbers)"
    if tensor.layout != torch.strided or tensor.is_nested:
        return "a sparse tensor"
    if tensor.is_quantized:
        return "a quantised tensor"
    n_stored = tensor.untyped_storage().nbytes() // max(tensor.element_size(), 1)
    if tensor.numel() > max(n_stored, MOST_REPEATED):
        return f"a tensor of {tensor.numel():,} numbers of which {n_stored:,} are stored"
    return ""
