"""The folder of what draws faces from voices: a generator of several parts, each a saved network.

    generator/
        config.json          kind "generator": the voice encoder, the methods, sizes and choices
        model.safetensors    the mean picture
        README.md            the card
        people.json          hashed names of who was learned from
        face_encoder/  predictor/  decoder/      of the method decoder
        autoencoder/  denoiser/  upsampler/      of the method diffusion; without an upsampler it draws no 128 px

A part is written as soon as it is trained, so that a run that stops goes on with the next. It neither trains nor
draws.

Example:
    generator = Generator.load("portrait")
    generator.methods, generator.image_px        # ('decoder', 'diffusion'), 64
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visavox.errors import DataError
from visavox.generation.parts import PARTS, load_part, part_spec, save_part
from visavox.generation_config import MOST_GUIDANCE
from visavox.persistence import CONFIG_FILE, REMEDY, check_tensors, load_folder, resolve_model, save_folder

__all__ = ["Generator", "load_part", "part_spec", "save_part"]

KIND, NAME = "generator", "voice_to_face"
METHOD_PARTS: Mapping[str, tuple[str, ...]] = {
    "decoder": ("predictor", "decoder"),
    "diffusion": ("autoencoder", "denoiser"),
}
PEOPLE = "people.json"
MEAN_PICTURE = "mean_picture"


@dataclass(frozen=True, eq=False)
class Generator:
    """What the folder of a generator says; its parts are loaded when they are asked for."""

    folder: Path
    voice_encoder: str | Mapping[str, Any]
    """Frozen voice encoder whose vectors the parts take."""
    image_px: int
    window_s: float
    """Length of the windows of speech that a voice is cut into, one vector each."""
    mean_picture: np.ndarray
    """(image_px, image_px, 3) float32, 0 to 255: the mean of the faces that were learned from."""
    choices: Mapping[str, Any] = field(default_factory=dict)
    """Method -> its defaults, as in {"decoder": {"guidance": 1.5}, "diffusion": {"guidance": 3.0, "n_steps": 20}}."""
    people: frozenset[str] = frozenset()
    """`visavox.pipeline.voice_face_model.hash_identity` of everybody who was learned from."""

    @property
    def methods(self) -> tuple[str, ...]:
        """The ways of drawing whose parts are all there."""
        return tuple(m for m, parts in METHOD_PARTS.items() if all(self.has(part) for part in parts))

    def has(self, part: str) -> bool:
        """Return whether a part is there."""
        return (self.folder / part / "config.json").is_file()

    @classmethod
    def load(cls, name: str | Path) -> Generator:
        """Read a generator.

        Args:
            name: a boxed name, a folder (of a generator, or of a run that holds `generator/`), or a hub id.

        Raises:
            DataError: it is missing or damaged, or something else.
        """
        inner = Path(name) / "generator"
        folder = inner if (inner / "config.json").is_file() else resolve_model(name, kind="generator")
        saved = load_folder(folder, kind=KIND)
        arguments = _checked(saved.arguments, folder / CONFIG_FILE)
        px = arguments["image_px"]
        check_tensors(saved.tensors, {MEAN_PICTURE: (px, px, 3)}, owner=str(folder))
        return cls(
            folder,
            arguments["voice_encoder"],
            px,
            float(arguments["window_s"]),
            saved.tensors[MEAN_PICTURE].astype(np.float32),
            arguments["choices"],
            _people(folder / PEOPLE),
        )

    def save(self, *, card: str) -> None:
        """Write config, mean picture, people and card, leaving the parts as they are.

        Raises:
            DataError: the folder cannot be written.
        """
        kept = {part: self.folder / part for part in PARTS if self.has(part)}
        files: dict[str, str | bytes] = {
            "README.md": card,
            PEOPLE: json.dumps(sorted(self.people), indent=0) + "\n",
        }
        for part, folder in kept.items():
            files.update({f"{part}/{file.name}": file.read_bytes() for file in folder.iterdir() if file.is_file()})
        save_folder(
            self.folder,
            kind=KIND,
            name=NAME,
            arguments={
                "voice_encoder": self.voice_encoder,
                "image_px": self.image_px,
                "window_s": self.window_s,
                "choices": dict(self.choices),
            },
            tensors={MEAN_PICTURE: np.asarray(self.mean_picture, np.float32)},
            extra_files=files,
            overwrite=True,
        )


def _checked(arguments: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return the arguments of a generator, each of its type and in its range.

    Raises:
        DataError: one is missing or cannot be, as where a file was written by hand or by another version.
    """
    found = {"choices": {}, **arguments}
    px, window_s, choices = found.get("image_px"), found.get("window_s"), found["choices"]
    encoder = found.get("voice_encoder")
    named = encoder.get("name") if isinstance(encoder, Mapping) else encoder
    own = list(choices.values()) if isinstance(choices, Mapping) else [None]
    told = [of_method for of_method in own if isinstance(of_method, Mapping)]
    guidances = [of_method.get("guidance", 1.0) for of_method in told]
    for name, good, rule in (
        ("image_px", _is_number(px, 1, 4096) and isinstance(px, int), "a whole number of pixels from 1"),
        ("window_s", _is_number(window_s, 0.1, 3600), "seconds from 0.1"),
        ("voice_encoder", isinstance(named, str), "a name, or a mapping with `name`"),
        ("choices", len(told) == len(own), "a mapping of methods to mappings"),
        ("choices", all(_is_number(g, 0, MOST_GUIDANCE) for g in guidances), f"with guidances 0 to {MOST_GUIDANCE:g}"),
    ):
        if not good:
            raise DataError(f"`{name}` in {file} must be {rule}. Got {found.get(name)!r}. {REMEDY}")
    return found


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _people(file: Path) -> frozenset[str]:
    """Return the hashed names in a file; none where it is missing.

    Raises:
        DataError: it is no list of texts.
    """
    if not file.is_file():
        return frozenset()
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is not readable JSON. {REMEDY}") from error
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise DataError(f"{file} must be a list of hashed names. {REMEDY}")
    return frozenset(found)
