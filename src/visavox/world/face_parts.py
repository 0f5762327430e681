"""The features of a drawn face: eyes, brows, nose, mouth and the marks of age, painted onto a canvas.

The head, the hair and the body are painted by `visavox.world.drawn_faces`, which also says in which order.

Example:
    >>> mouth_corners(look_of(make_person(0, seed=0)), Scene(smile=1.0)).shape
    (2, 2)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visavox.world.canvas import Canvas, Colour, Mask, Points, smooth_closed, smooth_open
from visavox.world.looks import Look, look_of, mix
from visavox.world.people import make_person
from visavox.world.scene import Pose, Scene

__all__ = ["Easel", "look_of", "make_person", "mouth_corners", "paint_age", "paint_brow", "paint_eye"]

DARK: Colour = (0.11, 0.07, 0.08)
WHITE: Colour = (0.96, 0.95, 0.94)


@dataclass(frozen=True)
class Easel:
    """What every painter of a part needs."""

    canvas: Canvas
    """Painted onto."""
    look: Look
    """Of the person."""
    scene: Scene
    """Of the picture."""
    pose: Pose
    """Of the scene."""

    @property
    def shade(self) -> Colour:
        """Colour of the skin in the shade."""
        return mix(self.look.skin, (0.40, 0.14, 0.12), 0.45)

    @property
    def glow(self) -> Colour:
        """Colour of the skin in full light."""
        return mix(self.look.skin, (1.0, 0.97, 0.92), 0.5)


def mouth_corners(look: Look, scene: Scene) -> Points:
    """Return the left and the right corner of the mouth, (2, 2) float64, in face units."""
    half_width = look.mouth_half_width_u * (1.0 + 0.14 * scene.smile)
    height = look.mouth_y_u + 0.008 - 0.085 * scene.smile
    return np.array([[-half_width, height], [half_width, height]])


def paint_eye(easel: Easel, side: float, head: Mask) -> None:
    """Paint one eye: -1 the left of the picture, 1 the right. `head` is the coverage of the head."""
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.surface, easel.pose.length_px
    x, half_width = side * look.eye_x_u, look.eye_half_width_u
    opening = look.eye_half_height_u * easel.scene.eyes_open * (1.0 - 0.15 * easel.scene.smile)
    socket = _ellipse(x, -0.055, 1.45 * half_width, 0.16)
    canvas.fill(place(socket), easel.shade, opacity=0.42, blur_px=px(0.06), within=head)
    inner, outer = x - side * half_width, x + side * half_width
    lid = np.array([[inner, 0.022], [x - side * 0.06, -opening * 0.88], [x + side * 0.04, -opening], [outer, -0.012]])
    under = np.array([[x + side * 0.05, opening * 0.72], [x - side * 0.05, opening * 0.70]])
    upper = smooth_open(lid)
    lower = smooth_open(np.vstack([lid[-1:], under, lid[:1]]))
    almond = place(np.vstack([upper, lower]))
    eye = canvas.mask(almond)
    canvas.fill(almond, WHITE)
    radius = 0.5 * (look.eye_half_height_u + 0.080) * 1.06
    iris = _ellipse(x + 0.02 * np.sin(np.radians(easel.scene.yaw_deg)), -0.006, radius, radius)
    canvas.fill(place(iris), mix(look.iris, DARK, 0.55), within=eye)
    canvas.fill(place(_scaled(iris, 0.86)), look.iris, within=eye, blur_px=px(0.006))
    canvas.fill(place(_scaled(iris, 0.50)), (0.03, 0.02, 0.03), within=eye)
    glint = _ellipse(float(iris[:, 0].mean()) + 0.024 * np.sign(easel.scene.light_x + 1e-9), -0.03, 0.017, 0.017)
    canvas.fill(place(glint), (1.0, 1.0, 1.0), opacity=0.95, within=eye)
    shadow = smooth_open(lid + [0.0, 0.012])
    canvas.stroke(place(shadow), px(0.045), DARK, opacity=0.30, blur_px=px(0.012), within=eye)
    taper = np.sin(np.linspace(0.25, 2.75, len(upper)))
    lash = 0.026 + 0.012 * (look.lashes)
    canvas.stroke(place(upper), px(lash) * taper, DARK, opacity=0.92)
    canvas.stroke(place(lower), px(0.010), easel.shade, opacity=0.75)
    crease = smooth_open(lid[1:] + [[0.0, -0.045], [0.0, -0.050], [side * 0.015, -0.022]])
    canvas.stroke(place(crease), px(0.012), easel.shade, opacity=0.65, blur_px=px(0.004))


def paint_brow(easel: Easel, side: float) -> None:
    """Paint one eyebrow, thick towards the nose and thin outside."""
    look = easel.look
    x, y = side * look.eye_x_u, look.brow_y_u - 0.015 * easel.scene.smile
    half = look.eye_half_width_u * 1.28
    spine = np.array(
        [
            [x - side * half * 0.92, y + 0.020],
            [x + side * half * 0.25, y - look.brow_arch_u],
            [x + side * half * 1.05, y + 0.038],
        ]
    )
    curve = smooth_open(spine)
    width = easel.pose.length_px(look.brow_thickness_u) * np.interp(
        np.linspace(0.0, 1.0, len(curve)), [0.0, 0.12, 0.55, 1.0], [0.75, 1.0, 0.85, 0.22]
    )
    colour = mix(look.hair, DARK, 0.45)
    pixels = easel.pose.surface(curve)
    easel.canvas.stroke(pixels, width * 1.25, colour, opacity=0.35, blur_px=easel.pose.length_px(0.014))
    easel.canvas.stroke(pixels, width, colour, opacity=0.85, blur_px=easel.pose.length_px(0.005))


def paint_nose(easel: Easel, head: Mask) -> None:
    """Paint the nose: shaded flank away from the light, ridge, wings, nostrils."""
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.surface, easel.pose.length_px
    y, half = look.nose_y_u, look.nose_half_width_u
    away = -1.0 if easel.scene.light_x > 0.0 else 1.0
    flank = np.array(
        [[away * 0.085, -0.10], [away * 0.06, y - 0.22], [away * half * 0.95, y - 0.05], [away * 0.03, y - 0.03]]
    )
    canvas.fill(place(smooth_closed(flank)), easel.shade, opacity=0.45, blur_px=px(0.030), within=head)
    for side in (-1.0, 1.0):
        root = smooth_open(np.array([[side * 0.13, -0.20], [side * 0.085, -0.08], [side * 0.075, 0.06]]))
        canvas.stroke(place(root), px(0.05), easel.shade, opacity=0.22, blur_px=px(0.022), within=head)
    ridge = _ellipse(-away * 0.012, 0.5 * y - 0.05, 0.030, 0.5 * y)
    canvas.fill(place(ridge), easel.glow, opacity=0.45, blur_px=px(0.022))
    canvas.fill(place(_ellipse(0.0, y + 0.035, 0.95 * half, 0.040)), easel.shade, opacity=0.45, blur_px=px(0.022))
    canvas.fill(place(_ellipse(-away * 0.012, y - 0.075, 0.055, 0.045)), easel.glow, opacity=0.65, blur_px=px(0.020))
    for side in (-1.0, 1.0):
        wing = np.array(
            [[side * half * 0.82, y - 0.095], [side * half * 1.03, y - 0.035], [side * half * 0.80, y + 0.006]]
        )
        canvas.stroke(place(smooth_open(wing)), px(0.016), easel.shade, opacity=0.80, blur_px=px(0.004))
        nostril = _ellipse(side * half * 0.46, y - 0.004, half * 0.25, 0.017)
        canvas.fill(place(nostril), mix(easel.shade, DARK, 0.55), opacity=0.85, blur_px=px(0.004))


def paint_mouth(easel: Easel, head: Mask) -> None:
    """Paint the lips, with teeth between them when the smile is broad."""
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.surface, easel.pose.length_px
    smile, y, lip = easel.scene.smile, look.mouth_y_u, look.lip_height_u
    left, right = mouth_corners(look, easel.scene)
    half, gap = right[0], 0.075 * max(0.0, smile - 0.45) / 0.55
    top = y - 0.72 * lip - 0.5 * gap
    bow = np.array(
        [
            left,
            [-0.45 * half, top + 0.012],
            [-0.14 * half, top - 0.012],
            [0.0, top],
            [0.14 * half, top - 0.012],
            [0.45 * half, top + 0.012],
            right,
        ]
    )
    line = np.array(
        [left, [-0.5 * half, y - 0.008 * smile], [0.0, y + 0.012 * smile], [0.5 * half, y - 0.008 * smile], right]
    )
    bottom = np.array(
        [
            right,
            [0.55 * half, y + 0.60 * lip + gap],
            [0.0, y + lip + gap + 0.012 * smile],
            [-0.55 * half, y + 0.60 * lip + gap],
            left,
        ]
    )
    edge = [[1.0, 1.0]]
    canvas.fill(
        place(_ellipse(0.0, y + lip + gap + 0.075, 0.6 * half, 0.035)),
        easel.shade,
        opacity=0.40,
        blur_px=px(0.03),
        within=head,
    )
    upper, middle, lower = smooth_open(bow * edge), smooth_open(line), smooth_open(bottom)
    canvas.fill(place(np.vstack([upper, lower])), look.lips)
    canvas.fill(place(np.vstack([upper, middle[::-1]])), mix(look.lips, easel.shade, 0.38), opacity=0.85)
    canvas.fill(
        place(_ellipse(0.0, y + gap + 0.55 * lip, 0.40 * half, 0.30 * lip)),
        mix(look.lips, WHITE, 0.5),
        opacity=0.40,
        blur_px=px(0.018),
    )
    if gap > 0.008:
        low = np.array([right, [0.5 * half, y + gap * 0.75], [0.0, y + gap], [-0.5 * half, y + gap * 0.75], left])
        opening = place(np.vstack([middle, smooth_open(low * [[0.94, 1.0]])]))
        canvas.fill(opening, (0.42, 0.13, 0.14))
        canvas.fill(opening + [0.0, -px(0.012)], (0.97, 0.96, 0.94), within=canvas.mask(opening))
    canvas.stroke(place(middle), px(0.013), mix(easel.shade, DARK, 0.5), opacity=0.75, blur_px=px(0.003))
    for corner in (left, right):
        canvas.fill(place(_ellipse(corner[0], corner[1], 0.028, 0.022)), easel.shade, opacity=0.6, blur_px=px(0.014))


def paint_age(easel: Easel, head: Mask) -> None:
    """Paint folds beside the nose, lines on the forehead, bags under the eyes, and the shadow of a beard."""
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.surface, easel.pose.length_px
    strength = look.wrinkles
    corner = mouth_corners(look, easel.scene)[1]
    for side in (-1.0, 1.0):
        fold = np.array(
            [
                [side * (look.nose_half_width_u + 0.03), look.nose_y_u - 0.03],
                [side * (corner[0] + 0.01), look.mouth_y_u - 0.16],
                [side * (corner[0] + 0.055), look.mouth_y_u + 0.01],
            ]
        )
        canvas.stroke(
            place(smooth_open(fold)),
            px(0.022),
            easel.shade,
            opacity=0.06 + 0.16 * easel.scene.smile + 0.5 * strength,
            blur_px=px(0.012),
            within=head,
        )
        bag = np.array(
            [[side * (look.eye_x_u - 0.13), 0.115], [side * look.eye_x_u, 0.150], [side * (look.eye_x_u + 0.12), 0.100]]
        )
        canvas.stroke(
            place(smooth_open(bag)),
            px(0.020),
            easel.shade,
            opacity=0.12 + 0.5 * strength,
            blur_px=px(0.010),
            within=head,
        )
        for tilt in (-0.035, 0.0, 0.035):
            start = side * (look.eye_x_u + look.eye_half_width_u + 0.045)
            crow = np.array([[start, 0.3 * tilt], [start + side * 0.04, 0.9 * tilt], [start + side * 0.08, 1.9 * tilt]])
            canvas.stroke(
                place(smooth_open(crow)),
                px(0.010),
                easel.shade,
                opacity=0.65 * strength,
                blur_px=px(0.004),
                within=head,
            )
    for row in range(3):
        height = look.brow_y_u - 0.13 - 0.09 * row
        line = np.array(
            [[-0.34, height + 0.012], [-0.12, height - 0.008], [0.12, height - 0.008], [0.34, height + 0.012]]
        )
        canvas.stroke(
            place(smooth_open(line)), px(0.013), easel.shade, opacity=0.6 * strength, blur_px=px(0.006), within=head
        )


def _ellipse(x: float, y: float, half_width: float, half_height: float) -> Points:
    angle = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)


def _scaled(outline: Points, factor: float) -> Points:
    centre = outline.mean(axis=0)
    scaled: Points = centre + factor * (outline - centre)
    return scaled
