"""How long diffusion takes: a training step of each part, and eight faces by each sampler.

Weights are random and pictures are noise: the times do not depend on what is drawn. Give OMP_NUM_THREADS for the
number of cores; it is written into the result.

    OMP_NUM_THREADS=2 python benchmarks/diffusion_speed.py --steps 20 --samples 8
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing
from visavox.generation.drawers.diffusion import DiffusionDrawer
from visavox.generation.sampling import SAMPLERS
from visavox.models.diffusion.conditions import Told, nothing_told
from visavox.pipeline.drawing.diffusion_run import Parts, build_parts
from visavox.pipeline.drawing.diffusion_settings import read_diffusion_settings
from visavox.pipeline.end_to_end import autocast_pays
from visavox.pipeline.identification_forward import number_format

VOICE_DIM = 256


@dataclass(frozen=True)
class DiffusionSpeed:
    """Medians."""

    device: str
    threads: int
    bfloat16: bool
    """Of the training steps; drawing is in float32."""
    n_parameters: dict[str, int]
    step_ms: dict[str, float] = field(default_factory=dict)
    """Part and batch -> a step forth and back, without the optimiser."""
    drawing_s: dict[str, float] = field(default_factory=dict)
    """Sampler -> all samples at 64 px."""
    upsampled_s: float = 0.0
    """By DPM-Solver++ at 128 px."""


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    parts = build_parts(read_diffusion_settings({}), voice_dim=VOICE_DIM, seed=0)
    networks = {"autoencoder": parts.space, "denoiser": parts.denoiser, "upsampler": parts.upsampler}
    speed = DiffusionSpeed(
        asked.device,
        torch.get_num_threads(),
        autocast_pays(asked.device),
        {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items() if network},
        step_times(parts, asked.device, asked.repeats),
        *drawing_times(parts, asked),
    )
    print(json.dumps(asdict(speed), indent=1))


def step_times(parts: Parts, device: str, repeats: int) -> dict[str, float]:
    """Return the median milliseconds of a training step of each part."""
    found = {}
    space, denoiser = parts.space.to(device), parts.denoiser.to(device)
    place = torch.device(device)
    for batch in (8, 16):
        pictures = torch.rand(batch, 3, 64, 64, device=device)
        noisy = torch.randn(batch, *denoiser.latent_shape, device=device)
        steps = torch.randint(denoiser.n_train_steps, (batch,), device=device)
        told = nothing_told(batch, voice_dim=VOICE_DIM).to(device)

        def autoencode(shown: torch.Tensor = pictures) -> torch.Tensor:
            return space.pictures(space.raw(shown)).square().mean()

        def denoise(given: torch.Tensor = noisy, at: torch.Tensor = steps, rows: Told = told) -> torch.Tensor:
            return denoiser(given, at, rows).square().mean()  # type: ignore[no-any-return]

        for name, loss in (("autoencoder", autoencode), ("denoiser", denoise)):
            found[f"{name}, {batch}"] = 1000 * median_s(lambda: _back(loss, place), repeats)  # noqa: B023 - called now
    return {name: round(value, 1) for name, value in found.items()}


def drawing_times(parts: Parts, asked: argparse.Namespace) -> tuple[dict[str, float], float]:
    """Return the seconds of all samples by each sampler, and by DPM-Solver++ with the upsampler."""
    drawer = DiffusionDrawer(parts.space, parts.denoiser, parts.upsampler, n_steps=asked.steps, device=asked.device)
    rng = np.random.default_rng(0)
    heard = HeardForDrawing(rng.normal(size=VOICE_DIM), rng.normal(size=(4, VOICE_DIM)), np.zeros(16_000, np.float32))

    def seconds(**options: object) -> float:
        request = DrawingRequest(heard, n_samples=asked.samples, options=dict(options))
        return round(median_s(lambda: drawer.draw(request), asked.repeats), 3)

    return {sampler: seconds(sampler=sampler) for sampler in SAMPLERS}, seconds(px=128)


def median_s(work: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of some work, after once without the clock."""
    work()
    times = []
    for _ in range(repeats):
        started_s = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started_s)
    return statistics.median(times)


def _back(loss: Callable[[], torch.Tensor], device: torch.device) -> None:
    with number_format(device, autocast_pays(device.type)):
        found = loss()
    found.backward()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
