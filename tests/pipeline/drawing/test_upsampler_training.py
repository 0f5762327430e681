"""The upsampler learns to be sharper than bicubic interpolation."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from visavox.models.diffusion.upsampler import FaceUpsampler
from visavox.pipeline.drawing.diffusion_settings import StepTraining
from visavox.pipeline.drawing.step_training import StepOptions
from visavox.pipeline.drawing.told_faces import as_tensor
from visavox.pipeline.drawing.upsampler_training import train_upsampler, upsampling_psnr_db


def faces(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Discs with hard edges, at 32 and at 16 px."""
    rng = np.random.default_rng(0)
    large = np.full((n, 32, 32, 3), 40, np.uint8)
    for picture in large:
        centre = tuple(int(v) for v in rng.integers(10, 22, 2))
        cv2.circle(picture, centre, int(rng.integers(4, 10)), (220, 220, 220), -1)
    small = np.stack([cv2.resize(picture, (16, 16), interpolation=cv2.INTER_AREA) for picture in large])
    return small, large


def network() -> FaceUpsampler:
    torch.manual_seed(0)
    return FaceUpsampler(width=12, blocks=1)


def test_it_becomes_sharper_than_interpolation() -> None:
    small, large = faces()
    one = network()

    def error() -> float:
        with torch.no_grad():
            return float((one(as_tensor(small)) - as_tensor(large)).abs().mean())

    before = error()
    settings = StepTraining(n_steps=80, batch_size=8, learning_rate=5e-3, ema_decay=0.8, steps_an_epoch=80)
    train_upsampler(one, small, large, small, (small[:3], large[:3]), settings)
    assert error() < 0.96 * before


def test_half_of_the_time_it_is_shown_what_the_autoencoder_makes() -> None:
    small, large = faces()
    seen: list[float] = []

    class Watching(FaceUpsampler):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            seen.extend(pictures.mean(dim=(1, 2, 3)).tolist())
            return super().forward(pictures)

    torch.manual_seed(0)
    one = Watching(width=4, blocks=1)
    train_upsampler(
        one, small, large, np.zeros_like(small), (small[:0], large[:0]), StepTraining(n_steps=20, batch_size=8)
    )
    dark = float(np.mean(np.array(seen) == 0))
    assert 0.3 < dark < 0.7


def test_squares_of_small_and_large_lie_on_each_other() -> None:
    small = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1).repeat(3, axis=3) * 3
    small = np.tile(small, (1, 6, 6, 1))  # 48 px, so that squares of 32 are cut out
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    pairs: list[tuple[torch.Tensor, ...]] = []

    class Nearest(FaceUpsampler):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            pairs.append((pictures,))
            return (
                torch.nn.functional.interpolate(pictures, scale_factor=2, mode="nearest") + 0 * self.first.weight.sum()
            )

    settings = StepTraining(n_steps=4, batch_size=2, learning_rate=1e-6)
    state = train_upsampler(Nearest(width=4, blocks=1), small, large, small, (small, large), settings)
    assert state.step == 4
    assert pairs[0][0].shape == (2, 3, 32, 32)
    assert upsampling_psnr_db(Nearest(width=4, blocks=1), small, large) == pytest.approx(120)


def test_the_measure_by_hand() -> None:
    small = np.full((2, 8, 8, 3), 100, np.uint8)
    large = np.full((2, 16, 16, 3), 125, np.uint8)
    error = (25 / 255) ** 2
    assert upsampling_psnr_db(network(), small, large) == pytest.approx(-10 * np.log10(error), abs=1e-3)
    assert np.isnan(upsampling_psnr_db(network(), small[:0], large[:0]))


def test_the_same_seed_gives_the_same_bits() -> None:
    small, large = faces()

    def trained(seed: int) -> torch.Tensor:
        one = network()
        settings = StepTraining(n_steps=3, batch_size=4)
        train_upsampler(one, small, large, small, (small[:1], large[:1]), settings, StepOptions(seed=seed))
        return one.last.weight

    first, again, other = (trained(seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
