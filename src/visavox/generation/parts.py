"""The parts of a generator on disk: one folder a network, with its name, its arguments and its weights.

A part is written as soon as it is trained, so that a run that stops goes on with the next. Who wants a network builds
it from `part_spec` and gives it its weights with `load_part`. It knows no network and no generator as a whole: that is
`visavox.pipeline.drawing.generator_folder`.

Example:
    decoder = FACE_DECODERS.build(part_spec(folder, "decoder"))
    load_part(decoder, folder, "decoder")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from visavox.errors import ConfigError, DataError
from visavox.persistence import check_tensors, load_folder, save_folder

PART_KIND = "generator part"
PARTS = ("face_encoder", "predictor", "decoder", "autoencoder", "denoiser", "upsampler")
T = TypeVar("T")


def save_part(
    folder: Path, part: str, *, name: str, arguments: Mapping[str, Any], network: nn.Module, half: bool = False
) -> None:
    """Write one part of a generator.

    Args:
        folder: of the generator; made where it is missing.
        part: one of `PARTS`.
        name: registry name, or name of the class where there is no registry.
        arguments: keyword arguments that build the network again.
        network: its weights and buffers are written.
        half: keep floating-point tensors as float16.

    Raises:
        DataError: the folder cannot be written.
    """
    tensors = {}
    for key, value in network.state_dict().items():
        array = value.detach().cpu().float().numpy() if value.is_floating_point() else value.detach().cpu().numpy()
        tensors[key] = array.astype(np.float16) if half and value.is_floating_point() else array
    save_folder(folder / part, kind=PART_KIND, name=name, arguments=arguments, tensors=tensors, overwrite=True)


def load_part(network: nn.Module, folder: Path, part: str) -> None:
    """Put the saved weights of a part into a network that was built from its arguments; float32 from here on.

    Raises:
        DataError: the part is missing or damaged, or its tensors do not fit.
    """
    saved = load_folder(folder / part, kind=PART_KIND)
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    check_tensors(saved.tensors, expected, owner=f"{part} of {folder}")
    state = network.state_dict()
    network.load_state_dict({k: torch.from_numpy(np.asarray(a)).to(state[k].dtype) for k, a in saved.tensors.items()})


def part_spec(folder: Path, part: str) -> dict[str, Any]:
    """Return name and arguments of a part.

    Raises:
        DataError: the part is missing or damaged.
    """
    if not (folder / part / "config.json").is_file():
        there = ", ".join(p for p in PARTS if (folder / p / "config.json").is_file()) or "none"
        raise DataError(f"{folder} has no part {part}. Its parts: {there}. Train it, or use a method without it.")
    return load_folder(folder / part, kind=PART_KIND).spec


def built_part(folder: Path, part: str, build: Callable[[dict[str, Any]], T]) -> T:
    """Return what `build` makes of the name and the arguments of a part; its weights are not loaded.

    Raises:
        DataError: the part is missing or damaged, or says what `build` does not take.
    """
    spec = part_spec(folder, part)
    try:
        return build(spec)
    except (ConfigError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DataError(
            f"The {part} of {folder} is of another version or damaged ({reason}). Copy it or train again."
        ) from error
