"""What a user tells a drawer beside the voice: checked, and with its provenance.

A drawer takes only what it was trained with. Anything else would be ignored in silence, or worse, so it is refused, and
the refusal says what the drawer does take.

Example:
    >>> given = attributes_given(age=30.0, gender="female")
    >>> everything_told(("voice", "age", "gender"), given, who="faces")[0].provenance
    'from voice'
    >>> everything_told(("voice",), given, who="portrait by decoder")
    Traceback (most recent call last):
    ...
    visavox.errors.ConfigError: `age`, `gender` cannot be told to portrait by decoder, which was trained with voice. \
Leave them out, or take a model that was trained with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, UnknownNameError
from visavox.generation.provenance import (
    CONDITIONS,
    FROM_FACE,
    FROM_VOICE,
    GIVEN,
    OF_VOICE,
    Condition,
    Provenance,
)
from visavox.models.diffusion.conditions import CHOICES

GUIDES = ("guide", "blurred_guide")
OLDEST = 120.0


def attributes_given(
    *,
    age: float | None = None,
    gender: str = "",
    ethnicity: str = "",
    language: str = "",
    guide: NDArray[np.uint8] | None = None,
    guide_name: str = "guide",
    is_true: bool = False,
) -> tuple[Condition, ...]:
    """Return what was given, in this order, each once.

    Args:
        age: years, 0 to 120.
        gender: "female" or "male"; empty where it is not given, as are the next two.
        ethnicity: one of the names that drawers know.
        language: likewise.
        guide: (px, px, 3) uint8 RGB picture of a face, in the frame of `visavox.media.drawn_frame`.
        guide_name: "guide" or "blurred_guide", which the drawer was trained with.
        is_true: all of it comes from the true face of the speaker, and is marked so.

    Raises:
        ConfigError: nothing is given that `is_true` could mark.
    """
    provenance: Provenance = FROM_FACE if is_true else GIVEN
    values: dict[str, Any] = {"age": age, "gender": gender, "ethnicity": ethnicity, "language": language}
    given = [Condition(name, provenance, value) for name, value in values.items() if value not in (None, "")]
    if guide is not None:
        given.append(Condition(guide_name, provenance, guide))
    if is_true and not given:
        raise ConfigError(
            "`guide_is_true` marks what you give beside the voice, and nothing is given. Give --guide or an attribute, "
            "or leave it out."
        )
    return tuple(given)


def everything_told(
    trained_with: Sequence[str],
    given: Sequence[Condition],
    *,
    who: str,
    known_values: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Condition, ...]:
    """Return all that a drawer is told: what the voice tells it, and what was given, both checked.

    Args:
        trained_with: names of the conditions that the drawer was trained with.
        given: by the user.
        who: the drawer, for messages: "portrait by decoder".
        known_values: condition -> names that it can be told; those of all drawers otherwise.

    Raises:
        ConfigError: a condition is unknown, given twice, of the voice itself, not one that the drawer was trained with,
            or has a value out of its range.
    """
    names = [condition.name for condition in given]
    for name in names:
        if name not in CONDITIONS:
            raise UnknownNameError("condition", name, CONDITIONS)
        if name in OF_VOICE:
            raise ConfigError(f"`{name}` comes from the voice itself. Got it among what you give. Leave it out.")
        if names.count(name) > 1:
            raise ConfigError(f"`{name}` must be given once. Got it {names.count(name)} times. Leave the others out.")
    strange = [name for name in names if name not in trained_with]
    if strange:
        listed, them = ", ".join(f"`{name}`" for name in strange), "it" if len(strange) == 1 else "them"
        raise ConfigError(
            f"{listed} cannot be told to {who}, which was trained with {', '.join(trained_with) or 'nothing'}. "
            f"Leave {them} out, or take a model that was trained with {them}."
        )
    for condition in given:
        _check_value(condition, {**CHOICES, **(known_values or {})})
    of_voice = tuple(Condition(name, FROM_VOICE) for name in trained_with if name in OF_VOICE)
    return (*of_voice, *given)


def _check_value(condition: Condition, choices: Mapping[str, tuple[str, ...]]) -> None:
    name, value = condition.name, condition.value
    if name in choices:
        if value not in choices[name]:
            raise UnknownNameError(name, str(value), choices[name])
    elif name == "age":
        if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= OLDEST:
            raise ConfigError(f"`age` must be 0 to {OLDEST:g} years. Got {value!r}.")
    elif name in GUIDES:
        shape, kind = np.shape(value), getattr(value, "dtype", type(value).__name__)
        if len(shape) != 3 or shape[0] != shape[1] or shape[2] != 3 or kind != np.uint8:
            raise ConfigError(
                f"`{name}` must be (px, px, 3) uint8 RGB, a face as visavox.generation.guide_face reads it. "
                f"Got {shape} {kind}."
            )
