"""A canvas for smooth anti-aliased shapes: closed curves, soft shading, clipping to another shape.

Not a drawing library: no text, no line styles, nothing but what the portraits need. Colours are RGB between 0 and 1
and points are (x, y) in pixels with y growing downwards.

Example:
    >>> canvas = Canvas(64, (1.0, 1.0, 1.0))
    >>> disc = smooth_closed(np.array([[32.0, 12.0], [52.0, 32.0], [32.0, 52.0], [12.0, 32.0]]))
    >>> canvas.fill(disc, (0.0, 0.0, 0.0))
    >>> canvas.pixels[32, 32].tolist(), canvas.pixels[2, 2].tolist()
    ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

Points = NDArray[np.float64]
Mask = NDArray[np.float32]
Colour = tuple[float, float, float]

_SHIFT = 5  # fixed-point bits of the sub-pixel coordinates that OpenCV takes
_COARSE = 4  # soft shapes are blurred at this fraction of the size: nobody can tell, and it is quicker
_COARSE_BLUR_PX = 8.0


def smooth_closed(points: ArrayLike, *, n_points: int = 96) -> Points:
    """Return a smooth closed curve through the given points.

    Args:
        points: (n, 2) float, in order around the shape, the first not repeated; n at least 3.
        n_points: number of points of the result.

    Returns:
        (n_points, 2) float64.
    """
    corners = np.asarray(points, dtype=np.float64)
    closed = np.vstack([corners, corners[:1]])
    # Square roots of the chord lengths as parameter: no loops or cusps between unevenly spaced points.
    steps = np.sqrt(np.maximum(np.linalg.norm(np.diff(closed, axis=0), axis=1), 1e-6))
    position = np.concatenate([[0.0], np.cumsum(steps)])
    spline = CubicSpline(position, closed, bc_type="periodic")
    curve: Points = spline(np.linspace(0.0, position[-1], n_points, endpoint=False))
    return curve


def smooth_open(points: ArrayLike, *, n_points: int = 48) -> Points:
    """Return a smooth open curve (n_points, 2) from the first of `points` (n, 2) to the last, n at least 3."""
    corners = np.asarray(points, dtype=np.float64)
    steps = np.sqrt(np.maximum(np.linalg.norm(np.diff(corners, axis=0), axis=1), 1e-6))
    position = np.concatenate([[0.0], np.cumsum(steps)])
    curve: Points = CubicSpline(position, corners)(np.linspace(0.0, position[-1], n_points))
    return curve


def ellipse(x: float, y: float, half_width: float, half_height: float) -> Points:
    """Return the outline (48, 2) of an upright ellipse around (x, y)."""
    angle = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)


def moved(points: Points, x: float, y: float) -> Points:
    """Return points (n, 2) shifted by (x, y)."""
    return np.add(points, [x, y])


def ribbon(centre: Points, width: NDArray[np.float64]) -> Points:
    """Return the closed outline (2n, 2) of a stroke along `centre` (n, 2) that is `width` (n,) pixels thick."""
    tangent = np.gradient(centre, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    half = 0.5 * width[:, None] * normal
    return np.vstack([centre + half, (centre - half)[::-1]])


class Canvas:
    """A square picture in float32 RGB that shapes are blended onto, back to front.

    Args:
        size_px: side of the square.
        colour: of the empty canvas.
    """

    def __init__(self, size_px: int, colour: Colour) -> None:
        """Fill the canvas with one colour."""
        self.size_px = size_px
        self.pixels: NDArray[np.float32] = np.empty((size_px, size_px, 3), dtype=np.float32)
        self.pixels[:] = colour

    def mask(self, outline: Points, *, blur_px: float = 0.0) -> Mask:
        """Return the coverage (size, size) float32, 0 to 1, of a closed outline; `blur_px` softens its edge."""
        mask = np.zeros((self.size_px, self.size_px), dtype=np.float32)
        box, patch = self.patch(outline, blur_px=blur_px)
        mask[box] = patch
        return mask

    def fill(
        self,
        outline: Points,
        colour: Colour,
        *,
        opacity: float = 1.0,
        blur_px: float = 0.0,
        within: Mask | None = None,
    ) -> None:
        """Blend a closed shape onto the canvas.

        Args:
            outline: (n, 2) float, pixels; parts beyond the canvas are cut off.
            colour: RGB, 0 to 1.
            opacity: 0 leaves the canvas alone, 1 covers it.
            blur_px: standard deviation of the soft edge; 0 for a sharp anti-aliased edge.
            within: (size, size) float32 coverage of another shape to which this one is clipped.
        """
        box, patch = self.patch(outline, blur_px=blur_px)
        if within is not None:
            patch = patch * within[box]
        self.shade(box, np.float32(opacity) * patch, colour)

    def shade(self, box: tuple[slice, slice], alpha: Mask, colour: Colour) -> None:
        """Blend a colour onto the rows and columns `box` with opacity `alpha` (height, width), 0 to 1."""
        target = self.pixels[box]
        target += alpha[..., None] * (np.asarray(colour, dtype=np.float32) - target)

    def patch(self, outline: Points, *, blur_px: float = 0.0) -> tuple[tuple[slice, slice], Mask]:
        """Return the rows and columns that a closed outline (n, 2) touches and its coverage there, 0 to 1.

        OpenCV counts the pixels of the border in, so that a shape is larger by about half a pixel all around.
        """
        coarse = _COARSE if blur_px >= _COARSE_BLUR_PX else 1
        margin = int(np.ceil(3.0 * blur_px)) + 2
        low = np.floor(outline.min(axis=0)).astype(int) - margin
        high = np.ceil(outline.max(axis=0)).astype(int) + margin
        high += (low - high) % coarse
        cover: Any = np.zeros((high - low)[::-1], dtype=np.uint8)
        fixed = np.rint((outline - low) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(cover, [fixed], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
        if coarse > 1:
            cover = cv2.resize(cover, tuple(((high - low) // coarse).tolist()), interpolation=cv2.INTER_AREA)
        cover = cover.astype(np.float32) / 255.0
        if blur_px > 0.0:
            cover = cv2.GaussianBlur(cover, (0, 0), blur_px / coarse)
        if coarse > 1:
            cover = cv2.resize(cover, tuple((high - low).tolist()), interpolation=cv2.INTER_LINEAR)
        x0, y0 = np.clip(low, 0, self.size_px)
        x1, y1 = np.clip(high, 0, self.size_px)
        inner = cover[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]]
        return (slice(y0, y1), slice(x0, x1)), inner
