"""A canvas for smooth anti-aliased shapes: closed curves, soft shading, clipping to another shape.

Not a drawing library: no text, no line styles, nothing but what the portraits need. Colours are RGB between 0 and 1
and points are (x, y) in pixels with y growing downwards.

Example:
    >>> canvas = Canvas(64, (1.0, 1.0, 1.0))
    >>> disc = smooth_closed(np.array([[32.0, 12.0], [52.0, 32.0], [32.0, 52.0], [12.0, 32.0]]))
    >>> cover = canvas.fill(disc, (0.0, 0.0, 0.0))
    >>> canvas.pixels[32, 32].tolist(), canvas.pixels[2, 2].tolist()
    ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
Mask = NDArray[np.float32]
Colour = tuple[float, float, float]

_SHIFT = 5  # fixed-point bits of the sub-pixel coordinates that OpenCV takes
_BLUR_PER_STEP_PX = 1.5  # soft shapes are blurred at 1/2, 1/4 or 1/8 of the size: nobody can tell, and it is quicker
_COARSEST = 8


@dataclass(frozen=True, eq=False)
class Cover:
    """How much of each pixel a shape covers, within the box of the canvas that it touches."""

    top_px: int
    """First row of the box."""
    left_px: int
    """First column of the box."""
    alpha: Mask
    """(height, width) float32, 0 to 1; outside the box nothing is covered."""

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the canvas."""
        height, width = self.alpha.shape
        return slice(self.top_px, self.top_px + height), slice(self.left_px, self.left_px + width)

    def clipped(self, other: Cover) -> Cover:
        """Return the product of two covers, in the box that they share."""
        (rows, columns), (other_rows, other_columns) = self.box, other.box
        top, left = max(rows.start, other_rows.start), max(columns.start, other_columns.start)
        bottom = max(min(rows.stop, other_rows.stop), top)
        right = max(min(columns.stop, other_columns.stop), left)
        own = self.alpha[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]
        inner = other.alpha[
            top - other_rows.start : bottom - other_rows.start,
            left - other_columns.start : right - other_columns.start,
        ]
        return Cover(top, left, own * inner)

    def inverted(self) -> Cover:
        """Return what the shape leaves uncovered within its box."""
        return Cover(self.top_px, self.left_px, np.float32(1.0) - self.alpha)


def smooth_closed(points: ArrayLike, *, n_points: int = 96) -> Points:
    """Return a smooth closed curve through the given points.

    Args:
        points: (n, 2) float, in order around the shape, the first not repeated; n at least 3.
        n_points: number of points of the result.

    Returns:
        (n_points, 2) float64.

    Source: Catmull and Rom, "A class of local interpolating splines", 1974, over the square roots of the chords
        ("centripetal"): no loops or cusps between unevenly spaced points.
    """
    corners = np.asarray(points, dtype=np.float64)
    corners = np.concatenate([corners, corners[:1]])
    position, slope = _chords(corners)
    step = np.diff(position)
    # The slope at a corner is that of the parabola through it and its two neighbours.
    before, after = np.roll(step, 1)[:, None], step[:, None]
    tangent = (after * np.roll(slope, 1, axis=0) + before * slope) / (before + after)
    tangent = np.concatenate([tangent, tangent[:1]])
    at = np.arange(n_points) * (position[-1] / n_points)
    return _hermite(position, corners, tangent, at)


def smooth_open(points: ArrayLike, *, n_points: int = 48) -> Points:
    """Return a smooth open curve (n_points, 2) from the first of `points` (n, 2) to the last, n at least 3."""
    corners = np.asarray(points, dtype=np.float64)
    position, slope = _chords(corners)
    step = np.diff(position)[:, None]
    inner = (step[1:] * slope[:-1] + step[:-1] * slope[1:]) / (step[:-1] + step[1:])
    # At both ends the parabola runs out.
    tangent = np.concatenate([2.0 * slope[:1] - inner[:1], inner, 2.0 * slope[-1:] - inner[-1:]])
    at = np.arange(n_points) * (position[-1] / (n_points - 1))
    return _hermite(position, corners, tangent, at)


def ellipse(x: float, y: float, half_width: float, half_height: float) -> Points:
    """Return the outline (48, 2) of an upright ellipse around (x, y)."""
    return _CIRCLE * [half_width, half_height] + [x, y]


def moved(points: Points, x: float, y: float) -> Points:
    """Return points (n, 2) shifted by (x, y)."""
    return np.add(points, [x, y])


def ribbon(centre: Points, width: NDArray[np.float64]) -> Points:
    """Return the closed outline (2n, 2) of a stroke along `centre` (n, 2) that is `width` (n,) pixels thick."""
    tangent = np.empty_like(centre)
    tangent[1:-1] = centre[2:] - centre[:-2]
    tangent[0], tangent[-1] = centre[1] - centre[0], centre[-1] - centre[-2]
    scale = 0.5 * width / np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)
    half = tangent[:, ::-1] * [-1.0, 1.0] * scale[:, None]
    return np.concatenate([centre + half, (centre - half)[::-1]])


class Canvas:
    """A square picture in float32 RGB that shapes are blended onto, back to front.

    Args:
        size_px: side of the square.
        colour: of the empty canvas.

    Attributes:
        planes: (3, size, size) float32, one plane a colour: blending is much quicker than with the colours together.
        pixels: the same numbers as (size, size, 3).
    """

    def __init__(self, size_px: int, colour: Colour) -> None:
        """Fill the canvas with one colour."""
        self.size_px = size_px
        self.planes: NDArray[np.float32] = np.empty((3, size_px, size_px), dtype=np.float32)
        self.pixels = self.planes.transpose(1, 2, 0)
        self.pixels[:] = colour

    def fill(
        self,
        outline: Points,
        colour: Colour,
        *,
        opacity: float = 1.0,
        blur_px: float = 0.0,
        within: Cover | None = None,
    ) -> Cover:
        """Blend a closed shape onto the canvas and return what it covers, before clipping.

        Args:
            outline: (n, 2) float, pixels; parts beyond the canvas are cut off.
            colour: RGB, 0 to 1.
            opacity: 0 leaves the canvas alone, 1 covers it.
            blur_px: standard deviation of the soft edge; 0 for a sharp anti-aliased edge.
            within: another shape to which this one is clipped.
        """
        cover = self.cover(outline, blur_px=blur_px)
        self.shade(cover if within is None else cover.clipped(within), colour, opacity=opacity)
        return cover

    def shade(self, cover: Cover, colour: Colour, *, opacity: float = 1.0) -> None:
        """Blend a colour onto what is covered."""
        alpha = cover.alpha if opacity == 1.0 else np.float32(opacity) * cover.alpha
        for plane, channel in zip(self.planes, colour, strict=True):
            target = plane[cover.box]
            target += alpha * (np.float32(channel) - target)

    def cover(self, outline: Points, *, blur_px: float = 0.0) -> Cover:
        """Return what a closed outline (n, 2) covers; `blur_px` softens its edge.

        OpenCV counts the pixels of the border in, so that a shape is larger by about half a pixel all around.
        """
        coarse = 1
        while coarse < _COARSEST and blur_px >= 2.0 * coarse * _BLUR_PER_STEP_PX:
            coarse *= 2
        margin = int(3.0 * blur_px) + 2
        low = np.floor(outline.min(axis=0)).astype(int) - margin
        high = np.ceil(outline.max(axis=0)).astype(int) + margin
        low, high = np.maximum(low, -margin - coarse), np.minimum(high, self.size_px + margin + coarse)
        high = np.maximum(high + (low - high) % coarse, low + coarse)
        shape: Any = np.zeros((high - low)[::-1], dtype=np.uint8)
        fixed = np.rint((outline - low) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(shape, [fixed], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
        if coarse > 1:
            shape = cv2.resize(shape, tuple(((high - low) // coarse).tolist()), interpolation=cv2.INTER_AREA)
        alpha = shape * np.float32(1.0 / 255.0)
        if blur_px > 0.0:
            alpha = cv2.GaussianBlur(alpha, (0, 0), blur_px / coarse)
        if coarse > 1:
            alpha = cv2.resize(alpha, tuple((high - low).tolist()), interpolation=cv2.INTER_LINEAR)
        x0, y0 = (int(edge) for edge in np.clip(low, 0, self.size_px))
        x1, y1 = (int(edge) for edge in np.clip(high, 0, self.size_px))
        return Cover(y0, x0, alpha[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]])


_ANGLES = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def _chords(corners: Points) -> tuple[NDArray[np.float64], Points]:
    """Return the parameter (n,) at each corner (n, 2) and the slope (n - 1, 2) of each chord."""
    chord = corners[1:] - corners[:-1]
    step = np.sqrt(np.maximum(np.hypot(chord[:, 0], chord[:, 1]), 1e-6))
    return np.concatenate([[0.0], np.cumsum(step)]), chord / step[:, None]


def _hermite(position: NDArray[np.float64], corners: Points, tangent: Points, at: NDArray[np.float64]) -> Points:
    """Return the cubic curve (m, 2) with the given corners and tangents (n, 2) at the parameters `at` (m,)."""
    index = np.minimum(np.searchsorted(position, at, side="right") - 1, len(position) - 2)
    step = (position[index + 1] - position[index])[:, None]
    t = (at - position[index])[:, None] / step
    ahead = t * t * (3.0 - 2.0 * t)
    first, last = corners[index], corners[index + 1]
    rest = (t - 2.0 * t * t + t**3) * tangent[index] + (t**3 - t * t) * tangent[index + 1]
    curve: Points = first + ahead * (last - first) + step * rest
    return curve
