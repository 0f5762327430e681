"""Portraits of made-up people: a friendly illustration with soft shading that real face detectors find.

The same person under another `Scene` (pose, light, expression, wall) stays recognisable, and `landmarks_px` says
where the eyes, the nose and the mouth were put. Not photorealistic, and not meant to be.

Example:
    >>> from visavox.world.people import make_person
    >>> draw_face(make_person(0, seed=0).face, Scene()).shape
    (256, 256, 3)
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.world.faces.canvas import Cover, Points, ellipse, moved, smooth_closed, smooth_open
from visavox.world.faces.easel import DARK, Easel
from visavox.world.faces.face_parts import (
    mouth_corners,
    paint_age,
    paint_brow,
    paint_eye,
    paint_mouth,
    paint_nose,
    paint_socket,
)
from visavox.world.faces.hair import paint_back_hair, paint_front_hair
from visavox.world.faces.jaw import Jaw
from visavox.world.faces.looks import Look, look_of, mix
from visavox.world.faces.scene import CANVAS_PX, FACE_PX, Pose, Scene
from visavox.world.people import Shown


def draw_face(
    face: Shown, scene: Scene, *, rng: np.random.Generator | None = None, frame_px: int = FACE_PX
) -> NDArray[np.uint8]:
    """Return the portrait of a face in a scene.

    Args:
        face: what the face of a person shows.
        scene: pose, light, expression and wall.
        rng: of the camera's noise; without it the picture has none.
        frame_px: side of the picture, 1 to CANVAS_PX.

    Returns:
        (frame_px, frame_px, 3) uint8, RGB.
    """
    easel = Easel(look_of(face), scene)
    paint_still(easel)
    Jaw(easel).drop(easel.canvas.planes, scene)
    paint_features(easel)
    lit = develop(easel.canvas.planes, scene, size_px=(frame_px, frame_px))
    if rng is not None:
        lit += np.float32(scene.noise) * rng.standard_normal(lit.shape, dtype=np.float32)
    return as_bytes(lit)


def paint_still(easel: Easel) -> None:
    """Paint all that does not move when the person speaks or blinks: everything but eyes and mouth."""
    _paint_wall(easel)
    paint_back_hair(easel)
    _paint_neck(easel)
    _paint_shirt(easel)
    _paint_ears(easel)
    head = _paint_head(easel)
    paint_nose(easel, head)
    for side in (-1.0, 1.0):
        paint_socket(easel, side, head)
    paint_age(easel, head)
    paint_front_hair(easel, head)
    for side in (-1.0, 1.0):
        paint_brow(easel, side)


def paint_features(easel: Easel) -> None:
    """Paint eyes and mouth as the scene has them, last of all."""
    paint_mouth(easel)
    for side in (-1.0, 1.0):
        paint_eye(easel, side)


def develop(planes: NDArray[np.float32], scene: Scene, *, size_px: tuple[int, int]) -> NDArray[np.float32]:
    """Return a part of a canvas, reduced by averaging, in the light of the scene.

    Args:
        planes: (3, h, w) float32, 0 to 1.
        scene: colour of its light and exposure are read.
        size_px: width and height of the result, at most those of the part.

    Returns:
        (height, width, 3) float32, about 0 to 1.
    """
    light = scene.exposure * np.array([1.0 + 0.042 * scene.tint, 1.0, 1.0 - 0.058 * scene.tint])
    small = [cv2.resize(plane, size_px, interpolation=cv2.INTER_AREA) for plane in planes]
    lit: NDArray[np.float32] = cv2.merge([plane * np.float32(gain) for plane, gain in zip(small, light, strict=True)])
    return lit


def as_bytes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a picture with values 0 to 1, others cut off, as whole numbers 0 to 255."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(picture, np.float32(0.0)), alpha=255.0), dtype=np.uint8)


def landmarks_px(face: Shown, scene: Scene, *, frame_px: int = FACE_PX) -> NDArray[np.float64]:
    """Return where a portrait has its landmarks.

    Returns:
        (5, 2) float64, x and y in pixels of the portrait: left eye, right eye (of the picture), tip of the nose, left
        and right corner of the mouth.
    """
    look = look_of(face)
    points = np.array([[-look.eye_x_u, 0.0], [look.eye_x_u, 0.0], [0.0, look.nose_y_u - 0.07]])
    on_canvas = Pose(scene).surface(np.vstack([points, mouth_corners(look, scene)]))
    # The middle of the first pixel is (0, 0), on the canvas as in the portrait.
    return (on_canvas + 0.5) * (frame_px / CANVAS_PX) - 0.5


def head_outline(look: Look) -> Points:
    """Return the outline of the head without hair and ears, (160, 2) float64, in face units."""
    width, jaw, chin, chin_y = look.head_half_width_u, look.jaw_half_width_u, look.chin_half_width_u, look.chin_y_u
    right = [[0.40, -1.06], [0.92 * width, -0.76], [width, -0.22], [0.965 * width, 0.24]]
    right += [[jaw, 0.64 * chin_y], [0.5 * (jaw + chin) - 0.035, 0.87 * chin_y], [chin, 0.985 * chin_y]]
    left = [[-x, y] for x, y in reversed(right)]
    return smooth_closed([[0.0, -1.15], *right, [0.0, 1.012 * chin_y], *left], n_points=160)


def _paint_wall(easel: Easel) -> None:
    across = np.linspace(-1.0, 1.0, CANVAS_PX, dtype=np.float32)[None, :]
    down = across.T
    light = (1.04 + 0.08 * easel.scene.light_x * across - 0.07 * across**2) - (0.05 * down + 0.07 * down**2)
    easel.canvas.planes *= light


def _neck_half_width_u(look: Look) -> float:
    return 0.42 * look.head_half_width_u + 0.36 * look.jaw_half_width_u - 0.085


def _paint_neck(easel: Easel) -> None:
    look, neck = easel.look, _neck_half_width_u(easel.look)
    right = [[neck, 0.5], [neck, 1.08], [neck + 0.10, 1.28]]
    throat = smooth_closed([*right, [0.0, 1.65], *([-x, y] for x, y in reversed(right))])
    skin = easel.fill(throat, mix(look.skin, easel.shade, 0.25), flat=True)
    chin_shadow = moved(head_outline(look) * [0.95, 1.0], -0.05 * easel.scene.light_x, 0.13)
    easel.fill(chin_shadow, easel.shade, opacity=0.85, blur_u=0.045, within=skin, flat=True)


def _paint_shirt(easel: Easel) -> None:
    look, neck = easel.look, _neck_half_width_u(easel.look)
    shoulder = 1.10 + 1.1 * (look.jaw_half_width_u - 0.55)
    slope = [[neck + 0.10, 1.22], [0.72, 1.36], [shoulder, 1.52], [shoulder + 0.26, 2.1]]
    collar = smooth_open([[-neck - 0.10, 1.22], [-0.24, 1.43], [0.0, 1.49], [0.24, 1.43], slope[0]])
    right = smooth_open(slope)
    shirt = np.vstack([right[::-1] * [-1.0, 1.0], collar, right, [[1.5, 2.6], [-1.5, 2.6]]])
    colour = easel.scene.shirt or look.shirt
    cloth, dark = easel.fill(shirt, colour, flat=True), mix(colour, DARK, 0.5)
    for side in (-1.0, 1.0):
        fold = [[shoulder - 0.30, 1.62], [shoulder - 0.36, 1.8], [shoulder - 0.34, 2.2]]
        line = smooth_open(np.multiply(fold, [side, 1.0]))
        easel.stroke(line, 0.06, dark, opacity=0.5, blur_u=0.04, within=cloth, flat=True)
    hem = mix(colour, (1.0, 1.0, 1.0), 0.14)
    easel.stroke(moved(collar, 0.0, 0.035), 0.07, hem, within=cloth, flat=True)
    easel.stroke(moved(collar, 0.0, 0.078), 0.014, dark, opacity=0.45, within=cloth, flat=True)


def _paint_ears(easel: Easel) -> None:
    x = easel.look.head_half_width_u - 0.01
    ear = [[x - 0.04, -0.13], [x + 0.06, -0.20], [x + 0.135, -0.08]]
    ear += [[x + 0.10, 0.14], [x + 0.02, 0.30], [x - 0.06, 0.24]]
    inner = [[x + 0.03, -0.11], [x + 0.085, -0.06], [x + 0.05, 0.12], [x + 0.01, 0.18]]
    for side in (-1.0, 1.0):
        dark = 0.18 if side * easel.scene.light_x > 0.0 else 0.3
        outline = smooth_closed(np.multiply(ear, [side, 1.0]))
        cover = easel.fill(outline, mix(easel.look.skin, easel.shade, dark), flat=True)
        hollow = smooth_closed(np.multiply(inner, [side, 1.0]))
        easel.fill(hollow, easel.shade, opacity=0.6, blur_u=0.018, within=cover, flat=True)


def _paint_head(easel: Easel) -> Cover:
    """Paint the bare head with its shading and return its cover."""
    look, smile = easel.look, easel.scene.smile
    outline = head_outline(look)
    head = easel.fill(outline, look.skin, flat=True)
    for side in (-1.0, 1.0):
        cheek = ellipse(side * 0.44, 0.33 - 0.03 * smile, 0.17, 0.14)
        easel.fill(cheek, look.blush, opacity=look.rosiness, blur_u=0.09, within=head)
    _shade_head(easel, outline, head)
    for side in (-1.0, 1.0):
        easel.fill(ellipse(side * 0.42, 0.20, 0.12, 0.05), easel.glow, opacity=0.35, blur_u=0.05, within=head)
    easel.fill(ellipse(0.0, -0.48, 0.34, 0.13), easel.glow, opacity=0.40, blur_u=0.10, within=head)
    easel.fill(ellipse(0.0, look.chin_y_u - 0.12, 0.10, 0.05), easel.glow, opacity=0.35, blur_u=0.04, within=head)
    beard = mix(look.hair, easel.shade, 0.35)
    easel.fill(_beard_outline(look), beard, opacity=0.55 * look.stubble, blur_u=0.07, within=head)
    return head


def _shade_head(easel: Easel, outline: Points, head: Cover) -> None:
    """Round the head: its rim turns away from the viewer, and one side away from the light."""
    soft = easel.cover(outline, blur_u=0.13, flat=True)
    rim = head.clipped(soft.inverted()).alpha
    middle_x, middle_y = easel.place(outline, flat=True).mean(axis=0).astype(np.float32)
    pixel, (rows, columns) = np.arange(CANVAS_PX, dtype=np.float32), head.box
    across = (pixel[columns][None, :] - middle_x) / np.float32(easel.pose.length_px(easel.look.head_half_width_u))
    down = (pixel[rows][:, None] - middle_y) / np.float32(easel.pose.length_px(1.1))
    away = np.clip(np.float32(0.35) * down - np.float32(easel.scene.light_x) * across, 0.0, 1.0) * head.alpha
    alpha = np.minimum(np.minimum(1.24 * rim, 0.62 * head.alpha) + 0.34 * away, 0.8)
    easel.canvas.shade(Cover(head.top_px, head.left_px, alpha), easel.shade)


def _beard_outline(look: Look) -> Points:
    jaw, chin_y = look.jaw_half_width_u, look.chin_y_u
    right = [[jaw + 0.14, 0.22], [jaw + 0.08, 0.66 * chin_y], [0.36, chin_y]]
    under_nose = look.nose_y_u + 0.10
    inner = [[0.10, under_nose], [look.mouth_half_width_u + 0.08, under_nose + 0.06], [jaw - 0.04, 0.45]]
    left = [[-x, y] for x, y in reversed(right)]
    inner_left = [[-x, y] for x, y in reversed(inner)]
    return np.array([*right, [0.0, 1.08 * chin_y], *left, *inner_left, *inner])
