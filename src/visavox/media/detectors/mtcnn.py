"""MTCNN: three small networks in a row find faces and five points on each.

The default detector: it finds nearly every face of a talking-head frame in about 10 ms on one thread, and its points
serve to align. The cascade is our own; the networks are in `visavox.media.mtcnn_networks`. Places are continuous:
pixel 0 spans 0 to 1, so a window has no "+ 1" anywhere.

Source: Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016. We
depart from it in what is searched: faces of at least an eighth of the shorter side, and smaller ones only where none
was found.

Example:
    >>> MtcnnDetector().detect(np.zeros((64, 64, 3), np.uint8))
    []
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from visavox.errors import ConfigError
from visavox.media.detectors.base import MIN_IMAGE_PX, DetectedFace, check_image, largest_first, rescaled, shrink
from visavox.media.mtcnn_networks import Networks, load_networks
from visavox.registry import DETECTORS

WINDOW_PX = 12  # the proposal network's window
STRIDE_PX = 2  # and its step
REFINEMENT_PX = 24
OUTPUT_PX = 48
PYRAMID_FACTOR = 0.709  # about the square root of a half: each level has half the pixels of the one before
MAX_PROPOSALS = 256  # a level; an image of noise has thousands, a face has a few dozen
MIN_PROPOSAL_SCORE = 0.6
REFINED_OVERLAP = 0.7
MAX_LEVELS = 8  # pictures that the proposal network sees at once; as below
MAX_PATCHES = 32  # patches that a network sees at once: more are slower, since they leave the cache


@dataclass(frozen=True)
class _Candidates:
    """Boxes on their way through the cascade."""

    boxes: np.ndarray
    """(n, 4) float32: left, upper, right, lower edge in pixels."""
    scores: np.ndarray
    """(n,) float32 probabilities."""

    def __len__(self) -> int:
        return len(self.scores)

    def pick(self, rows: np.ndarray) -> _Candidates:
        """Return the candidates of some rows; `rows` has the shape (k,), int, or is an (n,) bool mask."""
        return _Candidates(self.boxes[rows], self.scores[rows])


_NONE = _Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


def suppress(boxes: np.ndarray, scores: np.ndarray, *, max_overlap: float, of_smaller: bool = False) -> np.ndarray:
    """Return which boxes stay when each takes away the lower-scored ones that overlap it.

    Args:
        boxes: (n, 4) float: left, upper, right, lower edge.
        scores: (n,) float; equal scores: the earlier box wins.
        max_overlap: 0 to 1; a box goes when its overlap with one that stays is greater.
        of_smaller: measure the overlap against the smaller of the two areas instead of against their union, so that
            a box inside another one goes too.

    Returns:
        (k,) int64 rows, highest score first.

    Example:
        >>> suppress(np.array([[0, 0, 4, 4], [0, 0, 4, 5], [8, 8, 9, 9.0]]), np.array([0.8, 0.9, 0.7]),
        ...          max_overlap=0.5).tolist()
        [1, 2]
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    x0, y0, x1, y1 = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)[order].T
    areas = (x1 - x0) * (y1 - y0)
    kept: list[int] = []
    alive = np.ones(len(order), dtype=bool)
    for best in range(len(order)):
        if not alive[best]:
            continue
        kept.append(best)
        widths = np.minimum(x1[best], x1) - np.maximum(x0[best], x0)
        heights = np.minimum(y1[best], y1) - np.maximum(y0[best], y0)
        shared = np.maximum(widths, 0) * np.maximum(heights, 0)
        whole = np.minimum(areas[best], areas) if of_smaller else areas[best] + areas - shared
        alive &= shared <= max_overlap * whole
    return order[np.array(kept, dtype=np.int64)]


def pyramid_scales(height_px: int, width_px: int, *, min_face_px: float) -> list[float]:
    """Return the factors by which the image is resized so that faces of every size fill the 12 px window once.

    Args:
        height_px: of the image.
        width_px: of the image.
        min_face_px: smallest face to look for, at least 12.

    Returns:
        Factors from the largest on, 1 at most; empty when the image is smaller than `min_face_px`.

    Example:
        >>> pyramid_scales(40, 96, min_face_px=24)
        [0.5, 0.3545]
    """
    scales = []
    scale = WINDOW_PX / min_face_px
    while min(height_px, width_px) * scale >= WINDOW_PX:
        scales.append(scale)
        scale *= PYRAMID_FACTOR
    return scales


@DETECTORS.register("mtcnn")
class MtcnnDetector:
    """Finds faces with MTCNN; the networks are loaded at the first image.

    Args:
        min_score: 0 to 1; a face below this probability is none.
        min_face_fraction: smallest face that is looked for first, as a part of the image's shorter side.
        fine_fraction: smallest face that is looked for where that finds none; 0 turns the second look off.
        max_image_px: longer side to which a larger image is shrunk first.
        max_overlap: 0 to 1; of two boxes that overlap more than this the third network sees one. It is 0.7 in the
            paper, about 7 boxes a face. With 0.6 there are 1.5, which saves a quarter of the time and finds the same
            faces (252 of 252 in frames of 20 clips), the points 0.3 % of the face's width less exact.
    """

    name = "mtcnn"

    def __init__(
        self,
        min_score: float = 0.8,
        min_face_fraction: float = 0.125,
        fine_fraction: float = 0.04,
        max_image_px: int = 640,
        max_overlap: float = 0.7,
    ) -> None:
        """Store the settings.

        Raises:
            ConfigError: a setting is outside its range.
        """
        if not 0 <= min_score <= 1 or not 0 <= fine_fraction <= 1 or not 0 < min_face_fraction <= 1:
            raise ConfigError(
                "`min_score`, `min_face_fraction` and `fine_fraction` must be between 0 and 1. "
                f"Got {min_score}, {min_face_fraction} and {fine_fraction}."
            )
        if not 0 <= max_overlap <= 1:
            raise ConfigError(f"`max_overlap` must be between 0 and 1. Got {max_overlap}.")
        if max_image_px < WINDOW_PX:
            raise ConfigError(f"`max_image_px` must be at least {WINDOW_PX}. Got {max_image_px}.")
        self.min_score = min_score
        self.min_face_fraction = min_face_fraction
        self.fine_fraction = fine_fraction
        self.max_image_px = max_image_px
        self.max_overlap = max_overlap
        self._networks: Networks | None = None

    def __getstate__(self) -> dict[str, object]:
        """Travel to a worker process without the networks, which it loads itself."""
        return {**self.__dict__, "_networks": None}

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        """Return the faces in an image, largest first, each with five points.

        Args:
            image: (height, width, 3) uint8, RGB.

        Raises:
            ConfigError: `image` has another shape or type.
            MissingDependencyError: the weights are not installed; the message holds the line that installs them.
            DataError: the weights are corrupt.
        """
        return self.detect_many([image])[0]

    def detect_many(self, images: Sequence[np.ndarray]) -> list[list[DetectedFace]]:
        """Return for each image what `detect` returns, in less time for many images than one by one.

        Scores and places agree with those of `detect` up to the rounding of float32.

        Args:
            images: each (height, width, 3) uint8, RGB, all of one size.

        Raises:
            ConfigError: an image has another shape or type, or its size is not that of the first.
            MissingDependencyError: the weights are not installed; the message holds the line that installs them.
            DataError: the weights are corrupt.
        """
        for image in images:
            check_image(image)
            if image.shape != images[0].shape:
                raise ConfigError(
                    f"`images` must be of one size. Got {images[0].shape} and {image.shape}. "
                    "Group them by size, or use visavox.media.detectors.base.detect_all."
                )
        if not images or min(images[0].shape[:2]) < MIN_IMAGE_PX:
            return [[] for _ in images]
        shrunk = [shrink(image, max_px=self.max_image_px) for image in images]
        small, factor = np.stack([image for image, _ in shrunk]), shrunk[0][1]
        shorter_px = min(small.shape[1:3])
        faces = self._search(small, max(WINDOW_PX, self.min_face_fraction * shorter_px))
        without = [i for i, found in enumerate(faces) if not found]
        if without and 0 < self.fine_fraction < self.min_face_fraction:
            again = self._search(small[without], max(WINDOW_PX, self.fine_fraction * shorter_px))
            for i, found in zip(without, again, strict=True):
                faces[i] = found
        return [largest_first(rescaled(face, factor) for face in found) for found in faces]

    def _search(self, images: np.ndarray, min_face_px: float) -> list[list[DetectedFace]]:
        """Run the cascade once over (n, height, width, 3) images that are small enough."""
        if self._networks is None:
            self._networks = load_networks()
        with torch.inference_mode():
            candidates = _propose(self._networks, images, min_face_px)
            candidates = _refine(self._networks, images, candidates)
            if self.max_overlap < REFINED_OVERLAP:
                kept = [suppress(each.boxes, each.scores, max_overlap=self.max_overlap) for each in candidates]
                candidates = [each.pick(rows) for each, rows in zip(candidates, kept, strict=True)]
            return _finish(self._networks, images, candidates, self.min_score)


def _propose(networks: Networks, images: np.ndarray, min_face_px: float) -> list[_Candidates]:
    """First network: windows of the pyramid that may hold a face, for each image."""
    height_px, width_px = images.shape[1:3]
    found: list[list[_Candidates]] = [[_NONE] for _ in images]
    for scale in pyramid_scales(height_px, width_px, min_face_px=min_face_px):
        size = (int(np.ceil(width_px * scale)), int(np.ceil(height_px * scale)))
        level = np.stack([cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images])
        answers = [networks.proposal(part) for part in torch.split(_to_input(level), MAX_LEVELS)]
        probability, shifts = (torch.cat(part).numpy() for part in zip(*answers, strict=True))
        for i in np.flatnonzero((probability >= MIN_PROPOSAL_SCORE).any(axis=(1, 2))):
            found[i].append(_windows(probability[i], shifts[i], scale))
    joined = [
        _Candidates(np.concatenate([c.boxes for c in levels]), np.concatenate([c.scores for c in levels]))
        for levels in found
    ]
    return [each.pick(suppress(each.boxes, each.scores, max_overlap=0.7)) for each in joined]


def _windows(probability: np.ndarray, shifts: np.ndarray, scale: float) -> _Candidates:
    """Return the windows of one level of one image, from (rows, columns) and (4, rows, columns) answers."""
    rows, columns = np.nonzero(probability >= MIN_PROPOSAL_SCORE)
    scores = probability[rows, columns]
    best = np.argsort(-scores, kind="stable")[:MAX_PROPOSALS]
    rows, columns, scores = rows[best], columns[best], scores[best]
    corner = np.stack([columns, rows, columns, rows], axis=1) * STRIDE_PX
    windows = (corner + np.array([0, 0, WINDOW_PX, WINDOW_PX])) / scale
    kept = suppress(windows, scores, max_overlap=0.5)
    return _Candidates(_shifted(windows, shifts[:, rows, columns].T)[kept], scores[kept])


def _refine(networks: Networks, images: np.ndarray, candidates: list[_Candidates]) -> list[_Candidates]:
    """Second network: fewer and better boxes; the patches of all images go through it together."""
    squares = [_squared(each.boxes) for each in candidates]
    scores, shifts = _answers(networks.refinement, _patches(images, squares, REFINEMENT_PX), (1, 4))
    better = []
    for square, score, shift in zip(squares, _parted(scores, squares), _parted(shifts, squares), strict=True):
        passed = np.flatnonzero(score[:, 0] > 0.7)
        passed = passed[suppress(square[passed], score[passed, 0], max_overlap=REFINED_OVERLAP)]
        better.append(_Candidates(_shifted(square[passed], shift[passed]), score[passed, 0]))
    return better


def _finish(
    networks: Networks, images: np.ndarray, candidates: list[_Candidates], min_score: float
) -> list[list[DetectedFace]]:
    """Third network: final boxes and five points; the patches of all images go through it together."""
    squares = [_squared(each.boxes) for each in candidates]
    answers = _answers(networks.output, _patches(images, squares, OUTPUT_PX), (1, 4, 10))
    scores, shifts, points = (_parted(answer, squares) for answer in answers)
    return [_faces(*parts, min_score) for parts in zip(squares, scores, shifts, points, strict=True)]


def _faces(
    squares: np.ndarray, scores: np.ndarray, shifts: np.ndarray, points: np.ndarray, min_score: float
) -> list[DetectedFace]:
    """Return the faces of one image, from (n, 4) squares and what the third network says of them."""
    passed = np.flatnonzero(scores[:, 0] >= min_score)
    boxes = _shifted(squares[passed], shifts[passed])
    sides = squares[passed, 2:3] - squares[passed, :1]  # (n, 1)
    places = np.stack([points[passed, :5], points[passed, 5:]], axis=2)  # (n, 5, 2), 0 to 1
    landmarks = places * sides[:, None] + squares[passed, None, :2]
    kept = suppress(boxes, scores[passed, 0], max_overlap=0.7, of_smaller=True)
    return [_face(boxes[row], scores[passed[row], 0], landmarks[row]) for row in kept]


def _patches(images: np.ndarray, squares: list[np.ndarray], size_px: int) -> np.ndarray:
    """Return the patches of all images in a row, (n, size_px, size_px, 3) uint8."""
    return np.concatenate([_cut(image, each, size_px) for image, each in zip(images, squares, strict=True)])


def _answers(network: nn.Module, patches: np.ndarray, widths: tuple[int, ...]) -> list[np.ndarray]:
    """Return what a network says of (n, size, size, 3) uint8 patches: one (n, width) float32 for each width."""
    if not len(patches):
        return [np.zeros((0, width), np.float32) for width in widths]
    answers = [network(part) for part in torch.split(_to_input(patches), MAX_PATCHES)]
    joined = [torch.cat(part).numpy() for part in zip(*answers, strict=True)]
    return [answer.reshape(len(patches), width) for answer, width in zip(joined, widths, strict=True)]


def _parted(rows: np.ndarray, per_image: list[np.ndarray]) -> list[np.ndarray]:
    """Give the rows of all images back to each, as many as it has in `per_image`."""
    return np.split(rows, np.cumsum([len(each) for each in per_image])[:-1])


def _face(box: np.ndarray, score: float, landmarks: np.ndarray) -> DetectedFace:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    return DetectedFace(x0, y0, x1, y1, score=float(score), landmarks_px=landmarks.astype(np.float32))


def _to_input(images: np.ndarray) -> torch.Tensor:
    """(n, height, width, 3) uint8 -> (n, 3, height, width) float32, -1 to 1."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127.5) / 128


def _shifted(boxes: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Move each edge by its shift, which is in units of the box's width or height."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    moved = boxes + shifts * np.stack([width, height, width, height], axis=1)
    return np.asarray(moved, dtype=np.float32)


def _squared(boxes: np.ndarray) -> np.ndarray:
    """Return squares of whole pixels about the boxes, as wide as their longer side."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = np.maximum(np.round((boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)), 1)
    corner = np.round(centre - side / 2)
    return np.concatenate([corner, corner + side], axis=1).astype(np.float32)


def _cut(image: np.ndarray, squares: np.ndarray, size_px: int) -> np.ndarray:
    """Return (n, size_px, size_px, 3) uint8 patches; what lies outside the image is black, as in training."""
    height_px, width_px = image.shape[:2]
    patches = np.zeros((len(squares), size_px, size_px, 3), np.uint8)
    for patch, (x0, y0, x1, y1) in zip(patches, squares.astype(int), strict=True):
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width_px), min(y1, height_px)
        if left >= right or top >= bottom:
            continue
        inside = image[top:bottom, left:right]
        if (left, top, right, bottom) != (x0, y0, x1, y1):
            inside = cv2.copyMakeBorder(
                inside, top - y0, y1 - bottom, left - x0, x1 - right, cv2.BORDER_CONSTANT, value=(0, 0, 0)
            )
        shrinks = inside.shape[0] > size_px
        patch[:] = cv2.resize(inside, (size_px, size_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return patches
