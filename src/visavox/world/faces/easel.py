"""The canvas of one portrait in face units: what every painter of a part of the face works on.

Shapes are given in face units, as in `visavox.world.faces.looks`; the easel knows where they fall in the picture.

Example:
    >>> from visavox.world.faces.canvas import ellipse
    >>> from visavox.world.faces.looks import look_of
    >>> from visavox.world.people import make_person
    >>> easel = Easel(look_of(make_person(0, seed=0).face), Scene(wall=(1.0, 1.0, 1.0)))
    >>> cover = easel.fill(ellipse(0.0, 0.0, 0.5, 0.5), (0.0, 0.0, 0.0))
    >>> easel.canvas.pixels[264, 256].tolist()
    [0.0, 0.0, 0.0]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.world.faces.canvas import Canvas, Colour, Cover, Points, ribbon
from visavox.world.faces.looks import Look, mix
from visavox.world.faces.scene import CANVAS_PX, Pose, Scene

DARK: Colour = (0.11, 0.07, 0.08)
WHITE: Colour = (0.96, 0.95, 0.94)


class Easel:
    """A canvas, the look that is painted onto it, and the scene it is painted in.

    Args:
        look: of the person.
        scene: of the picture.

    Attributes:
        canvas: the picture so far; at first the empty wall.
        pose: where points of the head fall.
        shade: colour of the skin in the shade.
        glow: colour of the skin in full light.
    """

    def __init__(self, look: Look, scene: Scene) -> None:
        """Hang up an empty canvas in the colour of the wall."""
        self.look = look
        self.scene = scene
        red, green, blue = (channel * scene.paint for channel in scene.wall or look.wall)
        self.canvas = Canvas(CANVAS_PX, (red, green, blue))
        self.pose = Pose(scene)
        self.shade = mix(look.skin, (0.40, 0.14, 0.12), 0.45)
        self.glow = mix(look.skin, (1.0, 0.97, 0.92), 0.5)

    def place(self, points: Points, *, flat: bool = False) -> Points:
        """Return pixels (n, 2) of points (n, 2): on the front of the head, or, if `flat`, of an outline."""
        return self.pose.flat(points) if flat else self.pose.surface(points)

    def cover(self, outline: Points, *, blur_u: float = 0.0, flat: bool = False) -> Cover:
        """Return what a closed outline (n, 2) covers; `blur_u` softens its edge."""
        return self.canvas.cover(self.place(outline, flat=flat), blur_px=self.pose.length_px(blur_u))

    def fill(
        self,
        outline: Points,
        colour: Colour,
        *,
        opacity: float = 1.0,
        blur_u: float = 0.0,
        within: Cover | None = None,
        flat: bool = False,
    ) -> Cover:
        """Blend a closed shape (n, 2) onto the picture and return its cover; see `Canvas.fill`."""
        blur_px = self.pose.length_px(blur_u)
        return self.canvas.fill(self.place(outline, flat=flat), colour, opacity=opacity, blur_px=blur_px, within=within)

    def stroke(
        self,
        line: Points,
        width_u: float | NDArray[np.float64],
        colour: Colour,
        *,
        opacity: float = 1.0,
        blur_u: float = 0.0,
        within: Cover | None = None,
        flat: bool = False,
    ) -> None:
        """Blend a line (n, 2) onto the picture, `width_u` thick: one number, or one for each point."""
        width_px = self.pose.length_px(1.0) * np.broadcast_to(np.asarray(width_u, dtype=np.float64), (len(line),))
        outline = ribbon(self.place(line, flat=flat), width_px)
        self.canvas.fill(outline, colour, opacity=opacity, blur_px=self.pose.length_px(blur_u), within=within)
