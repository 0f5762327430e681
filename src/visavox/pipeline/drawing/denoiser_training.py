"""The training of the denoiser: noise is added to latents, and it says what was added, with what it is told.

Loss: mean squared error of the noise, or of the velocity sqrt(a) noise - sqrt(1 - a) latents, at steps drawn evenly;
a is the share of the latents' power that is left. Noise is added by diffusers' DDPMScheduler.

Example:
    train_denoiser(denoiser, latents, told_faces, validation, StepTraining(n_steps=8000), unpaired_share=0.5)

Source: Ho et al. 2020, algorithm 1; Salimans and Ho 2022, appendix D.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from visavox.models.diffusion.conditions import nothing_told
from visavox.models.diffusion.denoiser import Denoiser
from visavox.models.diffusion.diffusers_import import import_from_diffusers
from visavox.pipeline.drawing.diffusion_settings import StepTraining
from visavox.pipeline.drawing.step_training import (
    DEFAULT_OPTIONS,
    Rows,
    StepOptions,
    StepState,
    batches_of,
    train_steps,
)
from visavox.pipeline.drawing.told_faces import ToldFaces
from visavox.pipeline.identification_forward import device_of

N_MEASURED = 96  # validation clips that are measured on
PICTURES_A_PASS = 32

Progress = Callable[[int, int], None]


def noise_schedule(denoiser: Denoiser) -> Tensor:
    """Return (n_train_steps,) float32: the share of the power that is left of the latents at each step, falling."""
    DDPMScheduler = import_from_diffusers("diffusers.schedulers.scheduling_ddpm", "DDPMScheduler")

    scheduler = DDPMScheduler(num_train_timesteps=denoiser.n_train_steps, beta_schedule=denoiser.schedule)
    left: Tensor = scheduler.alphas_cumprod
    return left.float()


def noisy_and_target(latents: Tensor, noise: Tensor, left: Tensor, prediction: str) -> tuple[Tensor, Tensor]:
    """Return noisy latents and what is to be said of them, both (n, c, h, w).

    Args:
        latents: (n, c, h, w) standardised.
        noise: (n, c, h, w) standard normal.
        left: (n,) share of the power that is left, 0 to 1.
        prediction: "epsilon": the noise; "v_prediction": the velocity.
    """
    signal, rest = left.sqrt()[:, None, None, None], (1 - left).sqrt()[:, None, None, None]
    noisy = signal * latents + rest * noise
    return noisy, noise if prediction == "epsilon" else signal * noise - rest * latents


def mixed_rows(n_paired: int, n_unpaired: int, unpaired_share: float) -> Rows:
    """Return batches of paired and unpaired rows; each kind is drawn evenly, with replacement.

    Args:
        n_paired: the first rows.
        n_unpaired: the rows after them; without any, batches are of paired rows only.
        unpaired_share: of a batch, rounded to whole rows.
    """

    def rows(size: int, draws: torch.Generator) -> Tensor:
        n_other = round(size * unpaired_share) if n_unpaired else 0
        own = torch.randint(n_paired, (size - n_other,), generator=draws)
        if not n_other:
            return own
        other = n_paired + torch.randint(n_unpaired, (n_other,), generator=draws)
        return torch.cat([own, other])[torch.randperm(size, generator=draws)]  # mixed, for parts of a batch

    return rows


def train_denoiser(
    denoiser: Denoiser,
    latents: Tensor,
    faces: ToldFaces,
    validation: tuple[Tensor, ToldFaces] | None,
    settings: StepTraining,
    options: StepOptions = DEFAULT_OPTIONS,
    *,
    unpaired_share: float = 0.5,
    progress: Progress | None = None,
) -> StepState:
    """Train a denoiser in place.

    Args:
        denoiser: with fresh weights, on its device.
        latents: (n, 2, *latent_shape): of each face as it is and mirrored, paired ones first.
        faces: what is told of the n faces.
        validation: the same two of clips of other people; None measures nothing.
        settings: how.
        options: seed, number format, folder.
        unpaired_share: of a batch, from the faces without voices.
        progress: called as progress(steps done, n_steps).

    Raises:
        DataError: the loss became nan or infinite, or the state found is of another training.
    """
    device = device_of(denoiser)
    left = noise_schedule(denoiser)
    take_statistics(denoiser, faces)

    def loss(rows: Tensor, draws: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        n = len(rows)
        wanted = latents[rows, torch.randint(2, (n,), generator=draws)].float()
        steps = torch.randint(denoiser.n_train_steps, (n,), generator=draws)
        noise = torch.randn(wanted.shape, generator=draws)
        told = faces.told(rows, draws)
        noisy, target = noisy_and_target(wanted, noise, left[steps], denoiser.prediction)
        said = denoiser(noisy.to(device), steps.to(device), told.to(device))
        return functional.mse_loss(said, target.to(device)), {}

    measure = None
    if validation is not None and len(validation[1]):
        held_out, told_of = validation
        measure = lambda: held_out_losses(denoiser, held_out, told_of, left)  # noqa: E731
    return train_steps(
        denoiser,
        loss,
        mixed_rows(faces.n_paired, len(faces) - faces.n_paired, unpaired_share),
        settings,
        options,
        measure=measure,
        progress=progress,
    )


@torch.no_grad()
def take_statistics(denoiser: Denoiser, faces: ToldFaces) -> None:
    """Let the tokens standardise voices and mel features by the paired clips."""
    tokens, heard = denoiser.tokens, faces.heard
    pairs = (("voice", heard.whole), ("mel", heard.mel[heard.mel_known]))
    for name, values in pairs:
        if len(values) > 1:
            getattr(tokens, f"{name}_mean").copy_(values.mean(dim=0))
            # One deviation for all numbers: those that hardly vary in a few hundred clips must not be blown up.
            getattr(tokens, f"{name}_deviation").fill_(float(values.std(dim=0).square().mean().sqrt().clamp_min(1e-6)))


@torch.inference_mode()
def held_out_losses(denoiser: Denoiser, latents: Tensor, faces: ToldFaces, left: Tensor) -> dict[str, float]:
    """Return the loss on clips of other people with all conditions, and how much more it is without any.

    Noise and steps are the same at every call; steps are spread evenly.
    """
    device = device_of(denoiser)
    draws = torch.Generator().manual_seed(0)
    n = min(len(faces), N_MEASURED)
    noise = torch.randn(n, *denoiser.latent_shape, generator=draws)
    steps = torch.linspace(0, denoiser.n_train_steps - 1, n).round().long()[torch.randperm(n, generator=draws)]
    sums = {"told": 0.0, "untold": 0.0}
    for rows in batches_of(n, PICTURES_A_PASS):
        chosen = torch.arange(rows.start, rows.stop)
        noisy, target = noisy_and_target(
            latents[chosen, 0].float(), noise[rows], left[steps[rows]], denoiser.prediction
        )
        told = faces.told(chosen, None)
        for name, of in (("told", told), ("untold", nothing_told(len(told), voice_dim=told.voice.shape[1]))):
            said = denoiser(noisy.to(device), steps[rows].to(device), of.to(device))
            sums[name] += float(functional.mse_loss(said.cpu(), target)) * len(chosen) / n
    return {"validation_loss": sums["told"], "validation_gain": sums["untold"] - sums["told"]}
