"""Faces to small latents and back, so that diffusion works on 1,024 numbers instead of 12,288.

`FaceAutoencoder` is diffusers' AutoencoderKL on 2 x 2 patches of pixels: the same numbers at half the resolution and
less than half the time. `PixelSpace` has the same face and does nothing but scale, for pictures of 32 px. Neither
knows a loss; what is learned from is `visavox.pipeline.drawing.autoencoder_training`'s affair.

    picture (3, 64, 64) -> patches (12, 32, 32) -> AutoencoderKL -> latents (4, 16, 16)

Example:
    >>> space = PixelSpace(image_px=32)
    >>> space.encode(torch.zeros(2, 3, 32, 32)).shape, space.latent_shape
    (torch.Size([2, 3, 32, 32]), (3, 32, 32))

Source: Rombach et al. 2022, "High-resolution image synthesis with latent diffusion models", section 3.1.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.diffusion.diffusers_import import import_from_diffusers

NORM_GROUPS = 16


class LatentSpace(nn.Module):
    """What diffusion works in.

    Attributes:
        image_px: side of a picture.
        latent_shape: (channels, height, width) of what stands for a picture.
        mean, deviation: (channels,) buffers of the raw latents of the faces that were learned from; `encode` and
            `decode` use them, so that what is denoised has mean 0 and deviation 1.
    """

    image_px: int
    latent_shape: tuple[int, int, int]
    mean: Tensor
    deviation: Tensor

    @abstractmethod
    def raw(self, pictures: Tensor) -> Tensor:
        """Return (n, *latent_shape) latents before they are standardised, of (n, 3, px, px) pictures in 0..1."""

    @abstractmethod
    def pictures(self, raw: Tensor) -> Tensor:
        """Return (n, 3, px, px) pictures, about 0..1 and not clipped, of raw latents."""

    def encode(self, pictures: Tensor) -> Tensor:
        """Return (n, *latent_shape) float32 standardised latents of (n, 3, px, px) float32 pictures in 0..1."""
        return (self.raw(pictures) - _planes(self.mean)) / _planes(self.deviation)

    def decode(self, latents: Tensor) -> Tensor:
        """Return (n, 3, px, px) float32 pictures in 0..1 of (n, *latent_shape) float32 standardised latents."""
        return self.pictures(latents * _planes(self.deviation) + _planes(self.mean)).clamp(0.0, 1.0)

    @torch.no_grad()
    def standardise(self, raw: Tensor) -> None:
        """Take mean and deviation of each channel from (n, *latent_shape) raw latents."""
        self.mean.copy_(raw.mean(dim=(0, 2, 3)))
        self.deviation.copy_(raw.std(dim=(0, 2, 3)).clamp_min(1e-6))

    def _keep_shape(self, channels: int, side: int) -> None:
        self.latent_shape = (channels, side, side)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))


class PixelSpace(LatentSpace):
    """No autoencoder: the picture itself, standardised.

    Args:
        image_px: side of a picture, 8 to 64; more would take too long.
    """

    def __init__(self, *, image_px: int) -> None:
        super().__init__()
        if not 8 <= image_px <= 64:
            raise ConfigError(
                f"Diffusion over pixels is for pictures of 8 to 64 px. Got `image_px` {image_px}. "
                "Use an autoencoder, or 32 px."
            )
        self.image_px = image_px
        self._keep_shape(3, image_px)

    def raw(self, pictures: Tensor) -> Tensor:
        """Return the pictures themselves."""
        return pictures

    def pictures(self, raw: Tensor) -> Tensor:
        """Return the pictures themselves."""
        return raw


class FaceAutoencoder(LatentSpace):
    """A small AutoencoderKL of diffusers on patches of pixels.

    Args:
        image_px: side of a picture in pixels; a multiple of `patch_px` * 2 ** (number of `channels` - 1).
        latent_channels: planes of the latents, 1 or more.
        channels: widths of the resolutions, finest first; multiples of 16. Each after the first halves the side.
        layers: residual blocks a resolution of the encoder, 1 or more; the decoder has one more.
        patch_px: side of the square of pixels that is one position of the finest resolution, 1 or more.

    Raises:
        ConfigError: a number is out of range, or the side cannot be halved so often.
    """

    def __init__(
        self,
        *,
        image_px: int,
        latent_channels: int = 4,
        channels: Sequence[int] = (64, 96),
        layers: int = 1,
        patch_px: int = 2,
    ) -> None:
        super().__init__()
        step = patch_px * 2 ** (len(channels) - 1) if channels and patch_px >= 1 else 0
        if not step or image_px % step or any(width % NORM_GROUPS for width in channels):
            raise ConfigError(
                f"`image_px` must be a multiple of {step or 'the patches'}, and `channels` multiples of {NORM_GROUPS}, "
                f"for an autoencoder. Got {image_px} px, channels {list(channels)}, patch_px {patch_px}."
            )
        if latent_channels < 1 or layers < 1:
            raise ConfigError(f"`latent_channels` and `layers` must be at least 1. Got {latent_channels} and {layers}.")
        AutoencoderKL = import_from_diffusers("diffusers.models.autoencoders.autoencoder_kl", "AutoencoderKL")

        self.image_px, self.patch_px = image_px, patch_px
        self.network = AutoencoderKL(
            in_channels=3 * patch_px**2,
            out_channels=3 * patch_px**2,
            down_block_types=("DownEncoderBlock2D",) * len(channels),
            up_block_types=("UpDecoderBlock2D",) * len(channels),
            block_out_channels=tuple(channels),
            layers_per_block=layers,
            latent_channels=latent_channels,
            norm_num_groups=NORM_GROUPS,
            sample_size=image_px // patch_px,
            mid_block_add_attention=False,
        )
        self._keep_shape(latent_channels, image_px // step)

    def posterior(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the variance of the raw latents, both (n, *latent_shape) float32.

        Args:
            pictures: (n, 3, px, px) float32 in 0..1.
        """
        patches = functional.pixel_unshuffle(2 * pictures - 1, self.patch_px)
        found = self.network.encode(patches).latent_dist
        return found.mean.float(), found.logvar.float()

    def raw(self, pictures: Tensor) -> Tensor:
        """Return the means of the posterior."""
        return self.posterior(pictures)[0]

    def pictures(self, raw: Tensor) -> Tensor:
        """Return the pictures of raw latents."""
        patches = self.network.decode(raw).sample.float()
        return (functional.pixel_shuffle(patches, self.patch_px) + 1) / 2


def build_latent_space(name: str, arguments: Mapping[str, Any]) -> LatentSpace:
    """Return a new latent space from the name and arguments of a part `autoencoder`.

    Raises:
        ConfigError: an unknown name, or arguments that do not fit.
    """
    kinds: dict[str, type[LatentSpace]] = {"kl": FaceAutoencoder, "pixels": PixelSpace}
    if name not in kinds:
        raise ConfigError(f"An autoencoder must be one of {', '.join(kinds)}. Got {name!r}.")
    return kinds[name](**arguments)


def _planes(values: Tensor) -> Tensor:
    """Return (channels,) as (1, channels, 1, 1)."""
    return values[None, :, None, None]
