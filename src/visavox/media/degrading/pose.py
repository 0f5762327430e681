"""A face that is tilted, or turned as far as a flat picture can be.

Tilting is exact: it is what a missing alignment leaves. Turning is an approximation: the crop is taken for a flat photo
and turned about its vertical middle line before a camera. A real head shows its side, hides half of itself and casts
other shadows; a flat photo only becomes narrower and its far half smaller. So the figures for turning are a lower bound
on what a turned head costs.

Example:
    >>> face = np.zeros((256, 256, 3), np.uint8)
    >>> face[:128] = 255
    >>> tilt_face(face, angle_deg=90.0)[128, [5, 250], 0].tolist()        # what was above is on the left
    [255, 0]
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from visavox.media.degrading.base import CROP_PX

CAMERA_PX = 4.0 * CROP_PX
"""Distance of the camera from the photo, in pixels of the crop: a face 15 cm wide seen from 80 cm."""

Pixels = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]


def tilt_face(face: Pixels, *, angle_deg: float) -> Pixels:
    """Return a face turned in the plane of the picture, about the middle of the crop.

    Args:
        face: (256, 256, 3) uint8 crop.
        angle_deg: degrees, counter-clockwise.

    Returns:
        (256, 256, 3) uint8; beyond its border the crop goes on as at the border.
    """
    middle = (CROP_PX - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), angle_deg, 1.0)
    size = (CROP_PX, CROP_PX)
    turned = cv2.warpAffine(face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def turn_face(face: Pixels, *, angle_deg: float) -> Pixels:
    """Return a face as a flat photo that is turned about its vertical middle line.

    Args:
        face: (256, 256, 3) uint8 crop.
        angle_deg: degrees, above -90 and below 90; above 0 the right half of the picture goes away from the camera.

    Returns:
        (256, 256, 3) uint8; beyond its border the photo goes on as at the border.
    """
    size = (CROP_PX, CROP_PX)
    turned = cv2.warpPerspective(
        face, turning(angle_deg), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(turned, np.uint8)


def turning(angle_deg: float) -> Matrix:
    """Return the homography of a photo that is turned about its vertical middle line, (3, 3), crop px to crop px.

    A point (x, y) of the photo, from the middle, comes to lie at depth x sin(a) behind it and is seen at
    (x cos(a), y) * d / (d + x sin(a)), with d the distance of the camera.
    """
    middle = (CROP_PX - 1) / 2
    cosine, sine = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    seen = np.array([[cosine, 0, 0], [0, 1, 0], [sine / CAMERA_PX, 0, 1]])
    to_middle = np.array([[1, 0, -middle], [0, 1, -middle], [0, 0, 1]])
    back = np.array([[1, 0, middle], [0, 1, middle], [0, 0, 1]])
    matrix: Matrix = back @ seen @ to_middle
    return matrix
