"""One picture of a person: pose, light, expression, wall; and where a point of the head falls in it.

Says nothing about the person (see `visavox.world.faces.looks`) and draws nothing (see
`visavox.world.faces.drawn_faces`).

Example:
    >>> Pose(Scene()).surface(np.array([[0.0, 0.0]])).round().tolist()
    [[256.0, 264.0]]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visavox.world.faces.canvas import Colour, Points
from visavox.world.people import Session

FACE_PX = 256
"""Side of a portrait."""
CANVAS_PX = 2 * FACE_PX
"""Side of the canvas: a portrait is drawn at twice its size and reduced by averaging."""

_UNIT_PX = 157.0  # one face unit on the canvas
_MIDDLE_PX = np.array([256.0, 264.0])  # where (0, 0) of the face lies on the canvas
_TURN_RADIUS_U = 1.15  # of the ball on whose front the features lie


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
    """Shift of the head to the right, in pixels of a portrait of `FACE_PX`."""
    shift_y_px: float = 0.0
    """Shift of the head downwards, in pixels of a portrait of `FACE_PX`."""
    smile: float = 0.3
    """0: serious; 1: broad smile."""
    mouth_open: float = 0.0
    """0: as the smile leaves it; 1: wide open, as in a loud "ah"."""
    eyes_open: float = 1.0
    """Opening of the lids as a multiple of the person's usual one."""
    blink: float = 0.0
    """0: eyes open; 1: closed."""
    light_x: float = -0.4
    """-1: light from the left; 1: from the right."""
    tint: float = 0.0
    """Colour of the light: negative bluish, positive yellowish; about -2 to 2."""
    exposure: float = 1.0
    """Factor on the brightness; 1 is usual."""
    paint: float = 1.0
    """Factor on the colour of the background; 1 is usual."""
    wall: Colour | None = None
    """Colour of the background; None: the one that belongs to the look."""
    shirt: Colour | None = None
    """Colour of the clothes; None: the one that belongs to the look."""
    noise: float = 0.008
    """Standard deviation of the camera's noise; the range of a pixel is 1."""


def random_scene(session: Session, session_rng: np.random.Generator, clip_rng: np.random.Generator) -> Scene:
    """Return a random scene: light and wall from the session, pose and expression from the clip.

    Args:
        session: its `picture` alone decides the colour of the light.
        session_rng: of the side of the light, the brightness and the paint of the wall; seeded alike for all clips
            of a session.
        clip_rng: of everything else.
    """
    light_x, exposure, paint = (float(value) for value in session_rng.uniform([-0.9, 0.95, 0.90], [0.9, 1.04, 1.03]))
    yaw, pitch, roll = (np.clip(clip_rng.standard_normal(3), -2.0, 2.0) * [4.0, 2.0, 2.5]).tolist()
    zoom, shift_x, shift_y, smile, eyes_open, noise = clip_rng.uniform(
        [0.93, -6.0, -4.0, 0.25, 0.96, 0.004], [1.05, 6.0, 4.0, 0.75, 1.04, 0.012]
    ).tolist()
    return Scene(
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        zoom=zoom,
        shift_x_px=shift_x,
        shift_y_px=shift_y,
        smile=smile,
        eyes_open=eyes_open,
        light_x=light_x,
        tint=bounded(session.picture),
        exposure=exposure,
        paint=paint,
        noise=noise,
    )


def bounded(value: float) -> float:
    """Return a standard normal number kept smoothly within -2.2 and 2.2, so that no picture falls apart.

    Example:
        >>> round(bounded(0.1), 3), round(bounded(9.0), 3)
        (0.1, 2.199)
    """
    return 2.2 * math.tanh(value / 2.2)


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
