"""Twice the side: bicubic at first, learning, and refusing."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.diffusion.upsampler import FaceUpsampler


def fresh() -> FaceUpsampler:
    torch.manual_seed(0)
    return FaceUpsampler(width=8, blocks=2)


def test_with_fresh_weights_it_is_bicubic_interpolation() -> None:
    pictures = torch.rand(2, 3, 12, 12)
    with torch.no_grad():
        found = fresh()(pictures)
    expected = functional.interpolate(pictures, scale_factor=2, mode="bicubic", align_corners=False)
    assert found.shape == (2, 3, 24, 24)
    torch.testing.assert_close(found, expected)


def test_a_flat_picture_stays_flat() -> None:
    with torch.no_grad():
        found = fresh()(torch.full((1, 3, 8, 8), 0.4))
    torch.testing.assert_close(found, torch.full((1, 3, 16, 16), 0.4))


def test_its_last_layer_learns_at_once_and_the_others_after_it() -> None:
    network = fresh()
    network(torch.rand(1, 3, 8, 8)).square().mean().backward()
    assert network.last.weight.grad is not None
    assert network.last.weight.grad.abs().sum() > 0
    with torch.no_grad():
        network.last.weight.add_(0.1)
    network.zero_grad()
    network(torch.rand(1, 3, 8, 8)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_pixels_of_a_square_come_from_four_planes() -> None:
    network = fresh()
    with torch.no_grad():
        network.last.bias[:] = torch.arange(12.0)
        added = network(torch.zeros(1, 3, 4, 4))
    assert added[0, 0, :2, :2].tolist() == [[0, 1], [2, 3]]
    assert added[0, 2, 4:6, 2:4].tolist() == [[8, 9], [10, 11]]


@pytest.mark.parametrize("options", [{"width": 0}, {"blocks": 0}])
def test_wrong_sizes_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="`width` and `blocks` of an upsampler must be at least 1"):
        FaceUpsampler(**options)
