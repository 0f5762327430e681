"""Where what a drawer is told comes from: the voice, the user, or the true face.

A picture that was drawn with a look at the true face says nothing about what a voice tells. So every condition carries
its provenance, and the provenance goes into every picture's metadata, every row of a report and every contact sheet.

Example:
    >>> told = (Condition("voice", FROM_VOICE), Condition("gender", GIVEN, "female"))
    >>> provenance_line(told)
    'voice (from voice), gender = female (given by the user)'
    >>> may_leak(told)
    False
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Provenance = Literal["from voice", "given by the user", "from the true face"]
FROM_VOICE: Provenance = "from voice"
GIVEN: Provenance = "given by the user"
FROM_FACE: Provenance = "from the true face"

CONDITIONS = ("voice", "windows", "mel", "age", "gender", "ethnicity", "language", "guide", "blurred_guide")
"""What a drawer can be told: one vector of the voice, several of its windows, mel features; and, only when asked for,
years of age, gender, ethnicity, language, a low-resolution or a blurred picture of the face."""
OF_VOICE = frozenset({"voice", "windows", "mel"})


@dataclass(frozen=True)
class Condition:
    """One thing that a drawer is told."""

    name: str
    """One of `CONDITIONS`."""
    provenance: Provenance
    value: Any = None
    """None for those of the voice, whose numbers are in the heard voice; years; "female" or "male"; one of the
    ethnicities or languages; a guide as (px, px, 3) uint8 RGB."""

    def as_json(self) -> dict[str, Any]:
        """Return name, provenance and, unless it is a picture, the value."""
        plain = {} if self.value is None or hasattr(self.value, "shape") else {"value": self.value}
        return {"condition": self.name, "provenance": self.provenance, **plain}


def provenance_line(told: Sequence[Condition]) -> str:
    """Return all conditions with their provenance as one line for a caption."""
    parts = []
    for condition in told:
        plain = condition.as_json().get("value")
        value = "" if plain is None else f" = {plain}"
        parts.append(f"{condition.name}{value} ({condition.provenance})")
    return ", ".join(parts)


def may_leak(told: Sequence[Condition]) -> bool:
    """Return whether anything comes from the true face."""
    return any(condition.provenance == FROM_FACE for condition in told)
