"""Open-set identification: who is it, if anybody we know? Detection and identification rate at a false alarm rate.

A probe is compared with everybody enrolled. It raises an alarm when its best score reaches the threshold; the alarm is
false when the person is not enrolled. A known probe counts when it raises an alarm **and** its best match is its own
person (rank 1). The rate grows with quality; with one entry a person, chance is the false alarm rate over the number
enrolled.

Example:
    >>> known, own = np.array([[0.9, 0.1], [0.6, 0.5]]), np.eye(2, dtype=bool)
    >>> unknown = np.array([[0.3, 0.2], [0.7, 0.1]])
    >>> detection_identification_rate(known, own, unknown, false_alarm_rate=0.0)
    0.5
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError, UndefinedMetricWarning
from visavox.metrics.roc import Floats
from visavox.metrics.standings import check_masks, check_similarity


@dataclass(frozen=True)
class OpenSetCurve:
    """Rates at every threshold where the false alarms change, from "alarm at nothing" to "alarm at everything".

    At each of the thresholds, the different best scores of unknown probes, the rates are given with probes exactly at
    it left out (`over`) and let in (`reaching`).

    Attributes:
        thresholds: (n,) float64, falling.
        false_alarms_over: (n,) float64, share of unknown probes whose best score lies over the threshold.
        false_alarms_reaching: (n,) float64, share whose best score is at least the threshold; the last is 1.
        identified_over: (n,) float64, share of known probes rightly identified with a score over the threshold.
        identified_reaching: (n,) float64, the same with a score of at least the threshold.
        closed_set: share of known probes identified with no threshold at all, the closed-set rank-1 rate.
    """

    thresholds: Floats
    false_alarms_over: Floats
    false_alarms_reaching: Floats
    identified_over: Floats
    identified_reaching: Floats
    closed_set: float

    def rate_at(self, false_alarm_rate: float) -> float:
        """Return the best detection and identification rate at this false alarm rate.

        The threshold is as low as the rate allows. Where unknown probes tie at it, probes at the threshold are let in
        with the chance that makes the rate exact.

        Args:
            false_alarm_rate: 0 to 1.

        Raises:
            ConfigError: the rate is outside 0 to 1.
        """
        if not 0 <= false_alarm_rate <= 1:
            raise ConfigError(f"`false_alarm_rate` must lie between 0 and 1. Got {false_alarm_rate}.")
        if not len(self.thresholds) or math.isnan(self.closed_set):
            return math.nan
        if false_alarm_rate == 1:
            return self.closed_set
        place = int((self.false_alarms_reaching <= false_alarm_rate).sum())
        over, reaching = self.false_alarms_over[place], self.false_alarms_reaching[place]
        let_in = (false_alarm_rate - over) / (reaching - over)
        gained = self.identified_reaching[place] - self.identified_over[place]
        return float(self.identified_over[place] + let_in * gained)


def open_set_curve(
    known: NDArray[np.floating], positives: NDArray[np.bool_], unknown: NDArray[np.floating]
) -> OpenSetCurve:
    """Return the rates of rank-1 open-set identification over all thresholds.

    Args:
        known: (n_known, n_gallery) float, scores of probes whose person is enrolled.
        positives: (n_known, n_gallery) bool, which entries are the probe's own person.
        unknown: (n_unknown, n_gallery) float, scores of probes whose person is not enrolled.

    Raises:
        DataError: a shape does not fit, a score is NaN, the gallery is empty, or a known probe has no positive.

    Ties and edges:
        Entries tied for the best match: the chance to pick one of the own person. Without known or unknown probes the
        rates are nan.

    Source: Phillips, Grother and Micheals, "Evaluation methods in face recognition" (2005; Handbook of Face
        Recognition, chapter 14), open-set identification at rank 1.
    """
    known, unknown = check_similarity(known), check_similarity(unknown)
    check_masks(known, positives, np.zeros_like(positives))
    if known.shape[1] != unknown.shape[1] or not known.shape[1]:
        raise DataError(
            "Known and unknown probes must be compared with one gallery of at least one entry. "
            f"Got {known.shape[1]} and {unknown.shape[1]} entries."
        )
    without = int((~positives.any(axis=1)).sum())
    if without:
        raise DataError(
            f"A known probe must have its person in the gallery. Got {without} without; count them unknown."
        )
    best = known.max(axis=1).astype(np.float64)
    tied = known == known.max(axis=1, keepdims=True)
    identified = (tied & positives).sum(axis=1) / np.maximum(tied.sum(axis=1), 1)  # (n_known,)
    alarms = unknown.max(axis=1).astype(np.float64)
    thresholds, counts = np.unique(-alarms, return_counts=True)
    thresholds = -thresholds
    reaching = np.cumsum(counts) / max(len(alarms), 1)
    over = np.append(0.0, reaching[:-1])[: len(reaching)]
    order = np.argsort(best, kind="stable")
    # Credit of the probes above a place in rising order, with nothing above the last.
    above = np.append(np.cumsum(identified[order][::-1])[::-1], 0.0) / (len(best) or math.nan)
    closed = float(above[0]) if len(best) else math.nan
    at_least = above[np.searchsorted(best[order], thresholds, side="left")]
    strictly = above[np.searchsorted(best[order], thresholds, side="right")]
    return OpenSetCurve(thresholds, over, reaching, strictly, at_least, closed)


def detection_identification_rate(
    known: NDArray[np.floating],
    positives: NDArray[np.bool_],
    unknown: NDArray[np.floating],
    *,
    false_alarm_rate: float = 0.01,
) -> float:
    """Return the share of known probes that raise an alarm and are rightly identified, at a false alarm rate.

    Args:
        known: (n_known, n_gallery) float.
        positives: (n_known, n_gallery) bool.
        unknown: (n_unknown, n_gallery) float.
        false_alarm_rate: share of unknown probes that may raise an alarm, 0 to 1.

    Returns:
        0 to 1; a constant score gives false_alarm_rate / n_gallery with one entry a person. At 1 it is the closed-set
        rank-1 rate.

    Raises:
        DataError: as `open_set_curve`.
        ConfigError: the rate is outside 0 to 1.

    Ties and edges:
        As `open_set_curve`; nan with an UndefinedMetricWarning without known or without unknown probes.
    """
    rate = open_set_curve(known, positives, unknown).rate_at(false_alarm_rate)
    if math.isnan(rate):
        message = "Open-set identification is undefined: it needs known and unknown probes. nan is returned."
        warnings.warn(message, UndefinedMetricWarning, stacklevel=2)
    return rate
