"""A face out of focus: convolved with a Gaussian.

Example:
    >>> spot = np.zeros((256, 256, 3), np.uint8)
    >>> spot[128, 128] = 255
    >>> int(blur_face(spot, sigma_px=1.0)[128, 128, 0])       # 255 / (2 pi (192 / 112)^2)
    14
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from visavox.media.degrading.base import CHIP_PX, FACE_PX

Pixels = npt.NDArray[np.uint8]


def blur_face(face: Pixels, *, sigma_px: float) -> Pixels:
    """Return a blurred face.

    Args:
        face: (256, 256, 3) uint8 crop.
        sigma_px: standard deviation of the Gaussian in pixels of a 112-px face, above 0; one is 1.71 px of the crop.

    Returns:
        (256, 256, 3) uint8; beyond its border the crop is mirrored.
    """
    sigma = sigma_px * CHIP_PX / FACE_PX
    size = 2 * int(np.ceil(4 * sigma)) + 1
    return np.asarray(cv2.GaussianBlur(face, (size, size), sigma, borderType=cv2.BORDER_REFLECT_101), np.uint8)
