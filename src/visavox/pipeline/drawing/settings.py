"""What `train --task reconstruction` can be told in `drawing`: the parts, and how each is trained.

    image_px: 64
    faces: [faces.parquet]
    voice_encoder: {name: ge2e}
    face_encoder: {name: face_look, training: {n_epochs: 30}}
    decoder: {name: small}
    predictor: {name: light, training: {...}}

Example:
    >>> settings = ReconstructionSettings.of({"image_px": 32, "face_encoder": {"name": "face_look", "dim": 64}})
    >>> settings.face_encoder, settings.face_training.batch_size
    ({'name': 'face_look', 'dim': 64}, 64)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from visavox.errors import ConfigError
from visavox.models.associators.base import check_count, check_number
from visavox.pipeline.drawing.predictor_settings import PredictorTraining
from visavox.registry import ENCODERS, FACE_DECODERS, PREDICTORS, Registry

LOOK = "face_look"
"""The face encoder that is learned together with its decoder; any other is taken as it is."""
SIDES_PX = (8, 512)
KEYS = (
    "image_px", "faces", "limit_faces", "window_s", "voice_encoder", "face_encoder", "predictor", "decoder", "half",
    "guidance",
)  # fmt: skip
TRAINING = "training"
T = TypeVar("T", bound="PictureTraining")


@dataclass(frozen=True, kw_only=True)
class PictureTraining:
    """The entry `training` of a decoder whose face encoder is taken as it is."""

    n_epochs: int = 30
    """Passes over the pictures, 1 or more."""
    batch_size: int = 64
    """Pictures a step, 2 or more."""
    learning_rate: float = 1e-3
    """Highest step size of AdamW, above 0; it falls to 0 along half a cosine."""
    warm_up: float = 0.02
    """Share of the steps in which it rises evenly from 0, 0 to 1."""
    weight_decay: float = 1e-4
    """Of AdamW on matrices and filters, 0 or more; biases and scales do not decay."""
    averaging: float = 0.998
    """Decay of the running average of the weights, which is what is kept; 0 keeps the last weights, below 1."""
    corpus_copies: int = 3
    """How often an epoch shows each picture of the corpus, 1 or more; each labelled face is shown once."""
    edge_weight: float = 1.0
    """Weight of the mean difference of neighbouring pixels' steps, beside 1 of the pixels themselves; 0 or more."""
    coarse_weight: float = 1.0
    """Weight of the mean difference of the picture at a quarter of its side; 0 or more."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range.
        """
        for name, least in (("n_epochs", 1), ("batch_size", 2), ("corpus_copies", 1)):
            check_count(name, getattr(self, name), at_least=least)
        check_number("learning_rate", self.learning_rate, at_least=1e-12, at_most=10)
        check_number("warm_up", self.warm_up, at_least=0, at_most=1)
        check_number("averaging", self.averaging, at_least=0, at_most=0.999999)
        for name in ("weight_decay", "edge_weight", "coarse_weight"):
            check_number(name, getattr(self, name), at_least=0)

    @classmethod
    def of(cls: type[T], values: Any, *, of: str) -> T:
        """Return the settings of a mapping, as it stands in a recipe.

        Args:
            values: names of fields to values.
            of: the part, for messages: "face_encoder".

        Raises:
            ConfigError: no mapping, an unknown name, or a value out of range.
        """
        known = [item.name for item in fields(cls)]
        try:
            _check_names(f"`{TRAINING}`", values, known)
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f"The `{of}` of `drawing`: {error}") from error


@dataclass(frozen=True, kw_only=True)
class FaceTraining(PictureTraining):
    """The entry `training` of the face encoder that is learned with its decoder."""

    flip: float = 0.5
    """Share of pictures that are mirrored, 0 to 1."""
    colour: float = 0.08
    """Most that brightness, contrast and each colour are changed by, as a share, 0 to 1; 0 changes nothing."""
    picture_weight: float = 4.0
    """Weight of all terms of the picture, 0 or more."""
    attribute_weight: float = 0.1
    """Weight of telling gender, age and race of labelled faces from the feature, 0 or more."""
    size_weight: float = 1e-4
    """Weight of the mean square of the feature's numbers, which keeps them small; 0 or more."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range.
        """
        super().__post_init__()
        for name in ("flip", "colour"):
            check_number(name, getattr(self, name), at_least=0, at_most=1)
        for name in ("picture_weight", "attribute_weight", "size_weight"):
            check_number(name, getattr(self, name), at_least=0)


@dataclass(frozen=True, kw_only=True)
class ReconstructionSettings:
    """All of `drawing` for the task reconstruction, checked."""

    image_px: int = 64
    faces: tuple[Path, ...] = ()
    """Parquet files of labelled faces."""
    limit_faces: int = 0
    """Labelled faces to draw from each; 0 takes all."""
    window_s: float = 1.6
    """Length of the windows that a voice is cut into, beside the whole voice; in seconds."""
    voice_encoder: Mapping[str, Any] = field(default_factory=lambda: {"name": "ge2e"})
    face_encoder: Mapping[str, Any] = field(default_factory=lambda: {"name": LOOK})
    face_training: FaceTraining = field(default_factory=FaceTraining)
    predictor: Mapping[str, Any] = field(default_factory=lambda: {"name": "light"})
    predictor_training: PredictorTraining = field(default_factory=PredictorTraining)
    decoder: Mapping[str, Any] = field(default_factory=lambda: {"name": "small"})
    decoder_training: PictureTraining = field(default_factory=PictureTraining)
    half: bool = True
    """Keep weights as float16."""
    guidance: float | None = None
    """How far drawn faces follow a voice unless asked otherwise, 0 to 30; None chooses it on validation people."""

    @property
    def joint(self) -> bool:
        """Whether the face encoder is learned together with the decoder."""
        return self.face_encoder["name"] == LOOK and not self.face_encoder.get("weights")

    def as_json(self) -> dict[str, Any]:
        """Return all values as JSON gives them back; of the two trainings of pictures, the one that is done."""
        values = asdict(self)
        values.pop("decoder_training" if self.joint else "face_training")
        return dict(json.loads(json.dumps(values, default=str)))

    @classmethod
    def of(cls, drawing: str | Path | Mapping[str, Any]) -> ReconstructionSettings:
        """Return the settings of a mapping, or of a YAML file that holds one, alone or under the key `drawing`.

        Raises:
            ConfigError: the file cannot be read, an unknown name, or a value out of range.
        """
        given = read_drawing(drawing)
        _check_names("`drawing` of the task reconstruction", given, KEYS)
        values: dict[str, Any] = dict(given)
        if "image_px" in values:
            check_count("image_px", values["image_px"], at_least=SIDES_PX[0])
            check_number("image_px", values["image_px"], at_least=SIDES_PX[0], at_most=SIDES_PX[1])
        if "limit_faces" in values:
            check_count("limit_faces", values["limit_faces"], at_least=0)
        if "window_s" in values:
            check_number("window_s", values["window_s"], at_least=0.4, at_most=60)
        if not isinstance(values.get("half", True), bool):
            raise ConfigError(f"`half` of `drawing` must be true or false. Got {values['half']!r}.")
        if values.get("guidance") is not None:
            check_number("guidance", values["guidance"], at_least=0, at_most=30)
        values["faces"] = _paths(values.get("faces", ()))
        trainings: dict[str, Any] = {}
        for key, registry in PARTS.items():
            if key in values:
                values[key], trainings[key] = _part(key, values[key], registry)
        values["face_training"] = FaceTraining.of(trainings.get("face_encoder") or {}, of="face_encoder")
        values["decoder_training"] = PictureTraining.of(trainings.get("decoder") or {}, of="decoder")
        name = str(values["predictor"]["name"]) if "predictor" in values else "light"
        values["predictor_training"] = PredictorTraining.of(trainings.get("predictor"), of=name)
        settings = cls(**values)
        if trainings.get("voice_encoder"):
            raise ConfigError("The `voice_encoder` of `drawing` is taken as it is. Leave out its `training`.")
        idle, why = ("decoder", "is learned with it") if settings.joint else ("face_encoder", "is taken as it is")
        if trainings.get(idle):
            other = "face_encoder" if settings.joint else "decoder"
            raise ConfigError(f"The `{idle}` of `drawing` {why}. Write its `training` into `{other}`.")
        return settings


PARTS: Mapping[str, Registry[Any]] = {
    "voice_encoder": ENCODERS,
    "face_encoder": ENCODERS,
    "predictor": PREDICTORS,
    "decoder": FACE_DECODERS,
}


def read_drawing(drawing: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a mapping, or that of a YAML file, which may hold it under the key `drawing`.

    Raises:
        ConfigError: the file cannot be read, or holds no mapping.
    """
    given: Any = drawing
    if isinstance(drawing, str | Path):
        try:
            given = yaml.safe_load(Path(drawing).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise ConfigError(f"`drawing` must be a YAML file that can be read. {drawing}: {reason}.") from error
        if isinstance(given, Mapping) and set(given) == {"drawing"}:
            given = given["drawing"]
    if not isinstance(given, Mapping):
        raise ConfigError(f"`drawing` must be a mapping, as in {{image_px: 64}}, or a file of one. Got {given!r}.")
    return given


def _part(key: str, values: Any, registry: Registry[Any]) -> tuple[dict[str, Any], Any]:
    """Return the specification of a part, and its training apart from it."""
    given = {"name": values} if isinstance(values, str) else values
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise ConfigError(
            f"The `{key}` of `drawing` must be a name, or a mapping with `name`. Got {values!r}. "
            f"Known: {', '.join(registry.names())}."
        )
    registry.get(given["name"])  # an unknown one is refused here, before anything is read
    return {name: value for name, value in given.items() if name != TRAINING}, given.get(TRAINING)


def _paths(values: Any) -> tuple[Path, ...]:
    listed = [values] if isinstance(values, str | Path) else values
    if not isinstance(listed, list | tuple) or not all(isinstance(path, str | Path) for path in listed):
        raise ConfigError(f"`faces` of `drawing` must be a list of Parquet files. Got {values!r}.")
    return tuple(Path(path) for path in listed)


def _check_names(what: str, values: Any, known: tuple[str, ...] | list[str]) -> None:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{what} must be a mapping. Got {values!r}.")
    unknown = sorted(str(name) for name in set(values) - set(known))
    if unknown:
        raise ConfigError(f"{what} takes no {', '.join(map(repr, unknown))}. It takes: {', '.join(sorted(known))}.")
