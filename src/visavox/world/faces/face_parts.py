"""The features of a drawn face: eyes, brows, nose, mouth and the marks of age, painted onto an easel.

The head, the hair and the body are painted by `visavox.world.faces.drawn_faces`, which also says in which order.

Example:
    >>> from visavox.world.faces.looks import look_of
    >>> from visavox.world.people import make_person
    >>> mouth_corners(look_of(make_person(0, seed=0).face), Scene(smile=1.0)).shape
    (2, 2)
"""

from __future__ import annotations

import numpy as np

from visavox.world.faces.canvas import Mask, Points, ellipse, moved, smooth_closed, smooth_open
from visavox.world.faces.easel import DARK, WHITE, Easel
from visavox.world.faces.looks import Look, mix
from visavox.world.faces.scene import Scene


def mouth_corners(look: Look, scene: Scene) -> Points:
    """Return the left and the right corner of the mouth, (2, 2) float64, in face units."""
    half_width = look.mouth_half_width_u * (1.0 + 0.14 * scene.smile)
    height = look.mouth_y_u + 0.008 - 0.085 * scene.smile
    return np.array([[-half_width, height], [half_width, height]])


def paint_eye(easel: Easel, side: float, head: Mask) -> None:
    """Paint one eye: side -1 the left of the picture, 1 the right. `head` is the coverage of the head."""
    look, scene = easel.look, easel.scene
    x, half_width = side * look.eye_x_u, look.eye_half_width_u
    opening = look.eye_half_height_u * scene.eyes_open * (1.0 - 0.15 * scene.smile)
    easel.fill(ellipse(x, -0.055, 1.45 * half_width, 0.16), easel.shade, opacity=0.42, blur_u=0.06, within=head)
    inner, outer = x - side * half_width, x + side * half_width
    lid = np.array([[inner, 0.022], [x - side * 0.06, -0.88 * opening], [x + side * 0.04, -opening], [outer, -0.012]])
    upper = smooth_open(lid)
    lower = smooth_open([lid[3], [x + side * 0.05, 0.72 * opening], [x - side * 0.05, 0.70 * opening], lid[0]])
    almond = np.vstack([upper, lower])
    eye = easel.mask(almond)
    easel.fill(almond, WHITE)
    radius = 0.53 * (look.eye_half_height_u + 0.080)
    glint_x = x + 0.024 * (1.0 if scene.light_x > 0.0 else -1.0)
    easel.fill(ellipse(x, -0.006, radius, radius), mix(look.iris, DARK, 0.55), within=eye)
    easel.fill(ellipse(x, -0.006, 0.86 * radius, 0.86 * radius), look.iris, within=eye, blur_u=0.006)
    easel.fill(ellipse(x, -0.006, 0.50 * radius, 0.50 * radius), (0.03, 0.02, 0.03), within=eye)
    easel.fill(ellipse(glint_x, -0.03, 0.017, 0.017), (1.0, 1.0, 1.0), opacity=0.95, within=eye)
    easel.stroke(moved(upper, 0.0, 0.012), 0.045, DARK, opacity=0.30, blur_u=0.012, within=eye)
    taper = np.sin(np.linspace(0.25, 2.75, len(upper)))
    easel.stroke(upper, (0.026 + 0.012 * look.lashes) * taper, DARK, opacity=0.92)
    easel.stroke(lower, 0.010, easel.shade, opacity=0.75)
    crease = smooth_open(np.add(lid[1:], [[0.0, -0.045], [0.0, -0.050], [side * 0.015, -0.022]]))
    easel.stroke(crease, 0.012, easel.shade, opacity=0.65, blur_u=0.004)


def paint_brow(easel: Easel, side: float) -> None:
    """Paint one eyebrow, thick towards the nose and thin outside."""
    look = easel.look
    x, y = side * look.eye_x_u, look.brow_y_u - 0.015 * easel.scene.smile
    half = side * 1.28 * look.eye_half_width_u
    arch = [x + 0.25 * half, y - look.brow_arch_u]
    curve = smooth_open([[x - 0.92 * half, y + 0.020], arch, [x + 1.05 * half, y + 0.038]])
    along = np.linspace(0.0, 1.0, len(curve))
    width = look.brow_thickness_u * np.interp(along, [0.0, 0.12, 0.55, 1.0], [0.75, 1.0, 0.85, 0.22])
    colour = mix(look.hair, DARK, 0.45)
    easel.stroke(curve, 1.25 * width, colour, opacity=0.35, blur_u=0.014)
    easel.stroke(curve, width, colour, opacity=0.85, blur_u=0.005)


def paint_nose(easel: Easel, head: Mask) -> None:
    """Paint the nose: shaded flank away from the light, ridge, wings, nostrils."""
    look, shade, glow = easel.look, easel.shade, easel.glow
    y, half = look.nose_y_u, look.nose_half_width_u
    away = -1.0 if easel.scene.light_x > 0.0 else 1.0
    corners = [[0.085, -0.10], [0.06, y - 0.22], [0.95 * half, y - 0.05], [0.03, y - 0.03]]
    flank = smooth_closed(np.multiply(corners, [away, 1.0]))
    easel.fill(flank, shade, opacity=0.45, blur_u=0.030, within=head)
    for side in (-1.0, 1.0):
        root = smooth_open([[side * 0.13, -0.20], [side * 0.085, -0.08], [side * 0.075, 0.06]])
        easel.stroke(root, 0.05, shade, opacity=0.22, blur_u=0.022, within=head)
    easel.fill(ellipse(-0.012 * away, 0.5 * y - 0.05, 0.030, 0.5 * y), glow, opacity=0.45, blur_u=0.022)
    easel.fill(ellipse(0.0, y + 0.035, 0.95 * half, 0.040), shade, opacity=0.45, blur_u=0.022)
    easel.fill(ellipse(-0.012 * away, y - 0.075, 0.055, 0.045), glow, opacity=0.65, blur_u=0.020)
    for side in (-1.0, 1.0):
        wing = [[0.82 * half, y - 0.095], [1.03 * half, y - 0.035], [0.80 * half, y + 0.006]]
        easel.stroke(smooth_open(np.multiply(wing, [side, 1.0])), 0.016, shade, opacity=0.80, blur_u=0.004)
        nostril = ellipse(0.46 * side * half, y - 0.004, 0.25 * half, 0.017)
        easel.fill(nostril, mix(shade, DARK, 0.55), opacity=0.85, blur_u=0.004)


def paint_mouth(easel: Easel, head: Mask) -> None:
    """Paint the lips, with teeth between them when the smile is broad."""
    look, smile = easel.look, easel.scene.smile
    y, lip = look.mouth_y_u, look.lip_height_u
    left, right = mouth_corners(look, easel.scene)
    half, gap = float(right[0]), 0.075 * max(0.0, smile - 0.45) / 0.55
    top, low = y - 0.72 * lip - 0.5 * gap, y + lip + gap
    bow = [[-0.45 * half, top + 0.012], [-0.14 * half, top - 0.012], [0.0, top]]
    upper = smooth_open([left, *bow, *_mirrored(bow[:2]), right])
    between = [[-0.5 * half, y - 0.008 * smile], [0.0, y + 0.012 * smile]]
    middle = smooth_open([left, *between, *_mirrored(between[:1]), right])
    under = [[0.55 * half, y + 0.60 * lip + gap], [0.0, low + 0.012 * smile]]
    lower = smooth_open([right, *under, *_mirrored(under[:1]), left])
    easel.fill(ellipse(0.0, low + 0.075, 0.6 * half, 0.035), easel.shade, opacity=0.40, blur_u=0.03, within=head)
    easel.fill(np.vstack([upper, lower]), look.lips)
    easel.fill(np.vstack([upper, middle[::-1]]), mix(look.lips, easel.shade, 0.38), opacity=0.85)
    shine = ellipse(0.0, y + gap + 0.55 * lip, 0.40 * half, 0.30 * lip)
    easel.fill(shine, mix(look.lips, WHITE, 0.5), opacity=0.40, blur_u=0.018)
    if gap > 0.008:
        edge = [[0.47 * half, y + 0.75 * gap], [0.0, y + gap]]
        ends = [left * [0.94, 1.0], right * [0.94, 1.0]]
        opening = np.vstack([middle, smooth_open([ends[1], *edge, *_mirrored(edge[:1]), ends[0]])])
        easel.fill(opening, (0.42, 0.13, 0.14))
        easel.fill(moved(opening, 0.0, -0.012), (0.97, 0.96, 0.94), within=easel.mask(opening))
    easel.stroke(middle, 0.013, mix(easel.shade, DARK, 0.5), opacity=0.75, blur_u=0.003)
    for x, corner_y in (left, right):
        easel.fill(ellipse(x, corner_y, 0.028, 0.022), easel.shade, opacity=0.6, blur_u=0.014)


def paint_age(easel: Easel, head: Mask) -> None:
    """Paint folds beside the nose, bags under the eyes, lines beside them and on the forehead."""
    look, shade, strength = easel.look, easel.shade, easel.look.wrinkles
    corner_x = float(mouth_corners(look, easel.scene)[1, 0])
    fold_opacity = 0.06 + 0.16 * easel.scene.smile + 0.5 * strength
    for side in (-1.0, 1.0):
        fold = [
            [side * (look.nose_half_width_u + 0.03), look.nose_y_u - 0.03],
            [side * (corner_x + 0.010), look.mouth_y_u - 0.16],
            [side * (corner_x + 0.055), look.mouth_y_u + 0.01],
        ]
        easel.stroke(smooth_open(fold), 0.022, shade, opacity=fold_opacity, blur_u=0.012, within=head)
        eye = look.eye_x_u
        bag = smooth_open([[side * (eye - 0.13), 0.115], [side * eye, 0.150], [side * (eye + 0.12), 0.100]])
        easel.stroke(bag, 0.020, shade, opacity=0.12 + 0.5 * strength, blur_u=0.010, within=head)
        start = eye + look.eye_half_width_u + 0.045
        for tilt in (-0.035, 0.0, 0.035):
            crow = [[start, 0.3 * tilt], [start + 0.04, 0.9 * tilt], [start + 0.08, 1.9 * tilt]]
            line = smooth_open(np.multiply(crow, [side, 1.0]))
            easel.stroke(line, 0.010, shade, opacity=0.65 * strength, blur_u=0.004, within=head)
    for row in range(3):
        y = look.brow_y_u - 0.13 - 0.09 * row
        line = smooth_open([[-0.34, y + 0.012], [-0.12, y - 0.008], [0.12, y - 0.008], [0.34, y + 0.012]])
        easel.stroke(line, 0.013, shade, opacity=0.6 * strength, blur_u=0.006, within=head)


def _mirrored(points: list[list[float]]) -> list[list[float]]:
    """Return points mirrored at the middle line, in reverse order, so that an outline goes on."""
    return [[-x, y] for x, y in reversed(points)]
