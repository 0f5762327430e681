"""A face of few pixels: made smaller by area averages and enlarged again.

Example:
    >>> reduce_face(np.full((256, 256, 3), 90, np.uint8), face_px=8.0).shape
    (256, 256, 3)
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from visavox.media.degrading.base import CHIP_PX, CROP_PX

Pixels = npt.NDArray[np.uint8]


def reduce_face(face: Pixels, *, face_px: float) -> Pixels:
    """Return a face as a camera far away would give it, enlarged again by cubic interpolation.

    Args:
        face: (256, 256, 3) uint8 crop, whose middle 192 px are the face.
        face_px: pixels across the face, 2 to 192.

    Returns:
        (256, 256, 3) uint8.
    """
    side = max(1, round(face_px * CROP_PX / CHIP_PX))
    small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (CROP_PX, CROP_PX), interpolation=cv2.INTER_CUBIC), np.uint8)
