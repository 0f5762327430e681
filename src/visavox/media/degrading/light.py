"""A face with too little or too much light: another exposure of the same scene.

Example:
    >>> expose_face(np.full((1, 1, 3), 188, np.uint8), stops=-1.0)[0, 0, 0].item()      # half the light of sRGB 188
    137
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def expose_face(face: Pixels, *, stops: float) -> Pixels:
    """Return a face with 2 ** stops times the light; what passes full scale is white.

    Args:
        face: (height, width, 3) uint8 sRGB.
        stops: photographic stops; below 0 darker, above 0 brighter.

    Source: the sRGB transfer function, IEC 61966-2-1 (1999).
    """
    values = np.arange(256) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    light = np.clip(light * 2.0**stops, 0, 1)
    table = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * table).astype(np.uint8)[face])
