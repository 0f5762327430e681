"""What a made-up person looks like: proportions and colours as smooth functions of the person's numbers.

Lengths are in face units (u): the distance from the middle of the face to the chin of an average head; x grows to the
right of the picture, y downwards, and (0, 0) lies between the middle of the eyes. Nothing is drawn here, see
`visavox.world.faces.drawn_faces`.

Example:
    >>> from visavox.world.people import make_people
    >>> anna, ben = make_people(2, seed=0)
    >>> look_of(anna.face).head_half_width_u > 0.5
    True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visavox.world.faces.canvas import Colour
from visavox.world.faces.scene import bounded
from visavox.world.people import Shown
from visavox.world.population import DIMENSIONS

SKIN_TONES: tuple[Colour, ...] = (
    (0.98, 0.86, 0.78),
    (0.95, 0.79, 0.68),
    (0.90, 0.71, 0.57),
    (0.80, 0.60, 0.45),
    (0.66, 0.46, 0.33),
    (0.54, 0.37, 0.27),
)
HAIR_TONES: tuple[Colour, ...] = (
    (0.10, 0.08, 0.09),
    (0.20, 0.13, 0.10),
    (0.34, 0.21, 0.14),
    (0.50, 0.27, 0.15),
    (0.62, 0.42, 0.22),
    (0.84, 0.67, 0.40),
)
GREY_HAIR: Colour = (0.84, 0.84, 0.86)
IRIS_TONES: tuple[Colour, ...] = ((0.28, 0.17, 0.10), (0.40, 0.27, 0.14), (0.36, 0.42, 0.25), (0.28, 0.45, 0.60))

# One row for each nationality: where on the scales of skin and hair its people are, from and to.
SKIN_RANGES = ((0.00, 0.16), (0.30, 0.44), (0.56, 0.70), (0.84, 1.00))
HAIR_RANGES = ((0.80, 1.00), (0.00, 0.16), (0.42, 0.58), (0.10, 0.24))
# One row for each language: the two ends of its range of clothes, and its background.
SHIRT_TONES: tuple[tuple[Colour, Colour], ...] = (
    ((0.16, 0.27, 0.46), (0.30, 0.47, 0.66)),
    ((0.55, 0.18, 0.22), (0.76, 0.36, 0.34)),
    ((0.14, 0.36, 0.30), (0.33, 0.53, 0.42)),
    ((0.86, 0.83, 0.76), (0.90, 0.72, 0.36)),
)
WALLS: tuple[Colour, ...] = ((0.89, 0.82, 0.70), (0.70, 0.80, 0.89), (0.86, 0.79, 0.90), (0.70, 0.83, 0.74))


@dataclass(frozen=True)
class Look:
    """Proportions (face units, suffix `_u`), colours (RGB, 0 to 1) and shares (0 to 1) of one face."""

    head_half_width_u: float
    """Half the width at the cheekbones."""
    jaw_half_width_u: float
    """Half the width at the corners of the jaw."""
    chin_half_width_u: float
    """Half the width of the chin."""
    chin_y_u: float
    """Height of the chin below the middle of the eyes."""
    eye_x_u: float
    """Distance of each eye from the middle line."""
    eye_half_width_u: float
    """Half the width of an eye."""
    eye_half_height_u: float
    """Half the opening of an eye."""
    brow_thickness_u: float
    """Thickness of the eyebrows."""
    brow_y_u: float
    """Height of the eyebrows; negative, above the eyes."""
    brow_arch_u: float
    """How far the middle of a brow rises above its ends."""
    nose_y_u: float
    """Height of the base of the nose."""
    nose_half_width_u: float
    """Half the width of the nose at its wings."""
    mouth_y_u: float
    """Height of the line between the lips."""
    mouth_half_width_u: float
    """Half the width of the mouth."""
    lip_height_u: float
    """Thickness of the lower lip."""
    hairline_y_u: float
    """Height of the hairline in the middle of the forehead; negative."""
    hair_volume_u: float
    """How far the hair stands off the skull."""
    hair_length: float
    """0: above the ears; 1: below the shoulders."""
    parting: float
    """-1 to 1: where the parting is, from left to right."""
    grey: float
    """Share of grey hair."""
    wrinkles: float
    """Strength of the wrinkles."""
    lashes: float
    """0: fine eyelashes; 1: strong ones."""
    stubble: float
    """Strength of the beard's shadow."""
    skin: Colour
    """Colour of the skin."""
    hair: Colour
    """Colour of the hair, grey included."""
    iris: Colour
    """Colour of the eyes."""
    lips: Colour
    """Colour of the lips."""
    blush: Colour
    """Colour of the cheeks."""
    rosiness: float
    """How strongly the cheeks have it."""
    shirt: Colour
    """Colour of the clothes."""
    wall: Colour
    """Colour of the background before which the person is taken."""


def look_of(face: Shown) -> Look:
    """Return the look of a face; every number is a smooth function of the numbers that it shows.

    Skin and hair lie in the range of the shown nationality, clothes and background in that of the shown language.

    Args:
        face: what the face of a person shows.
    """
    shown = dict(zip(DIMENSIONS, (bounded(value) for value in face.shared), strict=True))
    private = [bounded(value) for value in face.private]
    male = 1.0 if face.sex == "m" else 0.0
    skin = mix(tone(SKIN_TONES, _within(SKIN_RANGES[face.nationality], face.private[0])), _PALE, 0.06 * shown["age"])
    grey = _share(1.15 * face.shared[0] - 0.6)
    return Look(
        head_half_width_u=0.71 + 0.02 * male + 0.070 * shown["build"],
        jaw_half_width_u=0.510 + 0.055 * male + 0.070 * shown["build"] + 0.022 * shown["size"],
        chin_half_width_u=0.19 + 0.050 * male + 0.030 * shown["size"] + 0.010 * private[2],
        chin_y_u=1.00 + 0.02 * male + 0.092 * shown["size"],
        eye_x_u=0.318 + 0.008 * private[3],
        eye_half_width_u=0.165 - 0.008 * male + 0.008 * shown["vigour"],
        eye_half_height_u=0.086 - 0.010 * male + 0.016 * shown["vigour"],
        brow_thickness_u=0.056 + 0.016 * male + 0.020 * shown["vigour"],
        brow_y_u=-0.265 + 0.025 * male - 0.024 * shown["softness"] + 0.006 * private[4],
        brow_arch_u=0.045 - 0.020 * male + 0.010 * private[4],
        nose_y_u=0.415 + 0.020 * shown["size"] - 0.022 * shown["softness"] + 0.006 * private[5],
        nose_half_width_u=0.148 + 0.010 * male + 0.031 * shown["softness"] + 0.004 * private[6],
        mouth_y_u=0.672 + 0.052 * shown["size"],
        mouth_half_width_u=0.250 + 0.008 * male + 0.036 * shown["mouth"],
        lip_height_u=0.098 - 0.008 * male + 0.034 * shown["mouth"],
        hairline_y_u=-0.70 - 0.045 * shown["age"] + 0.015 * private[7],
        hair_volume_u=0.140 - 0.01 * male + 0.056 * shown["softness"],
        hair_length=(0.66 + 0.12 * shown["softness"] + 0.03 * private[1]) * (1.0 - male) + 0.08 * male,
        parting=0.75 * private[7],
        grey=grey,
        wrinkles=_share(1.1 * face.shared[0] - 0.6),
        lashes=1.0 - male,
        stubble=male * _share(1.2 * face.private[2] - 0.5),
        skin=skin,
        hair=mix(tone(HAIR_TONES, _within(HAIR_RANGES[face.nationality], face.private[1])), GREY_HAIR, 0.9 * grey),
        iris=tone(IRIS_TONES, min(_share(face.private[5]), 1.2 - sum(SKIN_RANGES[face.nationality]) / 2.0)),
        lips=mix(skin, (0.76, 0.19, 0.25), 0.45 - 0.09 * male + 0.17 * shown["mouth"]),
        blush=mix(skin, (0.90, 0.28, 0.26), 0.6),
        rosiness=0.44 + 0.19 * shown["mouth"],
        shirt=mix(*SHIRT_TONES[face.language], _share(face.private[6])),
        wall=WALLS[face.language],
    )


_PALE: Colour = (0.93, 0.86, 0.84)  # skin fades towards this colour with age


def _within(span: Sequence[float], value: float) -> float:
    """Return where a standard normal number falls in a span, by the share of people below it."""
    return span[0] + (span[1] - span[0]) * _share(value)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return `first` with `share` (0 to 1) of `second` mixed in."""
    red, green, blue = (a + share * (b - a) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def tone(scale: tuple[Colour, ...], position: float) -> Colour:
    """Return the colour at `position` (0: the first, 1: the last) of a scale of colours."""
    place = float(np.clip(position, 0.0, 1.0)) * (len(scale) - 1)
    index = min(int(place), len(scale) - 2)
    return mix(scale[index], scale[index + 1], place - index)


def _share(value: float) -> float:
    """Return the share of people below a standard normal number: 0 to 1."""
    return 0.5 * (1.0 + math.erf(value / math.sqrt(2.0)))
