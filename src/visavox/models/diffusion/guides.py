"""Pictures that a denoiser is told: one of 8 x 8 pixels, and a blurred one. Both show the face, not the voice.

Example:
    >>> low_resolution(torch.zeros(2, 3, 64, 64)).shape, blurred(torch.zeros(2, 3, 64, 64)).shape
    (torch.Size([2, 3, 8, 8]), torch.Size([2, 3, 16, 16]))

Source: the repository of SLF (2024): a guide of 8 x 8 pixels of the training crop, and a face under a box blur, a
    Gaussian blur, both, or large pixels, of radii drawn anew for each picture; radii here are for 128 px and scaled.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from visavox.models.diffusion.conditions import BLURRED_PX, GUIDE_PX

BOX_RADII, GAUSSIAN_RADII, PIXELS = (4, 14), (4, 8), (8, 24)
"""At 128 px: radius of a box, deviation of a Gaussian, number of large pixels a side."""
REFERENCE_PX = 128
USUAL_RADIUS = 6.0
"""Deviation of the Gaussian, at 128 px, where nothing is drawn: the middle of its range."""


def low_resolution(pictures: Tensor) -> Tensor:
    """Return (n, 3, GUIDE_PX, GUIDE_PX) float32: the mean colour of each square of (n, 3, px, px) pictures."""
    return functional.interpolate(pictures, size=(GUIDE_PX, GUIDE_PX), mode="area")


def blurred(pictures: Tensor, draws: torch.Generator | None = None) -> Tensor:
    """Return (n, 3, BLURRED_PX, BLURRED_PX) float32: blurred pictures, made small since no detail is left.

    Args:
        pictures: (n, 3, px, px) float32 in 0..1.
        draws: chooses for each picture how it is blurred, and how much; None takes the usual Gaussian for all.
    """
    rows = []
    for picture in pictures:
        scale = picture.shape[-1] / REFERENCE_PX
        if draws is None:
            found = _gaussian(picture[None], USUAL_RADIUS * scale)
        else:
            kind = int(torch.randint(6, (1,), generator=draws))
            share = float(torch.rand(1, generator=draws))
            found = _drawn(picture[None], kind, share, scale)
        rows.append(functional.interpolate(found, size=(BLURRED_PX, BLURRED_PX), mode="area"))
    return torch.cat(rows) if rows else pictures.new_zeros(0, 3, BLURRED_PX, BLURRED_PX)


def _drawn(picture: Tensor, kind: int, share: float, scale: float) -> Tensor:
    """Return a picture under a box (kind 0), a Gaussian (1), both at half their radii (2), or large pixels (3 to 5)."""
    box = (BOX_RADII[0] + share * (BOX_RADII[1] - BOX_RADII[0])) * scale
    gaussian = (GAUSSIAN_RADII[0] + share * (GAUSSIAN_RADII[1] - GAUSSIAN_RADII[0])) * scale
    if kind == 0:
        return _box(picture, box)
    if kind == 1:
        return _gaussian(picture, gaussian)
    if kind == 2:
        return _gaussian(_box(picture, box / 2), gaussian / 2)
    side = max(round(PIXELS[0] + share * (PIXELS[1] - PIXELS[0])), 1)
    small = functional.interpolate(picture, size=(side, side), mode="bilinear", antialias=True)
    return functional.interpolate(small, size=picture.shape[-2:], mode="nearest")


def _box(picture: Tensor, radius: float) -> Tensor:
    reach = max(round(radius), 1)
    return _filtered(picture, torch.full((2 * reach + 1,), 1 / (2 * reach + 1)))


def _gaussian(picture: Tensor, deviation: float) -> Tensor:
    reach = max(round(3 * deviation), 1)
    at = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weight = torch.exp(-(at**2) / (2 * deviation**2))
    return _filtered(picture, weight / weight.sum())


def _filtered(picture: Tensor, weight: Tensor) -> Tensor:
    """Return (1, 3, px, px) filtered along both axes; beyond its border it is repeated."""
    reach = len(weight) // 2
    channels = picture.shape[1]
    kernel = weight.to(picture)[None, None].expand(channels, 1, -1)
    wide = functional.pad(picture, (reach,) * 4, mode="replicate")
    across = functional.conv2d(wide, kernel[:, :, None, :], groups=channels)
    return functional.conv2d(across, kernel[:, :, :, None], groups=channels)
