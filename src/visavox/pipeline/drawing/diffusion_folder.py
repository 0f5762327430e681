"""The folder of a diffusion training: what decides it, and the generator that comes out of it.

Example:
    claim_run(config, settings)      # refuses a folder of other settings
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from visavox.config import TrainConfig
from visavox.corpus.atomic_file import atomic_file
from visavox.errors import ConfigError, DataError
from visavox.generation.parts import PARTS
from visavox.pipeline.drawing.diffusion_card import diffusion_card
from visavox.pipeline.drawing.diffusion_faces import LearnedFaces
from visavox.pipeline.drawing.diffusion_settings import DiffusionSettings
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.voice_face_model import hash_identity

RUN_FILE = "diffusion.json"
OWN_PARTS = ("autoencoder", "denoiser", "upsampler")
FREE = ("sampler", "n_steps", "guidance")
"""Settings that may change without a new training: how it draws unless told otherwise."""


def run_identity(config: TrainConfig, settings: DiffusionSettings) -> dict[str, Any]:
    """Return what decides a run, JSON values only."""
    values = {name: value for name, value in settings.as_json().items() if name not in FREE}
    for part in OWN_PARTS:
        if values[part] is not None:
            values[part]["training"].pop("time_limit_min")
    named = {"corpus": str(config.corpus), "splits": str(config.splits), "seed": config.seed}
    found: dict[str, Any] = json.loads(json.dumps({**named, "precision": config.precision, **values}))
    return found


def claim_run(config: TrainConfig, settings: DiffusionSettings) -> None:
    """Write what decides the run, or hold an existing one against it.

    Raises:
        ConfigError: `out` is a file, or holds other files.
        DataError: `out` holds a run of other settings, or a damaged one.
    """
    path, wanted = config.out / RUN_FILE, run_identity(config, settings)
    if config.out.exists() and not config.out.is_dir():
        raise ConfigError(f"`out` must be a folder. {config.out} is a file. Choose another name.")
    if path.is_file() and not config.overwrite:
        try:
            found = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise DataError(f"{path} is damaged. Start the run anew with --overwrite.") from error
        other = sorted(key for key in {*wanted, *found} if found.get(key) != wanted.get(key))
        if other:
            raise DataError(
                f"{config.out} holds a run with other settings: {', '.join(other)}. "
                "Choose another folder, or start anew with --overwrite."
            )
        return
    if config.out.exists() and any(config.out.iterdir()) and not path.is_file():
        raise ConfigError(
            f"`out` must be a new or empty folder, or a run of diffusion. {config.out} holds other files. "
            "Choose another folder."
        )
    for old in ("generator", "tensorboard", *(member.name for member in config.out.glob("member-*"))):
        shutil.rmtree(config.out / old, ignore_errors=True)
    for name in ("metrics.jsonl", "latents.safetensors"):
        (config.out / name).unlink(missing_ok=True)
    config.out.mkdir(parents=True, exist_ok=True)
    with atomic_file(path, what="settings of the run") as fresh:
        fresh.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def named_generator(settings: DiffusionSettings) -> Generator | None:
    """Return the generator whose parts are taken over, after holding it to the settings.

    Raises:
        DataError: it is missing or damaged, draws other sizes, or listens by another encoder or other windows.
    """
    if settings.generator is None:
        return None
    found = Generator.load(settings.generator)
    pairs = {
        "image_px": (found.image_px, settings.image_px),
        "window_s": (found.window_s, settings.window_s),
        "voice_encoder": (_spec(found.voice_encoder), _spec(settings.voice_encoder)),
    }
    for name, (theirs, ours) in pairs.items():
        if theirs != ours:
            raise DataError(
                f"The generator {settings.generator} has `{name}` {theirs}, this training {ours}; one folder "
                f"holds one. Set `{name}` to {theirs}, or name no `generator`."
            )
    return found


def start_generator(out: Any, settings: DiffusionSettings) -> None:
    """Copy the parts of the generator that is named into the one that is made, where they are not there yet.

    Raises:
        DataError: it does not fit.
    """
    found = named_generator(settings)
    if found is None:
        return
    for part in PARTS:
        target = out / "generator" / part
        if part not in OWN_PARTS and found.has(part) and not target.is_dir():
            shutil.copytree(found.folder / part, target)


def finish_generator(
    config: TrainConfig, settings: DiffusionSettings, faces: LearnedFaces, rows: Mapping[str, Mapping[str, Any]]
) -> Generator:
    """Write config, mean picture, people and card of the generator, and return it.

    Args:
        config: of the run.
        settings: of the task.
        faces: what was learned from.
        rows: part -> how its training went, for the card.
    """
    named = named_generator(settings)
    own = {"diffusion": {"guidance": settings.guidance, "n_steps": settings.n_steps, "sampler": settings.sampler}}
    people = frozenset(hash_identity(person) for person in faces.media.paired["train"].people)
    mean = faces.told.pictures.mean(axis=0, dtype=np.float64).astype(np.float32)
    made = Generator(
        config.out / "generator", settings.voice_encoder, settings.image_px, settings.window_s, mean, own, people
    )
    if named is not None:
        made = replace(
            made,
            mean_picture=named.mean_picture,
            choices={**named.choices, **own},
            people=people | named.people,
        )
    made.save(card=diffusion_card(settings, faces, rows, with_decoder=named is not None))
    return made


def _spec(encoder: Any) -> Any:
    return {"name": encoder} if isinstance(encoder, str) else dict(encoder)
