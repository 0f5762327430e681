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
_UNITS_PER_SIDE = 0.745  # the unit square's side in sides of dlib's box
# Where nothing is found: the unit square that a face which fills its frame has, in shorter sides of the image.
_FALLBACK_SIDE, _FALLBACK_BELOW = 0.48, 0.05


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
class _Square:
    """Where a face is, roughly: the box that dlib's detector would give."""

    x_px: float
    y_px: float
    side_px: float


def crop_face(image: np.ndarray, detector: Detector) -> FaceCrop:
    """Return the canonical crop of the largest face in an image.

    Args:
        image: (height, width, 3) uint8, RGB.
        detector: finds the faces; one with five points a face (mtcnn) places the crop best.

    Raises:
        ConfigError: `image` has another shape or type.
        MissingDependencyError: dlib or its shape predictor is not installed; the message holds the line that
            installs them. An image without a face needs neither.
        DataError: the shape predictor's file is corrupt.
    """
    check_image(image)
    faces = detector.detect(image)
    if not faces:
        crop = _centre_crop(image)
        return FaceCrop(crop, found=False, n_faces=0, score=0.0, width_px=0.0, **_quality(crop))
    face = faces[0]
    crop = _aligned_crop(image, _square(face))
    return FaceCrop(crop, found=True, n_faces=len(faces), score=face.score, width_px=face.width_px, **_quality(crop))


def dlib_chip(crop: np.ndarray) -> np.ndarray:
    """Return the (150, 150, 3) uint8 chip that dlib's descriptor expects, from a canonical crop.

    Args:
        crop: a canonical crop, shape (256, 256, 3) uint8.
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


def _square(face: DetectedFace) -> _Square:
    """Return the box that dlib's detector would give the face."""
    if face.landmarks_px is None:  # a detector without points reports dlib's kind of box
        side = (face.width_px + face.height_px) / 2
        return _Square((face.x0_px + face.x1_px) / 2, (face.y0_px + face.y1_px) / 2, max(side, 1.0))
    points = face.landmarks_px.astype(np.float64)
    x, y = points.mean(axis=0)
    spread = float(np.sqrt(((points - (x, y)) ** 2).sum(axis=1).mean()))
    return _Square(float(x), float(y) + _BELOW_PER_SPREAD * spread, max(_SIDE_PER_SPREAD * spread, 1.0))


def _aligned_crop(image: np.ndarray, square: _Square) -> np.ndarray:
    patch, corner, factor = _cut_out(image, square)
    centre = (np.array([square.x_px, square.y_px]) - corner) * factor
    x0, y0 = np.round(centre - square.side_px * factor / 2).astype(int)
    side = max(round(square.side_px * factor), 1)
    predictor, rectangle = _load_predictor()
    # dlib counts the last pixel in.
    found = predictor(patch, rectangle(int(x0), int(y0), int(x0) + side - 1, int(y0) + side - 1))
    points = np.array([(part.x, part.y) for part in found.parts()], dtype=np.float64)
    # As dlib does, fitted from the mean places to the image: the least error counts in pixels of the image.
    return _warp(patch, fit_similarity(MEAN_PLACES, points))


def _centre_crop(image: np.ndarray) -> np.ndarray:
    height_px, width_px = image.shape[:2]
    shorter_px = min(height_px, width_px)
    side = _FALLBACK_SIDE * shorter_px
    centre = np.array([width_px / 2, height_px / 2 + _FALLBACK_BELOW * shorter_px])
    patch, corner, factor = _cut_out(image, _Square(centre[0], centre[1], side / _UNITS_PER_SIDE))
    linear = np.eye(2) * side * factor
    # "- 0.5": from places, where pixel 0 spans 0 to 1, to the numbers of pixels.
    shift = (centre - corner) * factor - 0.5 - linear @ np.array([0.5, 0.5])
    return _warp(patch, np.column_stack([linear, shift]))


def _cut_out(image: np.ndarray, square: _Square) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the part of the image that a crop can show, its corner, and the factor it was shrunk by.

    A large face is shrunk with averaging first, since the transform itself takes one pixel in each place.
    """
    height_px, width_px = image.shape[:2]
    reach = 2 * square.side_px  # the crop spans 0.75 sides from its centre, and may be turned and off
    x0, x1 = np.clip([int(square.x_px - reach), int(square.x_px + reach) + 1], 0, width_px)
    y0, y1 = np.clip([int(square.y_px - reach), int(square.y_px + reach) + 1], 0, height_px)
    if x0 >= x1 or y0 >= y1:  # a box outside the image
        x0, y0, x1, y1 = 0, 0, width_px, height_px
    patch = np.ascontiguousarray(image[y0:y1, x0:x1])
    factor = min(1.0, UNIT_PX / (_UNITS_PER_SIDE * square.side_px))
    if factor < 1:
        size = (max(round((x1 - x0) * factor), 1), max(round((y1 - y0) * factor), 1))
        patch = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    return patch, np.array([x0, y0], dtype=np.float64), factor


def _warp(patch: np.ndarray, unit_to_patch: np.ndarray) -> np.ndarray:
    """Return the crop, given where the unit square lies in the patch."""
    # The middle of crop pixel i lies at unit (i + 0.5) / 128 - 0.5.
    linear = unit_to_patch[:, :2] / UNIT_PX
    shift = unit_to_patch[:, :2] @ np.full(2, 0.5 / UNIT_PX - 0.5) + unit_to_patch[:, 2]
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


def _quality(crop: np.ndarray) -> dict[str, float]:
    first = (CROP_PX - UNIT_PX) // 2
    grey = cv2.cvtColor(crop[first : first + UNIT_PX, first : first + UNIT_PX], cv2.COLOR_RGB2GRAY)
    return {"sharpness": float(cv2.Laplacian(grey, cv2.CV_64F).var()), "brightness": float(grey.mean())}


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
