"""One canonical crop per image: the largest face, upright and in place, at 256 px.

The place is that of dlib: five points of the face (corners of the eyes, base of the nose) are moved onto their mean
places by a similarity transform. The crop has a padding of 0.5; its centre 192x192, made 150 px wide, is the chip
with padding 0.25 that dlib's descriptor expects (`dlib_chip`). Descriptors of these chips lie 0.06 (mean of 293 real
faces, Euclidean) from those of dlib's own detector and alignment; the points of MTCNN alone would give 0.14, and
dlib's own pipeline moves by 0.05 when its box is shifted by 5 %.

    crop, 256 px               1 unit = 128 px = the square that dlib's mean places are given in
    +---------------+
    |  chip, 192 px |          units  -0.5    -0.25     0         1     1.25     1.5
    |  +---------+  |          px        0       32    64       192      224     256
    |  | 1 unit  |  |
    |  +---------+  |
    +---------------+

Another margin (0.5 is the usual one) moves the border, not the face: the crop stays 256 px, the unit square is 256 /
(1 + 2 * margin) of them. Two more crops stand for what other systems do: "box", the detector's box without alignment
(Speech2Face), and "first_frame", a square about a given place without a detector (FaceTones).

It finds no faces itself: a detector does (`visavox.media.detectors`). What lies outside the image is black.

Example:
    >>> from visavox.media.detectors.mtcnn import MtcnnDetector
    >>> crop = crop_face(np.full((90, 120, 3), 200, np.uint8), MtcnnDetector())
    >>> crop.found, crop.n_faces, crop.image.shape
    (False, 0, (256, 256, 3))
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from visavox.errors import DataError, MissingDependencyError
from visavox.media.carried_weights import INSTALL_LINE, carried_file
from visavox.media.detectors.base import DetectedFace, Detector, check_image
from visavox.media.face_quality import sharpness
from visavox.media.face_settings import Crop

CROP_PX = 256
CHIP_PX = 150  # dlib's chip
CHIP_MARGIN_PX = 32  # of the crop that the chip leaves out on each side
UNIT_PX = 128  # the unit square in the crop
PREDICTOR_FILE = ("face_recognition_models", "models", "shape_predictor_5_face_landmarks.dat")

# dlib's mean places of: outer and inner corner of the eye on the right of the image, outer and inner corner of the
# one on the left, base of the nose. Units. They are the frame that the descriptor network was trained in.
MEAN_PLACES = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)

# From MTCNN's points to the box that dlib's own detector would give, medians over 293 faces that both find: its side
# in root mean square distances of the points from their centre, and how far it lies below that centre.
_SIDE_PER_SPREAD = 3.757
_BELOW_PER_SPREAD = -0.074
UNITS_PER_SIDE = 0.745  # the unit square's side in sides of dlib's box
# Where nothing is found: the unit square that a face which fills its frame has, in shorter sides of the image.
_FALLBACK_SIDE, _FALLBACK_BELOW = 0.48, 0.05
_LEAST_HALF = 0.25  # of the shorter side: half the side of the smallest square about a given place


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """The largest face of an image in its canonical place, or the centre of an image without one."""

    image: np.ndarray
    """(256, 256, 3) uint8, RGB."""
    found: bool
    """False: no face was found, and the image is the centre square."""
    n_faces: int
    """Faces found in the whole image; 0 where `found` is False."""
    score: float
    """The detector's score of this face; 0 where `found` is False."""
    width_px: float
    """Width of the face's box in the given image; 0 where `found` is False."""
    sharpness: float
    """Variance of the Laplacian of the grey face at 128 px, >= 0: about 30 for a face in a compressed video, above 100
    for a sharp photo, below 5 for a blurred one."""
    brightness: float
    """Mean of the grey face, 0 to 255."""


@dataclass(frozen=True)
class FaceSquare:
    """Where a face is, roughly: the box that dlib's detector would give."""

    x_px: float
    y_px: float
    side_px: float


def crop_face(
    image: np.ndarray, detector: Detector, *, crop: Crop = "aligned", margin: float | None = None
) -> FaceCrop:
    """Return the crop of the largest face in an image.

    Args:
        image: (height, width, 3) uint8, RGB.
        detector: finds the faces; one with five points a face (mtcnn) places the crop best. It is not asked for
            "first_frame".
        crop: "aligned", "box", or "first_frame", the largest square about the middle.
        margin: room around the face, 0 to 2, in parts of the unit square (by default 0.5) or of the box (0).

    Raises:
        ConfigError: `image` has another shape or type.
        MissingDependencyError: dlib or its shape predictor is not installed; the message holds the line that
            installs them. Only an aligned face needs them.
        DataError: the shape predictor's file is corrupt.
    """
    check_image(image)
    if crop == "first_frame":
        return crop_place(image, None)
    faces = detector.detect(image)
    if faces:
        return cut_face(image, faces[0], n_faces=len(faces), crop=crop, margin=margin)
    centre = _centre_crop(image, margin=0.5 if margin is None else margin)
    return FaceCrop(
        centre, found=False, n_faces=0, score=0.0, width_px=0.0, **_quality(centre, 0.5 if margin is None else margin)
    )


def cut_face(
    image: np.ndarray, face: DetectedFace, *, n_faces: int = 1, crop: Crop = "aligned", margin: float | None = None
) -> FaceCrop:
    """Return the crop of a face that was found already.

    Args:
        image: (height, width, 3) uint8, RGB.
        face: one of the faces in it.
        n_faces: how many there are, for the record.
        crop: "aligned" or "box".
        margin: as for `crop_face`.

    Raises:
        MissingDependencyError: as `crop_face` does, and DataError.
    """
    if crop == "box":
        room = 0.0 if margin is None else margin
        picture = _box_crop(image, face, room)
    else:
        room = 0.5 if margin is None else margin
        picture = _aligned_crop(image, face_square(face), room)
    quality = _quality(picture, room)
    return FaceCrop(picture, found=True, n_faces=n_faces, score=face.score, width_px=face.width_px, **quality)


def crop_place(image: np.ndarray, place_px: tuple[float, float] | None) -> FaceCrop:
    """Return the largest square about a place, as FaceTones does with the place that AVSpeech gives.

    FaceTones takes half a side of min(x, y, width - x, height - y), which at an edge is nothing. Here the square has
    at least half the shorter side of the image, and is moved inwards as far as it needs.

    Args:
        image: (height, width, 3) uint8, RGB.
        place_px: x and y of its middle; None is the middle of the image. A place outside is moved to the edge.

    Returns:
        A crop with `found` False, since nobody has looked for a face.

    Raises:
        ConfigError: `image` has another shape or type.
    """
    check_image(image)
    x0, y0, side = place_square(image.shape[1], image.shape[0], place_px)
    part = image[y0 : y0 + side, x0 : x0 + side]
    method = cv2.INTER_AREA if side > CROP_PX else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(part, (CROP_PX, CROP_PX), interpolation=method))
    return FaceCrop(picture, found=False, n_faces=0, score=0.0, width_px=0.0, **_quality(picture, 0.0))


def place_square(width_px: int, height_px: int, place_px: tuple[float, float] | None) -> tuple[int, int, int]:
    """Return left edge, upper edge and side of the square of `crop_place`, whole pixels inside the image.

    Example:
        >>> place_square(640, 360, (320, 180)), place_square(640, 360, (200, 100)), place_square(640, 360, (630, 350))
        ((140, 0, 360), (100, 0, 200), (460, 180, 180))
    """
    shorter_px = min(width_px, height_px)
    x, y = place_px if place_px is not None else (width_px / 2, height_px / 2)
    half = max(min(x, y, width_px - x, height_px - y), _LEAST_HALF * shorter_px)
    side = int(np.clip(round(2 * half), 1, shorter_px))
    x0, y0 = (int(np.clip(round(at - side / 2), 0, length - side)) for at, length in ((x, width_px), (y, height_px)))
    return x0, y0, side


def dlib_chip(crop: np.ndarray) -> np.ndarray:
    """Return the (150, 150, 3) uint8 chip that dlib's descriptor expects, from a canonical crop.

    Args:
        crop: a canonical crop with the margin of 0.5, shape (256, 256, 3) uint8.
    """
    inner = crop[CHIP_MARGIN_PX:-CHIP_MARGIN_PX, CHIP_MARGIN_PX:-CHIP_MARGIN_PX]
    return np.asarray(cv2.resize(inner, (CHIP_PX, CHIP_PX), interpolation=cv2.INTER_AREA))


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the rotation, scaling and shift that bring `source` nearest to `target` in least squares.

    Args:
        source: (n, 2) points, not all equal.
        target: (n, 2) points.

    Returns:
        (2, 3) matrix: a point p goes to matrix[:, :2] @ p + matrix[:, 2].

    Source: Umeyama, 1991, without reflection; in the plane it is one complex division.

    Example:
        >>> fit_similarity(np.array([[0, 0], [1, 0.0]]), np.array([[5, 5], [5, 7.0]])).tolist()
        [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a = (source - source_mean) @ np.array([1, 1j])
    b = (target - target_mean) @ np.array([1, 1j])
    factor = np.vdot(a, b) / np.vdot(a, a)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([linear, target_mean - linear @ source_mean])


def face_square(face: DetectedFace) -> FaceSquare:
    """Return the box that dlib's detector would give the face; its middle 0.745 is about the unit square."""
    if face.landmarks_px is None:  # a detector without points reports dlib's kind of box
        side = (face.width_px + face.height_px) / 2
        return FaceSquare((face.x0_px + face.x1_px) / 2, (face.y0_px + face.y1_px) / 2, max(side, 1.0))
    points = face.landmarks_px.astype(np.float64)
    x, y = points.mean(axis=0)
    spread = float(np.sqrt(((points - (x, y)) ** 2).sum(axis=1).mean()))
    return FaceSquare(float(x), float(y) + _BELOW_PER_SPREAD * spread, max(_SIDE_PER_SPREAD * spread, 1.0))


def _aligned_crop(image: np.ndarray, square: FaceSquare, margin: float) -> np.ndarray:
    patch, corner, factor = _cut_out(image, square, margin)
    centre = (np.array([square.x_px, square.y_px]) - corner) * factor
    x0, y0 = np.round(centre - square.side_px * factor / 2).astype(int)
    side = max(round(square.side_px * factor), 1)
    predictor, rectangle = _load_predictor()
    # dlib counts the last pixel in.
    found = predictor(patch, rectangle(int(x0), int(y0), int(x0) + side - 1, int(y0) + side - 1))
    points = np.array([(part.x, part.y) for part in found.parts()], dtype=np.float64)
    # As dlib does, fitted from the mean places to the image: the least error counts in pixels of the image.
    return _warp(patch, fit_similarity(MEAN_PLACES, points), margin)


def _box_crop(image: np.ndarray, face: DetectedFace, margin: float) -> np.ndarray:
    """Return the square about the box, as wide as its longer side and the margin."""
    longer = max(face.width_px, face.height_px, 1.0)
    x, y, side = (face.x0_px + face.x1_px) / 2, (face.y0_px + face.y1_px) / 2, longer * (1 + 2 * margin)
    patch, corner, factor = _cut_out(image, FaceSquare(x, y, longer / UNITS_PER_SIDE), margin)
    begin = (np.array([x, y]) - side / 2 - corner) * factor - 0.5  # "- 0.5": see `_centre_crop`
    # Of the unit square that `_warp` asks for, the box takes the place.
    linear = np.eye(2) * longer * factor
    return _warp(patch, np.column_stack([linear, begin + linear @ np.full(2, margin)]), margin)


def _centre_crop(image: np.ndarray, *, margin: float) -> np.ndarray:
    height_px, width_px = image.shape[:2]
    shorter_px = min(height_px, width_px)
    side = _FALLBACK_SIDE * shorter_px
    centre = np.array([width_px / 2, height_px / 2 + _FALLBACK_BELOW * shorter_px])
    patch, corner, factor = _cut_out(image, FaceSquare(centre[0], centre[1], side / UNITS_PER_SIDE), margin)
    linear = np.eye(2) * side * factor
    # "- 0.5": from places, where pixel 0 spans 0 to 1, to the numbers of pixels.
    shift = (centre - corner) * factor - 0.5 - linear @ np.array([0.5, 0.5])
    return _warp(patch, np.column_stack([linear, shift]), margin)


def _cut_out(image: np.ndarray, square: FaceSquare, margin: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the part of the image that a crop can show, its corner, and the factor it was shrunk by.

    A large face is shrunk with averaging first, since the transform itself takes one pixel in each place.
    """
    height_px, width_px = image.shape[:2]
    # The usual crop spans 0.75 sides from its centre, and may be turned and off.
    reach = 2 * max(1.0, 0.5 + margin) * square.side_px
    x0, x1 = np.clip([int(square.x_px - reach), int(square.x_px + reach) + 1], 0, width_px)
    y0, y1 = np.clip([int(square.y_px - reach), int(square.y_px + reach) + 1], 0, height_px)
    if x0 >= x1 or y0 >= y1:  # a box outside the image
        x0, y0, x1, y1 = 0, 0, width_px, height_px
    patch = np.ascontiguousarray(image[y0:y1, x0:x1])
    factor = min(1.0, _unit_px(margin) / (UNITS_PER_SIDE * square.side_px))
    if factor < 1:
        size = (max(round((x1 - x0) * factor), 1), max(round((y1 - y0) * factor), 1))
        patch = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    return patch, np.array([x0, y0], dtype=np.float64), factor


def _unit_px(margin: float) -> float:
    """Return how many pixels of the crop the side of the unit square is."""
    return CROP_PX / (1 + 2 * margin)


def _warp(patch: np.ndarray, unit_to_patch: np.ndarray, margin: float) -> np.ndarray:
    """Return the crop, given where the unit square lies in the patch."""
    unit_px = _unit_px(margin)
    # The middle of crop pixel i lies at unit (i + 0.5) / unit_px - margin.
    linear = unit_to_patch[:, :2] / unit_px
    shift = unit_to_patch[:, :2] @ np.full(2, 0.5 / unit_px - margin) + unit_to_patch[:, 2]
    return np.asarray(
        cv2.warpAffine(
            patch,
            np.column_stack([linear, shift]),
            (CROP_PX, CROP_PX),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0),
        )
    )


def _quality(crop: np.ndarray, margin: float) -> dict[str, float]:
    """Return sharpness and brightness of what lies inside the margin, at 128 px whatever the margin."""
    side = round(_unit_px(margin))
    first = (CROP_PX - side) // 2
    inner = crop[first : first + side, first : first + side]
    if side != UNIT_PX:
        method = cv2.INTER_AREA if side > UNIT_PX else cv2.INTER_LINEAR
        inner = cv2.resize(inner, (UNIT_PX, UNIT_PX), interpolation=method)
    grey = cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY)
    return {"sharpness": sharpness(grey), "brightness": float(grey.mean())}


@lru_cache(maxsize=1)
def _load_predictor() -> tuple[Any, Any]:
    """Return dlib's shape predictor and its class of rectangles, loaded once a process."""
    try:
        import dlib
    except ImportError as error:
        raise MissingDependencyError(
            f"The package 'dlib-bin' is not installed. Install it with: {INSTALL_LINE}"
        ) from error
    path = carried_file(*PREDICTOR_FILE)
    try:
        return dlib.shape_predictor(str(path)), dlib.rectangle
    except RuntimeError as error:
        raise DataError(
            f"{path} is not a complete shape predictor of dlib. Install the package that carries it again."
        ) from error
