"""Encoders whose weights lie in the folder of the model that was trained on them.

On disk such an encoder is {"name": "voice_cnn", "weights": "voice_encoder"}: a folder inside the model folder, so that
the whole can be moved. In memory the weights are a full path. Encoders without weights of their own pass untouched.

Example:
    >>> with_full_path("ge2e", Path("model"), "voice")
    'ge2e'
    >>> with_inner_path({"name": "ge2e"}, "voice")
    ({'name': 'ge2e'}, {})
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visavox.errors import DataError, UnknownNameError
from visavox.models.encoders.trainable import find_weights, inner_folder
from visavox.persistence import CONFIG_FILE, TENSOR_FILE
from visavox.pipeline.frozen_encoder import Spec, build_encoder

WEIGHTS = "weights"
"""The option of an encoder that says where its weights are."""


def with_full_path(spec: Any, folder: Path, modality: str) -> Any:
    """Return the specification that a model folder holds, with the path of its weights written out.

    Args:
        spec: as `preprocess.json` has it; what is no specification comes back as it is.
        folder: the model folder.
        modality: "voice" or "face".

    Raises:
        DataError: the weights are said to lie elsewhere than in the model folder, or a file of them is missing.
    """
    if not isinstance(spec, Mapping) or not spec.get(WEIGHTS):
        return spec
    if spec[WEIGHTS] != inner_folder(modality):
        raise DataError(
            f"The weights of the {modality} encoder must lie in {inner_folder(modality)} of the model folder {folder}. "
            f"Got {spec[WEIGHTS]!r}. Copy or train the model again."
        )
    weights = folder.absolute() / inner_folder(modality)
    for name in (CONFIG_FILE, TENSOR_FILE):
        if not (weights / name).is_file():
            raise DataError(
                f"{weights / name} is missing, so the model has no {modality} encoder. Copy the whole folder again, "
                "or train it again."
            )
    return {**spec, WEIGHTS: str(weights)}


def with_inner_path(spec: Spec, modality: str) -> tuple[Spec, dict[str, bytes]]:
    """Return the specification for a model folder, and the files that must come along.

    Args:
        spec: of an encoder, in memory. Weights that are the inner folder already are left to the caller to write.
        modality: "voice" or "face".

    Returns:
        The specification as `preprocess.json` holds it; name of each file inside the model folder -> its bytes.

    Raises:
        DataError: the weights cannot be read.
    """
    if isinstance(spec, str) or not spec.get(WEIGHTS) or spec[WEIGHTS] == inner_folder(modality):
        return spec, {}
    folder = find_weights(str(spec[WEIGHTS]), modality)
    inner = inner_folder(modality)
    try:
        files = {f"{inner}/{name}": (folder / name).read_bytes() for name in (CONFIG_FILE, TENSOR_FILE)}
    except OSError as error:
        raise DataError(
            f"{error.filename} cannot be read ({error.strerror}), so the {modality} encoder has no weights. "
            "Train it again, or copy the whole folder again."
        ) from error
    return {**spec, WEIGHTS: inner}, files


def is_same_encoder(wanted: Spec, found: Spec, found_identifier: str, modality: str) -> bool:
    """Return whether vectors come from the encoder that a model wants, wherever its weights lie.

    Args:
        wanted: what the model was trained with.
        found: what the vectors are said to be made with.
        found_identifier: the identifier that they were stored under; its number format does not count.
        modality: "voice" or "face".

    Raises:
        DataError: the wanted encoder's own weights are missing or damaged.
    """
    specs = [{"name": spec} if isinstance(spec, str) else dict(spec) for spec in (wanted, found)]
    if not any(spec.get(WEIGHTS) for spec in specs):
        return specs[0] == specs[1]
    try:
        identifier = build_encoder(wanted, modality).identifier
    except UnknownNameError:
        return False  # vectors of no encoder, as `simulate --embeddings-only` writes them
    return identifier == found_identifier.removesuffix("+bfloat16")
