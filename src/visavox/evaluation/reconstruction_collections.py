"""The section of a report on drawn faces as collections: KID, FID, VGGFace score, faces found.

None of them knows whose face is whose. Each is named by what made the features, and what cannot be had is said in a
line.

Example:
    section = collection_section(drawn, seed=0)
    section.columns       # ('faces', '1000 kid_dlib', 'pictures', 'faces found %')
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError
from visavox.evaluation.reconstruction_record import DrawnFaces
from visavox.evaluation.record import Cell, Section
from visavox.metrics.frechet_distance import frechet_distance
from visavox.metrics.kernel_distance import kernel_distance
from visavox.metrics.vggface_score import SPLITS, vggface_score

TRUE = "the true faces"
SCORE, FID = "VGGFace score", "FID"
KIND_SEED, ORDER_SEED = 2, 4
"""Beside the user's seed: of the subsets of the kernel distance, and of the order of pictures."""
KID_WORDS = (
    "Kernel distance (KID) of drawn and true faces, named by the encoder that made the features: 0 for two halves of "
    "one collection, larger (here in thousandths) the less the drawn faces are like photographs. It says nothing of "
    "whose they are."
)


def collection_section(drawn: DrawnFaces, *, seed: int) -> Section:
    """Return how far the drawn faces lie from photographs as collections.

    Args:
        drawn: what was judged.
        seed: of the subsets and of the order in which pictures are split.
    """
    judges = [judge.name for judge in drawn.judges]
    with_score, with_fid = drawn.true.classes is not None, drawn.true.inception is not None
    columns = [
        "faces",
        *(f"1000 kid_{judge}" for judge in judges),
        *([FID] if with_fid else []),
        *([SCORE, f"{SCORE}, deviation"] if with_score else []),
        "pictures",
        "faces found %",
    ]
    rows: list[tuple[Cell, ...]] = []
    if with_score:
        own = [math.nan] * (len(judges) + with_fid)
        rows.append((TRUE, *own, *_score(drawn.true.classes, seed), len(drawn.true.clips), math.nan))
    for contestant in drawn.contestants:
        cells: list[Cell] = [contestant.name]
        for judge in judges:
            features = np.asarray(contestant.features[judge])[contestant.drawn]
            cells.append(_kernel(features, np.asarray(drawn.true.features[judge]), seed))
        if with_fid:
            cells.append(_frechet(contestant.inception, drawn.true.inception))
        if with_score:
            cells += _score(contestant.classes, seed)
        found = float(contestant.found[contestant.drawn].mean()) if contestant.drawn.any() else math.nan
        rows.append((*cells, int(contestant.drawn.sum()), found))
    notes = [said for said in (drawn.without_fid, drawn.without_score) if said]
    if with_fid:
        notes.append(
            "FID: of the given network and of all samples; never compared with a FID by another file, another crop or "
            "another number of pictures."
        )
    if drawn.true.classes is not None:
        n_classes = np.shape(drawn.true.classes)[1]
        notes.append(
            f"{SCORE}: 1 where all faces are named alike, more the surer and the more various the names are; the mean "
            f"over {SPLITS} random parts. By the {n_classes:,} people of the given network: published figures are by "
            "VGGFace2's 8,631 and are not comparable."
        )
    return Section("Like photographs?", KID_WORDS, tuple(columns), tuple(rows), notes=tuple(notes))


def _kernel(features: NDArray[Any], true: NDArray[Any], seed: int) -> float:
    if len(features) < 2:
        return math.nan
    return 1000 * kernel_distance(features, true, rng=np.random.default_rng([seed, KIND_SEED])).value


def _frechet(drawn: NDArray[Any] | None, true: NDArray[Any] | None) -> float:
    try:
        return frechet_distance(drawn, true)
    except DataError:  # a control, which is a picture or two, or too few were drawn
        return math.nan


def _score(probabilities: NDArray[Any] | None, seed: int) -> tuple[float, float]:
    """Mean and deviation over parts of a random order, since clips lie person by person."""
    if probabilities is None:
        return math.nan, math.nan
    there = np.asarray(probabilities)[np.isfinite(probabilities).all(axis=1)]
    if len(there) < SPLITS:
        return math.nan, math.nan
    order = np.random.default_rng([seed, ORDER_SEED]).permutation(len(there))
    found = vggface_score(there[order], n_splits=SPLITS)
    return found.value, found.deviation
