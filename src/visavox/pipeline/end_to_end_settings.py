"""How encoders are trained from pixels and samples: every number of it, and its range.

Example:
    >>> EndToEndSettings.of({"n_epochs": 5, "voice_augmentation": {"gain": 0.2}}).voice_augmentation.gain
    0.2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from visavox.batches.augment import FaceAugmentation, VoiceAugmentation
from visavox.errors import ConfigError
from visavox.models.associators.base import check_count, check_number


@dataclass(frozen=True)
class EndToEndSettings:
    """How voice and face encoder are trained together. The defaults are those of the quickstart."""

    n_epochs: int = 60
    """Passes over the training clips, 1 or more."""
    people_a_batch: int = 15
    """People a batch, 2 or more; each is compared with all others."""
    clips_a_person: int = 2
    """Voices and faces of each person in a batch, 1 or more; within a modality there is nothing to learn from 1."""
    learning_rate: float = 1e-3
    """Highest step size of AdamW, above 0; it rises to it evenly and falls to 0 along half a cosine."""
    warm_up: float = 0.1
    """Share of the steps in which the learning rate rises, 0 to 1."""
    weight_decay: float = 0.05
    """Decoupled weight decay of AdamW on matrices and filters, 0 or more; biases and scales do not decay."""
    across_weight: float = 3.0
    """Weight of InfoNCE across the modalities, between the learned heads; 0 leaves the heads untrained."""
    within_voice_weight: float = 1.0
    """Weight of the supervised contrastive loss among the voices; above 0 it needs people with two voices."""
    within_face_weight: float = 1.0
    """Likewise among the faces."""
    initial_temperature: float = 0.1
    """Temperature that all terms start with, 0.01 to 1; each learns its own."""
    output_dim: int = 64
    """Length of the vectors of the learned heads."""
    window_s: float = 1.6
    """Seconds of each voice that a step hears, at a place drawn anew each time; above 0.1."""
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
        ):
            check_count(name, getattr(self, name), at_least=least)
        check_number("learning_rate", self.learning_rate, at_least=1e-12, at_most=10)
        check_number("warm_up", self.warm_up, at_least=0, at_most=1)
        check_number("initial_temperature", self.initial_temperature, at_least=0.01, at_most=1)
        check_number("window_s", self.window_s, at_least=0.1)
        for name in ("weight_decay", "max_memory_gb", "across_weight", "within_voice_weight", "within_face_weight"):
            check_number(name, getattr(self, name), at_least=0)
        if not self.across_weight + self.within_voice_weight + self.within_face_weight:
            raise ConfigError("`across_weight`, `within_voice_weight` and `within_face_weight` must not all be 0.")
        if self.clips_a_person < 2 and self.within_voice_weight + self.within_face_weight:
            raise ConfigError(
                f"`clips_a_person` must be at least 2 where a term within a modality has a weight. "
                f"Got {self.clips_a_person}. Set `within_voice_weight` and `within_face_weight` to 0, or take 2."
            )

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
