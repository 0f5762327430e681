"""The part of a canonical crop that is drawn, and the way back from a drawn picture to a crop.

It is the square that dlib's chip shows, brow to below the chin: all that a face encoder looks at, little of the hair,
nothing of the room.

    crop 256 px: x and y from 32 to 224 -> picture of 64 px (or 32, 128)

Example:
    >>> crop = np.full((256, 256, 3), 90, np.uint8)
    >>> drawn_picture(crop, 64).shape, crop_of_picture(drawn_picture(crop, 64)).shape
    ((64, 64, 3), (256, 256, 3))
"""

from __future__ import annotations

import cv2
import numpy as np

from visavox.errors import ConfigError, DataError
from visavox.media.face_crop import CHIP_MARGIN_PX, CROP_PX

FRAME_PX = CROP_PX - 2 * CHIP_MARGIN_PX
"""Side of the drawn square, in pixels of the crop."""


def drawn_picture(crop: np.ndarray, px: int) -> np.ndarray:
    """Return the drawn square of a canonical crop.

    Args:
        crop: (256, 256, 3) uint8 RGB, from `visavox.media.face_crop`.
        px: side of the picture in pixels, 8 to 512.

    Returns:
        (px, px, 3) uint8 RGB.

    Raises:
        ConfigError: `px` is out of range.
        DataError: the crop has another shape or type.
    """
    if not 8 <= px <= 512:
        raise ConfigError(f"A picture must be 8 to 512 pixels wide. Got {px}.")
    if crop.shape != (CROP_PX, CROP_PX, 3) or crop.dtype != np.uint8:
        raise DataError(f"A face crop must be ({CROP_PX}, {CROP_PX}, 3) uint8. Got {crop.shape} {crop.dtype}.")
    inner = crop[CHIP_MARGIN_PX:-CHIP_MARGIN_PX, CHIP_MARGIN_PX:-CHIP_MARGIN_PX]
    how = cv2.INTER_AREA if px <= FRAME_PX else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(inner, (px, px), interpolation=how))


def crop_of_picture(picture: np.ndarray) -> np.ndarray:
    """Return the canonical crop whose drawn square a picture is; what lies about it repeats its border.

    Args:
        picture: (px, px, 3) uint8 RGB.

    Returns:
        (256, 256, 3) uint8 RGB.

    Raises:
        DataError: the picture is not square, or has another type.
    """
    if picture.ndim != 3 or picture.shape[0] != picture.shape[1] or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise DataError(f"A drawn picture must be (px, px, 3) uint8. Got {picture.shape} {picture.dtype}.")
    how = cv2.INTER_AREA if picture.shape[0] > FRAME_PX else cv2.INTER_CUBIC
    inner = cv2.resize(picture, (FRAME_PX, FRAME_PX), interpolation=how)
    border = (CHIP_MARGIN_PX,) * 4
    return np.asarray(cv2.copyMakeBorder(inner, *border, cv2.BORDER_REPLICATE))
