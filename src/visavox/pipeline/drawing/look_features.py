"""Face features of pictures and crops, and whether drawn faces are nearest to those whom they are of.

The measure is for choosing on people who were not learned from, inside a training. It looks with the encoder that
draws, or at pixels from afar; a network that judges likeness is never asked.

Example:
    >>> features = np.array([[0.0, 2.0], [2.0, 0.0], [-2.0, -2.0]])
    >>> nearest_of_two(features + 0.1, features, ("a", "b", "c"))
    1.0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.media.drawn_frame import crop_of_picture
from visavox.media.images import read_image
from visavox.models.encoders.base import Encoder

CHUNK = 64
FROM_AFAR_PX = 16

Progress = Callable[[int, int], None]


def features_of_files(
    encoder: Encoder, crops: Sequence[Path], *, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return (n, dim) float32: the mean feature of each canonical crop and of its mirror image."""
    found = np.zeros((len(crops), encoder.dim), np.float32)
    for at in range(0, len(crops), CHUNK):
        read = [read_image(path) for path in crops[at : at + CHUNK]]
        found[at : at + len(read)] = mirrored_features(encoder, read)
        if progress is not None:
            progress(at + len(read), len(crops))
    return found


def mirrored_features(encoder: Encoder, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return (n, dim) float32: the mean feature of each crop (256, 256, 3) uint8 and of its mirror image."""
    mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]
    return np.asarray((encoder.encode(list(crops)) + encoder.encode(mirrored)) / 2, dtype=np.float32)


def features_of_pictures(
    encoder: Encoder, pictures: NDArray[np.uint8], *, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return (n, dim) float32 features of drawn squares (n, px, px, 3) uint8 RGB."""
    found = np.zeros((len(pictures), encoder.dim), np.float32)
    for at in range(0, len(pictures), CHUNK):
        chunk = [crop_of_picture(picture) for picture in pictures[at : at + CHUNK]]
        found[at : at + len(chunk)] = encoder.encode(chunk)
        if progress is not None:
            progress(at + len(chunk), len(pictures))
    return found


def from_afar(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (n, 768) float32, 0 to 1: pictures (n, px, px, 3) uint8 at a side of 16 px."""
    small = [cv2.resize(picture, (FROM_AFAR_PX,) * 2, interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.asarray(np.array(small, np.float32).reshape(len(pictures), -1) / 255, dtype=np.float32)


def nearest_of_two(
    drawn: NDArray[np.floating], true: NDArray[np.floating], people: Sequence[str], genders: Sequence[str] = ()
) -> float:
    """Return how often a drawn face is nearer to its own true face than to another person's.

    Args:
        drawn: (n, dim) features.
        true: (n, dim) features of the true faces, row for row.
        people: n names; faces of one person are not held against each other.
        genders: n genders; given, only people of one known gender are held against each other.

    Returns:
        0 to 1, by the cosine of features less the mean of their side, ties a half; 0.5 where no two can be compared.
    """
    similarity = _centred(drawn) @ _centred(true).T  # drawn by true
    own = np.diag(similarity)[:, None]
    names = np.asarray(people)
    other = names[:, None] != names[None, :]
    if len(genders):
        sex = np.asarray(genders)
        other &= (sex[:, None] == sex[None, :]) & (sex[:, None] != "")
    if not other.any():
        return 0.5
    won = (own > similarity) + 0.5 * (own == similarity)
    return float(won[other].mean())


def _centred(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return rows less their mean, of length 1 (or 0)."""
    less = np.asarray(features, np.float64) - np.mean(features, axis=0)
    return np.asarray(less / np.maximum(np.linalg.norm(less, axis=1, keepdims=True), 1e-12))
