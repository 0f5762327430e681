"""The generative model that people are drawn from: what face and voice share, how much, and what leaks.

Everything that a voice can tell about a face is written here in a few numbers, so that the best possible answer to
"same person or not" has a closed form (`visavox.world.likelihood`) and a known rate of success
(`visavox.world.ceiling`).

Example:
    >>> Population(correlations=(0.9,) * 6, face_reliability=1.0, voice_reliability=0.95).sex_agreement
    0.95
    >>> Population(leaks=Leaks(nationality=1.0)).shows_category("nationality")
    1.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from visavox.errors import ConfigError

DIMENSIONS = ("age", "size", "build", "vigour", "softness", "mouth")
"""Shared dimensions. In the face: age is grey hair, wrinkles and a higher hairline; size a long face and a big jaw;
build a wide face; vigour strong brows and open eyes; softness long and full hair, a short broad nose and high brows;
mouth full lips and rosy cheeks. In the voice: roughness and slowness; a long vocal tract; a low pitch; a bright
spectrum and lively melody; breath; the place of the third and fourth formants."""

N_PRIVATE = 8
"""Private numbers of each modality."""

Trait = Literal["nationality", "language"]
CATEGORIES: dict[Trait, tuple[str, ...]] = {
    "nationality": ("Arvia", "Belmor", "Corland", "Dunmark"),
    "language": ("arvish", "belmic", "corlish", "dunnic"),
}
"""Made-up nationalities and languages; every one is as frequent as the others of its kind."""

DEFAULT_CORRELATION = 0.7766
DEFAULT_RELIABILITY = 0.9881
"""With these two the ceilings are 0.960 between people of one sex and 0.995 between the sexes."""


@dataclass(frozen=True)
class Leaks:
    """Strengths of the shortcuts, 0 (none) to 1 (as strong as can be): they are no property of face or voice as such.

    A model that uses them scores above the honest ceiling.
    """

    recording: float = 0.0
    """Correlation of what a session leaves in the picture (colour of the light) and in the sound (microphone)."""
    nationality: float = 0.0
    """How surely the face (skin, hair) and the voice (vowels) each show a person's nationality."""
    language: float = 0.0
    """How surely the face (clothes, background) and the voice (sounds, rhythm) each show a person's language."""

    def __post_init__(self) -> None:
        """Hold every strength to its range.

        Raises:
            ConfigError: a strength is outside 0 to 1; a recording leak of 1 (its likelihood ratio has no limit).
        """
        for name in ("recording", "nationality", "language"):
            _hold_within(f"The leak of {name}", getattr(self, name), 0.0, 1.0)
        if self.recording >= 1.0:
            raise ConfigError("The leak of recording must be below 1, which would tell every session apart. Got 1.")


@dataclass(frozen=True)
class Population:
    """What face and voice of a person share."""

    correlations: tuple[float, ...] = (DEFAULT_CORRELATION,) * len(DIMENSIONS)
    """Canonical correlation of what face and voice show, for each of `DIMENSIONS`; 0 to below 1."""
    face_reliability: float = DEFAULT_RELIABILITY
    """Probability that a face shows the person's sex rather than the other, 0.5 to 1."""
    voice_reliability: float = DEFAULT_RELIABILITY
    """Probability that a voice shows the person's sex rather than the other, 0.5 to 1."""
    leaks: Leaks = field(default_factory=Leaks)
    """Planted shortcuts."""

    def __post_init__(self) -> None:
        """Hold every number to its range.

        Raises:
            ConfigError: a wrong number of correlations, or a value out of range.
        """
        object.__setattr__(self, "correlations", tuple(float(value) for value in self.correlations))
        check_correlations(self.correlations)
        for name in ("face_reliability", "voice_reliability"):
            _hold_within(f"`{name}`", getattr(self, name), 0.5, 1.0)

    @property
    def sex_agreement(self) -> float:
        """Probability that face and voice of one person show the same sex, 0.5 to 1."""
        face, voice = self.face_reliability, self.voice_reliability
        return face * voice + (1.0 - face) * (1.0 - voice)

    def shows_category(self, trait: Trait) -> float:
        """Return the probability that a face, or a voice, shows the person's own category of a trait."""
        strength: float = getattr(self.leaks, trait)
        n = len(CATEGORIES[trait])
        return 1.0 / n + (1.0 - 1.0 / n) * strength

    def category_agreement(self, trait: Trait) -> float:
        """Return the probability that face and voice of one person show the same category of a trait."""
        shown = self.shows_category(trait)
        n = len(CATEGORIES[trait])
        return shown**2 + (1.0 - shown) ** 2 / (n - 1)


def check_correlations(correlations: Sequence[float]) -> None:
    """Hold canonical correlations to their rule.

    Raises:
        ConfigError: not one for each of `DIMENSIONS`, or one outside 0 to below 1.
    """
    if len(correlations) != len(DIMENSIONS):
        raise ConfigError(
            f"`correlations` must have one number for each of {', '.join(DIMENSIONS)}. Got {len(correlations)}."
        )
    for name, value in zip(DIMENSIONS, correlations, strict=True):
        if not 0.0 <= value < 1.0:
            raise ConfigError(f"The correlation of {name} must be at least 0 and below 1. Got {value:g}.")


def _hold_within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} must be between {low:g} and {high:g}. Got {value:g}.")
