"""What a face detector is: an image in, the faces in it out, largest first.

This module holds the shape of the answer and what the detectors share; each detector is a file beside it. A detector
neither crops nor aligns (`visavox.media.face_crop` does). A detector without points reports the kind of box that
dlib's does, a square from the brows to the chin, so that the face can be aligned from it.

Example:
    >>> face = DetectedFace(x0_px=10.0, y0_px=20.0, x1_px=50.0, y1_px=70.0, score=0.99)
    >>> face.width_px, face.height_px
    (40.0, 50.0)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from visavox.errors import ConfigError

MIN_IMAGE_PX = 12  # the smallest window that any of the detectors looks at


@dataclass(frozen=True)
class DetectedFace:
    """One face: a box, how sure the detector is, and five points where it gives them."""

    x0_px: float
    """Left edge; 0 is the left edge of the first pixel. It may lie outside the image."""
    y0_px: float
    """Upper edge."""
    x1_px: float
    """Right edge."""
    y1_px: float
    """Lower edge."""
    score: float
    """Grows with certainty. Its scale is the detector's own: a probability for mtcnn, a margin for dlib_hog."""
    landmarks_px: np.ndarray | None = field(default=None, compare=False)
    """(5, 2) float32, x and y of: eye on the left of the image, eye on the right, tip of the nose, corners of the
    mouth on the left and on the right; None where the detector finds none."""

    @property
    def width_px(self) -> float:
        """Width of the box."""
        return self.x1_px - self.x0_px

    @property
    def height_px(self) -> float:
        """Height of the box."""
        return self.y1_px - self.y0_px


@runtime_checkable
class Detector(Protocol):
    """Anything that finds faces."""

    name: str
    """The name in the registry DETECTORS."""

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        """Return the faces in an image, largest first; an empty list where there are none.

        Args:
            image: (height, width, 3) uint8, RGB.
        """
        ...  # pragma: no cover


@runtime_checkable
class BatchDetector(Detector, Protocol):
    """A detector that takes many images in less time than one by one."""

    def detect_many(self, images: Sequence[np.ndarray]) -> list[list[DetectedFace]]:
        """Return for each image what `detect` returns.

        Args:
            images: each (height, width, 3) uint8, RGB, all of one size.
        """
        ...  # pragma: no cover


def detect_all(detector: Detector, images: Sequence[np.ndarray]) -> list[list[DetectedFace]]:
    """Return the faces in each of several images; those of one size together where the detector can.

    Args:
        detector: any.
        images: each (height, width, 3) uint8, RGB, of any sizes.
    """
    if not isinstance(detector, BatchDetector):
        return [detector.detect(image) for image in images]
    alike: dict[tuple[int, ...], list[int]] = {}
    for row, image in enumerate(images):
        check_image(image)
        alike.setdefault(image.shape, []).append(row)
    found: list[list[DetectedFace]] = [[] for _ in images]
    for rows in alike.values():
        for row, faces in zip(rows, detector.detect_many([images[row] for row in rows]), strict=True):
            found[row] = faces
    return found


def check_image(image: np.ndarray) -> None:
    """Refuse what is not an RGB image of bytes.

    Raises:
        ConfigError: `image` is not (height, width, 3) uint8.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        shape, kind = getattr(image, "shape", "no shape"), getattr(image, "dtype", type(image).__name__)
        raise ConfigError(
            f"`image` must be (height, width, 3) uint8 in RGB. Got {shape} {kind}. "
            "Read it with visavox.media.images.read_image."
        )


def shrink(image: np.ndarray, *, max_px: int) -> tuple[np.ndarray, float]:
    """Return the image, made smaller where its longer side exceeds `max_px`, and the factor it was shrunk by.

    Args:
        image: (height, width, 3) uint8.
        max_px: greatest length of the longer side.

    Returns:
        The image, the sides not below 1 px, and the factor (1.0: unchanged): a place in the small image divided by
        the factor is the place in the given one.
    """
    longer_px = max(image.shape[:2])
    if longer_px <= max_px:
        return image, 1.0
    factor = max_px / longer_px
    height_px, width_px = (max(1, round(side * factor)) for side in image.shape[:2])
    return cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA), factor


def rescaled(face: DetectedFace, factor: float) -> DetectedFace:
    """Return a face found in a shrunk image in the places of the image itself.

    Args:
        face: places in the shrunk image.
        factor: what the image was shrunk by, more than 0; 1.0 leaves the face as it is.
    """
    if factor == 1.0:
        return face
    return DetectedFace(
        face.x0_px / factor,
        face.y0_px / factor,
        face.x1_px / factor,
        face.y1_px / factor,
        score=face.score,
        landmarks_px=None if face.landmarks_px is None else face.landmarks_px / np.float32(factor),
    )


def largest_first(faces: Iterable[DetectedFace]) -> list[DetectedFace]:
    """Return the faces by area, largest first; equal areas by score, then from left to right."""
    return sorted(faces, key=lambda face: (-face.width_px * face.height_px, -face.score, face.x0_px, face.y0_px))
