"""How a predictor of face features is trained: every number, and its range.

Example:
    >>> settings = PredictorTraining.of({"learning_rate": 0.001, "n_epochs": 4}, of="speech2face")
    >>> round(settings.rate(10_000) / settings.rate(0), 3), settings.batch_size
    (0.95, 8)
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from visavox.errors import ConfigError
from visavox.models.associators.base import check_count, check_number
from visavox.models.grouped_ridge import N_FOLDS, RIDGES
from visavox.objectives.face_feature import Reduction
from visavox.objectives.speech_to_face import DISTILLATION_WEIGHT, FEATURE_WEIGHT, TEMPERATURE

LossName = Literal["normalised", "three_terms", "squared"]


@dataclass(frozen=True, kw_only=True)
class PredictorTraining:
    """The entry `training` of a predictor. Of the light one without a second path only the first six count."""

    seed: int = 0
    """Of first weights, folds and the order of clips; 0 or more."""
    ridges: tuple[float, ...] = RIDGES
    """Light: strengths of the fit to choose from on people held out, each above 0."""
    n_folds: int = N_FOLDS
    """Light: folds of people, 2 or more."""
    windows: bool = True
    """Light: learn from windows of a voice too; they and the whole count the same together."""
    attributes: bool = True
    """Light: go through what the face encoder tells of gender, age and race, where it tells that and labelled faces
    were learned from."""
    spread_rank: int = 32
    """Directions in which true features scatter about predicted ones that are kept, 0 or more."""
    loss: LossName | None = None
    """normalised (Speech2Face's code), three_terms (its paper), squared; by default normalised from spectrograms and
    squared for the second path of the light predictor."""
    reduction: Reduction = "sum"
    """Of the losses over a batch: sum as the code has it, or mean."""
    leave_out: tuple[str, ...] = ()
    """three_terms: names of terms that are left out, of decoder, feature, distillation."""
    feature_weight: float = FEATURE_WEIGHT
    """three_terms: lambda 1, 0 or more."""
    distillation_weight: float = DISTILLATION_WEIGHT
    """three_terms: lambda 2, 0 or more."""
    temperature: float = TEMPERATURE
    """three_terms: of the distillation, above 0."""
    learning_rate: float = 1e-3
    """Of Adam at the first step, above 0."""
    beta1: float = 0.5
    """Of Adam, 0 to below 1."""
    decay: float = 0.95
    """What the learning rate is multiplied with in `decay_steps` steps, evenly; above 0 to 1."""
    decay_steps: int = 10_000
    """Steps, 1 or more."""
    weight_decay: float = 0.0
    """Of Adam on matrices and filters, decoupled, 0 or more."""
    batch_size: int = 8
    """Clips a step, 2 or more, since batches are normalised; the code took 1."""
    n_epochs: int = 20
    """Most passes over the clips, 1 or more."""
    patience_epochs: int = 5
    """Stop so many epochs after the lowest validation loss and keep the network of that epoch; 0 never stops and keeps
    the last."""
    time_limit_min: float = 0.0
    """Stop at the end of the epoch in which so many minutes have passed; 0 never stops."""
    bfloat16: bool = False
    """Run the network under autocast to bfloat16; losses and weights stay in float32."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range.
        """
        for name, least in (
            ("seed", 0),
            ("n_folds", 2),
            ("spread_rank", 0),
            ("decay_steps", 1),
            ("batch_size", 2),
            ("n_epochs", 1),
            ("patience_epochs", 0),
        ):
            check_count(name, getattr(self, name), at_least=least)
        check_number("learning_rate", self.learning_rate, at_least=1e-12, at_most=10)
        check_number("beta1", self.beta1, at_least=0, at_most=0.999999)
        check_number("decay", self.decay, at_least=1e-6, at_most=1)
        check_number("temperature", self.temperature, at_least=1e-6)
        for name in ("weight_decay", "time_limit_min", "feature_weight", "distillation_weight"):
            check_number(name, getattr(self, name), at_least=0)
        if self.loss is not None and self.loss not in get_args(LossName):
            raise ConfigError(f"`loss` must be one of {', '.join(get_args(LossName))}. Got {self.loss!r}.")
        if self.reduction not in get_args(Reduction):
            raise ConfigError(f"`reduction` must be one of {', '.join(get_args(Reduction))}. Got {self.reduction!r}.")
        for name in ("ridges", "leave_out"):
            if not isinstance(getattr(self, name), list | tuple):
                raise ConfigError(f"`{name}` must be a list. Got {getattr(self, name)!r}.")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for ridge in self.ridges or (0.0,):
            check_number("ridges", ridge, at_least=1e-12)
        for name in ("windows", "attributes", "bfloat16"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"`{name}` must be true or false. Got {getattr(self, name)!r}.")

    @classmethod
    def of(cls, given: Mapping[str, Any] | None, *, of: str) -> PredictorTraining:
        """Return the settings of a recipe's entry.

        Args:
            given: names and values; None or empty takes the defaults.
            of: name of the predictor, for messages.

        Raises:
            ConfigError: a name is unknown, or a value out of range.
        """
        if given is not None and not isinstance(given, Mapping):
            raise ConfigError(
                f"`training` of the predictor {of!r} must be a mapping, as in {{n_epochs: 4}}. Got {given!r}."
            )
        known = [field.name for field in fields(cls)]
        for name in given or {}:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                hint = f" Did you mean `{near[0]}`?" if near else ""
                raise ConfigError(
                    f"`training` of the predictor {of!r} has no {name!r}.{hint} It has: {', '.join(known)}."
                )
        return cls(**dict(given or {}))

    def rate(self, step: int) -> float:
        """Return the learning rate of a step from 0."""
        return float(self.learning_rate * self.decay ** (step / self.decay_steps))

    def as_json(self) -> dict[str, Any]:
        """Return all values as JSON gives them back."""
        return {**asdict(self), "ridges": list(self.ridges), "leave_out": list(self.leave_out)}
