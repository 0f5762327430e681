"""What decides the vectors of a model, as one number: two models with the same fingerprint share a gallery.

The temperature of matching and the calibration of pairs are no part of it: they say what a similarity means, and do
not change it. Weights of trained encoders count by their content, wherever they lie.

Example:
    model_fingerprint(VoiceFaceModel.from_pretrained("base"))[:12]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visavox.errors import DataError
from visavox.models.encoders.trainable import find_weights
from visavox.persistence import CONFIG_FILE, TENSOR_FILE
from visavox.pipeline.carried_encoders import WEIGHTS
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.gallery_rows import GalleryAbout

SHOWN = 12  # digits of a fingerprint in messages


def model_fingerprint(model: VoiceFaceModel) -> str:
    """Return the SHA-256 of the associator, the encoders and the detector, hexadecimal.

    Raises:
        DataError: the weights of an encoder cannot be read.
    """
    digest = hashlib.sha256()
    described = {
        "associator": model.associator.spec,
        "voice_encoder": _encoder(model.preprocess.voice_encoder, "voice"),
        "face_encoder": _encoder(model.preprocess.face_encoder, "face"),
        "detector": model.preprocess.detector,
    }
    digest.update(json.dumps(described, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.associator.tensors().items()):
        array = np.ascontiguousarray(tensor)
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def about_model(model: VoiceFaceModel, *, index: str | Mapping[str, Any] = "auto") -> GalleryAbout:
    """Return what a gallery records of the model that it is made with.

    Args:
        model: of the gallery.
        index: as it was asked for.
    """
    encoders = {"voice": model.preprocess.voice_encoder, "face": model.preprocess.face_encoder}
    specs = {modality: {"name": spec} if isinstance(spec, str) else dict(spec) for modality, spec in encoders.items()}
    folder = Path(model.name)  # a folder of that name may be anything: `simulate --out world` makes one
    is_model = any((place / CONFIG_FILE).is_file() for place in (folder, folder / "best"))
    name = str(folder.resolve()) if is_model else model.name
    return GalleryAbout(name, model_fingerprint(model), model.associator.dim, specs, index)


def refuse_another_model(about: GalleryAbout, model: VoiceFaceModel, gallery: Path) -> None:
    """Raise unless a model is the one that a gallery was made with.

    Raises:
        DataError: names both, with the beginning of their fingerprints.
    """
    found = model_fingerprint(model)
    if found != about.fingerprint:
        raise DataError(
            f"The vectors of {gallery} are of the model {about.model!r} ({about.fingerprint[:SHOWN]}). Got the model "
            f"{model.name!r} ({found[:SHOWN]}), whose vectors mean something else. Use the gallery's model, or build "
            "it again with --overwrite."
        )


def _encoder(spec: str | Mapping[str, Any], modality: str) -> dict[str, Any]:
    """Return a specification with the content of its weights instead of their place."""
    found: dict[str, Any] = {"name": spec} if isinstance(spec, str) else dict(spec)
    if not found.get(WEIGHTS):
        return found
    folder = find_weights(str(found[WEIGHTS]), modality)
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        digest = hashlib.sha256((folder / TENSOR_FILE).read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise DataError(f"The weights in {folder} cannot be read ({error}). Copy the whole model again.") from error
    return {**found, WEIGHTS: [config.get("name"), config.get("arguments"), digest]}
