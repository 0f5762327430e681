"""OpenCV's cascade of Haar features: the face detector that needs nothing beyond the core installation.

It gives boxes without points, and it misses faces that are turned or cut off by the frame more often than `mtcnn`.
For images without `mtcnn`'s weights, and as a second opinion.

Source: Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", CVPR 2001; the cascade
is OpenCV's `haarcascade_frontalface_alt2`.

Example:
    >>> HaarDetector().detect(np.zeros((64, 64, 3), np.uint8))
    []
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from visavox.errors import ConfigError, MissingDependencyError
from visavox.media.detectors.base import MIN_IMAGE_PX, DetectedFace, check_image, largest_first, shrink
from visavox.registry import DETECTORS

CASCADE = "haarcascade_frontalface_alt2.xml"
MIN_WINDOW_PX = 20  # the cascade's own window
# From the cascade's box to that of dlib's detector, which boxes without points follow: medians over 274 real faces.
_SIDE, _BELOW = 0.934, 0.082


@DETECTORS.register("haar")
class HaarDetector:
    """Finds upright frontal faces with OpenCV; the cascade is loaded at the first image.

    Args:
        min_face_fraction: smallest face, as a part of the image's shorter side.
        min_neighbours: overlapping hits that make a face; fewer find more faces and more of what is none.
        max_image_px: longer side to which a larger image is shrunk first.
    """

    name = "haar"

    def __init__(self, min_face_fraction: float = 0.125, min_neighbours: int = 3, max_image_px: int = 640) -> None:
        """Store the settings.

        Raises:
            ConfigError: a setting is outside its range.
        """
        if not 0 < min_face_fraction <= 1:
            raise ConfigError(f"`min_face_fraction` must be above 0, at most 1. Got {min_face_fraction}.")
        if min_neighbours < 1 or max_image_px < MIN_WINDOW_PX:
            raise ConfigError(
                f"`min_neighbours` must be at least 1 and `max_image_px` at least {MIN_WINDOW_PX}. "
                f"Got {min_neighbours} and {max_image_px}."
            )
        self.min_face_fraction = min_face_fraction
        self.min_neighbours = min_neighbours
        self.max_image_px = max_image_px
        self._cascade: cv2.CascadeClassifier | None = None

    def __getstate__(self) -> dict[str, object]:
        """Travel to a worker process without the cascade, which it loads itself."""
        return {**self.__dict__, "_cascade": None}

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        """Return the faces in an image, largest first, without points; scores are the cascade's margins.

        Args:
            image: (height, width, 3) uint8, RGB.

        Raises:
            ConfigError: `image` has another shape or type.
            MissingDependencyError: this OpenCV carries no cascades.
        """
        check_image(image)
        if min(image.shape[:2]) < MIN_IMAGE_PX:
            return []
        small, factor = shrink(image, max_px=self.max_image_px)
        if self._cascade is None:
            self._cascade = _load_cascade()
        grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        smallest_px = max(MIN_WINDOW_PX, round(self.min_face_fraction * min(grey.shape)))
        boxes, _, scores = self._cascade.detectMultiScale3(
            grey,
            scaleFactor=1.1,
            minNeighbors=self.min_neighbours,
            minSize=(smallest_px, smallest_px),
            outputRejectLevels=True,
        )
        return largest_first(
            _face(x, y, width, score, factor)
            for (x, y, width, _), score in zip(
                np.asarray(boxes, dtype=float).reshape(-1, 4).tolist(), np.ravel(scores).tolist(), strict=True
            )
        )


def _face(x: float, y: float, width: float, score: float, factor: float) -> DetectedFace:
    """Return the box of dlib's kind about a square of the cascade."""
    centre_x, centre_y, half = x + width / 2, y + width * (0.5 + _BELOW), width * _SIDE / 2
    return DetectedFace(
        (centre_x - half) / factor,
        (centre_y - half) / factor,
        (centre_x + half) / factor,
        (centre_y + half) / factor,
        score=score,
    )


def _load_cascade() -> cv2.CascadeClassifier:
    folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
    path = Path(folder) / CASCADE
    if not folder or not path.is_file():
        raise MissingDependencyError(
            f"OpenCV {cv2.__version__} carries no {CASCADE}. "
            'Install it with: pip install "opencv-python-headless>=4.14,<5"'
        )
    return cv2.CascadeClassifier(str(path))
