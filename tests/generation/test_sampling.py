"""Samplers against plain loops written from the papers, and guidance by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.generation.noise import sample_generator
from visavox.generation.sampling import SAMPLERS, check_steps, guided, make_scheduler, noise_steps, sample

SHAPE, TRAIN = (2, 4, 4), 40
KINDS = [
    (schedule, prediction) for schedule in ("linear", "squaredcos_cap_v2") for prediction in ("epsilon", "v_prediction")
]


def predict(noisy: Tensor, steps: Tensor) -> Tensor:
    """Stand in for a denoiser: smooth, unlike for every step."""
    return 0.6 * noisy + 0.1 * torch.sin(steps.float() / 7)[:, None, None, None]


def left_of(schedule: str) -> np.ndarray:
    """Share of the power that is left at each step, written from the papers."""
    if schedule == "linear":
        betas = np.linspace(1e-4, 0.02, TRAIN)
    else:

        def bar(at: float) -> float:
            return math.cos((at + 0.008) / 1.008 * math.pi / 2) ** 2

        betas = np.array([min(1 - bar((t + 1) / TRAIN) / bar(t / TRAIN), 0.999) for t in range(TRAIN)])
    return np.cumprod(1 - betas)


def clean_and_noise(noisy: np.ndarray, step: int, left: float, prediction: str) -> tuple[np.ndarray, np.ndarray]:
    said = 0.6 * noisy + 0.1 * math.sin(step / 7)
    if prediction == "epsilon":
        return (noisy - math.sqrt(1 - left) * said) / math.sqrt(left), said
    clean = math.sqrt(left) * noisy - math.sqrt(1 - left) * said
    return clean, math.sqrt(left) * said + math.sqrt(1 - left) * noisy


def trailing(n_steps: int) -> list[int]:
    return [int(TRAIN - at * TRAIN / n_steps + 0.5) - 1 for at in range(n_steps)]


def drawn(name: str, schedule: str, prediction: str, *, n_steps: int, samples: range = range(3)) -> Tensor:
    scheduler = make_scheduler(name, n_train_steps=TRAIN, schedule=schedule, prediction=prediction)
    return sample(predict, scheduler, shape=SHAPE, samples=samples, seed=4, n_steps=n_steps)


def begin(number: int) -> tuple[np.ndarray, torch.Generator]:
    draws = sample_generator(4, number)
    return torch.randn(SHAPE, generator=draws).double().numpy(), draws


@pytest.mark.parametrize(("schedule", "prediction"), KINDS)
def test_ddim_is_the_loop_of_the_paper(schedule: str, prediction: str) -> None:
    left, steps = left_of(schedule), trailing(8)
    found = drawn("ddim", schedule, prediction, n_steps=8)
    for number in range(3):
        x, _ = begin(number)
        for index, step in enumerate(steps):
            clean, noise = clean_and_noise(x, step, left[step], prediction)
            later = left[steps[index + 1]] if index + 1 < len(steps) else 1.0
            x = math.sqrt(later) * clean + math.sqrt(1 - later) * noise
        np.testing.assert_allclose(found[number].numpy(), x, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("schedule", "prediction"), KINDS)
def test_ddpm_is_algorithm_2_of_the_paper(schedule: str, prediction: str) -> None:
    left = left_of(schedule)
    found = drawn("ddpm", schedule, prediction, n_steps=TRAIN)
    for number in range(3):
        x, draws = begin(number)
        for step in range(TRAIN - 1, -1, -1):
            before = left[step - 1] if step else 1.0
            alpha = left[step] / before
            beta = 1 - alpha
            clean, _ = clean_and_noise(x, step, left[step], prediction)
            mean = (math.sqrt(before) * beta * clean + math.sqrt(alpha) * (1 - before) * x) / (1 - left[step])
            variance = (1 - before) / (1 - left[step]) * beta
            noise = torch.randn((1, *SHAPE), generator=draws)[0].double().numpy() if step else 0.0
            x = mean + math.sqrt(variance) * noise
        np.testing.assert_allclose(found[number].numpy(), x, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_dpm_is_algorithm_2_of_its_paper(prediction: str) -> None:
    left, steps = left_of("linear"), trailing(6)
    found = drawn("dpm", "linear", prediction, n_steps=6)

    def parts(at: int) -> tuple[float, float, float]:
        alpha, sigma = math.sqrt(left[steps[at]]), math.sqrt(1 - left[steps[at]])
        return alpha, sigma, math.log(alpha / sigma)

    for number in range(3):
        x, _ = begin(number)
        cleans: list[np.ndarray] = []
        for index, step in enumerate(steps):
            cleans.append(clean_and_noise(x, step, left[step], prediction)[0])
            if index + 1 == len(steps):
                x = cleans[-1]  # all noise is gone
                continue
            (_, sigma, now), (alpha_later, sigma_later, later) = parts(index), parts(index + 1)
            h = later - now
            direction = cleans[-1]
            if index:
                r = (now - parts(index - 1)[2]) / h
                direction = (1 + 1 / (2 * r)) * cleans[-1] - cleans[-2] / (2 * r)
            x = sigma_later / sigma * x - alpha_later * (math.exp(-h) - 1) * direction
        np.testing.assert_allclose(found[number].numpy(), x, rtol=5e-3, atol=5e-3)


def test_ddim_is_that_of_diffusers_where_steps_divide() -> None:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    theirs = DDIMScheduler(
        TRAIN, beta_schedule="linear", clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing"
    )
    theirs.set_timesteps(8)
    x = torch.stack([torch.randn(SHAPE, generator=sample_generator(4, number)) for number in range(3)])
    for step in theirs.timesteps:
        x = theirs.step(predict(x, step.expand(3)), int(step), x, return_dict=False)[0]
    torch.testing.assert_close(drawn("ddim", "linear", "epsilon", n_steps=8), x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", SAMPLERS)
def test_any_number_of_steps_is_spread_over_the_training(name: str) -> None:
    scheduler = make_scheduler(name, n_train_steps=1000, schedule="linear", prediction="epsilon")
    for n_steps in range(1, 1001, 37):
        steps = noise_steps(scheduler, n_steps)
        assert len(steps) == n_steps
        assert steps[0] >= 998
        assert min(steps) >= 0
        assert steps == sorted(set(steps), reverse=True)


def test_dpm_leaves_out_what_is_all_noise() -> None:
    scheduler = make_scheduler("dpm", n_train_steps=1000, schedule="squaredcos_cap_v2", prediction="v_prediction")
    steps = noise_steps(scheduler, 20)
    assert 980 < steps[0] < 999
    assert scheduler.lambda_t[steps[0]] >= -5.1 > scheduler.lambda_t[steps[0] + 1]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sample_does_not_depend_on_the_others(name: str) -> None:
    many = drawn(name, "squaredcos_cap_v2", "v_prediction", n_steps=5, samples=range(4))
    for number in range(4):
        alone = drawn(name, "squaredcos_cap_v2", "v_prediction", n_steps=5, samples=range(number, number + 1))
        torch.testing.assert_close(alone[0], many[number])
    assert (many[0] - many[1]).abs().max() > 0.1


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("n_steps", [1, 2, 7, TRAIN])
def test_a_perfect_denoiser_is_believed_in_any_number_of_steps(name: str, n_steps: int) -> None:
    """Where the clean picture is known, every sampler ends in it."""
    wanted = torch.full(SHAPE, 0.7)
    left = torch.tensor(left_of("squaredcos_cap_v2")).float()

    def knows(noisy: Tensor, steps: Tensor) -> Tensor:
        share = left[steps][:, None, None, None]
        noise = (noisy - share.sqrt() * wanted) / (1 - share).sqrt()
        return share.sqrt() * noise - (1 - share).sqrt() * wanted

    scheduler = make_scheduler(name, n_train_steps=TRAIN, schedule="squaredcos_cap_v2", prediction="v_prediction")
    seen: list[tuple[int, int]] = []
    found = sample(
        knows,
        scheduler,
        shape=SHAPE,
        samples=range(2),
        seed=0,
        n_steps=n_steps,
        progress=lambda done, total: seen.append((done, total)),
    )
    torch.testing.assert_close(found, wanted.expand(2, *SHAPE), atol=2e-3, rtol=0)
    assert seen[-1][0] == seen[-1][1] == len(seen)


def test_guidance_by_hand() -> None:
    told, untold = torch.tensor([1.0, 4.0]), torch.tensor([0.0, 6.0])
    assert torch.equal(guided(told, untold, 1.0), told)
    assert torch.equal(guided(told, untold, 0.0), untold)
    assert guided(told, untold, 3.0).tolist() == [3.0, 0.0]


@pytest.mark.parametrize("wrong", [0, -1, TRAIN + 1, 2.5, True])
def test_steps_out_of_range_are_refused(wrong: object) -> None:
    with pytest.raises(ConfigError, match=rf"`steps` must be 1 to {TRAIN}, .* Got {wrong}"):
        check_steps(wrong, TRAIN)  # type: ignore[arg-type]


def test_an_unknown_sampler_is_refused_with_the_list() -> None:
    with pytest.raises(ConfigError, match="one of ddpm, ddim, dpm. Got 'euler'"):
        make_scheduler("euler", n_train_steps=TRAIN, schedule="linear", prediction="epsilon")
