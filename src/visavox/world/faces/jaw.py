"""The lower jaw: when the mouth opens, the painted chin and what is around it go down by a warp of the canvas.

The mouth itself is painted afterwards, by `visavox.world.faces.face_parts`.

Example:
    >>> from visavox.world.faces.looks import look_of
    >>> from visavox.world.people import make_person
    >>> easel = Easel(look_of(make_person(0, seed=0).face), Scene())
    >>> rows, columns = Jaw(easel).box
    >>> 256 < rows.start < rows.stop <= 512
    True
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.world.faces.easel import Easel
from visavox.world.faces.face_parts import jaw_drop_u
from visavox.world.faces.scene import CANVAS_PX, Scene


class Jaw:
    """Where the jaw of one easel's face is, and how it moves.

    Args:
        easel: its look and pose are read.

    Attributes:
        box: rows and columns of the canvas that move.
    """

    def __init__(self, easel: Easel) -> None:
        """Measure how much each pixel of the box follows the chin."""
        look, scene = easel.look, easel.scene
        self.pose = easel.pose
        width, top, chin = look.jaw_half_width_u + 0.40, look.nose_y_u - 0.04, look.chin_y_u
        corners = easel.place(
            np.array([[-width, top], [width, top], [width, chin + 0.6], [-width, chin + 0.6]]), flat=True
        )
        low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, CANVAS_PX - 1)
        high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, low + 1, CANVAS_PX)
        self.box = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        self._columns = np.arange(high[0] - low[0], dtype=np.float32)[None, :]
        self._rows = np.arange(high[1] - low[1], dtype=np.float32)[:, None]
        middle_x, middle_y = (easel.place(np.zeros((1, 2)), flat=True)[0] - low).tolist()
        roll, unit_px = math.radians(scene.roll_deg), easel.pose.length_px(1.0)
        right, down = self._columns - np.float32(middle_x), self._rows - np.float32(middle_y)
        x = (right * np.float32(math.cos(roll)) + down * np.float32(math.sin(roll))) / np.float32(unit_px)
        y = (down * np.float32(math.cos(roll)) - right * np.float32(math.sin(roll))) / np.float32(unit_px)
        self._follows = (
            _rise(y, top + 0.07, look.mouth_y_u + 0.10)
            * (np.float32(1.0) - _rise(y, chin + 0.06, chin + 0.58))
            * (np.float32(1.0) - _rise(np.abs(x), look.jaw_half_width_u - 0.10, look.jaw_half_width_u + 0.38))
        )
        self._down = (-math.sin(roll) * unit_px, math.cos(roll) * unit_px)

    def drop(self, planes: NDArray[np.float32], scene: Scene) -> None:
        """Move the jaw of a painted canvas (3, canvas, canvas) in place, as far as the scene's mouth is open."""
        if scene.mouth_open <= 0.0:
            return
        drop_u = jaw_drop_u(scene)
        from_x = self._columns - np.float32(drop_u * self._down[0]) * self._follows
        from_y = self._rows - np.float32(drop_u * self._down[1]) * self._follows
        where, between = cv2.convertMaps(from_x, from_y, cv2.CV_16SC2)
        for plane in planes:
            still = np.ascontiguousarray(plane[self.box])
            plane[self.box] = cv2.remap(still, where, between, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _rise(value: NDArray[np.floating], start: float, end: float) -> NDArray[np.float32]:
    """Return 0 below `start`, 1 above `end` and a smooth step between them."""
    share = np.clip((value - np.float32(start)) * np.float32(1.0 / (end - start)), 0.0, 1.0)
    step: NDArray[np.float32] = share * share * (np.float32(3.0) - np.float32(2.0) * share)
    return step
