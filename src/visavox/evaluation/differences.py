"""Is model A better than model B? Paired differences over the same resamples of the same people.

Both results must come from one protocol on the same tables, with generators of the same seed: then the resamples are
the same draws, the luck of who was drawn cancels, and small differences can be told from none. Tables of several runs
are `visavox.evaluation.comparison`.

Example:
    >>> from visavox.evaluation.findings import Findings
    >>> def result(value, resampled):
    ...     findings = Findings("matching", "voice_to_face")
    ...     findings.add("all", "accuracy_1_of_2", value, np.array(resampled), chance=0.5, count=9, n_people=9)
    ...     return findings.result()
    >>> found = compare_results(result(0.8, [0.7, 0.8, 0.9]), result(0.7, [0.6, 0.7, 0.8]))[0]
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.1, 0.1, 0.1)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.errors import DataError
from visavox.evaluation.measures import ProtocolResult
from visavox.metrics.bootstrap import paired_difference


@dataclass(frozen=True)
class Difference:
    """One measure of model A less that of model B."""

    protocol: str
    """Registry name of the protocol."""
    direction: str
    """"voice_to_face" or "face_to_voice"."""
    group: str
    """Which negatives were allowed."""
    measure: str
    """Name of the figure."""
    value: float
    """A minus B; above 0 A is better where the figure grows with quality."""
    low: float
    """Lower end of the 95 % interval over people."""
    high: float
    """Upper end of the interval."""
    p_value: float
    """Two-sided; nan when undefined."""


def compare_results(a: ProtocolResult, b: ProtocolResult) -> tuple[Difference, ...]:
    """Return the paired difference of every measure that both results have.

    Args:
        a: result of model A, fresh from a protocol (results read from JSON hold no resamples).
        b: result of model B on the same tables and with the same seed.

    Raises:
        DataError: no measure in common, a result without resamples, other numbers of resamples, or measures that
            rest on other probes.
    """
    others = {measure.key: measure for measure in b.measures}
    shared = [(measure, others[measure.key]) for measure in a.measures if measure.key in others]
    if not shared:
        raise DataError("The two results have no measure in common. Use one protocol and direction for both.")
    found = []
    for ours, theirs in shared:
        key = (ours.group, ours.measure)
        if np.isnan(ours.value) or np.isnan(theirs.value):
            continue
        if key not in a.resamples or key not in b.resamples:
            raise DataError(
                f"A result without resamples cannot be paired ({ours.group}/{ours.measure}). Evaluate anew."
            )
        if (ours.count, ours.n_people) != (theirs.count, theirs.n_people):
            raise DataError(
                f"Paired results must rest on the same probes. Got {ours.count} and {theirs.count} for "
                f"{ours.group}/{ours.measure}. Evaluate both models on the same tables."
            )
        pair = paired_difference(ours.value, theirs.value, a.resamples[key], b.resamples[key])
        found.append(Difference(*ours.key, pair.value, pair.low, pair.high, pair.p_value))
    return tuple(found)
