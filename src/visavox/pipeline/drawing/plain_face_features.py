"""Features of faces by plain statistics: what annotators would say, as far as a linear look at the pixels tells.

    pictures -> 24 x 24 px -> principal components -> [first components, linear guesses of male, age and race]

They stand in where no face encoder of our own is trained yet. No network, no face descriptor of a judge.

Example:
    features = plain_face_features(pictures, n_paired=500, labels=labels)
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.models.diffusion.conditions import ETHNICITIES
from visavox.pipeline.drawing.imagined_voices import ridge
from visavox.pipeline.drawing.told_faces import Labels

SMALL_PX = 24
N_COMPONENTS = 160
N_KEPT = 24  # components that are features themselves
PENALTY = 10.0
FACES_A_COMPONENT = 8  # fewer would learn the faces by heart


def plain_face_features(pictures: NDArray[np.uint8], labels: Labels) -> NDArray[np.float32]:
    """Return (n, n_features) float32 features of (n, px, px, 3) uint8 pictures.

    Args:
        pictures: at least two.
        labels: of all of them; guesses are learned from those that are known, 50 at least of a kind.
    """
    small = np.stack([cv2.resize(picture, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA) for picture in pictures])
    flat = small.reshape(len(small), -1).astype(np.float32) / 255
    flat -= flat.mean(axis=1, keepdims=True)  # the light of a picture says nothing
    flat -= flat.mean(axis=0)
    _, vectors = np.linalg.eigh((flat.T @ flat).astype(np.float64))
    components = (
        flat.astype(np.float64) @ vectors[:, ::-1][:, : min(N_COMPONENTS, max(len(flat) // FACES_A_COMPONENT, 1))]
    )
    components /= components.std(axis=0) + 1e-8
    columns = [components[:, :N_KEPT], *_guesses(components, labels)]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _guesses(components: NDArray[np.float64], labels: Labels) -> list[NDArray[np.float64]]:
    targets: list[tuple[NDArray[np.bool_], NDArray[np.float64]]] = []
    gender, ethnicity = labels.gender.numpy(), labels.ethnicity.numpy()
    known = labels.known("age").numpy()
    targets.append((known, np.where(known, labels.age.numpy(), 0).astype(np.float64)))
    targets.append((gender >= 0, (gender == 1).astype(np.float64)))
    for index in range(len(ETHNICITIES)):
        if (ethnicity == index).any():
            targets.append((ethnicity >= 0, (ethnicity == index).astype(np.float64)))
    found = []
    for known, target in targets:
        if known.sum() >= 50:
            middle = target[known].mean()
            weights = ridge(components[known], (target[known] - middle)[:, None], PENALTY)
            found.append(components @ weights)
    return found
