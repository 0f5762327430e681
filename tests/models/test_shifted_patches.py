"""Shifted patch tokenisation against loops over pixels, and against its parameter count by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.shifted_patches import PatchTokens, Tokenisation, flat_patches, shifted_copies

# Where a copy takes its pixel (row, column) from, in shifts: moved left and up means from below and from the right.
SOURCES = [(0, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)]


def pictures(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def copies_by_loop(x: np.ndarray, shift: int) -> np.ndarray:
    """The picture and its shifts left-up, left-down, right-up, right-down, pixel by pixel; zero from outside."""
    n, channels, height, width = x.shape
    made = np.zeros((n, 5 * channels, height, width), np.float32)
    for copy, (down, right) in enumerate(SOURCES):
        for row in range(height):
            for column in range(width):
                r, c = row + down * shift, column + right * shift
                if 0 <= r < height and 0 <= c < width:
                    made[:, copy * channels : (copy + 1) * channels, row, column] = x[:, :, r, c]
    return made


@pytest.mark.parametrize("shift", [0, 1, 3])
def test_shifts_are_those_of_a_loop_over_pixels(shift: int) -> None:
    x = pictures(2, 3, 12, 8)
    np.testing.assert_array_equal(shifted_copies(x, shift), copies_by_loop(x.numpy(), shift))


def test_a_bright_pixel_moves_left_and_up_first() -> None:
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 1
    places = [tuple(copy.nonzero()[0].tolist()) for copy in shifted_copies(x, 1)[0]]
    assert places == [(2, 2), (1, 1), (3, 1), (1, 3), (3, 3)]


def test_patches_are_those_of_a_loop_over_squares() -> None:
    x = pictures(2, 3, 6, 9)
    found = flat_patches(x, 3)
    assert found.shape == (2, 6, 27)
    for n in range(2):
        for token in range(6):
            top, left = 3 * (token // 3), 3 * (token % 3)
            numbers = [
                float(x[n, c, top + row, left + column]) for row in range(3) for column in range(3) for c in range(3)
            ]
            assert found[n, token].tolist() == numbers


@pytest.mark.parametrize("tokenisation", ["spt", "patches"])
@pytest.mark.parametrize(("picture_px", "patch_px"), [(12, 4), (15, 5)])
def test_tokens_are_those_of_the_formula(tokenisation: Tokenisation, picture_px: int, patch_px: int) -> None:
    torch.manual_seed(2)
    layer = PatchTokens(picture_px, patch_px, 3, 7, tokenisation=tokenisation)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    x = pictures(2, 3, picture_px, picture_px)
    w = {name: tensor.detach().double().numpy() for name, tensor in layer.state_dict().items()}
    shown = copies_by_loop(x.numpy(), patch_px // 2) if tokenisation == "spt" else x.numpy()
    side = picture_px // patch_px
    assert layer.n_tokens == side * side
    with torch.no_grad():
        found = layer(x).numpy()
    for token in range(side * side):
        top, left = patch_px * (token // side), patch_px * (token % side)
        patch = shown[:, :, top : top + patch_px, left : left + patch_px].transpose(0, 2, 3, 1).reshape(2, -1)
        patch = patch.astype(np.float64)
        if tokenisation == "spt":
            spread = np.sqrt(patch.var(axis=1, keepdims=True) + 1e-6)
            patch = (patch - patch.mean(axis=1, keepdims=True)) / spread * w["norm.weight"] + w["norm.bias"]
        np.testing.assert_allclose(found[:, token], patch @ w["project.weight"].T + w["project.bias"], atol=1e-3)


def test_parameters_are_those_counted_by_hand() -> None:
    def n_parameters(*arguments: int, tokenisation: Tokenisation) -> int:
        return sum(p.numel() for p in PatchTokens(*arguments, tokenisation=tokenisation).parameters())

    width = 5 * 3 * 6 * 6
    assert n_parameters(72, 6, 3, 64, tokenisation="spt") == 2 * width + width * 64 + 64 == 35_704
    assert n_parameters(72, 6, 3, 64, tokenisation="patches") == 3 * 6 * 6 * 64 + 64 == 6_976
    assert n_parameters(72, 18, 4, 32, tokenisation="spt") == 2 * 6480 + 6480 * 32 + 32


@pytest.mark.parametrize(
    ("picture_px", "patch_px", "tokenisation", "words"),
    [
        (72, 7, "spt", "`patch_px` must be 2 or more and divide `picture_px`, 72. Got 7."),
        (72, 1, "spt", "`patch_px` must be 2 or more and divide `picture_px`, 72. Got 1."),
        (72, 0, "patches", "`patch_px` must be 1 or more and divide `picture_px`, 72. Got 0."),
        (0, 6, "patches", "`patch_px` must be 1 or more and divide `picture_px`, 0. Got 6."),
        (72, 6, "pixels", "`tokenisation` must be one of patches, spt. Got 'pixels'."),
    ],
)
def test_what_makes_no_patches_is_refused(picture_px: int, patch_px: int, tokenisation: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PatchTokens(picture_px, patch_px, 3, 8, tokenisation=tokenisation)  # type: ignore[arg-type]
    assert str(caught.value) == words
