"""What a published checkpoint must hold: its keys and shapes, as the public code makes them.

A manifest is a JSON file of this package, read from code, not from a file of weights; `loaded_here` says whether a
real file was converted, too. In a shape a text stands for a size that may differ from file to file, but must be the
same wherever it stands ("n_people"), or a multiple of one ("2*dim").

Example:
    >>> manifest = load_manifest("fop_gated")
    >>> manifest.keys["logits_layer.weight"], manifest.loaded_here
    (('n_people', 'dim'), True)
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from visavox.errors import DataError, one_line
from visavox.pipeline.converting.checkpoint_reading import PublishedState

Size = int | str
COUNTER = "num_batches_tracked"
LISTED = 3
"""Problems of one sort that a message lists before it counts the rest."""


@dataclass(frozen=True)
class Manifest:
    """Keys and shapes of one sort of checkpoint."""

    name: str
    """Name of its file."""
    source: str
    """Where the public code is that makes such a file."""
    loaded_here: bool
    """Whether a real file was converted, besides made-up ones."""
    keys: Mapping[str, tuple[Size, ...]]
    """Key -> shape."""
    not_kept: Mapping[str, str]
    """Keys that may be missing and are not kept -> what they are."""

    def likeness(self, names: Iterable[str]) -> float:
        """Return the share of keys in common, 0 to 1, with the names of a checkpoint."""
        found = set(names)
        return len(found & set(self.keys)) / len(found | set(self.keys))

    def fit(self, state: PublishedState, *, remedy: str) -> dict[str, int]:
        """Hold a checkpoint to keys and shapes and return the sizes that the texts stand for.

        Args:
            state: the checkpoint.
            remedy: what to do where it does not fit, a sentence.

        Raises:
            DataError: a key is missing, left over, or of another shape; up to three of each are named.
        """
        found = state.tensors
        may_lack = {name for name in self.keys if name in self.not_kept or name.endswith(COUNTER)}
        missing = [repr(name) for name in self.keys if name not in found and name not in may_lack]
        left_over = [repr(one_line(name)) for name in found if name not in self.keys]
        sizes: dict[str, int] = {}
        wrong = []
        for name, shape in self.keys.items():
            if name in found and not _fits(shape, found[name].shape, sizes):
                wanted = ", ".join(_spoken(size, sizes) for size in shape)
                wrong.append(f"{name!r} must have shape ({wanted}) and has {found[name].shape}")
        sorts = (("missing", missing), ("left over", left_over), ("of another shape", wrong))
        problems = [f"keys {sort}: {_listed(names)}" for sort, names in sorts if names]
        if problems:
            raise DataError(f"{state.path} is no {self.name} checkpoint: {'; '.join(problems)}. {remedy}")
        return sizes

    def completed(self, state: PublishedState) -> PublishedState:
        """Return the checkpoint with the counters of batch normalisation that old versions of torch did not write."""
        counters = {n: np.zeros((), np.int64) for n in self.keys if n.endswith(COUNTER) and n not in state.tensors}
        return dataclasses.replace(state, tensors={**state.tensors, **counters})

    def kept(self, state: PublishedState, prefix: str = "") -> dict[str, str]:
        """Return the keys under a prefix that are kept -> their names without it."""
        return {n: n.removeprefix(prefix) for n in state.tensors if n.startswith(prefix) and n not in self.not_kept}


def load_manifest(name: str) -> Manifest:
    """Return a manifest of this package; where it is made of others, their keys come with their prefix."""
    folder = importlib.resources.files("visavox") / "pipeline" / "converting" / "manifests"
    raw = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    keys = {key: tuple(shape) for key, shape in raw["keys"].items()}
    not_kept = dict(raw.get("not_kept", {}))
    for prefix, part in raw.get("parts", {}).items():
        inner = load_manifest(part)
        keys |= {prefix + key: shape for key, shape in inner.keys.items()}
        not_kept |= {prefix + key: about for key, about in inner.not_kept.items()}
    return Manifest(name, raw["source"], raw["loaded_here"], keys, not_kept)


def _fits(wanted: tuple[Size, ...], found: tuple[int, ...], sizes: dict[str, int]) -> bool:
    """Return whether a shape fits, filling `sizes` with texts that had no value yet."""
    if len(wanted) != len(found):
        return False
    for want, have in zip(wanted, found, strict=True):
        if isinstance(want, str) and "*" not in want:
            want = sizes.setdefault(want, have)
        elif isinstance(want, str):
            want = _product(want, sizes)
        if want != have:
            return False
    return True


def _product(text: str, sizes: Mapping[str, int]) -> int:
    factor, name = text.split("*")
    return int(factor) * sizes.get(name, 0)


def _spoken(size: Size, sizes: Mapping[str, int]) -> str:
    if isinstance(size, int):
        return str(size)
    return str(_product(size, sizes) if "*" in size else sizes.get(size, size))


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + rest
