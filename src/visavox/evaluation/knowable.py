"""How much of what could be known was learned: accuracy between chance and the best possible answer.

In a made-up world the best possible 1:2 accuracy is known, the ceiling. The share of the knowable is
(accuracy - chance) / (ceiling - chance): 0 for guessing, 1 for the best possible answer. This module holds the records
and the formulas; the ceiling is read by `visavox.evaluation.knowable_ceiling`, a report is extended by
`visavox.evaluation.knowable_report`.

Example:
    >>> found = Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", 0.86, 0.82, 0.90, 0.5, 300, 100)
    >>> share = share_measure(found, Estimate(0.95, 0.0))
    >>> print(f"{share.value:.2f} ({share.low:.2f}-{share.high:.2f})")
    0.80 (0.71-0.89)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from visavox.evaluation.measures import Measure, plain_float

PROTOCOL = "knowable"  # protocol of the rows of shares in a report
SHARE = "share_of_knowable"  # their measure
PAIR = "accuracy_1_of_2"  # what the share is of
NORMAL_95 = 1.959964  # standard errors on each side of a 95 % interval


@dataclass(frozen=True)
class Estimate:
    """A figure that was found by drawing, with its standard error."""

    value: float
    """A share, 0 to 1."""
    standard_error: float = 0.0
    """Of the drawing, 0 or more."""


@dataclass(frozen=True)
class KnowableRow:
    """One question, and where chance, gender alone, the model and the best possible answer stand on it."""

    direction: str
    """"voice_to_face" or "face_to_voice", the probe first."""
    group: str
    """"all" (U) or "same_gender" (G)."""
    chance: float
    """1:2 accuracy of guessing."""
    gender_alone: float
    """That of the baseline of this name; nan where it is undefined."""
    reached: float
    """That of the model; nan where it is undefined."""
    low: float
    """Lower end of its 95 % interval over people; nan where undefined."""
    high: float
    """Upper end."""
    ceiling: float
    """That of the best possible answer that uses no shortcut."""
    ceiling_error: float
    """Standard error of the ceiling."""
    shortcut_ceiling: float
    """That of the best possible answer when what leaks is used too; nan where nothing leaks."""
    share: float
    """(reached - chance) / (ceiling - chance); nan where either is undefined or nothing can be known."""
    share_low: float
    """Lower end of its 95 % interval."""
    share_high: float
    """Upper end."""
    count: int
    """Probes."""
    n_people: int
    """People among the probes."""

    @property
    def is_beyond(self) -> bool:
        """Whether the whole interval lies above what can be known."""
        return self.share_low > 1

    def __post_init__(self) -> None:
        """Make every nan the same object, so that equal rows compare equal."""
        for item in fields(self):
            if item.type == "float":
                object.__setattr__(self, item.name, plain_float(getattr(self, item.name)))


@dataclass(frozen=True)
class Knowable:
    """What a report says about how much of the knowable was learned."""

    world: str
    """The file that the ceiling comes from."""
    rows: tuple[KnowableRow, ...]
    """Voice to face first, all pairs first."""
    warnings: tuple[str, ...] = ()
    """Sentences on what cannot be as it should: a model above the ceiling."""
    notes: tuple[str, ...] = ()
    """Sentences on how the ceiling was found."""

    def find(self, direction: str, group: str) -> KnowableRow | None:
        """Return the row of a direction and a group, or None."""
        return next((row for row in self.rows if (row.direction, row.group) == (direction, group)), None)


def knowable_from_json(values: Mapping[str, Any] | None) -> Knowable | None:
    """Build the record from its JSON values, null for nan; None stays None.

    Raises:
        KeyError: a part is missing.
        TypeError: a row lacks a column or has one too many.
    """
    if values is None:
        return None
    return Knowable(
        world=str(values["world"]),
        rows=tuple(KnowableRow(**row) for row in values["rows"]),
        warnings=tuple(values["warnings"]),
        notes=tuple(values["notes"]),
    )


def share_measure(found: Measure, ceiling: Estimate) -> Measure:
    """Return the share of the knowable that a 1:2 accuracy stands for, with its interval.

    The interval of the accuracy is mapped like the accuracy itself; the error of the ceiling, independent of it and
    much smaller, is added in squares on each side. The share is not cut to 0 to 1: a figure above 1 tells something.

    Args:
        found: a 1:2 accuracy; its chance level is the zero of the share.
        ceiling: the best possible 1:2 accuracy on the same question.

    Returns:
        A measure named `SHARE`; nan with a reason where the accuracy is undefined or the ceiling is chance.
    """
    names = (PROTOCOL, found.direction, found.group, SHARE)
    knowable = ceiling.value - found.chance
    if not math.isfinite(found.value):
        return Measure(*names, chance=0.0, note=found.note)
    if not knowable > 0:
        return Measure(*names, chance=0.0, note="nothing can be known: the best possible answer is chance")
    value, low, high = ((end - found.chance) / knowable for end in (found.value, found.low, found.high))
    error = NORMAL_95 * abs(value) * ceiling.standard_error / knowable
    return Measure(
        *names, value, value - math.hypot(value - low, error), value + math.hypot(high - value, error),
        0.0, found.count, found.n_people,
    )  # fmt: skip


def share_measures(measures: Sequence[Measure], ceilings: Mapping[tuple[str, str], Estimate]) -> tuple[Measure, ...]:
    """Return the share of the knowable for each 1:2 matching accuracy that has a ceiling, in their order.

    Args:
        measures: of the model, or of a baseline; others than 1:2 matching are passed over.
        ceilings: by direction and group.
    """
    return tuple(share_measure(m, ceilings[m.direction, m.group]) for m in pair_measures(measures, ceilings))


def pair_measures(measures: Sequence[Measure], ceilings: Mapping[tuple[str, str], Estimate]) -> tuple[Measure, ...]:
    """Return the 1:2 matching accuracies that have a ceiling, in their order."""
    return tuple(
        m for m in measures if (m.protocol, m.measure) == ("matching", PAIR) and (m.direction, m.group) in ceilings
    )
