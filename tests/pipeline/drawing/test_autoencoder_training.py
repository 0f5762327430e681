"""The autoencoder learns; its losses by hand; latents with both mirror images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from visavox.models.diffusion.face_autoencoder import FaceAutoencoder, PixelSpace
from visavox.pipeline.drawing.autoencoder_training import (
    encode_pictures,
    gradient_loss,
    normal_divergence,
    reconstruction_psnr_db,
    train_autoencoder,
)
from visavox.pipeline.drawing.diffusion_settings import StepTraining
from visavox.pipeline.drawing.step_training import StepOptions


def pictures(n: int = 24) -> np.ndarray:
    """Two colours, one above the other."""
    rng = np.random.default_rng(0)
    found = np.empty((n, 16, 16, 3), np.uint8)
    found[:, :8] = rng.integers(0, 256, (n, 1, 1, 3))
    found[:, 8:] = rng.integers(0, 256, (n, 1, 1, 3))
    return found


def space() -> FaceAutoencoder:
    torch.manual_seed(0)
    return FaceAutoencoder(image_px=16, channels=(16, 16))


def test_gradients_by_hand() -> None:
    made = torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]])
    wanted = torch.zeros(1, 1, 2, 2)
    across, down = (1 + 0) / 2, (0 + 1) / 2
    assert float(gradient_loss(made, wanted)) == pytest.approx(across + down)
    assert float(gradient_loss(made + 3, made)) == pytest.approx(0, abs=1e-6)


def test_divergence_is_that_of_normal_distributions() -> None:
    mean, log_variance = torch.randn(50), torch.randn(50)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(normal_divergence(mean, log_variance), expected)
    assert float(normal_divergence(torch.zeros(3), torch.zeros(3))) == 0


def test_it_learns_and_standardises() -> None:
    one, shown = space(), pictures()
    before = reconstruction_psnr_db(one, shown)
    settings = StepTraining(n_steps=60, batch_size=8, learning_rate=3e-3, ema_decay=0.8, steps_an_epoch=60)
    state = train_autoencoder(one, shown, shown[:4], settings)
    assert state.step == 60
    assert reconstruction_psnr_db(one, shown) > before + 1
    latents = encode_pictures(one, shown, device=torch.device("cpu")).float()
    assert abs(float(latents[:, 0].mean())) < 0.1
    assert float(latents[:, 0].std()) == pytest.approx(1, abs=0.1)


def test_the_same_seed_gives_the_same_bits() -> None:
    def trained(seed: int) -> FaceAutoencoder:
        one = space()
        train_autoencoder(one, pictures(), pictures(0), StepTraining(n_steps=3, batch_size=4), StepOptions(seed=seed))
        return one

    first, again, other = (next(trained(seed).parameters()) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_latents_are_of_the_picture_and_of_its_mirror_image() -> None:
    shown = pictures(3)
    shown[:, :, :4] = 7
    pixels = PixelSpace(image_px=16)
    seen: list[tuple[int, int]] = []
    found = encode_pictures(
        pixels, shown, device=torch.device("cpu"), progress=lambda done, total: seen.append((done, total))
    )
    assert found.shape == (3, 2, 3, 16, 16)
    assert found.dtype == torch.float16
    torch.testing.assert_close(found[:, 1], found[:, 0].flip(3))
    assert seen[-1] == (3, 3)


def test_the_measure_by_hand() -> None:
    class Off(PixelSpace):
        def pictures(self, raw: torch.Tensor) -> torch.Tensor:
            return raw + 0.1

    assert reconstruction_psnr_db(Off(image_px=16), pictures(2) // 2) == pytest.approx(20.0, abs=0.01)
    assert np.isnan(reconstruction_psnr_db(Off(image_px=16), pictures(0)))
