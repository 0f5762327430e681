"""The training of the upsampler: small faces to faces of twice the side, on real pictures and what the autoencoder
makes of them.

Loss: mean absolute error, and of the differences of neighbours. It is shown squares cut out of the pictures, which
takes a quarter of the time, and half of the time the autoencoder's version of the small face: that is the look of what
it will be given.

Example:
    train_upsampler(FaceUpsampler(), small, large, made, held_out, StepTraining(n_steps=600))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.models.diffusion.upsampler import FACTOR, FaceUpsampler
from visavox.pipeline.drawing.autoencoder_training import gradient_loss
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
from visavox.pipeline.identification_forward import device_of

PATCH_PX = 32  # side of the square of the small picture that is shown
GRADIENT = 1.0
PICTURES_A_PASS = 32

Progress = Callable[[int, int], None]


def train_upsampler(
    network: FaceUpsampler,
    small: NDArray[np.uint8],
    large: NDArray[np.uint8],
    made: NDArray[np.uint8],
    held_out: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    settings: StepTraining,
    options: StepOptions = DEFAULT_OPTIONS,
    *,
    progress: Progress | None = None,
) -> StepState:
    """Train an upsampler in place.

    Args:
        network: with fresh weights, on its device.
        small: (n, px, px, 3) uint8.
        large: (n, 2 px, 2 px, 3) uint8, the same faces.
        made: (n, px, px, 3) uint8, what the autoencoder makes of `small`.
        held_out: small and large ones of other people, to measure on; may be empty.
        settings: how.
        options: seed, number format, folder.
        progress: called as progress(steps done, n_steps).

    Raises:
        DataError: the loss became nan or infinite, or the state found is of another training.
    """
    device = device_of(network)
    px = small.shape[1]
    side = min(PATCH_PX, px)

    def loss(rows: Tensor, draws: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        n = len(rows)
        corners = torch.randint(px - side + 1, (n, 2), generator=draws).tolist()
        is_made = (torch.rand(n, generator=draws) < 0.5).tolist()
        given, wanted = [], []
        for row, (y, x), other in zip(rows.tolist(), corners, is_made, strict=True):
            given.append((made if other else small)[row, y : y + side, x : x + side])
            wanted.append(large[row, FACTOR * y : FACTOR * (y + side), FACTOR * x : FACTOR * (x + side)])
        target = as_tensor(np.stack(wanted)).to(device)
        found = network(as_tensor(np.stack(given)).to(device)).float()
        error = (found - target).abs().mean()
        return error + GRADIENT * gradient_loss(found, target), {"absolute_error": error}

    return train_steps(
        network,
        loss,
        even_rows(len(small)),
        settings,
        options,
        measure=lambda: {"validation_psnr_db": upsampling_psnr_db(network, *held_out)},
        progress=progress,
    )


@torch.inference_mode()
def upsampling_psnr_db(network: FaceUpsampler, small: NDArray[np.uint8], large: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio in dB of enlarged small pictures against large ones; nan without any."""
    if not len(small):
        return float("nan")
    device = device_of(network)
    errors = [
        float(((network(as_tensor(small[r]).to(device)).clamp(0, 1).cpu() - as_tensor(large[r])) ** 2).sum())
        for r in batches_of(len(small), PICTURES_A_PASS)
    ]
    return float(-10 * np.log10(max(sum(errors) / large.size, 1e-12)))
