"""A face compressed as JPEG once more.

Example:
    >>> compress_face(np.full((256, 256, 3), 90, np.uint8), quality=10.0).shape
    (256, 256, 3)
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def compress_face(face: Pixels, *, quality: float) -> Pixels:
    """Return a face after JPEG compression with half the chroma resolution (4:2:0), as cameras and sites do.

    Args:
        face: (256, 256, 3) uint8 RGB crop.
        quality: libjpeg's, 1 to 95; it is a number of that library and no physical unit.
    """
    buffer = io.BytesIO()
    Image.fromarray(face).save(buffer, format="JPEG", quality=round(quality), subsampling=2)
    return np.array(Image.open(buffer).convert("RGB"), dtype=np.uint8)
