"""How far the recording alone gets: faces and voices matched by loudness, noise, sharpness, light and the like.

A clip's sound and picture come from one recording, and recordings differ. A linear map between the recording figures
of voices and faces, fitted on other people than it is used for, says how much that gives away. It knows no voice and
no face, only how they were recorded.

Example:
    scores, comparable = recording_scores(contest, recordings, seed=0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.contest import Contest
from visavox.evaluation.scoring import UndefinedScoresError

N_FOLDS = 5
RIDGE = 0.1  # of the variance of a standardised figure: collinear figures stay harmless
MAX_CORRELATION = 0.99  # a perfect one would make every other figure worthless
MIN_PEOPLE = 20  # fewer than this and a fold fits a map to a handful of pairs

Features = Mapping[str, Mapping[str, float]]
Floats = NDArray[np.float64]


def feature_matrix(keys: Sequence[str], recordings: Features) -> Floats:
    """Return the recording figures of items, standardised; what is unknown is the mean, 0.

    Args:
        keys: n item keys.
        recordings: figures by item key and name.

    Returns:
        (n, n_features) float64: the figures that some item has and that differ, in the order of their names.
    """
    known = [recordings.get(key, {}) for key in keys]
    names = sorted({name for figures in known for name in figures})
    raw = np.array([[figures.get(name, np.nan) for name in names] for figures in known], dtype=np.float64)
    raw = raw.reshape(len(keys), len(names))
    raw[~np.isfinite(raw)] = np.nan
    raw = raw[:, ~np.isnan(raw).all(axis=0)]
    centred = raw - np.nanmean(raw, axis=0) if raw.shape[1] else raw
    width = np.sqrt(np.nanmean(centred**2, axis=0)) if raw.shape[1] else np.ones(0)
    varies = width > 0
    return np.asarray(np.nan_to_num(centred[:, varies] / width[varies], nan=0.0))


def people_folds(n_people: int, seed: int, n_folds: int = N_FOLDS) -> NDArray[np.int64]:
    """Return (n_people,) int64 from 0, the fold of each person: shuffled, as equal in size as can be."""
    return np.random.default_rng([seed, 5]).permutation(n_people) % n_folds


def recording_scores(contest: Contest, recordings: Features, *, seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return scores made of recording figures alone, each fold of people scored by a map fitted on the others.

    The map is a ridge-regularised canonical correlation; the score is the log likelihood ratio of paired directions
    as normal variates that correlate, against such that do not.

    Args:
        contest: who competes with whom.
        recordings: figures by item key and name.
        seed: the folds depend on this number alone.

    Returns:
        (n_probes, n_gallery) float64, and (n_probes, n_gallery) bool, the pairs within one fold: only they are scored
        by a map that saw neither person.

    Raises:
        UndefinedScoresError: no figures on one side, or fewer than `MIN_PEOPLE` people.
    """
    probes, gallery = (feature_matrix(keys, recordings) for keys in (contest.probe_keys, contest.gallery_keys))
    if not probes.shape[1] or not gallery.shape[1]:
        raise UndefinedScoresError("no recording figures that differ on both sides")
    if contest.n_people < MIN_PEOPLE:
        raise UndefinedScoresError(f"fewer than {MIN_PEOPLE} people")
    fold = people_folds(contest.n_people, seed)
    of_probe, of_gallery = fold[contest.probe_people], fold[contest.gallery_people]
    scores = np.zeros(contest.scores.shape)
    rows, columns = np.nonzero(contest.positives)
    for held_out in range(N_FOLDS):
        seen = of_probe[rows] != held_out
        first, second, strength = _canonical(probes[rows[seen]], gallery[columns[seen]])
        here, there = np.flatnonzero(of_probe == held_out), np.flatnonzero(of_gallery == held_out)
        scores[np.ix_(here, there)] = _log_ratio(probes[here] @ first, gallery[there] @ second, strength)
    return np.round(scores, 9) + 0.0, of_probe[:, np.newaxis] == of_gallery


def _canonical(first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """Maps (n_first, k) and (n_second, k) to correlating directions, and the correlations (k,), from pairs of rows."""
    n = max(len(first), 1)
    whiten = []
    for side in (first, second):
        values, vectors = np.linalg.eigh(side.T @ side / n + RIDGE * np.eye(side.shape[1]))
        whiten.append(vectors / np.sqrt(values) @ vectors.T)
    left, strength, right = np.linalg.svd(whiten[0] @ (first.T @ second / n) @ whiten[1], full_matrices=False)
    return whiten[0] @ left, whiten[1] @ right.T, np.minimum(strength, MAX_CORRELATION)


def _log_ratio(first: Floats, second: Floats, strength: Floats) -> Floats:
    """Log likelihood ratio, up to a constant, of normal variates that correlate so strongly and of strangers."""
    scale = strength / (1 - strength**2)
    apart = 0.5 * strength * scale
    return np.asarray((first * scale) @ second.T - (first**2 @ apart)[:, np.newaxis] - second**2 @ apart)
