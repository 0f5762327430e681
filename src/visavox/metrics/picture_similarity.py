"""How alike two pictures of one scene are, pixel by pixel: PSNR, SSIM, MSE.

They make sense only for pairs that ought to be the same picture, as a face and what a decoder makes of its own
feature. Between a true face and one drawn from a voice they reward blur: the average face usually wins. PSNR and SSIM
grow with quality, the MSE shrinks.

Example:
    >>> black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    >>> mean_squared_error(black[None], white[None]).tolist()
    [65025.0]
    >>> peak_signal_to_noise_db(black[None], white[None]).tolist()
    [0.0]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity as skimage_similarity

from visavox.errors import DataError

PEAK = 255.0
WINDOW_PX = 7  # of SSIM's plain window, scikit-image's default
Pictures = NDArray[np.uint8]
Floats = NDArray[np.float64]


def mean_squared_error(first: Pictures, second: Pictures) -> Floats:
    """Return the mean squared difference of each pair, in squared grey levels, 0 to 65,025.

    Args:
        first: (n, height, width, 3) uint8 RGB.
        second: the same shape, the picture of each row's partner.

    Returns:
        (n,) float64.

    Raises:
        DataError: another type, or two shapes.
    """
    _check(first, second)
    squared = (first.astype(np.float64) - second.astype(np.float64)) ** 2
    return np.asarray(squared.reshape(len(first), -1).mean(axis=1) if len(first) else np.zeros(0))


def peak_signal_to_noise_db(first: Pictures, second: Pictures) -> Floats:
    """Return 10 log10(255^2 / MSE) of each pair, in dB; infinite for equal pictures.

    Args:
        first: (n, height, width, 3) uint8 RGB.
        second: the same shape.

    Returns:
        (n,) float64.

    Raises:
        DataError: as `mean_squared_error`.
    """
    error = mean_squared_error(first, second)
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(PEAK**2 / error))


def structural_similarity(first: Pictures, second: Pictures) -> Floats:
    """Return the structural similarity (SSIM) of each pair, -1 to 1, the mean over the three colours.

    Args:
        first: (n, height, width, 3) uint8 RGB, 7 px or more on each side.
        second: the same shape.

    Returns:
        (n,) float64; 1 for equal pictures.

    Raises:
        DataError: as `mean_squared_error`, or pictures smaller than 7 px.

    Source: Wang et al., "Image quality assessment" (2004), by scikit-image with its plain window of 7 px.
    """
    _check(first, second)
    if len(first) and min(first.shape[1:3]) < WINDOW_PX:
        raise DataError(f"SSIM needs pictures of {WINDOW_PX} px or more. Got {first.shape[1:3]}.")
    values = [
        skimage_similarity(a, b, channel_axis=2, data_range=PEAK, win_size=WINDOW_PX)
        for a, b in zip(first, second, strict=True)
    ]
    return np.asarray(values, dtype=np.float64)


def _check(first: Pictures, second: Pictures) -> None:
    for pictures in (first, second):
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3:
            raise DataError(f"Pictures must be (n, height, width, 3) uint8. Got {pictures.shape} {pictures.dtype}.")
    if first.shape != second.shape:
        raise DataError(f"Pictures are compared in pairs of one size. Got {first.shape} and {second.shape}.")
