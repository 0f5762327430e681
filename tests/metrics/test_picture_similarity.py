"""PSNR, SSIM and MSE: loops over pixels, a window by hand, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.picture_similarity import mean_squared_error, peak_signal_to_noise_db, structural_similarity


def pictures(seed: int, n: int = 3, px: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size=(n, px, px, 3)).astype(np.uint8)


def test_the_mean_squared_error_is_the_loop_over_pixels() -> None:
    a, b = pictures(0, px=8), pictures(1, px=8)
    for i, found in enumerate(mean_squared_error(a, b)):
        total = 0
        for y in range(8):
            for x in range(8):
                for colour in range(3):
                    total += (int(a[i, y, x, colour]) - int(b[i, y, x, colour])) ** 2
        assert found == pytest.approx(total / (8 * 8 * 3))


def test_the_signal_to_noise_ratio_follows_from_it() -> None:
    a = np.full((1, 8, 8, 3), 100, np.uint8)
    found = peak_signal_to_noise_db(a, a + 10)
    assert found[0] == pytest.approx(10 * math.log10(255**2 / 100))
    assert peak_signal_to_noise_db(a, a)[0] == math.inf


def test_the_structural_similarity_of_one_window_is_the_formula() -> None:
    """A picture of 7 px is one window: means, sample variances and covariance by hand."""
    a, b = pictures(2, n=1, px=7), pictures(3, n=1, px=7)
    by_colour = []
    for colour in range(3):
        x, y = a[0, :, :, colour].astype(float).ravel(), b[0, :, :, colour].astype(float).ravel()
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        covariance = np.cov(x, y, ddof=1)
        above = (2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)
        below = (x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
        by_colour.append(above / below)
    assert structural_similarity(a, b)[0] == pytest.approx(np.mean(by_colour))


def test_equal_pictures_are_as_alike_as_can_be_and_noise_is_less_so() -> None:
    a = pictures(4)
    assert structural_similarity(a, a) == pytest.approx(np.ones(3))
    assert (structural_similarity(a, pictures(5)) < 0.5).all()


def test_no_pictures_give_no_numbers() -> None:
    none = np.zeros((0, 8, 8, 3), np.uint8)
    assert mean_squared_error(none, none).shape == structural_similarity(none, none).shape == (0,)


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="pairs of one size"):
        mean_squared_error(pictures(0, px=8), pictures(0, px=12))
    with pytest.raises(DataError, match="uint8"):
        structural_similarity(pictures(0).astype(float), pictures(0))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="7 px or more"):
        structural_similarity(pictures(0, px=6), pictures(0, px=6))
