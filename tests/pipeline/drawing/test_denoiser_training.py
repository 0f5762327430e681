"""Noise and targets by hand, batches of two kinds, and a denoiser that learns what a condition means."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from visavox.generation.sampling import guided, make_scheduler, sample
from visavox.models.diffusion.conditions import MAX_SEGMENTS, MAX_WINDOWS, MEL_VALUES, nothing_told
from visavox.models.diffusion.denoiser import Denoiser
from visavox.pipeline.drawing.denoiser_training import (
    held_out_losses,
    mixed_rows,
    noise_schedule,
    noisy_and_target,
    take_statistics,
    train_denoiser,
)
from visavox.pipeline.drawing.diffusion_settings import StepTraining
from visavox.pipeline.drawing.heard_clips import HeardClips
from visavox.pipeline.drawing.step_training import StepOptions
from visavox.pipeline.drawing.told_faces import Forgetting, Labels, ToldFaces

N, DIM, PX = 32, 4, 4


def denoiser(**options: Any) -> Denoiser:
    torch.manual_seed(0)
    defaults: dict[str, Any] = {
        "latent_shape": (3, PX, PX),
        "kinds": ("voice", "windows"),
        "voice_dim": DIM,
        "token_dim": 16,
        "channels": (16, 32),
        "head_dim": 16,
        "n_train_steps": 100,
    }
    return Denoiser(**{**defaults, **options})


def faces(n_unpaired: int = 0) -> tuple[torch.Tensor, ToldFaces]:
    """High voices have bright latents, low ones dark latents."""
    draws = torch.Generator().manual_seed(0)
    high = torch.arange(N) % 2 * 2.0 - 1
    whole = 0.1 * torch.randn(N, DIM, generator=draws)
    whole[:, 0] += high
    known = torch.arange(MAX_WINDOWS)[None].expand(N, -1) < 2
    heard = HeardClips(
        whole,
        whole[:, None].expand(-1, MAX_WINDOWS, -1).clone(),
        known,
        torch.zeros(N, MAX_SEGMENTS, MEL_VALUES),
        torch.zeros(N, MAX_SEGMENTS, dtype=torch.bool),
    )
    total = N + n_unpaired
    labels = Labels(torch.full((total,), float("nan")), torch.full((total,), -1), torch.full((total,), -1))
    pictures = np.zeros((total, PX, PX, 3), np.uint8)
    told = ToldFaces(("voice", "windows"), heard, labels, pictures, Forgetting())
    bright = torch.cat([high, torch.zeros(n_unpaired)])
    latents = bright[:, None, None, None, None].expand(-1, 2, 3, PX, PX)
    return (latents + 0.1 * torch.randn(latents.shape, generator=draws)).half(), told


def test_targets_by_hand() -> None:
    latents, noise = torch.full((1, 1, 1, 1), 3.0), torch.full((1, 1, 1, 1), 0.5)
    noisy, target = noisy_and_target(latents, noise, torch.tensor([0.64]), "epsilon")
    assert float(noisy) == pytest.approx(0.8 * 3 + 0.6 * 0.5)
    assert float(target) == 0.5
    _, target = noisy_and_target(latents, noise, torch.tensor([0.64]), "v_prediction")
    assert float(target) == pytest.approx(0.8 * 0.5 - 0.6 * 3)


def test_they_are_those_of_diffusers() -> None:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    one = denoiser()
    theirs = DDPMScheduler(one.n_train_steps, beta_schedule=one.schedule)
    latents, noise, steps = torch.randn(5, 3, 4, 4), torch.randn(5, 3, 4, 4), torch.tensor([0, 9, 50, 90, 99])
    noisy, velocity = noisy_and_target(latents, noise, noise_schedule(one)[steps], "v_prediction")
    torch.testing.assert_close(noisy, theirs.add_noise(latents, noise, steps))
    torch.testing.assert_close(velocity, theirs.get_velocity(latents, noise, steps))


def test_the_schedule_is_the_cosine_of_its_paper() -> None:
    left = noise_schedule(denoiser())
    for step in (0, 10, 50, 90):
        at = [(t / 100 + 0.008) / 1.008 * math.pi / 2 for t in (step + 1, 0)]
        assert float(left[step]) == pytest.approx((math.cos(at[0]) / math.cos(at[1])) ** 2, rel=1e-3)


def test_a_batch_holds_both_kinds_in_their_shares() -> None:
    rows = mixed_rows(10, 20, 0.25)(16, torch.Generator().manual_seed(0))
    assert int((rows >= 10).sum()) == 4
    assert int(rows.max()) < 30
    assert mixed_rows(10, 0, 0.25)(16, torch.Generator().manual_seed(0)).max() < 10
    order = mixed_rows(10, 20, 0.5)(64, torch.Generator().manual_seed(0)) >= 10
    assert 0 < int(order[:32].sum()) < 32  # mixed, so that parts of a batch are alike


def test_voices_are_standardised_by_what_was_heard() -> None:
    _, told = faces()
    one = denoiser()
    take_statistics(one, told)
    torch.testing.assert_close(one.tokens.voice_mean, told.heard.whole.mean(dim=0))
    assert len(one.tokens.voice_deviation.unique()) == 1
    assert float(one.tokens.voice_deviation[0]) == pytest.approx(
        float(told.heard.whole.std(dim=0).square().mean().sqrt())
    )
    assert one.tokens.mel_deviation.eq(1).all()  # nothing of it was heard


@pytest.mark.slow
def test_it_learns_what_a_voice_means() -> None:
    latents, told = faces(n_unpaired=4)
    one = denoiser()
    settings = StepTraining(n_steps=300, batch_size=16, learning_rate=4e-3, ema_decay=0.95, steps_an_epoch=300)
    train_denoiser(one, latents, told, (latents, told), settings, unpaired_share=0.25)
    figures = held_out_losses(
        one, latents[:N], told.of_others(told.heard, told.labels, told.pictures[:N]), noise_schedule(one)
    )
    assert figures["validation_gain"] > 0.01

    def drawn(row: int, guidance: float) -> float:
        nothing = nothing_told(6, voice_dim=DIM)
        heard = told.told(torch.full((6,), row), None)
        return float(
            sample(
                lambda noisy, steps: guided(one(noisy, steps, heard), one(noisy, steps, nothing), guidance),
                make_scheduler("dpm", n_train_steps=100, schedule=one.schedule, prediction=one.prediction),
                shape=(3, PX, PX),
                samples=range(6),
                seed=0,
                n_steps=10,
            ).mean()
        )

    assert drawn(1, 1.0) > 0.5
    assert drawn(0, 1.0) < -0.5
    assert drawn(1, 2.0) > drawn(1, 0.0) > drawn(0, 2.0)


def test_the_same_seed_gives_the_same_bits_also_in_parts() -> None:
    latents, told = faces(n_unpaired=4)

    def trained(seed: int) -> torch.Tensor:
        one = denoiser()
        settings = StepTraining(n_steps=3, batch_size=8, accumulate=2)
        train_denoiser(one, latents, told, None, settings, StepOptions(seed=seed))
        return one.network.conv_in.weight

    first, again, other = trained(0), trained(0), trained(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_measuring_is_the_same_every_time_and_sees_the_conditions() -> None:
    latents, told = faces()
    one = denoiser().eval()
    left = noise_schedule(one)
    first, again = (held_out_losses(one, latents, told, left) for _ in range(2))
    assert first == again
    assert first["validation_gain"] != 0
    assert first["validation_loss"] > 0
