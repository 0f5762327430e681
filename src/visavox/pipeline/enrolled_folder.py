"""A folder of enrolled people: who they are, and how a file becomes what they are compared with.

    people/  config.json  model.safetensors  clips.json    whom `visavox.identification` knows; vectors, no media
             preprocess.json                               encoders, detector, least speech: one recipe for all
             voice_encoder/  face_encoder/                 weights of encoders that were trained here, if any

It is written whole or not at all.

Example:
    folder = EnrolledFolder.load(Path("people"))
    folder.people.names, folder.recipe.detector
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.corpus.items import MODALITIES
from visavox.errors import ConfigError, DataError
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.people_folder import CLIPS_FILE, KIND
from visavox.models.encoders.trainable import inner_folder
from visavox.persistence import CONFIG_FILE, PREPROCESS_FILE, TENSOR_FILE, writing
from visavox.pipeline.carried_encoders import with_full_path, with_inner_path
from visavox.pipeline.media_vectors import MediaRecipe

UNFINISHED = ".enrolling"  # work in progress inside the folder; it goes when the enrolment is done
OWN_FILES = frozenset(
    {
        CONFIG_FILE,
        TENSOR_FILE,
        CLIPS_FILE,
        PREPROCESS_FILE,
        UNFINISHED,
        *(inner_folder(modality) for modality in MODALITIES),
    }
)
MAKE = "Make one with: visavox enroll --pairs FOLDER --out"


@dataclass(frozen=True, eq=False)
class EnrolledFolder:
    """Enrolled people and the way from files to them."""

    people: EnrolledPeople
    recipe: MediaRecipe
    """What decides the vectors; those of enrolled people and of probes come from the same."""

    @classmethod
    def load(cls, folder: Path) -> EnrolledFolder:
        """Read what `save` wrote.

        Raises:
            DataError: there is no such folder, it holds something else, or a file is missing or damaged.
        """
        if kind_of(folder) != KIND:
            raise DataError(
                f"{folder} must be a folder of enrolled people. It holds {said_kind(folder)}. {MAKE} PEOPLE"
            )
        return cls(EnrolledPeople.load(folder), _read_recipe(folder / PREPROCESS_FILE))

    def save(self, folder: Path) -> None:
        """Write the folder, whole or not at all, in the place of what `enroll` wrote there before.

        Raises:
            DataError: it cannot be written, or the weights of an encoder cannot be read.
        """
        specs: dict[str, Any] = {}
        files: dict[str, bytes] = {}
        for modality in MODALITIES:
            key = f"{modality}_encoder"
            specs[key], inner = with_inner_path(getattr(self.recipe, key), modality)
            files.update(inner)
        text = json.dumps(dataclasses.asdict(dataclasses.replace(self.recipe, **specs)), indent=2) + "\n"
        with writing(folder.absolute()) as fresh:
            self.people.save(fresh)
            (fresh / PREPROCESS_FILE).write_text(text, encoding="utf-8")
            for name, data in files.items():
                (fresh / name).parent.mkdir(exist_ok=True)
                (fresh / name).write_bytes(data)


def kind_of(folder: Path) -> str:
    """Return what was saved in a folder: "people", "identifier", "associator" ...; "" where nothing was.

    A file that cannot be read counts as "people" where the folder looks like one, so that loading says what is wrong.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        return KIND if all((folder / name).is_file() for name in (TENSOR_FILE, PREPROCESS_FILE)) else ""
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        return KIND
    return str(kind)


def saved_at(folder: Path) -> tuple[int, ...]:
    """Return what is another after every `save`: number and time of the file; empty where nothing was saved."""
    try:
        found = (folder / CONFIG_FILE).stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns


def said_kind(folder: Path) -> str:
    """Return in words what a folder holds that is no folder of enrolled people."""
    if not folder.exists():
        return "nothing: it does not exist"
    if not folder.is_dir():
        return "nothing: it is a file"
    kind = kind_of(folder)
    return f"a saved {kind}" if kind else f"no {CONFIG_FILE}"


def refuse_other_files(folder: Path) -> None:
    """Raise if a folder that is to be written holds something that `enroll` did not write.

    Raises:
        ConfigError: names one such file.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"`out` must be a folder. {folder} is a file. Choose another folder.")
    others = sorted(path.name for path in folder.iterdir() if path.name not in OWN_FILES) if folder.is_dir() else []
    if others or kind_of(folder) not in (KIND, ""):
        held = others[0] if others else said_kind(folder)
        raise ConfigError(
            f"`out` must be a new or empty folder, or one of enrolled people. {folder} holds {held}. "
            "Choose another folder."
        )


def _read_recipe(path: Path) -> MediaRecipe:
    remedy = "Copy the whole folder again, or enrol again."
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} is missing, so the folder of people is incomplete. {remedy}") from error
    except ValueError as error:
        raise DataError(f"{path} is no valid JSON ({error}). {remedy}") from error
    wanted = {field.name: field for field in dataclasses.fields(MediaRecipe)}
    if not isinstance(values, dict) or set(values) != set(wanted):
        found = ", ".join(sorted(values)) if isinstance(values, dict) else type(values).__name__
        raise DataError(f"{path} must hold {', '.join(sorted(wanted))}. Got {found}. {remedy}")
    numbers = [values[name] for name in ("min_speech_s", "voice_window_s")]
    encoders = [values[f"{modality}_encoder"] for modality in MODALITIES]
    fits = all(isinstance(n, int | float) and math.isfinite(n) and n >= 0 for n in numbers)
    if not fits or not all(isinstance(e, str | dict) for e in encoders) or not isinstance(values["detector"], str):
        raise DataError(
            f"{path} must name encoders and a detector and hold finite numbers of at least 0. Got {values}. {remedy}"
        )
    for modality in MODALITIES:
        key = f"{modality}_encoder"
        values[key] = with_full_path(values[key], path.parent, modality)
    return MediaRecipe(**values)
