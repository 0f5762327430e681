"""The features of a drawn face: eyes, brows, nose, mouth and the marks of age, painted onto an easel.

The head, the hair and the body are painted by `visavox.world.faces.drawn_faces`, which also says in which order.

Example:
    >>> from visavox.world.faces.looks import look_of
    >>> from visavox.world.people import make_person
    >>> mouth_corners(look_of(make_person(0, seed=0).face), Scene(smile=1.0)).shape
    (2, 2)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from visavox.world.faces.canvas import Cover, Points, ellipse, moved, smooth_closed, smooth_open
from visavox.world.faces.easel import DARK, WHITE, Easel
from visavox.world.faces.looks import Look, mix
from visavox.world.faces.scene import Scene

_TONGUE = (0.72, 0.34, 0.36)
_LASHES = np.sin(np.linspace(0.25, 2.75, 48))  # thickness along the upper lid


def mouth_corners(look: Look, scene: Scene) -> Points:
    """Return the left and the right corner of the mouth, (2, 2) float64, in face units."""
    half_width = look.mouth_half_width_u * (1.0 + 0.12 * scene.smile) * (1.0 - 0.12 * scene.mouth_open)
    height = look.mouth_y_u + 0.004 - 0.085 * scene.smile * (1.0 - 0.30 * scene.mouth_open) + 0.012 * scene.mouth_open
    return np.array([[-half_width, height], [half_width, height]])


def jaw_drop_u(scene: Scene) -> float:
    """Return how far the chin goes down when the mouth opens."""
    return 0.065 * scene.mouth_open


def paint_socket(easel: Easel, side: float, head: Cover) -> None:
    """Shade the hollow around one eye: side -1 the left of the picture, 1 the right."""
    look = easel.look
    socket = ellipse(side * look.eye_x_u, -0.055, 1.45 * look.eye_half_width_u, 0.16)
    easel.fill(socket, easel.shade, opacity=0.42, blur_u=0.06, within=head)


def paint_eye(easel: Easel, side: float) -> None:
    """Paint one eye: side -1 the left of the picture, 1 the right."""
    look, scene = easel.look, easel.scene
    x, half_width, shut = side * look.eye_x_u, look.eye_half_width_u, scene.blink
    opening = look.eye_half_height_u * scene.eyes_open * (1.0 - 0.12 * scene.smile)
    inner, outer = x - side * half_width, x + side * half_width
    low = 0.72 * opening * (1.0 - 0.25 * shut)
    # A closing eye's upper lid comes down to the lower one.
    top = -opening + shut * (opening + low)
    lid = np.array([[inner, 0.022], [x - side * 0.06, 0.88 * top], [x + side * 0.04, top], [outer, -0.012]])
    upper = smooth_open(lid)
    lower = smooth_open([lid[3], [x + side * 0.05, low], [x - side * 0.05, 0.97 * low], lid[0]])
    eye = easel.fill(np.concatenate([upper, lower]), mix(WHITE, easel.shade, 0.9 * shut**3))
    radius = 0.53 * (look.eye_half_height_u + 0.080)
    glint_x = x + 0.024 * (1.0 if scene.light_x > 0.0 else -1.0)
    easel.fill(ellipse(x, -0.006, radius, radius), mix(look.iris, DARK, 0.55), within=eye)
    easel.fill(ellipse(x, -0.006, 0.86 * radius, 0.86 * radius), look.iris, within=eye, blur_u=0.006)
    easel.fill(ellipse(x, -0.006, 0.50 * radius, 0.50 * radius), (0.03, 0.02, 0.03), within=eye)
    easel.fill(ellipse(glint_x, -0.03, 0.017, 0.017), (1.0, 1.0, 1.0), opacity=0.95, within=eye)
    easel.stroke(moved(upper, 0.0, 0.012), 0.045, DARK, opacity=0.30, blur_u=0.012, within=eye)
    easel.stroke(upper, (0.026 + 0.012 * look.lashes) * _LASHES, DARK, opacity=0.92)
    easel.stroke(lower, 0.010, easel.shade, opacity=0.75)
    crease = np.add(
        lid[1:], [[0.0, -0.045 - 0.6 * shut * opening], [0.0, -0.050 - 0.6 * shut * opening], [0.0, -0.022]]
    )
    crease[2, 0] += side * 0.015
    easel.stroke(smooth_open(crease), 0.012, easel.shade, opacity=0.65, blur_u=0.004)


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


def paint_nose(easel: Easel, head: Cover) -> None:
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


def paint_mouth(easel: Easel) -> None:
    """Paint the lips, and what lies between them when the smile is broad or the mouth opens: teeth, tongue, dark."""
    look, smile, open_ = easel.look, easel.scene.smile, easel.scene.mouth_open
    y, lip = look.mouth_y_u, look.lip_height_u
    left, right = mouth_corners(look, easel.scene)
    smile_gap = 0.060 * max(0.0, smile - 0.45) / 0.55
    half, gap = float(right[0]), smile_gap * (1.0 - open_) + 0.125 * open_
    rise = 0.014 * open_
    top, low = y - 0.72 * lip - 0.4 * smile_gap - rise, y + lip + gap
    bow = [[-0.45 * half, top + 0.012], [-0.14 * half, top - 0.012], [0.0, top]]
    upper = smooth_open([left, *bow, *_mirrored(bow[:2]), right])
    between = [[-0.5 * half, y - 0.008 * smile - rise], [0.0, y + 0.012 * smile - rise]]
    middle = smooth_open([left, *between, *_mirrored(between[:1]), right])
    under = [[0.55 * half, y + 0.60 * lip + 0.92 * gap], [0.0, low + 0.012 * smile]]
    lower = smooth_open([right, *under, *_mirrored(under[:1]), left])
    easel.fill(ellipse(0.0, low + 0.075, 0.6 * half, 0.035), easel.shade, opacity=0.40, blur_u=0.03)
    easel.fill(np.concatenate([upper, lower]), look.lips)
    easel.fill(np.concatenate([upper, middle[::-1]]), mix(look.lips, easel.shade, 0.38), opacity=0.85)
    shine = ellipse(0.0, y + gap + 0.55 * lip, 0.40 * half, 0.30 * lip)
    easel.fill(shine, mix(look.lips, WHITE, 0.5), opacity=0.40, blur_u=0.018)
    if gap > 0.002:
        edge = [[0.50 * half, y + 0.80 * gap], [0.0, y + gap]]
        ends = [left * [0.94, 1.0], right * [0.94, 1.0]]
        inside = np.concatenate([middle, smooth_open([ends[1], *edge, *_mirrored(edge[:1]), ends[0]])])
        opening = easel.fill(inside, mix((0.42, 0.13, 0.14), (0.27, 0.07, 0.08), open_))
        easel.fill(ellipse(0.0, y + 1.02 * gap, 0.55 * half, 0.42 * gap), _TONGUE, blur_u=0.010, within=opening)
        depth = (0.020 + 0.042 * smile) * np.maximum(1.0 - (middle[:, 0] / (0.80 * half)) ** 2, 0.0)
        teeth = (middle + np.stack([np.zeros(len(middle)), depth], axis=1))[::-1]
        easel.fill(np.concatenate([middle, teeth]), (0.93, 0.92, 0.89), blur_u=0.004, within=opening)
    easel.stroke(middle, 0.013, mix(easel.shade, DARK, 0.5), opacity=0.75, blur_u=0.003)
    for x, corner_y in (left, right):
        easel.fill(ellipse(x, corner_y, 0.028, 0.022), easel.shade, opacity=0.6, blur_u=0.014)


def paint_age(easel: Easel, head: Cover) -> None:
    """Paint folds beside the nose, bags under the eyes, lines beside them and on the forehead."""
    look, shade, strength = easel.look, easel.shade, easel.look.wrinkles
    # Of the closed mouth: what is painted here moves with the jaw when it opens.
    corner_x = float(mouth_corners(look, replace(easel.scene, mouth_open=0.0))[1, 0])
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
