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
from dataclasses import dataclass

import numpy as np

from visavox.world.faces.canvas import Colour
from visavox.world.people import Shown
from visavox.world.population import DIMENSIONS

SKIN_TONES: tuple[Colour, ...] = (
    (0.98, 0.86, 0.78),
    (0.95, 0.79, 0.68),
    (0.90, 0.71, 0.57),
    (0.80, 0.60, 0.45),
    (0.66, 0.46, 0.33),
    (0.50, 0.34, 0.25),
)
HAIR_TONES: tuple[Colour, ...] = (
    (0.10, 0.08, 0.09),
    (0.20, 0.13, 0.10),
    (0.34, 0.21, 0.14),
    (0.50, 0.27, 0.15),
    (0.62, 0.42, 0.22),
    (0.84, 0.67, 0.40),
)
GREY_HAIR: Colour = (0.80, 0.80, 0.82)
IRIS_TONES: tuple[Colour, ...] = ((0.28, 0.17, 0.10), (0.40, 0.27, 0.14), (0.36, 0.42, 0.25), (0.28, 0.45, 0.60))
SHIRT_TONES: tuple[Colour, ...] = (
    (0.23, 0.36, 0.52),
    (0.64, 0.26, 0.28),
    (0.25, 0.45, 0.40),
    (0.86, 0.68, 0.32),
    (0.40, 0.33, 0.50),
    (0.88, 0.87, 0.84),
    (0.22, 0.23, 0.27),
    (0.80, 0.47, 0.38),
)


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
    shirt: Colour
    """Colour of the clothes."""


def look_of(face: Shown) -> Look:
    """Return the look of a face; every number is a smooth function of what it shows.

    Args:
        face: what the face of a person shows.
    """
    shown = dict(zip(DIMENSIONS, (_bounded(value) for value in face.shared), strict=True))
    private = [_bounded(value) for value in face.private]
    male = 1.0 if face.sex == "m" else 0.0
    skin = tone(SKIN_TONES, _share(face.private[0]))
    grey = _share(1.6 * face.shared[0] - 1.0)
    hair_share = min(_share(face.private[1]), 1.25 - _share(face.private[0]))  # dark skin, dark hair
    return Look(
        head_half_width_u=0.71 + 0.02 * male + 0.055 * shown["build"],
        jaw_half_width_u=0.515 + 0.060 * male + 0.055 * shown["build"] + 0.040 * shown["size"],
        chin_half_width_u=0.19 + 0.055 * male + 0.035 * shown["size"] + 0.015 * private[2],
        chin_y_u=1.00 + 0.02 * male + 0.075 * shown["size"],
        eye_x_u=0.318 + 0.012 * shown["build"] + 0.012 * private[3],
        eye_half_width_u=0.165 - 0.008 * male + 0.008 * shown["vigour"],
        eye_half_height_u=0.088 - 0.012 * male + 0.016 * shown["vigour"],
        brow_thickness_u=0.050 + 0.020 * male + 0.020 * shown["vigour"],
        brow_y_u=-0.265 + 0.030 * male - 0.018 * shown["softness"] + 0.006 * private[4],
        brow_arch_u=0.045 - 0.020 * male + 0.010 * private[4],
        nose_y_u=0.415 + 0.025 * shown["size"] - 0.022 * shown["softness"] + 0.006 * private[5],
        nose_half_width_u=0.145 + 0.015 * male + 0.026 * shown["softness"] + 0.006 * private[6],
        mouth_y_u=0.665 + 0.045 * shown["size"],
        mouth_half_width_u=0.255 + 0.010 * male + 0.030 * shown["mouth"],
        lip_height_u=0.092 - 0.014 * male + 0.028 * shown["mouth"],
        hairline_y_u=-0.72 - 0.05 * male * shown["age"] + 0.03 * private[7],
        hair_volume_u=0.12 - 0.02 * male + 0.055 * shown["softness"],
        hair_length=float(np.clip(0.72 + 0.25 * shown["softness"], 0.0, 1.0)) * (1.0 - male) + 0.08 * male,
        parting=0.75 * private[7],
        grey=grey,
        wrinkles=_share(1.3 * face.shared[0] - 0.7),
        lashes=1.0 - male,
        stubble=male * _share(1.2 * face.private[2] - 0.2),
        skin=skin,
        hair=mix(tone(HAIR_TONES, hair_share), GREY_HAIR, 0.9 * grey),
        iris=tone(IRIS_TONES, min(_share(face.private[5]), 1.2 - _share(face.private[0]))),
        lips=mix(skin, (0.74, 0.30, 0.32), 0.62 - 0.27 * male),
        shirt=SHIRT_TONES[int(_share(face.private[6]) * len(SHIRT_TONES) * 0.9999)],
    )


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return `first` with `share` (0 to 1) of `second` mixed in."""
    red, green, blue = (a + share * (b - a) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def tone(scale: tuple[Colour, ...], position: float) -> Colour:
    """Return the colour at `position` (0: the first, 1: the last) of a scale of colours."""
    place = float(np.clip(position, 0.0, 1.0)) * (len(scale) - 1)
    index = min(int(place), len(scale) - 2)
    return mix(scale[index], scale[index + 1], place - index)


def _bounded(value: float) -> float:
    """Return a standard normal number kept smoothly within -2.2 and 2.2, so that no face falls apart."""
    return 2.2 * math.tanh(value / 2.2)


def _share(value: float) -> float:
    """Return the share of people below a standard normal number: 0 to 1."""
    return 0.5 * (1.0 + math.erf(value / math.sqrt(2.0)))
