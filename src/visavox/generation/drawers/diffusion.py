"""Faces by diffusion: from noise, step by step, guided by what is told of the voice.

Every sample begins with noise of its own, so that sample i is the same however many are drawn, up to rounding (one
grey level). At 128 px an upsampler enlarges what was drawn at 64.

Example:
    drawer = DiffusionDrawer.from_generator(folder, image_px=64, choices={"guidance": 3.0, "n_steps": 20})
    drawer.draw(DrawingRequest(heard, n_samples=8)).shape      # (8, 64, 64, 3)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.errors import ConfigError, DataError
from visavox.generation.drawers.base import DrawingRequest, FaceDrawer, Progress
from visavox.generation.parts import built_part, load_part
from visavox.generation.sampling import SAMPLERS, check_steps, guided, make_scheduler, sample
from visavox.generation.told_request import told_of
from visavox.models.diffusion.conditions import CHOICES, Told, joined, nothing_told
from visavox.models.diffusion.denoiser import Denoiser
from visavox.models.diffusion.face_autoencoder import LatentSpace, build_latent_space
from visavox.models.diffusion.upsampler import FACTOR, FaceUpsampler
from visavox.registry import DRAWERS

GUIDANCE, N_STEPS, SAMPLER = 3.0, 20, "dpm"
TOGETHER = 8  # samples that go through the network at once; more are no faster on a CPU
TOGETHER_ON_GPU = 256
OPTIONS = ("sampler", "n_steps", "px")


@DRAWERS.register("diffusion")
class DiffusionDrawer(FaceDrawer):
    """Draws with a denoiser in a latent space.

    Args:
        space: from latents to pictures.
        denoiser: what it was told in training is what it takes.
        upsampler: for pictures of twice the side; None draws none.
        guidance: its own default.
        n_steps: steps of the sampler, its own default.
        sampler: its own default, one of `SAMPLERS`.
        device: where it runs.
    """

    name: ClassVar[str] = "diffusion"

    def __init__(
        self,
        space: LatentSpace,
        denoiser: Denoiser,
        upsampler: FaceUpsampler | None = None,
        *,
        guidance: float = GUIDANCE,
        n_steps: int = N_STEPS,
        sampler: str = SAMPLER,
        device: str = "cpu",
    ) -> None:
        self.device = device
        self.space, self.denoiser = space.to(device).eval(), denoiser.to(device).eval()
        self.upsampler = None if upsampler is None else upsampler.to(device).eval()
        self.image_px = space.image_px
        self.conditions = denoiser.kinds
        self.guidance, self.n_steps, self.sampler = guidance, n_steps, sampler
        self.known_values = {kind: CHOICES[kind] for kind in denoiser.kinds if kind in CHOICES}

    @classmethod
    def from_generator(
        cls, folder: Path, *, image_px: int, choices: Mapping[str, Any] | None = None, device: str = "cpu"
    ) -> DiffusionDrawer:
        """Return the drawer whose parts a folder holds.

        Args:
            folder: of a generator.
            image_px: side of its pictures, as its config says.
            choices: guidance, n_steps, sampler where they are not the defaults.
            device: where it runs.

        Raises:
            DataError: a part is missing, damaged, or of another resolution or latent space.
        """
        space = built_part(folder, "autoencoder", lambda s: build_latent_space(str(s["name"]), _arguments(s)))
        if space.image_px != image_px:
            raise DataError(
                f"The autoencoder of {folder} draws {space.image_px} px, its generator {image_px} px. "
                "Train both at one size, or copy the whole folder again."
            )
        denoiser = built_part(folder, "denoiser", lambda spec: Denoiser(**_arguments(spec)))
        if tuple(denoiser.latent_shape) != tuple(space.latent_shape):
            raise DataError(
                f"The denoiser of {folder} takes latents of {tuple(denoiser.latent_shape)}, its autoencoder gives "
                f"{tuple(space.latent_shape)}: they are of different resolutions. Train the denoiser again."
            )
        upsampler = None
        if (folder / "upsampler" / "config.json").is_file():
            upsampler = built_part(folder, "upsampler", lambda spec: FaceUpsampler(**_arguments(spec)))
            load_part(upsampler, folder, "upsampler")
        load_part(space, folder, "autoencoder")
        load_part(denoiser, folder, "denoiser")
        known = {name: value for name, value in (choices or {}).items() if name in ("guidance", "n_steps", "sampler")}
        return cls(space, denoiser, upsampler, device=device, **known)

    @property
    def sizes_px(self) -> tuple[int, ...]:
        """Sides of the pictures that it can draw."""
        return (self.image_px,) if self.upsampler is None else (self.image_px, FACTOR * self.image_px)

    def draw(self, request: DrawingRequest, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Return (n_samples, px, px, 3) uint8 RGB pictures.

        Args:
            request: what is wanted; options sampler, n_steps, px.
            progress: called as progress(steps done, steps of all batches).

        Raises:
            ConfigError: an option is unknown or out of range, or a condition was not trained with.
        """
        options = self._options(request)
        guidance = self.guidance if request.guidance is None else request.guidance
        told = told_of(request, self.conditions, voice_dim=self.denoiser.tokens.voice_dim).to(self.device)
        together = TOGETHER_ON_GPU if self.device == "cuda" else TOGETHER
        first, last = request.first_sample, request.first_sample + request.n_samples
        batches = [range(at, min(at + together, last)) for at in range(first, last, together)]
        pictures = []
        for number, batch in enumerate(batches):

            def tick(done: int, total: int, before: int = number) -> None:
                if progress is not None:
                    progress(before * total + done, len(batches) * total)

            pictures.append(self._draw(batch, request.seed, told, guidance, options, tick))
        return np.concatenate(pictures)

    def _options(self, request: DrawingRequest) -> dict[str, Any]:
        """Return all options after holding them to their ranges."""
        unknown = sorted(set(request.options) - set(OPTIONS))
        if unknown:
            raise ConfigError(
                f"The drawer 'diffusion' takes no {', '.join(map(repr, unknown))}. It takes: {', '.join(OPTIONS)}."
            )
        own = {"sampler": self.sampler, "n_steps": self.n_steps, "px": self.image_px}
        options = {**own, **{name: value for name, value in request.options.items() if value}}
        if options["sampler"] not in SAMPLERS:
            raise ConfigError(f"`sampler` must be one of {', '.join(SAMPLERS)}. Got {options['sampler']!r}.")
        check_steps(options["n_steps"], self.denoiser.n_train_steps)
        if options["px"] not in self.sizes_px:
            sizes = " or ".join(map(str, self.sizes_px))
            raise ConfigError(f"`px` must be {sizes} with this model. Got {options['px']}.")
        if request.n_samples < 1:
            raise ConfigError(f"`samples` must be at least 1. Got {request.n_samples}.")
        return options

    @torch.inference_mode()
    def _draw(
        self, batch: range, seed: int, told: Told, guidance: float, options: Mapping[str, Any], progress: Progress
    ) -> NDArray[np.uint8]:
        """Return the pictures of some samples."""
        scheduler = make_scheduler(
            options["sampler"],
            n_train_steps=self.denoiser.n_train_steps,
            schedule=self.denoiser.schedule,
            prediction=self.denoiser.prediction,
        )
        n = len(batch)
        rows = told.rows(torch.zeros(n, dtype=torch.int64, device=self.device))
        nothing = nothing_told(n, voice_dim=self.denoiser.tokens.voice_dim).to(self.device)
        both = joined(rows, nothing)

        def predict(noisy: Tensor, steps: Tensor) -> Tensor:
            if guidance == 1:
                return self.denoiser(noisy, steps, rows)  # type: ignore[no-any-return]
            if guidance == 0:
                return self.denoiser(noisy, steps, nothing)  # type: ignore[no-any-return]
            said = self.denoiser(torch.cat([noisy, noisy]), torch.cat([steps, steps]), both)
            return guided(said[:n], said[n:], guidance)

        latents = sample(
            predict,
            scheduler,
            shape=tuple(self.denoiser.latent_shape),
            samples=batch,
            seed=seed,
            n_steps=options["n_steps"],
            device=self.device,
            progress=progress,
        )
        made = self.space.decode(latents)
        if options["px"] != self.image_px and self.upsampler is not None:
            made = self.upsampler(made).clamp(0, 1)
        pixels = (made.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).cpu().numpy()
        return np.asarray(pixels, dtype=np.uint8)


def _arguments(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "name"}
