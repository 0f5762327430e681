"""How encoders are trained from pixels and samples: every number of it, and its range.

Example:
    >>> EndToEndSettings.of({"n_epochs": 5, "voice_augmentation": {"gain": 0.2}}).voice_augmentation.gain
    0.2
    >>> EndToEndSettings.of({"window_s": [2.5, 5], "optimiser": "sgd"}).shortest_window_s
    2.5
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from visavox.batches.augment import FaceAugmentation, VoiceAugmentation
from visavox.errors import ConfigError
from visavox.models.associators.base import check_count, check_number
from visavox.objectives.base import Objective
from visavox.pipeline.optimising import Optimiser, build_objective, checked_drops

Schedule = Literal["cosine", "steps", "constant"]
LINEAR = "linear"


@dataclass(frozen=True)
class EndToEndSettings:
    """How voice and face encoder are trained together. The defaults are those of the quickstart."""

    n_epochs: int = 60
    """Passes over the training clips, 1 or more."""
    people_a_batch: int = 15
    """People a batch, 2 or more; each is compared with all others."""
    clips_a_person: int = 2
    """Voices and faces of each person in a batch, 1 or more; within a modality there is nothing to learn from 1."""
    one_per_person: bool = False
    """An epoch deals each person once, clips drawn anew, instead of every clip about once."""
    accumulate: int = 1
    """Parts in which a batch goes through the encoders, 1 or more: less memory for a second forward pass. The loss
    stays that of the whole batch; only batch normalisation in the encoders sees one part at a time."""
    optimiser: Optimiser = "adamw"
    """adamw (decoupled weight decay), adam, or sgd with momentum."""
    momentum: float = 0.9
    """Momentum of sgd, 0 to below 1."""
    learning_rate: float = 1e-3
    """Highest step size of the optimiser, above 0."""
    schedule: Schedule = "cosine"
    """Learning rate after the warm-up: falling to 0 along half a cosine, a tenth from each of `drop_at` on (steps), or
    constant."""
    drop_at: tuple[float, ...] = ()
    """Shares of the run at which the schedule `steps` divides the learning rate by ten; above 0, below 1."""
    warm_up: float = 0.1
    """Share of the steps in which the learning rate rises evenly from 0, 0 to 1."""
    weight_decay: float = 0.05
    """Weight decay of the optimiser on matrices and filters, 0 or more; biases and scales do not decay."""
    objective: str | Mapping[str, Any] = "info_nce"
    """What is minimised across the modalities, between the vectors of the heads: a name, or {name: ..., option: ...};
    `visavox --list objectives` names the choices."""
    heads: str | Mapping[str, Any] = LINEAR
    """What stands between the encoders and the objective: linear, or a network associator as a name or
    {name: ..., option: ...}."""
    across_weight: float = 3.0
    """Weight of the objective across the modalities; 0 leaves the heads untrained."""
    within_voice_weight: float = 1.0
    """Weight of the supervised contrastive loss among the voices; above 0 it needs people with two voices."""
    within_face_weight: float = 1.0
    """Likewise among the faces."""
    initial_temperature: float = 0.1
    """Temperature that all terms start with, 0.01 to 1; each learns its own. An objective with options, or without a
    temperature, says its own."""
    output_dim: int = 64
    """Length of the vectors of the learned heads."""
    window_s: float | tuple[float, float] = 1.6
    """Seconds of each voice that a step hears, at a place drawn anew each time, at least 0.1; of two, [2.5, 5], one
    length between them is drawn for each batch."""
    watch_every_epochs: int = 5
    """Measure training and validation people every so many epochs, and after the last; 1 or more."""
    max_memory_gb: float = 4.0
    """Prepared clips above this size are kept in a file of the run, and read from there; 0 or more."""
    face_augmentation: FaceAugmentation = field(default_factory=FaceAugmentation)
    """How faces are changed; see `visavox.batches.augment`."""
    voice_augmentation: VoiceAugmentation = field(default_factory=VoiceAugmentation)
    """How voices are changed."""

    def __post_init__(self) -> None:
        """Hold every value to its range.

        Raises:
            ConfigError: a value is out of range, or all terms have the weight 0.
        """
        for name, least in (
            ("n_epochs", 1),
            ("people_a_batch", 2),
            ("clips_a_person", 1),
            ("output_dim", 1),
            ("watch_every_epochs", 1),
            ("accumulate", 1),
        ):
            check_count(name, getattr(self, name), at_least=least)
        check_number("learning_rate", self.learning_rate, at_least=1e-12, at_most=10)
        check_number("warm_up", self.warm_up, at_least=0, at_most=1)
        check_number("initial_temperature", self.initial_temperature, at_least=0.01, at_most=1)
        self._check_windows()
        self._check_optimiser()
        for name in ("weight_decay", "max_memory_gb", "across_weight", "within_voice_weight", "within_face_weight"):
            check_number(name, getattr(self, name), at_least=0)
        if not self.across_weight + self.within_voice_weight + self.within_face_weight:
            raise ConfigError("`across_weight`, `within_voice_weight` and `within_face_weight` must not all be 0.")
        if self.clips_a_person < 2 and self.within_voice_weight + self.within_face_weight:
            raise ConfigError(
                f"`clips_a_person` must be at least 2 where a term within a modality has a weight. "
                f"Got {self.clips_a_person}. Set `within_voice_weight` and `within_face_weight` to 0, or take 2."
            )
        self._check_objective()

    def _check_windows(self) -> None:
        if isinstance(self.window_s, list | tuple):
            if len(self.window_s) != 2:
                raise ConfigError(f"`window_s` must be one length or two, as in [2.5, 5]. Got {self.window_s!r}.")
            object.__setattr__(self, "window_s", tuple(self.window_s))  # a recipe gives a list
        for length in (self.shortest_window_s, self.longest_window_s):
            check_number("window_s", length, at_least=0.1)
        if self.longest_window_s < self.shortest_window_s:
            raise ConfigError(f"`window_s` must give the shorter length first. Got {self.window_s!r}.")

    def _check_optimiser(self) -> None:
        check_number("momentum", self.momentum, at_least=0, at_most=0.999999)
        for name, choices in (("optimiser", get_args(Optimiser)), ("schedule", get_args(Schedule))):
            if getattr(self, name) not in choices:
                raise ConfigError(f"`{name}` must be one of {', '.join(choices)}. Got {getattr(self, name)!r}.")
        if not isinstance(self.one_per_person, bool):
            raise ConfigError(f"`one_per_person` must be true or false. Got {self.one_per_person!r}.")
        object.__setattr__(self, "drop_at", checked_drops(self.drop_at, schedule=self.schedule))

    def _check_objective(self) -> None:
        objective = self.build_objective()
        if isinstance(self.objective, Mapping) and self.objective.get("covariates"):
            raise ConfigError(
                "`covariates` are not known of raw media, where a batch is dealt of items. Train on --embeddings, or "
                "leave them out."
            )
        if "rows" in objective.extras or objective.wants_all_vectors:
            name = self.objective if isinstance(self.objective, str) else self.objective["name"]
            raise ConfigError(
                f"The objective {name!r} looks at all training pairs between the epochs, and on raw media a voice has "
                "no fixed face. Train it on --embeddings, or take another."
            )

    @property
    def shortest_window_s(self) -> float:
        """The shortest window that is drawn."""
        return self.window_s[0] if isinstance(self.window_s, tuple) else self.window_s

    @property
    def longest_window_s(self) -> float:
        """The longest window that is drawn."""
        return self.window_s[1] if isinstance(self.window_s, tuple) else self.window_s

    def build_objective(self) -> Objective:
        """Return the objective across the modalities; a bare name with a temperature starts with the settings' own.

        Raises:
            ConfigError: its name is unknown, or an option is left over or out of range.
        """
        return build_objective(self.objective, {"initial_temperature": self.initial_temperature})

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> EndToEndSettings:
        """Return the settings of a mapping, as it stands in a recipe.

        Args:
            values: names of fields to values; the augmentations are mappings themselves, and lay over the defaults.

        Raises:
            ConfigError: a name is unknown, or a value out of range.
        """
        given = dict(values)
        _refuse_unknown("`end_to_end`", given, cls)
        for name, kind in (("face_augmentation", FaceAugmentation), ("voice_augmentation", VoiceAugmentation)):
            inner = given.get(name)
            if isinstance(inner, Mapping):
                _refuse_unknown(f"`{name}`", inner, kind)
                given[name] = kind(**inner)
            elif inner is not None and not isinstance(inner, kind):
                raise ConfigError(f"`{name}` must be a mapping, as in {{noise: 0}}. Got {inner!r}.")
        return cls(**given)


def _refuse_unknown(what: str, values: Mapping[str, Any], kind: type) -> None:
    known = [item.name for item in fields(kind)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"{what} takes no {', '.join(map(repr, unknown))}. It takes: {', '.join(sorted(known))}.")
