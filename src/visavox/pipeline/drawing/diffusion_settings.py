"""What `train --task diffusion` can be told under `drawing`: every number and its range.

    drawing:
      faces: [faces.parquet]                     labelled faces, learned from without voices
      conditions: [voice, windows]
      autoencoder: {name: kl, channels: [64, 96], training: {n_steps: 1500}}
      denoiser: {channels: [64, 128, 128], training: {n_steps: 8000, batch_size: 16}}
      upsampler: {width: 32, training: {n_steps: 600}}         or null
      sampler: dpm
      n_steps: 20
      guidance: 3.0

Example:
    >>> settings = read_diffusion_settings({"image_px": 32, "denoiser": {"training": {"n_steps": 10}}})
    >>> settings.autoencoder.name, settings.denoiser.training.n_steps, settings.upsampler is None
    ('pixels', 10, True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from visavox.config import VOICE_ENCODER
from visavox.errors import ConfigError
from visavox.generation.sampling import MAX_STEPS, SAMPLERS
from visavox.generation_config import MOST_GUIDANCE
from visavox.models.associators.base import check_count, check_number
from visavox.models.diffusion.condition_tokens import checked_kinds
from visavox.pipeline.drawing.settings import read_drawing

PIXELS_UP_TO = 32  # px: pictures so small are drawn without an autoencoder, unless one is asked for


@dataclass(frozen=True, kw_only=True)
class StepTraining:
    """The entry `training` of a part: how its weights are found."""

    n_steps: int
    """Steps of the optimiser, 1 or more."""
    batch_size: int = 16
    """Pictures a step, 1 or more."""
    accumulate: int = 1
    """Parts into which the batch of a step is cut, so that it fits into memory, 1 or more; gradients are added up."""
    learning_rate: float = 3e-4
    """Highest step size of AdamW, above 0."""
    weight_decay: float = 0.0
    """Of AdamW, 0 or more."""
    warm_up: float = 0.05
    """Share of the steps in which the rate rises from 0, 0 to 1; from there it falls to 0 along half a cosine."""
    max_norm: float = 1.0
    """Longest gradient; longer ones are shortened to it. Above 0."""
    ema_decay: float = 0.999
    """Weights that are kept are a running mean: this much of the old ones at each step, 0 to below 1, less at first."""
    steps_an_epoch: int = 200
    """After so many steps the state is written, from which a run goes on; 1 or more."""
    time_limit_min: float = 0.0
    """Stop at the end of the epoch in which so many minutes have passed; 0 never stops."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range.
        """
        for name in ("n_steps", "batch_size", "accumulate", "steps_an_epoch"):
            check_count(name, getattr(self, name), at_least=1)
        check_number("learning_rate", self.learning_rate, at_least=1e-12, at_most=10)
        check_number("max_norm", self.max_norm, at_least=1e-12)
        check_number("warm_up", self.warm_up, at_least=0, at_most=1)
        check_number("ema_decay", self.ema_decay, at_least=0, at_most=0.999999)
        for name in ("weight_decay", "time_limit_min"):
            check_number(name, getattr(self, name), at_least=0)
        if self.accumulate > self.batch_size:
            raise ConfigError(
                f"`accumulate` must be at most `batch_size`, {self.batch_size}. Got {self.accumulate}. Lower it."
            )

    @property
    def n_epochs(self) -> int:
        """Epochs of the whole training; the last may be shorter."""
        return -(-self.n_steps // self.steps_an_epoch)


@dataclass(frozen=True, kw_only=True)
class PartSettings:
    """One part: the options of its network, and its training."""

    name: str
    options: Mapping[str, Any]
    """Of the network, beside those that the data decide."""
    training: StepTraining


@dataclass(frozen=True, kw_only=True)
class DiffusionSettings:
    """The mapping `drawing` of the task diffusion."""

    autoencoder: PartSettings
    denoiser: PartSettings
    upsampler: PartSettings | None
    generator: Path | None = None
    """A generator, or a run that holds one, whose parts are taken over so that one folder knows both methods."""
    image_px: int = 64
    """Side of a picture that is drawn, 8 to 64; an upsampler doubles it."""
    faces: tuple[Path, ...] = ()
    """Tables of labelled faces, learned from beside the corpus."""
    limit_faces: int = 0
    """Faces to draw from each table; 0 takes all."""
    window_s: float = 1.6
    """Length of the windows of a voice, 0.5 to 20 s."""
    voice_encoder: str | Mapping[str, Any] = field(default_factory=lambda: dict(VOICE_ENCODER))
    """The frozen voice encoder."""
    conditions: tuple[str, ...] = ("voice", "windows")
    """What it is told in training: voice, windows, mel, age, gender, ethnicity, language, guide, blurred_guide."""
    sampler: str = "dpm"
    """By which it draws unless told otherwise: ddpm, ddim or dpm."""
    n_steps: int = 20
    """Steps of the sampler, 1 to 1000."""
    guidance: float = 3.0
    """How far to follow the voice, 0 to 30."""
    unpaired_share: float = 0.5
    """Share of a batch that comes from the labelled faces, 0 to below 1; 0 where there are none."""
    imagine: bool = True
    """Let faces without voices borrow those of clips with faces alike, as `visavox.pipeline.drawing.imagined_voices`
    says; false leaves them unheard."""
    drop_attribute: float = 0.2
    """How often each known condition but the voice is forgotten in training, 0 to 1; published: 0.2."""
    drop_voice: float = 0.1
    """How often each of voice, windows and mel is forgotten in training, 0 to 1."""
    drop_all: float = 0.1
    """How often everything is forgotten in training, which guidance needs, above 0 to below 1; published: 0.1."""
    half: bool = True
    """Keep the weights as float16."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range.
        """
        object.__setattr__(self, "conditions", checked_kinds(_names("conditions", self.conditions)))
        check_count("image_px", self.image_px, at_least=8)
        if self.image_px > 64:
            raise ConfigError(
                f"`image_px` must be 8 to 64; an upsampler draws twice that. Got {self.image_px}. Use 64, or less."
            )
        check_count("limit_faces", self.limit_faces, at_least=0)
        check_count("n_steps", self.n_steps, at_least=1)
        check_number("n_steps", self.n_steps, at_least=1, at_most=MAX_STEPS)
        check_number("window_s", self.window_s, at_least=0.5, at_most=20)
        check_number("guidance", self.guidance, at_least=0, at_most=MOST_GUIDANCE)
        check_number("unpaired_share", self.unpaired_share, at_least=0, at_most=0.99)
        for name in ("drop_attribute", "drop_voice"):
            check_number(name, getattr(self, name), at_least=0, at_most=1)
        check_number("drop_all", self.drop_all, at_least=1e-6, at_most=0.99)
        encoder = self.voice_encoder
        if not isinstance(encoder.get("name") if isinstance(encoder, Mapping) else encoder, str):
            raise ConfigError(
                f"The `voice_encoder` of `drawing` must be a name, or a mapping with `name`. Got {encoder!r}."
            )
        if self.sampler not in SAMPLERS:
            raise ConfigError(f"`sampler` must be one of {', '.join(SAMPLERS)}. Got {self.sampler!r}.")
        for name in ("half", "imagine"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"`{name}` must be true or false. Got {getattr(self, name)!r}.")

    def as_json(self) -> dict[str, Any]:
        """Return all values as JSON gives them back."""
        values = asdict(self)
        values["generator"] = None if self.generator is None else str(self.generator)
        values["faces"] = [str(path) for path in self.faces]
        values["conditions"] = list(self.conditions)
        return values


DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "autoencoder": {"n_steps": 1500, "batch_size": 16, "learning_rate": 1e-3, "ema_decay": 0.995},
    "denoiser": {"n_steps": 8000, "batch_size": 16, "learning_rate": 5e-4},
    "upsampler": {"n_steps": 600, "batch_size": 8, "learning_rate": 1e-3, "ema_decay": 0.99},
}
"""Part -> its training, where a recipe does not say."""
ONLY: Mapping[str, str] = {"denoiser": "unet", "upsampler": "residual"}
"""Part -> its name, where there is one kind of it."""


def read_diffusion_settings(drawing: str | Mapping[str, Any]) -> DiffusionSettings:
    """Return the settings of a mapping, or of the YAML file that holds it, alone or under the key `drawing`.

    Raises:
        ConfigError: the file cannot be read, an unknown name, or a value out of range.
    """
    values = read_drawing(drawing)
    known = {item.name for item in fields(DiffusionSettings)}
    _refuse_unknown("`drawing` of the task diffusion", values, known)
    px = values.get("image_px", DiffusionSettings.image_px)
    small = isinstance(px, int) and px <= PIXELS_UP_TO
    entries: dict[str, Any] = {
        "autoencoder": _part("autoencoder", values.get("autoencoder", {}), name="pixels" if small else "kl"),
        "denoiser": _part("denoiser", values.get("denoiser", {}), name=ONLY["denoiser"]),
        "upsampler": None,
    }
    upsampler = values.get("upsampler", None if small else {})
    if upsampler is not None:
        entries["upsampler"] = _part("upsampler", upsampler, name=ONLY["upsampler"])
    others: dict[str, Any] = {name: value for name, value in values.items() if name not in entries}
    if others.get("generator") is not None:
        others["generator"] = Path(str(others["generator"]))
    others["faces"] = tuple(Path(name) for name in _names("faces", others.get("faces", ())))
    return DiffusionSettings(**entries, **others)


def _part(part: str, entry: Any, *, name: str) -> PartSettings:
    """Return the settings of one part; what is neither `name` nor `training` is an option of its network."""
    if not isinstance(entry, Mapping):
        raise ConfigError(f"`{part}` must be a mapping, as in {{training: {{n_steps: 100}}}}. Got {entry!r}.")
    training = entry.get("training", {})
    if not isinstance(training, Mapping):
        raise ConfigError(f"`training` of the {part} must be a mapping, as in {{n_steps: 100}}. Got {training!r}.")
    _refuse_unknown(f"`training` of the {part}", training, {item.name for item in fields(StepTraining)})
    named = entry.get("name", name)
    if part in ONLY and named != ONLY[part]:
        raise ConfigError(f"The {part} of `drawing` must be {ONLY[part]!r}, the only one. Got {named!r}. Leave it out.")
    options = {key: value for key, value in entry.items() if key not in ("name", "training")}
    try:
        steps = StepTraining(**{**DEFAULTS[part], **training})
    except ConfigError as error:
        raise ConfigError(f"The {part}: {error}") from error
    return PartSettings(name=str(named), options=options, training=steps)


def _names(what: str, values: Any) -> Sequence[str]:
    if isinstance(values, str | Path):
        return [str(values)]
    if not isinstance(values, Sequence) or not all(isinstance(value, str | Path) for value in values):
        raise ConfigError(f"`{what}` must be a list of names. Got {values!r}.")
    return [str(value) for value in values]


def _refuse_unknown(what: str, values: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(str(name) for name in set(values) - known)
    if unknown:
        raise ConfigError(f"{what} takes no {', '.join(map(repr, unknown))}. It takes: {', '.join(sorted(known))}.")
