"""ROC figures of a long list of pairs on many resamples of people, in little memory.

The same weighting as `visavox.metrics.roc_resampling` (a false pair weighs the product of the copies of its two people,
a true pair the copies of its person), for lists of tens of thousands of pairs: sorted once, and worked on a few
resamples at a time, so that nothing of the size resamples x pairs is ever held.

Example:
    >>> scores, labels, people = np.array([0.9, 0.4, 0.6, 0.1]), np.array([1, 1, 0, 0]), np.array([0, 1, 0, 1])
    >>> once = np.ones((1, 2), dtype=int)
    >>> figures = lambda roc: {"auc": roc.auc_score()}
    >>> resampled_figures(scores, labels, people, people[::-1], counts=once, figures=figures)["auc"].tolist()
    [0.75]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError
from visavox.metrics.roc import Floats, Roc, check_pairs, roc_from_masses

BLOCK_CELLS = 150_000  # weights worked on at once: 1.2 MB of float64, larger blocks leave a core's cache

Figures = Callable[[Roc], Mapping[str, Floats]]


def resampled_figures(
    scores: NDArray[np.floating],
    labels: NDArray[np.bool_] | NDArray[np.integer],
    probe_people: NDArray[np.integer],
    candidate_people: NDArray[np.integer],
    *,
    counts: NDArray[np.integer],
    figures: Figures,
) -> dict[str, Floats]:
    """Return figures of the curve of listed pairs on each resample of people.

    Args:
        scores: (n_pairs,) float, higher means more alike.
        labels: (n_pairs,) bool or 0/1, True for a true pair.
        probe_people: (n_pairs,) int from 0, person of the first of each pair.
        candidate_people: (n_pairs,) int from 0, person of the second.
        counts: (n_resamples, n_people) int from 0, copies of each person.
        figures: from curves of some resamples to values by name, one a resample.

    Returns:
        (n_resamples,) float64 for each name; nan where a resample holds no true or no false pair.

    Raises:
        DataError: columns of different lengths, a label that is not 0 or 1, or a NaN.

    Ties and edges:
        Tied pairs are accepted together.
    """
    checked, truth, _ = check_pairs(scores, labels, None)
    if np.shape(probe_people) != checked.shape or np.shape(candidate_people) != checked.shape:
        raise DataError(
            f"Every pair needs its two people. Got shapes {np.shape(probe_people)} and {np.shape(candidate_people)} "
            f"for {len(checked)} pairs."
        )
    order = np.argsort(-checked, kind="stable")  # best first
    ranked, is_true = checked[order], truth[order]
    first, second = np.asarray(probe_people)[order], np.asarray(candidate_people)[order]
    before = np.append(np.nan, ranked)[:-1]
    begins = np.flatnonzero(ranked != before)  # of each different score; infinities tie, which differences would hide
    parts: list[Mapping[str, Floats]] = []
    size = max(1, BLOCK_CELLS // max(1, len(ranked)))
    for start in range(0, len(counts), size):
        block: Floats = np.asarray(counts[start : start + size], dtype=np.float64)
        of_probe = block[:, first]  # (block, n_pairs)
        masses = np.where(is_true, of_probe, 0.0), np.where(is_true, 0.0, of_probe * block[:, second])
        if len(begins) < len(ranked):
            masses = np.add.reduceat(masses[0], begins, axis=1), np.add.reduceat(masses[1], begins, axis=1)
        parts.append(figures(roc_from_masses(*masses, ranked[begins])))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
