"""Scores of listed trials from two arrays of vectors, and the mean of a list on resamples of people.

A published list names tens of thousands of pairs among far fewer files: the pairs are integers into two arrays, and all
are scored in one pass, 65,550 of 128 numbers in a few hundredths of a second. Which file has which vector is the
affair of `visavox.evaluation`; a gallery search, where every probe meets everybody, that of
`visavox.metrics.gallery_ranking`.

Example:
    >>> voices, faces = np.array([[3.0, 4.0]]), np.array([[2.0, 0.0], [0.0, 5.0]])
    >>> pair_scores(unit_rows(voices), unit_rows(faces), np.array([0, 0]), np.array([0, 1])).tolist()
    [0.6, 0.8]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from visavox.errors import DataError
from visavox.metrics.weighting import Floats

CHUNK_ROWS = 2048  # pairs gathered at once: two blocks of 128 float64 numbers stay in a core's cache


def unit_rows(vectors: NDArray[np.floating], *, names: Sequence[str] = ()) -> Floats:
    """Return each row divided by its length, so that a dot product is a cosine.

    Args:
        vectors: (n, dim) float.
        names: n names for the message; without them rows are numbered from 0.

    Returns:
        (n, dim) float64, rows of length 1.

    Raises:
        DataError: a row of zeros has no direction, or a value is NaN or infinite; the message names the item.
    """
    wide: Floats = np.asarray(vectors, dtype=np.float64)
    if wide.ndim != 2:
        raise DataError(f"`vectors` must have the shape (n, dim). Got {wide.shape}.")
    with np.errstate(over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if bad.size:
        what = "only zeros" if lengths[bad[0]] == 0 else "NaN, infinity or numbers too large to square"
        raise DataError(
            f"The vector of {_name(names, int(bad[0]))} holds {what}, and {bad.size - 1} more of {len(wide)} have no "
            "direction either. Embed these items again, or remove the lines that name them."
        )
    return np.asarray(wide / lengths[:, np.newaxis])


def pair_scores(
    probes: NDArray[np.floating],
    candidates: NDArray[np.floating],
    probe_rows: NDArray[np.integer],
    candidate_rows: NDArray[np.integer],
) -> Floats:
    """Return the dot product of every listed pair.

    Args:
        probes: (n_probes, dim) float.
        candidates: (n_candidates, dim) float.
        probe_rows: (n_trials,) int, row of each trial's probe.
        candidate_rows: (n_trials,) int, or (n_trials, k) int for k candidates a trial.

    Returns:
        float64 of the shape of `candidate_rows`. Equal vectors give equal scores to the last bit.

    Raises:
        DataError: vectors of two lengths, or rows that do not fit together.
    """
    first, second = np.asarray(probes, dtype=np.float64), np.asarray(candidates, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise DataError(
            f"Probes and candidates must lie in one space. Got vectors of the shapes {first.shape} and "
            f"{second.shape}. Project both with a trained model first."
        )
    rows, columns = np.asarray(probe_rows), np.asarray(candidate_rows)
    if rows.ndim != 1 or columns.shape[:1] != rows.shape or columns.ndim > 2:
        raise DataError(f"Every trial needs a probe and its candidates. Got shapes {rows.shape} and {columns.shape}.")
    table = columns.reshape(len(rows), -1)  # (n_trials, k)
    scores = np.empty(table.shape, dtype=np.float64)
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        of_probe = first[rows[chunk]]
        for place in range(table.shape[1]):
            scores[chunk, place] = np.einsum("ij,ij->i", of_probe, second[table[chunk, place]])
    return scores.reshape(columns.shape)


def refuse_non_finite(scores: NDArray[np.floating], names: Sequence[str], *, what: str = "trial") -> None:
    """Raise if a score is NaN or infinite.

    Args:
        scores: (n,) or (n, k) float.
        names: n names of what the rows are, for the message; without them rows are numbered from 0.
        what: what a row is.

    Raises:
        DataError: names the first item, and says how many there are.
    """
    finite = np.isfinite(scores)
    bad = np.flatnonzero(~(finite if finite.ndim == 1 else finite.all(axis=1)))
    if bad.size:
        raise DataError(
            f"Every score must be a finite number. Got NaN or infinity for the {what} {_name(names, int(bad[0]))}, and "
            f"for {bad.size - 1} more of {len(finite)}. Remove them, or embed their items again."
        )


def resampled_mean(
    values: NDArray[np.floating],
    people: NDArray[np.integer],
    *,
    rivals: NDArray[np.integer] | None = None,
    counts: NDArray[np.integer],
) -> Floats:
    """Return the plain mean over trials on each resample of people.

    A trial weighs the copies of its probe's person, times those of the person of its one negative where `rivals` names
    them. With more candidates than two only the probes' people are resampled: a trial of ten candidates would hardly
    ever have all its people drawn.

    Args:
        values: (n_trials,) float, the outcome of each trial.
        people: (n_trials,) int from 0, person of each probe.
        rivals: (n_trials,) int from 0, person of the negative of each trial; None: the probes' people alone.
        counts: (n_resamples, n_people) int from 0, copies of each person.

    Returns:
        (n_resamples,) float64; nan where no trial has its people drawn.

    Raises:
        DataError: the columns differ in length.
    """
    outcomes: Floats = np.asarray(values, dtype=np.float64)
    shapes = {np.shape(column) for column in (outcomes, people, people if rivals is None else rivals)}
    if len(shapes) != 1:
        raise DataError(f"Every trial needs its people. Got the shapes {sorted(shapes)}.")
    copies: Floats = np.asarray(counts, dtype=np.float64)
    n_people = copies.shape[1]
    if rivals is None:
        sums = copies @ np.bincount(people, weights=outcomes, minlength=n_people)
        mass = copies @ np.bincount(people, minlength=n_people)
    else:
        # Trials of the same two people weigh alike: they are summed once, not in every resample.
        def of_two_people(weights: Floats) -> Floats:
            table = coo_array((weights, (people, rivals)), shape=(n_people, n_people)).tocsr()
            return np.asarray(np.einsum("ij,ij->i", copies @ table, copies))

        sums, mass = of_two_people(outcomes), of_two_people(np.ones(len(outcomes)))
    return np.asarray(np.divide(sums, mass, out=np.full(len(copies), np.nan), where=mass > 0))


def _name(names: Sequence[str], row: int) -> str:
    return repr(names[row]) if len(names) else str(row)
