"""Guides: mean colours by hand, blurs that blur, and no more than they must."""

from __future__ import annotations

import pytest
import torch

from visavox.models.diffusion.conditions import BLURRED_PX
from visavox.models.diffusion.guides import _box, _drawn, _gaussian, blurred, low_resolution


def test_a_low_resolution_guide_is_the_mean_of_each_square() -> None:
    picture = torch.rand(1, 3, 16, 16)
    found = low_resolution(picture)
    for y in range(8):
        for x in range(8):
            square = picture[0, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
            torch.testing.assert_close(found[0, :, y, x], square.mean(dim=(1, 2)))


def test_a_flat_picture_stays_flat_under_every_blur() -> None:
    flat = torch.full((1, 3, 32, 32), 0.3)
    for kind in range(6):
        for share in (0.0, 1.0):
            torch.testing.assert_close(_drawn(flat, kind, share, 0.5), flat, atol=1e-5, rtol=0)
    torch.testing.assert_close(blurred(flat), torch.full((1, 3, BLURRED_PX, BLURRED_PX), 0.3), atol=1e-5, rtol=0)


def test_a_box_is_the_mean_of_its_neighbours() -> None:
    picture = torch.rand(1, 3, 9, 9)
    found = _box(picture, 1)
    torch.testing.assert_close(found[0, :, 4, 5], picture[0, :, 3:6, 4:7].mean(dim=(1, 2)))


def test_a_gaussian_of_a_point_falls_as_the_formula_says() -> None:
    picture = torch.zeros(1, 3, 21, 21)
    picture[0, 0, 10, 10] = 1.0
    found = _gaussian(picture, 2.0)[0, 0]
    at = torch.arange(-6, 7, dtype=torch.float32)
    weight = torch.exp(-(at**2) / 8)
    weight = weight / weight.sum()
    assert float(found[10, 13]) == pytest.approx(float(weight[6] * weight[9]), rel=1e-5)
    assert float(found.sum()) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("kind", range(6))
def test_every_blur_takes_detail_away(kind: int) -> None:
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2
    picture = board.float().expand(1, 3, 64, 64)
    found = _drawn(picture, kind, 0.5, 0.5)
    assert found.shape == picture.shape
    assert found.std() < 0.5 * picture.std()


def test_draws_decide_and_nothing_else() -> None:
    pictures = torch.rand(6, 3, 32, 32)
    first, again, other = (blurred(pictures, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(blurred(pictures), blurred(pictures))


def test_no_picture_gives_no_guide() -> None:
    assert blurred(torch.zeros(0, 3, 32, 32)).shape == (0, 3, BLURRED_PX, BLURRED_PX)
