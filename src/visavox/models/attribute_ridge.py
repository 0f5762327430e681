"""A ridge map that goes through a few things both sides know, and learns directly only what those leave.

A voice tells gender, age and little more, and clips with both a voice and a face are few. Faces whose gender and age
are labelled are many. So the voice is mapped to the attributes, strongly; the attributes to the face feature by
`basis`, which labelled faces give precisely; and what is left of the feature from the voice directly, with a strength
of its own:

    y  ~  mean + (told(x) - mean told) basis + rest(x)

All three are affine, so the whole is one affine map. It knows no voice and no face.

Example:
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(80, 3))
    >>> told, basis = x[:, :1], np.array([[1.0, 2.0]])
    >>> fit = fit_attribute_ridge(x, told @ basis, [str(i) for i in range(80)], told=told, basis=basis)
    >>> bool(np.allclose(fit.weight[1:], 0, atol=0.02)), round(fit.explained, 2) > 0.99
    (True, True)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavox.errors import DataError
from visavox.models.grouped_ridge import N_FOLDS, RIDGES, GroupedRidge, fit_grouped_ridge

Floats = NDArray[np.float64]


def attribute_basis(told: ArrayLike, features: ArrayLike, groups: ArrayLike | None = None) -> Floats:
    """Return how features change with what is told, by least squares.

    Args:
        told: (n, n_told) float, attributes of faces.
        features: (n, dim) float of the same faces.
        groups: (n,) which collection each face comes from: each is centred on its own mean, so that cameras and poses
            of one are not taken for its attributes; None: one.

    Returns:
        (n_told, dim) float64; of several solutions the smallest.

    Raises:
        DataError: shapes do not fit.
    """
    known, wanted = np.array(told, dtype=np.float64), np.array(features, dtype=np.float64)
    if known.ndim != 2 or wanted.ndim != 2 or len(known) != len(wanted) or not len(known):
        raise DataError(f"Every face needs attributes and a feature. Got {known.shape} and {wanted.shape}.")
    places = np.zeros(len(known)) if groups is None else np.asarray(groups)
    for group in np.unique(places):
        rows = places == group
        known[rows] -= known[rows].mean(axis=0)
        wanted[rows] -= wanted[rows].mean(axis=0)
    return np.asarray(np.linalg.lstsq(known, wanted, rcond=None)[0])


def fit_attribute_ridge(
    x: ArrayLike,
    y: ArrayLike,
    people: Sequence[str],
    *,
    told: ArrayLike,
    basis: ArrayLike,
    weights: ArrayLike | None = None,
    ridges: Sequence[float] = RIDGES,
    n_folds: int = N_FOLDS,
    seed: int = 0,
) -> GroupedRidge:
    """Fit the map on all rows, each strength chosen on people held out.

    Args:
        x: (n, n_inputs) float, finite: voices.
        y: (n, dim) float, finite: face features.
        people: n names; rows of one person are in one fold.
        told: (n, n_told) float: attributes of the faces of these rows.
        basis: (n_told, dim) float of `attribute_basis`.
        weights: (n,) float, how much each row counts, above 0; None: all alike.
        ridges: strengths to try, each above 0.
        n_folds: 2 or more; no more than there are people.
        seed: of the deal into folds.

    Returns:
        One affine map; `ridge` is that of the attributes, `residuals` and `explained` are of people held out;
        `explained_by_ridge` is of what the attributes leave.

    Raises:
        ConfigError: an option is out of its range.
        DataError: shapes do not fit, a number is not finite, or there are fewer than two people.
    """
    rows, known, directions = (np.asarray(part, dtype=np.float64) for part in (y, told, basis))
    if known.ndim != 2 or directions.shape != (known.shape[1], rows.shape[-1]) or len(known) != len(rows):
        raise DataError(
            f"A basis must be (attributes, feature) for these rows. Got {directions.shape} for attributes "
            f"{known.shape} and features {rows.shape}."
        )
    mass = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    scale = known.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    common = {"weights": weights, "ridges": ridges, "n_folds": n_folds, "seed": seed}
    first = fit_grouped_ridge(x, known / scale, people, **common)  # type: ignore[arg-type]
    scaled = directions * scale[:, None]
    second = fit_grouped_ridge(x, rows - known @ directions, people, **common)  # type: ignore[arg-type]
    residuals = first.residuals @ scaled + second.residuals
    share = mass / mass.sum()
    y_mean = share @ rows
    nothing = float((mass[:, None] * (rows - y_mean) ** 2).sum())
    explained = 1 - float((mass[:, None] * residuals**2).sum()) / nothing if nothing else 0.0
    return GroupedRidge(
        first.x_mean,
        first.x_scale,
        y_mean,
        first.weight @ scaled + second.weight,
        first.ridge,
        explained,
        second.explained_by_ridge,
        residuals,
    )
