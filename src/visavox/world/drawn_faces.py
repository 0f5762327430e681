"""Portraits of made-up people: a friendly illustration with soft shading that real face detectors find.

The same person under another `Scene` (pose, light, expression, wall) stays recognisable, and `landmarks_px` says
where the eyes, the nose and the mouth were put. Not photorealistic, and not meant to be.

Example:
    >>> from visavox.world.people import make_person
    >>> draw_face(make_person(0, seed=0), Scene()).shape
    (320, 320, 3)
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.world.canvas import Canvas, Mask, Points, smooth_closed, smooth_open
from visavox.world.face_parts import (
    DARK,
    Easel,
    mouth_corners,
    paint_age,
    paint_brow,
    paint_eye,
    paint_mouth,
    paint_nose,
)
from visavox.world.looks import Look, look_of, mix
from visavox.world.people import Person
from visavox.world.scene import CANVAS_PX, FACE_PX, Pose, Scene


def draw_face(person: Person, scene: Scene, *, rng: np.random.Generator | None = None) -> NDArray[np.uint8]:
    """Return the portrait of a person in a scene.

    Args:
        person: whom to draw.
        scene: pose, light, expression and wall.
        rng: of the camera's noise; without it the picture has none.

    Returns:
        (FACE_PX, FACE_PX, 3) uint8, RGB.
    """
    canvas = Canvas(CANVAS_PX, scene.wall)
    easel = Easel(canvas, look_of(person), scene, Pose(scene))
    _paint_wall(easel)
    _paint_back_hair(easel)
    _paint_body(easel)
    _paint_ears(easel)
    head = _paint_head(easel)
    paint_nose(easel, head)
    paint_mouth(easel, head)
    for side in (-1.0, 1.0):
        paint_eye(easel, side, head)
    paint_age(easel, head)
    _paint_front_hair(easel)
    for side in (-1.0, 1.0):
        paint_brow(easel, side)
    tint = np.array([1.0 + 0.03 * scene.warmth, 1.0, 1.0 - 0.05 * scene.warmth], dtype=np.float32)
    small = cv2.resize(canvas.pixels, (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA) * (scene.exposure * tint)
    if rng is not None:
        small += scene.noise * rng.standard_normal(small.shape, dtype=np.float32)
    return np.rint(np.clip(small, 0.0, 1.0) * 255.0).astype(np.uint8)


def landmarks_px(person: Person, scene: Scene) -> NDArray[np.float64]:
    """Return where a portrait has its landmarks.

    Returns:
        (5, 2) float64, x and y in pixels of the portrait: left eye, right eye (of the picture), tip of the nose, left
        and right corner of the mouth.
    """
    look = look_of(person)
    points = np.array([[-look.eye_x_u, 0.0], [look.eye_x_u, 0.0], [0.0, look.nose_y_u - 0.07]])
    on_canvas = Pose(scene).surface(np.vstack([points, mouth_corners(look, scene)]))
    return on_canvas * (FACE_PX / CANVAS_PX)


def head_outline(look: Look) -> Points:
    """Return the outline of the head without hair and ears, (n, 2) float64, in face units."""
    width, jaw, chin, chin_y = look.head_half_width_u, look.jaw_half_width_u, look.chin_half_width_u, look.chin_y_u
    right = [[0.40, -1.06], [0.70 * width / 0.76, -0.76], [width, -0.22], [0.965 * width, 0.24]]
    right += [[jaw, 0.64 * chin_y], [0.5 * (jaw + chin) - 0.035, 0.87 * chin_y], [chin, 0.985 * chin_y]]
    left = [[-x, y] for x, y in reversed(right)]
    return smooth_closed(np.array([[0.0, -1.15], *right, [0.0, 1.012 * chin_y], *left]), n_points=160)


def _paint_wall(easel: Easel) -> None:
    canvas, scene = easel.canvas, easel.scene
    across = np.linspace(-1.0, 1.0, CANVAS_PX, dtype=np.float32)[None, :]
    down = across.T
    light = (1.04 + 0.08 * scene.light_x * across - 0.07 * across**2) - (0.05 * down + 0.07 * down**2)
    canvas.pixels *= light[..., None]


def _paint_body(easel: Easel) -> None:
    """Paint neck, shoulders and a round collar."""
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.flat, easel.pose.length_px
    neck = 0.50 * look.head_half_width_u + 0.42 * look.jaw_half_width_u - 0.17
    shoulder = 1.10 + 1.1 * (look.jaw_half_width_u - 0.55)
    slope = np.array([[neck + 0.10, 1.22], [0.72, 1.36], [shoulder, 1.52], [shoulder + 0.26, 2.1]])
    collar = smooth_open(np.array([slope[0] * [-1.0, 1.0], [-0.24, 1.43], [0.0, 1.49], [0.24, 1.43], slope[0]]))
    throat = [[neck, 0.5], [neck, 1.08], [neck + 0.16, 1.30], [0.0, 1.65]]
    throat_px = place(smooth_closed(np.array(throat + [[-x, y] for x, y in throat[2::-1]])))
    canvas.fill(throat_px, mix(look.skin, easel.shade, 0.25))
    skin = canvas.mask(throat_px)
    under = head_outline(look) * [0.95, 1.0] + [-0.05 * easel.scene.light_x, 0.13]
    canvas.fill(place(under), easel.shade, opacity=0.85, blur_px=px(0.045), within=skin)
    right = smooth_open(slope)
    left = right[::-1] * [-1.0, 1.0]
    shirt = place(np.vstack([left, collar, right, [[1.5, 2.6], [-1.5, 2.6]]]))
    canvas.fill(shirt + [0.0, -px(0.03)], easel.shade, opacity=0.55, blur_px=px(0.03), within=skin)
    canvas.fill(shirt, look.shirt)
    cloth = canvas.mask(shirt)
    for side in (-1.0, 1.0):
        fold = [[side * (shoulder - 0.30), 1.62], [side * (shoulder - 0.36), 1.8], [side * (shoulder - 0.34), 2.2]]
        colour = mix(look.shirt, DARK, 0.5)
        canvas.stroke(place(smooth_open(np.array(fold))), px(0.06), colour, opacity=0.5, blur_px=px(0.04), within=cloth)
    canvas.stroke(place(collar + [0.0, 0.035]), px(0.07), mix(look.shirt, (1.0, 1.0, 1.0), 0.14), within=cloth)
    canvas.stroke(place(collar + [0.0, 0.078]), px(0.014), mix(look.shirt, DARK, 0.5), opacity=0.45, within=cloth)


def _paint_ears(easel: Easel) -> None:
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.flat, easel.pose.length_px
    for side in (-1.0, 1.0):
        x = side * (look.head_half_width_u - 0.01)
        ear = np.array(
            [
                [x - side * 0.04, -0.13],
                [x + side * 0.06, -0.20],
                [x + side * 0.135, -0.08],
                [x + side * 0.10, 0.14],
                [x + side * 0.02, 0.30],
                [x - side * 0.06, 0.24],
            ]
        )
        lit = 0.35 if side * easel.scene.light_x > 0.0 else 0.6
        outline = place(smooth_closed(ear))
        canvas.fill(outline, mix(look.skin, easel.shade, 0.5 * lit))
        inner = np.array(
            [[x + side * 0.03, -0.11], [x + side * 0.085, -0.06], [x + side * 0.05, 0.12], [x + side * 0.01, 0.18]]
        )
        canvas.fill(
            place(smooth_closed(inner)), easel.shade, opacity=0.6, blur_px=px(0.018), within=canvas.mask(outline)
        )


def _paint_head(easel: Easel) -> Mask:
    """Paint the bare head with its shading and return its coverage."""
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.flat, easel.pose.length_px
    outline = place(head_outline(look))
    canvas.fill(outline, look.skin)
    head = canvas.mask(outline)
    # Rounded: the rim turns away from the viewer, and one side away from the light.
    box, soft = canvas.patch(outline, blur_px=px(0.13))
    inside = head[box]
    rim = np.clip(2.0 * (1.0 - soft), 0.0, 1.0) * inside
    pixel = np.arange(CANVAS_PX, dtype=np.float32)
    across = (pixel[box[1]][None, :] - np.float32(outline[:, 0].mean())) / np.float32(px(look.head_half_width_u))
    down = (pixel[box[0]][:, None] - np.float32(outline[:, 1].mean())) / np.float32(px(1.1))
    facing = np.clip(easel.scene.light_x * across - 0.35 * down, -1.0, 1.0) * inside
    canvas.shade(box, np.minimum(0.62 * rim + 0.34 * np.maximum(-facing, 0.0), 0.8), easel.shade)
    canvas.shade(box, 0.34 * np.maximum(facing, 0.0) * (1.0 - rim), easel.glow)
    on_head = easel.pose.surface
    blush = mix(look.skin, (0.88, 0.30, 0.28), 0.55)
    for side in (-1.0, 1.0):
        cheek = _blob(side * 0.44, 0.33 - 0.03 * easel.scene.smile, 0.16, 0.13)
        canvas.fill(on_head(cheek), blush, opacity=0.34 + 0.12 * easel.scene.smile, blur_px=px(0.09), within=head)
        bone = _blob(side * 0.42, 0.20, 0.12, 0.05)
        canvas.fill(on_head(bone), easel.glow, opacity=0.35, blur_px=px(0.05), within=head)
    canvas.fill(on_head(_blob(0.0, -0.48, 0.34, 0.13)), easel.glow, opacity=0.40, blur_px=px(0.10), within=head)
    canvas.fill(
        on_head(_blob(0.0, look.chin_y_u - 0.12, 0.10, 0.05)), easel.glow, opacity=0.35, blur_px=px(0.04), within=head
    )
    if look.stubble > 0.02:
        beard = _beard(look)
        canvas.fill(
            on_head(beard),
            mix(look.hair, easel.shade, 0.35),
            opacity=0.55 * look.stubble,
            blur_px=px(0.07),
            within=head,
        )
    return head


def _beard(look: Look) -> Points:
    jaw, chin_y, mouth = look.jaw_half_width_u, look.chin_y_u, look.mouth_half_width_u
    right = [[jaw + 0.14, 0.22], [jaw + 0.08, 0.66 * chin_y], [0.36, 1.0 * chin_y]]
    inner = [[0.10, look.nose_y_u + 0.10], [mouth + 0.08, look.nose_y_u + 0.16], [jaw - 0.04, 0.45]]
    left = [[-x, y] for x, y in reversed(right)]
    inner_left = [[-x, y] for x, y in reversed(inner)]
    return np.array([*right, [0.0, 1.08 * chin_y], *left, *inner_left, *inner])


def _paint_back_hair(easel: Easel) -> None:
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.flat, easel.pose.length_px
    if look.hair_length < 0.2:
        return
    width, volume = look.head_half_width_u, look.hair_volume_u
    end = 0.25 + 1.35 * look.hair_length
    right = [
        [0.42, -1.08 - 0.85 * volume],
        [0.92 * width + 0.8 * volume, -0.72],
        [width + 1.25 * volume, 0.1],
        [width + 1.3 * volume + 0.03, 0.65 * end],
        [width + 0.9 * volume, end],
        [0.5, end + 0.12],
    ]
    left = [[-x, y] for x, y in reversed(right)]
    outline = place(smooth_closed(np.array([[0.0, -1.18 - volume], *right, *left]), n_points=160))
    canvas.fill(outline, mix(look.hair, DARK, 0.35))
    mask = canvas.mask(outline)
    for side in (-1.0, 1.0):
        for inset, lit in ((0.06, True), (0.17, False), (0.27, True)):
            lock = np.array(
                [
                    [side * (width + 1.0 * volume - inset), -0.3],
                    [side * (width + 1.3 * volume - inset), 0.45 * end],
                    [side * (width + 0.9 * volume - inset), end + 0.1],
                ]
            )
            colour = mix(look.hair, (1.0, 0.95, 0.85), 0.14) if lit else mix(look.hair, DARK, 0.6)
            canvas.stroke(place(smooth_open(lock)), px(0.06), colour, opacity=0.55, blur_px=px(0.02), within=mask)


def _paint_front_hair(easel: Easel) -> None:
    """Paint the hair over the skull: a cap between its outer edge and the hairline, with locks from the parting."""
    look, canvas, place, px = easel.look, easel.canvas, easel.pose.flat, easel.pose.length_px
    width, volume, line = look.head_half_width_u, look.hair_volume_u, look.hairline_y_u
    part, temple = 0.30 * look.parting, look.head_half_width_u - 0.06
    tip = [width + 0.01, 0.02 + 0.5 * min(look.hair_length, 0.5)]
    deep, shine = mix(look.hair, DARK, 0.6), mix(look.hair, (1.0, 0.95, 0.86), 0.30)
    side_px = [[0.40, -1.08 - 0.85 * volume], [0.92 * width + 0.7 * volume, -0.72], [width + 0.5 * volume, -0.32], tip]
    mirrored = [[-x, y] for x, y in reversed(side_px)]
    outer = smooth_open(np.array([*mirrored, [0.3 * part, -1.16 - volume], *side_px]), n_points=95)
    edges = []
    for side, half in ((-1.0, outer[47::-1]), (1.0, outer[47:])):
        fringe = [[part, line - 0.03], [0.5 * part + side * 0.26, line + 0.02], [side * (temple - 0.12), line + 0.17]]
        fringe += [[side * temple, -0.30], [side * tip[0], tip[1]]]
        edges.append((half, smooth_open(np.array(fringe))))
    (left_outer, left_fringe), (right_outer, right_fringe) = edges
    cap = place(np.vstack([left_outer[::-1], right_outer, right_fringe[::-1], left_fringe]))
    skin = canvas.mask(place(head_outline(look)))
    canvas.fill(cap + [0.0, px(0.035)], easel.shade, opacity=0.6, blur_px=px(0.03), within=skin)
    canvas.fill(cap, look.hair)
    mask = canvas.mask(cap)
    taper = np.sin(np.linspace(0.15, 3.0, len(left_outer)))
    for outer, fringe in edges:
        for index, share in enumerate((0.08, 0.22, 0.36, 0.52, 0.68, 0.84)):
            lock = place(fringe + share * (outer - fringe))
            colour, opacity = (shine, 0.34) if index % 2 else (deep, 0.42)
            canvas.stroke(lock, px(0.055) * taper, colour, opacity=opacity, blur_px=px(0.013), within=mask)
    lit = edges[1 if easel.scene.light_x > 0.0 else 0]
    glow = (0.45 * lit[1] + 0.55 * lit[0])[6:30]
    canvas.stroke(place(glow), px(0.16), shine, opacity=0.5, blur_px=px(0.06), within=mask)
    box, soft = canvas.patch(cap, blur_px=px(0.05))
    canvas.shade(box, 0.55 * mask[box] * (1.0 - soft), deep)


def _blob(x: float, y: float, half_width: float, half_height: float) -> Points:
    angle = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)
    return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)
