"""A face of which a part is hidden: by a bar over the eyes, or from the chin upwards as by a mask.

In the canonical crop the eyes lie in row 92 and the face reaches from the brows, row 64, to the chin, about row 200.

Example:
    >>> hide_from_below(np.full((256, 256, 3), 255, np.uint8), share=0.5)[[131, 132], 128, 0].tolist()
    [255, 128]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from visavox.media.degrading.base import CHIP_PX, FACE_PX

EYES_ROW = 92
BROWS_ROW, CHIN_ROW = 64, 200
GREY = 128
"""Of what hides, 0 to 255: neither black nor white stands out to a network as much."""

Pixels = npt.NDArray[np.uint8]


def hide_eyes(face: Pixels, *, height_px: float) -> Pixels:
    """Return a face with a grey bar over both eyes, as wide as the crop.

    Args:
        face: (256, 256, 3) uint8 crop.
        height_px: of the bar in pixels of a 112-px face; an open eye has about 6.
    """
    half = height_px * CHIP_PX / FACE_PX / 2
    hidden = face.copy()
    hidden[max(0, round(EYES_ROW - half)) : round(EYES_ROW + half)] = GREY
    return hidden


def hide_from_below(face: Pixels, *, share: float) -> Pixels:
    """Return a face whose lower part is grey, and all below the face.

    Args:
        face: (256, 256, 3) uint8 crop.
        share: hidden part of the height from brows to chin, 0 to 1; a quarter hides the mouth, a half also the nose.
    """
    hidden = face.copy()
    hidden[round(CHIN_ROW - share * (CHIN_ROW - BROWS_ROW)) :] = GREY
    return hidden
