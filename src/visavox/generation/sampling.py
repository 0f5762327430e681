"""From noise to latents: DDPM, DDIM and DPM-Solver++ of diffusers, with classifier-free guidance.

DDIM is DPM-Solver++ of order 1, and is taken as that: diffusers' own DDIM rounds the distance of its steps, and ends in
some noise wherever their number does not divide that of the training. It knows no denoiser, only a function that
predicts. Every sample has a random generator of its own (`visavox.generation.noise`), so sample i does not depend on
how many others are drawn, up to rounding.

Example:
    scheduler = make_scheduler("dpm", n_train_steps=1000, schedule="squaredcos_cap_v2", prediction="v_prediction")
    latents = sample(predict, scheduler, shape=(4, 16, 16), samples=range(8), seed=0, n_steps=20)

Source: Ho et al. 2020, algorithm 2 (DDPM); Song et al. 2021, eq. 12 with eta 0 (DDIM); Lu et al. 2022, algorithm 2
    (DPM-Solver++ 2M); Ho and Salimans 2022, eq. 6 (guidance, there written with w = guidance - 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.generation.noise import sample_generator
from visavox.models.diffusion.diffusers_import import import_from_diffusers

SAMPLERS = ("ddpm", "ddim", "dpm")
MAX_STEPS = 1000
LEAST_LOG_SNR = -5.1
"""Half the logarithm of the ratio of signal to noise below which there is nothing but noise."""

Predict = Callable[[Tensor, Tensor], Tensor]
"""((n, *shape) noisy latents, (n,) int64 steps) -> (n, *shape) what is predicted, guidance included."""
Progress = Callable[[int, int], None]


def make_scheduler(name: str, *, n_train_steps: int, schedule: str, prediction: str) -> Any:
    """Return a scheduler of diffusers.

    Args:
        name: ddpm, ddim or dpm.
        n_train_steps: steps of the noise in training.
        schedule: linear or squaredcos_cap_v2.
        prediction: epsilon or v_prediction.

    Raises:
        ConfigError: an unknown sampler.
    """
    shared: dict[str, Any] = {
        "num_train_timesteps": n_train_steps,
        "beta_schedule": schedule,
        "prediction_type": prediction,
    }
    if name == "ddpm":
        DDPMScheduler = import_from_diffusers("diffusers.schedulers.scheduling_ddpm", "DDPMScheduler")

        return DDPMScheduler(clip_sample=False, **shared)
    if name in ("ddim", "dpm"):
        DPMSolverMultistepScheduler = import_from_diffusers(
            "diffusers.schedulers.scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler"
        )

        return DPMSolverMultistepScheduler(
            solver_order=1 if name == "ddim" else 2, algorithm_type="dpmsolver++", final_sigmas_type="zero", **shared
        )
    raise ConfigError(f"`sampler` must be one of {', '.join(SAMPLERS)}. Got {name!r}.")


def guided(with_conditions: Tensor, without: Tensor, guidance: float) -> Tensor:
    """Return without + guidance * (with_conditions - without): 0 ignores the conditions, 1 follows them."""
    return without + guidance * (with_conditions - without)


def check_steps(n_steps: int, n_train_steps: int) -> None:
    """Hold the number of steps to its range.

    Raises:
        ConfigError: below 1, or more than there are in training.
    """
    if not isinstance(n_steps, int) or isinstance(n_steps, bool) or not 1 <= n_steps <= n_train_steps:
        raise ConfigError(f"`steps` must be 1 to {n_train_steps}, the steps of the training. Got {n_steps}.")


def noise_steps(scheduler: Any, n_steps: int) -> list[int]:
    """Return the steps of the noise that are taken, falling, evenly spread from the noisiest.

    For DPM-Solver++ steps beyond `LEAST_LOG_SNR` are left out, of which a cosine schedule has some: they are all noise.

    Example:
        >>> noise_steps(make_scheduler("ddpm", n_train_steps=10, schedule="linear", prediction="epsilon"), 4)
        [9, 7, 4, 2]
    """
    last = int(scheduler.config.num_train_timesteps)
    if int(getattr(scheduler.config, "solver_order", 0)) > 1:
        last = max(int((scheduler.lambda_t >= LEAST_LOG_SNR).sum()), 1)
    n = min(n_steps, last)
    return [math.floor(last - at * last / n + 0.5) - 1 for at in range(n)]


@torch.inference_mode()
def sample(
    predict: Predict,
    scheduler: Any,
    *,
    shape: tuple[int, ...],
    samples: Sequence[int],
    seed: int,
    n_steps: int,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Tensor:
    """Return (n, *shape) float32 latents without noise.

    Args:
        predict: what the denoiser says, with guidance.
        scheduler: of `make_scheduler`; its steps are set here.
        shape: of one sample.
        samples: numbers of the samples that are drawn together.
        seed: of the drawing.
        n_steps: steps, 1 to the scheduler's steps of training.
        device: where `predict` wants its latents.
        progress: called as progress(steps done, steps); near `n_train_steps` DPM-Solver++ leaves out those that are
            all noise.

    Raises:
        ConfigError: the number of steps is out of range.
    """
    check_steps(n_steps, int(scheduler.config.num_train_timesteps))
    draws = [sample_generator(seed, number) for number in samples]
    latents = torch.stack([torch.randn(shape, generator=draw) for draw in draws]).to(device)
    scheduler.set_timesteps(timesteps=noise_steps(scheduler, n_steps), device=device)
    is_random = "DDPM" in type(scheduler).__name__
    more = {"generator": draws} if is_random else {}
    for done, step in enumerate(scheduler.timesteps, start=1):
        steps = step.to(device=device, dtype=torch.int64).expand(len(latents))
        predicted = predict(scheduler.scale_model_input(latents, step), steps)
        latents = scheduler.step(predicted, step, latents, return_dict=False, **more)[0]
        if progress is not None:
            progress(done, len(scheduler.timesteps))
    return latents.float()
