"""One picture of a person: pose, light, expression, wall; and where a point of the head falls in it.

Says nothing about the person (see `visavox.world.faces.looks`) and draws nothing (see `visavox.world.faces.drawn_faces`).

Example:
    >>> Pose(Scene()).surface(np.array([[0.0, 0.0]])).round().tolist()
    [[320.0, 330.0]]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visavox.world.faces.canvas import Colour, Points

FACE_PX = 320
"""Side of a portrait."""
CANVAS_PX = 640
"""Side of the canvas: a portrait is drawn at twice its size and reduced by averaging."""

_UNIT_PX = 196.0  # one face unit on the canvas
_MIDDLE_PX = np.array([320.0, 330.0])  # where (0, 0) of the face lies on the canvas
_TURN_RADIUS_U = 1.15  # of the ball on whose front the features lie

WALLS: tuple[Colour, ...] = (
    (0.72, 0.81, 0.87),
    (0.89, 0.82, 0.70),
    (0.74, 0.84, 0.76),
    (0.91, 0.77, 0.74),
    (0.80, 0.78, 0.89),
    (0.93, 0.85, 0.62),
)


@dataclass(frozen=True)
class Scene:
    """What changes from one picture of a person to the next."""

    yaw_deg: float = 0.0
    """Turn of the head; positive to the right of the picture."""
    pitch_deg: float = 0.0
    """Nod of the head; positive downwards."""
    roll_deg: float = 0.0
    """Tilt of the head; positive clockwise."""
    zoom: float = 1.0
    """Size of the head; 1 is usual."""
    shift_x_px: float = 0.0
    """Shift of the head to the right, in pixels of the portrait."""
    shift_y_px: float = 0.0
    """Shift of the head downwards, in pixels of the portrait."""
    smile: float = 0.3
    """0: serious; 1: broad smile."""
    eyes_open: float = 1.0
    """Opening of the lids as a multiple of the person's usual one."""
    light_x: float = -0.4
    """-1: light from the left; 1: from the right."""
    warmth: float = 0.0
    """-1: bluish light; 1: yellowish."""
    exposure: float = 1.0
    """Factor on the brightness; 1 is usual."""
    wall: Colour = WALLS[0]
    """Colour of the background."""
    noise: float = 0.008
    """Standard deviation of the camera's noise; the range of a pixel is 1."""


def random_scene(session_rng: np.random.Generator, clip_rng: np.random.Generator) -> Scene:
    """Return a random scene: light and wall from the session, pose and expression from the clip."""
    light_x, warmth, exposure, paint = session_rng.uniform([-0.9, -1.0, 0.94, 0.86], [0.9, 1.0, 1.05, 1.03])
    red, green, blue = (channel * paint for channel in WALLS[session_rng.integers(len(WALLS))])
    yaw, pitch, roll = np.clip(clip_rng.standard_normal(3), -2.0, 2.0) * [4.5, 2.2, 2.5]
    zoom, shift_x, shift_y, smile, eyes_open, noise = clip_rng.uniform(
        [0.93, -8.0, -5.0, 0.25, 0.92, 0.004], [1.05, 8.0, 5.0, 1.0, 1.06, 0.014]
    )
    return Scene(
        yaw_deg=float(yaw),
        pitch_deg=float(pitch),
        roll_deg=float(roll),
        zoom=float(zoom),
        shift_x_px=float(shift_x),
        shift_y_px=float(shift_y),
        smile=float(smile),
        eyes_open=float(eyes_open),
        light_x=float(light_x),
        warmth=float(warmth),
        exposure=float(exposure),
        wall=(float(red), float(green), float(blue)),
        noise=float(noise),
    )


class Pose:
    """Maps points of the head, in face units, to pixels of the canvas.

    Args:
        scene: its pose, zoom and shift are read.
    """

    def __init__(self, scene: Scene) -> None:
        """Store the scene."""
        self.scene = scene

    def flat(self, points: Points) -> Points:
        """Return pixels (n, 2) of points (n, 2) of an outline, which keeps its shape when the head turns.

        Only the chin moves: it lies in front of the neck.
        """
        forward = np.clip((points[:, 1] - 0.1) / 0.9, 0.0, 1.0) * np.clip(1.3 - np.abs(points[:, 0]), 0.0, 1.0)
        turned = 0.45 * math.sin(math.radians(self.scene.yaw_deg)) * forward
        return self._place(np.stack([points[:, 0] + turned, points[:, 1]], axis=1))

    def surface(self, points: Points) -> Points:
        """Return pixels (n, 2) of points (n, 2) on the front of the head, which turn with it."""
        angles = np.radians([self.scene.yaw_deg, self.scene.pitch_deg])
        on_ball = np.arcsin(np.clip(points / _TURN_RADIUS_U, -0.99, 0.99))
        return self._place(np.sin(on_ball + angles) * _TURN_RADIUS_U)

    def length_px(self, length_u: float) -> float:
        """Return a length in face units as pixels of the canvas."""
        return length_u * _UNIT_PX * self.scene.zoom

    def _place(self, points: Points) -> Points:
        """Tilt, scale and shift points (n, 2)."""
        roll = math.radians(self.scene.roll_deg)
        turn = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
        shift = np.array([self.scene.shift_x_px, self.scene.shift_y_px]) * (CANVAS_PX / FACE_PX)
        placed: Points = points @ turn * (_UNIT_PX * self.scene.zoom) + _MIDDLE_PX + shift
        return placed
