"""The training of the autoencoder whose latents diffusion works in: faces to latents and back, nobody's voice.

Loss of a batch: mean |decoded - picture| + GRADIENT mean |difference of neighbours of the one - of the other|
+ KL_WEIGHT mean KL(posterior, standard normal). No network of somebody else judges the pictures.

Example:
    train_autoencoder(FaceAutoencoder(image_px=64), pictures, held_out, StepTraining(n_steps=1500))

Source: Rombach et al. 2022, appendix G (KL of small weight), with gradients of the picture in place of their
    perceptual and adversarial terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.models.diffusion.face_autoencoder import FaceAutoencoder, LatentSpace
from visavox.pipeline.drawing.diffusion_settings import StepTraining
from visavox.pipeline.drawing.step_training import (
    DEFAULT_OPTIONS,
    StepOptions,
    StepState,
    batches_of,
    even_rows,
    train_steps,
)
from visavox.pipeline.drawing.told_faces import as_tensor
from visavox.pipeline.identification_forward import device_of, number_format

GRADIENT, KL_WEIGHT = 1.0, 1e-4
N_MEASURED = 128  # held-out pictures that are measured on
PICTURES_A_PASS = 64

Progress = Callable[[int, int], None]


def gradient_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean absolute error of the differences of neighbours, along both axes, of (n, c, h, w) pictures."""
    across = (made.diff(dim=3) - wanted.diff(dim=3)).abs().mean()
    return across + (made.diff(dim=2) - wanted.diff(dim=2)).abs().mean()


def normal_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the mean over all numbers of KL(N(mean, exp(log_variance)), N(0, 1)), a scalar."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()


def train_autoencoder(
    space: FaceAutoencoder,
    pictures: NDArray[np.uint8],
    held_out: NDArray[np.uint8],
    settings: StepTraining,
    options: StepOptions = DEFAULT_OPTIONS,
    *,
    progress: Progress | None = None,
) -> StepState:
    """Train an autoencoder in place, and let it standardise its latents.

    Args:
        space: with fresh weights, on its device.
        pictures: (n, px, px, 3) uint8; each is shown as it is or mirrored.
        held_out: (m, px, px, 3) uint8 to measure on; may be empty.
        settings: how.
        options: seed, number format, folder.
        progress: called as progress(steps done, n_steps).

    Raises:
        DataError: the loss became nan or infinite, or the state found is of another training.
    """
    device = device_of(space)

    def loss(rows: Tensor, draws: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        shown = as_tensor(pictures[rows.numpy()])
        mirrored = torch.rand(len(rows), generator=draws) < 0.5
        shown = torch.where(mirrored[:, None, None, None], shown.flip(3), shown).to(device)
        mean, log_variance = space.posterior(shown)
        noise = torch.randn(mean.shape, generator=draws).to(device)
        made = space.pictures(mean + (0.5 * log_variance).exp() * noise)
        error, divergence = (made - shown).abs().mean(), normal_divergence(mean, log_variance)
        total = error + GRADIENT * gradient_loss(made, shown) + KL_WEIGHT * divergence
        return total, {"absolute_error": error, "divergence": divergence}

    state = train_steps(
        space,
        loss,
        even_rows(len(pictures)),
        settings,
        options,
        measure=lambda: {"validation_psnr_db": reconstruction_psnr_db(space, held_out[:N_MEASURED])},
        progress=progress,
    )
    chosen = np.random.default_rng(options.seed).permutation(len(pictures))[:512]
    space.standardise(torch.cat(list(_passes(space.raw, pictures[np.sort(chosen)], device))))
    return state


@torch.inference_mode()
def reconstruction_psnr_db(space: LatentSpace, pictures: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio in dB of decoded against encoded pictures; nan where there are none."""
    if not len(pictures):
        return float("nan")
    device = space.mean.device
    made = torch.cat(list(_passes(lambda shown: space.pictures(space.raw(shown)), pictures, device)))
    error = float(((made.clamp(0, 1) - as_tensor(pictures).to(device)) ** 2).mean())
    return float(-10 * np.log10(max(error, 1e-12)))


@torch.inference_mode()
def encode_pictures(
    space: LatentSpace,
    pictures: NDArray[np.uint8],
    *,
    device: torch.device,
    bfloat16: bool = False,
    progress: Progress | None = None,
) -> Tensor:
    """Return (n, 2, *latent_shape) float16 standardised latents on the CPU: as they are, and mirrored.

    Args:
        space: on `device`.
        pictures: (n, px, px, 3) uint8.
        device: where it runs.
        bfloat16: run it under autocast.
        progress: called as progress(pictures done, pictures).
    """
    found = torch.zeros(len(pictures), 2, *space.latent_shape, dtype=torch.float16)
    for rows in batches_of(len(pictures), PICTURES_A_PASS):
        shown = as_tensor(pictures[rows]).to(device)
        with number_format(device, bfloat16):
            found[rows, 0] = space.encode(shown).cpu().half()
            found[rows, 1] = space.encode(shown.flip(3)).cpu().half()
        if progress is not None:
            progress(rows.stop, len(pictures))
    return found


@torch.no_grad()
def _passes(of: Callable[[Tensor], Tensor], pictures: NDArray[np.uint8], device: torch.device | str) -> list[Tensor]:
    return [of(as_tensor(pictures[rows]).to(device)) for rows in batches_of(len(pictures), PICTURES_A_PASS)]
