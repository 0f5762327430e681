"""A model to a folder of ONNX files with export.json, which says what each file takes, gives, and was checked to.

Both towers are always written; an encoder where it is a network. What cannot be written is named with the reason.

Example:
    outcome = export_model(ExportConfig(model="base", out=Path("onnx")))
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.errors import ConfigError
from visavox.method_config import ExportConfig
from visavox.models.associators.base import Associator
from visavox.models.encoders.trainable import KIND
from visavox.persistence import load_folder, resolve_model
from visavox.pipeline.export_folder import whole_folder
from visavox.pipeline.exporting.networks import Part, associator_parts, encoder_part
from visavox.pipeline.exporting.onnx_file import require_onnx, write_onnx
from visavox.pipeline.frozen_encoder import Spec, build_encoder
from visavox.pipeline.voice_face_model import PREPROCESS, VoiceFaceModel
from visavox.registry import ENCODERS

MANIFEST = "export.json"


@dataclass(frozen=True)
class ExportOutcome:
    """What `export` has to say."""

    out: Path
    """The folder."""
    files: tuple[dict[str, Any], ...]
    """One entry a file, as in export.json."""
    not_exported: dict[str, str]
    """Part -> why it is not there."""


def export_model(config: ExportConfig) -> ExportOutcome:
    """Write the parts of a model and what was found when they were checked.

    Raises:
        ConfigError: `out` holds something else, or the associator cannot be written.
        DataError: the model is damaged, or a file does not compute what torch computes.
        MissingDependencyError: the extra `export` is not installed.
    """
    require_onnx()
    parts, missing = model_parts(config.model)
    if not parts:
        raise ConfigError(f"Nothing of {config.model} can be exported: {'; '.join(missing.values())}.")
    with whole_folder(config.out, overwrite=config.overwrite, marker=MANIFEST) as folder:
        files = tuple(write_onnx(part, folder / f"{part.name}.onnx") for part in parts)
        text = json.dumps(_manifest(config.model, files, missing), indent=2) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    return ExportOutcome(config.out, files, missing)


def model_parts(name: str) -> tuple[list[Part], dict[str, str]]:
    """Return the networks of a model and, for each part that is none, the reason.

    Args:
        name: a boxed name, a folder of a model, an associator or an encoder, a run of `train`, a hub id.
    """
    folder = resolve_model(name)
    saved = load_folder(folder)
    if saved.kind == KIND:
        modality = str(vars(ENCODERS.get(saved.name))["modality"])
        return _encoders([{"name": saved.name, "weights": str(folder)}], [modality])
    if not (folder / PREPROCESS).is_file():
        none = "the folder is an associator alone, for vectors that are made elsewhere"
        return associator_parts(Associator.from_folder(folder)), {"voice_encoder": none, "face_encoder": none}
    model = VoiceFaceModel.from_pretrained(folder)
    specs = [model.preprocess.voice_encoder, model.preprocess.face_encoder]
    encoders, missing = _encoders(specs, ["voice", "face"])
    return [*associator_parts(model.associator), *encoders], missing


def _encoders(specs: Sequence[Spec], modalities: Sequence[str]) -> tuple[list[Part], dict[str, str]]:
    parts: list[Part] = []
    missing: dict[str, str] = {}
    for spec, modality in zip(specs, modalities, strict=True):
        try:
            parts.append(encoder_part(build_encoder(spec, modality)))
        except ConfigError as error:
            missing[f"{modality}_encoder"] = str(error)
    return parts, missing


def _manifest(model: str, files: Sequence[dict[str, Any]], missing: dict[str, str]) -> dict[str, Any]:
    libraries = ("visavox", "torch", "onnx", "onnxscript", "onnxruntime")
    return {
        "model": model,
        "format": "onnx",
        "similarity": "the dot product of a row of voice_tower and a row of face_tower",
        "files": list(files),
        "not_exported": missing,
        "versions": {library: importlib.metadata.version(library) for library in libraries},
    }
