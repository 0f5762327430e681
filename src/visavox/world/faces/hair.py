"""The hair of a drawn face: the part behind the head, painted first, and the cap over the skull, painted last.

Example:
    >>> from visavox.world.faces.looks import look_of
    >>> from visavox.world.people import make_person
    >>> from visavox.world.faces.scene import Scene
    >>> easel = Easel(look_of(make_person(0, seed=0).face), Scene())
    >>> paint_back_hair(easel)
"""

from __future__ import annotations

import numpy as np

from visavox.world.faces.canvas import Cover, Points, moved, smooth_closed, smooth_open
from visavox.world.faces.easel import DARK, Easel
from visavox.world.faces.looks import Look, mix

_SUN = (1.0, 0.95, 0.86)  # hair shines towards this colour
_SHORT = 0.2  # hair of less length has no part behind the head


def paint_back_hair(easel: Easel) -> None:
    """Paint long hair behind head and shoulders; short hair has none."""
    look = easel.look
    if look.hair_length < _SHORT:
        return
    width, volume, end = look.head_half_width_u, look.hair_volume_u, 0.25 + 1.35 * look.hair_length
    right = [
        [0.42, -1.08 - 0.85 * volume],
        [0.92 * width + 0.8 * volume, -0.72],
        [width + 1.25 * volume, 0.1],
        [width + 1.3 * volume + 0.03, 0.65 * end],
        [width + 0.9 * volume, end],
        [0.5, end + 0.12],
    ]
    left = [[-x, y] for x, y in reversed(right)]
    outline = smooth_closed([[0.0, -1.18 - volume], *right, *left], n_points=160)
    mask = easel.fill(outline, mix(look.hair, DARK, 0.35), flat=True)
    bright, deep = mix(look.hair, _SUN, 0.14), mix(look.hair, DARK, 0.6)
    for side in (-1.0, 1.0):
        for inset, colour in ((0.06, bright), (0.17, deep), (0.27, bright)):
            x = width - inset
            lock = [[x + volume, -0.3], [x + 1.3 * volume, 0.45 * end], [x + 0.9 * volume, end + 0.1]]
            line = smooth_open(np.multiply(lock, [side, 1.0]))
            easel.stroke(line, 0.06, colour, opacity=0.55, blur_u=0.02, within=mask, flat=True)


def paint_front_hair(easel: Easel, head: Cover) -> None:
    """Paint the hair over the skull: a cap with locks that run from the parting to the temples.

    Args:
        easel: painted onto.
        head: cover of the head, onto which the hair throws a shadow.
    """
    hair = easel.look.hair
    deep, shine = mix(hair, DARK, 0.6), mix(hair, _SUN, 0.30)
    left, right = _halves(easel.look)
    cap = np.vstack([left[0][::-1], right[0], right[1][::-1], left[1]])
    easel.fill(moved(cap, 0.0, 0.035), easel.shade, opacity=0.6, blur_u=0.03, within=head, flat=True)
    mask = easel.fill(cap, hair, flat=True)
    taper = np.sin(np.linspace(0.15, 3.0, len(left[0])))
    for outer, fringe in (left, right):
        for index, share in enumerate((0.08, 0.22, 0.36, 0.52, 0.68, 0.84)):
            lock = fringe + share * (outer - fringe)
            colour, opacity = (shine, 0.34) if index % 2 else (deep, 0.42)
            easel.stroke(lock, 0.055 * taper, colour, opacity=opacity, blur_u=0.013, within=mask, flat=True)
    lit_outer, lit_fringe = right if easel.scene.light_x > 0.0 else left
    glow = (0.55 * lit_outer + 0.45 * lit_fringe)[6:30]
    easel.stroke(glow, 0.16, shine, opacity=0.5, blur_u=0.06, within=mask, flat=True)
    soft = easel.cover(cap, blur_u=0.05, flat=True)
    easel.canvas.shade(mask.clipped(soft.inverted()), deep, opacity=0.55)


def _halves(look: Look) -> tuple[tuple[Points, Points], tuple[Points, Points]]:
    """Return the outer edge and the hairline (48, 2), each from the parting to the temple, of the left and right."""
    width, volume, line = look.head_half_width_u, look.hair_volume_u, look.hairline_y_u
    part, temple = 0.30 * look.parting, width - 0.06
    tip = [width + 0.01, 0.02 + 0.5 * min(look.hair_length, 0.5)]
    over = [[0.40, -1.08 - 0.85 * volume], [0.92 * width + 0.7 * volume, -0.72], [width + 0.5 * volume, -0.32], tip]
    mirrored = [[-x, y] for x, y in reversed(over)]
    outer = smooth_open([*mirrored, [0.3 * part, -1.16 - volume], *over], n_points=95)

    def fringe(side: float) -> Points:
        middle = [[part, line - 0.03], [0.5 * part + side * 0.26, line + 0.02]]
        ends = [[temple - 0.12, line + 0.17], [temple, -0.30], tip]
        return smooth_open([*middle, *([side * x, y] for x, y in ends)])

    return (outer[47::-1], fringe(-1.0)), (outer[47:], fringe(1.0))
