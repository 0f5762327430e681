"""How well a picture shows a face: its size, sharpness, pose, light and the detector's own certainty, and all in one.

Pure arithmetic on pixels and points that are given; no face is found here. `*_score` grows with quality, 0 to 1.

Source: Nasrollahi and Moeslund, "Face Quality Assessment System in Video Sequences", BIOID 2008, choose the best faces
of a video by the same figures: pose, sharpness, brightness, size. The measure of sharpness is the variance of the
Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000, LAPV), that of pose the
place of the nose between the eyes, those of size and light follow ISO/IEC 29794-5 (inter-eye distance and mean of the
grey face). How they are joined, a product of saturating parts, is our own.

Example:
    >>> round(quality_score(face_width_px=150, sharpness=100, brightness=120, frontality=1, detector_score=1), 3)
    1.0
    >>> round(quality_score(face_width_px=75, sharpness=25, brightness=120, frontality=1, detector_score=1), 3)
    0.25
"""

from __future__ import annotations

import av
import cv2
import numpy as np
import numpy.typing as npt

from visavox.media.detectors.base import DetectedFace

FULL_WIDTH_PX = 150.0  # the chip of dlib; more pixels are not used by any encoder of ours
FULL_SHARPNESS = 100.0  # that of a sharp photo
GOOD_LIGHT = (60.0, 200.0)  # mean grey of a well lit face of any skin
POSE_FLOOR = 1 / 3  # so that a video of profiles has a best frame as well
LUMA_FORMATS = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"})
"""Pixel formats whose first plane is the brightness, 8 bits each."""
FULL_RANGE = 2  # ffmpeg's number of the range 0 to 255; films have 16 to 235

Grey = npt.NDArray[np.uint8]


def frontality_score(face: DetectedFace) -> float:
    """Return how far a face looks at us, by the place of its nose between its eyes.

    Args:
        face: a detected face.

    Returns:
        1 where the nose stands over the middle between the eyes, whatever the tilt of the head; 0 where it stands
        over or beyond an eye, as in a profile; 1 without landmarks.

    Example:
        >>> points = np.array([[0, 0], [8, 0], [6, 5], [1, 9], [7, 9]], dtype=np.float32)
        >>> frontality_score(DetectedFace(0, 0, 9, 9, score=1.0, landmarks_px=points))
        0.5
    """
    if face.landmarks_px is None:
        return 1.0
    left, right, nose = face.landmarks_px[:3].astype(np.float64)
    eyes = right - left
    length = float(eyes @ eyes)
    place = float((nose - left) @ eyes) / length if length > 0 else 0.0  # 0 at the left eye, 1 at the right one
    return max(0.0, 2 * min(place, 1 - place))


def sharpness(grey: Grey) -> float:
    """Return the variance of the Laplacian, >= 0; of pictures of one size only the values compare.

    Args:
        grey: (height, width) uint8.
    """
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def light_score(brightness: float) -> float:
    """Return 1 for a mean grey of 60 to 200, falling in a line to 0 at black and at white.

    Args:
        brightness: mean of the grey face, 0 to 255.

    Example:
        >>> light_score(30), light_score(120), light_score(255)
        (0.5, 1.0, 0.0)
    """
    low, high = GOOD_LIGHT
    return float(np.clip(min(brightness / low, (255 - brightness) / (255 - high)), 0, 1))


def quality_score(
    *, face_width_px: float, sharpness: float, brightness: float, frontality: float, detector_score: float
) -> float:
    """Return one figure for how well a face is seen, 0 to 1; 0 only where one part is.

    The product of: the width as a part of 150 px; the square root of the sharpness as a part of 100; the frontality
    raised by a third; the light; and the detector's score. Each part is at most 1, so that none outweighs the others.

    Args:
        face_width_px: width of the face in the video, 0 or more.
        sharpness: variance of the Laplacian of the grey face at 128 px, 0 or more.
        brightness: mean of the grey face, 0 to 255.
        frontality: 0 to 1, of `frontality_score`.
        detector_score: more than 1 counts as 1. A margin (dlib_hog) below 0.05 counts as 0.05.
    """
    width = min(face_width_px / FULL_WIDTH_PX, 1.0)
    sharp = float(np.sqrt(min(sharpness / FULL_SHARPNESS, 1.0)))
    pose = (frontality + POSE_FLOOR) / (1 + POSE_FLOOR)
    certain = min(max(detector_score, 0.05), 1.0)
    return width * sharp * pose * light_score(brightness) * certain


def luma_plane(frame: av.VideoFrame) -> Grey:
    """Return the brightness of a decoded frame as it is stored, (height, width) uint8, at no cost where it is 8 bit.

    Args:
        frame: of any pixel format. The rotation that a phone notes is not applied.

    Returns:
        A view into the frame, or a new array where the format has no plane of bytes; 0 to 255, or 16 to 235 for a
        film (see `luma_patch`).
    """
    if frame.format.name not in LUMA_FORMATS:
        return np.asarray(frame.reformat(format="gray").to_ndarray(), np.uint8)
    plane = frame.planes[0]
    rows: Grey = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def luma_patch(frame: av.VideoFrame, *, box: tuple[float, float, float, float], size_px: int) -> Grey:
    """Return a square part of the upright picture in grey, without making the picture itself.

    Args:
        frame: as decoded.
        box: left, upper, right and lower edge as parts of the upright picture's width and height; what lies outside
            0 to 1 is left away.
        size_px: side of the patch, 1 or more.

    Returns:
        (size_px, size_px) uint8, 0 to 255; a flat one where the box lies outside the picture.
    """
    upright = np.rot90(luma_plane(frame), k=round(frame.rotation / 90) % 4)
    height, width = upright.shape
    x0, x1 = (int(np.clip(round(edge * width), 0, width)) for edge in (box[0], box[2]))
    y0, y1 = (int(np.clip(round(edge * height), 0, height)) for edge in (box[1], box[3]))
    if x0 >= x1 or y0 >= y1:
        return np.zeros((size_px, size_px), np.uint8)
    shrinks = x1 - x0 > size_px
    patch = cv2.resize(
        np.ascontiguousarray(upright[y0:y1, x0:x1]),
        (size_px, size_px),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    is_full = frame.format.name.startswith(("yuvj", "gray")) or frame.color_range == FULL_RANGE
    if not is_full and frame.format.name in LUMA_FORMATS:
        return np.asarray(cv2.convertScaleAbs(np.maximum(patch, 16), alpha=255 / 219, beta=-16 * 255 / 219), np.uint8)
    return np.asarray(patch, np.uint8)
