"""How a network that names people is trained, and how its options are searched for: every number, and its range.

Example:
    >>> settings = IdentifierTraining.of({"learning_rate": 0.01, "n_epochs": 4}, of="vgg-voice")
    >>> settings.rate(step=0, n_steps=8), settings.batch_size
    (0.01, 32)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args

from visavox.batches.augment import FaceAugmentation
from visavox.errors import ConfigError
from visavox.models.associators.base import check_count, check_number
from visavox.pipeline.end_to_end_rate import warmed_rate
from visavox.pipeline.end_to_end_settings import EndToEndSettings, Schedule
from visavox.pipeline.optimising import Optimiser, checked_drops

SamplerName = Literal["tpe", "random"]
Measure = Literal["top_1", "loss"]


@dataclass(frozen=True, kw_only=True)
class IdentifierTraining:
    """The entry `training` of a network."""

    optimiser: Optimiser = "adamw"
    """adamw (decoupled weight decay), adam, or sgd with momentum."""
    learning_rate: float = 1e-3
    """Highest step size of the optimiser, above 0."""
    weight_decay: float = 0.0
    """Weight decay of the optimiser on matrices and filters, 0 or more; biases and scales do not decay."""
    momentum: float = 0.9
    """Momentum of sgd, 0 to below 1."""
    schedule: Schedule = "constant"
    """Learning rate after the warm-up: constant, falling to 0 along half a cosine, or a tenth from each of `drop_at`
    on (steps)."""
    drop_at: tuple[float, ...] = ()
    """Shares of the run at which the schedule `steps` divides the learning rate by ten; above 0, below 1."""
    warm_up: float = 0.0
    """Share of the steps in which the learning rate rises evenly from 0, 0 to 1."""
    batch_size: int = 32
    """Clips a step, 2 or more."""
    n_epochs: int = 40
    """Most passes over the training clips, 1 or more."""
    patience_epochs: int = 0
    """Stop so many epochs after the lowest validation loss, and keep the network of that epoch; 0 never stops and keeps
    the last; as many as `n_epochs` never stop and keep the best."""
    time_limit_min: float = 0.0
    """Stop at the end of the epoch in which so many minutes of training have passed; 0 never stops."""
    label_smoothing: float = 0.0
    """Part of the target that is spread over all people, 0 to below 1."""
    shift_samples: int = 2000
    """Most that a training voice is turned round in time, to either side, drawn anew in each epoch; 0 leaves it."""
    n_shifted_copies: int = 0
    """Above 0: an epoch holds every clip as it is and so many copies, shifted once and for all, instead of shifts drawn
    anew; 2 is the published design."""
    mask_width: int = 0
    """Most bands, and most frames, of a training voice that are painted over; 0 masks nothing."""
    augment_faces: bool | Mapping[str, float] = True
    """Whether training faces are changed, or how: {flip: 0.5, shift: 0.04, ...} lay over the defaults."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range.
        """
        for name, least in (("batch_size", 2), ("n_epochs", 1), ("patience_epochs", 0)):
            check_count(name, getattr(self, name), at_least=least)
        for name in ("shift_samples", "n_shifted_copies", "mask_width"):
            check_count(name, getattr(self, name), at_least=0)
        check_number("learning_rate", self.learning_rate, at_least=1e-12, at_most=10)
        check_number("momentum", self.momentum, at_least=0, at_most=0.999999)
        check_number("label_smoothing", self.label_smoothing, at_least=0, at_most=0.999999)
        check_number("warm_up", self.warm_up, at_least=0, at_most=1)
        for name in ("weight_decay", "time_limit_min"):
            check_number(name, getattr(self, name), at_least=0)
        for name, choices in (("optimiser", get_args(Optimiser)), ("schedule", get_args(Schedule))):
            _check_choice(name, getattr(self, name), choices)
        object.__setattr__(self, "drop_at", checked_drops(self.drop_at, schedule=self.schedule))
        if self.n_shifted_copies and not self.shift_samples:
            raise ConfigError(
                f"`n_shifted_copies` must be 0 where `shift_samples` is 0, since copies would be equal. "
                f"Got {self.n_shifted_copies}. Give shift_samples: 2000."
            )
        if not isinstance(self.augment_faces, bool | Mapping):
            raise ConfigError(
                f"`augment_faces` must be true, false or a mapping, as in {{flip: 0.5}}. Got {self.augment_faces!r}."
            )
        assert self.faces is None or self.faces  # builds it, and so checks it

    @property
    def faces(self) -> FaceAugmentation | None:
        """How training faces are changed; None leaves them."""
        if isinstance(self.augment_faces, Mapping):
            _refuse_unknown("`augment_faces`", self.augment_faces, FaceAugmentation)
            return FaceAugmentation(**self.augment_faces)
        return FaceAugmentation() if self.augment_faces else None

    def rate(self, *, step: int, n_steps: int) -> float:
        """Return the learning rate of a step, 0 to n_steps - 1; see `visavox.pipeline.end_to_end_rate`."""
        return warmed_rate(self._rates, step, n_steps)

    @cached_property
    def _rates(self) -> EndToEndSettings:
        return EndToEndSettings(
            learning_rate=self.learning_rate, schedule=self.schedule, drop_at=self.drop_at, warm_up=self.warm_up
        )

    def as_json(self) -> dict[str, Any]:
        """Return all values as JSON gives them back."""
        faces = self.augment_faces if isinstance(self.augment_faces, bool) else dict(self.augment_faces)
        return {**asdict(self), "drop_at": list(self.drop_at), "augment_faces": faces}

    @classmethod
    def of(cls, values: Any, *, of: str) -> IdentifierTraining:
        """Return the settings of a mapping, as it stands in a recipe.

        Args:
            values: names of fields to values.
            of: name of the network, for messages.

        Raises:
            ConfigError: no mapping, an unknown name, or a value out of range.
        """
        with _said_of(of):
            return cls(**_checked(values, "training", cls))


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The entry `search` of a network."""

    space: Mapping[str, Any]
    """Option of the network, or "training." and one of the training -> a list of choices, or a range {low: , high: ,
    log: false, step: } of whole numbers where both ends are."""
    n_trials: int = 20
    """Trials, 1 or more."""
    n_epochs: int = 10
    """Epochs of a trial, 1 or more."""
    sampler: SamplerName = "tpe"
    """tpe looks where earlier trials were good; random does not look."""
    prune: bool = False
    """Give up a trial that is worse than the median of those before it at the same epoch."""
    measure: Measure = "top_1"
    """What the best trial is best in, on validation clips: the share named right, or the loss."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range, or the space is empty or not understood.
        """
        for name in ("n_trials", "n_epochs"):
            check_count(name, getattr(self, name), at_least=1)
        _check_choice("sampler", self.sampler, get_args(SamplerName))
        _check_choice("measure", self.measure, get_args(Measure))
        if not isinstance(self.prune, bool):
            raise ConfigError(f"`prune` must be true or false. Got {self.prune!r}.")
        if not isinstance(self.space, Mapping) or not self.space:
            raise ConfigError(
                f"`space` must map options to choices, as in {{dim: [32, 64]}}. Got {self.space!r}. Name one or more."
            )
        for option, values in self.space.items():
            _check_values(option, values)

    @classmethod
    def of(cls, values: Any, *, of: str) -> SearchSettings:
        """Return the settings of a mapping, as it stands in a recipe; arguments as of `IdentifierTraining.of`.

        Raises:
            ConfigError: no mapping, an unknown name, or a value out of range.
        """
        if isinstance(values, Mapping):
            values = {"space": {}, **values}
        with _said_of(of):
            return cls(**_checked(values, "search", cls))


def _check_values(option: object, values: object) -> None:
    """Hold the choices of one option to being a list, or a range."""
    if isinstance(values, list | tuple) and values:
        return
    if isinstance(values, Mapping) and {"low", "high"} <= set(values) <= {"low", "high", "log", "step"}:
        low, high = values["low"], values["high"]
        check_number(f"{option}.low", low, at_least=float("-inf"))
        check_number(f"{option}.high", high, at_least=low)
        if values.get("log"):
            check_number(f"{option}.low", low, at_least=1e-12)
        return
    raise ConfigError(
        f"`space` must give {option!r} a list of choices or a range, as in [32, 64] or {{low: 0.0001, high: 0.01, "
        f"log: true}}. Got {values!r}."
    )


def _check_choice(name: str, value: object, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"`{name}` must be one of {', '.join(choices)}. Got {value!r}.")


def _refuse_unknown(what: str, values: Mapping[str, Any], kind: Any) -> None:
    known = [item.name for item in fields(kind)]
    unknown = sorted(str(name) for name in set(values) - set(known))
    if unknown:
        raise ConfigError(f"{what} takes no {', '.join(map(repr, unknown))}. It takes: {', '.join(sorted(known))}.")


def _checked(values: Any, entry: str, kind: type) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise ConfigError(f"`{entry}` must be a mapping. Got {values!r}.")
    _refuse_unknown(f"`{entry}`", values, kind)
    return values


@contextmanager
def _said_of(name: str) -> Iterator[None]:
    """Put the name of the network before what is wrong with its settings."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"The network {name!r}: {error}") from error
