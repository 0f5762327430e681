"""What a protocol found: measures with intervals, curves to draw, and the outcome of each probe.

These are records and their JSON; nothing is computed here. JSON knows no nan, so an undefined number is `null` there
and is printed as "undefined" with its reason. The page and the tables made of them are `visavox.evaluation.record`
and its neighbours.

Example:
    >>> print(Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", 0.81, 0.79, 0.83, 0.5, 968, 931))
    matching voice_to_face all accuracy_1_of_2: 0.8100 [0.7900, 0.8300], chance 0.5000, count 968, people 931
    >>> print(Measure("matching", "voice_to_face", "same_gender", "accuracy_1_of_2", note="no gender labels"))
    matching voice_to_face same_gender accuracy_1_of_2: undefined (no gender labels)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

UNDEFINED = "undefined"


@dataclass(frozen=True)
class Measure:
    """One figure with its interval, its chance level and what it was counted on."""

    protocol: str
    """Registry name of the protocol: "matching"."""
    direction: str
    """"voice_to_face" or "face_to_voice", the probe first."""
    group: str
    """Which negatives are allowed: "all", "same_gender" or "same_nationality"."""
    measure: str
    """Name of the figure: "accuracy_1_of_2", "auc", "eer", "min_dcf_0.01", "map", "recall_at_10", "median_rank"."""
    value: float = math.nan
    """The figure itself as a share, a cost or a rank; nan when undefined."""
    low: float = math.nan
    """Lower end of the 95 % interval over people; nan when undefined."""
    high: float = math.nan
    """Upper end of the interval."""
    chance: float = math.nan
    """What a constant model scores on the same trials."""
    count: int = 0
    """Probes (matching, retrieval), listed trials, or pairs (verification) that the figure rests on."""
    n_people: int = 0
    """People among the probes."""
    note: str = ""
    """Why the figure is undefined, or what must be known with it; "" when there is nothing to say."""

    def __post_init__(self) -> None:
        """Make every nan the same object, so that equal measures compare equal."""
        for name in ("value", "low", "high", "chance"):
            object.__setattr__(self, name, plain_float(getattr(self, name)))

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two rows the same question: (protocol, direction, group, measure)."""
        return (self.protocol, self.direction, self.group, self.measure)

    def __str__(self) -> str:
        """Return the measure as one line."""
        name = " ".join(self.key)
        if math.isnan(self.value):
            return f"{name}: {UNDEFINED}" + (f" ({self.note})" if self.note else "")
        interval = UNDEFINED if math.isnan(self.low) else f"[{self.low:.4f}, {self.high:.4f}]"
        return f"{name}: {self.value:.4f} {interval}, chance {self.chance:.4f}, " + (
            f"count {self.count}, people {self.n_people}"
        )


@dataclass(frozen=True)
class Curve:
    """A line to draw: two sequences of one length and the titles of their axes."""

    name: str
    """"one_of_n", "roc", "det", "recall_at_k", "histogram_positive" or "histogram_negative"."""
    direction: str
    """"voice_to_face" or "face_to_voice"."""
    group: str
    """Which negatives are allowed."""
    x: tuple[float, ...]
    """n abscissas."""
    y: tuple[float, ...]
    """n ordinates."""
    x_label: str
    """Title of the x axis."""
    y_label: str
    """Title of the y axis."""

    def __post_init__(self) -> None:
        """Turn arrays into tuples of plain floats and check the lengths."""
        for name in ("x", "y"):
            object.__setattr__(self, name, tuple(plain_float(value) for value in getattr(self, name)))
        if len(self.x) != len(self.y):
            raise DataError(f"A curve needs as many x as y. Got {len(self.x)} and {len(self.y)} in {self.name!r}.")


@dataclass(frozen=True)
class ProbeOutcome:
    """How one probe fared: the row from which the strips of best and worst matches are chosen."""

    probe: str
    """Key of the probe."""
    positive: str
    """Key of its best-scoring positive."""
    hardest_negative: str
    """Key of its best-scoring allowed negative."""
    positive_score: float
    """Score of the positive."""
    negative_score: float
    """Score of the hardest negative."""
    share_beaten: float
    """Share of its negatives that its positives beat, ties one half, 0 to 1."""

    @property
    def margin(self) -> float:
        """Score of the positive less that of the hardest negative: above 0 the probe finds its positive first."""
        return self.positive_score - self.negative_score


ResampleKey = tuple[str, str]  # group, measure


@dataclass(frozen=True)
class ProtocolResult:
    """Everything one protocol found in one direction."""

    measures: tuple[Measure, ...]
    """Rows in the order of groups, then of measures."""
    curves: tuple[Curve, ...] = ()
    """Curves to draw; only those that are defined."""
    trials_table: tuple[ProbeOutcome, ...] = ()
    """One row a probe, where the protocol compares single probes; else empty."""
    resamples: Mapping[ResampleKey, NDArray[np.float64]] = field(default_factory=dict, compare=False, repr=False)
    """(n_resamples,) float64 for each (group, measure): the measure on each resample of people, for paired
    comparisons with another model (`visavox.evaluation.differences`); not written to JSON."""

    def find(self, measure: str, *, group: str = "all") -> Measure:
        """Return the measure of this name.

        Raises:
            DataError: the protocol has no such measure or group; the message lists what there is.
        """
        for row in self.measures:
            if (row.group, row.measure) == (group, measure):
                return row
        known = ", ".join(f"{row.group}/{row.measure}" for row in self.measures)
        raise DataError(f"There is no measure {group}/{measure}. Known: {known or 'none'}.")

    def to_json(self) -> dict[str, Any]:
        """Return JSON values: lists, numbers, strings, and null for nan."""
        return {
            "measures": [_row(measure) for measure in self.measures],
            "curves": [_row(curve) for curve in self.curves],
            "trials_table": [_row(outcome) for outcome in self.trials_table],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ProtocolResult:
        """Build the result from what `to_json` returned; `resamples` is empty.

        Raises:
            DataError: a part is missing, or a row lacks a column or has one too many.
        """
        try:
            return cls(
                measures=tuple(Measure(**row) for row in values["measures"]),
                curves=tuple(Curve(**row) for row in values["curves"]),
                trials_table=tuple(ProbeOutcome(**row) for row in values["trials_table"]),
            )
        except (KeyError, TypeError, ValueError) as e:
            raise DataError(f"This is no result of a protocol: {e!r}. Evaluate again to write it anew.") from e


def _row(record: Measure | Curve | ProbeOutcome) -> dict[str, Any]:
    return {name: _json_value(value) for name, value in dataclasses.asdict(record).items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json_value(part) for part in value]
    return value


def plain_float(value: Any) -> float:
    """Return a number as a plain float; None and every nan become the one `math.nan`, so that records compare equal."""
    number = math.nan if value is None else float(value)
    return math.nan if math.isnan(number) else number
