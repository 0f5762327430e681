"""The face of a picture, in the frame in which faces are drawn: a guide for a drawer that takes one.

Example:
    guide_face("a.jpg", 64)[0].shape        # (64, 64, 3)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.errors import MediaError
from visavox.media.drawn_frame import drawn_picture
from visavox.media.face_crop import crop_face
from visavox.media.images import read_image
from visavox.registry import DETECTORS

DETECTOR = "mtcnn"


def guide_face(path: Path | str, px: int, *, detector: str = DETECTOR) -> tuple[NDArray[np.uint8], str]:
    """Return the largest face of a picture, and a note where that was a choice.

    Args:
        path: an image file.
        px: side of the result in pixels, 8 to 512.
        detector: registered face detector.

    Returns:
        (px, px, 3) uint8 RGB; and one line for the reader, empty where there is nothing to say.

    Raises:
        MediaError: unreadable, or no face found; `status` says which.
    """
    crop = crop_face(read_image(path), DETECTORS.build(detector))
    if not crop.found:
        raise MediaError(
            f"No face found in the guide {path} by {detector}. Give a larger or clearer picture of a face, or leave "
            "--guide out.",
            status="no_face",
        )
    note = f"{crop.n_faces} faces found in the guide {path}; the largest was taken" if crop.n_faces > 1 else ""
    return drawn_picture(crop.image, px), note
