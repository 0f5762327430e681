"""The folder of a training run: what it was begun with, and its claim on the files in it.

    run/config.yaml            what decides the run; a resumed one must have the same
    run/best/                  the model
    run/held_out/, folds.json  of a run over folds

Example:
    claim_folder(config, run_identity(config, spec, embedded))
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from visavox.config import TrainConfig
from visavox.corpus.atomic_file import atomic_file
from visavox.errors import ConfigError, DataError
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.end_to_end_run import CHECKPOINTS, PREPARED
from visavox.pipeline.training_log import METRICS_FILE, TENSORBOARD_FOLDER

CONFIG, BEST, HELD_OUT, FOLDS = "config.yaml", "best", "held_out", "folds.json"


def common_identity(config: TrainConfig, spec: Any) -> dict[str, Any]:
    """Return what decides a run of any kind, JSON values only."""
    return {
        "associator": spec if isinstance(spec, str) else json.loads(json.dumps(spec)),
        "objective": config.objective,
        "subset": config.subset,
        "seed": config.seed,
        "patience_epochs": config.patience_epochs,
    }


def run_identity(config: TrainConfig, spec: Any, embedded: CorpusEmbeddings) -> dict[str, Any]:
    """Return what decides a run on embeddings, JSON values only."""
    return {
        **common_identity(config, spec),
        "catalog_hash": embedded.about.get("catalog_hash"),
        "voice_encoder": embedded.voice.encoder,
        "face_encoder": embedded.face.encoder,
    }


def claim_folder(config: TrainConfig, wanted: Mapping[str, Any]) -> None:
    """Write what decides the run to config.yaml, or hold an existing one against it.

    Raises:
        ConfigError: `out` holds other files.
        DataError: `out` holds a run of other settings, or a damaged one.
    """
    path = config.out / CONFIG
    if path.is_file() and not config.overwrite:
        found = _read_config(path)
        other = sorted(key for key in wanted if found.get(key) != wanted[key])
        if other and any(file != path for file in config.out.iterdir()):  # it has begun; else it was refused
            raise DataError(
                f"{config.out} holds a run with other settings: {', '.join(other)}. "
                "Choose another folder, or start anew with --overwrite."
            )
        if not other:
            return
    if config.out.exists() and any(config.out.iterdir()) and not path.is_file():
        raise ConfigError(
            f"`out` must be a new or empty folder, or a run. {config.out} holds other files. Choose another folder."
        )
    config.out.mkdir(parents=True, exist_ok=True)
    # All of it: a model, a checkpoint or held-out vectors of the run before must never pass for those of this one.
    for name in (
        BEST,
        HELD_OUT,
        CHECKPOINTS,
        PREPARED,
        TENSORBOARD_FOLDER,
        *(member.name for member in config.out.glob("member-*")),
    ):
        if (config.out / name).is_dir():
            shutil.rmtree(config.out / name)
    for name in (FOLDS, METRICS_FILE):
        (config.out / name).unlink(missing_ok=True)
    with atomic_file(path, what="settings of the run") as fresh:
        fresh.write_text(yaml.safe_dump(dict(wanted), sort_keys=False), encoding="utf-8")


def _read_config(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged. Start the run anew with --overwrite.") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} is damaged: it holds no settings. Start the run anew with --overwrite.")
    return found
