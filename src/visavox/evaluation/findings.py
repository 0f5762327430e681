"""Collects what a protocol measures, row by row, and adds the interval over people.

Protocols compute values and their resamples; `Findings` turns them into `Measure` rows, keeps the resamples for paired
comparisons, and writes rows of nan with a reason where something cannot be measured.

Example:
    >>> findings = Findings("matching", "voice_to_face")
    >>> findings.add("all", "accuracy_1_of_2", 0.8, np.array([0.7, 0.8, 0.9]), chance=0.5, count=10, n_people=5)
    >>> findings.result().find("accuracy_1_of_2").value
    0.8
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.measures import Curve, Measure, ProbeOutcome, ProtocolResult, ResampleKey
from visavox.metrics.bootstrap import percentile_interval


class Findings:
    """Rows of one protocol in one direction.

    Args:
        protocol: registry name of the protocol.
        direction: "voice_to_face" or "face_to_voice".
    """

    def __init__(self, protocol: str, direction: str) -> None:
        """Store the names; there are no rows yet."""
        self.protocol = protocol
        self.direction = direction
        self._measures: list[Measure] = []
        self._curves: list[Curve] = []
        self._resamples: dict[ResampleKey, NDArray[np.float64]] = {}

    def add(
        self,
        group: str,
        measure: str,
        value: float,
        resampled: NDArray[np.floating],
        *,
        chance: float,
        count: int,
        n_people: int,
        bounds: tuple[float, float] = (0.0, 1.0),
        note: str = "",
    ) -> None:
        """Add a measure with its interval.

        Args:
            group: which negatives were allowed.
            measure: name of the figure.
            value: the figure; nan when undefined.
            resampled: (n_resamples,) float, the figure on each resample of people; nan where undefined.
            chance: what a constant model scores.
            count: probes, trials or pairs.
            n_people: people among the probes.
            bounds: least and greatest possible value, to which the interval is cut.
            note: what must be known with the figure.
        """
        interval = percentile_interval(value, resampled, bounds=bounds)
        self._resamples[group, measure] = np.asarray(resampled, dtype=np.float64)
        row = Measure(
            self.protocol, self.direction, group, measure, value, interval.low, interval.high, chance, count, n_people
        )
        self._measures.append(row if not note else Measure(**{**vars(row), "note": note}))

    def add_undefined(self, group: str, chances: Mapping[str, float], note: str) -> None:
        """Add rows of nan that say why.

        Args:
            group: the group that could not be measured.
            chances: name of each measure and its chance level, nan where that depends on the gallery.
            note: the reason, for the reader.
        """
        for measure, chance in chances.items():
            self._measures.append(
                Measure(self.protocol, self.direction, group, measure, math.nan, chance=chance, note=note)
            )

    def draw(
        self,
        name: str,
        group: str,
        x: Sequence[float] | NDArray[np.floating],
        y: Sequence[float] | NDArray[np.floating],
        labels: tuple[str, str],
    ) -> None:
        """Add a curve.

        Args:
            name: name of the curve.
            group: which negatives were allowed.
            x: (n,) float.
            y: (n,) float.
            labels: titles of the x and the y axis.
        """
        self._curves.append(Curve(name, self.direction, group, tuple(x), tuple(y), *labels))

    def result(self, trials_table: Sequence[ProbeOutcome] = ()) -> ProtocolResult:
        """Return everything added so far."""
        return ProtocolResult(tuple(self._measures), tuple(self._curves), tuple(trials_table), self._resamples)
